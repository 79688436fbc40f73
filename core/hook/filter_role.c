/* filter_role.c - requests in, answers out; plugins loaded before the sandbox closes; leaves when
 * it has grown too large. */
#include "core/hook/filter_role.h"

#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/hook/carried.h"
#include "core/hook/filter_codec.h"
#include "core/hook/filter_describe.h"
#include "core/hook/filter_message.h"
#include "core/hook/filter_services.h"
#include "core/hook/filter_session.h"
#include "core/hook/filter_tick.h"
#include "core/hook/filter_watch.h"
#include "core/hook/message_run.h"
#include "core/log/log.h"
#include <errno.h>
#include <event2/event.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPARE_ARENAS   16u
#define ANSWER_MAX     IPC_MAX_MESSAGE
#define LEAVE_PATIENCE 2000u /* ms to wait for the clients' goodbyes */

/* A client: an edge, or the control socket's process. */
struct filter_peer {
    struct filter *filter;
    struct ipc_conn *conn;
    bool goodbye;
    struct filter_peer *next;
};

struct filter {
    struct role_env *env;
    struct hook_engine engine;
    struct filter_sessions sessions;
    struct plugin_services services;
    struct filter_ticks *ticks;
    struct filter_death death; /* of the predecessor */
    struct filter_peer *peer;
    struct arena *spare[SPARE_ARENAS]; /* reset, with a block each */
    unsigned spares;
    struct buf answer; /* scratch: nothing waits between filling and sending it */
    struct header_limits header_limits;
    struct mime_limits mime_limits;
    unsigned running; /* requests */
    bool leaving, drained;
    uint64_t born_ms, served;
};

/* A request on its way through a fiber. */
struct filter_job {
    struct filter *filter;
    struct arena *arena;
    struct ipc_ticket ticket;
    struct fct_str payload;
    int fd; /* the message's, or -1 */
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
    tell_all(f, FILTER_LEAVING);
    event_base_once(f->env->base, -1, EV_TIMEOUT, patience_ended, f, &patience);
    maybe_end(f);
}

/* The peak, not the present size: a heap that grew by leaking does not shrink, and one that grew
 * for a large message hardly does. */
static void check_size(struct filter *f)
{
    struct rusage usage;

    if (f->leaving || getrusage(RUSAGE_SELF, &usage) != 0 ||
        (uint64_t)usage.ru_maxrss * 1024 <= f->engine.conf->memory_limit.bytes)
        return;
    log_event(EV_WARNING, FCT_STR(""), F_C("text", "filter process grew too large: replaced"),
              F_U64("bytes", (uint64_t)usage.ru_maxrss * 1024),
              F_U64("limit", f->engine.conf->memory_limit.bytes), F_U64("served", f->served));
    leave(f);
}

/* ---- jobs ---- */

static struct arena *take_arena(struct filter *f)
{
    return f->spares > 0 ? f->spare[--f->spares] : arena_new(NULL);
}

static void give_arena(struct filter *f, struct arena *arena)
{
    if (f->spares == SPARE_ARENAS) {
        arena_free(&arena);
        return;
    }
    arena_reset(arena);
    f->spare[f->spares++] = arena;
}

static struct filter_job *job_new(struct filter *f, struct ipc_in *in)
{
    struct arena *arena = take_arena(f);
    struct filter_job *job = ARENA_NEW(arena, struct filter_job);

    *job = (struct filter_job){.filter = f,
                               .arena = arena,
                               .ticket = in->ticket,
                               .payload = arena_str(arena, in->payload),
                               .fd = in->fds > 0 ? in->fd[0] : -1};
    if (in->fds > 0)
        in->fd[0] = -1;
    f->running++;
    f->served++;
    return job;
}

static void job_end(struct filter_job *job)
{
    struct filter *f = job->filter;

    if (job->fd >= 0)
        close(job->fd);
    give_arena(f, job->arena);
    f->running--;
    check_size(f);
    maybe_end(f);
}

static void **slot_of(struct transaction *tx, const struct fct_self *self)
{
    struct filter *f = tx->owner;

    return filter_session_slot(&f->sessions, tx->conn->id, self->index);
}

static void begin(struct filter_job *job, struct transaction *tx,
                  const struct filter_context *context, bool again)
{
    hook_transaction_init(&job->filter->engine, tx, job->arena, &context->conn, &context->envelope);
    tx->without_shadows = again;
    tx->slot = slot_of;
    tx->owner = job->filter;
    tx->each_answered = context->each_answered;
}

static void send_answer(struct filter_job *job)
{
    struct buf *answer = &job->filter->answer;
    struct fct_err err = {0};

    if (answer->overflow) {
        fct_fail(&err, FCT_LIMIT, "the answer is larger than a message between processes may be");
        ipc_fail(job->ticket, &err);
    } else {
        ipc_reply(job->ticket, buf_str(answer), NULL, 0);
    }
    buf_clear(answer);
}

/* ---- one point ---- */

/* The stages of a message come as one request; ticks are our own. */
static bool is_asked_alone(enum fct_hook hook)
{
    return hook != FCT_HOOK_tick && (hook < FCT_HOOK_headers || hook > FCT_HOOK_edit) &&
           hook != FCT_HOOK_deliver;
}

static bool has_message(enum fct_hook hook)
{
    return hook == FCT_HOOK_store_append || hook == FCT_HOOK_learn;
}

static bool take_request(struct filter_job *job, struct filter_hook_request *req,
                         struct call_message *message, struct fct_err *err)
{
    if (!filter_hook_decode(job->arena, job->payload, req, err))
        return false;
    if (!is_asked_alone(req->hook) || (job->fd >= 0 && !has_message(req->hook)))
        return fct_fail(err, FCT_BUG, "nobody asks for %s like that", hook_name(req->hook));
    return job->fd < 0 || filter_message_open(job->arena, job->fd, req->size, &message->bytes, err);
}

static struct call_message empty_message(const struct filter *f)
{
    return (struct call_message){.header_limits = &f->header_limits,
                                 .mime_limits = &f->mime_limits};
}

static FCT_MAY_WAIT void run_hook(struct filter_job *job, struct transaction *tx,
                                  const struct filter_hook_request *req, struct ledger_log *log,
                                  struct hook_decision *d)
{
    struct filter *f = job->filter;

    fiber_set_deadline(clock_ms() + f->engine.conf->hook_timeout.ms);
    hook_run(&f->engine, tx, req->hook, &req->event, NULL, log, d);
}

static void encode_answer(struct filter_job *job, struct transaction *tx, enum fct_hook hook,
                          const struct ledger_log *log, const struct hook_decision *d)
{
    struct filter *f = job->filter;
    struct filter_answer answer = {.verdict = d->verdict,
                                   .code = d->code,
                                   .enhanced = d->enhanced,
                                   .text = d->text,
                                   .by = d->by,
                                   .skip = hook == FCT_HOOK_chunk && d->skips == d->asked};

    answer.change = hook_changes(tx, &answer.changes);
    if (carried_by(hook))
        answer.carried = carried_give(tx, log);
    filter_answer_encode(&answer, filter_session_exists(&f->sessions, tx->conn->id), &f->answer);
}

static FCT_MAY_WAIT bool answer_hook(struct filter_job *job, struct fct_err *err)
{
    struct call_message message = empty_message(job->filter);
    struct ledger_log log = {.arena = job->arena};
    struct filter_hook_request req;
    struct hook_decision d;
    struct transaction tx;

    if (!take_request(job, &req, &message, err))
        return false;
    begin(job, &tx, &req.context, req.again);
    if (!carried_take(&tx, req.context.carried, err))
        return false;
    tx.message = job->fd >= 0 ? &message : NULL;
    run_hook(job, &tx, &req, &log, &d);
    encode_answer(job, &tx, req.hook, &log, &d);
    return true;
}

static void hook_fiber(void *arg)
{
    struct filter_job *job = arg;
    struct fct_err err = {0};

    if (answer_hook(job, &err))
        send_answer(job);
    else
        ipc_fail(job->ticket, &err);
    job_end(job);
}

/* OBSERVE: nobody waits. The end of a connection ends what plugins kept for it, hooked or not. */
static FCT_MAY_WAIT bool hear(struct filter_job *job, struct fct_err *err)
{
    struct call_message message = empty_message(job->filter);
    struct filter_hook_request req;
    struct hook_decision d;
    struct transaction tx;

    if (!take_request(job, &req, &message, err))
        return false;
    if (hook_info[req.hook].kind != HOOK_OBSERVE)
        return fct_fail(err, FCT_BUG, "%s is asked, not told", hook_name(req.hook));
    begin(job, &tx, &req.context, req.again);
    if (!carried_take(&tx, req.context.carried, err))
        return false;
    tx.message = job->fd >= 0 ? &message : NULL;
    run_hook(job, &tx, &req, NULL, &d);
    if (req.hook == FCT_HOOK_disconnect)
        filter_session_forget(&job->filter->sessions, req.context.conn.id);
    return true;
}

static void tell_fiber(void *arg)
{
    struct filter_job *job = arg;
    struct fct_err err = {0};

    if (!hear(job, &err))
        log_event(EV_IPC_BAD, FCT_STR(""), F_C("from", "client"), F_STR("why", str_from(err.text)));
    job_end(job);
}

/* ---- a message ---- */

static FCT_MAY_WAIT bool run_message(struct filter_job *job, struct fct_err *err)
{
    struct filter *f = job->filter;
    struct call_message message = empty_message(f);
    struct filter_message_request req;
    struct filter_result result;
    struct transaction tx;

    if (!filter_message_decode(job->arena, job->payload, &req, err) ||
        !filter_message_open(job->arena, job->fd, req.size, &message.bytes, err))
        return false;
    begin(job, &tx, &req.context, req.again);
    if (!carried_take(&tx, req.context.carried, err))
        return false;
    tx.message = &message;
    message_run(&f->engine, &tx, req.recipient, req.recipients, &result);
    filter_result_encode(&result, filter_session_exists(&f->sessions, req.context.conn.id),
                         &f->answer);
    return true;
}

static void message_fiber(void *arg)
{
    struct filter_job *job = arg;
    struct fct_err err = {0};

    if (run_message(job, &err))
        send_answer(job);
    else
        ipc_fail(job->ticket, &err);
    job_end(job);
}

/* ---- describe ---- */

static void describe_fiber(void *arg)
{
    struct filter_job *job = arg;
    struct filter *f = job->filter;
    struct ipc_reader r = ipc_reader(job->payload);
    struct filter_facts facts = {f->env->index, f->served, clock_ms() - f->born_ms};
    unsigned format = ipc_get_u8(&r);
    struct fct_err err = {0};

    if (!ipc_reader_ok(&r) || format > FILTER_METRICS) {
        fct_fail(&err, FCT_BUG, "a filter describes itself in no such format");
        ipc_fail(job->ticket, &err);
    } else {
        filter_describe_engine(&f->engine, &facts, (enum filter_format)format, &f->answer);
        send_answer(job);
    }
    job_end(job);
}

/* ---- connections ---- */

static void on_request(void *owner, struct ipc_in *in)
{
    struct filter_peer *peer = owner;
    struct fct_err err = {0};

    switch (in->kind) {
    case FILTER_HOOK:
        fiber_start(hook_fiber, job_new(peer->filter, in));
        return;
    case FILTER_MESSAGE:
        fiber_start(message_fiber, job_new(peer->filter, in));
        return;
    case FILTER_DESCRIBE:
        fiber_start(describe_fiber, job_new(peer->filter, in));
        return;
    default:
        fct_fail(&err, FCT_BUG, "request kind %u is none of ours", in->kind);
        ipc_fail(in->ticket, &err);
    }
}

static void on_notice(void *owner, struct ipc_in *in)
{
    struct filter_peer *peer = owner;

    if (in->kind == FILTER_TELL)
        fiber_start(tell_fiber, job_new(peer->filter, in));
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
    return filter_services_open(&f->services, env, f->engine.conf, err) &&
           plugin_set_load(&f->engine.set, &origin, err) &&
           hook_plan_build(f->engine.set.arena, &f->engine.set, &f->engine.plan, err) &&
           judging_build(&f->engine.set, env->conf, &f->engine.judging, err);
}

static void ticks_ended(void *owner)
{
    check_size(owner);
    maybe_end(owner);
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
    f->ticks = filter_ticks_start(env, &f->engine, ticks_ended, f);
    return true;
}

static void filter_drain(struct role_env *env)
{
    leave(env->role_data);
}

static void filter_status(struct role_env *env, struct buf *out)
{
    struct filter *f = env->role_data;

    buf_printf(out, "requests %llu\nrunning %u\nplugins %zu\nsessions %zu\n",
               (unsigned long long)f->served, f->running, f->engine.set.n,
               map_count(f->sessions.by_id));
    filter_describe_status(&f->engine, out);
    filter_services_status(&f->services, out);
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
};
