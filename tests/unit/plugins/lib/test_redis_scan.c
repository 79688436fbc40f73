/* test_redis_scan.c - what goes on and what ends; anything else is refused, and changes nothing. */
#include "plugins/lib/redis_scan.h"

#include <check.h>
#include <stdlib.h>

enum { KEPT = 77 };

static const struct {
    const char *name, *cursor;
    long long count;
    bool good;
    uint64_t next;
} cases[] = {
    {"goes on", "17", 3, true, 17},
    {"the end", "0", 0, true, 0},
    {"the largest", "18446744073709551615", 1, true, UINT64_MAX},
    {"no number", "", 1, false, KEPT},
    {"a word", "x", 1, false, KEPT},
    {"a sign", "-1", 1, false, KEPT},
    {"a space", " 1", 1, false, KEPT},
    {"something behind", "1x", 1, false, KEPT},
    {"too long", "184467440737095516150", 1, false, KEPT},
    {"less than nothing", "1", -1, false, KEPT},
};

static struct fct_redis_reply string(const char *text)
{
    return (struct fct_redis_reply){.kind = FCT_REDIS_STRING, .string = {text, strlen(text)}};
}

START_TEST(steps)
{
    struct fct_redis_reply item[2] = {string(cases[_i].cursor),
                                      {.kind = FCT_REDIS_INTEGER, .integer = cases[_i].count}};
    struct fct_redis_reply reply = {.kind = FCT_REDIS_ARRAY, .item = item, .n = 2};
    uint64_t cursor = KEPT, sum = 5;

    ck_assert_msg(redis_scan_step(&reply, &cursor, &sum) == cases[_i].good, "%s", cases[_i].name);
    ck_assert_msg(cursor == cases[_i].next, "%s", cases[_i].name);
    ck_assert_uint_eq(sum, cases[_i].good ? 5 + (uint64_t)cases[_i].count : 5);
}
END_TEST

START_TEST(other_answers)
{
    struct fct_redis_reply item[3] = {
        string("1"), {.kind = FCT_REDIS_INTEGER, .integer = 1}, string("2")};
    const struct fct_redis_reply bad[] = {
        string("1"),
        {.kind = FCT_REDIS_NIL},
        {.kind = FCT_REDIS_ARRAY, .item = item, .n = 1},
        {.kind = FCT_REDIS_ARRAY, .item = item, .n = 3},
        {.kind = FCT_REDIS_ARRAY, .item = item + 1, .n = 2},
    };
    uint64_t cursor = KEPT, sum = 0;

    for (size_t i = 0; i < FCT_COUNT(bad); i++)
        ck_assert(!redis_scan_step(&bad[i], &cursor, &sum));
    ck_assert_uint_eq(cursor, KEPT);
    ck_assert_uint_eq(sum, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis_scan");
    TCase *tc = tcase_create("step");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, steps, 0, (int)FCT_COUNT(cases));
    tcase_add_test(tc, other_answers);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
