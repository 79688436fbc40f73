/* local_table.c - see local_table.h. A map for finding, a list in order of use for forgetting. */
#include "core/state/local_table.h"

#include "core/base/err.h"
#include "core/base/map.h"
#include <stdlib.h>

enum { OVERHEAD = 128 }; /* of an entry in the map and the allocator, as a round figure */

struct entry {
    struct entry *newer, *older;
    uint64_t expires_ms;
    size_t key_length, length;
    char bytes[]; /* the key, then the value */
};

struct local_table {
    struct map *map;
    struct entry *newest, *oldest;
    size_t max_entries, max_bytes, bytes;
    uint64_t evicted;
};

struct local_table *local_table_new(size_t max_entries, size_t max_bytes)
{
    struct local_table *t = calloc(1, sizeof *t);

    FCT_ASSERT(t);
    t->map = map_new();
    t->max_entries = max_entries;
    t->max_bytes = max_bytes;
    return t;
}

static struct fct_str key_of(const struct entry *e)
{
    return (struct fct_str){e->bytes, e->key_length};
}

static size_t size_of(const struct entry *e)
{
    return sizeof *e + OVERHEAD + 2 * e->key_length + e->length; /* the map keeps a key as well */
}

static void unlink_entry(struct local_table *t, struct entry *e)
{
    *(e->newer ? &e->newer->older : &t->newest) = e->older;
    *(e->older ? &e->older->newer : &t->oldest) = e->newer;
}

static void link_newest(struct local_table *t, struct entry *e)
{
    e->newer = NULL;
    e->older = t->newest;
    *(t->newest ? &t->newest->newer : &t->oldest) = e;
    t->newest = e;
}

static void forget(struct local_table *t, struct entry *e)
{
    t->bytes -= size_of(e);
    unlink_entry(t, e);
    map_remove(t->map, key_of(e));
    free(e);
}

void local_table_free(struct local_table **table)
{
    struct local_table *t = *table;

    if (!t)
        return;
    *table = NULL;
    while (t->oldest)
        forget(t, t->oldest);
    map_free(&t->map);
    free(t);
}

bool local_table_get(struct local_table *t, struct fct_str key, uint64_t now_ms,
                     struct fct_str *value, uint64_t *expires_ms)
{
    struct entry *e = map_get(t->map, key);

    if (!e)
        return false;
    if (e->expires_ms <= now_ms) {
        forget(t, e);
        return false;
    }
    unlink_entry(t, e);
    link_newest(t, e);
    *value = (struct fct_str){e->bytes + e->key_length, e->length};
    if (expires_ms)
        *expires_ms = e->expires_ms;
    return true;
}

static struct entry *entry_new(struct fct_str key, struct fct_str value, uint64_t expires_ms)
{
    struct entry *e = calloc(1, sizeof *e + key.n + value.n);

    FCT_ASSERT(e);
    e->expires_ms = expires_ms;
    e->key_length = key.n;
    e->length = value.n;
    if (key.n)
        memcpy(e->bytes, key.p, key.n);
    if (value.n)
        memcpy(e->bytes + key.n, value.p, value.n);
    return e;
}

/* What has expired at the unused end costs nobody anything. */
static void make_room(struct local_table *t, uint64_t now_ms)
{
    while (t->oldest && t->oldest->expires_ms <= now_ms)
        forget(t, t->oldest);
    while (t->oldest && (map_count(t->map) > t->max_entries || t->bytes > t->max_bytes)) {
        t->evicted++;
        forget(t, t->oldest);
    }
}

bool local_table_put(struct local_table *t, struct fct_str key, struct fct_str value,
                     uint64_t now_ms, uint64_t expires_ms)
{
    struct entry *e = entry_new(key, value, expires_ms), *before = map_get(t->map, key);

    if (before)
        forget(t, before);
    map_put(t->map, key, e);
    link_newest(t, e);
    t->bytes += size_of(e);
    make_room(t, now_ms);
    return map_get(t->map, key) != NULL;
}

size_t local_table_entries(const struct local_table *t)
{
    return map_count(t->map);
}

size_t local_table_bytes(const struct local_table *t)
{
    return t->bytes;
}

uint64_t local_table_evicted(const struct local_table *t)
{
    return t->evicted;
}
