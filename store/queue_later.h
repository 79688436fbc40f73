/* queue_later.h - copies for people here that wait in an entry of the queue (an undo window,
 * FUTURERELEASE): what the filters made of the message when it came. When its time has come it is
 * delivered as it would have been at once: the same view, mailbox, keywords and ledger. */
#ifndef STORE_QUEUE_LATER_H
#define STORE_QUEUE_LATER_H

#include "core/base/arena.h"
#include "core/base/buf.h"

struct queue_later_copy {
    uint32_t recipient; /* its place in the entry */
    uint64_t account;
    struct fct_str mailbox;
    uint16_t flags;
    const struct fct_str *keyword;
    size_t nkeywords;
    struct fct_str edits, summary; /* of its view; equal pointers are stored once */
    uint32_t view_size;
    struct fct_str ledger;
    struct fct_str to; /* as the client gave it */
};

struct queue_later {
    struct fct_str reverse_path; /* as it came: the entry's may be another one (SRS) */
    struct fct_str helo;
    uint32_t role;
    const struct queue_later_copy *copy;
    size_t n;
};

void queue_later_encode(const struct queue_later *later, struct buf *out);
/* Strings are views into `bytes`. recipients: how many the entry has. */
FCT_MUST_CHECK bool queue_later_decode(struct fct_str bytes, size_t recipients, struct arena *arena,
                                       struct queue_later *out);

#endif
