/* test_remote_reply.c - replies of foreign servers: what is read, what is refused; and what EHLO
 * announces. */
#include "core/base/str.h"
#include "protocols/relay/remote_extensions.h"
#include "protocols/relay/remote_reply.h"

#include <check.h>
#include <stdlib.h>

static const struct {
    const char *lines;
    enum reply_state want;
    unsigned code;
    const char *status, *text;
} cases[] = {
    {"250 ok\r\n", REPLY_DONE, 250, "", "ok"},
    {"250\r\n", REPLY_DONE, 250, "", ""},
    {"250 \r\n", REPLY_DONE, 250, "", ""},
    {"250 ok\n", REPLY_DONE, 250, "", "ok"},
    {"250-first\r\n250 last\r\n", REPLY_DONE, 250, "", "first last"},
    {"250-first\r\n", REPLY_MORE, 250, "", "first"},
    {"550 5.1.1 no such user\r\n", REPLY_DONE, 550, "5.1.1", "5.1.1 no such user"},
    {"550-5.7.1 one\r\n550 5.7.2 two\r\n", REPLY_DONE, 550, "5.7.1", "5.7.1 one 5.7.2 two"},
    {"550 4.1.1 lies\r\n", REPLY_DONE, 550, "", "4.1.1 lies"},
    {"550 5.1.1\r\n", REPLY_DONE, 550, "5.1.1", "5.1.1"},
    {"550 5.1234.1 x\r\n", REPLY_DONE, 550, "", "5.1234.1 x"},
    {"550 5.1.x\r\n", REPLY_DONE, 550, "", "5.1.x"},
    {"550 5.123.123 x\r\n", REPLY_DONE, 550, "5.123.123", "5.123.123 x"},
    {"421 bye\tnow\r\n", REPLY_DONE, 421, "", "bye now"},
    {"250 a\x1b[31mb\r\n", REPLY_DONE, 250, "", "a?[31mb"},
    {"571 policy\r\n", REPLY_DONE, 571, "", "policy"},
    {"", REPLY_BAD, 0, "", ""},
    {"\r\n", REPLY_BAD, 0, "", ""},
    {"25\r\n", REPLY_BAD, 0, "", ""},
    {"150 ok\r\n", REPLY_BAD, 0, "", ""},
    {"650 ok\r\n", REPLY_BAD, 0, "", ""},
    {"2x0 ok\r\n", REPLY_BAD, 0, "", ""},
    {"2500 ok\r\n", REPLY_BAD, 0, "", ""},
    {"250_ok\r\n", REPLY_BAD, 0, "", ""},
    {"250-a\r\n251 b\r\n", REPLY_BAD, 250, "", "a"},
    {"SSH-2.0-OpenSSH\r\n", REPLY_BAD, 0, "", ""},
    {"HTTP/1.1 400 Bad Request\r\n", REPLY_BAD, 0, "", ""},
};

static enum reply_state read_all(const char *lines, struct remote_reply *reply)
{
    struct fct_str rest = str_from(lines), words;
    enum reply_state state = REPLY_BAD;
    struct fct_err err = {0};

    do {
        ptrdiff_t lf = str_find_char(rest, '\n');
        size_t n = lf >= 0 ? (size_t)lf + 1 : rest.n;

        state = reply_line(reply, str_head(rest, n), &words, &err);
        rest = str_skip(rest, n);
    } while (state == REPLY_MORE && rest.n > 0);
    ck_assert_uint_eq(rest.n, 0);
    if (state == REPLY_BAD)
        ck_assert_int_eq(err.class, FCT_TEMP);
    return state;
}

START_TEST(reads)
{
    struct remote_reply reply = {0};

    ck_assert_int_eq(read_all(cases[_i].lines, &reply), cases[_i].want);
    ck_assert_uint_eq(reply.code, cases[_i].code);
    ck_assert_str_eq(reply.status, cases[_i].status);
    ck_assert_msg(str_equal(reply_text(&reply), str_from(cases[_i].text)), "got \"%.*s\"",
                  FCT_FMT(reply_text(&reply)));
}
END_TEST

START_TEST(is_bounded)
{
    struct remote_reply reply = {0};
    struct fct_str words;
    struct fct_err err = {0};
    char line[1000];

    memset(line, 'x', sizeof line);
    memcpy(line, "250-", 4);
    for (unsigned i = 0; i < REPLY_LINES_MAX; i++)
        ck_assert_int_eq(reply_line(&reply, (struct fct_str){line, sizeof line}, &words, &err),
                         REPLY_MORE);
    ck_assert_uint_eq(reply.n, REPLY_TEXT_MAX);
    ck_assert_int_eq(reply_line(&reply, (struct fct_str){line, sizeof line}, &words, &err),
                     REPLY_BAD);
}
END_TEST

static const struct {
    const char *line;
    struct remote_extensions want;
} words[] = {
    {"PIPELINING", {.has = REMOTE_PIPELINING}},
    {"pipelining", {.has = REMOTE_PIPELINING}},
    {"SIZE 1000", {.has = REMOTE_SIZE, .size = 1000}},
    {"SIZE", {.has = REMOTE_SIZE}},
    {"SIZE 0", {.has = REMOTE_SIZE}},
    {"SIZE -1", {.has = REMOTE_SIZE}},
    {"SIZE 99999999999999999999", {.has = REMOTE_SIZE}},
    {"AUTH PLAIN LOGIN", {.has = REMOTE_AUTH_PLAIN | REMOTE_AUTH_LOGIN}},
    {"AUTH=LOGIN", {.has = REMOTE_AUTH_LOGIN}},
    {"AUTH", {0}},
    {"AUTH CRAM-MD5", {0}},
    {"LIMITS MAILMAX=5 RCPTMAX=7 FOO=1", {.has = REMOTE_LIMITS, .mail_max = 5, .rcpt_max = 7}},
    {"LIMITS RCPTMAX=x MAILMAX", {.has = REMOTE_LIMITS}},
    {"XCLIENT NAME ADDR", {0}},
    {"", {0}},
    {"PIPELININGS", {0}},
};

START_TEST(knows_extensions)
{
    struct remote_extensions got = {0};

    remote_extension_line(&got, str_from(words[_i].line));
    ck_assert_uint_eq(got.has, words[_i].want.has);
    ck_assert_uint_eq(got.size, words[_i].want.size);
    ck_assert_uint_eq(got.mail_max, words[_i].want.mail_max);
    ck_assert_uint_eq(got.rcpt_max, words[_i].want.rcpt_max);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("remote_reply");
    TCase *tc = tcase_create("remote_reply");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, reads, 0, (int)FCT_COUNT(cases));
    tcase_add_test(tc, is_bounded);
    tcase_add_loop_test(tc, knows_extensions, 0, (int)FCT_COUNT(words));
    suite_add_tcase(s, tc);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
