/* blob.c - reading, naming and counting bodies. */
#include "store/blob.h"

#include "store/blob_name.h"
#include "store/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define IN_LOOP_MAX   (64u << 10)  /* hashed at once; larger ones go to a thread */
#define COPY_ALWAYS   (256u << 10) /* cheaper to copy than to map */
#define BIG_BYTES_MAX (256u << 20) /* of bodies being read at one time */

/* ---- reading ---- */

struct reading {
    const uint8_t *key;
    int fd;
    uint64_t offset;
    struct body *body;
    bool ok;
    struct fct_err err;
};

bool body_is_sealed(int fd, uint64_t size)
{
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat st;

    return seals >= 0 && (seals & F_SEAL_SHRINK) && (seals & F_SEAL_WRITE) && fstat(fd, &st) == 0 &&
           (uint64_t)st.st_size >= size;
}

static bool read_body(struct reading *r)
{
    struct body *b = r->body;
    void *p;

    if (b->size > COPY_ALWAYS && r->offset == 0 && body_is_sealed(r->fd, b->size)) {
        p = mmap(NULL, (size_t)b->size, PROT_READ, MAP_PRIVATE, r->fd, 0);
        if (p != MAP_FAILED) {
            b->bytes = p;
            b->mapped = true;
            return true;
        }
    }
    p = malloc((size_t)b->size + 1);
    if (!p)
        return fct_fail(&r->err, FCT_TEMP, "no memory for a message of %llu bytes",
                        (unsigned long long)b->size);
    b->bytes = p;
    return b->size == 0 || io_read_at(r->fd, p, (size_t)b->size, r->offset, &r->err);
}

static void read_and_name(void *arg)
{
    struct reading *r = arg;

    r->ok = read_body(r);
    if (!r->ok)
        return;
    blob_name(r->key, r->body->bytes, (size_t)r->body->size, &r->body->id, &r->body->crc);
}

bool body_read(struct server *s, int fd, uint64_t offset, uint64_t size, struct body *out,
               struct fct_err *err)
{
    struct reading r = {.key = s->blob_key, .fd = fd, .offset = offset, .body = out};

    *out = (struct body){.size = size};
    if (size > s->conf->max_message.bytes)
        return fct_fail(err, FCT_LIMIT, "message of more than %llu bytes",
                        (unsigned long long)s->conf->max_message.bytes);
    if (size <= IN_LOOP_MAX) {
        read_and_name(&r);
    } else {
        if (s->big_bytes > 0 && s->big_bytes + size > BIG_BYTES_MAX)
            return fct_fail(err, FCT_TEMP, "too many large messages at one time");
        s->big_bytes += size;
        offload(read_and_name, &r);
        s->big_bytes -= size;
    }
    if (r.ok)
        return true;
    body_free(out);
    *err = r.err;
    return false;
}

static void release_bytes(const char *bytes, uint64_t size, bool mapped)
{
    void *p;

    memcpy(&p, &bytes, sizeof p);
    if (mapped)
        munmap(p, (size_t)size);
    else
        free(p);
}

bool body_of_text(struct server *s, struct fct_str text, struct body *out, struct fct_err *err)
{
    int fd = memfd_create("body", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    bool ok = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n;

    ok = ok ? body_read(s, fd, 0, text.n, out, err)
            : fct_fail(err, FCT_TEMP, "no memory for a message");
    if (fd >= 0)
        close(fd);
    return ok;
}

void body_free(struct body *b)
{
    if (b->bytes)
        release_bytes(b->bytes, b->size, b->mapped);
    *b = (struct body){0};
}

/* ---- counting ---- */

/* What batches on their way say about a blob. */
struct pending_blob {
    unsigned batches; /* handed over and not done */
    bool exists;      /* after the last of them */
    int64_t left;     /* batches 0: references after the releases in the batch being made */
};

static void release_body(void *owner)
{
    struct body *b = owner;

    body_free(b);
    free(b);
}

bool blob_exists(struct server *s, const struct blob_id *id, bool *exists, struct fct_err *err)
{
    const struct pending_blob *p = map_get(s->blobs, blob_str(id));
    struct driver_blob blob;

    if (p) {
        *exists = p->exists;
        return true;
    }
    return s->driver->ops->blob_stat(s->driver, NULL, id, &blob, exists, err);
}

void blob_put(struct batch *batch, struct body *body, bool exists, int64_t references)
{
    struct body *owned;

    if (exists) {
        batch_blob_ref(batch, &body->id, references);
        return;
    }
    owned = malloc(sizeof *owned);
    FCT_ASSERT(owned);
    *owned = *body;
    batch_blob_new(batch,
                   &(struct batch_blob){body->id, body->bytes, body->size, body->crc, release_body,
                                        owned, body->passing},
                   references);
    body->bytes = NULL;
}

static struct pending_blob *pending_entry(struct server *s, const struct blob_id *id)
{
    struct pending_blob *p = map_get(s->blobs, blob_str(id));

    if (p)
        return p;
    p = calloc(1, sizeof *p);
    FCT_ASSERT(p);
    map_put(s->blobs, blob_str(id), p);
    return p;
}

/* What is left of it now: from the driver, or what the batch being made has left of it. *now false:
 * nobody can tell yet. */
static bool references_left(struct server *s, const struct blob_id *id, int64_t *left, bool *now,
                            struct fct_err *err)
{
    const struct pending_blob *p = map_get(s->blobs, blob_str(id));
    struct driver_blob blob = {0};
    bool found = false;

    *now = !p || p->batches == 0;
    *left = p ? p->left : 0;
    if (p)
        return true;
    if (!s->driver->ops->blob_stat(s->driver, NULL, id, &blob, &found, err))
        return false;
    *left = found ? blob.references : 0;
    return true;
}

bool blob_release(struct server *s, struct batch *batch, const struct blob_id *id, bool *now,
                  struct fct_err *err)
{
    struct pending_blob *p;
    int64_t left;

    if (!references_left(s, id, &left, now, err))
        return false;
    if (!*now || left <= 0)
        return true;
    if (left > 1)
        batch_blob_ref(batch, id, -1);
    else
        batch_blob_del(batch, id);
    p = pending_entry(s, id); /* the next release must not count on what this one used up */
    p->exists = left > 1;
    p->left = left - 1;
    return true;
}

void blob_pin(struct server *s, const struct blob_id *id)
{
    struct pending_blob *p = pending_entry(s, id);

    p->batches++;
    p->exists = true;
}

void blob_unpin(struct server *s, const struct blob_id *id)
{
    struct pending_blob *p = map_get(s->blobs, blob_str(id));

    FCT_ASSERT(p && p->batches > 0);
    if (--p->batches == 0)
        free(map_remove(s->blobs, blob_str(id)));
}

static bool next_blob(struct batch_reader *r, struct batch_item *item)
{
    while (batch_next(r, item))
        if (item->op >= BATCH_BLOB_NEW)
            return true;
    return false;
}

void blob_batch_sent(struct server *s, const struct batch *batch)
{
    struct batch_reader r = batch_reader(batch_ops(batch));
    struct batch_item item;

    while (next_blob(&r, &item)) {
        struct pending_blob *p = pending_entry(s, &item.id);

        p->batches++;
        p->exists = item.op != BATCH_BLOB_DEL;
    }
}

void blob_batch_done(struct server *s, const struct batch *batch)
{
    struct batch_reader r = batch_reader(batch_ops(batch));
    struct batch_item item;

    while (next_blob(&r, &item)) {
        struct pending_blob *p = map_get(s->blobs, blob_str(&item.id));

        if (item.op == BATCH_BLOB_MOVE || !p || --p->batches > 0)
            continue;
        free(map_remove(s->blobs, blob_str(&item.id)));
    }
}
