/* map.c - open addressing, linear probing, a mark where an entry was removed; rebuilt when 3/4
 * full. */
#include "core/base/map.h"

#include "core/base/err.h"
#include "core/base/str.h"

#include <stdlib.h>

struct entry {
    uint64_t hash;
    char *key;
    size_t n;
    void *value;  /* NULL: empty */
    bool removed; /* empty, but a search must go on behind it */
};

struct map {
    struct entry *entry;
    size_t count, used, size; /* used: living and removed; size: power of two, or 0 */
};

struct map *map_new(void)
{
    struct map *m = calloc(1, sizeof *m);

    FCT_ASSERT(m);
    return m;
}

void map_free(struct map **map)
{
    struct map *m = *map;

    if (!m)
        return;
    *map = NULL;
    for (size_t i = 0; i < m->size; i++)
        free(m->entry[i].key);
    free(m->entry);
    free(m);
}

/* The slot of the key, or the first one where it may be put. */
static size_t find_slot(const struct map *m, uint64_t hash, struct fct_str key)
{
    size_t i = hash & (m->size - 1), reuse = SIZE_MAX;

    for (;; i = (i + 1) & (m->size - 1)) {
        const struct entry *e = &m->entry[i];

        if (!e->value) {
            if (reuse == SIZE_MAX)
                reuse = i;
            if (!e->removed)
                return reuse;
        } else if (e->hash == hash && str_equal((struct fct_str){e->key, e->n}, key)) {
            return i;
        }
    }
}

/* Doubles only when the living entries need it; otherwise just sweeps the marks. */
static void rebuild(struct map *m)
{
    struct map fresh = {.count = m->count, .used = m->count, .size = m->size ? m->size : 16};

    if ((m->count + 1) * 2 > fresh.size)
        fresh.size *= 2;
    fresh.entry = calloc(fresh.size, sizeof *fresh.entry);
    FCT_ASSERT(fresh.entry);
    for (size_t i = 0; i < m->size; i++) {
        struct entry *e = &m->entry[i];

        if (e->value)
            fresh.entry[find_slot(&fresh, e->hash, (struct fct_str){e->key, e->n})] = *e;
    }
    free(m->entry);
    *m = fresh;
}

void *map_get(const struct map *m, struct fct_str key)
{
    return m->count ? m->entry[find_slot(m, str_hash(key), key)].value : NULL;
}

void *map_put(struct map *m, struct fct_str key, void *value)
{
    uint64_t hash = str_hash(key);
    struct entry *e;
    void *old;

    FCT_ASSERT(value);
    if ((m->used + 1) * 4 > m->size * 3)
        rebuild(m);
    e = &m->entry[find_slot(m, hash, key)];
    old = e->value;
    if (!old) {
        m->used += !e->removed;
        m->count++;
        *e = (struct entry){.hash = hash, .key = str_dup_c(key), .n = key.n};
    }
    e->value = value;
    return old;
}

void *map_remove(struct map *m, struct fct_str key)
{
    struct entry *e;
    void *old;

    if (!m->count)
        return NULL;
    e = &m->entry[find_slot(m, str_hash(key), key)];
    old = e->value;
    if (old) {
        free(e->key);
        *e = (struct entry){.removed = true};
        m->count--;
    }
    return old;
}

size_t map_count(const struct map *m)
{
    return m->count;
}

bool map_next(const struct map *m, size_t *at, struct fct_str *key, void **value)
{
    for (size_t i = *at; i < m->size; i++) {
        const struct entry *e = &m->entry[i];

        if (!e->value)
            continue;
        if (key)
            *key = (struct fct_str){e->key, e->n};
        if (value)
            *value = e->value;
        *at = i + 1;
        return true;
    }
    *at = m->size;
    return false;
}
