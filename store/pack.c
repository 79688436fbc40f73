/* pack.c - varints, strings, records, keys. */
#include "store/pack.h"

#include "core/base/err.h"
#include "store/crc32c.h"

void pack_u8(struct buf *b, uint8_t v)
{
    buf_put_char(b, (char)v);
}

void pack_u32(struct buf *b, uint32_t v)
{
    uint8_t bytes[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};

    buf_put(b, bytes, sizeof bytes);
}

void pack_uint(struct buf *b, uint64_t v)
{
    uint8_t bytes[10];
    size_t n = 0;

    for (; v >= 0x80; v >>= 7)
        bytes[n++] = (uint8_t)(v | 0x80);
    bytes[n++] = (uint8_t)v;
    buf_put(b, bytes, n);
}

void pack_str(struct buf *b, struct fct_str s)
{
    pack_uint(b, s.n);
    buf_put_str(b, s);
}

uint8_t unpack_u8(struct unpack *u)
{
    if (u->bad || u->p == u->end) {
        u->bad = true;
        return 0;
    }
    return *u->p++;
}

uint32_t unpack_u32(struct unpack *u)
{
    uint32_t v = 0;

    for (unsigned shift = 0; shift < 32; shift += 8)
        v |= (uint32_t)unpack_u8(u) << shift;
    return v;
}

uint64_t unpack_uint(struct unpack *u)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = unpack_u8(u);

        if (shift == 63 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return v;
    }
    u->bad = true;
    return 0;
}

uint32_t unpack_uint32(struct unpack *u)
{
    uint64_t v = unpack_uint(u);

    if (v > UINT32_MAX)
        u->bad = true;
    return u->bad ? 0 : (uint32_t)v;
}

struct fct_str unpack_bytes(struct unpack *u, size_t n)
{
    struct fct_str s = {(const char *)u->p, n};

    if (u->bad || n > (size_t)(u->end - u->p)) {
        u->bad = true;
        return (struct fct_str){0};
    }
    u->p += n;
    return s;
}

struct fct_str unpack_str(struct unpack *u)
{
    uint64_t n = unpack_uint(u);

    if (n > SIZE_MAX / 2)
        u->bad = true;
    return unpack_bytes(u, (size_t)n);
}

void record_begin(struct buf *b, uint8_t version)
{
    pack_u8(b, version);
    pack_u32(b, 0);
}

void record_end(struct buf *b)
{
    uint32_t crc;

    if (b->overflow)
        return;
    FCT_ASSERT(b->n >= RECORD_HEAD);
    crc = crc32c(0, b->p, 1);
    crc = crc32c(crc, b->p + RECORD_HEAD, b->n - RECORD_HEAD);
    for (unsigned i = 0; i < 4; i++)
        b->p[1 + i] = (char)(crc >> (8 * i));
}

bool record_open(struct fct_str value, uint8_t version, struct unpack *body)
{
    struct unpack u = unpack_start(value);
    uint8_t found = unpack_u8(&u);
    uint32_t want = unpack_u32(&u), crc;

    if (u.bad || found != version)
        return false;
    crc = crc32c(0, value.p, 1);
    crc = crc32c(crc, u.p, (size_t)(u.end - u.p));
    *body = u;
    return crc == want;
}

struct key key_of(char type)
{
    struct key k;

    k.p[0] = type;
    k.n = 1;
    return k;
}

void key_u32(struct key *k, uint32_t v)
{
    FCT_ASSERT(k->n + 4 <= sizeof k->p);
    for (unsigned shift = 32; shift > 0; shift -= 8)
        k->p[k->n++] = (char)(v >> (shift - 8));
}

void key_u64(struct key *k, uint64_t v)
{
    key_u32(k, (uint32_t)(v >> 32));
    key_u32(k, (uint32_t)v);
}

struct key key_after(const struct key *k)
{
    struct key next = *k;

    while (next.n > 0 && (uint8_t)next.p[next.n - 1] == 0xff)
        next.n--;
    if (next.n > 0)
        next.p[next.n - 1]++;
    return next;
}

uint32_t key_get_u32(const char *p)
{
    uint32_t v = 0;

    for (int i = 0; i < 4; i++)
        v = v << 8 | (uint8_t)p[i];
    return v;
}

uint64_t key_get_u64(const char *p)
{
    return (uint64_t)key_get_u32(p) << 32 | key_get_u32(p + 4);
}
