/* queue_heap.c - see queue_heap.h. */
#include "store/queue_heap.h"

#include "core/base/err.h"

#include <stdlib.h>

static void put(struct queue_heap *h, size_t at, struct queue_item *item)
{
    h->item[at] = item;
    item->at = (uint32_t)at;
}

static void rise(struct queue_heap *h, size_t at, queue_before before)
{
    struct queue_item *item = h->item[at];

    while (at > 0 && before(item, h->item[(at - 1) / 2])) {
        put(h, at, h->item[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(h, at, item);
}

static void sink(struct queue_heap *h, size_t at, queue_before before)
{
    struct queue_item *item = h->item[at];

    for (size_t child; (child = 2 * at + 1) < h->n; at = child) {
        if (child + 1 < h->n && before(h->item[child + 1], h->item[child]))
            child++;
        if (!before(h->item[child], item))
            break;
        put(h, at, h->item[child]);
    }
    put(h, at, item);
}

void queue_heap_add(struct queue_heap *h, struct queue_item *item, queue_before before)
{
    if (h->n == h->room) {
        h->room += h->room / 8 + 4;
        h->item = realloc(h->item, h->room * sizeof *h->item);
        FCT_ASSERT(h->item);
    }
    put(h, h->n++, item);
    rise(h, h->n - 1, before);
}

void queue_heap_remove(struct queue_heap *h, struct queue_item *item, queue_before before)
{
    size_t at = item->at;

    FCT_ASSERT(at < h->n && h->item[at] == item);
    if (at != --h->n) {
        put(h, at, h->item[h->n]);
        rise(h, at, before);
        sink(h, h->item[at]->at, before);
    }
    if (h->n > 0 || h->room <= 64)
        return;
    free(h->item); /* what a wave needed is given back behind it */
    *h = (struct queue_heap){0};
}
