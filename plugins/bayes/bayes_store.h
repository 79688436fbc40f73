/* bayes_store.h - how counts lie in Redis, and the two scripts that read and change them. Pure: who
 * sends them is the caller's business.
 *
 *   fct:b:{DB}:GENERATION          hash: s, h: messages learned as spam and ham; v: the state
 *   fct:b:{DB}:GENERATION:BUCKET   hash: 5 bytes of a token's hash -> spam << 24 | ham
 *   fct:l:{DB}:GENERATION          hash: digest of a learned message -> who taught what: s or h by
 *                                  a person, -s or -h by the score (bayes_learn_script)
 *   fct:c:{DB}:GENERATION          list, the newest first: state after a lesson, tokens that it
 *                                  changed; for ten minutes (bayes_recall.h)
 *   fct:t:{DB}:DIGEST              what was taken back, s or h; for an hour: told of the same move
 *                                  once more nothing is learned
 *   fct:n:{DB}                     list, of users only: what they spoke about last (bayes_near.h)
 *
 * The state is a number that follows from what is learned, whatever the order: each lesson adds one
 * of its own, taking it back subtracts it, modulo 2^48. The same state means the same counts.
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

enum {
    BAYES_SITE_BUCKETS =
        16384, /* of 60 tokens when a site knows a million of them: small and fast */
    BAYES_USER_BUCKETS = 256,
    BAYES_PACKED = 7, /* a token in a question: two bytes of bucket, five of field */
};

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
    struct fct_str key[7], arg[12];
    size_t keys, args;
    char text[8][100];
    struct bayes_near_record near;
    char packed[BAYES_PACKED * BAYES_TOKENS];
};

/* ---- parts of questions and answers ---- */

uint32_t bayes_bucket(const struct bayes_db *db, uint64_t token);
void bayes_pack(const struct bayes_db *db, uint64_t token, char *to);
/* Into a text of the question; kind: the letter behind "fct:". */
struct fct_str bayes_key_of(struct bayes_question *q, unsigned slot, const char *kind,
                            const struct bayes_db *db, bayes_generation generation);
struct fct_str bayes_near_key(struct bayes_question *q, unsigned slot, const struct bayes_db *db);
struct fct_str bayes_state_text(struct bayes_question *q, unsigned slot, uint64_t state);
/* Digits at the front of *s, which moves behind them; 0 when there are none. */
uint64_t bayes_number(struct fct_str *s);

/* ---- reading ---- */

extern const struct fct_redis_script bayes_look_script;
void bayes_look(struct bayes_question *q, const struct bayes_db *db, bayes_generation generation,
                const uint64_t *token, size_t n);
/* Adds what one generation answered, times `weight`. False: it is no answer of the script. */
FCT_MUST_CHECK bool bayes_look_add(const struct fct_redis_reply *reply, double weight,
                                   struct bayes_counts *messages, struct bayes_counts *token,
                                   size_t n);
#define BAYES_OLDER_WEIGHT 0.5

/* Of a user's database, before its tokens are asked for: how many messages it knows, and what the
 * user spoke about last. */
extern const struct fct_redis_script bayes_heads_script;
void bayes_heads(struct bayes_question *q, const struct bayes_db *db, bayes_generation now);
/* Adds to *messages. near: for bayes_near_find. */
FCT_MUST_CHECK bool bayes_heads_add(const struct fct_redis_reply *reply,
                                    struct bayes_counts *messages,
                                    const struct fct_redis_reply **near);

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

/* ---- forgetting (bayes_forget.c) ---- */

extern const struct fct_redis_script bayes_forget_script;
/* All that a user has taught. The answer: how many messages that was. */
void bayes_forget(struct bayes_question *q, const struct bayes_db *db, bayes_generation now);

#endif
