/* queue_pool.h - pieces of one size without malloc's eight bytes beside each: messages of one
 * recipient, of which a queue may have very many. Memory goes back when the last piece does. */
#ifndef STORE_QUEUE_POOL_H
#define STORE_QUEUE_POOL_H

#include <stddef.h>

struct queue_pool {
    size_t size; /* of a piece: a multiple of 8 */
    size_t used;
    void *free;  /* a piece, which begins with the next one's address */
    void *slabs; /* likewise */
};

void *queue_pool_take(struct queue_pool *p); /* zeroed */
void queue_pool_give(struct queue_pool *p, void *piece);

#endif
