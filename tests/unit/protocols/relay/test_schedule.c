/* test_schedule.c - retries, warnings, the end. */
#include "protocols/relay/schedule.h"

#include <check.h>
#include <stdlib.h>

static const char *const retry[] = {"5m", "15m", "1h"};
static const char *const warn[] = {"4h", "1d"};

static struct schedule standing(double jitter)
{
    struct schedule s = {.jitter = jitter, .expire_s = 5 * 86400, .expire_null_s = 86400};
    struct fct_err err = {0};

    ck_assert(
        schedule_read(&s, &(struct fct_strings){retry, 3}, &(struct fct_strings){warn, 2}, &err));
    return s;
}

START_TEST(waits_get_longer)
{
    static const int64_t want[] = {300, 900, 3600, 3600, 3600};
    struct schedule s = standing(0);

    for (unsigned i = 0; i < FCT_COUNT(want); i++)
        ck_assert_int_eq(schedule_next(&s, 1000, 2000, i + 1, false, i), 2000 + want[i]);
    ck_assert_int_eq(schedule_next(&s, 1000, 2000, 0, false, 7), 2300);
    ck_assert_int_eq(schedule_next(&s, 1000, 2000, UINT32_MAX, false, 7), 5600);
}
END_TEST

START_TEST(jitter_stays_in_its_bounds)
{
    struct schedule s = standing(0.1);
    int64_t least = INT64_MAX, most = 0;

    for (uint64_t chance = 0; chance < 5000; chance++) {
        int64_t wait = schedule_next(&s, 0, 0, 3, false, chance * 7919);

        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    ck_assert_int_eq(least, 3240);
    ck_assert_int_eq(most, 3960);
}
END_TEST

START_TEST(nothing_is_tried_after_the_end)
{
    struct schedule s = standing(0);

    ck_assert_int_eq(schedule_next(&s, 0, 86400 - 100, 3, true, 0), 86400);
    ck_assert_int_eq(schedule_next(&s, 0, 86400, 3, true, 0), 86401);
    ck_assert(!schedule_is_over(&s, 0, 86399, true));
    ck_assert(schedule_is_over(&s, 0, 86400, true));
    ck_assert(!schedule_is_over(&s, 0, 86400, false));
    ck_assert(schedule_is_over(&s, 0, 5 * 86400, false));
}
END_TEST

START_TEST(warns_once_each)
{
    struct schedule s = standing(0);

    ck_assert(!schedule_warns(&s, 0, 0, false, 4 * 3600 - 1));
    ck_assert(schedule_warns(&s, 0, 4 * 3600 - 1, false, 4 * 3600));
    ck_assert(!schedule_warns(&s, 0, 4 * 3600, true, 86400 - 1));
    ck_assert(schedule_warns(&s, 0, 86400 - 1, true, 86400));
    ck_assert(!schedule_warns(&s, 0, 86400, true, 999999));
    /* Two at once are one; the first is sent however late it comes. */
    ck_assert(schedule_warns(&s, 0, 3600, false, 2 * 86400));
    ck_assert(schedule_warns(&s, 0, 5 * 3600, false, 6 * 3600));
    ck_assert(schedule_warns(&s, 0, 0, false, 5 * 3600));
}
END_TEST

/* Whatever the waits, the jitter and the chance: never in the past, never after the end but for the
 * one second that says it is over, never earlier than the wait less its jitter. */
START_TEST(holds_for_any_chance)
{
    static const double jitters[] = {0, 0.1, 0.5};
    static const int64_t arrived = 1700000000;
    uint64_t chance = 88172645463325252u;

    for (unsigned i = 0; i < 30000; i++) {
        double jitter = jitters[i % FCT_COUNT(jitters)];
        struct schedule s = standing(jitter);
        unsigned attempts = i % 7;
        bool null_sender = i % 2;
        int64_t end = arrived + (int64_t)(null_sender ? s.expire_null_s : s.expire_s), now, next;
        uint64_t wait = s.step_s[attempts == 0        ? 0
                                 : attempts > s.steps ? s.steps - 1
                                                      : attempts - 1];

        chance ^= chance << 13, chance ^= chance >> 7, chance ^= chance << 17;
        now = arrived + (int64_t)(chance % (6 * 86400));
        next = schedule_next(&s, arrived, now, attempts, null_sender, chance);
        ck_assert_int_gt(next, now);
        ck_assert_int_le(next, now + (int64_t)((double)wait * (1 + jitter)) + 1);
        if (now < end)
            ck_assert_int_le(next, end);
        else
            ck_assert_int_eq(next, now + 1);
        if (next < end && now < end)
            ck_assert_int_ge(next, now + (int64_t)((double)wait * (1 - jitter)));
        ck_assert_int_eq(schedule_is_over(&s, arrived, next, null_sender), next >= end);
    }
}
END_TEST

/* A message nobody takes, try by try: it ends when it has to, with the tries that the waits allow.
 */
START_TEST(a_whole_life)
{
    struct schedule s = standing(0);
    int64_t now = 0, last = 0;
    unsigned tries = 1, warned = 0;

    while (!schedule_is_over(&s, 0, now, false)) {
        if (schedule_warns(&s, 0, last, warned > 0, now))
            warned++;
        last = now;
        now = schedule_next(&s, 0, now, tries++, false, 0);
    }
    ck_assert_int_eq(now, 5 * 86400);
    /* 5m, 15m, then one each hour up to the end */
    ck_assert_uint_eq(tries, 3 + (5 * 86400 - 1200 + 3599) / 3600);
    ck_assert_uint_eq(warned, 2);
}
END_TEST

START_TEST(a_clock_that_was_set_back)
{
    struct schedule s = standing(0.1);

    ck_assert_int_gt(schedule_next(&s, 5000, 1000, 1, false, 0), 1000);
    ck_assert(!schedule_is_over(&s, 5000, 1000, false));
    ck_assert(!schedule_warns(&s, 5000, 4000, false, 1000));
}
END_TEST

static const struct {
    const char *retry, *warn;
} bad[] = {{"5", NULL},  {"m", NULL},    {"-5m", NULL}, {"5y", NULL},
           {"0s", NULL}, {"5m", "4h x"}, {"5m", "0s"},  {"999999w", NULL}};

START_TEST(refuses)
{
    struct schedule s = {0};
    struct fct_err err = {0};

    ck_assert(!schedule_read(&s, &(struct fct_strings){&bad[_i].retry, 1},
                             &(struct fct_strings){&bad[_i].warn, bad[_i].warn ? 1 : 0}, &err));
    ck_assert_int_eq(err.class, FCT_SYNTAX);
}
END_TEST

START_TEST(refuses_lists)
{
    static const char *const backwards[] = {"2h", "1h"};
    struct schedule s = {0};

    ck_assert(
        !schedule_read(&s, &(struct fct_strings){NULL, 0}, &(struct fct_strings){warn, 2}, NULL));
    ck_assert(!schedule_read(&s, &(struct fct_strings){retry, 3},
                             &(struct fct_strings){backwards, 2}, NULL));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("schedule");
    TCase *tc = tcase_create("schedule");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, waits_get_longer);
    tcase_add_test(tc, jitter_stays_in_its_bounds);
    tcase_add_test(tc, nothing_is_tried_after_the_end);
    tcase_add_test(tc, warns_once_each);
    tcase_add_test(tc, holds_for_any_chance);
    tcase_add_test(tc, a_whole_life);
    tcase_add_test(tc, a_clock_that_was_set_back);
    tcase_add_loop_test(tc, refuses, 0, (int)FCT_COUNT(bad));
    tcase_add_test(tc, refuses_lists);
    suite_add_tcase(s, tc);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
