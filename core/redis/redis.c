/* redis.c - see redis.h. What a caller sees of the one server or the cluster behind it. */
#include "core/redis/redis_int.h"

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/redis/redis_spawn.h"
#include <openssl/ssl.h>
#include <stdlib.h>

/* ---- asking ---- */

const struct fct_redis_reply *redis_send(struct redis *r, struct arena *arena,
                                         const struct fct_str *word, size_t n, struct fct_err *err)
{
    if (r->stats.pending >= r->conf->max_pending) {
        fct_fail(err, FCT_LIMIT, "%u Redis commands wait (redis.max_pending)", r->stats.pending);
        return NULL;
    }
    return r->cluster ? redis_cluster_ask(r->cluster, arena, word, n, err)
                      : redis_node_ask(r->node, arena, word, n, false, err);
}

const struct fct_redis_reply *redis_call(struct redis *r, struct arena *arena,
                                         const struct fct_str *word, size_t n, struct fct_err *err)
{
    return redis_command_allowed(word, n, err) ? redis_send(r, arena, word, n, err) : NULL;
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
    r->arena = arena_new(NULL);
    r->users = 1;
    if (!redis_place_parse(r->arena, conf, run_dir, &r->place, err) ||
        (r->place.tls && !redis_tls_new(conf->ca_file, &r->tls, err))) {
        redis_unref(r);
        return false;
    }
    r->name = redis_place_name(r->arena, &r->place);
    if (r->place.kind == REDIS_CLUSTER)
        r->cluster = redis_cluster_new(r);
    else
        r->node = redis_node_new(r, r->place.kind == REDIS_SENTINEL ? NULL : r->place.address);
    *out = r;
    return true;
}

void redis_start(struct redis *r)
{
    if (r->cluster)
        redis_cluster_start(r->cluster);
    else
        redis_node_start(r->node);
}

/* The last user may be a fiber that was about to connect. */
void redis_unref(struct redis *r)
{
    if (--r->users > 0)
        return;
    SSL_CTX_free(r->tls);
    arena_free(&r->arena);
    free(r);
}

void redis_free(struct redis **redis)
{
    struct redis *r = *redis;

    if (!r)
        return;
    *redis = NULL;
    redis_cluster_free(&r->cluster);
    redis_node_free(&r->node);
    redis_unref(r);
}

bool redis_is_there(const struct redis *r)
{
    return r && !(r->cluster ? redis_cluster_is_away(r->cluster) : redis_node_is_away(r->node));
}

struct redis_stats redis_stats(const struct redis *r)
{
    struct redis_stats stats = r->stats;

    stats.there = r->cluster ? redis_cluster_is_there(r->cluster) : redis_node_is_there(r->node);
    stats.away = !redis_is_there(r);
    return stats;
}
