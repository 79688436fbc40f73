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

    ck_assert(!schedule_warns(&s, 0, 4 * 3600 - 1, 0));
    ck_assert(schedule_warns(&s, 0, 4 * 3600, 0));
    ck_assert(!schedule_warns(&s, 0, 4 * 3600, 1));
    ck_assert(schedule_warns(&s, 0, 86400, 1));
    ck_assert(!schedule_warns(&s, 0, 999999, 2));
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
    tcase_add_loop_test(tc, refuses, 0, (int)FCT_COUNT(bad));
    tcase_add_test(tc, refuses_lists);
    suite_add_tcase(s, tc);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
