/* redis_command.c - commands that a shared connection does not bear. */
#include "core/redis/redis.h"

#include "core/base/err.h"
#include "core/base/str.h"

enum why { BLOCKS = 1, BLOCKS_IF_ASKED, STREAMS, STATE };

static const struct {
    const char *name;
    enum why why;
} refused[] = {
    {"BLPOP", BLOCKS},
    {"BRPOP", BLOCKS},
    {"BRPOPLPUSH", BLOCKS},
    {"BLMOVE", BLOCKS},
    {"BLMPOP", BLOCKS},
    {"BZPOPMIN", BLOCKS},
    {"BZPOPMAX", BLOCKS},
    {"BZMPOP", BLOCKS},
    {"WAIT", BLOCKS},
    {"WAITAOF", BLOCKS},
    {"XREAD", BLOCKS_IF_ASKED},
    {"XREADGROUP", BLOCKS_IF_ASKED},
    {"SUBSCRIBE", STREAMS},
    {"PSUBSCRIBE", STREAMS},
    {"SSUBSCRIBE", STREAMS},
    {"UNSUBSCRIBE", STREAMS},
    {"PUNSUBSCRIBE", STREAMS},
    {"SUNSUBSCRIBE", STREAMS},
    {"MONITOR", STREAMS},
    {"SYNC", STREAMS},
    {"PSYNC", STREAMS},
    {"REPLCONF", STREAMS},
    {"MULTI", STATE},
    {"EXEC", STATE},
    {"DISCARD", STATE},
    {"WATCH", STATE},
    {"UNWATCH", STATE},
    {"SELECT", STATE},
    {"AUTH", STATE},
    {"HELLO", STATE},
    {"RESET", STATE},
    {"QUIT", STATE},
    {"CLIENT", STATE},
    {"READONLY", STATE},
    {"READWRITE", STATE},
    {"ASKING", STATE},
    {"SHUTDOWN", STATE},
};

static bool asks_to_block(const struct fct_str *word, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (str_equal_nocase(word[i], FCT_STR("BLOCK")))
            return true;
    return false;
}

bool redis_command_allowed(const struct fct_str *word, size_t n, struct fct_err *err)
{
    static const char *const reasons[] = {
        [BLOCKS] = "it blocks",
        [BLOCKS_IF_ASKED] = "it blocks",
        [STREAMS] = "it has no end",
        [STATE] = "it changes the connection for everybody; a script does several things at once",
    };

    if (n == 0 || word[0].n == 0)
        return fct_fail(err, FCT_DENIED, "a Redis command has at least one word");
    for (size_t i = 0; i < FCT_COUNT(refused); i++) {
        if (!str_equal_nocase(word[0], str_from(refused[i].name)) ||
            (refused[i].why == BLOCKS_IF_ASKED && !asks_to_block(word, n)))
            continue;
        return fct_fail(err, FCT_DENIED, "%s is not for a shared connection: %s", refused[i].name,
                        reasons[refused[i].why]);
    }
    return true;
}
