/* test_smtp_reply.c - replies: format, error classes, verdicts of plugins. */
#include "core/base/str.h"
#include "protocols/smtp/smtp_reply.h"

#include <check.h>
#include <stdlib.h>

START_TEST(a_reply_is_one_clean_line)
{
    const struct {
        struct smtp_reply r;
        const char *want;
    } cases[] = {
        {{.code = 250, .enhanced = "2.0.0", .text = FCT_STR("ok")}, "250 2.0.0 ok\r\n"},
        {{.code = 354, .text = FCT_STR("go")}, "354 go\r\n"},
        {{.code = 550, .enhanced = "5.7.1", .text = FCT_STR("a\r\n250 forged\x80")},
         "550 5.7.1 a??250 forged?\r\n"},
        {{.code = 250, .enhanced = "2.0.0", .text = {NULL, 0}}, "250 2.0.0 \r\n"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1024);

        smtp_reply_format(&cases[i].r, &out);
        ck_assert_msg(str_equal(buf_str(&out), str_from(cases[i].want)), "%.*s",
                      FCT_FMT(buf_str(&out)));
    }
}
END_TEST

START_TEST(a_long_text_is_cut_to_the_line_limit)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(4096);
    char text[2000];

    memset(text, 'x', sizeof text);
    smtp_reply_format(
        &(struct smtp_reply){.code = 550, .enhanced = "5.7.1", .text = {text, sizeof text}}, &out);
    ck_assert(out.n <= 512 && out.n > 400);
    ck_assert(out.p[out.n - 2] == '\r' && out.p[out.n - 1] == '\n');
}
END_TEST

START_TEST(the_class_decides_the_code)
{
    static const struct {
        enum fct_class class;
        unsigned code;
    } cases[] = {{FCT_SYNTAX, 501}, {FCT_DENIED, 550}, {FCT_TEMP, 451}, {FCT_LIMIT, 452}};

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_err err = {.class = cases[i].class, .text = "why"};
        struct smtp_reply r = smtp_reply_error(&err);

        ck_assert_uint_eq(r.code, cases[i].code);
        ck_assert(str_equal(r.text, FCT_STR("why")));
    }
}
END_TEST

START_TEST(verdicts)
{
    const struct {
        const char *name;
        struct filter_answer answer;
        enum smtp_stage stage;
        bool refused;
        unsigned code;
        const char *enhanced;
        bool close;
    } cases[] = {
        {"next", {.verdict = FCT_NEXT}, SMTP_AT_RCPT, false, 0, NULL, false},
        {"accept", {.verdict = FCT_ACCEPT}, SMTP_AT_RCPT, false, 0, NULL, false},
        {"quarantine", {.verdict = FCT_QUARANTINE}, SMTP_AT_MESSAGE, false, 0, NULL, false},
        {"discard", {.verdict = FCT_DISCARD}, SMTP_AT_MAIL, false, 0, NULL, false},
        {"reject", {.verdict = FCT_REJECT}, SMTP_AT_RCPT, true, 550, "5.7.1", false},
        {"reject at connect", {.verdict = FCT_REJECT}, SMTP_AT_CONNECT, true, 554, "5.7.1", true},
        {"reject at auth", {.verdict = FCT_REJECT}, SMTP_AT_AUTH, true, 535, "5.7.8", false},
        {"own code",
         {.verdict = FCT_REJECT, .code = 553, .enhanced = FCT_STR("5.1.8")},
         SMTP_AT_MAIL,
         true,
         553,
         "5.1.8",
         false},
        {"4xx on reject",
         {.verdict = FCT_REJECT, .code = 450},
         SMTP_AT_MAIL,
         true,
         550,
         "5.7.1",
         false},
        {"2xx on reject",
         {.verdict = FCT_REJECT, .code = 250},
         SMTP_AT_MAIL,
         true,
         550,
         "5.7.1",
         false},
        {"tempfail", {.verdict = FCT_TEMPFAIL}, SMTP_AT_RCPT, true, 451, "4.7.1", false},
        {"5xx on tempfail",
         {.verdict = FCT_TEMPFAIL, .code = 550},
         SMTP_AT_RCPT,
         true,
         451,
         "4.7.1",
         false},
        {"enhanced of another class",
         {.verdict = FCT_TEMPFAIL, .code = 450, .enhanced = FCT_STR("5.7.1")},
         SMTP_AT_RCPT,
         true,
         450,
         "4.7.1",
         false},
        {"enhanced is no code",
         {.verdict = FCT_REJECT, .enhanced = FCT_STR("5.7.1 x\r\n")},
         SMTP_AT_RCPT,
         true,
         550,
         "5.7.1",
         false},
        {"enhanced with empty parts",
         {.verdict = FCT_REJECT, .enhanced = FCT_STR("5..71")},
         SMTP_AT_RCPT,
         true,
         550,
         "5.7.1",
         false},
        {"disconnect", {.verdict = FCT_DISCONNECT}, SMTP_AT_HELO, true, 421, "4.7.0", true},
        {"disconnect for good",
         {.verdict = FCT_DISCONNECT, .code = 554},
         SMTP_AT_HELO,
         true,
         554,
         "5.7.1",
         true},
    };
    struct arena *arena = arena_new(NULL);

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct smtp_reply r = {0};
        bool refused = smtp_reply_verdict(&cases[i].answer, cases[i].stage, arena, &r);

        ck_assert_msg(refused == cases[i].refused, "%s", cases[i].name);
        if (!refused)
            continue;
        ck_assert_msg(r.code == cases[i].code, "%s: %u", cases[i].name, r.code);
        ck_assert_msg(strcmp(r.enhanced, cases[i].enhanced) == 0, "%s: %s", cases[i].name,
                      r.enhanced);
        ck_assert_msg(r.close == cases[i].close, "%s", cases[i].name);
        ck_assert_msg(r.text.n > 0, "%s", cases[i].name);
    }
    arena_free(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smtp_reply");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_test(tc, a_reply_is_one_clean_line);
    tcase_add_test(tc, a_long_text_is_cut_to_the_line_limit);
    tcase_add_test(tc, the_class_decides_the_code);
    tcase_add_test(tc, verdicts);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
