/* queue_pool.c - see queue_pool.h. */
#include "store/queue_pool.h"

#include "core/base/err.h"

#include <stdlib.h>
#include <string.h>

#define PIECES 512u /* in a slab */

static void push(void **list, void *piece)
{
    memcpy(piece, list, sizeof *list);
    *list = piece;
}

static void *pop(void **list)
{
    void *piece = *list;

    if (piece)
        memcpy(list, piece, sizeof *list);
    return piece;
}

static void add_slab(struct queue_pool *p)
{
    char *slab = malloc(sizeof(void *) + PIECES * p->size);

    FCT_ASSERT(slab);
    push(&p->slabs, slab);
    for (size_t i = PIECES; i-- > 0;)
        push(&p->free, slab + sizeof(void *) + i * p->size);
}

void *queue_pool_take(struct queue_pool *p)
{
    void *piece;

    FCT_ASSERT(p->size >= sizeof(void *) && p->size % sizeof(void *) == 0);
    if (!p->free)
        add_slab(p);
    piece = pop(&p->free);
    p->used++;
    return memset(piece, 0, p->size);
}

void queue_pool_give(struct queue_pool *p, void *piece)
{
    void *slab;

    push(&p->free, piece);
    if (--p->used > 0)
        return;
    p->free = NULL;
    while ((slab = pop(&p->slabs)))
        free(slab);
}
