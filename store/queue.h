/* queue.h - the queue of mail for elsewhere: what is on disk and in memory (queue_index.h) changes
 * together.
 *
 * A new entry is part of the commit of the delivery that brings it, and nobody gets it on lease
 * before that is durable. Results are collected for a moment (store.queue_ack_delay) and ride in
 * the next delivery's commit if one comes: a message sent costs no sync of its own. Whoever gives
 * them is answered when they are durable. */
#ifndef STORE_QUEUE_H
#define STORE_QUEUE_H

#include "store/change.h"
#include "store/queue_index.h"
#include "store/queue_record.h"

struct queue;

/* Reads what an earlier run left. */
FCT_MUST_CHECK bool queue_open(struct server *s, struct fct_err *err);
void queue_close(struct server *s);
const struct queue_index *queue_in_memory(const struct server *s);

/* ---- adding ---- */

/* Is there room for one more, of this login? FCT_LIMIT. */
FCT_MUST_CHECK bool queue_has_room(const struct server *s, struct fct_str login,
                                   struct fct_err *err);
/* Into memory and the change; the body is put by the caller, with one reference more. later:
 * queue_later.h. Returns the entry's number. No wait until change_commit. */
uint64_t queue_add(struct server *s, struct change *c, struct queue_entry *entry,
                   struct fct_str later, const struct blob_id *blob);

/* ---- what the committer reports ---- */

void queue_durable(struct server *s, const struct touch *touch, size_t n);
void queue_failed(struct server *s); /* memory is built anew; leases stay */

/* ---- results ---- */

/* Noted in memory; on disk by the next queue_flush or queue_ride. lessee: who says it. */
void queue_result(struct server *s, const struct queue_result *r, uint32_t lessee);
/* Until all that was noted is handed to the committer: its sequence number. FCT_TEMP: it is lost,
 * as the disk failed. */
FCT_MAY_WAIT FCT_MUST_CHECK bool queue_wait(struct server *s, uint64_t *seq, struct fct_err *err);
uint64_t queue_flush(struct server *s); /* now */
/* What was noted goes into a batch that is about to be handed over; then its number is told. */
bool queue_ride(struct server *s, struct batch *b);
/* The same with these results: all of it in this one batch. */
bool queue_ride_with(struct server *s, struct batch *b, const struct queue_result *result, size_t n,
                     uint32_t lessee);
void queue_rode(struct server *s, uint64_t seq);

/* ---- leases ---- */

/* On lease again, to the connection that says that it has it in hand. */
void queue_claim(struct server *s, const struct queue_claim *claim, uint32_t lessee);
/* NULL: nothing is ready. */
struct queue_item *queue_lease(struct server *s, uint32_t lessee);
void queue_unlease(struct server *s, struct queue_item *item, uint32_t seconds); /* again then */
void queue_give_up(struct server *s, uint32_t lessee); /* its connection ended */
void queue_set_domain(struct server *s, const struct queue_domain *domain);

/* ---- admin ---- */

/* False: no such entry. In memory, and noted as results are. */
bool queue_act(struct server *s, enum queue_act act, uint64_t id);

/* An entry and its state from the disk; what is only noted yet is not in it. */
FCT_MUST_CHECK bool queue_read(struct server *s, const struct queue_message *m, struct arena *arena,
                               struct queue_record *out, struct queue_progress *state,
                               struct fct_err *err);

/* The same of many, read together: fill in `message`, read, decode each. */
struct queue_stored {
    const struct queue_message *message;
    struct fct_str entry, state; /* empty: not there; in the arena */
};
FCT_MUST_CHECK bool queue_stored_read(struct server *s, struct queue_stored *e, size_t n,
                                      struct arena *arena, struct fct_err *err);
FCT_MUST_CHECK bool queue_stored_decode(const struct queue_stored *e, struct arena *arena,
                                        struct queue_record *out, struct queue_progress *progress,
                                        struct fct_err *err);

/* Something is ready: told to those who wait for it. */
void queue_wake(struct server *s);
void queue_tick(struct server *s); /* once a second */

#endif
