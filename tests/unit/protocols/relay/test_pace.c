/* test_pace.c - a destination under a clock of ours: unproven, fast, pushing back, silent, dead. */
#include "protocols/relay/pace.h"

#include <check.h>
#include <stdlib.h>

static const struct pace_limits limits = {.max_connections = 20,
                                          .unproven = 2,
                                          .patience_ms = 100,
                                          .silence_ms = 20000,
                                          .dead_first_ms = 60000,
                                          .dead_max_ms = 1800000};

static void prove(struct pace *p, uint64_t now)
{
    pace_opened(p, now);
    pace_proven(p, now);
}

START_TEST(one_connection_until_it_answers)
{
    struct pace p;

    pace_start(&p, &limits);
    ck_assert(!pace_may_open(&p, 0, 0));
    ck_assert(pace_may_open(&p, 0, 1));
    pace_opened(&p, 0);
    ck_assert(!pace_may_open(&p, 0, 1000));
    ck_assert(!pace_may_open(&p, 19999, 1000));
    ck_assert(pace_may_open(&p, 20000, 1000));
    pace_opened(&p, 20000);
    for (uint64_t t = 20000; t < 3600000; t += 1000)
        ck_assert(!pace_may_open(&p, t, 1000000));
}
END_TEST

START_TEST(more_when_mail_would_wait)
{
    struct pace p;

    pace_start(&p, &limits);
    prove(&p, 0);
    ck_assert(!pace_may_open(&p, 0, 100)); /* nobody knows how fast it is */
    pace_accepted(&p, 20, 20);
    ck_assert(!pace_may_open(&p, 20, 4)); /* 80 ms */
    ck_assert(pace_may_open(&p, 20, 6));  /* 120 ms */
    pace_opened(&p, 20);
    ck_assert(!pace_may_open(&p, 20, 100)); /* one is on its way */
    pace_proven(&p, 30);
    ck_assert(!pace_may_open(&p, 30, 8));
    ck_assert(pace_may_open(&p, 30, 12));
}
END_TEST

START_TEST(a_fast_one_needs_few)
{
    struct pace p;

    pace_start(&p, &limits);
    prove(&p, 0);
    for (uint64_t t = 0; t < 100; t++)
        pace_accepted(&p, t, 0);
    ck_assert(!pace_may_open(&p, 100, 150));
    ck_assert(pace_may_open(&p, 100, 250));
}
END_TEST

START_TEST(the_window_grows_and_shrinks)
{
    struct pace p;
    uint64_t now = 0;
    unsigned opened = 1;

    pace_start(&p, &limits);
    prove(&p, now);
    pace_accepted(&p, now, 50);
    while (pace_may_open(&p, now, 1000)) {
        prove(&p, ++now);
        opened++;
    }
    ck_assert_uint_eq(opened, 3); /* two at first, one more for one message */
    for (int i = 0; i < 100; i++)
        pace_accepted(&p, now, 50);
    while (pace_may_open(&p, now, 1000))
        prove(&p, now);
    ck_assert_uint_eq(p.connections, limits.max_connections);
    pace_pushed_back(&p);
    for (int i = 0; i < 11; i++)
        pace_closed(&p, true);
    ck_assert(pace_may_open(&p, now, 1000)); /* 9 of 10 */
    pace_closed(&p, true);
    for (int i = 0; i < 20; i++)
        pace_pushed_back(&p);
    ck_assert_double_eq(p.window, 1);
}
END_TEST

START_TEST(silent_ones_get_no_more)
{
    struct pace p;

    pace_start(&p, &limits);
    prove(&p, 0);
    for (int i = 0; i < 50; i++)
        pace_accepted(&p, 10, 50);
    prove(&p, 10);
    ck_assert(pace_may_open(&p, 10, 1000));
    ck_assert(pace_is_silent(&p, 20010));
    ck_assert(!pace_may_open(&p, 20010, 1000));
    pace_heard(&p, 30000);
    ck_assert(pace_may_open(&p, 30000, 1000));
}
END_TEST

START_TEST(dead_ones_are_left_alone_for_longer_each_time)
{
    static const uint64_t wait[] = {60000, 120000, 240000, 480000, 960000, 1800000, 1800000};
    struct pace p;
    uint64_t now = 0;

    pace_start(&p, &limits);
    for (size_t i = 0; i < FCT_COUNT(wait); i++) {
        ck_assert(pace_may_open(&p, now, 1));
        pace_opened(&p, now);
        pace_closed(&p, false);
        pace_unreachable(&p, now);
        ck_assert(pace_is_dead(&p, now + wait[i] - 1));
        ck_assert(!pace_may_open(&p, now + wait[i] - 1, 1));
        now += wait[i];
        ck_assert(!pace_is_dead(&p, now));
    }
    prove(&p, now);
    pace_closed(&p, true);
    pace_unreachable(&p, now);
    ck_assert(!pace_is_dead(&p, now + 60000));
}
END_TEST

START_TEST(a_gap_between_messages)
{
    struct pace_limits slow = limits;
    struct pace p;
    uint64_t wait = 0;

    slow.gap_ms = 500;
    pace_start(&p, &slow);
    ck_assert(pace_take_turn(&p, 1000, &wait));
    ck_assert(!pace_take_turn(&p, 1200, &wait));
    ck_assert_uint_eq(wait, 300);
    ck_assert(pace_take_turn(&p, 1500, &wait));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pace");
    TCase *tc = tcase_create("pace");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, one_connection_until_it_answers);
    tcase_add_test(tc, more_when_mail_would_wait);
    tcase_add_test(tc, a_fast_one_needs_few);
    tcase_add_test(tc, the_window_grows_and_shrinks);
    tcase_add_test(tc, silent_ones_get_no_more);
    tcase_add_test(tc, dead_ones_are_left_alone_for_longer_each_time);
    tcase_add_test(tc, a_gap_between_messages);
    suite_add_tcase(s, tc);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
