/* driver.h - the narrow floor under the mail semantics: partitions of ordered keys, blobs, atomic
 * durable commits.
 *
 * Nothing above this interface knows RocksDB or segment files; a second driver needs these
 * functions and nothing else, and tests/unit/store/test_driver.c is what it must pass. Reads may be
 * called from any thread, commit from one.
 *
 * What is not here yet comes with the first driver that needs it: asserts in a batch and leases
 * (several nodes), watch (the change feed of one node is in memory). */
#ifndef STORE_DRIVER_H
#define STORE_DRIVER_H

#include "core/base/err.h"
#include "store/batch.h"

struct driver;
struct driver_snap;

/* Types of keys inside a partition: the first byte. Those in brackets are reserved for what comes
 * later. account:   A account  c counters  k keyword table  p password  m mailbox  M mailbox
 * counters  h hot chunk  x vanished e cold record  v view  y places of an e-mail  g to be swept [r
 * arrival  t T threads  l feed of small types  b u blob use, uploads  o objects  i idempotency  d
 * delivered n names  z Z shared mailboxes] directory: a address  l alias  d domain  n counters  t
 * trace      queue: e envelope  s state  n counter      [R reports are a partition of their own]
 */
#define PART_DIRECTORY 1u  /* D of store.md */
#define PART_LEARNING  2u  /* what was said about messages (learning.h): w word */
#define PART_SUPPRESS  3u  /* addresses elsewhere that do not exist (suppress.h): a address */
#define PART_STATE     4u  /* what processes want to find again (state.c): s name, piece */
#define PART_ACCOUNTS  16u /* the first account's number; the numbers between are reserved */
/* The queue, by the lowest bits of an entry's number (queue.h); no account's number gets there. */
#define PART_QUEUE   (UINT64_MAX - 255u)
#define QUEUE_SHARDS 16u

/* How a value that is written by APPEND reads back: fold the appended bytes, in order, into the old
 * value (NULL: none). Appended pieces may be handed over concatenated. False: damaged. Must depend
 * on nothing but its arguments. */
typedef bool (*driver_fold)(struct fct_str key, struct fct_str old, const struct fct_str *piece,
                            size_t n, struct buf *out);

struct driver_conf {
    const char *dir;
    driver_fold fold;
    uint64_t write_buffer, block_cache, segment_size; /* bytes */
};

struct driver_blob {
    uint64_t size;
    int64_t references;
};

/* Where a read found a blob, so that the next one need not look it up. All zero: not known. May be
 * kept for any time: a read notices when the blob has moved, and looks it up again. */
struct driver_place {
    uint64_t offset, size;
    uint32_t file, crc;
};

enum driver_maintenance {
    DRIVER_FLUSH,      /* make the index self-contained: quick start, old log may go */
    DRIVER_COLLECT,    /* give back the space of dead blobs; text: what was done */
    DRIVER_STATISTICS, /* `name value` lines */
};

/* False ends the walk (that is no error). */
typedef bool (*driver_entry)(void *arg, struct fct_str key, struct fct_str value);
/* Answer to key i; value NULL: not there. Views live until it returns. */
typedef bool (*driver_found)(void *arg, size_t i, const struct fct_str *value);
typedef bool (*driver_blob_entry)(void *arg, const struct blob_id *id,
                                  const struct driver_blob *blob);

struct driver_ops {
    const char *name;
    void (*close)(struct driver *d);
    /* snap NULL: the newest state. Sets *found; value is cleared first. A sum (ADD) reads as 8
     * bytes little-endian. */
    bool (*get)(struct driver *d, struct driver_snap *snap, uint64_t part, struct fct_str key,
                struct buf *value, bool *found, struct fct_err *err);
    /* The newest state of n keys of a partition, told in their order. Any order is right; ascending
     * neighbours are cheap. */
    bool (*get_many)(struct driver *d, uint64_t part, const struct fct_str *key, size_t n,
                     driver_found fn, void *arg, struct fct_err *err);
    /* Keys from <= key < to, ascending; `to` empty: to the end of the partition. */
    bool (*scan)(struct driver *d, struct driver_snap *snap, uint64_t part, struct fct_str from,
                 struct fct_str to, driver_entry fn, void *arg, struct fct_err *err);
    /* All batches, each atomic in itself, in order, as one durable group: true only when that is on
     * disk and readable. After false nothing of it is visible, now or after a restart, unless
     * `broken` says that only a restart can tell. */
    bool (*commit)(struct driver *d, struct batch *const *batch, size_t n, struct fct_err *err);
    bool (*broken)(const struct driver *d);
    struct driver_snap *(*snap)(struct driver *d);
    void (*unsnap)(struct driver *d, struct driver_snap *snap);
    bool (*blob_stat)(struct driver *d, struct driver_snap *snap, const struct blob_id *id,
                      struct driver_blob *out, bool *found, struct fct_err *err);
    /* Exactly n bytes. place: used and brought up to date, or NULL. cached_only: false without an
     * error text when it would have to wait for the disk. */
    bool (*blob_read)(struct driver *d, const struct blob_id *id, struct driver_place *place,
                      uint64_t offset, char *to, size_t n, bool cached_only, struct fct_err *err);
    bool (*blobs)(struct driver *d, struct driver_snap *snap, driver_blob_entry fn, void *arg,
                  struct fct_err *err);
    /* The first partition >= from that holds something. */
    bool (*parts)(struct driver *d, struct driver_snap *snap, uint64_t from, uint64_t *part,
                  bool *found, struct fct_err *err);
    /* From any thread but one at a time. COLLECT commits through `commit`, a function that hands a
     * batch to the one committer and waits for it. */
    bool (*maintain)(struct driver *d, enum driver_maintenance what,
                     bool (*commit)(void *arg, struct batch *b, struct fct_err *err), void *arg,
                     struct buf *text, struct fct_err *err);
};

struct driver {
    const struct driver_ops *ops;
};

/* The embedded driver: RocksDB for keys, a segment log for blobs that is also the write-ahead log.
 * Recovery is part of opening; `report` says in one line what it did. conf->dir must exist and is
 * locked. */
FCT_MUST_CHECK bool driver_local_open(const struct driver_conf *conf, struct driver **out,
                                      struct buf *report, struct fct_err *err);
void driver_close(struct driver **d);

/* A number stored by ADD. */
int64_t driver_sum(struct fct_str value);

#endif
