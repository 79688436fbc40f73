/* bayes_store.h - how counts lie in Redis, and the two scripts that read and change them. Pure: who
 * sends them is the caller's business.
 *
 *   fct:b:{DB}:GENERATION          hash: s, h: messages learned as spam and ham
 *   fct:b:{DB}:GENERATION:BUCKET   hash: 5 bytes of a token's hash -> spam << 24 | ham
 *   fct:l:{DB}:GENERATION          hash: digest of a learned message -> who taught what: s or h by
 *                                  a person, -s or -h by the score (bayes_learn_script)
 *   fct:n:{DB}                     list, of users only: what they spoke about last (bayes_near.h)
 *
 * A generation is a quarter of a year: this and the one before are read, the older at half weight,
 * and Redis forgets whole generations by itself. Small hashes with integer values are listpacks:
 * about 14 bytes for a token. {DB} is a hash tag (Redis Cluster): all keys of a database are on one
 * node, where the scripts reach them. */
#ifndef PLUGINS_BAYES_BAYES_STORE_H
#define PLUGINS_BAYES_BAYES_STORE_H

#include "bayes_judge.h"
#include "bayes_message.h"
#include "bayes_near.h"

/* A database: the site's, or a user's. */
struct bayes_db {
    char name[40];
    uint32_t buckets;
    bool is_user;
};
void bayes_db_site(struct bayes_db *db);
/* The account's address is not seen in Redis. key: bayes_key(). */
void bayes_db_user(struct bayes_db *db, uint64_t key, struct fct_str account);

/* Quarters since the year 0. */
typedef uint32_t bayes_generation;
bayes_generation bayes_generation_at(int64_t unix_time);
/* When nobody reads it any more. */
int64_t bayes_generation_end(bayes_generation generation);

/* What a script is called with. The views point into the struct. */
struct bayes_question {
    struct fct_str key[3], arg[10];
    size_t keys, args;
    char text[5][100];
    struct bayes_near_record near;
    char packed[7 * BAYES_TOKENS];
};

/* ---- reading ---- */

extern const struct fct_redis_script bayes_look_script;
void bayes_look(struct bayes_question *q, const struct bayes_db *db, bayes_generation generation,
                const uint64_t *token, size_t n);
/* Adds what one generation answered, times `weight`. False: it is no answer of the script. */
FCT_MUST_CHECK bool bayes_look_add(const struct fct_redis_reply *reply, double weight,
                                   struct bayes_counts *messages, struct bayes_counts *token,
                                   size_t n);
#define BAYES_OLDER_WEIGHT 0.5

/* A plain command: q->arg are its words. The answer is for bayes_near_find. */
void bayes_look_near(struct bayes_question *q, const struct bayes_db *db);

/* ---- learning ---- */

/* Why somebody learns decides what becomes of a message known as the opposite: see bayes_learn. */
enum bayes_why {
    BAYES_SAID,    /* a person said so: learned anew */
    BAYES_MOVED,   /* moved there: what was learned is taken back, which restores what was before */
    BAYES_CAME,    /* appended: as moved, and only spam is news */
    BAYES_GUESSED, /* by the score: what is known stays */
    BAYES_DOUBTED, /* said to another database: here it only holds up a guess of the opposite, for
                      as long as the last word was that */
};
enum bayes_learned { BAYES_KNOWN, BAYES_LEARNED, BAYES_TAKEN_BACK, BAYES_LEARNED_ANEW };

extern const struct fct_redis_script bayes_learn_script;
void bayes_learn(struct bayes_question *q, const struct bayes_db *db, bayes_generation generation,
                 bool spam, enum bayes_why why, const struct bayes_digest *digest,
                 const uint64_t *token, size_t n);
FCT_MUST_CHECK bool bayes_learned(const struct fct_redis_reply *reply, enum bayes_learned *out);
const char *bayes_learned_text(enum bayes_learned what);

#endif
