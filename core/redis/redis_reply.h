/* redis_reply.h - hiredis' reader with a limit, and its replies as plugins see them; for this
 * folder only. */
#ifndef CORE_REDIS_REDIS_REPLY_H
#define CORE_REDIS_REDIS_REPLY_H

#include "core/base/arena.h"
#include <facteur/plugin.h>
#include <hiredis/hiredis.h>

/* An array says how many elements will come, and hiredis makes room for as many before it has seen
 * one. So there is a limit for all arrays of one reply together. */
struct redis_reply_limit {
    size_t most, left;
};
/* A reader that fails above the limit; NULL: no memory. limit lives as long, and is told the end of
 * every reply. */
redisReader *redis_reply_reader(struct redis_reply_limit *limit, size_t most);
static inline void redis_reply_ended(struct redis_reply_limit *limit)
{
    limit->left = limit->most;
}

/* A copy in the arena. An error inside an array becomes a string; an error alone is the caller's.
 */
const struct fct_redis_reply *redis_reply_copy(struct arena *arena, const redisReply *reply);

#endif
