/* store_codec.h - requests between store_client.c and the store: kinds, limits, and the values both
 * sides encode. */
#ifndef STORE_STORE_CODEC_H
#define STORE_STORE_CODEC_H

#include "core/base/arena.h"
#include "core/ipc/ipc.h"
#include "store/store.h"

enum store_request {
    STORE_NONE,
#define REQUEST(id, name, right, doc) STORE_##id,
#include "store/store_requests.def"
    STORE_REQUEST_COUNT,
    STORE_NOTICE_CHANGED, /* u32 principal, u64 mailbox, u64 mod_seq */
    STORE_NOTICE_QUEUE,   /* something is due: no payload */
};

/* The store's part of a principal's handle; the client keeps the generation of its connection
 * above. */
#define STORE_HANDLE_BITS 24u

#define STORE_INLINE_MAX   (8u << 10)   /* records in the reply; more travel as a memfd */
#define STORE_READ_MAX     (4u << 20)   /* bytes of one read */
#define STORE_READ_INLINE  (256u << 10) /* in the reply; more travel as a memfd */
#define STORE_SUMMARY_ROOM (1u << 20)   /* cold records in one reply, about */

void store_put_info(struct buf *b, const struct mailbox_info *info);
void store_get_info(struct ipc_reader *r, struct mailbox_info *info); /* name: a view */
void store_put_uids(struct buf *b, struct uid_set uids);
/* Checked: ascending, not overlapping, no 0. Sets r->bad otherwise. */
struct uid_set store_get_uids(struct ipc_reader *r, struct arena *arena);
void store_put_strs(struct buf *b, const struct fct_str *s, size_t n);
const struct fct_str *store_get_strs(struct ipc_reader *r, struct arena *arena, size_t *n);
void store_put_numbers(struct buf *b, const uint32_t *v, size_t n);
const uint32_t *store_get_numbers(struct ipc_reader *r, struct arena *arena, size_t *n);
void store_put_records(struct buf *b, const struct hot_record *v, size_t n);
struct hot_record *store_get_records(struct ipc_reader *r, struct arena *arena, size_t *n);

#endif
