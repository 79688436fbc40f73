/* test_smtp_params.c - parameters of MAIL and RCPT. */
#include "core/base/str.h"
#include "protocols/smtp/smtp_params.h"

#include <check.h>
#include <stdlib.h>

#define ALL_BUT(extension) (SMTP_EXT_ALL & ~(unsigned)(extension))

static const struct {
    const char *in;
    unsigned offered;
    enum fct_class want;
    struct smtp_mail_params params;
} cases[] = {
    {"", ALL_BUT(SMTP_EXT_AUTH), FCT_OK, {0}},
    {" ", ALL_BUT(SMTP_EXT_AUTH), FCT_OK, {0}},
    {" SIZE=100", ALL_BUT(SMTP_EXT_AUTH), FCT_OK, {.size = 100}},
    {" size=100", ALL_BUT(SMTP_EXT_AUTH), FCT_OK, {.size = 100}},
    {" SIZE=0", ALL_BUT(SMTP_EXT_AUTH), FCT_OK, {0}},
    {" BODY=7BIT", ALL_BUT(SMTP_EXT_AUTH), FCT_OK, {.body = FCT_STR_INIT("7BIT")}},
    {" BODY=8bitmime", ALL_BUT(SMTP_EXT_AUTH), FCT_OK, {.body = FCT_STR_INIT("8BITMIME")}},
    {" SMTPUTF8", ALL_BUT(SMTP_EXT_AUTH), FCT_OK, {.smtputf8 = true}},
    {" SMTPUTF8 BODY=8BITMIME  SIZE=18446744073709551615",
     SMTP_EXT_ALL,
     FCT_OK,
     {.size = UINT64_MAX, .body = FCT_STR_INIT("8BITMIME"), .smtputf8 = true}},
    {" AUTH=<>", SMTP_EXT_ALL, FCT_OK, {.has_auth = true}},
    {" AUTH=a+40b@x.org", SMTP_EXT_ALL, FCT_OK, {.has_auth = true}},
    {" AUTH=e+3Dmc2@example.com", SMTP_EXT_ALL, FCT_OK, {.has_auth = true}},
    {" PRDR", SMTP_EXT_ALL, FCT_OK, {.prdr = true}},
    {" prdr SIZE=1", SMTP_EXT_ALL, FCT_OK, {.prdr = true, .size = 1}},
    {" PRDR=", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" PRDR=yes", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" PRDR PRDR", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" PRDR", ALL_BUT(SMTP_EXT_PRDR), FCT_DENIED, {0}},
    {" SIZE=1", ALL_BUT(SMTP_EXT_SIZE), FCT_DENIED, {0}},
    {" BODY=8BITMIME", ALL_BUT(SMTP_EXT_8BITMIME), FCT_DENIED, {0}},
    {" SMTPUTF8", ALL_BUT(SMTP_EXT_SMTPUTF8), FCT_DENIED, {0}},
    {"SIZE=100", ALL_BUT(SMTP_EXT_AUTH), FCT_SYNTAX, {0}},
    {">", ALL_BUT(SMTP_EXT_AUTH), FCT_SYNTAX, {0}},
    {" SIZE", ALL_BUT(SMTP_EXT_AUTH), FCT_SYNTAX, {0}},
    {" SIZE=", ALL_BUT(SMTP_EXT_AUTH), FCT_SYNTAX, {0}},
    {" SIZE=abc", ALL_BUT(SMTP_EXT_AUTH), FCT_SYNTAX, {0}},
    {" SIZE=-1", ALL_BUT(SMTP_EXT_AUTH), FCT_SYNTAX, {0}},
    {" SIZE=1 SIZE=1", ALL_BUT(SMTP_EXT_AUTH), FCT_SYNTAX, {0}},
    {" SIZE=18446744073709551616", ALL_BUT(SMTP_EXT_AUTH), FCT_SYNTAX, {0}},
    {" SIZE=000000000000000000001", ALL_BUT(SMTP_EXT_AUTH), FCT_SYNTAX, {0}},
    {" BODY=BINARYMIME", ALL_BUT(SMTP_EXT_AUTH), FCT_SYNTAX, {0}},
    {" BODY", ALL_BUT(SMTP_EXT_AUTH), FCT_SYNTAX, {0}},
    {" SMTPUTF8=yes", ALL_BUT(SMTP_EXT_AUTH), FCT_SYNTAX, {0}},
    {" SMTPUTF8=", ALL_BUT(SMTP_EXT_AUTH), FCT_SYNTAX, {0}},
    {" AUTH=", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" AUTH=+4", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" AUTH=a+4zb", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" AUTH=a=b", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" AUTH=<>", ALL_BUT(SMTP_EXT_AUTH), FCT_DENIED, {0}},
    {" RET=FULL", ALL_BUT(SMTP_EXT_DSN), FCT_DENIED, {0}},
    {" RET=full ENVID=a+2Bb",
     SMTP_EXT_ALL,
     FCT_OK,
     {.ret = SMTP_RET_FULL, .envid = FCT_STR_INIT("a+2Bb")}},
    {" RET=HDRS", SMTP_EXT_ALL, FCT_OK, {.ret = SMTP_RET_HDRS}},
    {" RET=BOTH", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" RET", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" ENVID=", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" ENVID=a+b", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" ENVID="
     "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012"
     "3456789x",
     SMTP_EXT_ALL,
     FCT_SYNTAX,
     {0}},
    {" HOLDUNTIL=2036-02-29T23:30:00.25+01:30", SMTP_EXT_ALL, FCT_OK, {.hold_until = 2087935200}},
    {" HOLDUNTIL=2035-02-29T23:30:00Z", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" HOLDUNTIL=2035-02-28T23:30:00", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" HOLDUNTIL=2035-02-28T24:30:00Z", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" HOLDUNTIL=2035-02-28T23:30:00Z HOLDFOR=5", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" HOLDFOR=0", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" HOLDFOR=1234567890", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" HOLDFOR=60", ALL_BUT(SMTP_EXT_HOLD), FCT_DENIED, {0}},
    {" MT-PRIORITY=-9", SMTP_EXT_ALL, FCT_OK, {.priority = -9}},
    {" mt-priority=6", SMTP_EXT_ALL, FCT_OK, {.priority = 6}},
    {" MT-PRIORITY=10", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" MT-PRIORITY=-", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" MT-PRIORITY=", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" REQUIRETLS", SMTP_EXT_ALL, FCT_OK, {.requiretls = true}},
    {" REQUIRETLS=yes", SMTP_EXT_ALL, FCT_SYNTAX, {0}},
    {" =1", ALL_BUT(SMTP_EXT_AUTH), FCT_DENIED, {0}},
    {" XFOO=bar", ALL_BUT(SMTP_EXT_AUTH), FCT_DENIED, {0}},
    {" \xff\xfe=1", ALL_BUT(SMTP_EXT_AUTH), FCT_DENIED, {0}},
};

START_TEST(mail_parameters)
{
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct smtp_mail_params p;
        struct fct_err err = {0};
        bool ok = smtp_mail_params_parse(str_from(cases[i].in), cases[i].offered, &p, &err);

        ck_assert_msg(err.class == cases[i].want && ok == (cases[i].want == FCT_OK), "%s: %s",
                      cases[i].in, err.text);
        if (!ok)
            continue;
        ck_assert_msg(p.size == cases[i].params.size && str_equal(p.body, cases[i].params.body) &&
                          p.smtputf8 == cases[i].params.smtputf8 &&
                          p.prdr == cases[i].params.prdr &&
                          p.has_auth == cases[i].params.has_auth && p.ret == cases[i].params.ret &&
                          str_equal(p.envid, cases[i].params.envid) &&
                          p.hold_until == cases[i].params.hold_until &&
                          p.priority == cases[i].params.priority &&
                          p.requiretls == cases[i].params.requiretls,
                      "%s", cases[i].in);
    }
}
END_TEST

START_TEST(auth_is_decoded)
{
    static const char *const pairs[][2] = {
        {" SIZE=1", ""},
        {" AUTH=<>", ""},
        {" AUTH=a@x.org", "a@x.org"},
        {" AUTH=a+2Bb+40x.org", "a+b@x.org"},
    };
    struct arena *arena = arena_new(NULL);

    for (size_t i = 0; i < FCT_COUNT(pairs); i++) {
        struct smtp_mail_params p;
        struct fct_err err = {0};

        ck_assert(smtp_mail_params_parse(str_from(pairs[i][0]), SMTP_EXT_ALL, &p, &err));
        ck_assert(str_equal(smtp_mail_params_auth(arena, &p), str_from(pairs[i][1])));
    }
    arena_free(&arena);
}
END_TEST

START_TEST(extensions_have_one_bit_and_one_word_each)
{
    for (unsigned bit = 1; bit <= SMTP_EXT_ALL; bit *= 2)
        ck_assert_uint_eq(smtp_extension_find(str_from(smtp_extension_keyword(bit))), bit);
    ck_assert_uint_eq(smtp_extension_find(FCT_STR("chunking")), SMTP_EXT_CHUNKING);
    ck_assert_uint_eq(smtp_extension_find(FCT_STR("dsn")), SMTP_EXT_DSN);
    ck_assert_uint_eq(smtp_extension_find(FCT_STR("XDSN")), 0);
    ck_assert_str_eq(smtp_extension_keyword(0), "");
}
END_TEST

/* RFC 3461 4.1, 4.2 */
static const struct {
    const char *in;
    enum fct_class want;
    struct smtp_rcpt_params params;
} rcpt_cases[] = {
    {"", FCT_OK, {0}},
    {"  ", FCT_OK, {0}},
    {" NOTIFY=NEVER", FCT_OK, {.notify = SMTP_NOTIFY_NEVER}},
    {" notify=success,Delay", FCT_OK, {.notify = SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY}},
    {" NOTIFY=FAILURE ORCPT=rfc822;Bob+2Ba@ivory.EDU",
     FCT_OK,
     {.notify = SMTP_NOTIFY_FAILURE, .orcpt = FCT_STR_INIT("rfc822;Bob+2Ba@ivory.EDU")}},
    {" ORCPT=x-none;a", FCT_OK, {.orcpt = FCT_STR_INIT("x-none;a")}},
    {" NOTIFY=", FCT_SYNTAX, {0}},
    {" NOTIFY", FCT_SYNTAX, {0}},
    {" NOTIFY=NEVER,SUCCESS", FCT_SYNTAX, {0}},
    {" NOTIFY=SUCCESS,SUCCESS", FCT_SYNTAX, {0}},
    {" NOTIFY=SUCCESS,", FCT_SYNTAX, {0}},
    {" NOTIFY=DELAY NOTIFY=DELAY", FCT_SYNTAX, {0}},
    {" ORCPT=rfc822", FCT_SYNTAX, {0}},
    {" ORCPT=;a", FCT_SYNTAX, {0}},
    {" ORCPT=rfc822;", FCT_SYNTAX, {0}},
    {" ORCPT=rf=c;a", FCT_SYNTAX, {0}},
    {" ORCPT=rfc822;a+4", FCT_SYNTAX, {0}},
    {" RET=FULL", FCT_DENIED, {0}},
    {"x", FCT_SYNTAX, {0}},
};

START_TEST(rcpt_parameters)
{
    struct smtp_rcpt_params p;
    struct fct_err err = {0};

    for (size_t i = 0; i < FCT_COUNT(rcpt_cases); i++) {
        bool ok;

        err = (struct fct_err){0};
        ok = smtp_rcpt_params_parse(str_from(rcpt_cases[i].in), SMTP_EXT_DSN, &p, &err);
        ck_assert_msg(err.class == rcpt_cases[i].want && ok == (rcpt_cases[i].want == FCT_OK),
                      "%s: %s", rcpt_cases[i].in, err.text);
        ck_assert_msg(!ok || (p.notify == rcpt_cases[i].params.notify &&
                              str_equal(p.orcpt, rcpt_cases[i].params.orcpt)),
                      "%s", rcpt_cases[i].in);
    }
    ck_assert(!smtp_rcpt_params_parse(FCT_STR(" NOTIFY=NEVER"), 0, &p, &err));
    ck_assert_int_eq(err.class, FCT_DENIED);
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
    tcase_add_test(tc, auth_is_decoded);
    tcase_add_test(tc, extensions_have_one_bit_and_one_word_each);
    tcase_add_test(tc, rcpt_parameters);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
