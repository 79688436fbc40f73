/* Signatures of lists: what verifies and what is refused; the folder: installing, keeping one
 * before, going back; versions as people write them. */
#include "core/base/base64.h"
#include "core/base/str.h"
#include "core/lists/list_sign.h"
#include "core/lists/list_store.h"

#include <check.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/fct_lists_test.XXXXXX";
static char lists[64], pem[64];
static struct fct_err err;
static struct arena *arena;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void setup(void)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    FILE *f;

    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(lists, sizeof lists, "%s/lists", folder);
    snprintf(pem, sizeof pem, "%s/key.pem", folder);
    f = fopen(pem, "w");
    ck_assert(f && key && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
    fclose(f);
    EVP_PKEY_free(key);
    arena = arena_new(NULL);
}

static void teardown(void)
{
    arena_free(&arena);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

START_TEST(signatures)
{
    struct buf signature = BUF_INIT(256), key = BUF_INIT(256);
    const char *pinned[2] = {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", NULL};
    const char *malformed = "AAAA", *other = pinned[0];

    ck_assert_msg(list_sign(pem, FCT_STR("text"), &signature, &key, &err), "%s", err.text);
    pinned[1] = arena_cstr(arena, buf_str(&key));
    ck_assert(
        list_verify((struct fct_strings){pinned, 2}, FCT_STR("text"), buf_str(&signature), &err));
    buf_put_c(&signature, "\r\n"); /* as files end */
    ck_assert(
        list_verify((struct fct_strings){pinned, 2}, FCT_STR("text"), buf_str(&signature), &err));
    ck_assert(
        !list_verify((struct fct_strings){pinned, 2}, FCT_STR("texT"), buf_str(&signature), &err));
    ck_assert_int_eq(err.class, FCT_DENIED);
    ck_assert(
        !list_verify((struct fct_strings){&other, 1}, FCT_STR("text"), buf_str(&signature), &err));
    ck_assert_int_eq(err.class, FCT_DENIED);
    ck_assert(
        !list_verify((struct fct_strings){NULL, 0}, FCT_STR("text"), buf_str(&signature), &err));
    ck_assert_int_eq(err.class, FCT_DENIED);
    ck_assert(!list_verify((struct fct_strings){&malformed, 1}, FCT_STR("text"),
                           buf_str(&signature), &err));
    ck_assert_int_eq(err.class, FCT_SYNTAX);
    ck_assert(
        !list_verify((struct fct_strings){pinned, 2}, FCT_STR("text"), FCT_STR("QUJD"), &err));
    ck_assert_int_eq(err.class, FCT_SYNTAX);
    ck_assert(!list_sign(lists, FCT_STR("text"), &signature, &key, &err));
    buf_free(&signature);
    buf_free(&key);
}
END_TEST

static void holds(bool previous, const char *text, const char *signature)
{
    struct list_file file;

    ck_assert(previous ? list_previous(arena, lists, "x", &file, &err)
                       : list_current(arena, lists, "x", &file, &err));
    ck_assert(file.there == (text != NULL));
    if (text) {
        ck_assert(str_equal(file.text, str_from(text)));
        ck_assert(str_equal(file.signature, str_from(signature)));
    }
}

START_TEST(installing)
{
    holds(false, NULL, NULL);
    ck_assert(!list_rollback(lists, "x", &err));
    ck_assert_int_eq(err.class, FCT_DENIED);
    ck_assert(list_install(lists, "x", FCT_STR("1"), FCT_STR("s1"), &err));
    holds(false, "1", "s1");
    holds(true, NULL, NULL);
    ck_assert(list_install(lists, "x", FCT_STR("2"), FCT_STR(""), &err)); /* without a signature */
    holds(false, "2", "");
    holds(true, "1", "s1");
    ck_assert(list_install(lists, "x", FCT_STR("3"), FCT_STR("s3"), &err));
    holds(true, "2", "");
    ck_assert(list_rollback(lists, "x", &err));
    holds(false, "2", "");
    holds(true, NULL, NULL);
    ck_assert(list_rollback(lists, "x", &err));
    holds(false, NULL, NULL);
    ck_assert(!list_install("/no/such/folder/at/all", "x", FCT_STR("1"), FCT_STR(""), &err));
}
END_TEST

START_TEST(versions)
{
    static const char *const rising[] = {
        "1", "9", "10", "2026-11-09", "2026-11-22", "2026-11-22.2", "2026-11-22.10"};

    for (size_t i = 0; i < FCT_COUNT(rising); i++)
        for (size_t k = 0; k < FCT_COUNT(rising); k++) {
            int by = list_version_compare(str_from(rising[i]), str_from(rising[k]));

            ck_assert_msg((by > 0) == (i > k) && (by < 0) == (i < k), "%s %s", rising[i],
                          rising[k]);
        }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lists");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, signatures);
    tcase_add_test(t, installing);
    tcase_add_test(t, versions);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
