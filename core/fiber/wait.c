/* wait.c - tokens, deadlines, cancellation, groups: how fibers wait and how waits end.
 *
 * A wait ends exactly once: `decide` gives the reason, makes its token dead and queues the fiber.
 * The queue is drained by one deferred event, so no fiber ever runs inside somebody else's
 * fiber_wake.
 *
 * Deadlines stand in a heap of their own behind a single libevent timer. Nearly all waits end
 * early, so an entry is left where it is when its wait ends, and a later wait of the same fiber
 * only records its deadline; the key in the heap is then too early, which is found out when it
 * comes up. A wait thus costs no heap work, no timer and no system call. */
#include "core/fiber/fiber_int.h"

#include <event2/event.h>
#include <stdlib.h>

static struct {
    struct event *drain, *timer;
    struct fiber *first, **last; /* run queue */
    struct fiber **heap;
    size_t n, cap;
    uint64_t armed; /* when the timer fires; CLOCK_NEVER: it does not */
} waits;

/* ---- the run queue ---- */

static void run_queued(evutil_socket_t fd, short what, void *arg)
{
    struct fiber *f = waits.first;

    (void)fd, (void)what, (void)arg;
    /* Those queued meanwhile wait for the next turn: descriptors get their chance in between. */
    waits.first = NULL;
    waits.last = &waits.first;
    while (f) {
        struct fiber *next = f->next;

        fiber_resume(f);
        f = next;
    }
}

static void decide(struct fiber *f, enum fiber_wake why)
{
    f->why = why;
    f->generation++;
    f->state = STATE_QUEUED;
    f->next = NULL;
    if (!waits.first)
        event_active(waits.drain, EV_TIMEOUT, 1);
    *waits.last = f;
    waits.last = &f->next;
}

/* ---- the heap of deadlines ---- */

static void heap_set(size_t at, struct fiber *f)
{
    waits.heap[at] = f;
    f->heap_at = at + 1;
}

static void sift_up(size_t at)
{
    struct fiber *f = waits.heap[at];

    while (at > 0 && waits.heap[(at - 1) / 2]->heap_key > f->heap_key) {
        heap_set(at, waits.heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_set(at, f);
}

static void sift_down(size_t at)
{
    struct fiber *f = waits.heap[at];

    for (size_t child; (child = 2 * at + 1) < waits.n; at = child) {
        if (child + 1 < waits.n && waits.heap[child + 1]->heap_key < waits.heap[child]->heap_key)
            child++;
        if (waits.heap[child]->heap_key >= f->heap_key)
            break;
        heap_set(at, waits.heap[child]);
    }
    heap_set(at, f);
}

static void heap_push(struct fiber *f)
{
    if (waits.n == waits.cap) {
        size_t cap = waits.cap ? waits.cap * 2 : 64;
        struct fiber **grown = realloc(waits.heap, cap * sizeof(*grown));

        if (!grown)
            abort();
        waits.heap = grown;
        waits.cap = cap;
    }
    heap_set(waits.n++, f);
    sift_up(waits.n - 1);
}

static void heap_pop(void)
{
    waits.heap[0]->heap_at = 0;
    if (--waits.n > 0) {
        heap_set(0, waits.heap[waits.n]);
        sift_down(0);
    }
}

static void arm_timer(uint64_t now)
{
    uint64_t first = waits.n ? waits.heap[0]->heap_key : CLOCK_NEVER;
    uint64_t ms;

    if (first >= waits.armed)
        return;
    ms = first > now ? first - now : 0;
    waits.armed = first;
    event_add(waits.timer, &(struct timeval){.tv_sec = (time_t)(ms / 1000),
                                             .tv_usec = (suseconds_t)(ms % 1000 * 1000)});
}

static void remember_deadline(struct fiber *f, uint64_t now)
{
    if (f->deadline == CLOCK_NEVER)
        return;
    if (f->heap_at == 0) {
        f->heap_key = f->deadline;
        heap_push(f);
    } else if (f->deadline < f->heap_key) {
        f->heap_key = f->deadline;
        sift_up(f->heap_at - 1);
    } else {
        return;
    }
    arm_timer(now);
}

static void deadlines_came(evutil_socket_t fd, short what, void *arg)
{
    uint64_t now = clock_ms();

    (void)fd, (void)what, (void)arg;
    waits.armed = CLOCK_NEVER;
    while (waits.n > 0 && waits.heap[0]->heap_key <= now) {
        struct fiber *f = waits.heap[0];

        if (f->state == STATE_PARKED && f->deadline != CLOCK_NEVER && f->deadline > now) {
            f->heap_key = f->deadline;
            sift_down(0);
            continue;
        }
        heap_pop();
        if (f->state == STATE_PARKED && f->deadline <= now)
            decide(f, FIBER_TIMEOUT);
    }
    arm_timer(now);
}

/* ---- waiting ---- */

struct fiber_token fiber_token(void)
{
    struct fiber *f = fiber_running;

    FCT_ASSERT(f);
    f->woken_early = false;
    f->generation++;
    return (struct fiber_token){f->slot, f->generation};
}

static enum fiber_wake park(struct fiber *f)
{
    f->state = STATE_PARKED;
    fiber_leave(f);
    f->deadline = CLOCK_NEVER;
    return f->why;
}

/* The wait ends without having waited. */
static enum fiber_wake at_once(struct fiber *f, enum fiber_wake why)
{
    f->woken_early = false;
    f->generation++;
    return why;
}

enum fiber_wake fiber_park(uint64_t deadline_ms)
{
    struct fiber *f = fiber_running;

    FCT_ASSERT(f);
    if (f->woken_early)
        return at_once(f, FIBER_WOKEN);
    if (f->cancelled)
        return at_once(f, FIBER_CANCELLED);
    f->deadline = deadline_ms < f->limit ? deadline_ms : f->limit;
    if (f->deadline != CLOCK_NEVER) {
        uint64_t now = clock_ms();

        if (f->deadline <= now)
            return at_once(f, FIBER_TIMEOUT);
        remember_deadline(f, now);
    }
    return park(f);
}

void fiber_park_fully(void)
{
    struct fiber *f = fiber_running;

    FCT_ASSERT(f);
    if (f->woken_early) {
        at_once(f, FIBER_WOKEN);
        return;
    }
    f->deadline = CLOCK_NEVER;
    f->waits_fully = true;
    park(f);
    f->waits_fully = false;
}

bool fiber_wake(struct fiber_token token)
{
    struct fiber *f = fiber_find(token.slot);

    if (!f || f->generation != token.generation || f->woken_early || f->state == STATE_FREE) {
        fiber_counters()->dead_wakes++;
        return false;
    }
    if (f->state == STATE_PARKED)
        decide(f, FIBER_WOKEN);
    else
        f->woken_early = true;
    return true;
}

enum fiber_wake fiber_sleep(uint64_t ms)
{
    fiber_token();
    return fiber_park(clock_ms() + ms);
}

void fiber_cancel(struct fiber_id id)
{
    struct fiber *f = fiber_find(id.slot);

    if (!f || f->birth != id.birth || f->state == STATE_FREE)
        return;
    f->cancelled = true;
    if (f->state == STATE_PARKED && !f->waits_fully)
        decide(f, FIBER_CANCELLED);
}

/* ---- groups ---- */

struct member {
    struct fiber_group *group;
    void (*fn)(void *arg);
    void *arg;
};

static void run_member(void *arg)
{
    struct member m = *(struct member *)arg; /* the starter's, gone after the first park */

    m.fn(m.arg);
    if (--m.group->running == 0 && m.group->waiting)
        fiber_wake(m.group->waiter);
}

void fiber_group_run(struct fiber_group *g, void (*fn)(void *arg), void *arg)
{
    struct member m = {g, fn, arg};

    g->running++;
    fiber_start(run_member, &m);
}

void fiber_group_wait(struct fiber_group *g)
{
    while (g->running > 0) {
        g->waiter = fiber_token();
        g->waiting = true;
        fiber_park_fully();
        g->waiting = false;
    }
}

/* ---- process ---- */

bool wait_setup(struct event_base *base, struct fct_err *err)
{
    waits.last = &waits.first;
    waits.armed = CLOCK_NEVER;
    waits.drain = event_new(base, -1, 0, run_queued, NULL);
    waits.timer = event_new(base, -1, 0, deadlines_came, NULL);
    if (!waits.drain || !waits.timer)
        return fct_fail(err, FCT_TEMP, "no memory for the events of fibers");
    return true;
}

void wait_teardown(void)
{
    if (waits.drain)
        event_free(waits.drain);
    if (waits.timer)
        event_free(waits.timer);
    free(waits.heap);
    memset(&waits, 0, sizeof waits);
}
