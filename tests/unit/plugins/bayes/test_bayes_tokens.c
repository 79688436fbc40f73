/* test_bayes_tokens.c - the set is bounded, the same whatever the order, and keyed. */
#include "bayes_test.h"

static struct bayes_tokens t;

static size_t numbers(uint64_t key, unsigned from, unsigned to, int step,
                      uint64_t out[BAYES_TOKENS])
{
    bayes_tokens_init(&t, key);
    for (unsigned i = from; i != to; i += (unsigned)step)
        bayes_token_number(&t, BAYES_WORD, "n", i);
    return bayes_tokens_finish(&t, out);
}

START_TEST(bounded)
{
    uint64_t out[BAYES_TOKENS];

    ck_assert_uint_eq(numbers(0, 0, 100, 1, out), 100);
    ck_assert_uint_eq(numbers(0, 0, 100000, 1, out), BAYES_TOKENS);
    for (size_t i = 1; i < BAYES_TOKENS; i++)
        ck_assert_msg(out[i] > out[i - 1], "%zu: not rising", i);
}
END_TEST

START_TEST(any_order)
{
    uint64_t up[BAYES_TOKENS], down[BAYES_TOKENS];

    (void)numbers(0, 0, 50000, 1, up);
    (void)numbers(0, 49999, (unsigned)-1, -1, down);
    ck_assert_int_eq(memcmp(up, down, sizeof up), 0);
}
END_TEST

/* What was kept of a part of it is kept of the part, too: similar messages give similar sets. */
START_TEST(lowest_stay)
{
    uint64_t all[BAYES_TOKENS], half[BAYES_TOKENS];
    size_t common = 0;

    (void)numbers(0, 0, 4000, 1, all);
    (void)numbers(0, 0, 2000, 1, half);
    for (size_t i = 0, k = 0; i < BAYES_TOKENS && k < BAYES_TOKENS;) {
        common += all[i] == half[k];
        if (all[i] <= half[k])
            i++;
        else
            k++;
    }
    ck_assert_uint_gt(common, BAYES_TOKENS / 3);
}
END_TEST

START_TEST(each_once)
{
    uint64_t out[BAYES_TOKENS];

    bayes_tokens_init(&t, 0);
    for (unsigned i = 0; i < 10000; i++)
        (void)bayes_token(&t, BAYES_WORD, FCT_STR("again"));
    (void)bayes_token(&t, BAYES_SUBJECT, FCT_STR("again"));
    ck_assert_uint_eq(bayes_tokens_finish(&t, out), 2);
}
END_TEST

START_TEST(keyed)
{
    uint64_t a[BAYES_TOKENS], b[BAYES_TOKENS];

    ck_assert_uint_ne(bayes_key(FCT_STR("a")), bayes_key(FCT_STR("b")));
    (void)numbers(bayes_key(FCT_STR("a")), 0, 10, 1, a);
    (void)numbers(bayes_key(FCT_STR("b")), 0, 10, 1, b);
    ck_assert_int_ne(memcmp(a, b, 10 * sizeof *a), 0);
}
END_TEST

/* A text of any length leaves room for what the header says. */
START_TEST(drawers)
{
    uint64_t out[BAYES_TOKENS], about;
    size_t n, found = 0;

    bayes_tokens_init(&t, 0);
    for (unsigned i = 0; i < 100000; i++)
        bayes_token_number(&t, i % 2 ? BAYES_WORD : BAYES_PAIR, "n", i);
    about = bayes_token(&t, BAYES_SENDER, FCT_STR("anna@example.org"));
    n = bayes_tokens_finish(&t, out);
    for (size_t i = 0; i < n; i++)
        found += out[i] == about;
    ck_assert_uint_eq(n, BAYES_TOKENS);
    ck_assert_uint_eq(found, 1);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, bounded);
    tcase_add_test(tc, any_order);
    tcase_add_test(tc, lowest_stay);
    tcase_add_test(tc, each_once);
    tcase_add_test(tc, keyed);
    tcase_add_test(tc, drawers);
}

int main(void)
{
    return run_suite("bayes_tokens", add);
}
