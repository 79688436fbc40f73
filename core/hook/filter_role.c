/* filter_role.c - the life of a filter process: plugins loaded before the sandbox closes, clients
 * that come and go, strikes of the predecessor; it leaves when it has grown too large. */
#include "core/hook/filter_role.h"

#include "core/base/str.h"
#include "core/hook/filter_describe.h"
#include "core/hook/filter_job.h"
#include "core/hook/filter_lease.h"
#include "core/hook/filter_watch.h"
#include "core/log/log.h"
#include "core/plugin/plugin_folders.h"
#include <errno.h>
#include <event2/event.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_MAX     IPC_MAX_MESSAGE
#define LEAVE_PATIENCE 2000u /* ms to wait for the clients' goodbyes */

/* A client: an edge, or the control socket's process. */
struct filter_peer {
    struct filter *filter;
    struct ipc_conn *conn;
    bool goodbye;
    struct filter_peer *next;
};

/* ---- the end: growing too large, draining ---- */

static void tell_all(struct filter *f, enum filter_kind kind)
{
    for (struct filter_peer *p = f->peer; p; p = p->next)
        ipc_notify(p->conn, &(struct ipc_out){.kind = (uint16_t)kind});
}

/* Gone when nobody can send anything more and nothing runs. */
static void maybe_end(struct filter *f)
{
    if (!f->leaving || f->running > 0 || filter_ticks_running(f->ticks) > 0 || f->drained)
        return;
    for (const struct filter_peer *p = f->peer; p; p = p->next)
        if (!p->goodbye)
            return;
    if (!f->last_ticks) {
        f->last_ticks = true;
        filter_ticks_last(f->ticks);
        if (filter_ticks_running(f->ticks) > 0)
            return;
    }
    f->drained = true;
    role_drained(f->env);
}

static void patience_ended(evutil_socket_t fd, short what, void *arg)
{
    struct filter *f = arg;

    (void)fd, (void)what;
    for (struct filter_peer *p = f->peer; p; p = p->next)
        p->goodbye = true;
    maybe_end(f);
}

static void leave(struct filter *f)
{
    struct timeval patience = {LEAVE_PATIENCE / 1000, 0};

    if (f->leaving)
        return;
    f->leaving = true;
    filter_ticks_stop(f->ticks);
    filter_history_stop(&f->history);
    tell_all(f, FILTER_LEAVING);
    /* The loop's clock stood still over a message that took long: the patience would be over, and
     * the answer to that message lost. */
    (void)event_base_update_cache_time(f->env->base);
    event_base_once(f->env->base, -1, EV_TIMEOUT, patience_ended, f, &patience);
    maybe_end(f);
}

/* While others run not each time: the kernel adds up all threads. */
static bool is_due(const struct filter *f)
{
    return f->running == 0 || f->served % 16 == 0;
}

/* The peak, not the present size: a heap that grew by leaking does not shrink, and one that grew
 * for a large message hardly does. */
static void check_size(struct filter *f)
{
    struct rusage usage;

    if (!is_due(f) || f->leaving || f->env->for_command || getrusage(RUSAGE_SELF, &usage) != 0 ||
        (uint64_t)usage.ru_maxrss * 1024 <= f->engine.conf->memory_limit.bytes)
        return;
    log_event(EV_WARNING, FCT_STR(""), F_C("text", "filter process grew too large: replaced"),
              F_U64("bytes", (uint64_t)usage.ru_maxrss * 1024),
              F_U64("limit", f->engine.conf->memory_limit.bytes), F_U64("served", f->served));
    leave(f);
}

void filter_job_ended(struct filter *f)
{
    check_size(f);
    maybe_end(f);
}

/* ---- connections ---- */

static void on_request(void *owner, struct ipc_in *in)
{
    struct filter_peer *peer = owner;
    struct fct_err err = {0};

    if (in->kind != FILTER_TELL && filter_job_start(peer->filter, in))
        return;
    fct_fail(&err, FCT_BUG, "request kind %u is none of ours", in->kind);
    ipc_fail(in->ticket, &err);
}

static void on_notice(void *owner, struct ipc_in *in)
{
    struct filter_peer *peer = owner;

    if (in->kind == FILTER_TELL)
        (void)filter_job_start(peer->filter, in);
    else if (in->kind == FILTER_GOODBYE && peer->filter->leaving) {
        peer->goodbye = true;
        maybe_end(peer->filter);
    }
}

static void on_closed(void *owner, struct ipc_conn *conn)
{
    struct filter_peer *gone = owner, **at = &gone->filter->peer;
    struct filter *f = gone->filter;

    (void)conn;
    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    free(gone);
    maybe_end(f);
}

static void say_hello(struct filter_peer *peer)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1024);
    const struct filter *f = peer->filter;
    struct filter_hello hello = {.blamed = f->death.blamed,
                                 .id = str_from(f->death.id),
                                 .plugin = str_from(f->death.plugin)};

    memcpy(hello.wants, f->engine.plan.wants, sizeof hello.wants);
    memcpy(hello.decides, f->engine.plan.decides, sizeof hello.decides);
    memcpy(hello.may, f->engine.plan.may, sizeof hello.may);
    filter_hello_encode(&hello, &out);
    ipc_notify(peer->conn, &(struct ipc_out){.kind = FILTER_HELLO, .payload = buf_str(&out)});
}

static void filter_peer_new(struct role_env *env, enum role_kind kind, unsigned index, int fd)
{
    struct filter *f = env->role_data;
    struct filter_peer *peer = calloc(1, sizeof *peer);
    struct ipc_handler handler = {on_request, on_notice, on_closed, peer};

    (void)kind, (void)index;
    if (!peer)
        fct_assert_failed("memory for a connection", __FILE__, __LINE__);
    peer->filter = f;
    peer->conn = ipc_conn_new(env->base, fd, &handler);
    peer->next = f->peer;
    f->peer = peer;
    say_hello(peer);
    if (f->leaving)
        ipc_notify(peer->conn, &(struct ipc_out){.kind = FILTER_LEAVING});
}

/* ---- strikes ---- */

/* Which build of a plugin it is: an admin who installs a repaired one expects it to run. */
static uint64_t file_tag(const struct fct_self *self)
{
    struct stat st;

    if (stat(self->path, &st) != 0)
        return 1;
    return (uint64_t)st.st_mtim.tv_sec * 1000000007u ^ (uint64_t)st.st_mtim.tv_nsec ^
           (uint64_t)st.st_ino << 20;
}

static void count_strike(struct filter *f, struct strike_entry *entry)
{
    const struct filter_conf *conf = f->engine.conf;
    const struct filter_death *d = &f->death;
    bool off = filter_strike(entry, clock_ms(), conf->strikes, conf->strike_window.ms);

    log_event(EV_PLUGIN_FAILED, str_from(d->id), F_C("plugin", d->plugin), F_C("rule", d->label),
              F_C("hook", hook_info[d->hook].name),
              F_C("why", d->hung ? "it hung: the process was killed" : "the process died in it"),
              F_U64("strikes", atomic_load(&entry->count)));
    if (off)
        log_event(EV_PLUGIN_DISABLED, FCT_STR(""), F_C("plugin", d->plugin));
}

static void settle_strikes(struct filter *f, const struct role_env *env)
{
    struct filter_common *common = env->shared_common;
    struct filter_strikes *table = common ? &common->strikes : NULL;

    if (env->shared)
        filter_slot_take(env->shared, &f->death);
    for (size_t i = 0; table && i < f->engine.set.n; i++) {
        struct fct_self *self = f->engine.set.plugin[i];
        struct strike_entry *entry = filter_strikes_of(table, self->name, file_tag(self));

        if (!entry)
            continue;
        self->off = &entry->off;
        self->strikes = &entry->count;
        if (f->death.blamed && strcmp(f->death.plugin, self->name) == 0)
            count_strike(f, entry);
    }
}

/* ---- the role ---- */

static void set_limits(struct filter *f)
{
    const struct filter_conf *conf = f->engine.conf;

    f->mime_limits = mime_default_limits;
    f->header_limits.max_fields = conf->max_header_fields;
    f->header_limits.max_bytes = conf->max_header_bytes.bytes;
    f->mime_limits.header = f->header_limits;
    f->mime_limits.max_parts = conf->max_mime_parts;
    f->mime_limits.max_depth = conf->max_mime_depth;
}

/* Plugins are code and files: loaded while files can still be opened. */
static bool filter_prepare(struct role_env *env, struct fct_err *err)
{
    struct filter *f = calloc(1, sizeof *f);
    struct plugin_origin origin = {env->conf, env->plugin_dir};

    if (!f)
        return fct_fail(err, FCT_TEMP, "no memory");
    env->role_data = f;
    f->env = env;
    f->born_ms = clock_ms();
    f->answer = BUF_INIT(ANSWER_MAX);
    f->engine.conf = config_get(env->conf, &filter_block);
    f->engine.server_name = env->server_name;
    set_limits(f);
    if (f->engine.conf->strikes == 0 || f->engine.conf->strikes > STRIKE_RING)
        return fct_fail(err, FCT_SYNTAX, "filter.strikes must be 1 to %d", STRIKE_RING);
    f->engine.set.services = &f->services;
    filter_lease_name_server(env->run_dir);
    if (!filter_services_open(&f->services, env, f->engine.conf, err) ||
        !plugin_set_load(&f->engine.set, &origin, err))
        return false;
    env->may_read = plugin_folders(&f->engine.set, env->conf, &env->nmay_read);
    return hook_plan_build(f->engine.set.arena, &f->engine.set, &f->engine.plan, err) &&
           judging_build(&f->engine.set, env->conf, &f->engine.judging, err);
}

static void ticks_ended(void *owner)
{
    filter_job_ended(owner);
}

static bool filter_start(struct role_env *env, struct fct_err *err)
{
    struct filter *f = env->role_data;
    const struct filter_conf *conf = f->engine.conf;

    filter_sessions_init(&f->sessions, f->engine.set.n, conf->max_sessions);
    settle_strikes(f, env);
    for (size_t i = 0; i < f->engine.set.n; i++)
        log_event(EV_PLUGIN_LOADED, FCT_STR(""), F_C("plugin", f->engine.set.plugin[i]->name),
                  F_C("version", f->engine.set.plugin[i]->version));
    if (!filter_watch_setup(env->shared, conf->watchdog.ms, err))
        return false;
    if (env->shared_common)
        filter_watch_descriptors(&((struct filter_common *)env->shared_common)->closer);
    f->ticks = filter_ticks_start(env, &f->engine, ticks_ended, f);
    filter_history_start(&f->history, env, f->services.redis);
    return true;
}

static void filter_drain(struct role_env *env)
{
    leave(env->role_data);
}

/* Nobody knows any more who it was: the others and the next one look. */
static void filter_lost(struct role_env *env)
{
    struct filter_common *common = env->shared_common;

    if (common)
        atomic_store(&common->closer, 1);
}

static void filter_status(struct role_env *env, struct buf *out)
{
    struct filter *f = env->role_data;

    buf_printf(out, "requests %llu\nrunning %u\nplugins %zu\nsessions %zu\n",
               (unsigned long long)f->served, f->running, f->engine.set.n,
               map_count(f->sessions.by_id));
    filter_describe_status(&f->engine, out);
    filter_services_status(&f->services, out);
    filter_history_status(&f->history, out);
}

const struct role filter_role = {
    .kind = ROLE_FILTER,
    .name = "filter",
    .doc = "runs plugins and Lua rules on what edge asks about",
    .prepare = filter_prepare,
    .start = filter_start,
    .peer = filter_peer_new,
    .drain = filter_drain,
    .status = filter_status,
    .lost = filter_lost,
};
