/* filter_offload.c - see filter_offload.h. */
#include "core/hook/filter_offload.h"

#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>

enum { PLACE_FREE, PLACE_RUNS, PLACE_BEING_NAMED };

static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

static struct {
    struct filter_slot *slot;
    unsigned running;
    struct sigaction before[FCT_COUNT(fatal)];
} pool;

static _Thread_local int my_place = -1;

/* ---- fatal signals ---- */

/* The old action does the dying: a sanitizer's report, a core, or just the end. */
static void on_fatal(int signo)
{
    if (my_place >= 0)
        atomic_store(&pool.slot->culprit, (uint32_t)my_place + 1);
    for (size_t i = 0; i < FCT_COUNT(fatal); i++)
        if (fatal[i] == signo)
            sigaction(signo, &pool.before[i], NULL);
    raise(signo);
}

bool filter_offload_setup(struct filter_slot *slot, struct fct_err *err)
{
    struct sigaction action = {.sa_handler = on_fatal, .sa_flags = SA_ONSTACK};

    pool.slot = slot;
    pool.running = 0;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < FCT_COUNT(fatal); i++)
        if (sigaction(fatal[i], &action, &pool.before[i]) != 0)
            return fct_fail(err, FCT_BUG, "sigaction: %s", strerror(errno));
    return true;
}

void filter_offload_teardown(void)
{
    for (size_t i = 0; i < FCT_COUNT(fatal); i++)
        sigaction(fatal[i], &pool.before[i], NULL);
}

/* ---- on the pool's thread ---- */

struct piece {
    void (*work)(void *arg);
    void *arg;
    struct slot_name name;
    uint64_t until_us;
};

static int take_place(const struct piece *p)
{
    for (int i = 0; i < SLOT_OFFLOADS; i++) {
        struct slot_offload *o = &pool.slot->offload[i];
        uint32_t state = PLACE_FREE;

        if (!atomic_compare_exchange_strong(&o->state, &state, PLACE_BEING_NAMED))
            continue;
        o->name = p->name;
        atomic_store(&o->until_us, p->until_us);
        atomic_store(&o->state, PLACE_RUNS);
        return i;
    }
    return -1;
}

/* The pool blocks every signal; a blocked fatal one would end the process without a word. */
static void let_fatal_through(void)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < FCT_COUNT(fatal); i++)
        sigaddset(&set, fatal[i]);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void run_piece(void *arg)
{
    struct piece *p = arg;

    let_fatal_through();
    my_place = take_place(p);
    p->work(p->arg);
    if (my_place >= 0)
        atomic_store(&pool.slot->offload[my_place].state, PLACE_FREE);
    my_place = -1;
}

/* ---- in the fiber ---- */

void filter_offload(struct fct_call *call, void (*work)(void *arg), void *arg, uint64_t grace_us)
{
    const struct plugin_row *row = call->row;
    struct piece piece = {.work = work, .arg = arg, .until_us = UINT64_MAX};

    if (call->deadline_ms < UINT64_MAX / 1000 - grace_us)
        piece.until_us = call->deadline_ms * 1000 + grace_us;
    filter_slot_name(&piece.name, row->self->name, row->label, call->tx->id, call->hook);
    pool.running++;
    offload(run_piece, &piece);
    pool.running--;
}

unsigned filter_offload_running(void)
{
    return pool.running;
}

bool filter_offload_hangs(uint64_t now_us)
{
    for (uint32_t i = 0; i < SLOT_OFFLOADS; i++) {
        struct slot_offload *o = &pool.slot->offload[i];

        if (atomic_load(&o->state) != PLACE_RUNS || now_us < atomic_load(&o->until_us))
            continue;
        atomic_store(&pool.slot->culprit, i + 1);
        return true;
    }
    return false;
}
