/* filter_client.c - one point, a notice, a message, a description: encode, ask, decode. */
#include "core/hook/filter_client.h"

#include "core/base/str.h"
#include "core/hook/filter_ask.h"
#include "core/log/log.h"

#define TELL_BACKLOG (1u << 20) /* unsent bytes above which notices are dropped */

static void answer_tempfail(struct filter_answer *answer, const char *by)
{
    *answer = (struct filter_answer){
        .verdict = FCT_TEMPFAIL,
        .text = FCT_STR("The server's filter is not available, please try again later"),
        .by = str_from(by),
    };
}

/* ---- a point of the dialogue ---- */

#define ANSWER_BYTES (160u << 10) /* changes, what is carried, reply */

/* One point; with a message when fd is not -1. */
static FCT_MAY_WAIT void ask_point(struct filter_client *fc, const struct filter_context *ctx,
                                   enum fct_hook hook, const void *ev, int fd, uint64_t size,
                                   struct arena *arena, struct filter_answer *answer)
{
    FCT_CLEANUP(buf_free) struct buf request = BUF_INIT(IPC_MAX_MESSAGE - 64);
    FCT_CLEANUP(buf_free)
    struct buf reply = BUF_INIT(hook == FCT_HOOK_queue_in ? IPC_MAX_MESSAGE : ANSWER_BYTES);
    struct ipc_out out = {.kind = FILTER_HOOK, .fd = &fd, .fds = fd >= 0};
    struct fct_err err = {0};
    struct ask ask;
    bool sticky;

    filter_hook_encode(ctx, hook, ev, size, &request);
    out.payload = buf_str(&request);
    ask = ask_new(fc, ctx, &request, &out, fc->conf->hook_timeout, &reply);
    if (request.overflow)
        fct_fail(&err, FCT_LIMIT, "the request is larger than a message between processes may be");
    else if (ask_filter(&ask, &err) &&
             filter_answer_decode(arena, arena_str(arena, buf_str(&reply)), hook, size, answer,
                                  &sticky, &err)) {
        peers_keep(fc, ctx->conn.id, ask.answered_by, sticky);
        return;
    }
    log_event(EV_WARNING, ask.id, F_C("hook", hook_name(hook)), F_STR("text", str_from(err.text)));
    answer_tempfail(answer, "filter");
}

void filter_hook(struct filter_client *fc, const struct filter_context *ctx, enum fct_hook hook,
                 const void *ev, struct arena *arena, struct filter_answer *answer)
{
    filter_hook_message(fc, ctx, hook, ev, -1, 0, arena, answer);
}

void filter_hook_message(struct filter_client *fc, const struct filter_context *ctx,
                         enum fct_hook hook, const void *ev, int fd, uint64_t size,
                         struct arena *arena, struct filter_answer *answer)
{
    *answer = (struct filter_answer){.verdict = FCT_NEXT};
    if (filter_wants(fc, hook, ctx->conn.role))
        ask_point(fc, ctx, hook, ev, fd, size, arena, answer);
    else
        answer->skip = hook == FCT_HOOK_chunk;
}

bool filter_changed(const struct filter_answer *answer, const char *name, size_t nth,
                    struct fct_str *value)
{
    for (size_t i = 0; i < answer->changes; i++)
        if (str_equal(answer->change[i].name, str_from(name)) && nth-- == 0) {
            *value = answer->change[i].value;
            return true;
        }
    return false;
}

/* ---- a point that nobody waits for ---- */

void filter_tell(struct filter_client *fc, const struct filter_context *ctx, enum fct_hook hook,
                 const void *ev)
{
    filter_tell_message(fc, ctx, hook, ev, -1, 0);
}

void filter_tell_message(struct filter_client *fc, const struct filter_context *ctx,
                         enum fct_hook hook, const void *ev, int fd, uint64_t size)
{
    FCT_CLEANUP(buf_free) struct buf payload = BUF_INIT(IPC_MAX_MESSAGE - 64);
    struct filter_peer_end *peer;

    if (!fc->greeted || !filter_wants(fc, hook, ctx->conn.role))
        return;
    peer = peers_choose(fc, ctx->conn.id);
    if (hook == FCT_HOOK_disconnect && !map_remove(fc->sticky, ctx->conn.id) &&
        !peers_in_mask(fc->wants, hook, ctx->conn.role))
        return;
    if (!peer || ipc_conn_backlog(peer->conn) > TELL_BACKLOG)
        return;
    filter_hook_encode(ctx, hook, ev, size, &payload);
    if (!payload.overflow)
        ipc_notify(peer->conn, &(struct ipc_out){.kind = FILTER_TELL,
                                                 .payload = buf_str(&payload),
                                                 .fd = &fd,
                                                 .fds = fd >= 0});
}

/* ---- a message ---- */

static bool message_is_wanted(const struct filter_client *fc, uint32_t role)
{
    static const enum fct_hook points[] = {FCT_HOOK_headers, FCT_HOOK_scan, FCT_HOOK_verdict,
                                           FCT_HOOK_edit, FCT_HOOK_deliver};

    for (size_t i = 0; i < FCT_COUNT(points); i++)
        if (filter_wants(fc, points[i], role))
            return true;
    return false;
}

/* Every recipient gets the original, in his inbox or in Quarantine. */
static void unfiltered(struct arena *arena, size_t n, bool quarantined,
                       struct filter_result *result)
{
    result->quarantined = quarantined;
    result->outcome = ARENA_ARRAY(arena, struct filter_outcome, n + 1);
    result->outcomes = n;
    if (!quarantined)
        return;
    result->answer.verdict = FCT_QUARANTINE;
    for (size_t i = 0; i < n; i++) {
        result->outcome[i].answer.verdict = FCT_QUARANTINE;
        result->outcome[i].mailbox = FCT_STR("Quarantine");
    }
}

static void note_crash(const struct ask *ask, struct arena *arena, struct filter_result *result)
{
    FCT_CLEANUP(buf_free) struct buf bytes = BUF_INIT(1024);
    struct ledger_entry entry = {
        .kind = LEDGER_FAULT,
        .hook = FCT_HOOK_scan,
        .by = ask->plugin[0] ? str_from(ask->plugin) : FCT_STR("filter"),
        .name = FCT_STR("crash"),
        .detail = FCT_STR("two filter processes died over this message"),
    };
    struct ledger ledger = {&entry, 1, 0};

    ledger_encode(&ledger, &bytes);
    result->ledger = arena_str(arena, buf_str(&bytes));
}

static void message_failed(const struct ask *ask, struct arena *arena, size_t n,
                           const struct fct_err *err, struct filter_result *result)
{
    *result = (struct filter_result){0};
    if (ask->strikes >= STRIKES_MAX) {
        unfiltered(arena, n, true, result);
        note_crash(ask, arena, result);
        return;
    }
    log_event(EV_WARNING, ask->id, F_C("hook", "message"), F_STR("text", str_from(err->text)));
    answer_tempfail(&result->answer, "filter");
}

void filter_message(struct filter_client *fc, const struct filter_context *ctx, int fd,
                    uint64_t size, const struct filter_recipient *recipient, size_t n,
                    struct arena *arena, struct filter_result *result)
{
    FCT_CLEANUP(buf_free) struct buf request = BUF_INIT(IPC_MAX_MESSAGE - 64);
    FCT_CLEANUP(buf_free) struct buf reply = BUF_INIT(IPC_MAX_MESSAGE);
    struct ipc_out out = {.kind = FILTER_MESSAGE, .fd = &fd, .fds = 1};
    struct fct_err err = {0};
    struct ask ask;
    bool sticky;

    *result = (struct filter_result){0};
    if (!message_is_wanted(fc, ctx->conn.role)) {
        unfiltered(arena, n, false, result);
        return;
    }
    filter_message_encode(ctx, size, recipient, n, &request);
    out.payload = buf_str(&request);
    ask = ask_new(fc, ctx, &request, &out, fc->conf->message_timeout, &reply);
    if (ask_filter(&ask, &err) && filter_result_decode(arena, arena_str(arena, buf_str(&reply)),
                                                       size, n, result, &sticky, &err))
        peers_keep(fc, ctx->conn.id, ask.answered_by, sticky);
    else
        message_failed(&ask, arena, n, &err, result);
}

/* ---- describe ---- */

static FCT_MAY_WAIT bool describe_one(struct filter_peer_end *peer, enum filter_format format,
                                      struct buf *out, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf request = BUF_INIT(16);
    FCT_CLEANUP(buf_free) struct buf reply = BUF_INIT(IPC_MAX_MESSAGE);
    struct ipc_out ipc = {.kind = FILTER_DESCRIBE};

    ipc_put_u8(&request, (uint8_t)format);
    ipc.payload = buf_str(&request);
    if (!ipc_call(peer->conn, &ipc, clock_ms() + FRESH_WAIT_MS, &reply, NULL, NULL, err))
        return false;
    buf_put_str(out, buf_str(&reply));
    return true;
}

bool filter_describe(struct filter_client *fc, enum filter_format format, struct buf *out,
                     struct fct_err *err)
{
    unsigned described = 0;

    if (format == FILTER_JSON)
        buf_put_c(out, "[");
    for (unsigned i = 0; i < fc->peers; i++) {
        if (!peer_is_ready(fc->peer[i]))
            continue;
        if (format == FILTER_JSON && described > 0)
            buf_put_c(out, ", ");
        if (!describe_one(fc->peer[i], format, out, err))
            return false;
        described++;
    }
    if (format == FILTER_JSON)
        buf_put_c(out, "]");
    return described > 0 || fct_fail(err, FCT_TEMP, "no filter process is running");
}

/* ---- history ---- */

#define PAGE_MAX 100000u /* entries of an answer */

static bool take_entries(struct arena *arena, struct ipc_reader *r,
                         const struct history_entry **out, size_t *n)
{
    struct history_entry *list = NULL;
    size_t room = 0;

    for (*n = 0; ipc_get_bool(r) && *n < PAGE_MAX; ++*n) {
        if (*n == room) {
            list = arena_grow(arena, list, room * sizeof *list, (2 * room + 16) * sizeof *list);
            room = 2 * room + 16;
        }
        if (!history_decode(ipc_get_str(r), &list[*n]))
            return false;
    }
    *out = list;
    return !r->bad;
}

bool filter_history(struct filter_client *fc, const struct history_query *query, bool local,
                    struct arena *arena, struct fct_str *cursor, const struct history_entry **out,
                    size_t *n, bool *stream, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf request = BUF_INIT(IPC_MAX_MESSAGE);
    FCT_CLEANUP(buf_free) struct buf reply = BUF_INIT(IPC_MAX_MESSAGE);
    struct ipc_out ipc = {.kind = FILTER_HISTORY};
    struct ipc_reader r;
    unsigned i = 0;

    while (i < fc->peers && !peer_is_ready(fc->peer[i]))
        i++;
    if (i == fc->peers)
        return fct_fail(err, FCT_TEMP, "no filter process is running");
    history_query_put(query, &request);
    ipc_put_str(&request, *cursor);
    ipc_put_bool(&request, local);
    ipc.payload = buf_str(&request);
    if (!ipc_call(fc->peer[i]->conn, &ipc, clock_ms() + FRESH_WAIT_MS, &reply, NULL, NULL, err))
        return false;
    r = ipc_reader(arena_str(arena, buf_str(&reply)));
    if (!take_entries(arena, &r, out, n))
        return fct_fail(err, FCT_BUG, "a filter's history is malformed");
    *cursor = ipc_get_str(&r);
    *stream = ipc_get_bool(&r);
    return ipc_reader_ok(&r) || fct_fail(err, FCT_BUG, "a filter's history is malformed");
}
