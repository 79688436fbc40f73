/* test_scram_login.c - the client's side of SCRAM-SHA-256: the example of RFC 7677 3, and servers
 * that must not be believed. */
#include "protocols/sasl/scram_login.h"

#include "core/base/err.h"
#include "core/base/str.h"

#include <check.h>
#include <stdlib.h>

#define NONCE        "rOprNGfwEbeRWgbNEkqO"
#define BOTH         NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT         "s=W22ZaJ0SNY7soEsUEjb6gQ=="
#define SERVER_FIRST "r=" BOTH "," SALT ",i=4096"
#define CLIENT_FINAL "c=biws,r=" BOTH ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SERVER_FINAL "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static struct arena *arena;
static struct scram_login l;

static struct fct_str begin(const char *user, const char *password)
{
    return scram_login_first(&l, arena, str_from(user), str_from(password), FCT_STR(NONCE));
}

static void assert_is(struct fct_str got, const char *want)
{
    ck_assert_msg(str_equal(got, str_from(want)), "%.*s", FCT_FMT(got));
}

static void setup(void)
{
    arena = arena_new(NULL);
}

static void teardown(void)
{
    arena_free(&arena);
}

START_TEST(the_example_of_rfc_7677)
{
    struct fct_str final;
    struct fct_err err = {0};

    assert_is(begin("user", "pencil"), "n,,n=user,r=" NONCE);
    ck_assert_msg(scram_login_final(&l, FCT_STR(SERVER_FIRST), &final, &err), "%s", err.text);
    assert_is(final, CLIENT_FINAL);
    ck_assert_msg(scram_login_verify(&l, FCT_STR(SERVER_FINAL), &err), "%s", err.text);
}
END_TEST

START_TEST(names_are_escaped)
{
    assert_is(begin("a,b=c", "x"), "n,,n=a=2Cb=3Dc,r=" NONCE);
}
END_TEST

START_TEST(challenges_that_are_refused)
{
    static const struct {
        const char *in, *why;
    } cases[] = {
        {"", "malformed"},
        {"r=" BOTH, "malformed"},
        {"r=" BOTH "," SALT, "malformed"},
        {"r=" BOTH ",s=,i=4096", "malformed"},
        {"r=" BOTH ",s=*,i=4096", "malformed"},
        {"r=" BOTH "," SALT ",i=many", "malformed"},
        {SALT ",r=" BOTH ",i=4096", "malformed"},
        {"m=x,r=" BOTH "," SALT ",i=4096", "mandatory extension"},
        {"r=" NONCE "," SALT ",i=4096", "go on from ours"},
        {"r=somebody_elses," SALT ",i=4096", "go on from ours"},
        {"r=" BOTH "," SALT ",i=1", "iterations"},
        {"r=" BOTH "," SALT ",i=4095", "iterations"},
        {"r=" BOTH "," SALT ",i=4000000000", "iterations"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_str final;
        struct fct_err err = {0};

        begin("user", "pencil");
        ck_assert_msg(!scram_login_final(&l, str_from(cases[i].in), &final, &err), "%s",
                      cases[i].in);
        ck_assert_msg(str_find(str_from(err.text), str_from(cases[i].why)) >= 0, "%s: %s",
                      cases[i].in, err.text);
    }
}
END_TEST

START_TEST(servers_that_do_not_know_the_password)
{
    static const char *const cases[] = {
        "",
        "v=",
        "v=*",
        "v=AAAA",
        "e=other-error",
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=",
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95GA=",
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_str final;
        struct fct_err err = {0};

        begin("user", "pencil");
        ck_assert(scram_login_final(&l, FCT_STR(SERVER_FIRST), &final, &err));
        ck_assert_msg(!scram_login_verify(&l, str_from(cases[i]), &err), "%s", cases[i]);
        ck_assert_int_eq(err.class, FCT_DENIED);
    }
}
END_TEST

START_TEST(another_password_proves_something_else)
{
    struct fct_str final;
    struct fct_err err = {0};

    begin("user", "pencils");
    ck_assert(scram_login_final(&l, FCT_STR(SERVER_FIRST ",x=later"), &final, &err));
    ck_assert(!str_equal(final, FCT_STR(CLIENT_FINAL)));
    ck_assert(!scram_login_verify(&l, FCT_STR(SERVER_FINAL), &err));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scram_login");
    TCase *tc = tcase_create("scram_login");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_example_of_rfc_7677);
    tcase_add_test(tc, names_are_escaped);
    tcase_add_test(tc, challenges_that_are_refused);
    tcase_add_test(tc, servers_that_do_not_know_the_password);
    tcase_add_test(tc, another_password_proves_something_else);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
