/* results.c - what came of recipients, told to the store: all of some milliseconds in one call, and
 * said again until the store has confirmed it. What is not confirmed is claimed on a new connection
 * (intake_claim): so a crash of the store makes no duplicates. */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/relay/relay.h"

#include <event2/event.h>
#include <stdlib.h>

#define GATHER_MS 3    /* how long a result may wait for others */
#define BATCH_MAX 512u /* then it goes at once */
#define AGAIN_MS  20u

struct batch {
    struct batch *next, **link; /* link: what points to it */
    struct results *results;
    struct arena *arena;
    struct queue_result *result;
    size_t n, room;
};

struct results {
    struct relay *relay;
    struct batch *all;  /* not confirmed yet */
    struct batch *open; /* of these: being filled; NULL: none */
    size_t unfinished;  /* results in them that leave work to do */
    struct event *timer;
};

static struct batch *batch_new(struct results *all)
{
    struct batch *b = calloc(1, sizeof *b);

    FCT_ASSERT(b);
    b->results = all;
    b->arena = arena_new(NULL);
    b->next = all->all;
    b->link = &all->all;
    if (b->next)
        b->next->link = &b->next;
    all->all = b;
    return b;
}

static bool is_unfinished(const struct queue_result *r)
{
    return r->outcome == QUEUE_OUT_DEFERRED || r->outcome == QUEUE_OUT_RETURNED;
}

static void batch_free(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        b->results->unfinished -= is_unfinished(&b->result[i]);
    *b->link = b->next;
    if (b->next)
        b->next->link = b->link;
    arena_free(&b->arena);
    free(b->result);
    free(b);
}

/* True: it is told, or will never be. An answer of an earlier store counts for nothing: we claimed
 * these recipients on the new connection. */
FCT_MAY_WAIT static bool say(struct batch *b)
{
    const struct relay *relay = b->results->relay;
    unsigned generation = relay->store_generation;
    struct fct_err err = {0};

    if (b->n == 0)
        return true;
    if (!store_is_up(relay->store))
        return false;
    if (store_queue_result(relay->store, b->result, b->n, &err))
        return generation == relay->store_generation;
    log_event(EV_WARNING, FCT_STR(""), F_C("text", "results of deliveries are not stored yet"),
              F_U64("results", b->n), F_C("why", err.text));
    return err.class != FCT_TEMP;
}

FCT_MAY_WAIT static void say_until_told(void *arg)
{
    struct batch *b = arg;

    while (!say(b))
        (void)fiber_sleep(AGAIN_MS);
    batch_free(b);
}

static void send_open(struct results *all)
{
    struct batch *b = all->open;

    all->open = NULL;
    (void)event_del(all->timer);
    if (b)
        (void)fiber_start(say_until_told, b);
}

static void gathered(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    send_open(arg);
}

struct results *results_new(struct relay *relay)
{
    struct results *all = calloc(1, sizeof *all);

    FCT_ASSERT(all);
    all->relay = relay;
    all->timer = event_new(relay->base, -1, 0, gathered, all);
    FCT_ASSERT(all->timer);
    return all;
}

void results_free(struct results **p)
{
    struct results *all = *p;

    *p = NULL;
    if (!all)
        return;
    event_free(all->timer);
    while (all->all)
        batch_free(all->all);
    free(all);
}

static struct batch *open_batch(struct results *all)
{
    static const struct timeval gather = {0, GATHER_MS * 1000};

    if (!all->open) {
        all->open = batch_new(all);
        event_add(all->timer, &gather);
    }
    return all->open;
}

void results_add(struct results *all, const struct queue_result *result)
{
    struct batch *b = open_batch(all);
    struct queue_result *r;

    if (b->n == b->room) {
        b->room = b->room ? b->room * 2 : 32;
        b->result = realloc(b->result, b->room * sizeof *b->result);
        FCT_ASSERT(b->result);
    }
    r = &b->result[b->n++];
    *r = *result;
    all->unfinished += is_unfinished(r);
    r->reply = arena_str(b->arena, result->reply);
    r->host = arena_str(b->arena, result->host);
    r->address = arena_str(b->arena, result->address);
    r->status = arena_str(b->arena, result->status);
    r->tls = arena_str(b->arena, result->tls);
    r->converted = arena_str(b->arena, result->converted);
    if (b->n >= BATCH_MAX)
        send_open(all);
}

/* A batch is copied when it is said, so it may change while the store has it. */
void results_forget(struct results *all, uint64_t id, uint32_t recipient)
{
    if (all->unfinished == 0)
        return;
    for (struct batch *b = all->all; b; b = b->next)
        for (size_t i = b->n; i-- > 0;) {
            struct queue_result *r = &b->result[i];

            if (r->id != id || r->recipient != recipient || !is_unfinished(r))
                continue;
            all->unfinished--;
            *r = b->result[--b->n];
        }
}

size_t results_claim(const struct results *all, struct queue_claim *claim)
{
    size_t n = 0;

    for (const struct batch *b = all->all; b; b = b->next)
        for (size_t i = 0; i < b->n; i++, n++)
            if (claim)
                claim[n] = (struct queue_claim){b->result[i].id, b->result[i].recipient};
    return n;
}

bool results_are_said(const struct results *all)
{
    return !all->all;
}
