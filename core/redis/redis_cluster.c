/* redis_cluster.c - Redis Cluster: 16384 slots of keys, spread over servers.
 *
 * The map of slots is a guess that the servers put right: one that does not have a key says who
 * does (MOVED, or ASK while it is on its way), and that is followed. The whole map is read at the
 * start and, at most once per redis.retry, whenever it has proved wrong or a server is away. */
#include "core/redis/redis_int.h"

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include <event2/event.h>
#include <stdlib.h>

enum { NODES_MAX = 128, NOBODY = UINT8_MAX, HOPS_MAX = 5 };

struct redis_cluster {
    struct redis *redis;
    struct redis_node *node[NODES_MAX];
    size_t n;
    uint8_t slot[REDIS_SLOTS]; /* whose, or NOBODY */
    struct event *timer;
    struct fiber_id reader; /* of the map */
    uint64_t read_ms;       /* when it was last tried */
    unsigned asking;        /* fibers in redis_cluster_ask */
    bool closing;
};

/* ---- the servers ---- */

static struct redis_node *node_at(struct redis_cluster *c, const struct dial_address *at)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct dial_address *is = redis_node_address(c->node[i]);

        if (is->port == at->port && str_equal(is->host, at->host))
            return c->node[i];
    }
    if (c->n == NODES_MAX)
        return NULL;
    c->node[c->n] = redis_node_new(c->redis, at);
    return c->node[c->n++];
}

static uint8_t number_of(const struct redis_cluster *c, const struct redis_node *node)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->node[i] == node)
            return (uint8_t)i;
    return NOBODY;
}

/* For a command without a key, and while there is no map. */
static struct redis_node *any_node(const struct redis_cluster *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (redis_node_is_there(c->node[i]))
            return c->node[i];
    for (size_t i = 0; i < c->n; i++)
        if (!redis_node_is_away(c->node[i]))
            return c->node[i];
    return c->node[0];
}

static struct redis_node *node_for(const struct redis_cluster *c, const struct fct_str *word,
                                   size_t n)
{
    size_t key = redis_command_key(word, n);
    uint8_t whose = key ? c->slot[redis_slot_of(word[key])] : NOBODY;

    return whose == NOBODY ? any_node(c) : c->node[whose];
}

/* ---- the map ---- */

static bool take_range(struct redis_cluster *c, struct redis_slot_range *range,
                       const struct redis_node *asked)
{
    struct redis_node *node;

    if (range->at.host.n == 0)
        range->at.host = redis_node_address(asked)->host;
    node = node_at(c, &range->at);
    if (!node)
        return false;
    for (unsigned i = range->first; i <= range->last; i++)
        c->slot[i] = number_of(c, node);
    return true;
}

FCT_MAY_WAIT static bool read_map_from(struct redis_cluster *c, struct redis_node *node,
                                       struct arena *arena)
{
    const struct fct_str word[] = {FCT_STR("CLUSTER"), FCT_STR("SLOTS")};
    const struct fct_redis_reply *reply = redis_node_ask(node, arena, word, 2, false, NULL);

    if (!reply || c->closing || reply->kind != FCT_REDIS_ARRAY || reply->n == 0)
        return false;
    memset(c->slot, NOBODY, sizeof c->slot);
    for (size_t i = 0; i < reply->n; i++) {
        struct redis_slot_range range;

        if (!redis_slot_range_parse(&reply->item[i], &range) || !take_range(c, &range, node))
            return false;
    }
    return true;
}

/* Those that have slots stay connected; of the others those that are away are left alone. */
static void sort_nodes(struct redis_cluster *c)
{
    bool used[NODES_MAX] = {false};

    for (size_t i = 0; i < REDIS_SLOTS; i++)
        if (c->slot[i] != NOBODY)
            used[c->slot[i]] = true;
    for (size_t i = 0; i < c->n; i++)
        if (used[i])
            redis_node_start(c->node[i]);
        else
            redis_node_rest(c->node[i]);
}

/* When the last fiber has left it. */
static void destroy(struct redis_cluster *c)
{
    struct redis *r = c->redis;

    if (c->asking > 0 || fiber_is_alive(c->reader))
        return;
    event_free(c->timer);
    free(c);
    redis_unref(r);
}

static void read_map(void *arg)
{
    struct redis_cluster *c = arg;
    struct arena *arena = arena_new(NULL);
    bool ok = false;

    for (size_t i = 0; !c->closing && i < c->n && !ok; i++)
        if (!redis_node_is_away(c->node[i]))
            ok = read_map_from(c, c->node[i], arena);
    arena_free(&arena);
    if (ok && !c->closing)
        sort_nodes(c);
    c->reader = (struct fiber_id){0};
    if (c->closing)
        destroy(c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct redis_cluster *c = arg;

    (void)fd, (void)what;
    c->read_ms = clock_ms();
    if (!fiber_is_alive(c->reader))
        c->reader = fiber_start(read_map, c);
}

static void want_map(struct redis_cluster *c)
{
    uint64_t next = c->read_ms ? c->read_ms + c->redis->conf->retry.ms : 0, now = clock_ms();
    uint64_t ms = next > now ? next - now : 0;

    if (!c->closing && !evtimer_pending(c->timer, NULL))
        event_add(c->timer, &(struct timeval){.tv_sec = (time_t)(ms / 1000),
                                              .tv_usec = (suseconds_t)(ms % 1000 * 1000)});
}

/* ---- asking ---- */

/* Where to instead; NULL: the answer stands. */
static struct redis_node *redirected(struct redis_cluster *c, const struct redis_node *from,
                                     const struct fct_err *err, bool *asking)
{
    struct fct_str text = str_from(err->text);
    struct redis_redirection to;
    struct redis_node *node;

    if (err->class != FCT_DENIED || !str_starts(text, FCT_STR(REDIS_SAYS)) ||
        !redis_redirection_parse(str_skip(text, sizeof REDIS_SAYS - 1), &to))
        return NULL;
    if (to.to.host.n == 0)
        to.to.host = redis_node_address(from)->host;
    node = node_at(c, &to.to);
    if (node && !to.ask) {
        c->slot[to.slot] = number_of(c, node);
        want_map(c);
    }
    *asking = to.ask;
    return node;
}

const struct fct_redis_reply *redis_cluster_ask(struct redis_cluster *c, struct arena *arena,
                                                const struct fct_str *word, size_t n,
                                                struct fct_err *err)
{
    struct redis_node *node = node_for(c, word, n);
    const struct fct_redis_reply *reply = NULL;
    struct fct_err why = {0};
    bool asking = false;

    c->asking++;
    for (unsigned hop = 0; node && !reply && hop < HOPS_MAX; hop++) {
        reply = redis_node_ask(node, arena, word, n, asking, &why);
        node = reply || c->closing ? NULL : redirected(c, node, &why, &asking);
    }
    if (!reply && why.class != FCT_DENIED)
        want_map(c); /* somebody else may have its slots soon */
    if (!reply && err)
        *err = why;
    if (--c->asking == 0 && c->closing)
        destroy(c);
    return reply;
}

/* ---- life ---- */

struct redis_cluster *redis_cluster_new(struct redis *r)
{
    struct redis_cluster *c = calloc(1, sizeof *c);

    FCT_ASSERT(c);
    c->redis = r;
    r->users++;
    memset(c->slot, NOBODY, sizeof c->slot);
    c->timer = event_new(r->base, -1, 0, on_timer, c);
    FCT_ASSERT(c->timer);
    for (size_t i = 0; i < r->place.n; i++)
        (void)node_at(c, &r->place.address[i]);
    return c;
}

void redis_cluster_start(struct redis_cluster *c)
{
    for (size_t i = 0; i < c->n; i++)
        redis_node_start(c->node[i]);
    want_map(c);
}

void redis_cluster_free(struct redis_cluster **cluster)
{
    struct redis_cluster *c = *cluster;

    if (!c)
        return;
    *cluster = NULL;
    c->closing = true;
    event_del(c->timer);
    if (fiber_is_alive(c->reader))
        fiber_cancel(c->reader);
    for (size_t i = 0; i < c->n; i++)
        redis_node_free(&c->node[i]);
    destroy(c);
}

bool redis_cluster_is_there(const struct redis_cluster *c)
{
    for (size_t i = 0; i < REDIS_SLOTS; i++)
        if (c->slot[i] == NOBODY || !redis_node_is_there(c->node[c->slot[i]]))
            return false;
    return true;
}

bool redis_cluster_is_away(const struct redis_cluster *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (!redis_node_is_away(c->node[i]))
            return false;
    return true;
}
