/* bayes_recall.h - looks up the tokens of a message in a database, with what this process remembers
 * of it. Pure: who sends the questions is the caller's business.
 *
 * One question is enough nearly always: Redis says which state each generation is in, and what was
 * missing; where much is missing it takes a few. When somebody has learned meanwhile it says which
 * buckets that changed, and these are asked for again. When nothing is missing two plain commands
 * ask for the states, which costs Redis a tenth of a script. */
#ifndef PLUGINS_BAYES_BAYES_RECALL_H
#define PLUGINS_BAYES_BAYES_RECALL_H

#include "bayes_cache.h"

enum {
    BAYES_GENERATIONS = 2,    /* that are read */
    BAYES_FETCHED_MOST = 128, /* buckets in one question, so that no answer takes long */
    BAYES_FETCHED_USER = 32,  /* … of a user's database, whose buckets are larger */
    BAYES_FETCHED_FEW = 16,   /* … while the cache is full: what is fetched throws others out */
    BAYES_ENTRIES_MOST = 512, /* of a bucket; larger ones are not remembered */
};

struct bayes_recall_part {
    bayes_generation generation;
    bool done, more; /* more: not everything that is missing was asked for yet */
    bool held;       /* there was a state when we asked: */
    uint64_t state;  /* this one */
    struct bayes_counts messages;
    uint64_t value[BAYES_TOKENS];
    uint16_t fetched[BAYES_FETCHED_MOST], single[BAYES_TOKENS]; /* places of tokens */
    size_t nfetched, nsingle;
    char buckets[2 * BAYES_FETCHED_MOST], tokens[BAYES_PACKED * BAYES_TOKENS];
};

struct bayes_recall {
    struct bayes_cache *cache; /* NULL: remembers nothing; may be another one at each call */
    struct bayes_db db;
    const uint64_t *token;
    uint16_t bucket[BAYES_TOKENS];
    size_t n;
    unsigned rounds;
    bool direct; /* everything is asked for */
    struct bayes_recall_part part[BAYES_GENERATIONS];
};
void bayes_recall_begin(struct bayes_recall *look, const struct bayes_db *db,
                        struct bayes_cache *cache, bayes_generation now, const uint64_t *token,
                        size_t n);

extern const struct fct_redis_script bayes_recall_script;
void bayes_recall_ask(struct bayes_recall *look, struct bayes_question *q);

enum bayes_recall_next { BAYES_RECALL_DONE, BAYES_RECALL_AGAIN, BAYES_RECALL_STRANGE };
enum bayes_recall_next bayes_recall_answer(struct bayes_recall *look,
                                           const struct fct_redis_reply *reply);

/* After the first bayes_recall_ask: nothing is missing, so instead of sending that question it is
 * enough to send the command of each generation and to take both answers. */
#define BAYES_HEAD_WORDS 5
bool bayes_recall_is_here(const struct bayes_recall *look);
void bayes_recall_head(const struct bayes_question *q, unsigned age,
                       struct fct_str word[BAYES_HEAD_WORDS]);
enum bayes_recall_next
bayes_recall_heads(struct bayes_recall *look,
                   const struct fct_redis_reply *const reply[BAYES_GENERATIONS]);

/* When it is done; older generations by their weight. */
void bayes_recall_counts(const struct bayes_recall *look, struct bayes_counts *messages,
                         struct bayes_counts *token);

#endif
