/* filter_history.c - see filter_history.h. The cursor of an answer is opaque to who asked: "r" and
 * the number of the next entry in the ring, or "s" and the last id read in the stream. */
#include "core/hook/filter_history.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/hook/filter_lease.h"
#include "core/hook/history_stream.h"
#include "core/hook/score.h"
#include "core/log/log.h"
#include "core/plugin/plugin_host.h"
#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define SEND_EVERY_MS 1000u
#define KEY_EVERY_MS  50u
#define EAGER_TIMES   200u
#define LEASE_MS      5000u
#define SEND_AT_ONCE  200u /* entries between two looks at the arena's size */
#define LOOK_AT_ONCE  500u /* entries per answer: no loop is held up */
#define SYMBOLS_MAX   120u /* that are looked at */
#define NOT_AGREED    UINT64_MAX

/* ---- the key ---- */

static void key_of(const struct filter_history *h, uint64_t key[2])
{
    static const uint64_t plain[2] = {0x66637468, 0x69737431}; /* a text becomes two words */

    if (*h->conf->key) {
        key[0] = str_hash_keyed(str_from(h->conf->key), plain);
        key[1] = str_hash_keyed(str_from(h->conf->key), key);
    } else {
        history_ring_key(h->ring, key);
    }
}

/* Redis outlives the server: entries of before are found by the key of before. Asked again on every
 * new connection: Redis may have come back without its data. */
static FCT_MAY_WAIT bool agree_on_key(struct filter_history *h, struct arena *arena,
                                      struct fct_err *err)
{
    uint64_t key[2], connections = redis_stats(h->redis).connections;

    if (h->key_of == connections || *h->conf->key)
        return true;
    history_ring_key(h->ring, key);
    if (!history_stream_key(h->redis, arena, key, err))
        return false;
    atomic_store(&h->ring->key[1], key[1]);
    atomic_store(&h->ring->key[0], key[0] | 1); /* 0 means none */
    atomic_store(&h->ring->agreed, 1);
    h->key_of = connections;
    return true;
}

/* ---- sending ---- */

/* The next one that is not in Redis; 0: none. Those that were overwritten meanwhile are counted. */
static uint64_t next_to_send(struct history_ring *ring)
{
    uint64_t last = atomic_load(&ring->last), next = atomic_load(&ring->sent) + 1;
    uint64_t oldest = history_ring_oldest(ring);

    if (next < oldest) {
        atomic_fetch_add(&ring->lost, oldest - next);
        next = oldest;
    }
    return next <= last ? next : 0;
}

/* What Redis had no time to confirm it may have all the same, once it goes on. */
static FCT_MAY_WAIT bool add_once(struct filter_history *h, struct arena *arena, uint64_t number,
                                  const struct history_entry *e, struct fct_err *err)
{
    bool is_there = false;

    if (atomic_load(&h->ring->unsure) == number &&
        !history_stream_has(h->redis, arena, e, &is_there, err))
        return false;
    if (is_there || history_stream_add(h->redis, arena, e, h->conf->length, err))
        return true;
    atomic_store(&h->ring->unsure, number);
    return false;
}

static FCT_MAY_WAIT bool send_next(struct filter_history *h, struct arena *arena, uint64_t number,
                                   struct fct_err *err)
{
    char *bytes = arena_alloc(arena, HISTORY_BYTES);
    struct history_entry e;
    size_t n;

    if (history_ring_get(h->ring, number, bytes, &n) &&
        history_decode((struct fct_str){bytes, n}, &e) && !add_once(h, arena, number, &e, err))
        return false;
    atomic_store(&h->ring->sent, number);
    return true;
}

/* One filter sends for all; it stops where Redis does not answer and goes on with the next tick. */
static FCT_MAY_WAIT bool send_all(struct filter_history *h, struct fct_err *err)
{
    struct arena *arena = arena_new(NULL);
    uint64_t number;
    unsigned n = 0;
    bool ok = agree_on_key(h, arena, err);

    while (ok && (number = next_to_send(h->ring)) > 0) {
        ok = filter_lease_take(h->lease, (uint32_t)getpid(), clock_ms(), LEASE_MS) &&
             send_next(h, arena, number, err);
        if (++n % SEND_AT_ONCE == 0)
            arena_reset(arena);
    }
    ok = ok && agree_on_key(h, arena, err); /* it may have been another connection meanwhile */
    arena_free(&arena);
    return ok;
}

/* Before the first entry: what was written under another key is not found by its address. */
static bool wants_key(const struct filter_history *h)
{
    return !*h->conf->key && atomic_load(&h->ring->agreed) == 0;
}

static void send_fiber(void *arg)
{
    struct filter_history *h = arg;
    struct fct_err ignored;

    fiber_set_deadline(UINT64_MAX);
    (void)send_all(h, &ignored);
    h->sending = false;
}

static bool is_streamed(const struct filter_history *h)
{
    return h->ring && h->redis && h->lease && h->conf->length > 0;
}

static void start_sending(struct filter_history *h)
{
    if (h->sending || !is_streamed(h) || !redis_is_there(h->redis) ||
        (next_to_send(h->ring) == 0 && !wants_key(h)) ||
        !filter_lease_take(h->lease, (uint32_t)getpid(), clock_ms(), LEASE_MS))
        return;
    h->sending = true;
    fiber_start(send_fiber, h);
}

static void set_pace(struct filter_history *h, unsigned ms)
{
    const struct timeval every = {ms / 1000, (suseconds_t)(ms % 1000 * 1000)};

    if (!h->timer || event_add(h->timer, &every) != 0)
        fct_assert_failed("memory for a timer", __FILE__, __LINE__);
}

/* At the start the key is asked for more often: mail is about to come. */
static void on_time(evutil_socket_t fd, short what, void *arg)
{
    struct filter_history *h = arg;

    (void)fd, (void)what;
    if (h->eager > 0 && (--h->eager == 0 || !wants_key(h))) {
        h->eager = 0;
        set_pace(h, SEND_EVERY_MS);
    }
    start_sending(h);
}

void filter_history_start(struct filter_history *h, struct role_env *env, struct redis *redis)
{
    struct filter_common *common = env->shared_common;

    *h = (struct filter_history){
        .conf = config_get(env->conf, &history_block), .redis = redis, .key_of = NOT_AGREED};
    if (!common)
        return;
    h->ring = &common->history;
    if (env->for_command)
        return;
    h->lease = filter_lease_of(&common->leases, "history");
    if (!is_streamed(h))
        return;
    h->timer = event_new(env->base, -1, EV_PERSIST, on_time, h);
    h->eager = EAGER_TIMES;
    set_pace(h, KEY_EVERY_MS);
}

void filter_history_stop(struct filter_history *h)
{
    if (h->timer)
        event_free(h->timer);
    h->timer = NULL;
}

/* Of all filters together; lost: Redis was away for longer than the ring remembers. */
void filter_history_status(const struct filter_history *h, struct buf *out)
{
    if (h->ring)
        buf_printf(
            out,
            "history_entries %" PRIu64 "\nhistory_sent %" PRIu64 "\nhistory_lost %" PRIu64 "\n",
            atomic_load(&h->ring->last), atomic_load(&h->ring->sent), atomic_load(&h->ring->lost));
}

/* ---- writing one down ---- */

struct tally {
    struct fct_str name;
    int32_t milli;
};

static int by_strength(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;
    int32_t p = abs(x->milli), q = abs(y->milli);

    return p != q ? (p < q) - (p > q) : str_compare(x->name, y->name);
}

/* Symbols and what a profile changed of them, summed up by name. */
static size_t tally(const struct ledger *l, struct tally *out)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++) {
        const struct ledger_entry *e = &l->entry[i];
        size_t at = 0;

        if ((e->kind != LEDGER_SYMBOL && e->kind != LEDGER_ADJUST) || e->shadow)
            continue;
        while (at < n && !str_equal(out[at].name, e->name))
            at++;
        if (at == SYMBOLS_MAX)
            continue;
        if (at == n)
            out[n++] = (struct tally){e->name, 0};
        out[at].milli += e->score_milli;
    }
    qsort(out, n, sizeof *out, by_strength);
    return n;
}

static struct fct_str symbols_text(struct arena *arena, struct fct_str ledger)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(8192);
    char text[SCORE_TEXT_MAX];
    struct tally sum[SYMBOLS_MAX];
    struct fct_err ignored;
    struct ledger l;
    size_t n;

    if (ledger.n == 0 || !ledger_decode(arena, ledger, &l, &ignored))
        return (struct fct_str){"", 0};
    n = tally(&l, sum);
    for (size_t i = 0; i < n; i++)
        buf_printf(&out, "%s%.*s=%.*s", i > 0 ? " " : "", FCT_FMT(sum[i].name),
                   FCT_FMT(score_text(sum[i].milli, text)));
    return arena_str(arena, buf_str(&out));
}

/* Messages that somebody only tries are no history. */
static bool is_real(const struct transaction *tx)
{
    return !str_equal(tx->conn->frontend, FCT_STR("scan")) &&
           !str_equal(tx->conn->frontend, FCT_STR("replay"));
}

void filter_history_add(struct filter_history *h, const struct transaction *tx,
                        const struct filter_message_request *request,
                        const struct filter_result *result, uint64_t begun_ms)
{
    FCT_CLEANUP(buf_free) struct buf bytes = BUF_INIT(HISTORY_BYTES);
    struct history_entry e;
    uint64_t key[2];

    if (!h->ring || !h->conf || !is_real(tx))
        return;
    key_of(h, key);
    e = (struct history_entry){
        .at_ms = clock_wall_us() / 1000,
        .id = tx->id,
        .client_ip = tx->conn->client_ip,
        .from = history_address(tx->arena, tx->envelope->reverse_path, key, h->conf->private),
        .action = str_from(history_action(result->answer.verdict, result->action)),
        .profile = result->profile,
        .symbols = symbols_text(tx->arena, result->ledger),
        .recipients = (uint32_t)request->recipients,
        .took_ms = (uint32_t)(clock_ms() - begun_ms),
        .size = request->size,
        .score_milli = result->score_milli,
    };
    if (request->recipients > 0)
        e.to = history_address(tx->arena, request->recipient[0].recipient, key, h->conf->private);
    history_encode(&e, &bytes);
    (void)history_ring_add(h->ring, buf_str(&bytes));
    start_sending(h);
}

/* ---- looking through it ---- */

struct looking {
    struct arena *arena;
    struct history_query plain, hashed; /* addresses as they are, and as they are kept */
    struct buf *out;
};

static bool has_local(struct fct_str address)
{
    return str_find_last_char(address, '@') > 0;
}

static void look_at(struct looking *l, const struct history_entry *e)
{
    FCT_CLEANUP(buf_free) struct buf bytes = BUF_INIT(HISTORY_BYTES);

    if (!history_matches(&l->plain, e) && !history_matches(&l->hashed, e))
        return;
    history_encode(e, &bytes);
    ipc_put_bool(l->out, true);
    ipc_put_str(l->out, buf_str(&bytes));
}

static void end_answer(struct looking *l, struct fct_str cursor, bool stream)
{
    ipc_put_bool(l->out, false);
    ipc_put_str(l->out, cursor);
    ipc_put_bool(l->out, stream);
}

static void look_in_ring(struct filter_history *h, struct looking *l, uint64_t number)
{
    uint64_t oldest = history_ring_oldest(h->ring);
    char bytes[HISTORY_BYTES];
    struct fct_str cursor = FCT_STR("");
    struct history_entry e;
    size_t n;

    for (unsigned looked = 0; number >= oldest && looked < LOOK_AT_ONCE; number--, looked++)
        if (history_ring_get(h->ring, number, bytes, &n) &&
            history_decode((struct fct_str){bytes, n}, &e))
            look_at(l, &e);
    if (number >= oldest)
        cursor = arena_printf(l->arena, "r%" PRIu64, number);
    end_answer(l, cursor, false);
}

static FCT_MAY_WAIT bool look_in_stream(struct filter_history *h, struct looking *l,
                                        struct fct_str cursor, struct fct_err *err)
{
    struct history_entry *e = ARENA_ARRAY(l->arena, struct history_entry, LOOK_AT_ONCE);
    size_t n;

    if (!history_stream_read(h->redis, l->arena, &cursor, LOOK_AT_ONCE, e, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        look_at(l, &e[i]);
    if (cursor.n > 0)
        cursor = arena_printf(l->arena, "s%.*s", FCT_FMT(cursor));
    end_answer(l, cursor, true);
    return true;
}

/* The newest first: the stream once the ring's entries are there too, else the ring. */
static FCT_MAY_WAIT bool begin(struct filter_history *h, struct looking *l)
{
    size_t at = l->out->n;
    struct fct_err ignored;

    if (h->redis && h->conf->length > 0 && redis_is_there(h->redis) &&
        (!is_streamed(h) || (!h->sending && send_all(h, &ignored))) &&
        look_in_stream(h, l, FCT_STR(""), &ignored))
        return true;
    l->out->n = at;
    look_in_ring(h, l, atomic_load(&h->ring->last));
    return true;
}

bool filter_history_answer(struct filter_history *h, struct arena *arena, struct fct_str request,
                           struct buf *out, struct fct_err *err)
{
    struct ipc_reader r = ipc_reader(request);
    struct looking l = {.arena = arena, .out = out};
    struct fct_err ignored = {0};
    struct fct_str cursor;
    uint64_t key[2];
    bool local;

    history_query_get(&r, &l.plain);
    cursor = ipc_get_str(&r);
    local = ipc_get_bool(&r);
    if (!ipc_reader_ok(&r))
        return fct_fail(err, FCT_BUG, "a request for the history is malformed");
    if (!h->ring)
        return fct_fail(err, FCT_TEMP, "this filter process keeps no history");
    if (h->redis && h->conf->length > 0 && redis_is_there(h->redis))
        (void)agree_on_key(h, arena, &ignored);
    key_of(h, key);
    l.hashed = l.plain;
    if (has_local(l.plain.from))
        l.hashed.from = history_address(arena, l.plain.from, key, true);
    if (has_local(l.plain.to))
        l.hashed.to = history_address(arena, l.plain.to, key, true);
    if (cursor.n > 1 && cursor.p[0] == 's' && h->redis)
        return look_in_stream(h, &l, str_skip(cursor, 1), err);
    if (cursor.n > 1 && cursor.p[0] == 'r')
        look_in_ring(h, &l, strtoull(arena_cstr(arena, str_skip(cursor, 1)), NULL, 10));
    else if (local)
        look_in_ring(h, &l, atomic_load(&h->ring->last));
    else
        return begin(h, &l);
    return true;
}
