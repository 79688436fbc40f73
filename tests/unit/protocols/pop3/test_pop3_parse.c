/* test_pop3_parse.c - command lines, taken and refused (RFC 1939 3, RFC 2449 4, RFC 5034 4). */
#include "protocols/pop3/pop3_parse.h"

#include "core/base/str.h"

#include <check.h>
#include <stdlib.h>

START_TEST(lines_lose_one_line_end)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"NOOP\r\n", "NOOP"},     {"NOOP\n", "NOOP"}, {"NOOP", "NOOP"},
        {"NOOP\r\r\n", "NOOP\r"}, {"\r\n", ""},       {"", ""},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        ck_assert_msg(str_equal(pop3_strip(str_from(cases[i].in)), str_from(cases[i].want)), "%zu",
                      i);
}
END_TEST

START_TEST(keywords_end_at_the_first_space)
{
    static const struct {
        const char *in, *keyword, *rest;
    } cases[] = {
        {"NOOP", "NOOP", ""}, {"RETR 1", "RETR", "1"}, {"PASS  two", "PASS", " two"},
        {"", "", ""},         {" X", "", "X"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_str rest = str_from(cases[i].in), word = pop3_keyword(&rest);

        ck_assert_msg(str_equal(word, str_from(cases[i].keyword)), "%s", cases[i].in);
        ck_assert_msg(str_equal(rest, str_from(cases[i].rest)), "%s", cases[i].in);
    }
}
END_TEST

static const struct {
    enum pop3_shape shape;
    const char *in;
    bool ok;
    uint32_t number, lines;
    const char *text;
} arguments[] = {
    {POP3_NOTHING, "", true, 0, 0, ""},
    {POP3_NOTHING, " ", true, 0, 0, ""},
    {POP3_NOTHING, "x", false, 0, 0, ""},
    {POP3_TEXT, "", false, 0, 0, ""},
    {POP3_TEXT, "a@b", true, 0, 0, "a@b"},
    {POP3_TEXT, " pass word ", true, 0, 0, " pass word "}, /* spaces belong to a password */
    {POP3_NUMBER, "1", true, 1, 0, ""},
    {POP3_NUMBER, "1 ", true, 1, 0, ""},
    {POP3_NUMBER, "4294967295", true, 4294967295, 0, ""},
    {POP3_NUMBER, "4294967297", false, 0, 0, ""}, /* must not wrap to 1 */
    {POP3_NUMBER, "18446744073709551617", false, 0, 0, ""},
    {POP3_NUMBER, "", false, 0, 0, ""},
    {POP3_NUMBER, "0", false, 0, 0, ""},
    {POP3_NUMBER, "-1", false, 0, 0, ""},
    {POP3_NUMBER, "+1", false, 0, 0, ""},
    {POP3_NUMBER, "1x", false, 0, 0, ""},
    {POP3_NUMBER, "1 2", false, 0, 0, ""},
    {POP3_OPTIONAL_NUMBER, "", true, 0, 0, ""},
    {POP3_OPTIONAL_NUMBER, "7", true, 7, 0, ""},
    {POP3_OPTIONAL_NUMBER, "0", false, 0, 0, ""},
    {POP3_NUMBER_LINES, "3 0", true, 3, 0, ""},
    {POP3_NUMBER_LINES, "3 4294967295", true, 3, 4294967295, ""},
    {POP3_NUMBER_LINES, "3", false, 0, 0, ""},
    {POP3_NUMBER_LINES, "3 -1", false, 0, 0, ""},
    {POP3_NUMBER_LINES, "3  1", false, 0, 0, ""},
    {POP3_NUMBER_LINES, "0 1", false, 0, 0, ""},
    {POP3_MECHANISM, "PLAIN", true, 0, 0, "PLAIN"},
    {POP3_MECHANISM, "", false, 0, 0, ""},
    {POP3_MECHANISM, "PLAIN a b", false, 0, 0, ""},
};

START_TEST(arguments_are_checked)
{
    struct pop3_arguments a;
    struct fct_err err = {0};
    bool ok = pop3_arguments(arguments[_i].shape, str_from(arguments[_i].in), &a, &err);

    ck_assert_msg(ok == arguments[_i].ok, "\"%s\": %s", arguments[_i].in, err.text);
    if (!ok) {
        ck_assert_int_eq(err.class, FCT_SYNTAX);
        return;
    }
    ck_assert_uint_eq(a.number, arguments[_i].number);
    ck_assert_uint_eq(a.lines, arguments[_i].lines);
    ck_assert(str_equal(a.text, str_from(arguments[_i].text)));
}
END_TEST

START_TEST(an_initial_response_may_be_missing_or_empty)
{
    struct pop3_arguments a;

    ck_assert(pop3_arguments(POP3_MECHANISM, FCT_STR("PLAIN"), &a, NULL));
    ck_assert(!a.has_initial);
    ck_assert(pop3_arguments(POP3_MECHANISM, FCT_STR("PLAIN ="), &a, NULL));
    ck_assert(a.has_initial);
    ck_assert(str_equal(a.initial, FCT_STR("=")));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pop3_parse");
    TCase *t = tcase_create("pop3_parse");
    SRunner *r;
    int failed;

    tcase_add_test(t, lines_lose_one_line_end);
    tcase_add_test(t, keywords_end_at_the_first_space);
    tcase_add_loop_test(t, arguments_are_checked, 0, FCT_COUNT(arguments));
    tcase_add_test(t, an_initial_response_may_be_missing_or_empty);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
