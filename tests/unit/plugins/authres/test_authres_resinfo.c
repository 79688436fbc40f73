/* test_authres_resinfo.c - what may stand in Authentication-Results, and how it is folded. */
#include "plugins/authres/authres_resinfo.h"

#include "core/base/str.h"
#include <check.h>

static const struct {
    const char *text;
    bool good;
} rows[] = {
    {"spf=pass", true},
    {"spf=pass smtp.mailfrom=example.org", true},
    {"dkim=pass (2048 bits) header.d=example.org header.b=\"a/b=\"", true},
    {"dkim=fail reason=\"a; b \\\" (\" header.d=x", true},
    {"dkim=fail (a; b (nested) \\) \") header.d=x", true},
    {"x-own=ok", true},
    {"spf=none smtp.helo=\"\"", true},
    {"spf=pass smtp.mailfrom=b\xC3\xBC"
     "cher.example",
     true},
    {"", false},
    {"spf", false},
    {"spf=", false},
    {"=pass", false},
    {"spf =pass", false},
    {"spf=pass;", false},
    {"spf=pass; dkim=pass", false},
    {"spf=pass smtp.mailfrom=a;dkim=pass", false},
    {"spf=pass;dkim=pass", false},
    {"spf=pass(x)", false},
    {"spf=pass ", false},
    {" spf=pass", false},
    {"spf=pass (open", false},
    {"spf=pass (open\\)", false},
    {"spf=pass closed)", false},
    {"spf=pass reason=\"open", false},
    {"spf=pass reason=\"open\\\"", false},
    {"spf=pass a\\b", false},
    {"spf=pass\r\nX-Evil: 1", false},
    {"spf=pass reason=\"a\r\n\r\nb\"", false},
    {"spf=pass \x01", false},
    {"spf=pass \x7f", false},
};

START_TEST(what_is_a_result)
{
    ck_assert_msg(authres_is_resinfo(str_from(rows[_i].text)) == rows[_i].good, "%s",
                  rows[_i].text);
}
END_TEST

START_TEST(words_that_no_line_can_hold)
{
    static char text[2000];

    memset(text, 'x', sizeof text);
    memcpy(text, "a=b c=", 6);
    ck_assert(authres_is_resinfo((struct fct_str){text, 800}));
    ck_assert(!authres_is_resinfo((struct fct_str){text, 1000}));
    memset(text + 6, ' ', sizeof text - 7);
    ck_assert(!authres_is_resinfo((struct fct_str){text, sizeof text}));
    ck_assert(!authres_is_resinfo(FCT_STR("spf=pass x=\0")));
}
END_TEST

static void check(const struct fct_str *item, size_t n, const char *want)
{
    char out[1000];
    size_t size = authres_format(FCT_STR("mx.example.org"), item, n, out, sizeof out);

    ck_assert_msg(str_equal((struct fct_str){out, size}, str_from(want)), "%.*s", (int)size, out);
}

START_TEST(the_field)
{
    struct fct_str items[] = {
        FCT_STR("spf=pass smtp.mailfrom=example.org"),
        FCT_STR("dkim=pass (2048 bits) header.d=example.org header.s=selector header.a=rsa-sha256 "
                "header.b=abcdefgh"),
    };

    check(NULL, 0, "mx.example.org; none");
    check(items, 1, "mx.example.org;\r\n\tspf=pass smtp.mailfrom=example.org");
    check(items, 2,
          "mx.example.org;\r\n\tspf=pass smtp.mailfrom=example.org;\r\n"
          "\tdkim=pass (2048 bits) header.d=example.org header.s=selector\r\n"
          " header.a=rsa-sha256 header.b=abcdefgh");
}
END_TEST

START_TEST(a_field_that_does_not_fit_is_none)
{
    struct fct_str item = FCT_STR("spf=pass smtp.mailfrom=example.org");
    char out[40];

    for (size_t room = 0; room < sizeof out; room++)
        ck_assert_uint_eq(authres_format(FCT_STR("mx"), &item, 1, out, room), 0);
    ck_assert_uint_eq(authres_format(FCT_STR("mx"), &item, 1, out, sizeof out), 40);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("authres_resinfo");
    TCase *tc = tcase_create("resinfo");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, what_is_a_result, 0, (int)FCT_COUNT(rows));
    tcase_add_test(tc, words_that_no_line_can_hold);
    tcase_add_test(tc, the_field);
    tcase_add_test(tc, a_field_that_does_not_fit_is_none);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
