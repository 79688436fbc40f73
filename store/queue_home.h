/* queue_home.h - the domains of the queue: their names in a hash table, and, of those that have
 * something ready, on lease, or said about them, who stands in the ring and who is blocked. */
#ifndef STORE_QUEUE_HOME_H
#define STORE_QUEUE_HOME_H

#include "store/queue_index.h"

struct queue_home *queue_home_of(struct queue_index *q, struct fct_str domain); /* made */
struct queue_busy *queue_home_busy(struct queue_home *h);                       /* made */
/* Does it belong into the ring now? */
void queue_home_settle(struct queue_index *q, struct queue_home *h);
/* Nothing of it is ready or on lease any more; with its last job it goes itself. */
void queue_home_rest(struct queue_index *q, struct queue_home *h);
/* Milliseconds until a domain is no longer blocked; CLOCK_NEVER. */
uint64_t queue_home_unblock(struct queue_index *q);
void queue_homes_free(struct queue_index *q);

#endif
