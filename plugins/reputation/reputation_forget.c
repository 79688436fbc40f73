/* reputation_forget.c - what one user has said goes, when the user wants it or has left. */
#include "reputation_store.h"

#include <inttypes.h>

/* KEYS: one that only says which server of a cluster is asked. ARGV: where SCAN goes on, which
 * keys. Answers where it goes on, and how many names the user had spoken about. */
const struct fct_redis_script reputation_forget_script = {
    .name = "reputation_forget",
    .text = "local names = 0\n"
            "local got = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 1000)\n"
            "for _, key in ipairs(got[2]) do\n"
            "  if key:sub(#KEYS[1] + 1, #KEYS[1] + 1) ~= 'm' then names = names + 1 end\n"
            "  redis.call('DEL', key)\n"
            "end\n"
            "return {got[1], names}\n",
};

void reputation_forget(struct reputation_question *q, uint64_t cursor, const char *user_tag)
{
    (void)snprintf(q->own_key, sizeof q->own_key, "%s*%s", REPUTATION_PREFIX, user_tag);
    (void)snprintf(q->text[0], sizeof q->text[0], "%" PRIu64, cursor);
    q->key[0] = FCT_STR(REPUTATION_PREFIX);
    q->keys = 1;
    q->arg[0] = (struct fct_str){q->text[0], strlen(q->text[0])};
    q->arg[1] = (struct fct_str){q->own_key, strlen(q->own_key)};
    q->args = 2;
}
