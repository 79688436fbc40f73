/* queue_inside.h - what the parts of the queue share: queue.c, queue_load.c, queue_flush.c. */
#ifndef STORE_QUEUE_INSIDE_H
#define STORE_QUEUE_INSIDE_H

#include "store/queue.h"

#include "core/base/arena.h"

#include <event2/util.h>

struct event;

#define QUEUE_CHANGE_MAX (2u * QUEUE_TEXT_MAX + 64u)

/* An entry that is over and still on the disk. */
struct queue_finished {
    uint64_t id;
    struct blob_id blob;
    bool has_state, marked; /* marked: the disk says that it is over */
};

struct queue {
    struct queue_index index;
    struct event *flush, *turn;
    uint64_t next_number, reserved; /* numbers below are on disk as given */
    struct buf noted;
    struct queue_finished *finished;
    size_t nfinished, finished_room;
    uint64_t flushed; /* sequence number of the last hand-over */
    uint64_t failures;
    bool gathering;             /* for a batch at hand: nothing is flushed meanwhile */
    struct fiber_token *waiter; /* for the next one */
    size_t waiters, waiter_room;
    uint64_t next_sweep;
};

/* ---- queue_load.c ---- */

/* The job's domain: lower case, "" for a recipient whose report is due. */
struct fct_str queue_domain_of(const struct queue_recipient *r, struct arena *arena);
uint32_t queue_due_at(int64_t wall); /* a time of the wall clock on the monotonic one */
struct queue_message *queue_index_entry(struct server *s, const struct queue_record *r,
                                        const struct queue_progress *state, bool has_state,
                                        const struct fct_str *domain, struct arena *arena);
FCT_MUST_CHECK bool queue_load(struct server *s, struct fct_err *err);

/* ---- queue_flush.c ---- */

void queue_on_flush(evutil_socket_t fd, short what, void *server);
void queue_flush_later(struct server *s, uint64_t ms);
void queue_flush_soon(struct server *s); /* something was noted */
#define QUEUE_RELEASE_MS 50u /* a body that another batch names right now: again after this */
void queue_note(struct server *s, struct queue_message *m, const struct buf *change);
void queue_finish(struct queue *q, uint64_t id, const struct blob_id *blob, bool has_state,
                  bool marked);
/* The counter of entries, before it is used up. */
void queue_put_number(struct server *s, struct batch *b);
/* What was noted and not handed over is gone; who waits for it is told. */
void queue_forget_noted(struct server *s);

#endif
