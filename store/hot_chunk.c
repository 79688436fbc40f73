/* hot_chunk.c - folding operations into chunks of hot records. */
#include "store/hot_chunk.h"

#include "core/base/err.h"

#define CHUNK_VERSION 1

enum hot_op { HOT_ADD = 1, HOT_FLAGS, HOT_EXPUNGE };

/* Records are stored as they lie in memory, which is little-endian on every machine we run on. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "hot records are stored little-endian");

void hot_op_add(struct buf *out, const struct hot_record *r)
{
    pack_u8(out, HOT_ADD);
    buf_put(out, r, sizeof *r);
}

static void put_ranges(struct buf *out, const struct uid_range *uids, size_t n)
{
    uint32_t last = 0;

    pack_uint(out, n);
    for (size_t i = 0; i < n; i++) {
        pack_uint(out, uids[i].first - last);
        pack_uint(out, uids[i].last - uids[i].first);
        last = uids[i].last;
    }
}

void hot_op_flags(struct buf *out, const struct flag_change *c, const struct uid_range *uids,
                  size_t n)
{
    pack_u8(out, HOT_FLAGS);
    pack_uint(out, c->mod_seq);
    pack_uint(out, c->clear);
    pack_uint(out, c->set);
    pack_uint(out, c->clear_keywords);
    pack_uint(out, c->set_keywords);
    put_ranges(out, uids, n);
}

void hot_op_expunge(struct buf *out, const struct uid_range *uids, size_t n)
{
    pack_u8(out, HOT_EXPUNGE);
    put_ranges(out, uids, n);
}

/* ---- folding ---- */

struct chunk {
    struct hot_record record[CHUNK_UIDS];
    size_t n;
};

static size_t first_at(const struct chunk *c, uint32_t uid)
{
    size_t i = c->n;

    while (i > 0 && c->record[i - 1].uid >= uid) /* nearly always the end */
        i--;
    return i;
}

static bool add(struct chunk *c, const struct hot_record *r)
{
    size_t at = first_at(c, r->uid);

    if (at < c->n && c->record[at].uid == r->uid) {
        c->record[at] = *r;
        return true;
    }
    if (r->uid == 0 || c->n == CHUNK_UIDS)
        return false;
    memmove(&c->record[at + 1], &c->record[at], (c->n - at) * sizeof *r);
    c->record[at] = *r;
    c->n++;
    return true;
}

static void expunge(struct chunk *c, struct uid_range uids)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->n; i++)
        if (c->record[i].uid < uids.first || c->record[i].uid > uids.last)
            c->record[kept++] = c->record[i];
    c->n = kept;
}

static void change_flags(struct chunk *c, const struct flag_change *change, struct uid_range uids)
{
    for (size_t i = first_at(c, uids.first); i < c->n && c->record[i].uid <= uids.last; i++)
        flag_change_apply(change, &c->record[i]);
}

static bool for_ranges(struct unpack *u, struct chunk *c, const struct flag_change *change)
{
    uint64_t n = unpack_uint(u), last = 0;

    for (; n > 0 && !u->bad; n--) {
        uint64_t first = last + unpack_uint32(u);
        uint64_t end = first + unpack_uint32(u);

        if (end > UINT32_MAX)
            return false;
        last = end;
        if (u->bad)
            return false;
        if (change)
            change_flags(c, change, (struct uid_range){(uint32_t)first, (uint32_t)end});
        else
            expunge(c, (struct uid_range){(uint32_t)first, (uint32_t)end});
    }
    return !u->bad;
}

static bool apply_add(struct unpack *u, struct chunk *c)
{
    struct fct_str bytes = unpack_bytes(u, sizeof(struct hot_record));
    struct hot_record r;

    if (u->bad)
        return false;
    memcpy(&r, bytes.p, sizeof r);
    return add(c, &r);
}

static bool apply_flags(struct unpack *u, struct chunk *c)
{
    struct flag_change change = {.mod_seq = unpack_uint(u)};

    change.clear = (uint16_t)unpack_uint32(u);
    change.set = (uint16_t)unpack_uint32(u);
    change.clear_keywords = unpack_uint(u);
    change.set_keywords = unpack_uint(u);
    return for_ranges(u, c, &change);
}

static bool apply(struct unpack *u, struct chunk *c)
{
    switch (unpack_u8(u)) {
    case HOT_ADD:
        return apply_add(u, c);
    case HOT_FLAGS:
        return apply_flags(u, c);
    case HOT_EXPUNGE:
        return for_ranges(u, c, NULL);
    default:
        return false;
    }
}

void hot_chunk_encode(const struct hot_record *r, size_t n, struct buf *out)
{
    record_begin(out, CHUNK_VERSION);
    buf_put(out, r, n * sizeof *r);
    record_end(out);
}

bool hot_chunk_decode(struct fct_str value, struct hot_record out[CHUNK_UIDS], size_t *n)
{
    struct unpack u;

    *n = 0;
    if (!record_open(value, CHUNK_VERSION, &u))
        return false;
    *n = (size_t)(u.end - u.p) / sizeof *out;
    if (*n > CHUNK_UIDS || (size_t)(u.end - u.p) != *n * sizeof *out)
        return false;
    memcpy(out, u.p, *n * sizeof *out);
    for (size_t i = 0; i < *n; i++)
        if (out[i].uid == 0 || (i > 0 && out[i].uid <= out[i - 1].uid))
            return false;
    return true;
}

bool hot_chunk_fold(struct fct_str old, const struct fct_str *piece, size_t n, struct buf *out)
{
    struct chunk *c = malloc(sizeof *c);
    bool ok;

    FCT_ASSERT(c);
    c->n = 0;
    ok = !old.p || hot_chunk_decode(old, c->record, &c->n);
    for (size_t i = 0; ok && i < n; i++) {
        struct unpack u = unpack_start(piece[i]);

        while (ok && unpack_more(&u))
            ok = apply(&u, c);
    }
    if (ok)
        hot_chunk_encode(c->record, c->n, out);
    free(c);
    return ok;
}
