/* fiber.h - code that serves one command, one message or one hook call reads from top to bottom and
 * may wait.
 *
 * A fiber is a stackful coroutine with a guarded stack from a pool. It runs on the one thread of
 * the process's event loop until it parks; nothing else runs meanwhile. An idle connection holds no
 * fiber. Carries the ASan and valgrind annotations.
 *
 * Waiting, in full:
 *     struct fiber_token t = fiber_token();      names the wait that follows
 *     remember(t);                               somebody will fiber_wake(t)
 *     enum fiber_wake why = fiber_park(deadline);
 *     if (why != FIBER_WOKEN) forget(t);
 * A token is good for one wait: waking a dead one does nothing and is counted. */
#ifndef CORE_FIBER_FIBER_H
#define CORE_FIBER_FIBER_H

#include "core/base/clock.h"
#include "core/base/err.h"

struct event_base;

struct fiber_token {
    uint32_t slot, generation;
};

enum fiber_wake { FIBER_WOKEN, FIBER_TIMEOUT, FIBER_CANCELLED };

/* Once per process, before any fiber. stack_bytes: usable stack, a guard page is added; keep: idle
 * stacks kept mapped. */
FCT_MUST_CHECK bool fiber_setup(struct event_base *base, size_t stack_bytes, unsigned keep,
                                struct fct_err *err);
void fiber_teardown(void);

/* Run fn(arg) in a fiber, at once, until it first parks or ends. May be called from the loop or
 * from a fiber. Returns the fiber's identity, good until it ends (a later fiber never gets the
 * same). Never fails: no memory for a stack aborts the process, sessions are bounded by their own
 * limits. */
struct fiber_id {
    uint32_t slot, birth;
};
struct fiber_id fiber_start(void (*fn)(void *arg), void *arg);

bool fiber_inside(void);          /* are we in a fiber? */
struct fiber_id fiber_self(void); /* inside a fiber only */
bool fiber_is_alive(struct fiber_id id);
/* Every present and future wait of this fiber returns FIBER_CANCELLED at once. Safe on an ended
 * fiber. */
void fiber_cancel(struct fiber_id id);
bool fiber_is_cancelled(void);

struct fiber_token fiber_token(void);
/* Wait for fiber_wake(token) until the monotonic time `deadline_ms` (clock_ms() based; CLOCK_NEVER
 * allowed). */
FCT_MAY_WAIT enum fiber_wake fiber_park(uint64_t deadline_ms);
/* As park, but cannot be cancelled and has no deadline: for results that point into the fiber's own
 * stack. */
FCT_MAY_WAIT void fiber_park_fully(void);
/* The fiber continues from the event loop soon (never inside this call). False: that wait is over
 * already. */
bool fiber_wake(struct fiber_token token);

FCT_MAY_WAIT enum fiber_wake fiber_sleep(uint64_t ms);

/* An inherited deadline: waits inside the fiber end at the earlier of theirs and this one. Set it
 * around a stage. */
uint64_t fiber_deadline(void);
uint64_t fiber_set_deadline(uint64_t deadline_ms); /* returns the previous one */

/* Run work(arg) on a pool thread and wait for its end, always to the end. The work sees only its
 * argument. */
FCT_MAY_WAIT void offload(void (*work)(void *arg), void *arg);
/* Threads are started by the first offload; called before the sandbox closes when threads must
 * exist earlier. */
void offload_start(unsigned threads);

struct fiber_stats {
    uint64_t started, switches, dead_wakes;
    uint32_t running, stacks;
};
struct fiber_stats fiber_stats(void);

/* Several fibers at once: start with fiber_group_run, then wait for all. */
struct fiber_group {
    unsigned running;
    struct fiber_token waiter;
    bool waiting;
};
void fiber_group_run(struct fiber_group *g, void (*fn)(void *arg), void *arg);
FCT_MAY_WAIT void
fiber_group_wait(struct fiber_group *g); /* always to the end: members use their own deadlines */

#endif
