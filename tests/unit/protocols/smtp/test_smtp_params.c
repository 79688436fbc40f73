/* test_smtp_params.c - parameters of MAIL and RCPT. */
#include "core/base/str.h"
#include "protocols/smtp/smtp_params.h"

#include <check.h>
#include <stdlib.h>

static const struct {
    const char *in;
    bool auth;
    enum fct_class want;
    struct smtp_mail_params params;
} cases[] = {
    {"", false, FCT_OK, {0}},
    {" ", false, FCT_OK, {0}},
    {" SIZE=100", false, FCT_OK, {.size = 100}},
    {" size=100", false, FCT_OK, {.size = 100}},
    {" SIZE=0", false, FCT_OK, {0}},
    {" BODY=7BIT", false, FCT_OK, {0}},
    {" BODY=8bitmime", false, FCT_OK, {.body_8bit = true}},
    {" SMTPUTF8", false, FCT_OK, {.smtputf8 = true}},
    {" SMTPUTF8 BODY=8BITMIME  SIZE=18446744073709551615",
     false,
     FCT_OK,
     {.size = UINT64_MAX, .body_8bit = true, .smtputf8 = true}},
    {" AUTH=<>", true, FCT_OK, {.has_auth = true}},
    {" AUTH=a+40b@x.org", true, FCT_OK, {.has_auth = true}},
    {" AUTH=e+3Dmc2@example.com", true, FCT_OK, {.has_auth = true}},
    {"SIZE=100", false, FCT_SYNTAX, {0}},
    {">", false, FCT_SYNTAX, {0}},
    {" SIZE", false, FCT_SYNTAX, {0}},
    {" SIZE=", false, FCT_SYNTAX, {0}},
    {" SIZE=abc", false, FCT_SYNTAX, {0}},
    {" SIZE=-1", false, FCT_SYNTAX, {0}},
    {" SIZE=1 SIZE=1", false, FCT_SYNTAX, {0}},
    {" SIZE=18446744073709551616", false, FCT_SYNTAX, {0}},
    {" SIZE=000000000000000000001", false, FCT_SYNTAX, {0}},
    {" BODY=BINARYMIME", false, FCT_SYNTAX, {0}},
    {" BODY", false, FCT_SYNTAX, {0}},
    {" SMTPUTF8=yes", false, FCT_SYNTAX, {0}},
    {" SMTPUTF8=", false, FCT_SYNTAX, {0}},
    {" AUTH=", true, FCT_SYNTAX, {0}},
    {" AUTH=+4", true, FCT_SYNTAX, {0}},
    {" AUTH=a+4zb", true, FCT_SYNTAX, {0}},
    {" AUTH=a=b", true, FCT_SYNTAX, {0}},
    {" AUTH=<>", false, FCT_DENIED, {0}},
    {" RET=FULL", false, FCT_DENIED, {0}},
    {" =1", false, FCT_DENIED, {0}},
    {" XFOO=bar", false, FCT_DENIED, {0}},
    {" \xff\xfe=1", false, FCT_DENIED, {0}},
};

START_TEST(mail_parameters)
{
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct smtp_mail_params p;
        struct fct_err err = {0};
        bool ok = smtp_mail_params_parse(str_from(cases[i].in), cases[i].auth, &p, &err);

        ck_assert_msg(err.class == cases[i].want && ok == (cases[i].want == FCT_OK), "%s: %s",
                      cases[i].in, err.text);
        if (!ok)
            continue;
        ck_assert_msg(p.size == cases[i].params.size && p.body_8bit == cases[i].params.body_8bit &&
                          p.smtputf8 == cases[i].params.smtputf8 &&
                          p.has_auth == cases[i].params.has_auth,
                      "%s", cases[i].in);
    }
}
END_TEST

START_TEST(rcpt_has_no_parameters)
{
    struct fct_err err = {0};

    ck_assert(smtp_rcpt_params_parse(FCT_STR(""), &err));
    ck_assert(smtp_rcpt_params_parse(FCT_STR("  "), &err));
    ck_assert(!smtp_rcpt_params_parse(FCT_STR(" NOTIFY=NEVER"), &err));
    ck_assert_int_eq(err.class, FCT_DENIED);
    ck_assert(!smtp_rcpt_params_parse(FCT_STR("x"), &err));
    ck_assert_int_eq(err.class, FCT_SYNTAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smtp_params");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_test(tc, mail_parameters);
    tcase_add_test(tc, rcpt_has_no_parameters);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
