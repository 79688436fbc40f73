/* test_tls.c - certificates and contexts: what is made, kept and refused; tickets stay at the
 * listener that gave them. */
#include "tls_fixture.h"

#include "core/net/tls_int.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/stat.h>

static struct tls_files files;

static void setup(void)
{
    make_files(&files);
}

static void teardown(void)
{
    remove_files(&files);
}

START_TEST(a_self_signed_certificate_is_for_its_name)
{
    FILE *f = fopen(files.certificate, "r");
    X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
    struct stat st;

    fclose(f);
    ck_assert_ptr_nonnull(x);
    ck_assert_int_eq(X509_check_host(x, "mx.example.org", 0, 0, NULL), 1);
    ck_assert_int_eq(X509_check_host(x, "localhost", 0, 0, NULL), 1);
    ck_assert_int_eq(X509_check_ip_asc(x, "127.0.0.1", 0), 1);
    ck_assert_int_eq(X509_check_host(x, "other.example.org", 0, 0, NULL), 0);
    X509_free(x);
    ck_assert_int_eq(stat(files.key, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

static int names_of(const char *certificate)
{
    FILE *f = fopen(certificate, "r");
    X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    int n = sk_GENERAL_NAME_num(names);

    fclose(f);
    GENERAL_NAMES_free(names);
    X509_free(x);
    return n;
}

START_TEST(no_name_stands_twice_in_a_certificate)
{
    struct fct_err err = {0};

    ck_assert_int_eq(names_of(files.certificate), 4); /* two names, two addresses */
    unlink(files.certificate);
    unlink(files.key);
    ck_assert(tls_self_sign(files.certificate, files.key, "localhost", &err));
    ck_assert_int_eq(names_of(files.certificate), 3);
}
END_TEST

START_TEST(existing_files_are_kept)
{
    struct stat before, after;
    struct fct_err err = {0};

    stat(files.key, &before);
    ck_assert(tls_self_sign(files.certificate, files.key, "other", &err));
    stat(files.key, &after);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
    ck_assert(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
    unlink(files.certificate); /* half a pair is not completed in silence */
    ck_assert(!tls_self_sign(files.certificate, files.key, "other", &err));
    ck_assert_msg(strstr(err.text, "without"), "%s", err.text);
}
END_TEST

START_TEST(bad_files_are_refused_by_name)
{
    struct tls_context *tls;
    struct fct_err err = {0};
    struct tls_files other;

    ck_assert(!tls_context_new(&(struct tls_conf){"/nonexistent.pem", files.key}, "x", &tls, &err));
    ck_assert_msg(strstr(err.text, "/nonexistent.pem"), "%s", err.text);
    ck_assert(!tls_context_new(&(struct tls_conf){files.certificate, files.certificate}, "x", &tls,
                               &err));
    ck_assert_msg(strstr(err.text, "key"), "%s", err.text);
    make_files(&other);
    ck_assert(!tls_context_new(&(struct tls_conf){files.certificate, other.key}, "x", &tls, &err));
    ck_assert_ptr_null(tls);
    remove_files(&other);
}
END_TEST

static SSL_SESSION *ticket;

static int keep_ticket(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(ticket);
    ticket = session;
    return 1;
}

/* A handshake over a socket pair; tells whether it was a resumption. */
static bool connect_once(SSL_CTX *ctx, struct tls_context *tls, int version)
{
    int fd[2];
    char byte;
    size_t n;
    bool reused;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    SSL *server = tls_session_new(tls, fd[1]), *client = client_on(ctx, fd[0]);

    SSL_set_max_proto_version(client, version);
    if (ticket)
        SSL_set_session(client, ticket);
    for (unsigned i = 0; i < 20; i++) {
        SSL_do_handshake(client);
        SSL_do_handshake(server);
    }
    ck_assert(SSL_is_init_finished(client) && SSL_is_init_finished(server));
    SSL_read_ex(client, &byte, 1, &n); /* TLS 1.3 sends tickets after the handshake */
    reused = SSL_session_reused(client);
    SSL_shutdown(client);
    SSL_free(client);
    SSL_free(server);
    close(fd[0]);
    close(fd[1]);
    return reused;
}

START_TEST(tickets_are_bound_to_their_listener)
{
    const int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
    struct tls_context *smtp = server_context(&files, "smtp"),
                       *imap = server_context(&files, "imap"), *again = tls_context_ref(smtp);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(ctx, keep_ticket);
    ck_assert(!connect_once(ctx, smtp, version));
    ck_assert_ptr_nonnull(ticket);
    ck_assert(connect_once(ctx, again, version));
    ck_assert(!connect_once(ctx, imap, version));
    SSL_SESSION_free(ticket);
    ticket = NULL;
    SSL_CTX_free(ctx);
    tls_context_unref(&smtp);
    tls_context_unref(&again);
    tls_context_unref(&imap);
    tls_context_unref(&imap); /* NULL: nothing */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tls");
    TCase *t = tcase_create("tls");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_self_signed_certificate_is_for_its_name);
    tcase_add_test(t, no_name_stands_twice_in_a_certificate);
    tcase_add_test(t, existing_files_are_kept);
    tcase_add_test(t, bad_files_are_refused_by_name);
    tcase_add_loop_test(t, tickets_are_bound_to_their_listener, 0, 2);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
