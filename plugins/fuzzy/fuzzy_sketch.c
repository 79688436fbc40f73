/* fuzzy_sketch.c - see fuzzy_sketch.h. */
#include "fuzzy_sketch.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Of 256 places that runs are thrown into, how many must be taken. */
enum { DISTINCT_MIN = 16, PLACES = 256 };

uint64_t fuzzy_key(struct fct_str secret)
{
    return secret.n > 0 ? XXH3_64bits(secret.p, secret.n) : 0;
}

/* splitmix64 (S. Vigna): every bit of the result depends on every bit of x. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

void fuzzy_sketch_begin(struct fuzzy_sketcher *s, uint64_t key)
{
    *s = (struct fuzzy_sketcher){.key = key};
    for (unsigned i = 0; i < FUZZY_POSITIONS; i++) {
        s->times[i] = mix(i) | 1;
        s->plus[i] = mix(i + FUZZY_POSITIONS);
        s->low[i] = UINT64_MAX;
    }
}

static void add_run(struct fuzzy_sketcher *s)
{
    uint64_t run = XXH3_64bits_withSeed(s->run, sizeof s->run, s->key);

    s->seen[run % PLACES / 64] |= UINT64_C(1) << run % 64;
    for (unsigned i = 0; i < FUZZY_POSITIONS; i++) {
        uint64_t value = run * s->times[i] + s->plus[i];

        if (value < s->low[i])
            s->low[i] = value;
    }
}

void fuzzy_sketch_word(struct fuzzy_sketcher *s, struct fct_str word)
{
    s->run[0] = s->run[1];
    s->run[1] = s->run[2];
    s->run[2] = XXH3_64bits_withSeed(word.p, word.n, s->key);
    if (++s->words >= FCT_COUNT(s->run))
        add_run(s);
}

void fuzzy_sketch_end(const struct fuzzy_sketcher *s, struct fuzzy_sketch *out)
{
    int distinct = 0;

    for (size_t i = 0; i < FCT_COUNT(s->seen); i++)
        distinct += __builtin_popcountll(s->seen[i]);
    *out =
        (struct fuzzy_sketch){.is_there = s->words >= FUZZY_WORDS_MIN && distinct >= DISTINCT_MIN};
    for (unsigned i = 0; out->is_there && i < FUZZY_POSITIONS; i++)
        out->value[i] = (uint32_t)mix(s->low[i]);
}

unsigned fuzzy_sketch_equal(const struct fuzzy_sketch *a, const struct fuzzy_sketch *b)
{
    unsigned n = 0;

    for (unsigned i = 0; a->is_there && b->is_there && i < FUZZY_POSITIONS; i++)
        n += a->value[i] == b->value[i];
    return n;
}

void fuzzy_sketch_id(const struct fuzzy_sketch *s, unsigned char id[FUZZY_ID_BYTES])
{
    uint64_t hash = XXH3_64bits(s->value, sizeof s->value);

    for (unsigned i = 0; i < FUZZY_ID_BYTES; i++)
        id[i] = (unsigned char)(hash >> 8 * i);
}
