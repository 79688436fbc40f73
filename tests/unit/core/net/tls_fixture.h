/* tls_fixture.h - a certificate in a temporary folder, and a client that shakes hands over a
 * non-blocking socket. */
#ifndef TESTS_TLS_FIXTURE_H
#define TESTS_TLS_FIXTURE_H

#include "core/net/tls.h"

#include <check.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

struct tls_files {
    char folder[32], certificate[64], key[64];
};

static inline void make_files(struct tls_files *f)
{
    struct fct_err err = {0};

    snprintf(f->folder, sizeof f->folder, "/tmp/fct-tls-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f->folder));
    snprintf(f->certificate, sizeof f->certificate, "%s/cert.pem", f->folder);
    snprintf(f->key, sizeof f->key, "%s/key.pem", f->folder);
    ck_assert_msg(tls_self_sign(f->certificate, f->key, "mx.example.org", &err), "%s", err.text);
}

static inline void remove_files(const struct tls_files *f)
{
    unlink(f->certificate);
    unlink(f->key);
    rmdir(f->folder);
}

static inline struct tls_context *server_context(const struct tls_files *f, const char *scope)
{
    struct tls_context *tls;
    struct fct_err err = {0};

    ck_assert_msg(tls_context_new(&(struct tls_conf){f->certificate, f->key}, scope, &tls, &err),
                  "%s", err.text);
    return tls;
}

static inline SSL *client_on(SSL_CTX *ctx, int fd)
{
    SSL *ssl = SSL_new(ctx);

    SSL_set_fd(ssl, fd);
    SSL_set_connect_state(ssl);
    return ssl;
}

#endif
