/* queue_history.h - what became of the queue's messages, after they have left it: a file of lines
 * in the store's folder, of bounded size, for `facteurctl trace`.
 *
 * It is written once a second and never synced: it informs, it decides nothing. A line is
 * TIME, number of the entry, event, and what belongs to the event, with tabs between. */
#ifndef STORE_QUEUE_HISTORY_H
#define STORE_QUEUE_HISTORY_H

#include "store/server.h"
#include "store/store_queue.h"

struct queue_history;

/* Never fails: without its file there is no history, and the log says so. */
void queue_history_open(struct server *s);
void queue_history_close(struct server *s);
void queue_history_tick(struct server *s);

void queue_history_queued(struct server *s, const struct queue_entry *e);
void queue_history_result(struct server *s, const struct queue_result *r);
void queue_history_act(struct server *s, uint64_t id, enum queue_act act);
void queue_history_report(struct server *s, uint64_t id, struct fct_str to);

/* The lines of the messages with this log id, of all entries that came of it; at most `max` bytes,
 * the newest. */
FCT_MAY_WAIT void queue_history_find(struct server *s, struct fct_str log_id, struct buf *out);

#endif
