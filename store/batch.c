/* batch.c - building and reading the operations of an atomic change. */
#include "store/batch.h"

#include "core/base/err.h"

void batch_init(struct batch *b)
{
    *b = (struct batch){.ops = BUF_INIT(BATCH_MAX), .part = UINT64_MAX};
}

void batch_fini(struct batch *b)
{
    for (size_t i = 0; i < b->nblobs; i++)
        if (b->blob[i].release)
            b->blob[i].release(b->blob[i].owner);
    free(b->blob);
    buf_free(&b->ops);
    batch_init(b);
}

bool batch_is_empty(const struct batch *b)
{
    return b->ops.n == 0;
}

struct fct_str batch_ops(const struct batch *b)
{
    return buf_str(&b->ops);
}

/* 0, -1, 1, -2 … as 0, 1, 2, 3 …: small numbers of both signs are short. */
static uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

static int64_t unzigzag(uint64_t v)
{
    return (int64_t)((v >> 1) ^ (v & 1 ? UINT64_MAX : 0));
}

void batch_part(struct batch *b, uint64_t part)
{
    if (b->part == part)
        return;
    b->part = part;
    pack_u8(&b->ops, BATCH_PART);
    pack_uint(&b->ops, part);
}

static void put_op(struct batch *b, enum batch_op op, const struct key *key)
{
    FCT_ASSERT(b->part != UINT64_MAX);
    pack_u8(&b->ops, (uint8_t)op);
    pack_str(&b->ops, key_str(key));
}

void batch_put(struct batch *b, struct key key, struct fct_str value)
{
    put_op(b, BATCH_PUT, &key);
    pack_str(&b->ops, value);
}

void batch_del(struct batch *b, struct key key)
{
    put_op(b, BATCH_DEL, &key);
}

void batch_del_range(struct batch *b, struct key from, struct key to)
{
    put_op(b, BATCH_DEL_RANGE, &from);
    pack_str(&b->ops, key_str(&to));
}

void batch_add(struct batch *b, struct key key, int64_t delta)
{
    put_op(b, BATCH_ADD, &key);
    pack_uint(&b->ops, zigzag(delta));
}

void batch_append(struct batch *b, struct key key, struct fct_str bytes)
{
    put_op(b, BATCH_APPEND, &key);
    pack_str(&b->ops, bytes);
}

static void put_blob_op(struct batch *b, enum batch_op op, const struct blob_id *id)
{
    pack_u8(&b->ops, (uint8_t)op);
    buf_put(&b->ops, id->b, sizeof id->b);
}

static void put_body(struct batch *b, enum batch_op op, const struct batch_blob *blob,
                     int64_t references)
{
    if (b->nblobs == b->blob_room) {
        b->blob_room = b->blob_room ? 2 * b->blob_room : 1;
        b->blob = realloc(b->blob, b->blob_room * sizeof *b->blob);
        FCT_ASSERT(b->blob);
    }
    b->blob[b->nblobs++] = *blob;
    put_blob_op(b, op, &blob->id);
    pack_uint(&b->ops, blob->size);
    pack_u32(&b->ops, blob->crc);
    pack_uint(&b->ops, zigzag(references));
}

void batch_blob_new(struct batch *b, const struct batch_blob *blob, int64_t references)
{
    put_body(b, BATCH_BLOB_NEW, blob, references);
}

void batch_blob_move(struct batch *b, const struct batch_blob *blob)
{
    put_body(b, BATCH_BLOB_MOVE, blob, 0);
}

void batch_blob_ref(struct batch *b, const struct blob_id *id, int64_t delta)
{
    put_blob_op(b, BATCH_BLOB_REF, id);
    pack_uint(&b->ops, zigzag(delta));
}

void batch_blob_del(struct batch *b, const struct blob_id *id)
{
    put_blob_op(b, BATCH_BLOB_DEL, id);
}

struct batch_reader batch_reader(struct fct_str ops)
{
    return (struct batch_reader){unpack_start(ops), UINT64_MAX};
}

static void get_blob(struct unpack *in, struct batch_item *item)
{
    struct fct_str id = unpack_bytes(in, sizeof item->id.b);

    if (id.n)
        memcpy(item->id.b, id.p, sizeof item->id.b);
    if (item->op == BATCH_BLOB_NEW || item->op == BATCH_BLOB_MOVE) {
        item->size = unpack_uint(in);
        item->crc = unpack_u32(in);
    }
    if (item->op != BATCH_BLOB_DEL)
        item->delta = unzigzag(unpack_uint(in));
}

static void get_key(struct unpack *in, struct batch_item *item)
{
    item->key = unpack_str(in);
    if (item->op == BATCH_ADD)
        item->delta = unzigzag(unpack_uint(in));
    else if (item->op != BATCH_DEL)
        item->value = unpack_str(in);
    if (item->key.n == 0 || item->part == UINT64_MAX)
        in->bad = true;
}

bool batch_next(struct batch_reader *r, struct batch_item *item)
{
    while (unpack_more(&r->in)) {
        uint8_t op = unpack_u8(&r->in);

        *item = (struct batch_item){.op = (enum batch_op)op, .part = r->part};
        if (op == BATCH_PART) {
            r->part = unpack_uint(&r->in);
            continue;
        }
        if (op >= BATCH_PUT && op <= BATCH_APPEND)
            get_key(&r->in, item);
        else if (op >= BATCH_BLOB_NEW && op <= BATCH_BLOB_MOVE)
            get_blob(&r->in, item);
        else
            r->in.bad = true;
        return !r->in.bad;
    }
    return false;
}
