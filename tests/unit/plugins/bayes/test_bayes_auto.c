/* test_bayes_auto.c - which messages are learned without anybody having said what they are. */
#include "plugins/bayes/bayes_auto.h"

#include <check.h>

static const struct bayes_conf conf = {
    .autolearn = true, .autolearn_spam = 12, .autolearn_ham = -2, .autolearn_groups = 3};

struct point {
    const char *group;
    double score;
};

/* clang-format off */
static const struct auto_case {
    const char *name;
    struct point point[8];
    double score;
    enum bayes_proof proof;
    enum bayes_guess want;
} cases[] = {
    {"spam by three groups", {{"text", 5}, {"url", 4}, {"net", 4}}, 13, BAYES_PROOF_FAIL, BAYES_GUESS_SPAM},
    {"exactly at the threshold", {{"text", 4}, {"url", 4}, {"net", 4}}, 12, BAYES_PROOF_PASS, BAYES_GUESS_SPAM},
    {"just below", {{"text", 4}, {"url", 4}, {"net", 3.9}}, 11.9, BAYES_PROOF_PASS, BAYES_NO_GUESS},
    {"two groups", {{"text", 8}, {"url", 8}}, 16, BAYES_PROOF_FAIL, BAYES_NO_GUESS},
    {"several symbols of one group are one", {{"text", 5}, {"text", 5}, {"text", 5}, {"url", 1}}, 16, BAYES_PROOF_FAIL, BAYES_NO_GUESS},
    {"bayes is none", {{"text", 5}, {"url", 4}, {"bayes", 4.5}}, 13.5, BAYES_PROOF_FAIL, BAYES_NO_GUESS},
    {"authentication is one", {{"spf", 2}, {"dkim", 2}, {"dmarc", 4}, {"arc", 1}, {"text", 5}}, 14, BAYES_PROOF_FAIL, BAYES_NO_GUESS},
    {"without a result of authentication", {{"text", 5}, {"url", 4}, {"net", 4}}, 13, BAYES_PROOF_NONE, BAYES_NO_GUESS},
    {"a little against it", {{"text", 6}, {"url", 4}, {"net", 4}, {"known", -0.9}}, 13.1, BAYES_PROOF_FAIL, BAYES_GUESS_SPAM},
    {"strongly against it", {{"text", 6}, {"url", 4}, {"net", 4}, {"known", -1}}, 13, BAYES_PROOF_FAIL, BAYES_NO_GUESS},
    {"a group whose sum is for it", {{"text", 6}, {"url", 4}, {"net", 5}, {"net", -1}}, 14, BAYES_PROOF_FAIL, BAYES_GUESS_SPAM},
    {"what one user taught does not count", {{"text", 3}, {"url", 2}, {"net", 1}, {"taught", 8}}, 14, BAYES_PROOF_FAIL, BAYES_NO_GUESS},
    {"nor does it stand in the way", {{"text", 5}, {"url", 4}, {"net", 4}, {"taught", -6}}, 13, BAYES_PROOF_FAIL, BAYES_GUESS_SPAM},
    {"ham by three groups", {{"spf", -0.2}, {"dkim", -0.5}, {"known", -1.5}, {"net", -1}}, -3.2, BAYES_PROOF_PASS, BAYES_GUESS_HAM},
    {"ham at the threshold", {{"spf", -0.5}, {"known", -1}, {"net", -0.5}}, -2, BAYES_PROOF_PASS, BAYES_GUESS_HAM},
    {"ham that proves nothing", {{"text", -0.5}, {"known", -1.5}, {"net", -1}}, -3, BAYES_PROOF_FAIL, BAYES_NO_GUESS},
    {"ham with something against it", {{"spf", -0.5}, {"known", -3}, {"net", -1}, {"url", 1.5}}, -3, BAYES_PROOF_PASS, BAYES_NO_GUESS},
    {"ham by authentication alone", {{"spf", -1}, {"dkim", -1}, {"dmarc", -1}}, -3, BAYES_PROOF_PASS, BAYES_NO_GUESS},
    {"ham one user taught", {{"spf", -0.5}, {"known", -0.5}, {"net", -0.5}, {"taught", -6}}, -7.5, BAYES_PROOF_PASS, BAYES_NO_GUESS},
    {"nothing found", {{0}}, 0, BAYES_PROOF_PASS, BAYES_NO_GUESS},
};
/* clang-format on */

static enum bayes_guess judge(const struct bayes_conf *with, const struct auto_case *c)
{
    struct bayes_groups groups = {0};

    for (size_t i = 0; c->point[i].group; i++)
        bayes_auto_add(&groups, c->point[i].group, c->point[i].score);
    return bayes_auto_judge(with, &groups, c->score, c->proof);
}

START_TEST(judges)
{
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        enum bayes_guess got = judge(&conf, &cases[i]);

        ck_assert_msg(got == cases[i].want, "%s: got %d, want %d", cases[i].name, (int)got,
                      (int)cases[i].want);
    }
}
END_TEST

START_TEST(settings)
{
    struct bayes_conf with = conf;

    with.autolearn = false;
    ck_assert_int_eq(judge(&with, &cases[0]), BAYES_NO_GUESS);
    with = conf;
    with.autolearn_groups = 4;
    ck_assert_int_eq(judge(&with, &cases[0]), BAYES_NO_GUESS);
    with = conf;
    with.autolearn_groups = 2;
    ck_assert_int_eq(judge(&with, &cases[3]), BAYES_GUESS_SPAM);
    with = conf;
    with.autolearn_spam = 13.5;
    ck_assert_int_eq(judge(&with, &cases[0]), BAYES_NO_GUESS);
}
END_TEST

START_TEST(more_groups_than_fit)
{
    static char name[BAYES_GROUPS_MAX + 5][8];
    struct bayes_groups groups = {0};

    for (size_t i = 0; i < FCT_COUNT(name); i++) {
        (void)snprintf(name[i], sizeof name[i], "g%zu", i);
        bayes_auto_add(&groups, name[i], 1);
    }
    ck_assert_uint_eq(groups.n, BAYES_GROUPS_MAX);
    ck_assert_int_eq(bayes_auto_judge(&conf, &groups, 69, BAYES_PROOF_FAIL), BAYES_GUESS_SPAM);
}
END_TEST

/* clang-format off */
static const struct {
    const char *resinfo;
    enum bayes_proof want;
} proofs[] = {
    {"spf=pass smtp.mailfrom=example.org", BAYES_PROOF_PASS},
    {"dkim=pass", BAYES_PROOF_PASS},
    {"dmarc=fail (p=reject) header.from=example.org", BAYES_PROOF_FAIL},
    {"spf=softfail smtp.mailfrom=example.org", BAYES_PROOF_FAIL},
    {"dkim=fail (bad key) header.d=example.org", BAYES_PROOF_FAIL},
    {"spf=none", BAYES_PROOF_NONE},
    {"spf=neutral", BAYES_PROOF_NONE},
    {"dkim=temperror", BAYES_PROOF_NONE},
    {"dmarc=permerror", BAYES_PROOF_NONE},
    {"arc=pass", BAYES_PROOF_NONE}, /* says nothing of the author by itself */
    {"iprev=pass", BAYES_PROOF_NONE},
    {"spf=passed", BAYES_PROOF_NONE},
    {"spf", BAYES_PROOF_NONE},
    {"spf=", BAYES_PROOF_NONE},
    {"", BAYES_PROOF_NONE},
};
/* clang-format on */

START_TEST(reads_results)
{
    for (size_t i = 0; i < FCT_COUNT(proofs); i++) {
        struct fct_str s = {proofs[i].resinfo, strlen(proofs[i].resinfo)};

        ck_assert_msg(bayes_auto_proof(s) == proofs[i].want, "%s", proofs[i].resinfo);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bayes_auto");
    TCase *tc = tcase_create("auto");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, judges);
    tcase_add_test(tc, settings);
    tcase_add_test(tc, more_groups_than_fit);
    tcase_add_test(tc, reads_results);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
