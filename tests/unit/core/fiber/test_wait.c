/* test_wait.c - every way a wait can end, and that it ends once. */
#include "core/fiber/fiber.h"

#include <check.h>
#include <event2/event.h>
#include <stdlib.h>

static struct event_base *base;

static void setup(void)
{
    struct fct_err err = {0};

    base = event_base_new();
    ck_assert_msg(fiber_setup(base, 64u << 10, 4, &err), "%s", err.text);
}

static void teardown(void)
{
    fiber_teardown();
    event_base_free(base);
}

static void turn(void)
{
    event_base_loop(base, EVLOOP_NONBLOCK);
}

struct waiter {
    uint64_t deadline;
    struct fiber_token token;
    enum fiber_wake why;
    unsigned waits, done; /* how many to do, how many ended */
    bool cancelled;
};

static void wait_some(void *arg)
{
    struct waiter *w = arg;

    do {
        w->token = fiber_token();
        w->why = fiber_park(w->deadline);
        w->cancelled = fiber_is_cancelled();
        w->done++;
    } while (w->done < w->waits);
}

START_TEST(waking_is_deferred_and_happens_once)
{
    struct waiter w = {.deadline = CLOCK_NEVER, .waits = 2};
    struct fiber_token first;
    uint64_t dead = fiber_stats().dead_wakes;

    fiber_start(wait_some, &w);
    first = w.token;
    ck_assert(fiber_wake(first));
    ck_assert_uint_eq(w.done, 0); /* never inside the call */
    ck_assert(!fiber_wake(first));
    turn();
    ck_assert_uint_eq(w.done, 1);
    ck_assert_int_eq(w.why, FIBER_WOKEN);
    ck_assert(!fiber_wake(first)); /* the second wait has another token */
    turn();
    ck_assert_uint_eq(w.done, 1);
    ck_assert_uint_eq(fiber_stats().dead_wakes, dead + 2);
    ck_assert(fiber_wake(w.token));
    turn();
    ck_assert_uint_eq(w.done, 2);
    ck_assert(!fiber_wake(w.token));
    ck_assert(!fiber_wake((struct fiber_token){0, 0}));
    ck_assert(!fiber_wake((struct fiber_token){999, 1}));
}
END_TEST

START_TEST(a_deadline_ends_a_wait)
{
    struct waiter w = {.deadline = clock_ms() + 5};

    fiber_start(wait_some, &w);
    while (w.done == 0)
        event_base_loop(base, EVLOOP_ONCE);
    ck_assert_int_eq(w.why, FIBER_TIMEOUT);
    ck_assert(clock_ms() >= w.deadline);
    ck_assert(!fiber_wake(w.token));
}
END_TEST

START_TEST(a_wake_after_the_deadline_was_decided_is_dead)
{
    struct waiter w = {.deadline = clock_ms()};

    fiber_start(wait_some, &w); /* passed already: does not park */
    ck_assert_uint_eq(w.done, 1);
    ck_assert_int_eq(w.why, FIBER_TIMEOUT);
    ck_assert(!fiber_wake(w.token));
}
END_TEST

/* Each fiber waits often with a late deadline, is woken, then waits with an early one: the heap
 * must find it. */
static void late_then_early(void *arg)
{
    struct waiter *w = arg;

    for (unsigned i = 0; i < 3; i++) {
        w->token = fiber_token();
        ck_assert_int_eq(fiber_park(clock_ms() + 100000 + i), FIBER_WOKEN);
    }
    w->token = fiber_token();
    w->why = fiber_park(w->deadline);
    w->done++;
}

START_TEST(early_deadlines_come_first)
{
    struct waiter w[50] = {0};
    unsigned ended = 0;
    uint64_t start = clock_ms();

    for (unsigned i = 0; i < 50; i++) {
        w[i].deadline = start + 5 + (i * 7) % 50;
        fiber_start(late_then_early, &w[i]);
    }
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 50; i++)
            ck_assert(fiber_wake(w[i].token));
        turn();
    }
    while (ended < 50) {
        event_base_loop(base, EVLOOP_ONCE);
        uint64_t now = clock_ms();

        ended = 0;
        for (unsigned i = 0; i < 50; i++) {
            ended += w[i].done;
            ck_assert_msg(!w[i].done || w[i].deadline <= now, "fiber %u ended early", i);
        }
    }
    for (unsigned i = 0; i < 50; i++)
        ck_assert_int_eq(w[i].why, FIBER_TIMEOUT);
}
END_TEST

START_TEST(cancelling_ends_this_and_later_waits)
{
    struct waiter w = {.deadline = CLOCK_NEVER, .waits = 3};
    struct fiber_id id = fiber_start(wait_some, &w);

    fiber_cancel(id);
    ck_assert_uint_eq(w.done, 0);
    turn();
    ck_assert_uint_eq(w.done, 3);
    ck_assert_int_eq(w.why, FIBER_CANCELLED);
    ck_assert(w.cancelled);
    fiber_cancel(id); /* ended: safe */
}
END_TEST

static void wait_fully(void *arg)
{
    struct waiter *w = arg;

    w->token = fiber_token();
    fiber_park_fully();
    w->done++;
}

START_TEST(a_full_wait_is_not_cancelled)
{
    struct waiter w = {0};
    struct fiber_id id = fiber_start(wait_fully, &w);

    fiber_cancel(id);
    turn();
    ck_assert_uint_eq(w.done, 0);
    ck_assert(fiber_wake(w.token));
    turn();
    ck_assert_uint_eq(w.done, 1);
}
END_TEST

static void wake_before_park(void *arg)
{
    struct waiter *w = arg;

    w->token = fiber_token();
    ck_assert(fiber_wake(w->token));
    ck_assert(!fiber_wake(w->token));
    w->why = fiber_park(CLOCK_NEVER);
    w->done++;
}

START_TEST(a_wake_between_token_and_park_is_not_lost)
{
    struct waiter w = {.why = FIBER_TIMEOUT};

    fiber_start(wake_before_park, &w);
    ck_assert_uint_eq(w.done, 1);
    ck_assert_int_eq(w.why, FIBER_WOKEN);
}
END_TEST

static void wait_under_a_limit(void *arg)
{
    struct waiter *w = arg;
    uint64_t before = fiber_set_deadline(clock_ms() + 3);

    ck_assert_uint_eq(before, CLOCK_NEVER);
    fiber_token();
    w->why = fiber_park(CLOCK_NEVER);
    fiber_set_deadline(before);
    ck_assert_uint_eq(fiber_deadline(), CLOCK_NEVER);
    w->done++;
}

START_TEST(an_inherited_deadline_bounds_waits)
{
    struct waiter w = {0};

    fiber_start(wait_under_a_limit, &w);
    while (w.done == 0)
        event_base_loop(base, EVLOOP_ONCE);
    ck_assert_int_eq(w.why, FIBER_TIMEOUT);
}
END_TEST

static struct waiter members[8];

static void start_group(void *arg)
{
    struct fiber_group g = {0};
    bool *done = arg;

    fiber_group_wait(&g); /* of nobody: at once */
    for (size_t i = 0; i < FCT_COUNT(members); i++)
        fiber_group_run(&g, wait_some, &members[i]);
    fiber_group_wait(&g);
    for (size_t i = 0; i < FCT_COUNT(members); i++)
        ck_assert_uint_eq(members[i].done, members[i].waits ? members[i].waits : 1);
    *done = true;
}

START_TEST(a_group_waits_for_all)
{
    bool done = false;

    for (unsigned i = 0; i < FCT_COUNT(members); i++)
        members[i] =
            (struct waiter){.deadline = i % 2 ? CLOCK_NEVER : 0}; /* half of them end at once */
    fiber_start(start_group, &done);
    for (unsigned i = 1; i < FCT_COUNT(members); i += 2) {
        ck_assert(!done);
        ck_assert(fiber_wake(members[i].token));
        turn();
    }
    turn();
    ck_assert(done);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("wait");
    TCase *t = tcase_create("wait");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, waking_is_deferred_and_happens_once);
    tcase_add_test(t, a_deadline_ends_a_wait);
    tcase_add_test(t, a_wake_after_the_deadline_was_decided_is_dead);
    tcase_add_test(t, early_deadlines_come_first);
    tcase_add_test(t, cancelling_ends_this_and_later_waits);
    tcase_add_test(t, a_full_wait_is_not_cancelled);
    tcase_add_test(t, a_wake_between_token_and_park_is_not_lost);
    tcase_add_test(t, an_inherited_deadline_bounds_waits);
    tcase_add_test(t, a_group_waits_for_all);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
