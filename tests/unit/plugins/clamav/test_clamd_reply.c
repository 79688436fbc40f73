/* test_clamd_reply.c - what clamd answers, and what a configuration may say. */
#include "plugins/clamav/clamav_conf.h"
#include "plugins/clamav/clamd_reply.h"

#include "core/base/str.h"
#include <check.h>

START_TEST(replies)
{
    static const struct {
        const char *line;
        enum clamd_answer answer;
        const char *text;
    } cases[] = {
        {"stream: OK", CLAMD_CLEAN, "OK"},
        {"stream: OK\n", CLAMD_CLEAN, "OK"},
        {"stream: Eicar-Signature FOUND", CLAMD_FOUND, "Eicar-Signature"},
        {"stream: Name with FOUND inside FOUND", CLAMD_FOUND, "Name with FOUND inside"},
        {"stream:  FOUND", CLAMD_ERROR, NULL},
        {"stream: OKAY", CLAMD_ERROR, NULL},
        {"stream: what? ERROR", CLAMD_ERROR, NULL},
        {"INSTREAM size limit exceeded. ERROR", CLAMD_TOO_BIG, NULL},
        {"OK", CLAMD_ERROR, NULL},
        {"", CLAMD_ERROR, NULL},
    };
    struct clamd_reply reply;

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        clamd_reply_read(str_from(cases[i].line), &reply);
        ck_assert_msg(reply.answer == cases[i].answer, "%s", cases[i].line);
        if (cases[i].answer == CLAMD_FOUND)
            ck_assert(reply.text.n == strlen(cases[i].text) &&
                      memcmp(reply.text.p, cases[i].text, reply.text.n) == 0);
    }
}
END_TEST

START_TEST(lengths)
{
    char out[4];

    clamd_length(0x01020304, out);
    ck_assert(memcmp(out, "\1\2\3\4", 4) == 0);
    clamd_length(0, out);
    ck_assert(memcmp(out, "\0\0\0\0", 4) == 0);
}
END_TEST

START_TEST(soft_names)
{
    const char *const item[] = {"Heuristics.", "PUA."};
    struct fct_strings list = {item, 2};

    ck_assert(clamd_name_begins(&list, FCT_STR("Heuristics.Phishing")));
    ck_assert(!clamd_name_begins(&list, FCT_STR("Win.Heuristics.")));
    ck_assert(!clamd_name_begins(&list, FCT_STR("PUA")));
}
END_TEST

START_TEST(settings)
{
    const char *const good[] = {"unix:/run/x", "inet:h:3310"}, *const bad[] = {"/run/x"};
    struct clamav_conf conf = {.server = {good, 2},
                               .action = "discard",
                               .on_unavailable = "tempfail",
                               .max_size = {1 << 20},
                               .timeout = {1000},
                               .probe = {1000}};
    struct clamav_choice choice;
    struct fct_err err = {0};

    ck_assert(clamav_conf_read(&conf, &choice, &err));
    ck_assert(choice.action == CLAMAV_DISCARD && choice.defer);
    conf.action = "explode";
    ck_assert(!clamav_conf_read(&conf, &choice, &err) && strstr(err.text, "action"));
    conf.action = "score";
    conf.server = (struct fct_strings){bad, 1};
    ck_assert(!clamav_conf_read(&conf, &choice, &err) && strstr(err.text, "/run/x"));
    conf.server.n = 0;
    ck_assert(!clamav_conf_read(&conf, &choice, &err));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clamav");
    TCase *tc = tcase_create("clamav");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, replies);
    tcase_add_test(tc, lengths);
    tcase_add_test(tc, soft_names);
    tcase_add_test(tc, settings);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
