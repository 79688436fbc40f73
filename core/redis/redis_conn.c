/* redis_conn.c - one connection to one server: commands out, answers in, in order. */
#include "core/redis/redis_int.h"

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <stdlib.h>

enum {
    ELEMENT_BYTES = 4, /* of the shortest element of an array */
    COMPLAIN_MS = 60000,
};

/* A command that was sent. Outlives its fiber when that gives up: the answer still has to be taken
 * off the wire. */
struct redis_pending {
    struct fiber_token token;
    struct arena *arena; /* NULL: nobody waits any more */
    const struct fct_redis_reply *reply;
    struct fct_err err;  /* set when reply is NULL */
    uint64_t written_ms; /* 0: still with us, we had other things to do */
    bool done;
    struct redis_pending *next;
};

void redis_conn_init(struct redis_conn *c, struct redis *r,
                     void (*lost)(void *owner, bool late, const char *why), void *owner)
{
    *c = (struct redis_conn){.redis = r, .lost = lost, .owner = owner};
    c->end = &c->first;
}

/* ---- the end ---- */

static struct redis_pending *take_first(struct redis_conn *c)
{
    struct redis_pending *p = c->first;

    c->first = p->next;
    if (!c->first)
        c->end = &c->first;
    if (c->unwritten == p)
        c->unwritten = p->next;
    c->pending--;
    c->redis->stats.pending--;
    return p;
}

/* Its fiber, if there still is one, goes on and frees it. */
static void settle(struct redis_pending *p)
{
    if (!p->arena) {
        free(p);
        return;
    }
    p->done = true;
    (void)fiber_wake(p->token);
}

void redis_conn_close(struct redis_conn *c, const char *why)
{
    if (c->io) {
        event_del(&c->turn);
        bufferevent_free(c->io);
    }
    c->io = NULL;
    if (c->reader)
        redisReaderFree(c->reader);
    c->reader = NULL;
    while (c->first) {
        struct redis_pending *p = take_first(c);

        fct_fail(&p->err, FCT_TEMP, REDIS_SAYS "%s", why);
        settle(p);
    }
}

static void lose(struct redis_conn *c, bool late, const char *why)
{
    redis_conn_close(c, why);
    c->lost(c->owner, late, why);
}

/* ---- answers ---- */

/* Errors that say "not now" rather than "not this": with them Redis is as good as away. */
static bool is_passing(struct fct_str text)
{
    static const char *const words[] = {
        "LOADING ", "MASTERDOWN ", "CLUSTERDOWN ", "TRYAGAIN ",   "BUSY ",
        "OOM ",     "MISCONF ",    "READONLY ",    "NOREPLICAS ",
    };

    for (size_t i = 0; i < FCT_COUNT(words); i++)
        if (str_starts(text, str_from(words[i])))
            return true;
    return false;
}

/* Who asks falls back each time; the log says it now and then. */
static void complain(struct redis *r, struct fct_str text)
{
    uint64_t now = clock_ms();

    if (r->complained_ms && now < r->complained_ms + COMPLAIN_MS)
        return;
    r->complained_ms = now;
    log_event(EV_REDIS_REFUSES, FCT_STR(""), F_STR("server", r->name),
              F_STR("why", str_head(text, 200)));
}

/* False: the connection is to be given up. Its server was a master, and is none now. */
static bool answer(struct redis_conn *c, const redisReply *reply)
{
    struct redis_pending *p = take_first(c);
    struct fct_str text = {"", 0};

    if (reply->type == REDIS_REPLY_ERROR)
        text = (struct fct_str){reply->str, reply->len};
    if (is_passing(text))
        complain(c->redis, text);
    if (p->arena && reply->type == REDIS_REPLY_ERROR)
        fct_fail(&p->err, is_passing(text) ? FCT_TEMP : FCT_DENIED, REDIS_SAYS "%.*s",
                 FCT_FMT(str_head(text, 200)));
    else if (p->arena)
        p->reply = redis_reply_copy(p->arena, reply);
    settle(p);
    return c->redis->place.kind != REDIS_SENTINEL || !str_starts(text, FCT_STR("READONLY "));
}

/* False: *why it is of no more use. */
static bool take_answers(struct redis_conn *c, const char **why)
{
    void *reply = NULL;

    while (redisReaderGetReply(c->reader, &reply) == REDIS_OK && reply) {
        bool asked = c->first != NULL, useful = asked && answer(c, reply);

        freeReplyObject(reply);
        reply = NULL;
        redis_reply_ended(&c->limit);
        *why = asked ? "it is no master any more" : "it sent an answer nobody asked for";
        if (!useful)
            return false;
    }
    *why = c->reader->err ? "it does not speak Redis' protocol"
                          : "its answer is larger than redis.max_reply";
    return !c->reader->err && c->reader->len - c->reader->pos <= c->redis->conf->max_reply.bytes;
}

static void on_readable(struct bufferevent *io, void *arg)
{
    struct evbuffer *in = bufferevent_get_input(io);
    struct redis_conn *c = arg;
    const char *why;
    size_t n;

    while ((n = evbuffer_get_contiguous_space(in)) > 0) {
        redisReaderFeed(c->reader, (const char *)evbuffer_pullup(in, (ev_ssize_t)n), n);
        evbuffer_drain(in, n);
        if (!take_answers(c, &why)) {
            lose(c, false, why);
            return;
        }
    }
}

static void on_written(struct bufferevent *io, void *arg)
{
    struct redis_conn *c = arg;
    uint64_t now = clock_ms();

    if (c->plain)
        bufferevent_disable(io, EV_WRITE);
    for (; c->unwritten; c->unwritten = c->unwritten->next)
        c->unwritten->written_ms = now;
}

static void on_event(struct bufferevent *io, short what, void *arg)
{
    struct redis_conn *c = arg;
    unsigned long tls = bufferevent_get_openssl_error(io);
    char text[200];

    if (what & BEV_EVENT_CONNECTED)
        return;
    if (tls)
        ERR_error_string_n(tls, text, sizeof text);
    lose(c, false, tls ? text : "it closed the connection");
}

/* ---- asking ---- */

static struct redis_pending *expect(struct redis_conn *c, struct arena *arena)
{
    struct redis_pending *p = calloc(1, sizeof *p);

    FCT_ASSERT(p);
    p->arena = arena;
    *c->end = p;
    c->end = &p->next;
    if (!c->unwritten)
        c->unwritten = p;
    c->pending++;
    c->redis->stats.pending++;
    c->redis->stats.commands++;
    return p;
}

/* Room for a mark, digits and the end of the line. */
enum { NUMBER_ROOM = 24 };

static char *put(char *to, const char *p, size_t n)
{
    if (n > 0)
        memcpy(to, p, n);
    return to + n;
}

static char *put_number(char *to, char mark, size_t n)
{
    char text[NUMBER_ROOM];
    size_t at = sizeof text;

    text[--at] = '\n';
    text[--at] = '\r';
    do
        text[--at] = (char)('0' + n % 10);
    while (n /= 10);
    text[--at] = mark;
    return put(to, text + at, sizeof text - at);
}

static void write_words(struct redis_conn *c, const struct fct_str *word, size_t n)
{
    struct evbuffer *out = bufferevent_get_output(c->io);
    struct evbuffer_iovec room;
    size_t size = NUMBER_ROOM;
    char *to;

    for (size_t i = 0; i < n; i++)
        size += NUMBER_ROOM + word[i].n + 2;
    FCT_ASSERT(evbuffer_reserve_space(out, (ev_ssize_t)size, &room, 1) == 1);
    to = put_number(room.iov_base, '*', n);
    for (size_t i = 0; i < n; i++) {
        to = put_number(to, '$', word[i].n);
        to = put(to, word[i].p, word[i].n);
        to = put(to, "\r\n", 2);
    }
    room.iov_len = (size_t)(to - (char *)room.iov_base);
    evbuffer_commit_space(out, &room, 1);
    if (c->plain)
        event_active(&c->turn, EV_TIMEOUT, 1);
}

/* Nearly always there is room: the loop need not watch for it. */
static void turn_ended(evutil_socket_t fd, short what, void *arg)
{
    struct redis_conn *c = arg;
    struct evbuffer *out = bufferevent_get_output(c->io);

    (void)fd, (void)what;
    evbuffer_unfreeze(out, 1);
    (void)evbuffer_write(out, bufferevent_getfd(c->io));
    evbuffer_freeze(out, 1);
    if (evbuffer_get_length(out) > 0)
        bufferevent_enable(c->io, EV_WRITE);
    else
        on_written(c->io, c);
}

/* Redis has its time from when it got the question. A process under load may have come to write it,
 * or to read the answer, late: that is not Redis' doing. */
static uint64_t patience(const struct redis_conn *c, const struct redis_pending *p,
                         uint64_t asked_ms)
{
    uint64_t timeout = c->redis->conf->timeout.ms;

    return p->written_ms ? p->written_ms + timeout : asked_ms + 2 * timeout;
}

/* The answer took too long: everybody behind it would wait as well. */
static const struct fct_redis_reply *give_up(struct redis_conn *c, struct redis_pending *p,
                                             uint64_t until, struct fct_err *err)
{
    p->arena = NULL; /* freed when its answer comes, or with the connection */
    fct_fail(err, FCT_TEMP, "Redis: no answer in time");
    if (clock_ms() >= until && !fiber_is_cancelled()) {
        c->redis->stats.timeouts++;
        lose(c, true, "it took longer than redis.timeout");
    }
    return NULL;
}

const struct fct_redis_reply *redis_conn_ask(struct redis_conn *c, struct arena *arena,
                                             const struct fct_str *word, size_t n, bool asking,
                                             struct fct_err *err)
{
    uint64_t asked = clock_ms(), until = asked + c->redis->conf->timeout.ms;
    const struct fct_redis_reply *reply;
    struct redis_pending *p;

    if (!c->io) {
        fct_fail(err, FCT_TEMP, "Redis: the connection ended");
        return NULL;
    }
    if (asking) {
        write_words(c, &FCT_STR("ASKING"), 1);
        (void)expect(c, NULL);
    }
    write_words(c, word, n);
    p = expect(c, arena);
    while (!p->done) {
        p->token = fiber_token();
        if (fiber_park(until) == FIBER_WOKEN || p->done)
            continue;
        if (clock_ms() < until || fiber_is_cancelled() || patience(c, p, asked) <= clock_ms())
            return give_up(c, p, until, err);
        until = patience(c, p, asked);
    }
    reply = p->reply;
    if (!reply && err)
        *err = p->err;
    free(p);
    return reply;
}

/* ---- the beginning ---- */

/* Who we are, which database, and is anybody there? */
FCT_MAY_WAIT static bool greet(struct redis_conn *c, struct arena *arena,
                               const struct redis_login *login, uint32_t database,
                               struct fct_err *err)
{
    const struct fct_str auth[] = {FCT_STR("AUTH"), login->user, login->password};
    const struct fct_str plain[] = {FCT_STR("AUTH"), login->password};
    const struct fct_str select[] = {FCT_STR("SELECT"),
                                     arena_printf(arena, "%u", (unsigned)database)};

    if (login->user.n > 0 && !redis_conn_ask(c, arena, auth, 3, false, err))
        return false;
    if (login->user.n == 0 && login->password.n > 0 &&
        !redis_conn_ask(c, arena, plain, 2, false, err))
        return false;
    if (database > 0 && !redis_conn_ask(c, arena, select, 2, false, err))
        return false;
    return redis_conn_ask(c, arena, &FCT_STR("PING"), 1, false, err) != NULL;
}

bool redis_conn_open(struct redis_conn *c, const struct dial_address *address,
                     const struct redis_login *login, uint32_t database, struct fct_err *err)
{
    struct arena *arena;
    bool ok;

    if (!redis_dial(c->redis, address, clock_ms() + c->redis->conf->timeout.ms, &c->io, err))
        return false;
    c->reader = redis_reply_reader(&c->limit, c->redis->conf->max_reply.bytes / ELEMENT_BYTES);
    FCT_ASSERT(c->reader);
    bufferevent_setcb(c->io, on_readable, on_written, on_event, c);
    event_assign(&c->turn, c->redis->base, -1, 0, turn_ended, c);
    c->plain = !c->redis->tls;
    bufferevent_enable(c->io, EV_READ);
    if (!c->plain)
        bufferevent_enable(c->io, EV_WRITE);
    else
        bufferevent_disable(c->io, EV_WRITE);
    arena = arena_new(NULL);
    ok = greet(c, arena, login, database, err);
    arena_free(&arena);
    if (!ok)
        redis_conn_close(c, "it did not let us in");
    return ok;
}
