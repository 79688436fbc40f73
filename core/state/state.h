/* state.h - where small facts and rate limits are: in Redis while it answers, else in this process.
 *
 * What happens when Redis is away: nobody waits and nothing fails. Facts are looked up and written
 * in the process's own bounded memory, so they may be older or unknown; limits give each process
 * its share of the rate. Nothing is carried over when Redis comes back. Each call says where it was
 * answered. */
#ifndef CORE_STATE_STATE_H
#define CORE_STATE_STATE_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/state/state_conf.h"

struct redis;
struct state;

enum state_from {
    STATE_REDIS,
    STATE_LOCAL,    /* there is no Redis in the configuration */
    STATE_DEGRADED, /* there is one, but it did not answer */
};

/* redis: may be NULL. processes: that share the work, at least 1. */
struct state *state_new(const struct state_conf *conf, struct redis *redis, unsigned processes);
void state_free(struct state **s);

struct state_stats {
    uint64_t asked[STATE_DEGRADED + 1]; /* by where they were answered */
    size_t entries, bytes;
    uint64_t evicted;
};
struct state_stats state_stats(const struct state *s);

/* kv.h and limit.h: the same key never means two things. False: too long. */
FCT_MUST_CHECK bool state_key(const struct state *s, struct arena *arena, const char *kind,
                              const char *owner, struct fct_str key, struct fct_str *out,
                              struct fct_err *err);

#endif
