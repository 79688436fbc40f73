/* lua_finder.c - see lua_finder.h. */
#include "lua_finder.h"

#include <stdlib.h>
#include <string.h>

#define HASH_BITS 13
#define HASHES    (1u << HASH_BITS)

#define LEVELS 4  /* words of one byte, of two, of three, of four and more */
#define LONG   12 /* bytes: such words, of which many begin alike, have a table of their own */

/* What may begin where these bytes stand: two bits for each level. */
enum { ANY = 0x01, WORD = 0x02, ALL_ANY = 0x55, ALL = 0xff };

struct entry {
    uint64_t first, mask; /* up to eight bytes, as they lie in memory */
    uint32_t which;
    uint8_t n;
    bool word;
    unsigned char rest[LUA_LITERAL_MOST - 8];
};

/* Words by the hash of their first bytes. */
struct level {
    uint8_t of[HASHES];         /* ANY, WORD */
    uint32_t begin[HASHES + 1]; /* entries */
};

struct lua_finder {
    uint8_t first[256];             /* what may begin with this byte */
    struct level level[LEVELS + 1]; /* the last: long words */
    bool is_word[256];
    size_t n;
    struct entry entry[];
};

static uint32_t hash(uint32_t bytes)
{
    return (bytes * 2654435761u) >> (32 - HASH_BITS);
}

static uint32_t load(const unsigned char *p)
{
    uint32_t four;

    memcpy(&four, p, 4);
    return four;
}

/* The first n bytes in memory, whatever its order. */
static uint32_t first_bytes(uint32_t four, unsigned n)
{
    static const unsigned char masks[4][4] = {
        {0xff}, {0xff, 0xff}, {0xff, 0xff, 0xff}, {0xff, 0xff, 0xff, 0xff}};

    return four & load(masks[n - 1]);
}

/* ---- the tables ---- */

static struct entry new_entry(const struct lua_literal *l, uint32_t which)
{
    struct entry e = {.which = which, .n = l->n, .word = l->word};
    unsigned char ones[8];
    size_t n = l->n < 8 ? l->n : 8;

    memset(ones, 0xff, sizeof ones);
    memcpy(&e.first, l->bytes, n);
    memcpy(&e.mask, ones, n);
    if (l->n > 8)
        memcpy(e.rest, l->bytes + 8, l->n - 8u);
    return e;
}

static unsigned level_of(const struct entry *e)
{
    return e->n >= LONG ? LEVELS : e->n < LEVELS ? e->n - 1u : LEVELS - 1u;
}

/* Of the first twelve bytes. */
static uint32_t hash_long(uint64_t eight, uint32_t four)
{
    return (uint32_t)((eight * 0x9e3779b97f4a7c15u ^ four * 0xc2b2ae3d27d4eb4fu) *
                          0x165667b19e3779f9u >>
                      (64 - HASH_BITS));
}

static uint32_t hash_first(const struct entry *e, unsigned bytes)
{
    unsigned char first[8];

    memcpy(first, &e->first, 8);
    return hash(first_bytes(load(first), bytes));
}

static uint32_t hash_of(const struct entry *e)
{
    unsigned level = level_of(e);

    return level == LEVELS ? hash_long(e->first, load(e->rest)) : hash_first(e, level + 1);
}

static unsigned char first_byte(const struct entry *e)
{
    unsigned char byte;

    memcpy(&byte, &e->first, 1);
    return byte;
}

/* By level, by hash, by set. */
static int compare(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    uint64_t of_a = (uint64_t)level_of(a) << 32 | hash_of(a),
             of_b = (uint64_t)level_of(b) << 32 | hash_of(b);

    if (of_a != of_b)
        return of_a < of_b ? -1 : 1;
    return a->which < b->which ? -1 : a->which > b->which;
}

static void fill_one(struct lua_finder *f, const struct entry *e)
{
    uint8_t may = e->word ? WORD : ANY;
    unsigned level = level_of(e), shown = level < LEVELS ? level : LEVELS - 1;
    uint32_t h = hash_of(e);

    f->first[first_byte(e)] |= (uint8_t)(may << 2 * shown);
    f->level[level].of[h] |= may;
    f->level[level].begin[h + 1]++;
    if (level == LEVELS)
        f->level[shown].of[hash_first(e, LEVELS)] |= (uint8_t)(may << 2);
}

static void fill_tables(struct lua_finder *f)
{
    uint32_t begin = 0;

    for (size_t i = 0; i < f->n; i++)
        fill_one(f, &f->entry[i]);
    for (size_t i = 0; i <= LEVELS; i++) {
        uint32_t *at = f->level[i].begin;

        at[0] = begin;
        for (size_t h = 0; h < HASHES; h++)
            at[h + 1] += at[h];
        begin = at[HASHES];
    }
}

struct lua_finder *lua_finder_new(const struct lua_literals *const *set, size_t n)
{
    size_t entries = 0;
    struct lua_finder *f;

    for (size_t i = 0; i < n; i++)
        entries += set[i] ? set[i]->n : 0;
    f = calloc(1, sizeof *f + entries * sizeof *f->entry);
    if (!f)
        return NULL;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; set[i] && k < set[i]->n; k++)
            f->entry[f->n++] = new_entry(&set[i]->literal[k], (uint32_t)i);
    qsort(f->entry, f->n, sizeof *f->entry, compare);
    fill_tables(f);
    for (unsigned c = 0; c < 256; c++)
        f->is_word[c] =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    return f;
}

void lua_finder_free(struct lua_finder **finder)
{
    free(*finder);
    *finder = NULL;
}

/* ---- looking ---- */

struct looking {
    const struct lua_finder *finder;
    const unsigned char *text;
    size_t n, at;
    bool word; /* begins here */
    lua_found *found;
    void *arg;
};

static bool stands_here(const struct looking *l, const struct entry *e, uint64_t eight)
{
    return (eight & e->mask) == e->first && (l->word || !e->word) && e->n <= l->n - l->at &&
           (e->n <= 8 || memcmp(l->text + l->at + 8, e->rest, e->n - 8u) == 0);
}

static void look(const struct looking *l, uint32_t first, uint32_t last)
{
    uint32_t told = UINT32_MAX;
    uint64_t eight;

    memcpy(&eight, l->text + l->at, 8);
    for (uint32_t i = first; i < last; i++) {
        const struct entry *e = &l->finder->entry[i];

        if (e->which != told && stands_here(l, e, eight)) {
            told = e->which;
            l->found(l->arg, e->which, l->at);
        }
    }
}

static void look_long(const struct looking *l, unsigned may)
{
    const struct level *level = &l->finder->level[LEVELS];
    uint64_t eight;
    uint32_t h;

    memcpy(&eight, l->text + l->at, 8);
    h = hash_long(eight, load(l->text + l->at + 8));
    if (level->of[h] & may)
        look(l, level->begin[h], level->begin[h + 1]);
}

static void look_levels(const struct looking *l, unsigned may)
{
    uint32_t four = load(l->text + l->at);

    for (unsigned i = 0; may != 0; i++, may >>= 2) {
        const struct level *level = &l->finder->level[i];
        unsigned here = may & (ANY | WORD);
        uint32_t h;

        if (!here)
            continue;
        h = hash(first_bytes(four, i + 1));
        if (level->of[h] & here)
            look(l, level->begin[h], level->begin[h + 1]);
        if (level->of[h] & here << 2)
            look_long(l, here);
    }
}

void lua_finder_scan(const struct lua_finder *f, const unsigned char *folded, size_t n,
                     lua_found *found, void *arg)
{
    struct looking l = {.finder = f, .text = folded, .n = n, .found = found, .arg = arg};
    bool before = false;

    for (size_t at = 0; at < n; at++) {
        bool is_word = f->is_word[folded[at]];
        unsigned may = f->first[folded[at]] & (is_word && !before ? ALL : ALL_ANY);

        if (may != 0) {
            l.at = at;
            l.word = is_word && !before;
            look_levels(&l, may);
        }
        before = is_word;
    }
}
