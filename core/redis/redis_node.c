/* redis_node.c - one server: a breaker, a connection that all share, and a fiber in the background
 * that makes it anew.
 *
 * States: resting (nobody needs it), connecting (calls wait for it, all in all for redis.timeout),
 * there, away (calls fail at once). */
#include "core/redis/redis_int.h"

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include <event2/event.h>
#include <stdlib.h>

enum { FIRST_PAUSE_MS = 20 };

enum state { RESTING, CONNECTING, THERE, AWAY };

enum told { WAITING, LOOK_AGAIN, NODE_ENDED };

/* A fiber that waits for the connection; on its stack. */
struct waiter {
    struct fiber_token token;
    enum told told;
    struct waiter *next;
};

struct redis_node {
    struct redis *redis;
    struct dial_address address;
    bool by_sentinel; /* the address is asked for each time */
    struct fct_str name;
    struct redis_conn conn;
    struct waiter *waiter;
    struct event *timer;
    struct fiber_id connector;
    enum state state;
    bool closing;         /* redis_node_free; the connector ends it */
    bool counted;         /* the connector's failure, by on_lost */
    unsigned failures;    /* in a row */
    uint64_t patience_ms; /* until then calls wait for a connection */
};

/* ---- the end of a connection ---- */

static void wake_waiters(struct redis_node *n, enum told what)
{
    for (struct waiter *w = n->waiter; w; w = w->next) {
        w->told = what;
        (void)fiber_wake(w->token);
    }
    n->waiter = NULL;
}

static void try_later(struct redis_node *n, uint64_t ms)
{
    struct timeval when = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000) * 1000};

    if (!n->closing)
        event_add(n->timer, &when);
}

static void go_away(struct redis_node *n, const char *why)
{
    if (n->state != AWAY)
        log_event(EV_REDIS_AWAY, FCT_STR(""), F_STR("server", n->name), F_C("why", why));
    n->state = AWAY;
    wake_waiters(n, LOOK_AGAIN);
    try_later(n, n->redis->conf->retry.ms);
}

/* One more failure in a row: a short pause, or the long one. */
static void count_failure(struct redis_node *n, const char *why)
{
    n->redis->stats.errors++;
    if (n->state == AWAY || ++n->failures >= n->redis->conf->max_errors) {
        go_away(n, why);
        return;
    }
    if (n->state == THERE)
        n->patience_ms = clock_ms() + n->redis->conf->timeout.ms;
    n->state = CONNECTING;
    try_later(n, (uint64_t)FIRST_PAUSE_MS << n->failures);
}

static void on_lost(void *owner, bool late, const char *why)
{
    struct redis_node *n = owner;

    n->counted = true;
    if (late)
        go_away(n, why);
    else
        count_failure(n, why);
}

/* ---- connecting ---- */

static void destroy(struct redis_node *n)
{
    struct redis *r = n->redis;

    redis_conn_close(&n->conn, "the process ends");
    wake_waiters(n, NODE_ENDED);
    event_free(n->timer);
    free(n);
    redis_unref(r);
}

FCT_MAY_WAIT static bool connect_once(struct redis_node *n, struct arena *arena,
                                      struct fct_err *err)
{
    struct redis *r = n->redis;
    struct dial_address at = n->address;

    if (n->by_sentinel && !redis_sentinel_ask(r, arena, &at, err))
        return false;
    return redis_conn_open(&n->conn, &at, &r->place.login, r->place.database, err) &&
           (!n->by_sentinel || redis_sentinel_confirm(&n->conn, arena, err));
}

static void connected(struct redis_node *n)
{
    if (n->state == AWAY)
        log_event(EV_REDIS_BACK, FCT_STR(""), F_STR("server", n->name));
    n->state = THERE;
    n->failures = 0;
    n->redis->stats.connections++;
    event_del(n->timer);
    wake_waiters(n, LOOK_AGAIN);
}

static void connect_fiber(void *arg)
{
    struct redis_node *n = arg;
    struct arena *arena = arena_new(NULL);
    struct fct_err err = {0};
    bool ok;

    n->counted = false;
    ok = connect_once(n, arena, &err);
    arena_free(&arena);
    if (n->closing) {
        destroy(n);
        return;
    }
    if (ok && n->conn.io) {
        connected(n);
        return;
    }
    redis_conn_close(&n->conn, err.text);
    if (!n->counted)
        count_failure(n, err.text);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct redis_node *n = arg;

    (void)fd, (void)what;
    if (n->state != RESTING && !n->conn.io && !fiber_is_alive(n->connector))
        n->connector = fiber_start(connect_fiber, n);
}

/* Until there is a connection or it is known that there is none. */
FCT_MAY_WAIT static bool wait_for_connection(struct redis_node *n, struct fct_err *err)
{
    if (n->state == RESTING)
        redis_node_start(n);
    while (n->state == CONNECTING) {
        struct waiter me = {.token = fiber_token(), .next = n->waiter}, **at;

        n->waiter = &me;
        (void)fiber_park(n->patience_ms);
        if (me.told == NODE_ENDED)
            return fct_fail(err, FCT_TEMP, "Redis: the process ends");
        if (me.told == LOOK_AGAIN)
            continue;
        for (at = &n->waiter; *at && *at != &me; at = &(*at)->next)
            ;
        if (*at)
            *at = me.next;
        return fct_fail(err, FCT_TEMP, "Redis: no connection yet");
    }
    if (n->state == THERE)
        return true;
    n->redis->stats.refused++;
    return fct_fail(err, FCT_TEMP, "Redis is away");
}

/* ---- for others ---- */

const struct fct_redis_reply *redis_node_ask(struct redis_node *n, struct arena *arena,
                                             const struct fct_str *word, size_t words, bool asking,
                                             struct fct_err *err)
{
    if (!wait_for_connection(n, err))
        return NULL;
    return redis_conn_ask(&n->conn, arena, word, words, asking, err);
}

bool redis_node_is_there(const struct redis_node *n)
{
    return n->state == THERE;
}

bool redis_node_is_away(const struct redis_node *n)
{
    return n->state == AWAY;
}

const struct dial_address *redis_node_address(const struct redis_node *n)
{
    return &n->address;
}

/* ---- life ---- */

struct redis_node *redis_node_new(struct redis *r, const struct dial_address *address)
{
    struct redis_node *n = calloc(1, sizeof *n);

    FCT_ASSERT(n);
    n->redis = r;
    r->users++;
    n->by_sentinel = !address;
    if (address) {
        n->address = *address;
        n->address.host = arena_str(r->arena, address->host);
        n->address.path = arena_str(r->arena, address->path);
    }
    n->name = r->place.kind == REDIS_CLUSTER ? redis_address_name(r->arena, &n->address) : r->name;
    redis_conn_init(&n->conn, r, on_lost, n);
    n->timer = event_new(r->base, -1, 0, on_timer, n);
    FCT_ASSERT(n->timer);
    return n;
}

void redis_node_start(struct redis_node *n)
{
    if (n->state != RESTING)
        return;
    n->state = CONNECTING;
    n->failures = 0;
    n->patience_ms = clock_ms() + n->redis->conf->timeout.ms;
    try_later(n, 0);
}

void redis_node_rest(struct redis_node *n)
{
    if (n->state != AWAY)
        return; /* while it works it may be of use */
    event_del(n->timer);
    n->state = RESTING;
}

void redis_node_free(struct redis_node **node)
{
    struct redis_node *n = *node;

    if (!n)
        return;
    *node = NULL;
    n->closing = true;
    if (fiber_is_alive(n->connector))
        fiber_cancel(n->connector);
    else
        destroy(n);
}
