/* imap_summaries.h - the summaries of many messages, asked for some batches ahead: the store looks
 * the next ones up while these are formatted or judged.
 *
 *     struct imap_summaries *list = imap_summaries_new(s, &messages);
 *     while ((batch = imap_summaries_next(list, err)))   one batch after the other, in order
 *         …
 *     imap_summaries_free(&list);                        may wait for questions on their way */
#ifndef PROTOCOLS_IMAP_IMAP_SUMMARIES_H
#define PROTOCOLS_IMAP_IMAP_SUMMARIES_H

#include "core/message/summary.h"
#include "protocols/imap/imap_session.h"

#define IMAP_BATCH 128

struct imap_message {
    uint32_t index;
    bool here; /* false: expunged meanwhile, there is no summary */
    struct summary summary;
};

struct imap_batch {
    struct imap_message message[IMAP_BATCH];
    size_t n;
    struct arena *arena; /* for the user too; reset before the batch is used again */
};

struct imap_summaries;

/* messages must stay as they are until the end. */
struct imap_summaries *imap_summaries_new(struct imap_session *s,
                                          const struct imap_indexes *messages);
/* NULL at the end, or with err set. The batch lives until the next call. */
FCT_MAY_WAIT struct imap_batch *imap_summaries_next(struct imap_summaries *list,
                                                    struct fct_err *err);
FCT_MAY_WAIT void imap_summaries_free(struct imap_summaries **list);

#endif
