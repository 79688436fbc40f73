/* test_secret_hash.c - HMAC-SHA256 as everybody's, whatever secret came before. */
#include "plugins/lib/secret_hash.h"

#include <check.h>
#include <stdlib.h>

/* RFC 4231 4.3; and with `openssl dgst -mac HMAC`. */
static const struct {
    const char *secret, *name, *expected;
} cases[] = {
    {"Jefe", "what do ya want for nothing?",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"Jefe", "", "923598ca6d64af2a5dba79dcd021a8a0fe5c5f557519adaaf0ad532d4506dd30"},
    {"", "name", "6ff252782038d924b54ffa6225810d3aa03140c9fd01a4032f6d9c69c9bfdd44"},
    {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e"},
};

START_TEST(as_everybody)
{
    char out[2 * SECRET_HASH_BYTES + 1];
    struct fct_str name = {cases[_i].name, strlen(cases[_i].name)};

    for (unsigned again = 0; again < 3; again++) {
        ck_assert(secret_hash(cases[_i].secret, name, strlen(cases[_i].expected) / 2, out));
        ck_assert_str_eq(out, cases[_i].expected);
    }
}
END_TEST

/* Longer than what is kept, and than a block of the hash. */
START_TEST(long_secrets)
{
    char secret[2][301], out[2][17], again[17];

    for (unsigned i = 0; i < 2; i++) {
        memset(secret[i], 'a', 300);
        secret[i][299] = (char)('x' + i);
        secret[i][300] = '\0';
        ck_assert(secret_hash(secret[i], FCT_STR("name"), 8, out[i]));
    }
    ck_assert_str_ne(out[0], out[1]);
    ck_assert(secret_hash(secret[0], FCT_STR("name"), 8, again));
    ck_assert_str_eq(out[0], again);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("secret_hash");
    TCase *tc = tcase_create("hash");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, as_everybody, 0, (int)FCT_COUNT(cases));
    tcase_add_test(tc, long_secrets);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
