/* test_sasl_scram.c - SCRAM messages: the example of RFC 7677 3, and everything that must be
 * refused. */
#include "core/base/arena.h"
#include "core/base/base64.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "protocols/sasl/sasl_scram.h"

#include <check.h>
#include <stdlib.h>

#include "fake_store.h"

#define SERVER_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define CLIENT_FIRST "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define SERVER_FIRST "r=rOprNGfwEbeRWgbNEkqO" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define FINAL_START  "c=biws,r=rOprNGfwEbeRWgbNEkqO" SERVER_NONCE
#define PROOF        "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SIGNATURE    "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static struct fct_str salt_bytes(void)
{
    return (struct fct_str){(const char *)fake_salt, sizeof fake_salt};
}

START_TEST(the_example_of_rfc_7677)
{
    struct arena *arena = arena_new(NULL);
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(128);
    struct fct_str signature;
    struct store_principal who;
    struct scram s;
    struct fct_err err = {0};

    ck_assert_msg(scram_client_first(arena, FCT_STR(CLIENT_FIRST), &s, &err), "%s", err.text);
    ck_assert(str_equal(s.user, FCT_STR("user")));
    scram_server_first(arena, &s, FCT_STR(SERVER_NONCE), salt_bytes(), 4096);
    ck_assert_msg(str_equal(s.server_first, FCT_STR(SERVER_FIRST)), "%.*s",
                  FCT_FMT(s.server_first));
    ck_assert_msg(scram_client_final(arena, FCT_STR(FINAL_START ",p=" PROOF), &s, &err), "%s",
                  err.text);
    ck_assert(
        store_scram_login(NULL, s.user, s.auth_message, s.proof, arena, &signature, &who, &err));
    ck_assert(base64_encode(signature, &text));
    ck_assert(str_equal(buf_str(&text), FCT_STR(SIGNATURE)));
    arena_free(&arena);
}
END_TEST

START_TEST(first_messages)
{
    static const struct {
        const char *in, *user, *authorization; /* user NULL: refused */
    } cases[] = {
        {"n,,n=user,r=abc", "user", ""},
        {"y,,n=user,r=abc", "user", ""},
        {"n,a=user,n=user,r=abc", "user", "user"},
        {"n,,n=a=2Cb=3Dc,r=abc", "a,b=c", ""},
        {"n,,n=user,r=abc,x=later", "user", ""},
        {"p=tls-unique,,n=user,r=abc", NULL, NULL},
        {"p=,,n=user,r=abc", NULL, NULL},
        {"x,,n=user,r=abc", NULL, NULL},
        {"n,b=user,n=user,r=abc", NULL, NULL},
        {"n,a=,n=user,r=abc", NULL, NULL},
        {"n,,m=ext,n=user,r=abc", NULL, NULL},
        {"n,,n=,r=abc", NULL, NULL},
        {"n,,n=a=2Xb,r=abc", NULL, NULL},
        {"n,,n=a=,r=abc", NULL, NULL},
        {"n,,n=user,r=", NULL, NULL},
        {"n,,n=user,r=a b", NULL, NULL},
        {"n,,n=user,r=a\x80", NULL, NULL},
        {"n,,n=user", NULL, NULL},
        {"n,,r=abc,n=user", NULL, NULL},
        {"n,,", NULL, NULL},
        {"n,", NULL, NULL},
        {"n", NULL, NULL},
        {"", NULL, NULL},
        {",,,,", NULL, NULL},
    };
    struct arena *arena = arena_new(NULL);

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct scram s;
        struct fct_err err = {0};
        bool ok = scram_client_first(arena, str_from(cases[i].in), &s, &err);

        ck_assert_msg(ok == (cases[i].user != NULL), "%s: %s", cases[i].in, err.text);
        if (!ok) {
            ck_assert_msg(err.class == FCT_SYNTAX, "%s", cases[i].in);
            continue;
        }
        ck_assert_msg(str_equal(s.user, str_from(cases[i].user)), "%s: %.*s", cases[i].in,
                      FCT_FMT(s.user));
        ck_assert_msg(str_equal(s.authorization, str_from(cases[i].authorization)), "%s",
                      cases[i].in);
    }
    arena_free(&arena);
}
END_TEST

START_TEST(final_messages_that_are_refused)
{
    static const char *const cases[] = {
        "",
        "p=" PROOF,
        FINAL_START,
        FINAL_START ",p=",
        FINAL_START ",p=***",
        FINAL_START ",q=" PROOF,
        FINAL_START "x,p=" PROOF,
        "c=eSws,r=rOprNGfwEbeRWgbNEkqO" SERVER_NONCE ",p=" PROOF,
        "c=,r=rOprNGfwEbeRWgbNEkqO" SERVER_NONCE ",p=" PROOF,
        "c=biws,r=rOprNGfwEbeRWgbNEkqO,p=" PROOF,
        "r=rOprNGfwEbeRWgbNEkqO" SERVER_NONCE ",c=biws,p=" PROOF,
        ",,,",
    };
    struct arena *arena = arena_new(NULL);

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct scram s;
        struct fct_err err = {0};
        bool ok;

        ck_assert(scram_client_first(arena, FCT_STR(CLIENT_FIRST), &s, &err));
        scram_server_first(arena, &s, FCT_STR(SERVER_NONCE), salt_bytes(), 4096);
        ok = scram_client_final(arena, str_from(cases[i]), &s, &err);
        ck_assert_msg(!ok || s.proof.n == 0, "%s was read", cases[i]);
        ck_assert_msg(ok || err.class == FCT_SYNTAX, "%s", cases[i]);
    }
    arena_free(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sasl_scram");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_test(tc, the_example_of_rfc_7677);
    tcase_add_test(tc, first_messages);
    tcase_add_test(tc, final_messages_that_are_refused);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
