/* fiber_int.h - what fiber.c, wait.c and offload.c know of a fiber. For this folder only. */
#ifndef CORE_FIBER_FIBER_INT_H
#define CORE_FIBER_FIBER_INT_H

#include "core/fiber/context.h"
#include "core/fiber/fiber.h"

enum fiber_state {
    STATE_FREE,    /* the slot waits for its next fiber */
    STATE_RUNNING, /* on the processor, or below a fiber that it started */
    STATE_PARKED,  /* waits for its token */
    STATE_QUEUED,  /* its wait is over: runs in this or the next turn of the loop */
};

/* One per slot, never freed before teardown: a stale token or id always finds something to compare
 * with. */
struct fiber {
    uint32_t slot, birth, generation; /* birth: which fiber of this slot; generation: which wait */
    enum fiber_state state;
    enum fiber_wake why; /* how the last wait ended */
    bool woken_early;    /* fiber_wake came between fiber_token and fiber_park */
    bool waits_fully;    /* present wait: no cancellation, no deadline */
    bool cancelled;
    uint64_t deadline; /* of the present wait */
    uint64_t limit;    /* inherited: fiber_set_deadline */

    /* Place in the heap of deadlines. The key may be earlier than `deadline`, never later (wait.c).
     */
    uint64_t heap_key;
    size_t heap_at; /* index + 1; 0: not there */

    void (*fn)(void *arg);
    void *arg;
    struct context context;
    void *stack; /* its lowest usable address; NULL without a fiber */
    struct context
        *back; /* who continues when this fiber parks: the loop, or the fiber that started it */
    struct fiber *caller; /* the same as a fiber; NULL for the loop */
    struct fiber *next;   /* in the run queue or in the list of free slots */
};

extern struct fiber *fiber_running; /* NULL: the event loop itself */

struct fiber *fiber_find(uint32_t slot); /* NULL: no such slot */
void fiber_resume(struct fiber *f);      /* run until it parks or ends */
void fiber_leave(
    struct fiber *f); /* from inside f: back to whoever resumed it; returns when resumed */

struct fiber_stats *fiber_counters(void);

FCT_MUST_CHECK bool wait_setup(struct event_base *base, struct fct_err *err);
void wait_teardown(void);
FCT_MUST_CHECK bool offload_setup(struct event_base *base, struct fct_err *err);
void offload_teardown(void);

#endif
