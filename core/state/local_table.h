/* local_table.h - bytes under keys in this process's memory, bounded: what is not used for the
 * longest time goes first, what has expired is not there. */
#ifndef CORE_STATE_LOCAL_TABLE_H
#define CORE_STATE_LOCAL_TABLE_H

#include <facteur/base.h>

struct local_table;

struct local_table *local_table_new(size_t max_entries, size_t max_bytes);
void local_table_free(struct local_table **t);

/* A view of the value, good until the next call that puts; *expires_ms (clock_ms() based,
 * CLOCK_NEVER for never) may be NULL. False: not there. */
bool local_table_get(struct local_table *t, struct fct_str key, uint64_t now_ms,
                     struct fct_str *value, uint64_t *expires_ms);
/* False: larger than the whole table may be. */
bool local_table_put(struct local_table *t, struct fct_str key, struct fct_str value,
                     uint64_t now_ms, uint64_t expires_ms);

size_t local_table_entries(const struct local_table *t);
size_t local_table_bytes(const struct local_table *t);
uint64_t local_table_evicted(const struct local_table *t); /* forgotten for want of room */

#endif
