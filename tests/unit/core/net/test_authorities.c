/* test_authorities.c - a file is read once while somebody has it, and again when it has changed;
 * what holds no certificates is refused. */
#include "tls_fixture.h"

#include "core/net/authorities.h"
#include "core/net/tls_int.h"

#include <openssl/x509_vfy.h>

static struct tls_files files;

static void setup(void)
{
    make_files(&files);
}

static void teardown(void)
{
    remove_files(&files);
}

static struct authorities *take(const char *file)
{
    struct authorities *a;
    struct fct_err err = {0};

    ck_assert_msg(authorities_take(file, &a, &err), "%s", err.text);
    return a;
}

static int certificates(struct authorities *a)
{
    return sk_X509_OBJECT_num(X509_STORE_get0_objects(authorities_store(a)));
}

START_TEST(one_file_is_read_once)
{
    struct authorities *one = take(files.certificate), *two = take(files.certificate);

    ck_assert_ptr_eq(one, two);
    ck_assert_int_eq(certificates(one), 1);
    authorities_drop(&one);
    ck_assert_ptr_null(one);
    ck_assert_int_eq(certificates(two), 1);
    authorities_drop(&two);
    authorities_drop(&two); /* NULL: nothing */
}
END_TEST

START_TEST(a_changed_file_is_read_again)
{
    struct authorities *before = take(files.certificate), *after;
    struct tls_files other;
    char command[200];

    make_files(&other);
    snprintf(command, sizeof command, "cat %s >> %s", other.certificate, files.certificate);
    ck_assert_int_eq(system(command), 0);
    after = take(files.certificate);
    ck_assert_ptr_ne(before, after);
    ck_assert_int_eq(certificates(before), 1);
    ck_assert_int_eq(certificates(after), 2);
    authorities_drop(&before);
    authorities_drop(&after);
    remove_files(&other);
}
END_TEST

START_TEST(what_holds_none_is_refused)
{
    char broken[64], command[300];
    const char *const refused[][2] = {
        {"/nowhere/ca.pem", "/nowhere/ca.pem: No such file"},
        {"/dev/null", "/dev/null holds no certificates"},
        {files.key, "key.pem holds no certificates"},
        {broken, "broken.pem holds no certificates"},
    };

    snprintf(broken, sizeof broken, "%s/broken.pem", files.folder);
    snprintf(command, sizeof command, "cat %s > %s; head -5 %s >> %s", files.certificate, broken,
             files.certificate, broken);
    ck_assert_int_eq(system(command), 0);
    for (size_t i = 0; i < FCT_COUNT(refused); i++) {
        struct authorities *a;
        struct fct_err err = {0};

        ck_assert(!authorities_take(refused[i][0], &a, &err));
        ck_assert_ptr_null(a);
        ck_assert_int_eq(err.class, FCT_SYNTAX);
        ck_assert_msg(strstr(err.text, refused[i][1]) != NULL, "%s", err.text);
    }
    unlink(broken);
}
END_TEST

/* PEM, but what is in it is no certificate: found when somebody is to be trusted. */
START_TEST(what_cannot_be_decoded_trusts_nobody)
{
    FILE *f = fopen(files.certificate, "w");
    struct authorities *a;

    fputs("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", f);
    fclose(f);
    a = take(files.certificate);
    ck_assert_int_eq(certificates(a), 0);
    ck_assert_int_eq(certificates(a), 0);
    authorities_drop(&a);
}
END_TEST

/* The relay's client and its fetcher of policies trust the same file. */
START_TEST(clients_share_them)
{
    struct tls_context *tls;
    struct fct_err err = {0};
    struct authorities *a;

    ck_assert_msg(tls_client_new(files.certificate, &tls, &err), "%s", err.text);
    a = take(files.certificate);
    ck_assert_ptr_ne(SSL_CTX_get_cert_store(tls_context_openssl(tls)), authorities_store(a));
    for (int i = 0; i < 2; i++) {
        SSL *ssl = tls_session_new(tls, 0);

        ck_assert_ptr_nonnull(ssl);
        SSL_free(ssl);
    }
    ck_assert_ptr_eq(SSL_CTX_get_cert_store(tls_context_openssl(tls)), authorities_store(a));
    tls_context_unref(&tls);
    ck_assert_int_eq(certificates(a), 1);
    authorities_drop(&a);
    ck_assert(!tls_client_new("/dev/null", &tls, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "authorities: /dev/null holds no certificates"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("authorities");
    TCase *t = tcase_create("authorities");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, one_file_is_read_once);
    tcase_add_test(t, a_changed_file_is_read_again);
    tcase_add_test(t, what_holds_none_is_refused);
    tcase_add_test(t, what_cannot_be_decoded_trusts_nobody);
    tcase_add_test(t, clients_share_them);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
