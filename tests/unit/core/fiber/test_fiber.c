/* test_fiber.c - starting, nesting and ending fibers; identities; the pool of stacks. */
#include "core/fiber/fiber.h"

#include <check.h>
#include <event2/event.h>
#include <stdlib.h>

#define STACK_BYTES (64u << 10)

static struct event_base *base;
static char trace[64];

static void setup(void)
{
    struct fct_err err = {0};

    base = event_base_new();
    ck_assert_msg(fiber_setup(base, STACK_BYTES, 4, &err), "%s", err.text);
    memset(trace, 0, sizeof trace);
}

static void teardown(void)
{
    fiber_teardown();
    event_base_free(base);
}

static void run_loop(void)
{
    ck_assert_int_ge(event_base_loop(base, EVLOOP_NONBLOCK), 0);
}

static void note(char c)
{
    trace[strlen(trace)] = c;
}

static void inner(void *arg)
{
    (void)arg;
    note('b');
    fiber_sleep(0);
    note('e');
}

static void outer(void *arg)
{
    (void)arg;
    note('a');
    fiber_start(inner, NULL);
    note('c');
    ck_assert(fiber_inside());
    struct fiber_token t = fiber_token();
    fiber_wake(t);
    fiber_park(CLOCK_NEVER);
    note('d');
}

START_TEST(a_fiber_runs_at_once_and_may_start_another)
{
    ck_assert(!fiber_inside());
    fiber_start(outer, NULL);
    run_loop();
    ck_assert(!fiber_inside());
    ck_assert_str_eq(trace, "abecd"); /* a deadline that has passed does not park */
    ck_assert_uint_eq(fiber_stats().running, 0);
}
END_TEST

static struct fiber_token door;

static void wait_at_door(void *arg)
{
    enum fiber_wake *why = arg;

    door = fiber_token();
    *why = fiber_park(CLOCK_NEVER);
}

START_TEST(identities_are_not_reused)
{
    enum fiber_wake why = FIBER_TIMEOUT;
    struct fiber_id first, second;

    first = fiber_start(wait_at_door, &why);
    ck_assert(fiber_is_alive(first));
    fiber_wake(door);
    ck_assert(fiber_is_alive(first));
    run_loop();
    ck_assert(!fiber_is_alive(first));
    ck_assert_int_eq(why, FIBER_WOKEN);

    second = fiber_start(wait_at_door, &why);
    ck_assert_uint_eq(first.slot, second.slot);
    ck_assert(!fiber_is_alive(first));
    fiber_cancel(first); /* the dead one: nothing happens to the living */
    run_loop();
    ck_assert(fiber_is_alive(second));
    fiber_wake(door);
    run_loop();
    ck_assert(!fiber_is_alive(second));
    ck_assert(!fiber_is_alive((struct fiber_id){12345, 1}));
}
END_TEST

static unsigned char deep(unsigned levels)
{
    volatile unsigned char block[256];

    memset((void *)(uintptr_t)block, (int)levels, sizeof block);
    return levels ? (unsigned char)(deep(levels - 1) + block[levels % 256]) : block[0];
}

static void use_stack(void *arg)
{
    unsigned *done = arg;

    deep(40);
    fiber_token();
    fiber_park(clock_ms() + 1);
    deep(40);
    ++*done;
}

START_TEST(ten_thousand_fibers)
{
    unsigned done = 0;

    for (unsigned i = 0; i < 10000; i++)
        fiber_start(use_stack, &done);
    ck_assert_uint_eq(fiber_stats().running + done, 10000);
    while (done < 10000)
        event_base_loop(base, EVLOOP_ONCE);
    ck_assert_uint_eq(fiber_stats().running, 0);
    ck_assert_uint_le(fiber_stats().stacks, 4); /* no more than `keep` stay mapped */
    ck_assert_uint_eq(fiber_stats().started, 10000);
}
END_TEST

static void float_across_a_wait(void *arg)
{
    double *sum = arg;

    for (int i = 0; i < 10; i++) {
        double part = 1.0 / (1 << i);

        door = fiber_token();
        fiber_wake(door);
        fiber_park(CLOCK_NEVER);
        *sum += part;
    }
}

START_TEST(registers_survive_a_wait)
{
    double sum = 0;

    fiber_start(float_across_a_wait, &sum);
    ck_assert(sum > 1.998 && sum < 1.9981);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("fiber");
    TCase *t = tcase_create("fiber");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_fiber_runs_at_once_and_may_start_another);
    tcase_add_test(t, identities_are_not_reused);
    tcase_add_test(t, ten_thousand_fibers);
    tcase_add_test(t, registers_survive_a_wait);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
