/* test_imap_gate.c - never more inside than allowed, first come first served, and a waiter that
 * gives up takes no place. */
#include "imap_test.h"
#include "protocols/imap/imap_gate.h"

#include <event2/event.h>

static struct imap_gate gate = IMAP_GATE(2);
static unsigned inside, most, order[20], done;

struct visitor {
    unsigned number;
    bool refused;
    struct fiber_id fiber;
};

static void visit(void *arg)
{
    struct visitor *v = arg;

    v->fiber = fiber_self();
    if (!imap_gate_enter(&gate)) {
        v->refused = true;
        return;
    }
    order[done++] = v->number;
    inside++;
    most = inside > most ? inside : most;
    fiber_sleep(1);
    inside--;
    imap_gate_leave(&gate);
}

static void run(struct event_base *base)
{
    while (fiber_stats().running > 0)
        event_base_loop(base, EVLOOP_ONCE);
}

START_TEST(in_a_row)
{
    struct event_base *base = event_base_new();
    struct visitor v[10] = {0};
    struct fct_err err = {0};

    ck_assert_msg(fiber_setup(base, 64u << 10, 4, &err), "%s", err.text);
    for (unsigned i = 0; i < 10; i++) {
        v[i].number = i;
        fiber_start(visit, &v[i]);
    }
    fiber_cancel(v[4].fiber); /* while it waits */
    fiber_cancel(v[9].fiber); /* the last in the row */
    run(base);
    ck_assert_uint_eq(most, 2);
    ck_assert_uint_eq(done, 8);
    ck_assert(v[4].refused && v[9].refused);
    for (unsigned i = 1; i < done; i++)
        ck_assert_uint_lt(order[i - 1], order[i]);
    ck_assert_uint_eq(gate.inside, 0);
    ck_assert(!gate.first);
    fiber_start(visit, &v[0]); /* still usable */
    run(base);
    ck_assert_uint_eq(done, 9);
    fiber_teardown();
    event_base_free(base);
}
END_TEST

IMAP_TESTS("imap_gate", in_a_row)
