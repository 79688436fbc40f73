/* pack.h - the compact encoding of everything the store writes: numbers as base-128 varints,
 * strings with their length, and the frame of a stored record (version, checksum).
 * docs/store-format.md is its description.
 *
 * Reading is total: what is not there reads as zero or empty and sets `bad`; check once at the end.
 */
#ifndef STORE_PACK_H
#define STORE_PACK_H

#include "core/base/buf.h"

void pack_u8(struct buf *b, uint8_t v);
void pack_u32(struct buf *b, uint32_t v); /* four bytes, little-endian: checksums */
void pack_uint(struct buf *b, uint64_t v);
void pack_str(struct buf *b, struct fct_str s);

struct unpack {
    const uint8_t *p, *end;
    bool bad;
};
static inline struct unpack unpack_start(struct fct_str s)
{
    const uint8_t *p = (const uint8_t *)s.p;

    return (struct unpack){p, p ? p + s.n : p, false};
}
uint8_t unpack_u8(struct unpack *u);
uint32_t unpack_u32(struct unpack *u);
uint64_t unpack_uint(struct unpack *u);
uint32_t unpack_uint32(struct unpack *u); /* bad when it does not fit */
struct fct_str unpack_str(struct unpack *u);
struct fct_str unpack_bytes(struct unpack *u, size_t n);
static inline bool unpack_more(const struct unpack *u)
{
    return !u->bad && u->p < u->end;
}
static inline bool unpack_ok(const struct unpack *u)
{
    return !u->bad && u->p == u->end;
}

/* A stored record: version byte, CRC-32C of version and body, body. */
#define RECORD_HEAD 5
void record_begin(struct buf *b, uint8_t version); /* into an empty buf */
void record_end(struct buf *b);                    /* fills in the checksum */
/* False: damaged, or a version that this program does not know. */
FCT_MUST_CHECK bool record_open(struct fct_str value, uint8_t version, struct unpack *body);

/* Keys: one byte of type, then big-endian numbers, so that they sort. */
struct key {
    char p[192];
    size_t n;
};
struct key key_of(char type);
void key_u32(struct key *k, uint32_t v);
void key_u64(struct key *k, uint64_t v);
static inline struct fct_str key_str(const struct key *k)
{
    return (struct fct_str){k->p, k->n};
}
/* The key after all that start with k: the end of a range. */
struct key key_after(const struct key *k);
uint32_t key_get_u32(const char *p);
uint64_t key_get_u64(const char *p);

#endif
