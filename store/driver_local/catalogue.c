/* catalogue.c - entries of the blob catalogue. */
#include "store/driver_local/catalogue.h"

#include "store/driver_local/rocks.h"

#define CATALOGUE_VERSION 1

void catalogue_encode(const struct blob_place *place, struct buf *out)
{
    record_begin(out, CATALOGUE_VERSION);
    pack_uint(out, ((uint64_t)place->references << 1) ^ (place->references < 0 ? UINT64_MAX : 0));
    pack_u8(out, place->placed);
    if (place->placed) {
        pack_uint(out, place->segment);
        pack_uint(out, place->offset);
        pack_uint(out, place->size);
        pack_u32(out, place->crc);
    }
    record_end(out);
}

bool catalogue_decode(struct fct_str value, struct blob_place *place)
{
    struct unpack u;
    uint64_t count;

    *place = (struct blob_place){0};
    if (!record_open(value, CATALOGUE_VERSION, &u))
        return false;
    count = unpack_uint(&u);
    place->references = (int64_t)((count >> 1) ^ (count & 1 ? UINT64_MAX : 0));
    place->placed = unpack_u8(&u) != 0;
    if (place->placed) {
        place->segment = unpack_uint32(&u);
        place->offset = unpack_uint(&u);
        place->size = unpack_uint(&u);
        place->crc = unpack_u32(&u);
    }
    return unpack_ok(&u);
}

static bool merge_one(struct blob_place *sum, struct fct_str value)
{
    struct blob_place next;

    if (!catalogue_decode(value, &next))
        return false;
    next.references += sum->references;
    if (next.placed)
        *sum = next;
    else
        sum->references = next.references;
    return true;
}

bool catalogue_merge(struct fct_str old, const struct fct_str *operand, size_t n, struct buf *out)
{
    struct blob_place sum = {0};

    if (old.n > 0 && !merge_one(&sum, old))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!merge_one(&sum, operand[i]))
            return false;
    catalogue_encode(&sum, out);
    return true;
}

struct key catalogue_key(const struct blob_id *id)
{
    struct key k = key_of(ROCKS_BLOB);

    memcpy(k.p + 1, id->b, sizeof id->b);
    k.n += sizeof id->b;
    return k;
}
