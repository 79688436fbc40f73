/* map.h - hash map from byte string (or number) to pointer. Keys are copied; hashing is keyed
 * (hostile keys are harmless). */
#ifndef CORE_BASE_MAP_H
#define CORE_BASE_MAP_H

#include <facteur/base.h>

struct map;

struct map *map_new(void);
void map_free(struct map **m); /* values are not touched */
void *map_get(const struct map *m, struct fct_str key);
/* Returns the value it replaces, or NULL. value must not be NULL. */
void *map_put(struct map *m, struct fct_str key, void *value);
void *map_remove(struct map *m, struct fct_str key); /* returns what was there */
size_t map_count(const struct map *m);
/* Walk in no order; start with *at = 0; false at the end. Removing the entry just returned is
 * allowed, adding is not. */
bool map_next(const struct map *m, size_t *at, struct fct_str *key, void **value);

static inline struct fct_str map_u64(const uint64_t *number)
{
    return (struct fct_str){(const char *)number, sizeof *number};
}

#endif
