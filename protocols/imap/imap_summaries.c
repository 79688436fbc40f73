/* imap_summaries.c - a ring of batches, each filled by a fiber of its own. */
#include "protocols/imap/imap_summaries.h"

#include <stdlib.h>

#define RING 3 /* one in use, two on their way */

struct slot {
    struct imap_batch batch;
    struct imap_summaries *list;
    struct fiber_group group; /* the one fiber that fills it */
    bool started;
    struct fct_err err;
};

struct imap_summaries {
    struct imap_session *s;
    const struct imap_indexes *messages;
    struct imap_walk walk; /* what was asked for last */
    struct slot slot[RING];
    size_t current; /* the one that next returned last */
    bool used;      /* next was called */
};

/* One question may be answered in part, by size; ask until all are there. */
static bool fill(struct slot *slot, struct fct_err *err)
{
    struct imap_session *s = slot->list->s;
    struct imap_batch *b = &slot->batch;
    uint32_t uid[IMAP_BATCH];
    struct fct_str bytes[IMAP_BATCH];

    for (size_t i = 0; i < b->n; i++)
        uid[i] = imap_view_at(&s->view, b->message[i].index)->uid;
    for (size_t at = 0, done; at < b->n; at += done) {
        if (!store_summaries(s->edge.listener->edge->store, s->principal.handle, s->view.mailbox,
                             uid + at, b->n - at, b->arena, bytes + at, &done, err))
            return false;
        if (done == 0 || done > b->n - at)
            return fct_fail(err, FCT_BUG, "the store answered %zu of %zu summaries", done,
                            b->n - at);
    }
    for (size_t i = 0; i < b->n; i++) {
        b->message[i].here = bytes[i].n > 0;
        if (b->message[i].here && !summary_decode(b->arena, bytes[i], &b->message[i].summary, err))
            return false;
    }
    return true;
}

static void fill_slot(void *arg)
{
    struct slot *slot = arg;

    if (!fill(slot, &slot->err) && slot->err.class == FCT_OK)
        slot->err.class = FCT_BUG;
}

static void start(struct imap_summaries *list, struct slot *slot)
{
    struct imap_batch *b = &slot->batch;

    arena_reset(b->arena);
    slot->err = (struct fct_err){0};
    for (b->n = 0; b->n < IMAP_BATCH; b->n++)
        if (!imap_indexes_next(list->messages, &list->walk, &b->message[b->n].index))
            break;
    slot->started = b->n > 0;
    if (slot->started)
        fiber_group_run(&slot->group, fill_slot, slot);
}

struct imap_summaries *imap_summaries_new(struct imap_session *s,
                                          const struct imap_indexes *messages)
{
    struct imap_summaries *list = calloc(1, sizeof *list);

    FCT_ASSERT(list);
    list->s = s;
    list->messages = messages;
    for (size_t i = 0; i < RING; i++) {
        list->slot[i].list = list;
        list->slot[i].batch.arena = arena_new(NULL);
        start(list, &list->slot[i]);
    }
    return list;
}

struct imap_batch *imap_summaries_next(struct imap_summaries *list, struct fct_err *err)
{
    struct slot *slot;

    if (list->used) {
        start(list, &list->slot[list->current]);
        list->current = (list->current + 1) % RING;
    }
    list->used = true;
    slot = &list->slot[list->current];
    if (!slot->started)
        return NULL;
    fiber_group_wait(&slot->group);
    slot->started = false;
    if (slot->err.class != FCT_OK) {
        *err = slot->err;
        return NULL;
    }
    return &slot->batch;
}

void imap_summaries_free(struct imap_summaries **p)
{
    struct imap_summaries *list = *p;

    *p = NULL;
    for (size_t i = 0; i < RING; i++) {
        if (list->slot[i].started)
            fiber_group_wait(&list->slot[i].group);
        arena_free(&list->slot[i].batch.arena);
    }
    free(list);
}
