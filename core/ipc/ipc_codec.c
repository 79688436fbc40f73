/* ipc_codec.c - see ipc_codec.h. */
#include "core/ipc/ipc_codec.h"

static void put_number(struct buf *b, uint64_t v, size_t bytes)
{
    char *to = buf_reserve(b, bytes);

    if (!to)
        return;
    for (size_t i = 0; i < bytes; i++)
        to[i] = (char)(v >> (8 * i));
    b->n += bytes;
}

void ipc_put_u8(struct buf *b, uint8_t v)
{
    buf_put_char(b, (char)v);
}

void ipc_put_u16(struct buf *b, uint16_t v)
{
    put_number(b, v, 2);
}

void ipc_put_u32(struct buf *b, uint32_t v)
{
    put_number(b, v, 4);
}

void ipc_put_u64(struct buf *b, uint64_t v)
{
    put_number(b, v, 8);
}

void ipc_put_bool(struct buf *b, bool v)
{
    buf_put_char(b, v ? 1 : 0);
}

void ipc_put_str(struct buf *b, struct fct_str s)
{
    if (s.n > UINT32_MAX) { /* cannot be said: the message is as broken as one that is too long */
        b->overflow = true;
        return;
    }
    ipc_put_u32(b, (uint32_t)s.n);
    buf_put_str(b, s);
}

/* The next n bytes, or NULL and `bad`; once bad, everything else is missing too. */
static const char *take(struct ipc_reader *r, size_t n)
{
    const char *at = r->p;

    if (r->bad || n > (size_t)(r->end - r->p)) {
        r->bad = true;
        return NULL;
    }
    r->p += n;
    return at;
}

static uint64_t get_number(struct ipc_reader *r, size_t bytes)
{
    const char *at = take(r, bytes);
    uint64_t v = 0;

    for (size_t i = 0; at && i < bytes; i++)
        v |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return v;
}

uint8_t ipc_get_u8(struct ipc_reader *r)
{
    return (uint8_t)get_number(r, 1);
}

uint16_t ipc_get_u16(struct ipc_reader *r)
{
    return (uint16_t)get_number(r, 2);
}

uint32_t ipc_get_u32(struct ipc_reader *r)
{
    return (uint32_t)get_number(r, 4);
}

uint64_t ipc_get_u64(struct ipc_reader *r)
{
    return get_number(r, 8);
}

bool ipc_get_bool(struct ipc_reader *r)
{
    uint8_t v = ipc_get_u8(r);

    if (v > 1)
        r->bad = true;
    return v == 1;
}

struct fct_str ipc_get_str(struct ipc_reader *r)
{
    size_t n = ipc_get_u32(r);
    const char *at = take(r, n);

    return at ? (struct fct_str){at, n} : (struct fct_str){"", 0};
}

uint32_t ipc_get_count(struct ipc_reader *r, size_t each)
{
    uint32_t n = ipc_get_u32(r);

    if (n > 0 && (each == 0 || n > (size_t)(r->end - r->p) / each))
        r->bad = true;
    return r->bad ? 0 : n;
}

bool ipc_reader_ok(const struct ipc_reader *r)
{
    return !r->bad && r->p == r->end;
}
