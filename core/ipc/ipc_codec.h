/* ipc_codec.h - values in messages between our processes: little-endian numbers, length-prefixed
 * strings.
 *
 * Reading is total: a value that is not there reads as zero or empty and sets `bad`; check
 * ipc_reader_ok once at the end. A compromised neighbour can send anything, so every count read
 * must be bounded by the caller or by what is left. */
#ifndef CORE_IPC_IPC_CODEC_H
#define CORE_IPC_IPC_CODEC_H

#include "core/base/buf.h"

struct ipc_reader {
    const char *p, *end;
    bool bad;
};

void ipc_put_u8(struct buf *b, uint8_t v);
void ipc_put_u16(struct buf *b, uint16_t v);
void ipc_put_u32(struct buf *b, uint32_t v);
void ipc_put_u64(struct buf *b, uint64_t v);
void ipc_put_bool(struct buf *b, bool v);
void ipc_put_str(struct buf *b, struct fct_str s); /* u32 length, bytes */

uint8_t ipc_get_u8(struct ipc_reader *r);
uint16_t ipc_get_u16(struct ipc_reader *r);
uint32_t ipc_get_u32(struct ipc_reader *r);
uint64_t ipc_get_u64(struct ipc_reader *r);
bool ipc_get_bool(struct ipc_reader *r);
struct fct_str ipc_get_str(struct ipc_reader *r); /* view into the message */
/* A count of things that take at least `each` bytes: bad when they cannot fit in what is left. */
uint32_t ipc_get_count(struct ipc_reader *r, size_t each);
static inline struct ipc_reader ipc_reader(struct fct_str bytes)
{
    return (struct ipc_reader){bytes.p, bytes.p + bytes.n, false};
}
/* All was there and nothing is left over. */
bool ipc_reader_ok(const struct ipc_reader *r);

#endif
