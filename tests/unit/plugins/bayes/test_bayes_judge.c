/* test_bayes_judge.c - from counts to probability: what is certain, what is unsure, and that the
 * sums are Fisher's. */
#include "bayes_test.h"
#include "plugins/bayes/bayes_judge.h"

#include <math.h>

static const struct bayes_counts messages = {100, 100};

static struct bayes_opinion judge(const struct bayes_counts *token, size_t n)
{
    struct bayes_opinion out;

    bayes_judge(&bayes_tuning, &messages, token, n, &out);
    return out;
}

START_TEST(nothing_known)
{
    struct bayes_counts token[3] = {{0, 0}, {0, 0}, {0, 0}};
    struct bayes_opinion o = judge(token, 3);

    ck_assert_double_eq_tol(o.probability, 0.5, 1e-9);
    ck_assert_double_eq_tol(o.margin, 0, 1e-9);
    ck_assert_uint_eq(o.used, 0);
    ck_assert_double_eq_tol(judge(NULL, 0).probability, 0.5, 1e-9);
}
END_TEST

START_TEST(directions)
{
    struct bayes_counts spam[20], ham[20], both[40];

    for (unsigned i = 0; i < 20; i++) {
        spam[i] = both[i] = (struct bayes_counts){30, 0};
        ham[i] = both[20 + i] = (struct bayes_counts){0, 30};
    }
    ck_assert_double_gt(judge(spam, 20).probability, 0.99);
    ck_assert_double_lt(judge(ham, 20).probability, 0.01);
    ck_assert_double_eq_tol(judge(spam, 20).margin, -judge(ham, 20).margin, 1e-6);
    /* much for either: unsure, not halfway certain */
    ck_assert_double_eq_tol(judge(both, 40).probability, 0.5, 0.001);
    ck_assert_uint_eq(judge(both, 40).used, 40);
}
END_TEST

START_TEST(more_says_more)
{
    struct bayes_counts token[60];
    double before = 0.5, margin = 0;

    for (unsigned i = 0; i < 60; i++) {
        struct bayes_opinion o;

        token[i] = (struct bayes_counts){10, 1};
        o = judge(token, i + 1);
        ck_assert_msg(o.probability >= before - 1e-12, "%u: falls", i);
        ck_assert_msg(o.margin > margin || i == 0, "%u: the margin ends", i);
        before = o.probability;
        margin = o.margin;
    }
    ck_assert_double_gt(before, 0.99);
}
END_TEST

/* As much per message, of unequal halves. */
START_TEST(unequal_classes)
{
    struct bayes_counts all = {1000, 10}, token[10];
    struct bayes_opinion o;

    for (unsigned i = 0; i < 10; i++)
        token[i] = (struct bayes_counts){100, 1}; /* a tenth of either */
    bayes_judge(&bayes_tuning, &all, token, 10, &o);
    ck_assert_double_eq_tol(o.probability, 0.5, 1e-6);
}
END_TEST

START_TEST(only_the_strongest)
{
    struct bayes_tuning tuning = bayes_tuning;
    struct bayes_counts token[100];
    struct bayes_opinion o;

    for (unsigned i = 0; i < 100; i++)
        token[i] = i < 10 ? (struct bayes_counts){50, 0} : (struct bayes_counts){2, 5};
    tuning.strongest = 10;
    bayes_judge(&tuning, &messages, token, 100, &o);
    ck_assert_uint_eq(o.used, 10);
    ck_assert_double_gt(o.probability, 0.99);
}
END_TEST

/* With overlap 1 and an even number of tokens the chance is e^-m times the sum of m^i/i! below n:
 * the textbook's sum. */
START_TEST(fishers_sum)
{
    struct bayes_tuning tuning = {.strength = 1, .deviation = 0, .strongest = 10, .overlap = 1};
    struct bayes_counts token[4] = {{3, 1}, {5, 1}, {2, 1}, {1, 2}};
    double f[4], for_spam = 0, for_ham = 0, s = 0, h = 0, term, odds;
    struct bayes_opinion o;

    for (unsigned i = 0; i < 4; i++) {
        double n = token[i].spam + token[i].ham;

        f[i] = (0.5 + n * token[i].spam / n) / (1 + n);
        for_spam -= log(1 - f[i]);
        for_ham -= log(f[i]);
    }
    term = exp(-for_spam);
    for (unsigned i = 0; i < 4; i++, term *= for_spam / i)
        s += term;
    term = exp(-for_ham);
    for (unsigned i = 0; i < 4; i++, term *= for_ham / i)
        h += term;
    bayes_judge(&tuning, &messages, token, 4, &o);
    odds = pow((1 + h - s) / (1 - h + s), 3);
    ck_assert_double_eq_tol(o.probability, odds / (1 + odds), 1e-9);
}
END_TEST

START_TEST(extremes_stay_finite)
{
    struct bayes_counts token[800];
    struct bayes_tuning tuning = bayes_tuning;
    struct bayes_opinion o;

    for (unsigned i = 0; i < 800; i++)
        token[i] = (struct bayes_counts){16777215, 0};
    tuning.strongest = 800;
    tuning.overlap = 1;
    tuning.strength = 1e-6;
    bayes_judge(&tuning, &messages, token, 800, &o);
    ck_assert(isfinite(o.margin) && o.margin > 0);
    ck_assert_double_eq_tol(o.probability, 1, 1e-9);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, nothing_known);
    tcase_add_test(tc, directions);
    tcase_add_test(tc, more_says_more);
    tcase_add_test(tc, unequal_classes);
    tcase_add_test(tc, only_the_strongest);
    tcase_add_test(tc, fishers_sum);
    tcase_add_test(tc, extremes_stay_finite);
}

int main(void)
{
    return run_suite("bayes_judge", add);
}
