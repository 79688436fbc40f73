/* state.c - see state.h. */
#include "core/state/state_int.h"

#include "core/base/str.h"
#include <stdlib.h>

struct state *state_new(const struct state_conf *conf, struct redis *redis, unsigned processes)
{
    struct state *s = calloc(1, sizeof *s);

    FCT_ASSERT(s && processes > 0);
    s->conf = conf;
    s->redis = redis;
    s->processes = processes;
    s->local = local_table_new(conf->max_entries, conf->max_memory.bytes);
    return s;
}

void state_free(struct state **s)
{
    if (!*s)
        return;
    local_table_free(&(*s)->local);
    free(*s);
    *s = NULL;
}

struct state_stats state_stats(const struct state *s)
{
    struct state_stats stats = s->stats;

    stats.entries = local_table_entries(s->local);
    stats.bytes = local_table_bytes(s->local);
    stats.evicted = local_table_evicted(s->local);
    return stats;
}

bool state_key(const struct state *s, struct arena *arena, const char *kind, const char *owner,
               struct fct_str key, struct fct_str *out, struct fct_err *err)
{
    struct fct_str front = arena_printf(arena, "fct:%s:%s:", kind, owner);
    char *whole;

    if (key.n > s->conf->max_key)
        return fct_fail(err, FCT_LIMIT, "a key of %zu bytes is longer than state.max_key", key.n);
    whole = arena_alloc(arena, front.n + key.n + 1);
    memcpy(whole, front.p, front.n);
    if (key.n)
        memcpy(whole + front.n, key.p, key.n);
    *out = (struct fct_str){whole, front.n + key.n};
    return true;
}

static const struct fct_redis_reply *counted(struct state *s, const struct fct_redis_reply *reply,
                                             enum state_from *from)
{
    *from = reply ? STATE_REDIS : s->redis ? STATE_DEGRADED : STATE_LOCAL;
    s->stats.asked[*from]++;
    return reply;
}

const struct fct_redis_reply *state_ask(struct state *s, struct arena *arena,
                                        const struct fct_str *word, size_t n, enum state_from *from)
{
    return counted(s, s->redis ? redis_call(s->redis, arena, word, n, NULL) : NULL, from);
}

const struct fct_redis_reply *state_run(struct state *s, struct arena *arena,
                                        const struct fct_redis_script *script, struct fct_str key,
                                        const struct fct_str *arg, size_t args,
                                        enum state_from *from)
{
    return counted(
        s, s->redis ? redis_script(s->redis, arena, script, &key, 1, arg, args, NULL) : NULL, from);
}
