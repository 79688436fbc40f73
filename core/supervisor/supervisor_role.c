/* supervisor_role.c - the phases of a server: starting (role after role), warming up, running,
 * stopping (in reverse order).
 *
 * Everything here is driven by three things: a signal (signalfd), a notice from a process
 * (process.c), the end of a process. */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/supervisor/companion_int.h"
#include "core/supervisor/notify.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a process may take to end, by role; front ends have server.drain, too, which facteur
 * dev cuts short: it is to be gone in 5 s whoever is connected. The others end by themselves in
 * milliseconds; killed, a filter would take what it has counted along. */
#define PATIENCE_EDGE_DEV_MS 2500
#define PATIENCE_FILTER_MS   5000
#define PATIENCE_STORE_MS    10000

#define MAX_DESCRIPTORS (1u << 20)

/* ---- starting ---- */

static bool listens(const struct setting *set, enum role_kind kind)
{
    for (size_t i = 0; i < set->listeners; i++)
        if (set->listener[i].kind == kind)
            return true;
    return false;
}

unsigned supervisor_wanted(const struct setting *set, enum role_kind kind)
{
    switch (kind) {
    case ROLE_EDGE:
        /* None where every listener is another role's: a server that only filters for an MTA. */
        return set->listeners > 0 && !listens(set, kind) ? 0 : set->server->edge_processes;
    case ROLE_FILTER:
        return set->server->filter_processes;
    case ROLE_STORE:
    case ROLE_RELAY:
        return 1;
    case ROLE_MILTER:
    case ROLE_IMAGES:
        return listens(set, kind) ? 1 : 0;
    case ROLE_CTL:
    case ROLE_COUNT:
        break;
    }
    return 0;
}

static void give_up(struct supervisor *sup, const char *text)
{
    (void)fprintf(stderr, "facteur: %s\n", text);
    log_event(EV_WARNING, FCT_STR(""), F_C("text", text));
    sup->exit_status = 1;
    supervisor_stop(sup);
}

void supervisor_started(struct supervisor *sup, bool ok)
{
    if (sup->phase != PHASE_WARMING)
        return;
    if (!ok) {
        give_up(sup, "the last step of the start failed");
        return;
    }
    sup->phase = PHASE_RUNNING;
    log_event(EV_START, FCT_STR(""), F_U64("pid", sup->pid), F_U64("listeners", sup->now.listeners),
              F_U64("after_ms", clock_ms() - sup->born_ms));
    notify_send("READY=1\nSTATUS=serving");
    if (sup->setup->running)
        sup->setup->running(sup->setup->arg);
}

static void warm_up(struct supervisor *sup)
{
    sup->phase = PHASE_WARMING;
    if (sup->setup->warm_up)
        sup->setup->warm_up(sup, sup->setup->arg);
    else
        supervisor_started(sup, true);
}

/* Role after role: nobody is asked to serve before those it needs are ready. */
static void start_next(struct supervisor *sup)
{
    for (size_t i = 0; sup->setup->roles[i]; i++) {
        const struct role *role = sup->setup->roles[i];
        unsigned wanted = supervisor_wanted(&sup->now, role->kind);

        if (process_count(sup, role->kind, 0, PROCESS_READY) == wanted)
            continue;
        if (i > 0 && !companion_has_settled(sup))
            return;
        if (process_count(sup, role->kind, 0, PROCESS_NONE) == 0)
            for (unsigned index = 0; index < wanted; index++)
                (void)process_add(sup, role, &sup->now, index);
        return;
    }
    warm_up(sup);
}

void supervisor_companion_settled(struct supervisor *sup)
{
    if (sup->phase == PHASE_STARTING)
        start_next(sup);
}

void supervisor_process_ready(struct supervisor *sup, struct process *p)
{
    if (sup->phase == PHASE_STARTING)
        start_next(sup);
    else
        reload_process_ready(sup, p);
}

void supervisor_process_failed(struct supervisor *sup, struct process *p)
{
    char text[300];

    (void)snprintf(text, sizeof text, "%s%s", p->why.text[0] ? p->why.text : p->role->name,
                   p->why.text[0] ? "" : " died while it started; the log says more");
    give_up(sup, text);
}

/* ---- stopping ---- */

static uint64_t patience(const struct supervisor *sup, enum role_kind kind)
{
    bool dev = sup->setup->dev;
    uint64_t drain = sup->now.server->drain.ms;

    if (kind == ROLE_STORE)
        return PATIENCE_STORE_MS;
    if (kind == ROLE_FILTER)
        return PATIENCE_FILTER_MS;
    return dev && drain > PATIENCE_EDGE_DEV_MS ? PATIENCE_EDGE_DEV_MS : drain;
}

static void end(struct supervisor *sup)
{
    sup->phase = PHASE_ENDED;
    (void)event_base_loopbreak(sup->base);
}

static bool serves_others(const struct supervisor *sup, enum role_kind kind)
{
    for (size_t i = 0; i < sup->setup->nlinks; i++)
        if (sup->setup->links[i].server == kind)
            return true;
    return false;
}

/* Front ends, which nobody of us needs, go together. */
static void drain_kind(struct supervisor *sup, enum role_kind kind)
{
    bool together = !serves_others(sup, kind);

    for (struct process *p = NULL; (p = process_next(sup, p));)
        if (p->role->kind == kind || (together && !serves_others(sup, p->role->kind)))
            process_drain(p, patience(sup, p->role->kind));
}

/* In reverse order of the start: those who serve end after those who ask them. */
static void stop_next(struct supervisor *sup)
{
    size_t roles = 0;

    while (sup->setup->roles[roles])
        roles++;
    while (roles--) {
        enum role_kind kind = sup->setup->roles[roles]->kind;
        unsigned living = process_count(sup, kind, 0, PROCESS_NONE);

        if (living == 0)
            continue;
        if (process_count(sup, kind, 0, PROCESS_DRAINING) == living)
            return;
        drain_kind(sup, kind);
        if (process_count(sup, kind, 0, PROCESS_NONE) != 0)
            return;
    }
    if (companion_end(sup))
        end(sup);
}

void supervisor_process_gone(struct supervisor *sup)
{
    if (sup->phase == PHASE_STOPPING)
        stop_next(sup);
    else
        reload_process_gone(sup);
}

/* A second request ends all at once. */
void supervisor_stop(struct supervisor *sup)
{
    if (sup->phase == PHASE_STOPPING) {
        for (struct process *p = NULL; (p = process_next(sup, p));)
            if (p->pid)
                (void)kill(p->pid, SIGKILL);
        companion_kill(sup);
        return;
    }
    if (sup->phase == PHASE_ENDED)
        return;
    sup->phase = PHASE_STOPPING;
    reload_tell_stop(sup);
    notify_send("STOPPING=1");
    log_event(EV_STOP, FCT_STR(""), F_U64("pid", sup->pid));
    for (struct helper *h = sup->helpers; h; h = h->next)
        (void)kill(h->pid, SIGKILL);
    stop_next(sup);
}

/* ---- signals and the ends of processes ---- */

void supervisor_watch_helper(struct supervisor *sup, pid_t pid,
                             void (*ended)(struct supervisor *sup, void *arg, int wait_status),
                             void *arg)
{
    struct helper *h = calloc(1, sizeof *h);

    FCT_ASSERT(h);
    *h = (struct helper){.next = sup->helpers, .pid = pid, .ended = ended, .arg = arg};
    sup->helpers = h;
}

static bool helper_ended(struct supervisor *sup, pid_t pid, int wait_status)
{
    for (struct helper **link = &sup->helpers; *link; link = &(*link)->next) {
        struct helper *h = *link;

        if (h->pid != pid)
            continue;
        *link = h->next;
        h->ended(sup, h->arg, wait_status);
        free(h);
        return true;
    }
    return false;
}

static void reap(struct supervisor *sup)
{
    int wait_status;
    pid_t pid;

    while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0) {
        if (helper_ended(sup, pid, wait_status) || companion_reaped(sup, pid, wait_status))
            continue;
        for (struct process *p = NULL; (p = process_next(sup, p));)
            if (p->pid == pid) {
                process_ended(p, wait_status);
                break;
            }
    }
}

static void signal_came(evutil_socket_t fd, short what, void *arg)
{
    struct supervisor *sup = arg;
    struct signalfd_siginfo info;

    (void)what;
    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
        switch (info.ssi_signo) {
        case SIGCHLD:
            reap(sup);
            break;
        case SIGHUP:
            supervisor_reload(sup, NULL, NULL);
            break;
        default:
            supervisor_stop(sup);
        }
}

static void watched_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGCHLD);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
}

static void watchdog_due(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    notify_send("WATCHDOG=1");
}

/* ---- the whole ---- */

/* Ten thousand idle clients are ten thousand descriptors: take what the system lets us have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max < MAX_DESCRIPTORS ? limit.rlim_max : MAX_DESCRIPTORS;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static bool load_first(struct supervisor *sup, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf errors = BUF_INIT(64 << 10);

    if (setting_load(sup, &sup->now, &errors, err))
        return true;
    (void)fprintf(stderr, "%.*s", FCT_FMT(buf_str(&errors)));
    return fct_fail(err, FCT_SYNTAX, "the configuration has errors");
}

static bool make_shared(struct supervisor *sup, struct fct_err *err)
{
    size_t slots = (size_t)SUPERVISOR_SLOTS * ROLE_SHARED_BYTES;
    void *at = mmap(NULL, slots + ROLE_COMMON_BYTES, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        return fct_fail(err, FCT_TEMP, "shared memory: %s", strerror(errno));
    sup->shared = at;
    sup->shared_common = sup->shared + slots;
    return true;
}

/* Signals come after notices of the same turn (a lower priority), so that a process's last words
 * are heard before its end. */
static bool make_loop(struct supervisor *sup, struct fct_err *err)
{
    uint64_t watchdog_ms = notify_watchdog_ms();
    struct timeval tv = {.tv_sec = (time_t)(watchdog_ms / 1000),
                         .tv_usec = (suseconds_t)(watchdog_ms % 1000 * 1000)};
    sigset_t set;

    watched_signals(&set);
    sup->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    sup->base = event_base_new();
    if (sup->signal_fd < 0 || !sup->base || event_base_priority_init(sup->base, 3) != 0)
        return fct_fail(err, FCT_TEMP, "event loop: %s", strerror(errno));
    sup->signals = event_new(sup->base, sup->signal_fd, EV_READ | EV_PERSIST, signal_came, sup);
    if (!sup->signals || event_priority_set(sup->signals, 2) != 0 ||
        event_add(sup->signals, NULL) != 0)
        return fct_fail(err, FCT_TEMP, "event loop: no memory");
    if (watchdog_ms) {
        sup->watchdog = event_new(sup->base, -1, EV_PERSIST, watchdog_due, sup);
        if (!sup->watchdog || event_add(sup->watchdog, &tv) != 0)
            return fct_fail(err, FCT_TEMP, "event loop: no memory");
    }
    return hang_watch(sup, err);
}

static bool open_all(struct supervisor *sup, struct fct_err *err)
{
    const struct supervisor_setup *setup = sup->setup;

    return load_first(sup, err) && run_dir_take(sup, err) &&
           run_dir_open_log(sup, sup->now.server, err) &&
           setting_open_sockets(sup, &sup->now, err) && setting_provide(sup, &sup->now, err) &&
           make_shared(sup, err) && make_loop(sup, err) &&
           (!setup->control_open ||
            setup->control_open(sup, sup->base, sup->now.server->run_dir, err));
}

static void close_all(struct supervisor *sup)
{
    if (sup->setup->control_close)
        sup->setup->control_close();
    log_flush();
    companion_free(sup);
    reload_forget(sup);
    setting_free(&sup->now);
    setting_close_unused_sockets(sup);
    free(sup->socket);
    if (sup->signals)
        event_free(sup->signals);
    if (sup->watchdog)
        event_free(sup->watchdog);
    if (sup->hang_timer)
        event_free(sup->hang_timer);
    if (sup->base)
        event_base_free(sup->base);
    if (sup->shared)
        (void)munmap(sup->shared, (size_t)SUPERVISOR_SLOTS * ROLE_SHARED_BYTES + ROLE_COMMON_BYTES);
    if (sup->signal_fd >= 0)
        close(sup->signal_fd);
    log_setup(STDERR_FILENO, "supervisor", FCT_INFO);
    if (sup->log_fd >= 0)
        close(sup->log_fd);
    free(sup);
}

static void run(struct supervisor *sup)
{
    companion_begin(sup);
    start_next(sup);
    while (sup->phase != PHASE_ENDED && event_base_loop(sup->base, EVLOOP_ONCE) == 0)
        log_flush();
}

int supervisor_run(const struct supervisor_setup *setup)
{
    struct supervisor *sup = calloc(1, sizeof *sup);
    struct fct_err err = {0};
    sigset_t set, before;
    int status;

    FCT_ASSERT(sup);
    sup->setup = setup;
    sup->pid = getpid();
    sup->born_ms = clock_ms();
    sup->signal_fd = sup->log_fd = sup->lock_fd = -1;
    watched_signals(&set);
    (void)sigprocmask(SIG_BLOCK, &set, &before);
    (void)signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    if (open_all(sup, &err)) {
        run(sup);
        log_event(EV_STOP, FCT_STR(""), F_C("text", "all processes have ended"));
    } else {
        (void)fprintf(stderr, "facteur: %s\n", err.text);
        sup->exit_status = 1;
    }
    run_dir_release(sup);
    status = sup->exit_status;
    close_all(sup);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return status;
}
