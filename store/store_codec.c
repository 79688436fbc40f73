/* store_codec.c - values in requests and replies of the store. */
#include "store/store_codec.h"

void store_put_info(struct buf *b, const struct mailbox_info *info)
{
    ipc_put_u64(b, info->id);
    ipc_put_str(b, info->name);
    ipc_put_u8(b, (uint8_t)info->role);
    ipc_put_u8(b, (uint8_t)((info->subscribed ? 1 : 0) | (info->has_children ? 2 : 0) |
                            (info->selectable ? 4 : 0)));
    ipc_put_u32(b, info->uid_validity);
    ipc_put_u32(b, info->uid_next);
    ipc_put_u64(b, info->highest_mod_seq);
    ipc_put_u32(b, info->exists);
    ipc_put_u32(b, info->unseen);
    ipc_put_u32(b, info->deleted);
    ipc_put_u64(b, info->bytes);
}

void store_get_info(struct ipc_reader *r, struct mailbox_info *info)
{
    uint8_t bits;

    info->id = ipc_get_u64(r);
    info->name = ipc_get_str(r);
    info->role = (enum mailbox_role)ipc_get_u8(r);
    bits = ipc_get_u8(r);
    info->subscribed = bits & 1;
    info->has_children = bits & 2;
    info->selectable = bits & 4;
    info->uid_validity = ipc_get_u32(r);
    info->uid_next = ipc_get_u32(r);
    info->highest_mod_seq = ipc_get_u64(r);
    info->exists = ipc_get_u32(r);
    info->unseen = ipc_get_u32(r);
    info->deleted = ipc_get_u32(r);
    info->bytes = ipc_get_u64(r);
}

void store_put_uids(struct buf *b, struct uid_set uids)
{
    ipc_put_u32(b, (uint32_t)uids.n);
    for (size_t i = 0; i < uids.n; i++) {
        ipc_put_u32(b, uids.range[i].first);
        ipc_put_u32(b, uids.range[i].last);
    }
}

struct uid_set store_get_uids(struct ipc_reader *r, struct arena *arena)
{
    uint32_t n = ipc_get_count(r, 8), before = 0;
    struct uid_range *range = ARENA_ARRAY(arena, struct uid_range, n);

    for (uint32_t i = 0; i < n; i++) {
        range[i].first = ipc_get_u32(r);
        range[i].last = ipc_get_u32(r);
        if (range[i].first <= before || range[i].last < range[i].first)
            r->bad = true;
        before = range[i].last;
    }
    return (struct uid_set){range, r->bad ? 0 : n};
}

void store_put_strs(struct buf *b, const struct fct_str *s, size_t n)
{
    ipc_put_u32(b, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        ipc_put_str(b, s[i]);
}

const struct fct_str *store_get_strs(struct ipc_reader *r, struct arena *arena, size_t *n)
{
    struct fct_str *s;

    *n = ipc_get_count(r, 4);
    s = ARENA_ARRAY(arena, struct fct_str, *n);
    for (size_t i = 0; i < *n; i++)
        s[i] = ipc_get_str(r);
    return s;
}

void store_put_numbers(struct buf *b, const uint32_t *v, size_t n)
{
    ipc_put_u32(b, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        ipc_put_u32(b, v[i]);
}

const uint32_t *store_get_numbers(struct ipc_reader *r, struct arena *arena, size_t *n)
{
    uint32_t *v;

    *n = ipc_get_count(r, 4);
    v = ARENA_ARRAY(arena, uint32_t, *n);
    for (size_t i = 0; i < *n; i++)
        v[i] = ipc_get_u32(r);
    return v;
}

/* Both sides are one program on one machine: records travel as they lie in memory. */
void store_put_records(struct buf *b, const struct hot_record *v, size_t n)
{
    ipc_put_str(b, (struct fct_str){(const char *)v, n * sizeof *v});
}

struct hot_record *store_get_records(struct ipc_reader *r, struct arena *arena, size_t *n)
{
    struct fct_str bytes = ipc_get_str(r);
    struct hot_record *v;

    *n = bytes.n / sizeof *v;
    if (bytes.n != *n * sizeof *v)
        r->bad = true;
    v = ARENA_ARRAY(arena, struct hot_record, *n);
    if (*n)
        memcpy(v, bytes.p, *n * sizeof *v);
    return v;
}
