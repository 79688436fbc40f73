/* limit.h - rate limits by the generic cell rate algorithm: one number per key, the time at which
 * the bucket will be full again. What is refused takes nothing.
 *
 * "200/1h burst 50": 200 an hour in an even flow, up to 50 at once. Without a burst the bucket
 * holds the whole amount. When Redis is away each process has its share of rate and burst, at least
 * one. */
#ifndef CORE_STATE_LIMIT_H
#define CORE_STATE_LIMIT_H

#include "core/state/state.h"

/* True: they were taken. False: *wait_ms until they can be; UINT32_MAX: never, the bucket is too
 * small or the key too long. */
FCT_MAY_WAIT bool limit_take(struct state *s, struct arena *arena, const char *owner,
                             struct fct_str key, const struct fct_rate *rate, uint32_t amount,
                             uint32_t *wait_ms, enum state_from *from);

#endif
