/* bayes_site.h - looks up the tokens of a message in the site's database, with what this process
 * remembers of it. Pure: who sends the questions is the caller's business.
 *
 * One question is enough nearly always: Redis says which state each generation is in, and what was
 * missing; where much is missing it takes a few. When somebody has learned meanwhile it says which
 * buckets that changed, and these are asked for again. */
#ifndef PLUGINS_BAYES_BAYES_SITE_H
#define PLUGINS_BAYES_BAYES_SITE_H

#include "bayes_cache.h"

enum {
    BAYES_GENERATIONS = 2,    /* that are read */
    BAYES_FETCHED_MOST = 128, /* buckets in one question, so that no answer takes long */
    BAYES_FETCHED_FEW = 16,   /* … while the cache is full: what is fetched throws others out */
    BAYES_ENTRIES_MOST = 512, /* of a bucket; larger ones are not remembered */
};

struct bayes_site_part {
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

struct bayes_site_look {
    struct bayes_cache *cache; /* NULL: remembers nothing */
    struct bayes_db db;
    const uint64_t *token;
    uint16_t bucket[BAYES_TOKENS];
    size_t n;
    unsigned rounds;
    bool direct; /* everything is asked for */
    struct bayes_site_part part[BAYES_GENERATIONS];
};
void bayes_site_begin(struct bayes_site_look *look, struct bayes_cache *cache, bayes_generation now,
                      const uint64_t *token, size_t n);

extern const struct fct_redis_script bayes_site_script;
void bayes_site_ask(struct bayes_site_look *look, struct bayes_question *q);

enum bayes_site_next { BAYES_SITE_DONE, BAYES_SITE_AGAIN, BAYES_SITE_STRANGE };
enum bayes_site_next bayes_site_answer(struct bayes_site_look *look,
                                       const struct fct_redis_reply *reply);

/* When it is done; older generations by their weight. */
void bayes_site_counts(const struct bayes_site_look *look, struct bayes_counts *messages,
                       struct bayes_counts *token);

#endif
