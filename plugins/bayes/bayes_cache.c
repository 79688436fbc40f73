/* bayes_cache.c - see bayes_cache.h. Room is made by a hand that goes round: what was not looked at
 * since it came by the last time goes. */
#include "bayes_cache.h"

#include <stdlib.h>

/* 40 bits of field, 24 each of spam and ham. */
struct packed {
    uint32_t field;
    uint16_t part[3];
    uint16_t top;
};

struct bucket {
    uint32_t n;
    bool used;
    struct packed entry[];
};

struct bayes_shelf {
    bayes_generation generation;
    bool known;
    uint64_t state;
    uint32_t buckets;
    struct bucket *bucket[];
};

enum { LARGE = 250 }; /* tokens of a bucket, when a site knows four million */

enum { SHELVES = 2 };

struct bayes_cache {
    size_t bytes, most, hand;
    uint32_t buckets;
    struct bayes_shelf *shelf[SHELVES];
};

#define FIELD_MASK UINT64_C(0xffffffffff)

/* ---- life ---- */

struct bayes_cache *bayes_cache_new(size_t most, uint32_t buckets)
{
    struct bayes_cache *cache = calloc(1, sizeof *cache);

    if (cache) {
        cache->most = most;
        cache->buckets = buckets;
    }
    return cache;
}

void bayes_cache_limit(struct bayes_cache *cache, size_t most)
{
    cache->most = most;
}

static size_t size_of(size_t entries)
{
    return sizeof(struct bucket) + entries * sizeof(struct packed);
}

static void drop(struct bayes_cache *cache, struct bucket **place)
{
    if (!*place)
        return;
    cache->bytes -= size_of((*place)->n);
    free(*place);
    *place = NULL;
}

void bayes_shelf_reset(struct bayes_cache *cache, struct bayes_shelf *shelf, uint64_t state)
{
    for (size_t i = 0; i < shelf->buckets; i++)
        drop(cache, &shelf->bucket[i]);
    shelf->known = true;
    shelf->state = state;
}

void bayes_cache_free(struct bayes_cache **cache)
{
    if (!*cache)
        return;
    for (unsigned i = 0; i < SHELVES; i++) {
        if ((*cache)->shelf[i])
            bayes_shelf_reset(*cache, (*cache)->shelf[i], 0);
        free((*cache)->shelf[i]);
    }
    free(*cache);
    *cache = NULL;
}

size_t bayes_cache_bytes(const struct bayes_cache *cache)
{
    return cache->bytes;
}

bool bayes_cache_is_full(const struct bayes_cache *cache)
{
    return cache->bytes + size_of(LARGE) > cache->most;
}

/* ---- shelves ---- */

struct bayes_shelf *bayes_cache_shelf(struct bayes_cache *cache, bayes_generation generation)
{
    struct bayes_shelf **shelf = &cache->shelf[generation % SHELVES];

    if (!*shelf) {
        *shelf = calloc(1, sizeof **shelf + cache->buckets * sizeof *(*shelf)->bucket);
        if (!*shelf)
            return NULL;
        (*shelf)->buckets = cache->buckets;
    }
    if ((*shelf)->generation != generation) {
        bayes_shelf_reset(cache, *shelf, 0);
        (*shelf)->known = false;
        (*shelf)->generation = generation;
    }
    return *shelf;
}

bool bayes_shelf_state(const struct bayes_shelf *shelf, uint64_t *state)
{
    *state = shelf->state;
    return shelf->known;
}

void bayes_shelf_move(struct bayes_cache *cache, struct bayes_shelf *shelf, uint64_t state,
                      struct fct_str changed)
{
    for (; changed.n >= BAYES_PACKED; changed.p += BAYES_PACKED, changed.n -= BAYES_PACKED) {
        const unsigned char *p = (const unsigned char *)changed.p;
        unsigned bucket = (unsigned)p[0] << 8 | p[1];

        if (bucket < shelf->buckets)
            drop(cache, &shelf->bucket[bucket]);
    }
    shelf->state = state;
}

/* ---- buckets ---- */

void bayes_shelf_expect(const struct bayes_shelf *shelf, uint16_t bucket, uint16_t later)
{
    if (later < shelf->buckets)
        __builtin_prefetch(&shelf->bucket[later]);
    if (bucket < shelf->buckets && shelf->bucket[bucket]) {
        __builtin_prefetch(shelf->bucket[bucket]);
        __builtin_prefetch((const char *)shelf->bucket[bucket] + 64);
    }
}

bool bayes_shelf_find(struct bayes_shelf *shelf, uint16_t bucket, uint64_t token, uint64_t *value)
{
    struct bucket *b = bucket < shelf->buckets ? shelf->bucket[bucket] : NULL;
    uint64_t field = token & FIELD_MASK;

    if (!b)
        return false;
    b->used = true;
    *value = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        const struct packed *p = &b->entry[i];

        if (p->field != (uint32_t)field || p->top != field >> 32)
            continue;
        *value = (uint64_t)p->part[2] << 32 | (uint64_t)p->part[1] << 16 | p->part[0];
        break;
    }
    return true;
}

/* At most two rounds: the first may find nothing but what was used. */
static void make_room(struct bayes_cache *cache, size_t bytes)
{
    size_t places = SHELVES * (size_t)cache->buckets;

    for (size_t i = 0; i < 2 * places && cache->bytes + bytes > cache->most; i++) {
        size_t at = cache->hand++ % places;
        struct bayes_shelf *shelf = cache->shelf[at / cache->buckets];
        struct bucket **place = shelf ? &shelf->bucket[at % cache->buckets] : NULL;

        if (!place || !*place)
            continue;
        if ((*place)->used)
            (*place)->used = false;
        else
            drop(cache, place);
    }
}

void bayes_shelf_put(struct bayes_cache *cache, struct bayes_shelf *shelf, uint16_t bucket,
                     const struct bayes_entry *entry, size_t n)
{
    size_t bytes = size_of(n);
    struct bucket *b;

    if (bucket >= shelf->buckets || bytes > cache->most)
        return;
    drop(cache, &shelf->bucket[bucket]);
    make_room(cache, bytes);
    b = cache->bytes + bytes <= cache->most ? malloc(bytes) : NULL;
    if (!b)
        return;
    b->n = (uint32_t)n;
    b->used = true;
    for (size_t i = 0; i < n; i++)
        b->entry[i] = (struct packed){
            .field = (uint32_t)entry[i].field,
            .top = (uint16_t)(entry[i].field >> 32 & 0xff),
            .part = {(uint16_t)entry[i].value, (uint16_t)(entry[i].value >> 16),
                     (uint16_t)(entry[i].value >> 32)},
        };
    shelf->bucket[bucket] = b;
    cache->bytes += bytes;
}
