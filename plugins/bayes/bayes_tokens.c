/* bayes_tokens.c - see bayes_tokens.h. */
#include "bayes_tokens.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Room of each drawer in the end. What a message is about itself (sender, header, URLs, shape) says
 * most per token; single words hold longer than pairs, of which there are four times as many. */
static const size_t share[BAYES_KINDS] = {
    [BAYES_ABOUT] = 250,
    [BAYES_WORDS] = 300,
    [BAYES_PAIRS] = 250,
};

static const enum bayes_kind kind_of[] = {
    [BAYES_WORD] = BAYES_WORDS,         [BAYES_PAIR] = BAYES_PAIRS,   [BAYES_SUBJECT] = BAYES_ABOUT,
    [BAYES_SUBJECT_PAIR] = BAYES_PAIRS, [BAYES_HIDDEN] = BAYES_WORDS, [BAYES_SENDER] = BAYES_ABOUT,
    [BAYES_URL] = BAYES_ABOUT,          [BAYES_HEADER] = BAYES_ABOUT, [BAYES_SHAPE] = BAYES_ABOUT,
    [BAYES_FILE] = BAYES_ABOUT,
};

uint64_t bayes_key(struct fct_str secret)
{
    return XXH3_64bits(secret.p ? secret.p : "", secret.n);
}

void bayes_tokens_init(struct bayes_tokens *t, uint64_t key)
{
    t->key = key;
    for (unsigned i = 0; i < BAYES_KINDS; i++) {
        t->drawer[i].n = 0;
        t->drawer[i].most = BAYES_TOKENS;
        t->drawer[i].limit = UINT64_MAX;
    }
}

/* ---- a drawer ---- */

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Hashes are spread evenly, so a place for each is known by its value alone: they are dealt out and
 * what lies together is sorted. Whoever chooses words that lie together only makes us sort. */
enum { HEAP_BITS = 9, HEAPS = 1 << HEAP_BITS, FEW = 24 };

static void sort_few(uint64_t *hash, size_t n)
{
    if (n > FEW) {
        qsort(hash, n, sizeof *hash, compare);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        uint64_t one = hash[i];
        size_t at = i;

        for (; at > 0 && hash[at - 1] > one; at--)
            hash[at] = hash[at - 1];
        hash[at] = one;
    }
}

/* Dealt out into room, for n hashes; end: of the heaps there. */
static void deal(const uint64_t *hash, size_t n, uint64_t *room, uint16_t end[HEAPS + 1])
{
    uint64_t most = HEAPS - 1;
    unsigned shift;

    for (size_t i = 0; i < n; i++)
        most |= hash[i];
    shift = 64 - (unsigned)__builtin_clzll(most) - HEAP_BITS;
    memset(end, 0, (HEAPS + 1) * sizeof *end);
    for (size_t i = 0; i < n; i++)
        end[hash[i] >> shift]++;
    for (size_t i = 1; i <= HEAPS; i++)
        end[i] = (uint16_t)(end[i] + end[i - 1]);
    for (size_t i = n; i > 0; i--)
        room[--end[hash[i - 1] >> shift]] = hash[i - 1];
}

/* Sorted, each once, no more than `most`: heaps behind those are not even sorted. */
static void tidy(struct bayes_drawer *d)
{
    uint64_t room[BAYES_DRAWER];
    uint16_t begin[HEAPS + 1]; /* what deal() calls ends: it takes from behind */
    size_t n = 0;

    deal(d->hash, d->n, room, begin);
    for (size_t heap = 0; heap < HEAPS && n < d->most; heap++) {
        sort_few(room + begin[heap], (size_t)begin[heap + 1] - begin[heap]);
        for (size_t i = begin[heap]; i < begin[heap + 1] && n < d->most; i++)
            if (n == 0 || room[i] != d->hash[n - 1])
                d->hash[n++] = room[i];
    }
    d->n = n;
    if (d->n == d->most)
        d->limit = d->hash[d->n - 1];
}

static void put(struct bayes_tokens *t, enum bayes_space space, uint64_t hash)
{
    struct bayes_drawer *d = &t->drawer[kind_of[space]];

    if (hash >= d->limit)
        return;
    if (d->n == FCT_COUNT(d->hash))
        tidy(d);
    d->hash[d->n++] = hash;
}

/* ---- tokens ---- */

static uint64_t hash_of(const struct bayes_tokens *t, enum bayes_space space, struct fct_str text)
{
    return XXH3_64bits_withSeed(text.p ? text.p : "", text.n, t->key ^ (uint64_t)space << 56);
}

uint64_t bayes_token(struct bayes_tokens *t, enum bayes_space space, struct fct_str text)
{
    uint64_t hash = hash_of(t, space, text);

    put(t, space, hash);
    return hash;
}

void bayes_token_of(struct bayes_tokens *t, enum bayes_space space, const char *name,
                    struct fct_str value)
{
    struct fct_str n = {name, strlen(name)};

    bayes_token_pair(t, space, hash_of(t, space, n), hash_of(t, space, value), 0);
}

void bayes_token_number(struct bayes_tokens *t, enum bayes_space space, const char *name,
                        uint64_t number)
{
    bayes_token_of(t, space, name, (struct fct_str){(const char *)&number, sizeof number});
}

void bayes_token_pair(struct bayes_tokens *t, enum bayes_space space, uint64_t first,
                      uint64_t second, unsigned distance)
{
    uint64_t both[3] = {first, second, distance};

    put(t, space, XXH3_64bits_withSeed(both, sizeof both, t->key ^ (uint64_t)space << 56));
}

/* ---- the end ---- */

/* The lowest of what the drawers begin with, again and again. */
static size_t merge(const struct bayes_tokens *t, const size_t take[BAYES_KINDS], uint64_t *out)
{
    size_t at[BAYES_KINDS] = {0}, n = 0;

    for (;;) {
        unsigned lowest = BAYES_KINDS;

        for (unsigned i = 0; i < BAYES_KINDS; i++)
            if (at[i] < take[i] && (lowest == BAYES_KINDS ||
                                    t->drawer[i].hash[at[i]] < t->drawer[lowest].hash[at[lowest]]))
                lowest = i;
        if (lowest == BAYES_KINDS)
            return n;
        out[n++] = t->drawer[lowest].hash[at[lowest]++];
    }
}

size_t bayes_tokens_finish(struct bayes_tokens *t, uint64_t out[BAYES_TOKENS])
{
    size_t take[BAYES_KINDS], left = BAYES_TOKENS;

    for (unsigned i = 0; i < BAYES_KINDS; i++) {
        struct bayes_drawer *d = &t->drawer[i];

        tidy(d);
        take[i] = d->n < share[i] ? d->n : share[i];
        left -= take[i];
    }
    for (unsigned i = 0; i < BAYES_KINDS; i++) { /* what others do not need */
        size_t more = t->drawer[i].n - take[i];

        more = more < left ? more : left;
        take[i] += more;
        left -= more;
    }
    return merge(t, take, out);
}
