/* redis_reply.c - see redis_reply.h. */
#include "core/redis/redis_reply.h"

enum { DEPTH_MAX = 9 }; /* hiredis reads no deeper ones */

/* ---- the reader ---- */

#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

static redisReplyObjectFunctions functions;
static void *(*make_array)(const redisReadTask *task, element_count n);

static void *make_array_within(const redisReadTask *task, element_count n)
{
    struct redis_reply_limit *limit = task->privdata;

    if ((size_t)n > limit->left)
        return NULL; /* the reader fails */
    limit->left -= (size_t)n;
    return make_array(task, n);
}

redisReader *redis_reply_reader(struct redis_reply_limit *limit, size_t most)
{
    redisReader *reader = redisReaderCreate();

    if (!reader)
        return NULL;
    if (!make_array) {
        functions = *reader->fn;
        make_array = functions.createArray;
        functions.createArray = make_array_within;
    }
    limit->most = limit->left = most;
    reader->fn = &functions;
    reader->privdata = limit;
    return reader;
}

/* ---- replies ---- */

static void copy(struct arena *arena, const redisReply *from, struct fct_redis_reply *to,
                 unsigned depth)
{
    struct fct_redis_reply *item;

    *to = (struct fct_redis_reply){.kind = FCT_REDIS_NIL, .string = {"", 0}};
    switch (from->type) {
    case REDIS_REPLY_INTEGER:
        to->kind = FCT_REDIS_INTEGER;
        to->integer = from->integer;
        return;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
        to->kind = FCT_REDIS_STRING;
        to->string = arena_str(arena, (struct fct_str){from->str, from->len});
        return;
    case REDIS_REPLY_ARRAY:
        to->kind = FCT_REDIS_ARRAY;
        to->n = depth < DEPTH_MAX ? from->elements : 0;
        item = ARENA_ARRAY(arena, struct fct_redis_reply, to->n + 1);
        to->item = item;
        for (size_t i = 0; i < to->n; i++)
            copy(arena, from->element[i], &item[i], depth + 1);
        return;
    default:
        return;
    }
}

const struct fct_redis_reply *redis_reply_copy(struct arena *arena, const redisReply *reply)
{
    struct fct_redis_reply *to = ARENA_NEW(arena, struct fct_redis_reply);

    copy(arena, reply, to, 0);
    return to;
}
