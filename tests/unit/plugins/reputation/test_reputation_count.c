/* test_reputation_count.c - values of Redis as counts that fade, and what they say. */
#include "plugins/reputation/reputation_count.h"
#include "plugins/reputation/reputation_store.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#define NOW    ((int64_t)1767225600) /* 2026-01-01 */
#define DAY    ((int64_t)86400)
#define STRONG 10.0

static void put(char *to, double d)
{
    uint64_t bits;

    memcpy(&bits, &d, sizeof bits);
    for (unsigned i = 0; i < 8; i++)
        to[i] = (char)(bits >> 8 * i);
}

/* As the script counts at `at`. */
static struct fct_str pack(char out[REPUTATION_PACKED], double spam, double ham, int64_t at)
{
    double age = (double)at - (double)REPUTATION_LANDMARK;
    double week = exp2(age / REPUTATION_WEEK_S), season = exp2(age / REPUTATION_SEASON_S);

    put(out, spam * week);
    put(out + 8, ham * week);
    put(out + 16, spam * season);
    put(out + 24, ham * season);
    return (struct fct_str){out, REPUTATION_PACKED};
}

static struct reputation_counts counts_at(double spam, double ham, int64_t at, int64_t now)
{
    char packed[REPUTATION_PACKED];
    struct reputation_counts c;

    ck_assert(reputation_counts_read(pack(packed, spam, ham, at), now, &c));
    return c;
}

START_TEST(counts_fade)
{
    struct reputation_counts c = counts_at(8, 2, NOW, NOW);

    ck_assert_double_eq_tol(c.spam[REPUTATION_WEEK], 8, 1e-9);
    ck_assert_double_eq_tol(c.ham[REPUTATION_SEASON], 2, 1e-9);
    c = counts_at(8, 2, NOW, NOW + 7 * DAY);
    ck_assert_double_eq_tol(c.spam[REPUTATION_WEEK], 4, 1e-9);
    ck_assert_double_eq_tol(c.ham[REPUTATION_WEEK], 1, 1e-9);
    c = counts_at(8, 2, NOW, NOW + 60 * DAY);
    ck_assert_double_eq_tol(c.spam[REPUTATION_SEASON], 4, 1e-9);
    ck_assert_double_lt(c.spam[REPUTATION_WEEK], 0.03);
}
END_TEST

/* From the year of this program to the end of what doubles hold. */
START_TEST(years)
{
    static const int64_t at[] = {1640995200, 1767225600, 2208988800, 2777068800};

    for (size_t i = 0; i < FCT_COUNT(at); i++) {
        struct reputation_counts c = counts_at(1000000, 3, at[i], at[i]);

        ck_assert_double_eq_tol(c.spam[REPUTATION_WEEK], 1000000, 1e-3);
        ck_assert_double_eq_tol(c.ham[REPUTATION_WEEK], 3, 1e-9);
    }
}
END_TEST

START_TEST(strange_values)
{
    char packed[REPUTATION_PACKED];
    struct reputation_counts c;

    (void)pack(packed, 1, 1, NOW);
    ck_assert(!reputation_counts_read((struct fct_str){packed, 31}, NOW, &c));
    ck_assert(!reputation_counts_read(FCT_STR(""), NOW, &c));
    for (size_t i = 0; i < 4; i++) {
        static const double strange[] = {-1, NAN, INFINITY, 1e300};

        for (size_t k = 0; k < FCT_COUNT(strange); k++) {
            (void)pack(packed, 1, 1, NOW);
            put(packed + 8 * i, strange[k]);
            ck_assert(!reputation_counts_read((struct fct_str){packed, sizeof packed}, NOW, &c));
            ck_assert_double_eq(c.spam[0] + c.spam[1] + c.ham[0] + c.ham[1], 0);
        }
    }
}
END_TEST

/* spam, wanted, days ago; the factor, between. */
static const struct {
    double spam, ham, days, least, most;
} cases[] = {
    {0, 0, 0, 0, 0},         /* nobody knows */
    {1, 0, 0, 0, 0.1},       /* one says next to nothing */
    {5, 0, 0, 0.2, 0.4},     /* what one person said */
    {10, 0, 0, 0.4, 0.6},    /* half of it from `strength` on */
    {200, 1, 0, 0.99, 1},    /* all there is */
    {1000000, 0, 0, 1, 1},   /* and never more */
    {0, 200, 0, -1, -0.99},  /* the same for the good */
    {100, 100, 0, 0, 0},     /* both: nothing */
    {300, 100, 0, 0.3, 0.4}, /* three times as much: a third */
    {200, 1, 21, 0.9, 1},    /* three weeks later still known */
    {200, 1, 720, 0, 0.3},   /* two years later hardly */
};

START_TEST(what_counts_say)
{
    struct reputation_counts c =
        counts_at(cases[_i].spam, cases[_i].ham, NOW, NOW + (int64_t)cases[_i].days * DAY);
    double factor = reputation_factor(reputation_odds(&c, STRONG));

    ck_assert_msg(factor >= cases[_i].least && factor <= cases[_i].most, "%f", factor);
}
END_TEST

/* Good for a year, bad since yesterday. */
START_TEST(a_domain_that_was_broken_into)
{
    struct reputation_counts c = counts_at(0, 300, NOW - 60 * DAY, NOW);
    struct reputation_counts bad = counts_at(100, 0, NOW, NOW);

    ck_assert_double_lt(reputation_factor(reputation_odds(&c, STRONG)), -0.9);
    for (unsigned h = 0; h < REPUTATION_HORIZONS; h++)
        c.spam[h] += bad.spam[h];
    ck_assert_double_gt(reputation_factor(reputation_odds(&c, STRONG)), 0.3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reputation_count");
    TCase *tc = tcase_create("reputation_count");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, counts_fade);
    tcase_add_test(tc, years);
    tcase_add_test(tc, strange_values);
    tcase_add_loop_test(tc, what_counts_say, 0, (int)FCT_COUNT(cases));
    tcase_add_test(tc, a_domain_that_was_broken_into);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
