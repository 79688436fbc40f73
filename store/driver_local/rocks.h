/* rocks.h - the ordered keys of the embedded driver: RocksDB through its C interface, without its
 * write-ahead log.
 *
 * Every write carries the position in the segment log up to which it holds; one column family keeps
 * the two together, so that a flushed table always knows what it contains. */
#ifndef STORE_DRIVER_LOCAL_ROCKS_H
#define STORE_DRIVER_LOCAL_ROCKS_H

#include "store/driver.h"
#include <rocksdb/c.h>

struct rocks;

/* Full keys: 'P' partition key, 'B' blob id (catalogue), 'A' applied position. */
#define ROCKS_PART    'P'
#define ROCKS_BLOB    'B'
#define ROCKS_APPLIED 'A'

/* Values of merge operands begin with what they are. */
#define MERGE_SUM    'S' /* 8 bytes little-endian */
#define MERGE_PIECES 'F' /* for driver_conf.fold */
/* Catalogue entries and operands share one form, see catalogue.h. */

FCT_MUST_CHECK bool rocks_open(const char *path, const struct driver_conf *conf, struct rocks **out,
                               struct fct_err *err);
void rocks_close(struct rocks **r);
FCT_MUST_CHECK bool rocks_get(struct rocks *r, struct driver_snap *snap, struct fct_str key,
                              struct buf *value, bool *found, struct fct_err *err);
/* fn gets full keys. */
FCT_MUST_CHECK bool rocks_scan(struct rocks *r, struct driver_snap *snap, struct fct_str from,
                               struct fct_str to, driver_entry fn, void *arg, struct fct_err *err);
/* Looking up many keys, best ascending ones. A value lives until the next step. */
struct rocks_walk;
struct rocks_walk *rocks_walk_start(struct rocks *r);
FCT_MUST_CHECK bool rocks_walk_to(struct rocks_walk *w, struct fct_str key, struct fct_str *value,
                                  bool *found, struct fct_err *err);
void rocks_walk_end(struct rocks_walk **w);
FCT_MUST_CHECK bool rocks_write(struct rocks *r, rocksdb_writebatch_t *batch, struct fct_err *err);
FCT_MUST_CHECK bool rocks_flush(struct rocks *r, bool wait, struct fct_err *err);
struct driver_snap *rocks_snap(struct rocks *r);
void rocks_unsnap(struct rocks *r, struct driver_snap *snap);
uint64_t rocks_number(struct rocks *r, const char *property);

#endif
