/* filter_client.c - the side that asks. A request goes to the living filter with the fewest
 * requests under way, or to the one that keeps state for this connection.
 *
 * A death over a request is a strike against the request only when the filter's successor says so
 * (filter_codec.h, FILTER_HELLO): the others that were under way in the same process are repeated
 * as often as needed, within reason. */
#include "core/hook/filter_client.h"

#include "core/base/map.h"
#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/hook/filter_codec.h"
#include "core/log/log.h"

#define FRESH_WAIT_MS \
    6000u               /* for a filter to come back: longer than the supervisor's longest pause */
#define STRIKES_MAX  2u /* deaths that are this request's fault */
#define TRIES_MAX    8u /* deaths that may be somebody else's */
#define SLACK_MS     1000u /* more than the filter's own deadlines and its watchdog */
#define STICKY_MAX   65536u
#define TELL_BACKLOG (1u << 20) /* unsent bytes above which notices are dropped */

/* What a successor said about the end of the process before it. */
struct last_words {
    uint32_t generation; /* of the connection that ended */
    bool blamed;
    char culprit[64]; /* id of the message or connection */
    char plugin[48];
};
#define LAST_WORDS 8u /* kept per filter */

struct filter_peer_end {
    struct filter_client *fc;
    struct ipc_conn *conn; /* NULL: gone, or not here yet */
    unsigned index;
    unsigned under_way;
    uint32_t generation; /* counts connections */
    bool greeted;        /* it has said which hooks it wants */
    bool leaving;
    struct last_words words[LAST_WORDS]; /* by generation */
};

/* A fiber that waits for a filter to appear. Lives on the fiber's stack. */
struct waiter {
    struct fiber_token token;
    struct waiter *next;
};

struct filter_client {
    struct role_env *env;
    const struct filter_conf *conf;
    struct filter_peer_end **peer;
    unsigned peers;
    uint64_t wants[PLAN_ROLES], decides[PLAN_ROLES];
    uint32_t may[PLAN_ROLES];
    bool greeted;       /* some filter has been here */
    struct map *sticky; /* connection id → peer */
    struct waiter *waiter;
    uint64_t deaths, retries, timeouts;
};

struct filter_client *filter_client_new(struct role_env *env)
{
    struct filter_client *fc = calloc(1, sizeof *fc);

    if (!fc)
        fct_assert_failed("memory for the filter client", __FILE__, __LINE__);
    fc->env = env;
    fc->conf = config_get(env->conf, &filter_block);
    fc->sticky = map_new();
    return fc;
}

void filter_client_free(struct filter_client **fc)
{
    if (!*fc)
        return;
    for (unsigned i = 0; i < (*fc)->peers; i++)
        ipc_conn_free(&(*fc)->peer[i]->conn);
    for (unsigned i = 0; i < (*fc)->peers; i++)
        free((*fc)->peer[i]);
    free((*fc)->peer);
    map_free(&(*fc)->sticky);
    free(*fc);
    *fc = NULL;
}

/* ---- connections ---- */

static void wake_waiters(struct filter_client *fc)
{
    struct waiter *w = fc->waiter;

    fc->waiter = NULL;
    while (w) {
        struct waiter *next = w->next;

        fiber_wake(w->token);
        w = next;
    }
}

static void take_wants(struct filter_client *fc, const struct filter_hello *hello)
{
    memcpy(fc->wants, hello->wants, sizeof fc->wants);
    memcpy(fc->decides, hello->decides, sizeof fc->decides);
    memcpy(fc->may, hello->may, sizeof fc->may);
    fc->greeted = true;
}

static void keep_last_words(struct filter_peer_end *peer, const struct filter_hello *hello)
{
    uint32_t generation = peer->generation - 1;
    struct last_words *words = &peer->words[generation % LAST_WORDS];

    *words = (struct last_words){.generation = generation, .blamed = hello->blamed};
    str_copy_c(words->culprit, sizeof words->culprit, hello->id);
    str_copy_c(words->plugin, sizeof words->plugin, hello->plugin);
}

static void on_hello(struct filter_peer_end *peer, struct fct_str payload)
{
    struct filter_hello hello;
    struct fct_err err = {0};

    if (!filter_hello_decode(payload, &hello, &err)) {
        log_event(EV_IPC_BAD, FCT_STR(""), F_C("from", "filter"), F_STR("why", str_from(err.text)));
        return;
    }
    take_wants(peer->fc, &hello);
    keep_last_words(peer, &hello);
    peer->greeted = true;
    wake_waiters(peer->fc);
}

static void on_notice(void *owner, struct ipc_in *in)
{
    struct filter_peer_end *peer = owner;

    if (in->conn != peer->conn)
        return; /* of an earlier process */
    if (in->kind == FILTER_HELLO)
        on_hello(peer, in->payload);
    else if (in->kind == FILTER_LEAVING) {
        peer->leaving = true;
        ipc_notify(peer->conn, &(struct ipc_out){.kind = FILTER_GOODBYE});
    }
}

/* Those who wait for answers get errors from ipc and find the generation changed. */
static void lose(struct filter_peer_end *peer)
{
    peer->conn = NULL;
    peer->generation++;
    peer->greeted = peer->leaving = false;
    peer->fc->deaths++;
}

static void on_closed(void *owner, struct ipc_conn *conn)
{
    struct filter_peer_end *peer = owner;

    if (peer->conn == conn)
        lose(peer);
}

static struct filter_peer_end *peer_at(struct filter_client *fc, unsigned index)
{
    while (fc->peers <= index) {
        struct filter_peer_end **grown =
            realloc(fc->peer, sizeof(struct filter_peer_end *) * (fc->peers + 1));
        struct filter_peer_end *peer = calloc(1, sizeof *peer);

        if (!grown || !peer)
            fct_assert_failed("memory for a filter", __FILE__, __LINE__);
        fc->peer = grown;
        peer->fc = fc;
        peer->index = fc->peers;
        fc->peer[fc->peers++] = peer;
    }
    return fc->peer[index];
}

void filter_client_peer(struct filter_client *fc, unsigned index, int fd)
{
    struct filter_peer_end *peer = peer_at(fc, index);
    const struct ipc_handler handler = {.notice = on_notice, .closed = on_closed, .owner = peer};
    struct ipc_conn *old = peer->conn;

    if (old) {
        lose(peer);
        ipc_conn_free(&old);
    }
    peer->conn = ipc_conn_new(fc->env->base, fd, &handler);
}

static bool in_mask(const uint64_t *mask, enum fct_hook hook, uint32_t role)
{
    for (unsigned r = 0; r < PLAN_ROLES; r++)
        if ((role & (1u << r)) && (mask[r] >> hook & 1))
            return true;
    return false;
}

/* The end of a connection matters to a filter that keeps state for it, hooked or not. */
bool filter_wants(const struct filter_client *fc, enum fct_hook hook, uint32_t role)
{
    return !fc->greeted || (hook == FCT_HOOK_disconnect && map_count(fc->sticky) > 0) ||
           in_mask(fc->wants, hook, role);
}

bool filter_decides(const struct filter_client *fc, enum fct_hook hook, uint32_t role)
{
    return !fc->greeted || in_mask(fc->decides, hook, role);
}

uint32_t filter_may(const struct filter_client *fc, uint32_t role)
{
    uint32_t may = 0;

    if (!fc->greeted)
        return UINT32_MAX & ~FCT_MAY_NOTHING;
    for (unsigned r = 0; r < PLAN_ROLES; r++)
        if (role & (1u << r))
            may |= fc->may[r];
    return may;
}

/* ---- which filter ---- */

static bool is_ready(const struct filter_peer_end *peer)
{
    return peer->conn && peer->greeted && !peer->leaving;
}

/* Less to do; among equals the one that died less often, so that a fatal message does not meet the
 * same one twice in a row and the supervisor's growing pauses. */
static bool is_better(const struct filter_peer_end *peer, const struct filter_peer_end *than)
{
    if (!than || peer->under_way != than->under_way)
        return !than || peer->under_way < than->under_way;
    return peer->generation < than->generation;
}

static struct filter_peer_end *choose(const struct filter_client *fc, struct fct_str conn_id)
{
    struct filter_peer_end *best = map_get(fc->sticky, conn_id);

    if (best && is_ready(best))
        return best;
    best = NULL;
    for (unsigned i = 0; i < fc->peers; i++)
        if (is_ready(fc->peer[i]) && is_better(fc->peer[i], best))
            best = fc->peer[i];
    return best;
}

static void unlink_waiter(struct filter_client *fc, const struct waiter *gone)
{
    struct waiter **at = &fc->waiter;

    while (*at && *at != gone)
        at = &(*at)->next;
    if (*at)
        *at = gone->next;
}

/* Until some filter greets; false when the time is over or the caller was cancelled. */
static FCT_MAY_WAIT bool wait_for_greeting(struct filter_client *fc, uint64_t deadline)
{
    struct waiter self = {fiber_token(), fc->waiter};

    fc->waiter = &self;
    if (fiber_park(deadline) == FIBER_WOKEN)
        return true; /* wake_waiters has taken us off the list */
    unlink_waiter(fc, &self);
    return false;
}

static FCT_MAY_WAIT struct filter_peer_end *find_peer(struct filter_client *fc,
                                                      struct fct_str conn_id)
{
    uint64_t deadline = clock_ms() + FRESH_WAIT_MS;
    struct filter_peer_end *peer;

    while (!(peer = choose(fc, conn_id)))
        if (!wait_for_greeting(fc, deadline))
            return NULL;
    return peer;
}

bool filter_ready(struct filter_client *fc, uint64_t deadline_ms)
{
    while (!fc->greeted)
        if (!wait_for_greeting(fc, deadline_ms))
            return fc->greeted;
    return true;
}

static void set_sticky(struct filter_client *fc, struct fct_str conn_id,
                       struct filter_peer_end *peer, bool sticky)
{
    if (conn_id.n == 0)
        return;
    if (!sticky)
        map_remove(fc->sticky, conn_id);
    else if (map_count(fc->sticky) < STICKY_MAX)
        map_put(fc->sticky, conn_id, peer);
}

/* ---- asking ---- */

/* A filter's end while it had our request. */
struct death {
    struct filter_peer_end *peer;
    uint32_t generation;
    bool settled; /* we know whose fault it was */
};

struct ask {
    struct filter_client *fc;
    struct fct_str conn_id, id; /* id: what the filter's slot names */
    struct buf *request;        /* out's payload */
    const struct ipc_out *out;
    uint64_t timeout_ms;
    struct buf *reply;
    struct filter_peer_end *answered_by;
    struct death death[TRIES_MAX];
    unsigned deaths;
    unsigned strikes; /* deaths that were this request's fault */
    char plugin[48];  /* whose callback it was */
};

/* The successor knows. One that does not come in time: nobody's fault. */
static FCT_MAY_WAIT void settle(struct ask *ask, struct death *d, uint64_t deadline)
{
    const struct last_words *words = &d->peer->words[d->generation % LAST_WORDS];

    d->settled = true;
    while (d->peer->generation == d->generation + 1 && !d->peer->greeted)
        if (!wait_for_greeting(ask->fc, deadline))
            return;
    if (words->generation != d->generation || !words->blamed ||
        !str_equal(str_from(words->culprit), ask->id))
        return;
    str_copy_c(ask->plugin, sizeof ask->plugin, str_from(words->plugin));
    ask->strikes++;
}

/* After one death the request is repeated anyway; only more of them raise the question whose fault
 * they are. */
static FCT_MAY_WAIT void settle_deaths(struct ask *ask)
{
    uint64_t deadline = clock_ms() + FRESH_WAIT_MS;

    for (unsigned i = 0; ask->deaths > 1 && i < ask->deaths; i++)
        if (!ask->death[i].settled)
            settle(ask, &ask->death[i], deadline);
}

static FCT_MAY_WAIT void died_over(struct ask *ask, struct filter_peer_end *peer,
                                   uint32_t generation, bool timed_out)
{
    ask->death[ask->deaths++] = (struct death){peer, generation, timed_out};
    if (timed_out) {
        ask->fc->timeouts++;
        ask->strikes++;
        peer->leaving = true; /* nothing more for it: it comes back as another process */
        role_kill_peer(ask->fc->env, ROLE_FILTER, peer->index);
    }
    settle_deaths(ask);
    filter_request_again(ask->request);
    ask->fc->retries++;
    log_event(EV_FILTER_RETRY, ask->id, F_U64("filter", peer->index),
              F_C("why", timed_out ? "no answer in time" : "it died"), F_U64("deaths", ask->deaths),
              F_U64("strikes", ask->strikes));
}

/* Those who wait on a connection hear of its end before its owner does, by a turn of the loop. */
static FCT_MAY_WAIT bool has_died(const struct filter_peer_end *peer, uint32_t generation)
{
    if (generation == peer->generation)
        fiber_sleep(1);
    return generation != peer->generation;
}

enum asked { ASKED_ANSWERED, ASKED_DIED, ASKED_FAILED };

static FCT_MAY_WAIT enum asked ask_once(struct ask *ask, struct filter_peer_end *peer,
                                        struct fct_err *err)
{
    uint32_t generation = peer->generation;
    uint64_t deadline = clock_ms() + ask->timeout_ms;
    bool ok, died;

    peer->under_way++;
    ok = ipc_call(peer->conn, ask->out, deadline, ask->reply, NULL, NULL, err);
    peer->under_way--;
    ask->answered_by = peer;
    if (ok)
        return ASKED_ANSWERED;
    if (fiber_is_cancelled())
        return ASKED_FAILED;
    died = has_died(peer, generation);
    if (!died && clock_ms() < deadline)
        return ASKED_FAILED; /* it lives and says no */
    died_over(ask, peer, generation, !died);
    return ASKED_DIED;
}

/* Answered, or: two deaths that were our fault (`ask->strikes`), or no filter to be had (err). */
static FCT_MAY_WAIT bool ask_filter(struct ask *ask, struct fct_err *err)
{
    while (ask->deaths < TRIES_MAX && ask->strikes < STRIKES_MAX) {
        struct filter_peer_end *peer = find_peer(ask->fc, ask->conn_id);

        if (!peer)
            return fct_fail(err, FCT_TEMP, "no filter process is running");
        switch (ask_once(ask, peer, err)) {
        case ASKED_ANSWERED:
            return true;
        case ASKED_FAILED:
            return false;
        case ASKED_DIED:
            break;
        }
    }
    return fct_fail(err, FCT_TEMP, "filter processes die over this request");
}

static uint64_t with_slack(const struct filter_conf *conf, fct_duration timeout)
{
    return timeout.ms + conf->watchdog.ms + SLACK_MS;
}

static struct fct_str request_id(const struct filter_context *ctx)
{
    return ctx->envelope.id.n > 0 ? ctx->envelope.id : ctx->conn.id;
}

static struct ask ask_new(struct filter_client *fc, const struct filter_context *ctx,
                          struct buf *request, const struct ipc_out *out, fct_duration timeout,
                          struct buf *reply)
{
    return (struct ask){
        .fc = fc,
        .conn_id = ctx->conn.id,
        .id = request_id(ctx),
        .request = request,
        .out = out,
        .timeout_ms = with_slack(fc->conf, timeout),
        .reply = reply,
    };
}

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
    FCT_CLEANUP(buf_free) struct buf reply = BUF_INIT(ANSWER_BYTES);
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
             filter_answer_decode(arena, arena_str(arena, buf_str(&reply)), hook, answer, &sticky,
                                  &err)) {
        set_sticky(fc, ctx->conn.id, ask.answered_by, sticky);
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
    peer = choose(fc, ctx->conn.id);
    if (hook == FCT_HOOK_disconnect && !map_remove(fc->sticky, ctx->conn.id) &&
        !in_mask(fc->wants, hook, ctx->conn.role))
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
        set_sticky(fc, ctx->conn.id, ask.answered_by, sticky);
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
        if (!is_ready(fc->peer[i]))
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
