/* redis_command.c - commands that a shared connection does not bear, and where their keys are. */
#include "core/redis/redis_int.h"

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

/* ---- keys ---- */

/* Where the first key stands when it is not the word behind the command. 0: there is none. COUNT:
 * behind a number that may be 0. STREAMS: behind that word. */
enum { NO_KEY = 0, BEHIND_COUNT = 100, BEHIND_STREAMS };

/* clang-format off */
static const struct {
    const char *name;
    unsigned key;
} unusual[] = {
    {"EVAL", BEHIND_COUNT},    {"EVALSHA", BEHIND_COUNT}, {"EVAL_RO", BEHIND_COUNT},
    {"FCALL", BEHIND_COUNT},   {"FCALL_RO", BEHIND_COUNT}, {"EVALSHA_RO", BEHIND_COUNT},
    {"XREAD", BEHIND_STREAMS}, {"XREADGROUP", BEHIND_STREAMS},
    {"BITOP", 2},              {"OBJECT", 2},             {"MEMORY", 2},
    {"XGROUP", 2},             {"XINFO", 2},              {"PING", NO_KEY},
    {"ECHO", NO_KEY},          {"TIME", NO_KEY},          {"INFO", NO_KEY},
    {"DBSIZE", NO_KEY},        {"KEYS", NO_KEY},          {"SCAN", NO_KEY},
    {"RANDOMKEY", NO_KEY},     {"SCRIPT", NO_KEY},        {"FLUSHALL", NO_KEY},
    {"FLUSHDB", NO_KEY},       {"CLUSTER", NO_KEY},       {"CONFIG", NO_KEY},
    {"COMMAND", NO_KEY},       {"ROLE", NO_KEY},          {"LASTSAVE", NO_KEY},
    {"ACL", NO_KEY},           {"PUBLISH", NO_KEY},
};
/* clang-format on */

static size_t behind_streams(const struct fct_str *word, size_t n)
{
    for (size_t i = 1; i + 1 < n; i++)
        if (str_equal_nocase(word[i], FCT_STR("STREAMS")))
            return i + 1;
    return 0;
}

size_t redis_command_key(const struct fct_str *word, size_t n)
{
    size_t key = 1;

    for (size_t i = 0; i < FCT_COUNT(unusual); i++)
        if (n > 0 && str_equal_nocase(word[0], str_from(unusual[i].name)))
            key = unusual[i].key;
    if (key == BEHIND_STREAMS)
        return behind_streams(word, n);
    if (key == BEHIND_COUNT)
        key = n > 3 && !str_equal(word[2], FCT_STR("0")) ? 3 : 0;
    return key < n ? key : 0;
}
