/* results.c - what came of recipients, told to the store: all of some milliseconds in one call. A
 * call that the store could not answer is said again when it is back, before new work is taken: so
 * a crash of the store makes no duplicates. */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/relay/relay.h"

#include <event2/event.h>
#include <stdlib.h>

#define GATHER_MS 3    /* how long a result may wait for others */
#define BATCH_MAX 512u /* then it goes at once */

struct batch {
    struct batch *next;
    struct results *all;
    struct arena *arena;
    struct queue_result *result;
    size_t n, room;
};

struct results {
    struct relay *relay;
    struct batch *open;   /* being filled; NULL: none */
    struct batch *unsaid; /* the store was away */
    unsigned under_way;
    struct event *timer;
};

static void batch_free(struct batch *b)
{
    arena_free(&b->arena);
    free(b->result);
    free(b);
}

/* True: it is told, or will never be. */
FCT_MAY_WAIT static bool say(struct batch *b)
{
    struct fct_err err = {0};

    if (store_queue_result(b->all->relay->store, b->result, b->n, &err))
        return true;
    log_event(EV_WARNING, FCT_STR(""), F_C("text", "results of deliveries are not stored yet"),
              F_U64("results", b->n), F_C("why", err.text));
    return err.class != FCT_TEMP;
}

FCT_MAY_WAIT static void say_one(void *arg)
{
    struct batch *b = arg;
    struct results *all = b->all;

    all->under_way++;
    if (say(b)) {
        batch_free(b);
    } else {
        b->next = all->unsaid;
        all->unsaid = b;
    }
    all->under_way--;
}

static void send_open(struct results *all)
{
    struct batch *b = all->open;

    all->open = NULL;
    (void)event_del(all->timer);
    if (b)
        (void)fiber_start(say_one, b);
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
    if (all->open)
        batch_free(all->open);
    while (all->unsaid) {
        struct batch *next = all->unsaid->next;

        batch_free(all->unsaid);
        all->unsaid = next;
    }
    free(all);
}

static struct batch *open_batch(struct results *all)
{
    static const struct timeval gather = {0, GATHER_MS * 1000};

    if (!all->open) {
        all->open = calloc(1, sizeof *all->open);
        FCT_ASSERT(all->open);
        all->open->all = all;
        all->open->arena = arena_new(NULL);
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
    r->reply = arena_str(b->arena, result->reply);
    r->host = arena_str(b->arena, result->host);
    if (b->n >= BATCH_MAX)
        send_open(all);
}

void results_say_again(struct results *all)
{
    while (all->unsaid) {
        struct batch *b = all->unsaid;

        all->unsaid = b->next;
        if (!say(b)) {
            b->next = all->unsaid;
            all->unsaid = b;
            return;
        }
        batch_free(b);
    }
}

bool results_are_said(const struct results *all)
{
    return !all->open && !all->unsaid && all->under_way == 0;
}
