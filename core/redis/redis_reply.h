/* redis_reply.h - hiredis' replies as plugins see them; for this folder only. */
#ifndef CORE_REDIS_REDIS_REPLY_H
#define CORE_REDIS_REDIS_REPLY_H

#include "core/base/arena.h"
#include <facteur/plugin.h>
#include <hiredis/hiredis.h>

/* A copy in the arena. An error inside an array becomes a string; an error alone is the caller's.
 */
const struct fct_redis_reply *redis_reply_copy(struct arena *arena, const redisReply *reply);

#endif
