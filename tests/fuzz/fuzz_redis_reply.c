/* fuzz_redis_reply.c - what a Redis, or somebody in its place, sends, in pieces: nothing outside it
 * is read, a copy says what hiredis read, and what a cluster or a Sentinel says of places is in
 * range. The first byte is the size of the pieces. */
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/redis/redis_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ELEMENTS = 10000 };

static size_t items_of(const struct fct_redis_reply *reply)
{
    size_t n = 1;

    FCT_ASSERT(reply->kind == FCT_REDIS_ARRAY || reply->n == 0);
    FCT_ASSERT(reply->string.p || reply->string.n == 0);
    for (size_t i = 0; i < reply->n; i++)
        n += items_of(&reply->item[i]);
    return n;
}

static void check_places(const struct fct_redis_reply *reply)
{
    struct redis_slot_range range;
    struct redis_redirection to;

    if (redis_slot_range_parse(reply, &range))
        FCT_ASSERT(range.first <= range.last && range.last < REDIS_SLOTS && range.at.port > 0);
    if (redis_redirection_parse(reply->string, &to))
        FCT_ASSERT(to.slot < REDIS_SLOTS && to.to.port > 0 && to.to.host.n < reply->string.n);
    FCT_ASSERT(redis_slot_of(reply->string) < REDIS_SLOTS);
    for (size_t i = 0; i < reply->n; i++)
        check_places(&reply->item[i]);
}

static void take(struct arena *arena, redisReply *read)
{
    const struct fct_redis_reply *reply = redis_reply_copy(arena, read);

    if (read->type == REDIS_REPLY_STRING)
        FCT_ASSERT(str_equal(reply->string, (struct fct_str){read->str, read->len}));
    if (read->type == REDIS_REPLY_INTEGER)
        FCT_ASSERT(reply->integer == read->integer);
    freeReplyObject(read);
    FCT_ASSERT(items_of(reply) <= 1 + ELEMENTS);
    check_places(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t piece = size > 0 && data[0] > 0 ? data[0] : 1;
    struct redis_reply_limit limit;
    redisReader *reader = redis_reply_reader(&limit, ELEMENTS);
    struct arena *arena = arena_new(NULL);
    void *read = NULL;

    FCT_ASSERT(reader);
    for (size_t at = 1; at < size && !reader->err; at += piece) {
        size_t n = size - at < piece ? size - at : piece;

        redisReaderFeed(reader, (const char *)data + at, n);
        while (redisReaderGetReply(reader, &read) == REDIS_OK && read) {
            take(arena, read);
            read = NULL;
            redis_reply_ended(&limit);
        }
    }
    redisReaderFree(reader);
    arena_free(&arena);
    return 0;
}
