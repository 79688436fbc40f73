/* lua_finder.c - see lua_finder.h. */
#include "lua_finder.h"

#include <stdlib.h>
#include <string.h>

#define BITS_LEAST 4
#define BITS_MOST  13
#define ROOM       16 /* hashes for each word, so that few are taken by chance */

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

/* Words by the hash of their first bytes: as many hashes as they are worth. */
struct level {
    uint32_t words, hashes;
    unsigned bits;
    uint8_t *of;     /* ANY, WORD */
    uint32_t *begin; /* entries; one more than there are hashes */
};

struct lua_finder {
    struct lua_finder *next;
    size_t users, sets;
    const struct lua_literals **set;
    uint8_t first[256];             /* what may begin with this byte */
    struct level level[LEVELS + 1]; /* the last: long words */
    bool is_word[256];
    size_t n;
    struct entry *entry;
    void *table; /* of all levels */
};

static uint32_t hash(const struct level *level, uint32_t bytes)
{
    return (bytes * 2654435761u) >> (32 - level->bits);
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
static uint32_t hash_long(const struct level *level, uint64_t eight, uint32_t four)
{
    return (uint32_t)((eight * 0x9e3779b97f4a7c15u ^ four * 0xc2b2ae3d27d4eb4fu) *
                          0x165667b19e3779f9u >>
                      (64 - level->bits));
}

static uint32_t hash_first(const struct level *level, const struct entry *e, unsigned bytes)
{
    unsigned char first[8];

    memcpy(first, &e->first, 8);
    return hash(level, first_bytes(load(first), bytes));
}

static uint32_t hash_of(const struct lua_finder *f, const struct entry *e)
{
    unsigned n = level_of(e);
    const struct level *level = &f->level[n];

    return n == LEVELS ? hash_long(level, e->first, load(e->rest)) : hash_first(level, e, n + 1);
}

static unsigned char first_byte(const struct entry *e)
{
    unsigned char byte;

    memcpy(&byte, &e->first, 1);
    return byte;
}

/* By level, by hash, by set. */
static int compare(const void *left, const void *right, void *finder)
{
    const struct entry *a = left, *b = right;
    uint64_t of_a = (uint64_t)level_of(a) << 32 | hash_of(finder, a),
             of_b = (uint64_t)level_of(b) << 32 | hash_of(finder, b);

    if (of_a != of_b)
        return of_a < of_b ? -1 : 1;
    return a->which < b->which ? -1 : a->which > b->which;
}

/* Level by whose first bytes the entry is looked for: a long word shows in the one of four bytes.
 */
static unsigned shown_in(const struct entry *e)
{
    unsigned level = level_of(e);

    return level < LEVELS ? level : LEVELS - 1;
}

static void measure(struct lua_finder *f)
{
    for (size_t i = 0; i < f->n; i++) {
        unsigned level = level_of(&f->entry[i]);

        f->level[level].words++;
        if (level == LEVELS)
            f->level[LEVELS - 1].words++;
    }
    for (size_t i = 0; i <= LEVELS; i++) {
        struct level *level = &f->level[i];

        level->bits = BITS_LEAST;
        while (level->bits < BITS_MOST && 1u << level->bits < level->words * ROOM)
            level->bits++;
        level->hashes = 1u << level->bits;
    }
}

/* One block for all levels, the numbers first. */
static bool make_tables(struct lua_finder *f)
{
    size_t hashes = 0;
    uint32_t *begin;
    uint8_t *of;

    for (size_t i = 0; i <= LEVELS; i++)
        hashes += f->level[i].hashes;
    begin = calloc(1, (hashes + LEVELS + 1) * sizeof *begin + hashes);
    f->table = begin;
    if (!begin)
        return false;
    of = (uint8_t *)(begin + hashes + LEVELS + 1);
    for (size_t i = 0; i <= LEVELS; i++) {
        struct level *level = &f->level[i];

        level->begin = begin;
        level->of = of;
        begin += level->hashes + 1;
        of += level->hashes;
    }
    return true;
}

static void fill_one(struct lua_finder *f, const struct entry *e)
{
    uint8_t may = e->word ? WORD : ANY;
    unsigned shown = shown_in(e);
    struct level *level = &f->level[level_of(e)];
    uint32_t h = hash_of(f, e);

    f->first[first_byte(e)] |= (uint8_t)(may << 2 * shown);
    level->of[h] |= may;
    level->begin[h + 1]++;
    if (level == &f->level[LEVELS])
        f->level[shown].of[hash_first(&f->level[shown], e, LEVELS)] |= (uint8_t)(may << 2);
}

static void fill_tables(struct lua_finder *f)
{
    uint32_t begin = 0;

    for (size_t i = 0; i < f->n; i++)
        fill_one(f, &f->entry[i]);
    for (size_t i = 0; i <= LEVELS; i++) {
        const struct level *level = &f->level[i];
        uint32_t *at = level->begin;

        at[0] = begin;
        for (size_t h = 0; h < level->hashes; h++)
            at[h + 1] += at[h];
        begin = at[level->hashes];
    }
}

static bool gather(struct lua_finder *f, const struct lua_literals *const *set, size_t n)
{
    size_t entries = 0;

    for (size_t i = 0; i < n; i++)
        entries += set[i] ? set[i]->n : 0;
    f->entry = calloc(entries + 1, sizeof *f->entry);
    f->set = calloc(n + 1, sizeof *f->set);
    if (!f->entry || !f->set)
        return false;
    f->sets = n;
    memcpy((void *)f->set, (const void *)set, n * sizeof *set);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; set[i] && k < set[i]->n; k++)
            f->entry[f->n++] = new_entry(&set[i]->literal[k], (uint32_t)i);
    return true;
}

static void free_finder(struct lua_finder *f)
{
    if (!f)
        return;
    free((void *)f->set);
    free(f->entry);
    free(f->table);
    free(f);
}

static struct lua_finder *new_finder(const struct lua_literals *const *set, size_t n)
{
    struct lua_finder *f = calloc(1, sizeof *f);
    bool ok = f && gather(f, set, n);

    if (ok) {
        measure(f);
        ok = make_tables(f);
    }
    if (!ok) {
        free_finder(f);
        return NULL;
    }
    qsort_r(f->entry, f->n, sizeof *f->entry, compare, f);
    fill_tables(f);
    for (unsigned c = 0; c < 256; c++)
        f->is_word[c] =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    return f;
}

/* ---- those there are ---- */

static struct lua_finder *all;

static bool is_of(const struct lua_finder *f, const struct lua_literals *const *set, size_t n)
{
    return f->sets == n && memcmp((const void *)f->set, (const void *)set, n * sizeof *set) == 0;
}

struct lua_finder *lua_finder_take(const struct lua_literals *const *set, size_t n)
{
    struct lua_finder *f = all;

    while (f && !is_of(f, set, n))
        f = f->next;
    if (!f) {
        f = new_finder(set, n);
        if (!f)
            return NULL;
        f->next = all;
        all = f;
    }
    f->users++;
    return f;
}

void lua_finder_drop(struct lua_finder **finder)
{
    struct lua_finder *f = *finder, **at = &all;

    *finder = NULL;
    if (!f || --f->users > 0)
        return;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    free_finder(f);
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
    h = hash_long(level, eight, load(l->text + l->at + 8));
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
        h = hash(level, first_bytes(four, i + 1));
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
