/* fiber.c - slots, stacks from a pool, starting and ending fibers. Waiting is in wait.c, the switch
 * itself in context.c. */
#include "core/fiber/fiber_int.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct fiber *fiber_running;

struct idle_stack {
    void *bottom;
    unsigned valgrind_id;
};

static struct {
    size_t stack_bytes;
    unsigned keep;
    struct idle_stack *idle; /* `keep` places, last used first out: its pages are warm */
    unsigned nidle;
    struct fiber **slot;
    uint32_t slots, slots_cap;
    struct fiber *free; /* slots without a fiber */
    struct context loop;
    struct fiber_stats stats;
} pool;

struct fiber_stats *fiber_counters(void)
{
    return &pool.stats;
}

struct fiber_stats fiber_stats(void)
{
    return pool.stats;
}

/* ---- process ---- */

static size_t round_to_pages(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (bytes + page - 1) / page * page;
}

bool fiber_setup(struct event_base *base, size_t stack_bytes, unsigned keep, struct fct_err *err)
{
    FCT_ASSERT(pool.stack_bytes == 0);
    pool.stack_bytes = round_to_pages(stack_bytes);
    pool.keep = keep;
    pool.idle = calloc(keep ? keep : 1, sizeof *pool.idle);
    if (!pool.idle)
        return fct_fail(err, FCT_TEMP, "no memory for fibers");
    return wait_setup(base, err) && offload_setup(base, err);
}

static void give_stack_back(struct fiber *f)
{
    if (pool.nidle < pool.keep) {
        pool.idle[pool.nidle++] = (struct idle_stack){f->stack, f->context.valgrind_id};
    } else {
        stack_free(f->stack, pool.stack_bytes, f->context.valgrind_id);
        pool.stats.stacks--;
    }
    f->stack = NULL;
}

void fiber_teardown(void)
{
    FCT_ASSERT(!fiber_running);
    offload_teardown();
    wait_teardown();
    for (uint32_t i = 0; i < pool.slots; i++) {
        if (pool.slot[i]->stack)
            give_stack_back(pool.slot[i]);
        free(pool.slot[i]);
    }
    while (pool.nidle > 0) {
        pool.nidle--;
        stack_free(pool.idle[pool.nidle].bottom, pool.stack_bytes,
                   pool.idle[pool.nidle].valgrind_id);
    }
    free(pool.idle);
    free(pool.slot);
    memset(&pool, 0, sizeof pool);
}

/* ---- one fiber ---- */

static FCT_NORETURN void no_memory(const char *what)
{
    fprintf(stderr, "fiber: no memory for a %s: %s\n", what, strerror(errno));
    abort();
}

static struct fiber *slot_new(void)
{
    struct fiber *f = calloc(1, sizeof *f);

    if (pool.slots == pool.slots_cap) {
        uint32_t cap = pool.slots_cap ? pool.slots_cap * 2 : 64;
        struct fiber **grown = realloc(pool.slot, cap * sizeof(*grown));

        if (!grown)
            no_memory("slot");
        pool.slot = grown;
        pool.slots_cap = cap;
    }
    if (!f)
        no_memory("slot");
    f->slot = pool.slots;
    f->generation = 1; /* a zeroed token names no wait */
    pool.slot[pool.slots++] = f;
    return f;
}

struct fiber *fiber_find(uint32_t slot)
{
    return slot < pool.slots ? pool.slot[slot] : NULL;
}

/* The first and last frame of every fiber. */
static void entry(void)
{
    struct fiber *f = fiber_running;

    context_entered();
    f->fn(f->arg);
    f->state = STATE_FREE;
    fiber_running = f->caller;
    context_switch(&f->context, f->back, true);
    abort();
}

static void take_stack(struct fiber *f)
{
    if (pool.nidle > 0) {
        f->stack = pool.idle[--pool.nidle].bottom;
        f->context.valgrind_id = pool.idle[pool.nidle].valgrind_id;
    } else {
        f->stack = stack_new(pool.stack_bytes, &f->context.valgrind_id);
        if (!f->stack)
            no_memory("stack");
        pool.stats.stacks++;
    }
    context_make(&f->context, f->stack, pool.stack_bytes, entry);
}

static void ended(struct fiber *f)
{
    give_stack_back(f);
    f->generation++; /* tokens of its last wait are dead */
    f->next = pool.free;
    pool.free = f;
    pool.stats.running--;
}

void fiber_resume(struct fiber *f)
{
    struct fiber *caller = fiber_running;

    f->caller = caller;
    f->back = caller ? &caller->context : &pool.loop;
    f->state = STATE_RUNNING;
    fiber_running = f;
    pool.stats.switches++;
    context_switch(f->back, &f->context, false);
    if (f->state == STATE_FREE)
        ended(f);
}

void fiber_leave(struct fiber *f)
{
    fiber_running = f->caller;
    context_switch(&f->context, f->back, false);
}

struct fiber_id fiber_start(void (*fn)(void *arg), void *arg)
{
    struct fiber *f = pool.free;
    struct fiber_id id;

    FCT_ASSERT(pool.stack_bytes != 0);
    if (f)
        pool.free = f->next;
    else
        f = slot_new();
    f->birth++;
    f->cancelled = f->woken_early = f->waits_fully = false;
    f->limit = f->deadline = CLOCK_NEVER;
    f->fn = fn;
    f->arg = arg;
    take_stack(f);
    pool.stats.started++;
    pool.stats.running++;
    id = (struct fiber_id){f->slot, f->birth};
    fiber_resume(f);
    return id;
}

bool fiber_inside(void)
{
    return fiber_running != NULL;
}

struct fiber_id fiber_self(void)
{
    FCT_ASSERT(fiber_running);
    return (struct fiber_id){fiber_running->slot, fiber_running->birth};
}

bool fiber_is_alive(struct fiber_id id)
{
    const struct fiber *f = fiber_find(id.slot);

    return f && f->birth == id.birth && f->state != STATE_FREE;
}

bool fiber_is_cancelled(void)
{
    return fiber_running && fiber_running->cancelled;
}

uint64_t fiber_deadline(void)
{
    return fiber_running ? fiber_running->limit : CLOCK_NEVER;
}

uint64_t fiber_set_deadline(uint64_t deadline_ms)
{
    uint64_t before = fiber_deadline();

    if (fiber_running)
        fiber_running->limit = deadline_ms;
    return before;
}
