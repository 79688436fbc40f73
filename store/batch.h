/* batch.h - one atomic change: operations on partitions, and blobs. Built once, in the encoding in
 * which the local driver writes it to its log (docs/store-format.md), read back by whoever applies
 * it. */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include "store/pack.h"

struct blob_id {
    uint8_t b[32];
};

enum batch_op {
    BATCH_PART = 1,  /* partition: the operations that follow belong to it */
    BATCH_PUT,       /* key, value */
    BATCH_DEL,       /* key */
    BATCH_DEL_RANGE, /* from, to: to is not included */
    BATCH_ADD,       /* key, zigzag number: the value is a sum */
    BATCH_APPEND,    /* key, bytes: the value is folded, see driver.h */
    BATCH_BLOB_NEW,  /* id, size, crc, references: the body lies beside the batch */
    BATCH_BLOB_REF,  /* id, zigzag number of references */
    BATCH_BLOB_DEL,  /* id */
    BATCH_BLOB_MOVE, /* as NEW: a copy of a blob for the collector, ignored when the blob is gone */
};

struct batch_blob {
    struct blob_id id;
    const char *bytes;
    uint64_t size;
    uint32_t crc;
    void (*release)(void *owner); /* may be NULL */
    void *owner;
    bool passing; /* nobody is expected to read it from the disk soon */
};

struct batch {
    struct buf ops;
    uint64_t part;
    struct batch_blob *blob; /* bodies of NEW and MOVE, in the order of the operations */
    size_t nblobs, blob_room;
};

#define BATCH_MAX (256u << 20) /* of operations: a bound for memory, not a target */

void batch_init(struct batch *b);
void batch_fini(struct batch *b); /* releases the blobs */
bool batch_is_empty(const struct batch *b);
void batch_part(struct batch *b, uint64_t part);
void batch_put(struct batch *b, struct key key, struct fct_str value);
void batch_del(struct batch *b, struct key key);
void batch_del_range(struct batch *b, struct key from, struct key to);
void batch_add(struct batch *b, struct key key, int64_t delta);
void batch_append(struct batch *b, struct key key, struct fct_str bytes);
void batch_blob_new(struct batch *b, const struct batch_blob *blob, int64_t references);
void batch_blob_move(struct batch *b, const struct batch_blob *blob);
void batch_blob_ref(struct batch *b, const struct blob_id *id, int64_t delta);
void batch_blob_del(struct batch *b, const struct blob_id *id);
struct fct_str batch_ops(const struct batch *b);

/* Reading: views into the bytes. */
struct batch_item {
    enum batch_op op;
    uint64_t part;
    struct fct_str key, value; /* DEL_RANGE: value is the end */
    int64_t delta;             /* ADD, BLOB_REF; references of BLOB_NEW */
    struct blob_id id;
    uint64_t size;
    uint32_t crc;
};
struct batch_reader {
    struct unpack in;
    uint64_t part;
};
struct batch_reader batch_reader(struct fct_str ops);
bool batch_next(struct batch_reader *r,
                struct batch_item *item); /* false at the end, or when r->in.bad */

static inline struct fct_str blob_str(const struct blob_id *id)
{
    return (struct fct_str){(const char *)id->b, sizeof id->b};
}

#endif
