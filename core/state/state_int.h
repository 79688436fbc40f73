/* state_int.h - for kv.c and limit.c. */
#ifndef CORE_STATE_STATE_INT_H
#define CORE_STATE_STATE_INT_H

#include "core/redis/redis.h"
#include "core/state/local_table.h"
#include "core/state/state.h"

struct state {
    const struct state_conf *conf;
    struct redis *redis;
    unsigned processes;
    struct local_table *local;
    struct state_stats stats;
};

/* NULL: ask the local table; *from says why. */
FCT_MAY_WAIT const struct fct_redis_reply *state_ask(struct state *s, struct arena *arena,
                                                     const struct fct_str *word, size_t n,
                                                     enum state_from *from);
FCT_MAY_WAIT const struct fct_redis_reply *state_run(struct state *s, struct arena *arena,
                                                     const struct fct_redis_script *script,
                                                     struct fct_str key, const struct fct_str *arg,
                                                     size_t args, enum state_from *from);

#endif
