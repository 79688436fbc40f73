/* redis.c - see redis.h. One connection, a queue of those who wait for its answers, and a fiber in
 * the background that makes it anew.
 *
 * States: connecting (the first calls wait for it), there, away (calls fail at once). */
#include "core/redis/redis_int.h"

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/log/log.h"
#include "core/redis/redis_reply.h"
#include "core/redis/redis_spawn.h"
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

enum { FIRST_PAUSE_MS = 20 };

enum state { CONNECTING, THERE, AWAY };

/* A command that was sent. Outlives its fiber when that gives up: the answer still has to be taken
 * off the wire. */
struct pending {
    struct fiber_token token;
    struct arena *arena; /* NULL: nobody waits any more */
    const struct fct_redis_reply *reply;
    struct fct_err err; /* set when reply is NULL */
    bool done;
    struct pending *next;
};

/* A fiber that waits for the connection; on its stack. */
struct waiter {
    struct fiber_token token;
    bool woken;
    struct waiter *next;
};

struct redis {
    struct event_base *base;
    const struct redis_conf *conf;
    struct dns_resolver *dns;
    struct arena *arena;
    struct redis_place place;
    struct fct_str name; /* for the log: the URL without who and password */
    SSL_CTX *tls;
    struct bufferevent *io; /* NULL: no connection */
    redisReader *reader;
    struct pending *first, **end;
    struct waiter *waiter;
    struct event *timer;
    struct fiber_id connector;
    enum state state;
    bool closing;      /* redis_free; the connector ends it */
    unsigned failures; /* in a row */
    struct redis_scripts scripts;
    struct redis_stats stats;
};

/* ---- the end of a connection ---- */

static void wake_waiters(struct redis *r)
{
    for (struct waiter *w = r->waiter; w; w = w->next) {
        w->woken = true;
        (void)fiber_wake(w->token);
    }
    r->waiter = NULL;
}

static struct pending *take_first(struct redis *r)
{
    struct pending *p = r->first;

    r->first = p->next;
    if (!r->first)
        r->end = &r->first;
    r->stats.pending--;
    return p;
}

/* Its fiber, if there still is one, goes on and frees it. */
static void settle(struct pending *p)
{
    if (!p->arena) {
        free(p);
        return;
    }
    p->done = true;
    (void)fiber_wake(p->token);
}

static void drop_connection(struct redis *r, const char *why)
{
    if (r->io)
        bufferevent_free(r->io);
    r->io = NULL;
    if (r->reader)
        redisReaderFree(r->reader);
    r->reader = NULL;
    while (r->first) {
        struct pending *p = take_first(r);

        fct_fail(&p->err, FCT_TEMP, "Redis: %s", why);
        settle(p);
    }
}

static void try_later(struct redis *r, uint64_t ms)
{
    struct timeval when = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000) * 1000};

    if (!r->closing)
        event_add(r->timer, &when);
}

static void go_away(struct redis *r, const char *why)
{
    drop_connection(r, why);
    if (r->state != AWAY)
        log_event(EV_REDIS_AWAY, FCT_STR(""), F_STR("server", r->name), F_C("why", why));
    r->state = AWAY;
    wake_waiters(r);
    try_later(r, r->conf->retry.ms);
}

/* One more failure in a row: a short pause, or the long one. */
static void count_failure(struct redis *r, const char *why)
{
    r->stats.errors++;
    if (r->state == AWAY || ++r->failures >= r->conf->max_errors) {
        go_away(r, why);
        return;
    }
    drop_connection(r, why);
    r->state = CONNECTING;
    try_later(r, (uint64_t)FIRST_PAUSE_MS << r->failures);
}

/* ---- answers ---- */

/* Errors that say "not now" rather than "not this". */
static bool is_passing(struct fct_str text)
{
    static const char *const words[] = {"LOADING ", "MASTERDOWN ", "CLUSTERDOWN ", "TRYAGAIN ",
                                        "BUSY "};

    for (size_t i = 0; i < FCT_COUNT(words); i++)
        if (str_starts(text, str_from(words[i])))
            return true;
    return false;
}

static void answer(struct redis *r, const redisReply *reply)
{
    struct pending *p = take_first(r);

    if (p->arena && reply->type == REDIS_REPLY_ERROR) {
        struct fct_str text = {reply->str, reply->len};

        fct_fail(&p->err, is_passing(text) ? FCT_TEMP : FCT_DENIED, "Redis: %.*s",
                 FCT_FMT(str_head(text, 200)));
    } else if (p->arena) {
        p->reply = redis_reply_copy(p->arena, reply);
    }
    settle(p);
}

/* False: what came is no answer of Redis, or too large. */
static bool take_answers(struct redis *r, const char **why)
{
    void *reply = NULL;

    while (redisReaderGetReply(r->reader, &reply) == REDIS_OK && reply) {
        if (!r->first) {
            freeReplyObject(reply);
            *why = "it sent an answer nobody asked for";
            return false;
        }
        answer(r, reply);
        freeReplyObject(reply);
        reply = NULL;
    }
    *why = r->reader->err ? "it does not speak Redis' protocol"
                          : "its answer is larger than redis.max_reply";
    return !r->reader->err && r->reader->len - r->reader->pos <= r->conf->max_reply.bytes;
}

static void on_readable(struct bufferevent *io, void *arg)
{
    struct evbuffer *in = bufferevent_get_input(io);
    struct redis *r = arg;
    const char *why;
    size_t n;

    while ((n = evbuffer_get_contiguous_space(in)) > 0) {
        redisReaderFeed(r->reader, (const char *)evbuffer_pullup(in, (ev_ssize_t)n), n);
        evbuffer_drain(in, n);
        if (!take_answers(r, &why)) {
            count_failure(r, why);
            return;
        }
    }
}

static void on_event(struct bufferevent *io, short what, void *arg)
{
    struct redis *r = arg;
    unsigned long tls = bufferevent_get_openssl_error(io);
    char text[200];

    if (what & BEV_EVENT_CONNECTED)
        return;
    if (tls)
        ERR_error_string_n(tls, text, sizeof text);
    count_failure(r, tls ? text : "it closed the connection");
}

/* ---- asking ---- */

static struct pending *send_command(struct redis *r, struct arena *arena,
                                    const struct fct_str *word, size_t n)
{
    struct pending *p = calloc(1, sizeof *p);
    struct evbuffer *out = bufferevent_get_output(r->io);

    FCT_ASSERT(p);
    p->arena = arena;
    *r->end = p;
    r->end = &p->next;
    r->stats.pending++;
    r->stats.commands++;
    evbuffer_add_printf(out, "*%zu\r\n", n);
    for (size_t i = 0; i < n; i++) {
        evbuffer_add_printf(out, "$%zu\r\n", word[i].n);
        evbuffer_add(out, word[i].p, word[i].n);
        evbuffer_add(out, "\r\n", 2);
    }
    return p;
}

/* The answer took too long: everybody behind it would wait as well. */
static const struct fct_redis_reply *give_up(struct redis *r, struct pending *p, uint64_t until,
                                             struct fct_err *err)
{
    p->arena = NULL; /* freed when its answer comes, or with the connection */
    fct_fail(err, FCT_TEMP, "Redis: no answer in time");
    if (clock_ms() >= until && !fiber_is_cancelled()) {
        r->stats.timeouts++;
        go_away(r, "it took longer than redis.timeout");
    }
    return NULL;
}

FCT_MAY_WAIT static const struct fct_redis_reply *
ask(struct redis *r, struct arena *arena, const struct fct_str *word, size_t n, struct fct_err *err)
{
    struct pending *p = send_command(r, arena, word, n);
    uint64_t until = clock_ms() + r->conf->timeout.ms;
    const struct fct_redis_reply *reply;

    while (!p->done) {
        p->token = fiber_token();
        if (fiber_park(until) != FIBER_WOKEN && !p->done)
            return give_up(r, p, until, err);
    }
    reply = p->reply;
    if (!reply && err)
        *err = p->err;
    free(p);
    return reply;
}

/* ---- connecting ---- */

static bool says(struct redis *r, struct arena *arena, const struct fct_str *word, size_t n,
                 struct fct_err *err)
{
    return r->io ? ask(r, arena, word, n, err) != NULL
                 : fct_fail(err, FCT_TEMP, "Redis: the connection ended");
}

/* Who we are, which database, and is anybody there? */
FCT_MAY_WAIT static bool greet(struct redis *r, struct arena *arena, struct fct_err *err)
{
    const struct redis_place *at = &r->place;
    const struct fct_str auth[] = {FCT_STR("AUTH"), at->user, at->password};
    const struct fct_str plain[] = {FCT_STR("AUTH"), at->password};
    const struct fct_str database[] = {FCT_STR("SELECT"),
                                       arena_printf(arena, "%u", (unsigned)at->database)};

    if (at->user.n > 0 ? !says(r, arena, auth, 3, err)
                       : at->password.n > 0 && !says(r, arena, plain, 2, err))
        return false;
    if (at->database > 0 && !says(r, arena, database, 2, err))
        return false;
    return says(r, arena, &FCT_STR("PING"), 1, err);
}

FCT_MAY_WAIT static bool connect_once(struct redis *r, struct arena *arena, struct fct_err *err)
{
    uint64_t until = clock_ms() + r->conf->timeout.ms;

    if (!redis_dial(r->base, &r->place, r->tls, r->dns, until, &r->io, err))
        return false;
    r->reader = redisReaderCreate();
    FCT_ASSERT(r->reader);
    bufferevent_setcb(r->io, on_readable, NULL, on_event, r);
    bufferevent_enable(r->io, EV_READ | EV_WRITE);
    return greet(r, arena, err);
}

static void connected(struct redis *r)
{
    if (r->state == AWAY)
        log_event(EV_REDIS_BACK, FCT_STR(""), F_STR("server", r->name));
    r->state = THERE;
    r->failures = 0;
    r->stats.connections++;
    event_del(r->timer);
    wake_waiters(r);
}

static void destroy(struct redis *r)
{
    drop_connection(r, "the process ends");
    event_free(r->timer);
    SSL_CTX_free(r->tls);
    arena_free(&r->arena);
    free(r);
}

static void connect_fiber(void *arg)
{
    struct redis *r = arg;
    struct arena *arena = arena_new(NULL);
    struct fct_err err = {0};
    bool ok = connect_once(r, arena, &err);

    arena_free(&arena);
    if (r->closing)
        destroy(r);
    else if (ok && r->io)
        connected(r);
    else if (!evtimer_pending(r->timer, NULL)) /* else the failure was counted while greeting */
        count_failure(r, err.text);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct redis *r = arg;

    (void)fd, (void)what;
    if (!r->io && !fiber_is_alive(r->connector))
        r->connector = fiber_start(connect_fiber, r);
}

/* Until there is a connection or it is known that there is none. */
FCT_MAY_WAIT static bool wait_for_connection(struct redis *r, struct fct_err *err)
{
    uint64_t until = clock_ms() + r->conf->timeout.ms;

    while (r->state == CONNECTING) {
        struct waiter me = {.token = fiber_token(), .next = r->waiter}, **at;

        r->waiter = &me;
        (void)fiber_park(until);
        if (me.woken)
            continue;
        for (at = &r->waiter; *at && *at != &me; at = &(*at)->next)
            ;
        if (*at)
            *at = me.next;
        return fct_fail(err, FCT_TEMP, "Redis: no connection yet");
    }
    if (r->state == THERE)
        return true;
    r->stats.refused++;
    return fct_fail(err, FCT_TEMP, "Redis is away");
}

/* ---- for others ---- */

const struct fct_redis_reply *redis_send(struct redis *r, struct arena *arena,
                                         const struct fct_str *word, size_t n, struct fct_err *err)
{
    if (!wait_for_connection(r, err))
        return NULL;
    if (r->stats.pending >= r->conf->max_pending) {
        fct_fail(err, FCT_LIMIT, "%u Redis commands wait (redis.max_pending)", r->stats.pending);
        return NULL;
    }
    return ask(r, arena, word, n, err);
}

const struct fct_redis_reply *redis_call(struct redis *r, struct arena *arena,
                                         const struct fct_str *word, size_t n, struct fct_err *err)
{
    return redis_command_allowed(word, n, err) ? redis_send(r, arena, word, n, err) : NULL;
}

struct redis_scripts *redis_scripts_of(struct redis *r)
{
    return &r->scripts;
}

/* ---- life ---- */

bool redis_new(struct event_base *base, const struct redis_conf *conf, const char *run_dir,
               struct dns_resolver *dns, struct redis **out, struct fct_err *err)
{
    struct redis *r;

    *out = NULL;
    if (!*conf->url && !(run_dir && redis_spawn_is_wanted(conf)))
        return true;
    r = calloc(1, sizeof *r);
    if (!r)
        return fct_fail(err, FCT_TEMP, "no memory");
    r->base = base;
    r->conf = conf;
    r->dns = dns;
    r->end = &r->first;
    r->arena = arena_new(NULL);
    r->timer = event_new(base, -1, 0, on_timer, r);
    *out = r;
    if (!redis_place_parse(r->arena, conf, run_dir, &r->place, err) ||
        (r->place.tls && !redis_tls_new(conf->ca_file, &r->tls, err))) {
        redis_free(out);
        return false;
    }
    r->name = redis_place_name(r->arena, &r->place);
    return true;
}

void redis_start(struct redis *r)
{
    try_later(r, 0);
}

void redis_free(struct redis **redis)
{
    struct redis *r = *redis;

    if (!r)
        return;
    *redis = NULL;
    r->closing = true;
    if (fiber_is_alive(r->connector))
        fiber_cancel(r->connector);
    else
        destroy(r);
}

bool redis_is_there(const struct redis *r)
{
    return r && r->state != AWAY;
}

struct redis_stats redis_stats(const struct redis *r)
{
    struct redis_stats stats = r->stats;

    stats.there = r->state == THERE;
    return stats;
}
