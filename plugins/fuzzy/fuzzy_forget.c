/* fuzzy_forget.c - what one user has said goes, when the user wants it or has left; what others
 * said of the same texts stays. */
#include "fuzzy_store.h"

#include <inttypes.h>

/* A generation's lists of teachers, and its list of messages. */
enum { TEACHERS = 256, HASHES = TEACHERS + 1 };
_Static_assert(FUZZY_FORGET_STEPS == 2 * HASHES, "two generations are read");

/* KEYS: the generation, one of its hashes. ARGV: who, where HSCAN goes on, d or l. Answers where it
 * goes on, and how many messages of this user were known in it.
 *
 * The numbers of a sketch that nobody speaks for any more stay until the generation ends: they lead
 * to an id of which nothing is known. */
const struct fct_redis_script fuzzy_forget_script = {
    .name = "fuzzy_forget",
    .text =
        "local who, gone = ARGV[1], 0\n"
        "local got = redis.call('HSCAN', KEYS[2], ARGV[2], 'COUNT', 500)\n"
        "local function message(field, value)\n"
        "  if field:sub(17) ~= who then return end\n"
        "  redis.call('HDEL', KEYS[2], field)\n"
        "  if value:sub(1, 1):lower() == value:sub(1, 1) then gone = gone + 1 end\n"
        "end\n"
        "local function teachers(id, value)\n"
        "  local left = ''\n"
        "  for k = 1, #value, 11 do\n"
        "    if value:sub(k + 1, k + 8) ~= who then left = left .. value:sub(k, k + 10) end\n"
        "  end\n"
        "  if left == value then return end\n"
        "  if left ~= '' then redis.call('HSET', KEYS[2], id, left) return end\n"
        "  redis.call('HDEL', KEYS[2], id)\n"
        "  if redis.call('HINCRBY', KEYS[1], 'n', -1) <= 0 then redis.call('DEL', KEYS[1]) end\n"
        "end\n"
        "for i = 1, #got[2], 2 do\n"
        "  (ARGV[3] == 'l' and message or teachers)(got[2][i], got[2][i + 1])\n"
        "end\n"
        "return {got[1], gone}\n",
};

void fuzzy_forget(struct fuzzy_question *q, struct fuzzy_times at, unsigned step, uint64_t cursor,
                  const struct fuzzy_who *who)
{
    int64_t generation = fuzzy_generation(at) - step / HASHES;
    unsigned hash = step % HASHES;
    char which[8] = "l";

    if (hash < TEACHERS)
        (void)snprintf(which, sizeof which, "d:%u", hash);
    (void)snprintf(q->name[0], sizeof q->name[0], "fct:f:{fuzzy}:%" PRId64, generation);
    (void)snprintf(q->name[1], sizeof q->name[1], "fct:f:{fuzzy}:%" PRId64 ":%s", generation,
                   which);
    (void)snprintf(q->number[0], sizeof q->number[0], "%" PRIu64, cursor);
    memcpy(q->who, who->tag, sizeof q->who);
    for (unsigned i = 0; i < 2; i++)
        q->key[i] = (struct fct_str){q->name[i], strlen(q->name[i])};
    q->arg[0] = (struct fct_str){(const char *)q->who, sizeof q->who};
    q->arg[1] = (struct fct_str){q->number[0], strlen(q->number[0])};
    q->arg[2] = hash < TEACHERS ? FCT_STR("d") : FCT_STR("l");
    q->keys = 2;
    q->args = 3;
}
