/* test_sasl.c - whole exchanges as a protocol sees them: lines of base64 in, challenges out. */
#include "core/base/arena.h"
#include "core/base/base64.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "protocols/sasl/sasl.h"

#include <check.h>
#include <stdlib.h>

#include "fake_store.h"

#define USER64     "dXNlcg=="         /* user */
#define PENCIL64   "cGVuY2ls"         /* pencil */
#define PLAIN64    "AHVzZXIAcGVuY2ls" /* NUL user NUL pencil */
#define USERNAME64 "VXNlcm5hbWU6"     /* Username: */
#define PASSWORD64 "UGFzc3dvcmQ6"     /* Password: */

static struct arena *arena;
static struct sasl x;

static void setup(void)
{
    memset(&fake_store, 0, sizeof fake_store);
    arena = arena_new(NULL);
}

static void teardown(void)
{
    sasl_abort(&x);
    arena_free(&arena);
}

static enum sasl_state start(const char *mechanism, const char *initial)
{
    struct fct_str first = str_from(initial);

    return sasl_start(&x, NULL, arena, str_from(mechanism), initial ? &first : NULL);
}

static enum sasl_state respond(const char *line)
{
    return sasl_respond(&x, str_from(line));
}

START_TEST(plain)
{
    ck_assert_int_eq(start("PLAIN", PLAIN64), SASL_DONE);
    ck_assert_uint_eq(x.principal.handle, 1);
    ck_assert_int_eq(start("plain", NULL), SASL_CHALLENGE);
    ck_assert_uint_eq(x.challenge.n, 0);
    ck_assert_int_eq(respond(PLAIN64), SASL_DONE);
    ck_assert_int_eq(start("PLAIN", "dXNlcgB1c2VyAHBlbmNpbA=="), SASL_DONE); /* acting as oneself */
}
END_TEST

START_TEST(login)
{
    ck_assert_int_eq(start("LOGIN", NULL), SASL_CHALLENGE);
    ck_assert(str_equal(x.challenge, FCT_STR(USERNAME64)));
    ck_assert_int_eq(respond(USER64), SASL_CHALLENGE);
    ck_assert(str_equal(x.challenge, FCT_STR(PASSWORD64)));
    ck_assert_int_eq(respond(PENCIL64), SASL_DONE);
    ck_assert_int_eq(start("LOGIN", USER64), SASL_CHALLENGE);
    ck_assert_int_eq(respond(PENCIL64), SASL_DONE);
}
END_TEST

START_TEST(refused)
{
    static const struct {
        const char *name, *mechanism, *initial, *line;
        enum fct_class want;
    } cases[] = {
        {"unknown mechanism", "FOOBAR", NULL, NULL, FCT_SYNTAX},
        {"empty mechanism", "", NULL, NULL, FCT_SYNTAX},
        {"empty initial", "PLAIN", "=", NULL, FCT_SYNTAX},
        {"no base64", "PLAIN", "!!!", NULL, FCT_SYNTAX},
        {"bad padding", "PLAIN", "AHVzZXIAcGVuY2l", NULL, FCT_SYNTAX},
        {"base64 with spaces", "PLAIN", "AHVz ZXIA", NULL, FCT_SYNTAX},
        {"only NULs", "PLAIN", "AAAAAAAAAAAAAA==", NULL, FCT_SYNTAX},
        {"one NUL", "PLAIN", "dXNlcgBwZW5jaWw=", NULL, FCT_SYNTAX},
        {"three NULs", "PLAIN", "AHVzZXIAcGVuY2lsAA==", NULL, FCT_SYNTAX},
        {"wrong password", "PLAIN", "AHVzZXIAcGVu", NULL, FCT_DENIED},
        {"empty password", "PLAIN", "AHVzZXIA", NULL, FCT_DENIED},
        {"empty user", "PLAIN", "AABwZW5jaWw=", NULL, FCT_DENIED},
        {"acting as another", "PLAIN", "cm9vdAB1c2VyAHBlbmNpbA==", NULL, FCT_DENIED},
        {"cancelled", "PLAIN", NULL, "*", FCT_SYNTAX},
        {"login, wrong password", "LOGIN", USER64, USER64, FCT_DENIED},
        {"login, user with a line end", "LOGIN", "dXNlcgo=", PENCIL64, FCT_DENIED},
        {"login, user not UTF-8", "LOGIN", "dXP/", PENCIL64, FCT_DENIED},
        {"login, cancelled", "LOGIN", USER64, "*", FCT_SYNTAX},
        {"scram, empty", "SCRAM-SHA-256", "=", NULL, FCT_SYNTAX},
        {"scram, final is junk", "SCRAM-SHA-256", "biwsbj11c2VyLHI9YWJj", "AAAA", FCT_SYNTAX},
        {"scram, as another", "SCRAM-SHA-256", "bixhPXJvb3Qsbj11c2VyLHI9YWJj", NULL, FCT_DENIED},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        enum sasl_state state = start(cases[i].mechanism, cases[i].initial);

        if (cases[i].line) {
            ck_assert_msg(state == SASL_CHALLENGE, "%s", cases[i].name);
            state = respond(cases[i].line);
        }
        ck_assert_msg(state == SASL_FAILED, "%s was let in", cases[i].name);
        ck_assert_msg(x.err.class == cases[i].want, "%s: %d %s", cases[i].name, (int)x.err.class,
                      x.err.text);
        ck_assert_msg(x.principal.handle == 0 && fake_store.logins == fake_store.logouts, "%s",
                      cases[i].name);
    }
}
END_TEST

START_TEST(too_long)
{
    char *line = calloc(1, SASL_MAX_LINE + 2);

    ck_assert(line != NULL);
    memset(line, 'A', SASL_MAX_LINE + 1);
    ck_assert_int_eq(start("PLAIN", line), SASL_FAILED);
    ck_assert_int_eq(x.err.class, FCT_LIMIT);
    free(line);
}
END_TEST

START_TEST(a_store_that_is_away_is_no_wrong_password)
{
    fake_store.away = true;
    ck_assert_int_eq(start("PLAIN", PLAIN64), SASL_FAILED);
    ck_assert_int_eq(x.err.class, FCT_TEMP);
    ck_assert_int_eq(start("SCRAM-SHA-256", "biwsbj11c2VyLHI9YWJj"), SASL_FAILED);
    ck_assert_int_eq(x.err.class, FCT_TEMP);
}
END_TEST

static struct fct_str encode(struct fct_str bytes)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(2048);

    ck_assert(base64_encode(bytes, &out));
    return arena_str(arena, buf_str(&out));
}

static struct fct_str decode(struct fct_str text)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(2048);

    ck_assert(base64_decode(text, &out));
    return arena_str(arena, buf_str(&out));
}

/* The client's side of RFC 5802 up to the server's signature. */
static enum sasl_state scram_until_signature(const char *password)
{
    struct scram_keys keys = scram_keys_of(password, 4096);
    struct fct_str first = encode(FCT_STR("n,,n=user,r=abc")), server_first, rest, nonce, final,
                   encoded;
    unsigned char proof[32];

    ck_assert_int_eq(sasl_start(&x, NULL, arena, FCT_STR("SCRAM-SHA-256"), &first), SASL_CHALLENGE);
    server_first = rest = decode(x.challenge);
    ck_assert(str_starts(server_first, FCT_STR("r=abc")));
    nonce = str_split(&rest, ',');
    final = arena_printf(arena, "c=biws,%.*s", FCT_FMT(nonce));
    scram_proof(
        &keys, arena_printf(arena, "n=user,r=abc,%.*s,%.*s", FCT_FMT(server_first), FCT_FMT(final)),
        proof);
    encoded = encode((struct fct_str){(const char *)proof, 32});
    return sasl_respond(
        &x, encode(arena_printf(arena, "%.*s,p=%.*s", FCT_FMT(final), FCT_FMT(encoded))));
}

START_TEST(scram)
{
    ck_assert_int_eq(scram_until_signature("pencil"), SASL_CHALLENGE);
    ck_assert(str_starts(decode(x.challenge), FCT_STR("v=")));
    ck_assert_uint_eq(x.principal.handle, 0); /* not before the client has seen it */
    ck_assert_int_eq(respond(""), SASL_DONE);
    ck_assert_uint_eq(x.principal.handle, 1);
    ck_assert_int_eq(scram_until_signature("pencil2"), SASL_FAILED);
    ck_assert_int_eq(x.err.class, FCT_DENIED);
}
END_TEST

START_TEST(scram_given_up_after_the_signature_is_logged_out)
{
    ck_assert_int_eq(scram_until_signature("pencil"), SASL_CHALLENGE);
    ck_assert_int_eq(respond("*"), SASL_FAILED);
    ck_assert_uint_eq(fake_store.logouts, 1);
    ck_assert_int_eq(scram_until_signature("pencil"), SASL_CHALLENGE);
    sasl_abort(&x);
    sasl_abort(&x);
    ck_assert_uint_eq(fake_store.logouts, 2);
}
END_TEST

START_TEST(the_list_names_every_mechanism)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(128);

    sasl_list(" AUTH=", &out);
    ck_assert(str_equal(buf_str(&out), FCT_STR(" AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN")));
    ck_assert(sasl_find(FCT_STR("scram-sha-256")) && !sasl_find(FCT_STR("SCRAM-SHA-25")) &&
              !sasl_find(FCT_STR("")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sasl");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, plain);
    tcase_add_test(tc, login);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, too_long);
    tcase_add_test(tc, a_store_that_is_away_is_no_wrong_password);
    tcase_add_test(tc, scram);
    tcase_add_test(tc, scram_given_up_after_the_signature_is_logged_out);
    tcase_add_test(tc, the_list_names_every_mechanism);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
