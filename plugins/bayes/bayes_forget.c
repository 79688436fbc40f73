/* bayes_forget.c - a user's database goes, when its owner wants it or has left. What the site's has
 * learned is not told apart by who taught it. */
#include "bayes_store.h"

/* KEYS: the heads of this generation and the one before, the marks of both, what was spoken about
 * last, the changes of both. ARGV: buckets of a generation. Returns how many messages it had
 * learned. What was taken back within the last hour is no knowledge, and ends by itself. */
const struct fct_redis_script bayes_forget_script = {
    .name = "bayes_forget",
    .text = "local learned = redis.call('HLEN', KEYS[3]) + redis.call('HLEN', KEYS[4])\n"
            "for i = 1, 2 do\n"
            "  for bucket = 0, tonumber(ARGV[1]) - 1 do\n"
            "    redis.call('DEL', KEYS[i] .. ':' .. bucket)\n"
            "  end\n"
            "end\n"
            "redis.call('DEL', unpack(KEYS))\n"
            "return learned\n",
};

void bayes_forget(struct bayes_question *q, const struct bayes_db *db, bayes_generation now)
{
    q->key[0] = bayes_key_of(q, 0, "b", db, now);
    q->key[1] = bayes_key_of(q, 1, "b", db, now - 1);
    q->key[2] = bayes_key_of(q, 2, "l", db, now);
    q->key[3] = bayes_key_of(q, 3, "l", db, now - 1);
    q->key[4] = bayes_near_key(q, 4, db);
    q->key[5] = bayes_key_of(q, 5, "c", db, now);
    q->key[6] = bayes_key_of(q, 6, "c", db, now - 1);
    q->keys = 7;
    (void)snprintf(q->text[7], sizeof q->text[7], "%u", db->buckets);
    q->arg[0] = (struct fct_str){q->text[7], strlen(q->text[7])};
    q->args = 1;
}
