/* test_report_limit.c - reports to one address, hour by hour; and memory when many are forged. */
#include "core/base/str.h"
#include "protocols/relay/report_limit.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define HOUR 3600000u

START_TEST(so_many_an_hour)
{
    struct report_limit *l = report_limit_new(3);
    struct fct_str who = FCT_STR("they@elsewhere.test");

    for (uint64_t t = 7; t < 10; t++)
        ck_assert(report_limit_take(l, who, t));
    ck_assert(!report_limit_take(l, who, 10));
    ck_assert(!report_limit_take(l, who, 7 + HOUR - 1));
    ck_assert(report_limit_take(l, FCT_STR("others@elsewhere.test"), 10));
    /* The next hour begins with its first report. */
    for (int i = 0; i < 3; i++)
        ck_assert(report_limit_take(l, who, 7 + HOUR));
    ck_assert(!report_limit_take(l, who, 7 + 2 * HOUR - 1));
    ck_assert(report_limit_take(l, who, 7 + 2 * HOUR));
    report_limit_free(&l);
    ck_assert_ptr_null(l);
}
END_TEST

static const struct {
    const char *address;
    bool same;
} spelled[] = {
    {"they@elsewhere.test", true},
    {"THEY@Elsewhere.TEST", true},
    {"they+1@elsewhere.test", true},
    {"They+another@elsewhere.test", true},
    {"they+@elsewhere.test", true},
    {"+they@elsewhere.test", false}, /* a name, not a detail */
    {"them@elsewhere.test", false},
    {"they@elsewhere.test+x", false},
    {"they@other.test", false},
    {"they", false},
    {"", false},
};

START_TEST(spellings_of_one_address)
{
    struct report_limit *l = report_limit_new(1);

    ck_assert(report_limit_take(l, FCT_STR("they@elsewhere.test"), 0));
    ck_assert_msg(report_limit_take(l, str_from(spelled[_i].address), 1) == !spelled[_i].same, "%s",
                  spelled[_i].address);
    report_limit_free(&l);
}
END_TEST

START_TEST(none)
{
    struct report_limit *l = report_limit_new(0);

    for (uint64_t t = 0; t < 100000; t++)
        ck_assert(report_limit_take(l, FCT_STR("they@elsewhere.test"), 0));
    ck_assert_uint_eq(report_limit_known(l), 0);
    report_limit_free(&l);
}
END_TEST

START_TEST(memory_is_bounded)
{
    struct report_limit *l = report_limit_new(1);
    char address[64];
    size_t most = 0;

    for (uint64_t t = 0; t < 100000; t++) {
        (void)snprintf(address, sizeof address, "a%llu@elsewhere.test", (unsigned long long)t);
        ck_assert(report_limit_take(l, str_from(address), t));
        if (report_limit_known(l) > most)
            most = report_limit_known(l);
    }
    ck_assert_uint_le(most, 20000);
    report_limit_free(&l);
}
END_TEST

START_TEST(those_whose_hour_is_over_make_room_first)
{
    struct report_limit *l = report_limit_new(1);
    char address[64];

    for (unsigned i = 0; i < 19999; i++) {
        (void)snprintf(address, sizeof address, "a%u@elsewhere.test", i);
        ck_assert(report_limit_take(l, str_from(address), 0));
    }
    ck_assert(report_limit_take(l, FCT_STR("they@elsewhere.test"), 2 * HOUR));
    ck_assert(report_limit_take(l, FCT_STR("more@elsewhere.test"), 2 * HOUR + 1));
    ck_assert(!report_limit_take(l, FCT_STR("they@elsewhere.test"), 2 * HOUR + 2));
    ck_assert_uint_eq(report_limit_known(l), 2);
    report_limit_free(&l);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("report_limit");
    TCase *tc = tcase_create("report_limit");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, so_many_an_hour);
    tcase_add_loop_test(tc, spellings_of_one_address, 0, (int)FCT_COUNT(spelled));
    tcase_add_test(tc, none);
    tcase_add_test(tc, memory_is_bounded);
    tcase_add_test(tc, those_whose_hour_is_over_make_room_first);
    suite_add_tcase(s, tc);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
