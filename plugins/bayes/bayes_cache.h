/* bayes_cache.h - what a process remembers of a database, by whole buckets: most tokens of a new
 * message were never learned, and a bucket that is here says so without asking Redis.
 *
 * A generation in Redis has a state (bayes_store.h), which each lesson changes. What lies here is
 * true for one state; whoever sees another one moves the shelf on before using it. */
#ifndef PLUGINS_BAYES_BAYES_CACHE_H
#define PLUGINS_BAYES_BAYES_CACHE_H

#include "bayes_store.h"

/* The lower 40 bits of a token, and its value: spam << 24 | ham. */
struct bayes_entry {
    uint64_t field, value;
};

/* A generation. */
struct bayes_shelf;
struct bayes_cache;

/* most: bytes that may be taken; buckets: of the database. NULL: no memory. */
struct bayes_cache *bayes_cache_new(size_t most, uint32_t buckets);
void bayes_cache_free(struct bayes_cache **cache);
/* Less than what is taken already: what comes next makes room. */
void bayes_cache_limit(struct bayes_cache *cache, size_t most);
size_t bayes_cache_bytes(const struct bayes_cache *cache);

/* What comes next throws something out. */
bool bayes_cache_is_full(const struct bayes_cache *cache);

/* Two generations are kept, older ones make room. NULL: no memory. */
struct bayes_shelf *bayes_cache_shelf(struct bayes_cache *cache, bayes_generation generation);
/* False: nothing is known of this generation. */
bool bayes_shelf_state(const struct bayes_shelf *shelf, uint64_t *state);
/* Everything on it is thrown away. */
void bayes_shelf_reset(struct bayes_cache *cache, struct bayes_shelf *shelf, uint64_t state);
/* Only the buckets of these tokens (bayes_pack) changed. */
void bayes_shelf_move(struct bayes_cache *cache, struct bayes_shelf *shelf, uint64_t state,
                      struct fct_str changed);

/* The processor waits for memory less if it hears of a bucket before that is looked at, and of its
 * place (`later`) before that. */
void bayes_shelf_expect(const struct bayes_shelf *shelf, uint16_t bucket, uint16_t later);
/* False: this bucket is not here. */
bool bayes_shelf_find(struct bayes_shelf *shelf, uint16_t bucket, uint64_t token, uint64_t *value);
void bayes_shelf_put(struct bayes_cache *cache, struct bayes_shelf *shelf, uint16_t bucket,
                     const struct bayes_entry *entry, size_t n);

#endif
