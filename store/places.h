/* places.h - where an e-mail is: the (mailbox, UID) pairs of key y, kept for those that were
 * copied, moved or expunged; one that never was is where its cold record says. */
#ifndef STORE_PLACES_H
#define STORE_PLACES_H

#include "store/pack.h"

struct place {
    uint32_t mailbox, uid;
};

void places_op_add(struct buf *out, struct place p);
void places_op_remove(struct buf *out, struct place p);
FCT_MUST_CHECK bool places_fold(struct fct_str old, const struct fct_str *piece, size_t n,
                                struct buf *out);
/* The list of a folded value; *list is malloc'd. */
FCT_MUST_CHECK bool places_decode(struct fct_str value, struct place **list, size_t *n);

#endif
