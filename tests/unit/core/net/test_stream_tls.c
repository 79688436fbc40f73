/* test_stream_tls.c - TLS streams: implicit and STARTTLS, injected plain text (RFC 3207 4.2),
 * back-pressure, the end. */
#include "stream_fixture.h"
#include "tls_fixture.h"

static struct tls_files files;
static struct tls_context *tls;
static SSL_CTX *client_ctx;
static SSL *client;

static void setup_tls(void)
{
    setup_base();
    make_files(&files);
    tls = server_context(&files, "smtp");
    client_ctx = SSL_CTX_new(TLS_client_method());
}

static void teardown_tls(void)
{
    SSL_free(client);
    client = NULL;
    SSL_CTX_free(client_ctx);
    teardown();
    tls_context_unref(&tls);
    remove_files(&files);
}

/* True: the handshake succeeded at the client's side. */
static bool shake(void)
{
    client = client_on(client_ctx, peer);
    for (unsigned i = 0; i < 50; i++) {
        int r = SSL_do_handshake(client);

        turns(2);
        if (r == 1)
            return true;
        if (SSL_get_error(client, r) != SSL_ERROR_WANT_READ)
            return false;
    }
    return false;
}

static void say(const char *text)
{
    size_t n;

    ck_assert_int_eq(SSL_write_ex(client, text, strlen(text), &n), 1);
    turns(3);
}

static struct fct_str heard(void)
{
    static char bytes[64u << 10];
    size_t n = 0;

    turns(2);
    return (struct fct_str){bytes, SSL_read_ex(client, bytes, sizeof bytes, &n) == 1 ? n : 0};
}

START_TEST(implicit_tls)
{
    open_stream(tls, 64u << 10, 64u << 10);
    ck_assert(stream_write(stream, FCT_STR("220 hello\r\n"))); /* queued until there is a session */
    turns(3);
    ck_assert(!stream_has_tls(stream));
    ck_assert_str_eq(stream_tls_version(stream), "");
    ck_assert(shake());
    ck_assert_uint_eq(noted.tls_ready, 1);
    ck_assert(stream_has_tls(stream));
    ck_assert_str_eq(stream_tls_version(stream), "TLSv1.3");
    ck_assert_uint_gt(strlen(stream_tls_cipher(stream)), 0);
    ck_assert_text(heard(), "220 hello\r\n");
    say("EHLO x\r\nNO");
    say("OP\r\n");
    ck_assert_text(buf_str(&noted.lines), "EHLO x\r\nNOOP\r\n");
}
END_TEST

START_TEST(starttls_forgets_what_was_injected)
{
    open_stream(NULL, 64u << 10, 64u << 10);
    noted.hold_after_line = true;
    /* One packet: the command and, behind it, a command from whoever sits in the middle. */
    send_text("STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n");
    ck_assert_text(buf_str(&noted.lines), "STARTTLS\r\n");
    noted.hold_after_line = false;
    stream_write(stream, FCT_STR("220 go ahead\r\n"));
    ck_assert(stream_starttls(stream, tls, NULL));
    stream_write(stream, FCT_STR("only inside\r\n")); /* never in plain text */
    stream_resume(stream);
    turns(3);
    ck_assert_text(received(), "220 go ahead\r\n");
    ck_assert(shake());
    ck_assert_uint_eq(noted.tls_ready, 1);
    ck_assert_text(heard(), "only inside\r\n");
    say("EHLO again\r\n");
    ck_assert_text(buf_str(&noted.lines), "STARTTLS\r\nEHLO again\r\n");
    ck_assert(!stream_starttls(stream, tls, NULL)); /* once is enough */
}
END_TEST

START_TEST(plain_text_instead_of_a_handshake_closes)
{
    open_stream(tls, 64u << 10, 64u << 10);
    send_text("EHLO x\r\n");
    ck_assert_uint_eq(noted.closed, 1);
    ck_assert_uint_eq(noted.readable, 0);
}
END_TEST

START_TEST(tls_after_a_proxy_header)
{
    open_stream(tls, 64u << 10, 64u << 10);
    stream_expect_proxy(stream);
    client = client_on(client_ctx, peer);
    ck_assert_int_eq(write(peer, "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", 36), 36);
    SSL_free(client);
    ck_assert(shake());
    ck_assert_str_eq(stream_peer(stream)->text, "192.0.2.1");
    say("x\n");
    ck_assert_text(buf_str(&noted.lines), "x\n");
}
END_TEST

START_TEST(old_versions_are_refused)
{
    open_stream(tls, 64u << 10, 64u << 10);
    SSL_CTX_set_security_level(client_ctx, 0);
    SSL_CTX_set_min_proto_version(client_ctx, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(client_ctx, TLS1_1_VERSION);
    ck_assert(!shake());
    ck_assert_uint_eq(noted.closed, 1);
}
END_TEST

START_TEST(tls_1_2_works)
{
    open_stream(tls, 64u << 10, 64u << 10);
    SSL_CTX_set_max_proto_version(client_ctx, TLS1_2_VERSION);
    ck_assert(shake());
    ck_assert_str_eq(stream_tls_version(stream), "TLSv1.2");
    say("x\n");
    ck_assert_text(buf_str(&noted.lines), "x\n");
}
END_TEST

struct writer {
    bool done, ok;
};

#define MUCH (3u << 20)

static void write_much(void *arg)
{
    struct writer *w = arg;
    char block[1000];
    size_t n = 0;

    w->ok = true;
    for (; n < MUCH && w->ok; n += sizeof block) {
        memset(block, (int)('a' + n / sizeof block % 26), sizeof block);
        w->ok = stream_write(stream, (struct fct_str){block, sizeof block});
    }
    w->done = true;
}

START_TEST(much_output_arrives_whole)
{
    struct writer w = {0};
    size_t got = 0;

    open_stream(tls, 64u << 10, 64u << 10);
    ck_assert(shake());
    fiber_start(write_much, &w);
    turns(3);
    ck_assert(!w.done);
    for (unsigned i = 0; i < 100000 && got < MUCH; i++) {
        struct fct_str piece = heard();

        for (size_t at = 0; at < piece.n; at++)
            ck_assert_int_eq(piece.p[at], (char)('a' + (got + at) / 1000 % 26));
        got += piece.n;
    }
    ck_assert(w.done && w.ok);
}
END_TEST

START_TEST(much_input_is_not_forgotten_inside_openssl)
{
    static char block[60000];
    size_t sent = 0, got = 0, n;

    open_stream(tls, 4096, 64u << 10); /* smaller than a record */
    ck_assert(shake());
    noted.keep = true;
    memset(block, 'x', sizeof block);
    for (unsigned i = 0; i < 1000 && got < 10 * sizeof block; i++) {
        if (sent < 10 * sizeof block && SSL_write_ex(client, block, sizeof block, &n) == 1)
            sent += n;
        turns(1);
        ck_assert_uint_le(evbuffer_get_length(stream_input(stream)), 4096 + (64u << 10));
        got += evbuffer_get_length(stream_input(stream));
        evbuffer_drain(stream_input(stream), SIZE_MAX);
        stream_consumed(stream);
    }
    ck_assert_uint_eq(got, 10 * sizeof block);
}
END_TEST

START_TEST(finish_says_goodbye_inside_tls)
{
    char byte;
    size_t n;

    open_stream(tls, 64u << 10, 64u << 10);
    ck_assert(shake());
    stream_write(stream, FCT_STR("bye"));
    stream_finish(stream, 10000);
    ck_assert_text(heard(), "bye");
    ck_assert_int_eq(SSL_read_ex(client, &byte, 1, &n), 0);
    ck_assert_int_eq(SSL_get_error(client, 0), SSL_ERROR_ZERO_RETURN); /* close_notify */
    SSL_shutdown(client);
    shutdown(peer, SHUT_RDWR);
    turns(3);
    ck_assert_uint_eq(noted.closed, 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stream_tls");
    TCase *t = tcase_create("stream_tls");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup_tls, teardown_tls);
    tcase_add_test(t, implicit_tls);
    tcase_add_test(t, starttls_forgets_what_was_injected);
    tcase_add_test(t, plain_text_instead_of_a_handshake_closes);
    tcase_add_test(t, tls_after_a_proxy_header);
    tcase_add_test(t, old_versions_are_refused);
    tcase_add_test(t, tls_1_2_works);
    tcase_add_test(t, much_output_arrives_whole);
    tcase_add_test(t, much_input_is_not_forgotten_inside_openssl);
    tcase_add_test(t, finish_says_goodbye_inside_tls);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
