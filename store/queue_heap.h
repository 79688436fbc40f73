/* queue_heap.h - jobs of the queue in a binary heap; each knows its place, so that any can leave.
 */
#ifndef STORE_QUEUE_HEAP_H
#define STORE_QUEUE_HEAP_H

#include "store/queue_index.h"

typedef bool (*queue_before)(const struct queue_item *a, const struct queue_item *b);

void queue_heap_add(struct queue_heap *h, struct queue_item *item, queue_before before);
void queue_heap_remove(struct queue_heap *h, struct queue_item *item, queue_before before);

#endif
