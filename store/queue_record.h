/* queue_record.h - the stored forms of a queue entry: the envelope, written once, and the state of
 * its recipients, changed by appending (docs/store-format.md). */
#ifndef STORE_QUEUE_RECORD_H
#define STORE_QUEUE_RECORD_H

#include "store/batch.h"
#include "store/store_queue.h"

/* Entries lie in QUEUE_SHARDS partitions by the lowest bits of their numbers. */
uint64_t queue_part(uint64_t id);
struct key queue_entry_key(uint64_t id);
struct key queue_state_key(uint64_t id);
struct key queue_counter_key(void); /* highest number that may have been given; in shard 0 */

/* An entry as it was queued. Of recipients: address, orcpt, notify, status, reply, host. */
struct queue_record {
    struct queue_entry entry;
    struct queue_recipient *recipient; /* the same as entry.recipient */
    struct blob_id blob;
    struct fct_str later; /* queue_later.h; empty: none */
};
void queue_record_encode(const struct queue_record *r, struct buf *out);
/* Strings are views into `value`. */
FCT_MUST_CHECK bool queue_record_decode(struct fct_str value, struct arena *arena,
                                        struct queue_record *out);
#define QUEUE_VALUE_MAX (64u << 20)

/* ---- state ---- */

/* Changes, to be appended. */
void queue_state_result(struct buf *out, const struct queue_result *r, int64_t when);
void queue_state_hold(struct buf *out, bool held);
void queue_state_retry(struct buf *out, int64_t when); /* everybody pending, whatever was set */
void queue_state_over(struct buf *out);                /* nothing is left to do */
bool queue_state_fold(struct fct_str old, const struct fct_str *piece, size_t n, struct buf *out);

/* What a folded state says of an entry. */
struct queue_progress {
    bool over;
    bool hurried; /* by retry: hold_until counts no more */
    bool *done;   /* of each recipient: its work is over */
};
/* Puts it into the record's recipients; strings are views into `value`. `value` empty: there is
 * none. */
FCT_MUST_CHECK bool queue_state_apply(struct fct_str value, struct arena *arena,
                                      struct queue_record *r, struct queue_progress *out);

#endif
