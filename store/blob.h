/* blob.h - bodies on their way into the store: read once, hashed, stored once.
 *
 * A blob's id is made of its bytes (blob_name.h). What a batch on its way to the committer says
 * about a blob counts already (the driver does not know yet). */
#ifndef STORE_BLOB_H
#define STORE_BLOB_H

#include "store/server.h"

/* A body in memory that nobody else can change. */
struct body {
    struct blob_id id;
    const char *bytes;
    uint64_t size;
    uint32_t crc;
    bool mapped;
    bool passing; /* nobody is expected to read it from the disk soon */
};

/* Read `size` bytes from `offset` of a descriptor that another process gave us. A sealed memfd is
 * mapped, anything else is copied: its sender could change or cut it meanwhile. Hashing of larger
 * bodies goes to a thread. */
FCT_MAY_WAIT FCT_MUST_CHECK bool body_read(struct server *s, int fd, uint64_t offset, uint64_t size,
                                           struct body *out, struct fct_err *err);
/* The same of bytes that we made. */
FCT_MAY_WAIT FCT_MUST_CHECK bool body_of_text(struct server *s, struct fct_str text,
                                              struct body *out, struct fct_err *err);
/* Memory that nobody can write to or cut any more, of at least this size. */
bool body_is_sealed(int fd, uint64_t size);
void body_free(struct body *b); /* accepts an empty one */

FCT_MUST_CHECK bool blob_exists(struct server *s, const struct blob_id *id, bool *exists,
                                struct fct_err *err);
/* Into the batch, without a wait since blob_exists: more uses of one that is there, or a new one
 * (the batch takes the bytes). */
void blob_put(struct batch *batch, struct body *body, bool exists, int64_t references);
/* One use less; the blob goes with its last one. False in *now: a batch on its way names it, try
 * again later. The batch must be sent: the release counts from now on. */
FCT_MUST_CHECK bool blob_release(struct server *s, struct batch *batch, const struct blob_id *id,
                                 bool *now, struct fct_err *err);

/* As if a batch on its way named it: what is released meanwhile stays. One that exists. */
void blob_pin(struct server *s, const struct blob_id *id);
void blob_unpin(struct server *s, const struct blob_id *id);

/* Every batch passes here on its way to the committer and when it is over. */
void blob_batch_sent(struct server *s, const struct batch *batch);
void blob_batch_done(struct server *s, const struct batch *batch);

#endif
