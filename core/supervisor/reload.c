/* reload.c - a new configuration without refusing a connection (SIGHUP, facteurctl reload).
 *
 * - check: a throw-away child reads it and prepares an edge and a filter with it; a bad file, a
 *   missing certificate, a plugin that crashes at load end there.
 * - load: the supervisor reads it and opens addresses that are new.
 * - start: filters, then front ends of the new generation; both generations accept meanwhile.
 * - commit: all are ready; the old front ends drain, then the old filters; addresses no longer
 *   named are closed.
 *
 * Whatever fails before the commit leaves the old generation as it was. The store keeps running;
 * what it would need a restart for is said in the log. Who asks meanwhile has changed a file
 * again: one more reload follows, for all of those. */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/supervisor/companion_int.h"
#include "core/supervisor/notify.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK_LIMIT_S      20
#define FILTER_PATIENCE_MS 5000
#define REPORT_MAX         8192
#define ASKERS_MAX         16

enum reload_stage { RELOAD_CHECKING, RELOAD_STARTING, RELOAD_DRAINING };

struct askers {
    struct asker {
        void (*done)(void *arg, const struct fct_err *err);
        void *arg;
    } item[ASKERS_MAX];
    size_t n;
};

struct reload {
    enum reload_stage stage;
    struct setting next;
    int report_fd;        /* what the checking child printed */
    bool again;           /* asked for once more meanwhile */
    struct askers askers; /* of this reload */
    struct askers later;  /* of the one that follows */
};

/* In this order; drained in the other. */
static const enum role_kind reloaded[] = {ROLE_FILTER, ROLE_MILTER, ROLE_RELAY, ROLE_IMAGES,
                                          ROLE_EDGE};

static const struct role *role_of(const struct supervisor *sup, enum role_kind kind)
{
    for (size_t i = 0; sup->setup->roles[i]; i++)
        if (sup->setup->roles[i]->kind == kind)
            return sup->setup->roles[i];
    return NULL;
}

const struct setting *reload_setting(const struct supervisor *sup, unsigned generation)
{
    if (sup->reload && sup->reload->next.generation == generation && sup->reload->next.conf)
        return &sup->reload->next;
    return NULL;
}

/* ---- the end of a reload ---- */

static void tell(struct askers *askers, const struct fct_err *err)
{
    for (size_t i = 0; i < askers->n; i++)
        askers->item[i].done(askers->item[i].arg, err);
    askers->n = 0;
}

void reload_tell_stop(struct supervisor *sup)
{
    struct fct_err err = {0};

    if (!sup->reload)
        return;
    (void)fct_fail(&err, FCT_TEMP, "the server is stopping");
    tell(&sup->reload->askers, &err);
    tell(&sup->reload->later, &err);
}

void reload_forget(struct supervisor *sup)
{
    struct reload *r = sup->reload;

    sup->reload = NULL;
    if (r)
        setting_free(&r->next);
    free(r);
}

static void begin(struct supervisor *sup, const struct askers *askers);

static void finish(struct supervisor *sup)
{
    struct askers later = sup->reload->later;
    bool again = sup->reload->again;

    reload_forget(sup);
    if (again && sup->phase == PHASE_RUNNING)
        begin(sup, &later);
}

/* One log line per error: those of the configuration, of which the first is `first`, or what a
 * process that was to start says. */
static void refuse(struct supervisor *sup, struct fct_str errors, const struct fct_err *first)
{
    struct reload *r = sup->reload;

    if (errors.n == 0)
        log_event(EV_RELOAD_REFUSED, FCT_STR(""), F_C("error", first->text));
    while (errors.p && errors.n) {
        struct fct_str line = str_split(&errors, '\n');

        if (line.n)
            log_event(EV_RELOAD_REFUSED, FCT_STR(""), F_STR("error", line));
    }
    notify_send("READY=1\nSTATUS=serving; the last reload was refused, see the log");
    tell(&r->askers, first);
    setting_close_unused_sockets(sup);
    finish(sup);
}

/* ---- what a reload cannot change ---- */

static bool same_value(const struct fct_conf_key *key, const void *a, const void *b)
{
    const char *x = (const char *)a + key->offset, *y = (const char *)b + key->offset;

    switch (key->kind) {
    case FCT_CONF_BOOL:
        return memcmp(x, y, sizeof(bool)) == 0;
    case FCT_CONF_U32:
        return memcmp(x, y, sizeof(uint32_t)) == 0;
    case FCT_CONF_DURATION:
    case FCT_CONF_SIZE:
    case FCT_CONF_REAL:
        return memcmp(x, y, sizeof(uint64_t)) == 0;
    case FCT_CONF_RATE:
        return memcmp(x, y, sizeof(struct fct_rate)) == 0;
    case FCT_CONF_STR: {
        const char *s, *t;

        memcpy(&s, x, sizeof s);
        memcpy(&t, y, sizeof t);
        return str_equal(str_from(s), str_from(t));
    }
    case FCT_CONF_STRINGS:
        break; /* no block of the store has lists */
    }
    return true;
}

static bool is_fixed(const struct conf_block *block, const struct fct_conf_key *key)
{
    static const char *const of_server[] = {"data_dir", "run_dir", "user_store"};

    if (block != &server_block)
        return true;
    for (size_t i = 0; i < FCT_COUNT(of_server); i++)
        if (str_equal(str_from(key->name), str_from(of_server[i])))
            return true;
    return false;
}

static void note_fixed(const struct setting *old, const struct setting *new,
                       const struct conf_block *block)
{
    const void *a = config_get(old->conf, block), *b = config_get(new->conf, block);

    for (const struct fct_conf_key *key = block->keys; key && key->name; key++)
        if (is_fixed(block, key) && !same_value(key, a, b))
            log_event(EV_WARNING, FCT_STR(""), F_C("text", "this change needs a restart"),
                      F_C("block", block->name), F_C("key", key->name));
}

/* ---- start and commit ---- */

static void start_kind(struct supervisor *sup, enum role_kind kind)
{
    const struct setting *next = &sup->reload->next;
    const struct role *role = role_of(sup, kind);

    for (unsigned i = 0; role && i < supervisor_wanted(next, kind); i++)
        if (!process_add(sup, role, next, i))
            log_event(EV_WARNING, FCT_STR(""), F_C("text", "no room for another process"));
}

static bool all_ready(struct supervisor *sup, enum role_kind kind)
{
    const struct setting *next = &sup->reload->next;

    return !role_of(sup, kind) || process_count(sup, kind, next->generation, PROCESS_READY) ==
                                      supervisor_wanted(next, kind);
}

static void drain_old(struct supervisor *sup, enum role_kind kind, uint64_t patience_ms)
{
    for (struct process *p = NULL; (p = process_next(sup, p));)
        if (p->role->kind == kind && p->generation != sup->now.generation)
            process_drain(p, patience_ms);
}

static unsigned old_ones(struct supervisor *sup, enum role_kind kind)
{
    return process_count(sup, kind, 0, PROCESS_NONE) -
           process_count(sup, kind, sup->now.generation, PROCESS_NONE);
}

void reload_process_gone(struct supervisor *sup)
{
    if (!sup->reload || sup->reload->stage != RELOAD_DRAINING || old_ones(sup, ROLE_EDGE) ||
        old_ones(sup, ROLE_MILTER) || old_ones(sup, ROLE_RELAY) || old_ones(sup, ROLE_IMAGES))
        return;
    if (old_ones(sup, ROLE_FILTER)) {
        drain_old(sup, ROLE_FILTER, FILTER_PATIENCE_MS);
        return;
    }
    finish(sup);
}

static void commit(struct supervisor *sup)
{
    struct reload *r = sup->reload;
    struct setting old = sup->now;
    struct fct_err err = {0};

    note_fixed(&old, &r->next, &server_block);
    for (size_t i = 0; sup->setup->fixed && sup->setup->fixed[i]; i++)
        note_fixed(&old, &r->next, sup->setup->fixed[i]);
    sup->now = r->next;
    r->next = (struct setting){0};
    r->stage = RELOAD_DRAINING;
    /* The folders of a running server do not move: see note_fixed. */
    if (!run_dir_open_log(sup, sup->now.server, &err))
        log_event(EV_WARNING, FCT_STR(""), F_C("text", err.text));
    setting_close_unused_sockets(sup);
    log_event(EV_RELOADED, FCT_STR(""), F_U64("generation", sup->now.generation));
    notify_send("READY=1\nSTATUS=serving");
    companion_replan(sup);
    tell(&r->askers, NULL);
    setting_free(&old);
    drain_old(sup, ROLE_EDGE, sup->now.server->drain.ms);
    drain_old(sup, ROLE_MILTER, sup->now.server->drain.ms);
    drain_old(sup, ROLE_RELAY, sup->now.server->drain.ms);
    drain_old(sup, ROLE_IMAGES, sup->now.server->drain.ms);
    reload_process_gone(sup);
}

/* Kind after kind; commit when all are ready. */
static void advance(struct supervisor *sup)
{
    for (size_t i = 0; i < FCT_COUNT(reloaded); i++) {
        if (all_ready(sup, reloaded[i]))
            continue;
        if (process_count(sup, reloaded[i], sup->reload->next.generation, PROCESS_NONE) == 0)
            start_kind(sup, reloaded[i]);
        return;
    }
    commit(sup);
}

void reload_process_ready(struct supervisor *sup, struct process *p)
{
    if (sup->reload && sup->reload->stage == RELOAD_STARTING &&
        p->generation == sup->reload->next.generation)
        advance(sup);
}

static void abandon(struct supervisor *sup, const struct fct_err *err)
{
    unsigned generation = sup->reload->next.generation;

    for (struct process *p = NULL; (p = process_next(sup, p));)
        if (p->generation == generation && p->role->kind != ROLE_STORE)
            process_kill(p);
    refuse(sup, FCT_STR(""), err);
}

bool reload_process_lost(struct supervisor *sup, struct process *p)
{
    struct fct_err err = p->why;

    if (!sup->reload || sup->reload->stage != RELOAD_STARTING ||
        p->generation != sup->reload->next.generation)
        return false;
    if (!err.text[0])
        (void)fct_fail(&err, FCT_TEMP, "%s died while it started", p->role->name);
    abandon(sup, &err);
    return true;
}

/* ---- check ---- */

static bool check_role(struct supervisor *sup, struct setting *set, enum role_kind kind,
                       struct fct_err *err)
{
    static char scratch[ROLE_SHARED_BYTES + ROLE_COMMON_BYTES];
    struct role_start start = {
        .role = role_of(sup, kind),
        .set = set,
        .control_fd = -1,
        .log_fd = sup->log_fd,
        .shared = scratch,
        .shared_common = scratch + ROLE_SHARED_BYTES,
        .dev = sup->setup->dev,
    };

    return !start.role || role_process_check(&start, err);
}

/* In the throw-away child. */
static FCT_NORETURN void check(struct supervisor *sup, int report_fd)
{
    FCT_CLEANUP(buf_free) struct buf errors = BUF_INIT(REPORT_MAX);
    struct setting set;
    struct fct_err err = {0};
    bool ok;

    supervisor_leave((const int[]){report_fd, sup->log_fd}, 2);
    (void)alarm(CHECK_LIMIT_S);
    ok = setting_load(sup, &set, &errors, &err);
    if (ok && !setting_provide(sup, &set, &err)) {
        ok = false;
        buf_printf(&errors, "%s\n", err.text);
    }
    if (ok)
        setting_name_listeners(sup, &set);
    for (size_t i = 0; ok && i < FCT_COUNT(reloaded); i++)
        if (!check_role(sup, &set, reloaded[i], &err)) {
            ok = false;
            buf_printf(&errors, "%s\n", err.text);
        }
    if (errors.n)
        (void)!write(report_fd, errors.p, errors.n);
    log_flush();
    _exit(ok ? 0 : 1);
}

static void load_and_start(struct supervisor *sup)
{
    FCT_CLEANUP(buf_free) struct buf errors = BUF_INIT(REPORT_MAX);
    struct reload *r = sup->reload;
    struct fct_err err = {0};

    if (!setting_load(sup, &r->next, &errors, &err) || !setting_open_sockets(sup, &r->next, &err)) {
        refuse(sup, buf_str(&errors), &err);
        return;
    }
    r->stage = RELOAD_STARTING;
    advance(sup);
}

static void checked(struct supervisor *sup, void *arg, int wait_status)
{
    struct reload *r = sup->reload;
    char text[REPORT_MAX];
    struct fct_err err = {0};
    ssize_t n;

    (void)arg;
    n = read(r->report_fd, text, sizeof text);
    close(r->report_fd);
    if (sup->phase != PHASE_RUNNING) {
        finish(sup);
        return;
    }
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) {
        load_and_start(sup);
        return;
    }
    if (n > 0) {
        struct fct_str lines = {text, (size_t)n};
        struct fct_str first = str_split(&lines, '\n');

        (void)fct_fail(&err, FCT_SYNTAX, "%.*s", FCT_FMT(first));
    } else {
        n = 0;
        (void)fct_fail(&err, FCT_TEMP, "the check of the configuration ended by %s",
                       WIFSIGNALED(wait_status) ? strsignal(WTERMSIG(wait_status)) : "an error");
    }
    refuse(sup, (struct fct_str){text, (size_t)n}, &err);
}

static bool start_check(struct supervisor *sup, struct reload *r, struct fct_err *err)
{
    int report[2];
    pid_t pid;

    if (pipe2(report, O_CLOEXEC | O_NONBLOCK) != 0)
        return fct_fail(err, FCT_TEMP, "pipe: %s", strerror(errno));
    log_flush();
    pid = fork();
    if (pid == 0)
        check(sup, report[1]);
    close(report[1]);
    if (pid < 0) {
        close(report[0]);
        return fct_fail(err, FCT_TEMP, "fork: %s", strerror(errno));
    }
    r->report_fd = report[0];
    supervisor_watch_helper(sup, pid, checked, NULL);
    return true;
}

static void begin(struct supervisor *sup, const struct askers *askers)
{
    struct fct_err err = {0};
    char state[80];

    sup->reload = calloc(1, sizeof *sup->reload);
    FCT_ASSERT(sup->reload);
    sup->reload->askers = *askers;
    (void)snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%llu",
                   (unsigned long long)clock_us());
    notify_send(state);
    if (!start_check(sup, sup->reload, &err))
        refuse(sup, FCT_STR(""), &err);
}

/* false: there is no room for another one who waits. */
static bool ask(struct askers *askers, struct asker who)
{
    if (!who.done)
        return true;
    if (askers->n == ASKERS_MAX)
        return false;
    askers->item[askers->n++] = who;
    return true;
}

void supervisor_reload(struct supervisor *sup, void (*done)(void *arg, const struct fct_err *err),
                       void *arg)
{
    struct asker who = {done, arg};
    struct askers askers = {0};
    struct fct_err err = {0};

    if (sup->phase != PHASE_RUNNING) {
        (void)fct_fail(&err, FCT_TEMP, "the server is starting or stopping; try again soon");
    } else if (!sup->reload) {
        (void)ask(&askers, who);
        begin(sup, &askers);
        return;
    } else if (ask(&sup->reload->later, who)) {
        sup->reload->again = true;
        return;
    } else {
        (void)fct_fail(&err, FCT_TEMP, "%d others wait for a reload; try again soon", ASKERS_MAX);
    }
    if (done)
        done(arg, &err);
}
