/* dns_packet.h - messages of the DNS, put together byte by byte. */
#ifndef TESTS_DNS_PACKET_H
#define TESTS_DNS_PACKET_H

#include "core/base/buf.h"
#include "core/base/str.h"

static inline void put_u16(struct buf *b, unsigned v)
{
    buf_put_char(b, (char)(v >> 8));
    buf_put_char(b, (char)v);
}

static inline void put_u32(struct buf *b, uint32_t v)
{
    put_u16(b, v >> 16);
    put_u16(b, v & 0xffff);
}

/* "a.example" uncompressed. */
static inline void put_name(struct buf *b, const char *name)
{
    struct fct_str rest = str_from(name);

    while (rest.p && rest.n > 0) {
        struct fct_str label = str_split(&rest, '.');

        buf_put_char(b, (char)label.n);
        buf_put_str(b, label);
    }
    buf_put_char(b, 0);
}

/* Header and question; the counts of answers and authority can be set later. */
static inline void put_start(struct buf *b, unsigned rcode, const char *name, unsigned type)
{
    put_u16(b, 0x1234);
    put_u16(b, 0x8180 | rcode);
    put_u16(b, 1);
    put_u16(b, 0);
    put_u16(b, 0);
    put_u16(b, 0);
    put_name(b, name);
    put_u16(b, type);
    put_u16(b, 1);
}

static inline void set_counts(struct buf *b, unsigned answers, unsigned authority)
{
    b->p[6] = (char)(answers >> 8);
    b->p[7] = (char)answers;
    b->p[8] = (char)(authority >> 8);
    b->p[9] = (char)authority;
}

static inline void put_rr(struct buf *b, const char *owner, unsigned type, uint32_t ttl,
                          const struct buf *data)
{
    put_name(b, owner);
    put_u16(b, type);
    put_u16(b, 1);
    put_u32(b, ttl);
    put_u16(b, (unsigned)data->n);
    buf_put_str(b, buf_str(data));
}

static inline void put_rr_bytes(struct buf *b, const char *owner, unsigned type, uint32_t ttl,
                                struct fct_str bytes)
{
    struct buf data = {.p = (char *)(uintptr_t)bytes.p, .n = bytes.n};

    put_rr(b, owner, type, ttl, &data);
}

#endif
