/* hot_chunk.h - the stored form of hot records: chunks, and the operations appended to them.
 *
 * Operations describe what happened to ranges of UIDs, so that a STORE on 100,000 messages is a few
 * bytes per chunk. Folding applies them in order; it is the same whether they come one by one or
 * concatenated. */
#ifndef STORE_HOT_CHUNK_H
#define STORE_HOT_CHUNK_H

#include "store/pack.h"
#include "store/store.h"

#define CHUNK_UIDS 512u

static inline uint32_t chunk_of(uint32_t uid)
{
    return (uid - 1) / CHUNK_UIDS;
}

/* A change of flags: new = (old & ~clear) | set. */
struct flag_change {
    uint64_t mod_seq;
    uint16_t clear, set;
    uint64_t clear_keywords, set_keywords;
};

void hot_op_add(struct buf *out, const struct hot_record *r);
void hot_op_flags(struct buf *out, const struct flag_change *c, const struct uid_range *uids,
                  size_t n);
void hot_op_expunge(struct buf *out, const struct uid_range *uids, size_t n);

static inline void flag_change_apply(const struct flag_change *c, struct hot_record *r)
{
    r->mod_seq = c->mod_seq;
    r->flags = (uint16_t)((r->flags & (uint16_t)~c->clear) | c->set);
    r->keywords = (r->keywords & ~c->clear_keywords) | c->set_keywords;
}

/* The fold of the keys h (driver.h). */
FCT_MUST_CHECK bool hot_chunk_fold(struct fct_str old, const struct fct_str *piece, size_t n,
                                   struct buf *out);
/* Records of a folded chunk; views cannot be had, as the bytes are not aligned. False: damaged, out
 * of order, too many. */
FCT_MUST_CHECK bool hot_chunk_decode(struct fct_str value, struct hot_record out[CHUNK_UIDS],
                                     size_t *n);
void hot_chunk_encode(const struct hot_record *r, size_t n, struct buf *out);

#endif
