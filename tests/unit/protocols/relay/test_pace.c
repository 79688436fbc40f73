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

/* Any life of a destination: what happens comes by chance, connections are opened whenever that is
 * allowed. */
static uint64_t chance = 88172645463325252u;

static unsigned roll(unsigned sides)
{
    chance ^= chance << 13, chance ^= chance >> 7, chance ^= chance << 17;
    return (unsigned)(chance >> 33) % sides;
}

static void check_bounds(const struct pace *p, const struct pace_limits *l, uint64_t now)
{
    ck_assert_double_ge(p->window, 1);
    ck_assert_double_le(p->window, l->max_connections + 1);
    ck_assert_uint_le(p->proven, p->connections);
    ck_assert_uint_le(p->connections, l->max_connections);
    ck_assert(p->dead_until <= now + l->dead_max_ms);
    if (pace_may_open(p, now, 1000000)) {
        ck_assert(!pace_is_dead(p, now));
        ck_assert_uint_lt(p->connections, l->max_connections);
        if (p->proven == 0 || pace_is_silent(p, now))
            ck_assert_uint_lt(p->connections, l->unproven > 1 ? l->unproven : 1);
        else
            ck_assert_uint_eq(p->proven, p->connections);
    }
}

static void happens(struct pace *p, uint64_t now)
{
    bool unproven = p->connections > p->proven;

    switch (roll(8)) {
    case 0:
        if (unproven)
            pace_proven(p, now);
        break;
    case 1:
        if (unproven) {
            pace_closed(p, false);
            if (p->proven == 0)
                pace_unreachable(p, now);
        }
        break;
    case 2:
        if (p->proven > 0)
            pace_closed(p, true);
        break;
    case 3:
        if (p->proven > 0)
            pace_pushed_back(p);
        break;
    case 4:
        if (p->connections > 0)
            pace_heard(p, now);
        break;
    default:
        if (p->proven > 0)
            pace_accepted(p, now, roll(5000));
    }
}

START_TEST(keeps_its_bounds_whatever_happens)
{
    static const struct {
        uint32_t max, unproven;
    } sizes[] = {{20, 2}, {1, 1}, {1, 2}, {3, 5}, {2, 2}};
    struct pace_limits l = limits;
    struct pace p;
    uint64_t now = 0;

    l.max_connections = sizes[_i].max;
    l.unproven = sizes[_i].unproven;
    pace_start(&p, &l);
    for (unsigned i = 0; i < 50000; i++) {
        now += roll(2) ? roll(500) : roll(100000);
        happens(&p, now);
        check_bounds(&p, &l, now);
        if (pace_may_open(&p, now, roll(1000)))
            pace_opened(&p, now);
        check_bounds(&p, &l, now);
    }
}
END_TEST

/* Pushed back all the time it has one connection, and comes back one message at a time. */
START_TEST(comes_back_slowly)
{
    struct pace p;

    pace_start(&p, &limits);
    prove(&p, 0);
    for (int i = 0; i < 30; i++)
        pace_accepted(&p, 0, 50);
    for (int i = 0; i < 10; i++)
        pace_pushed_back(&p);
    ck_assert(!pace_may_open(&p, 0, 1000000));
    for (uint32_t n = 2; n <= limits.max_connections; n++) {
        pace_accepted(&p, n, 50);
        ck_assert(pace_may_open(&p, n, 1000000));
        prove(&p, n);
        ck_assert(!pace_may_open(&p, n, 1000000));
    }
}
END_TEST

START_TEST(a_gap_is_kept_for_ever)
{
    struct pace_limits slow = limits;
    struct pace p;
    uint64_t now = 0, last = 0, wait;
    unsigned sent = 0;

    slow.gap_ms = 250;
    pace_start(&p, &slow);
    for (unsigned i = 0; i < 20000; i++) {
        now += roll(100);
        if (!pace_take_turn(&p, now, &wait)) {
            ck_assert_uint_eq(now + wait, last + 250);
            continue;
        }
        ck_assert(sent++ == 0 || now >= last + 250);
        last = now;
    }
    ck_assert_uint_gt(sent, 1000);
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
    tcase_add_loop_test(tc, keeps_its_bounds_whatever_happens, 0, 5);
    tcase_add_test(tc, comes_back_slowly);
    tcase_add_test(tc, a_gap_is_kept_for_ever);
    suite_add_tcase(s, tc);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
