/* test_scram.c - the keys of SCRAM-SHA-256, by the example of RFC 7677 3. */
#include "core/base/scram.h"

#include "core/base/base64.h"
#include "core/base/str.h"

#include <check.h>
#include <stdlib.h>

#define NONCES "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define AUTH_MESSAGE                                                                       \
    "n=user,r=rOprNGfwEbeRWgbNEkqO,r=" NONCES ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws," \
    "r=" NONCES

static void assert_base64(const uint8_t bytes[SCRAM_KEY], const char *want)
{
    struct buf text = BUF_INIT(64);

    ck_assert(base64_encode((struct fct_str){(const char *)bytes, SCRAM_KEY}, &text));
    ck_assert_msg(str_equal(buf_str(&text), str_from(want)), "%.*s", FCT_FMT(buf_str(&text)));
    buf_free(&text);
}

START_TEST(both_sides)
{
    struct buf salt = BUF_INIT(64);
    struct scram_keys keys;
    uint8_t proof[SCRAM_KEY], signature[SCRAM_KEY];
    const struct fct_str said = {(const char *)proof, sizeof proof};

    ck_assert(base64_decode(FCT_STR("W22ZaJ0SNY7soEsUEjb6gQ=="), &salt));
    ck_assert(scram_derive(FCT_STR("pencil"), buf_str(&salt), 4096, &keys));
    scram_prove(&keys, FCT_STR(AUTH_MESSAGE), proof);
    assert_base64(proof, "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    ck_assert(scram_proof_is_right(keys.stored_key, FCT_STR(AUTH_MESSAGE), said));
    ck_assert(!scram_proof_is_right(keys.stored_key, FCT_STR("another" AUTH_MESSAGE), said));
    ck_assert(!scram_proof_is_right(keys.stored_key, FCT_STR(AUTH_MESSAGE), str_head(said, 31)));
    proof[0] ^= 1;
    ck_assert(!scram_proof_is_right(keys.stored_key, FCT_STR(AUTH_MESSAGE), said));
    scram_hmac(keys.server_key, SCRAM_KEY, FCT_STR(AUTH_MESSAGE), signature);
    assert_base64(signature, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    scram_keys_forget(&keys);
    ck_assert_uint_eq(keys.client_key[0] | keys.stored_key[31] | keys.server_key[7], 0);
    buf_free(&salt);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scram");
    TCase *tc = tcase_create("scram");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, both_sides);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
