/* tls.c - contexts. Each server context has its own random ticket keys and its own session id
 * context, so a ticket is good at the listener that gave it and nowhere else (RFC 8446 4.6.1; RFC
 * 9325 3.4: no state is shared across services). */
#include "core/net/authorities.h"
#include "core/net/tls_int.h"

#include <openssl/err.h>
#include <stdlib.h>

/* RFC 9325 4.2: forward secrecy and AEAD only. TLS 1.3 suites are all fit, so OpenSSL's list stays.
 */
#define TLS12_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

static char groups[] = "X25519:P-256:P-384"; /* the macro that takes it casts const away */

struct tls_context {
    SSL_CTX *ctx;
    struct authorities *trust; /* a client's; may be NULL */
    unsigned refs;
    bool client;
};

const char *tls_error(void)
{
    unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return reason ? reason : "";
}

static bool set_policy(SSL_CTX *ctx, const char *scope)
{
    unsigned n = (unsigned)strnlen(scope, SSL_MAX_SID_CTX_LENGTH);

    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    /* Without RELEASE_BUFFERS an idle connection would hold 34 KiB. */
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets need no memory here */
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_read_ahead(ctx, 1);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) &&
           SSL_CTX_set_cipher_list(ctx, TLS12_CIPHERS) && SSL_CTX_set1_groups_list(ctx, groups) &&
           SSL_CTX_set_session_id_context(ctx, (const unsigned char *)scope, n);
}

static bool set_identity(SSL_CTX *ctx, const struct tls_conf *conf, struct fct_err *err)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, conf->certificate) != 1)
        return fct_fail(err, FCT_TEMP, "certificate %s: %s", conf->certificate, tls_error());
    if (SSL_CTX_use_PrivateKey_file(ctx, conf->key, SSL_FILETYPE_PEM) != 1)
        return fct_fail(err, FCT_TEMP, "key %s: %s", conf->key, tls_error());
    if (SSL_CTX_check_private_key(ctx) != 1)
        return fct_fail(err, FCT_TEMP, "key %s does not belong to certificate %s", conf->key,
                        conf->certificate);
    return true;
}

bool tls_context_new(const struct tls_conf *conf, const char *ticket_scope,
                     struct tls_context **out, struct fct_err *err)
{
    struct tls_context *tls = calloc(1, sizeof *tls);

    *out = NULL;
    ERR_clear_error();
    if (tls)
        tls->ctx = SSL_CTX_new(TLS_server_method());
    if (!tls || !tls->ctx || !set_policy(tls->ctx, ticket_scope)) {
        fct_fail(err, FCT_TEMP, "TLS context: %s", tls_error());
    } else if (set_identity(tls->ctx, conf, err)) {
        tls->refs = 1;
        *out = tls;
        return true;
    }
    if (tls)
        SSL_CTX_free(tls->ctx);
    free(tls);
    return false;
}

/* Never stops a handshake: what is wrong stays in the verify result. */
static int note_only(int ok, X509_STORE_CTX *store)
{
    (void)ok;
    (void)store;
    return 1;
}

static bool set_client_policy(SSL_CTX *ctx, struct fct_err *err)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, note_only);
    if (!SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION))
        return fct_fail(err, FCT_TEMP, "TLS context: %s", tls_error());
    return true;
}

static bool set_trust(struct tls_context *tls, const char *trust, struct fct_err *err)
{
    if (!trust || !trust[0])
        return true;
    return authorities_take(trust, &tls->trust, err) || fct_fail_in(err, "authorities");
}

/* Before the first session that is to be trusted. */
static bool trust_authorities(struct tls_context *tls)
{
    X509_STORE *store = tls->trust ? authorities_store(tls->trust) : NULL;

    if (store && SSL_CTX_get_cert_store(tls->ctx) != store)
        SSL_CTX_set1_cert_store(tls->ctx, store);
    return store || !tls->trust;
}

bool tls_client_new(const char *trust, struct tls_context **out, struct fct_err *err)
{
    struct tls_context *tls = calloc(1, sizeof *tls);

    *out = NULL;
    ERR_clear_error();
    if (tls)
        tls->ctx = SSL_CTX_new(TLS_client_method());
    if (!tls || !tls->ctx) {
        fct_fail(err, FCT_TEMP, "TLS context: %s", tls_error());
    } else if (set_client_policy(tls->ctx, err) && set_trust(tls, trust, err)) {
        tls->refs = 1;
        tls->client = true;
        *out = tls;
        return true;
    }
    if (tls)
        SSL_CTX_free(tls->ctx);
    free(tls);
    return false;
}

struct ssl_ctx_st *tls_context_openssl(struct tls_context *tls)
{
    return tls->ctx;
}

struct tls_context *tls_context_ref(struct tls_context *tls)
{
    tls->refs++;
    return tls;
}

void tls_context_unref(struct tls_context **tls)
{
    struct tls_context *t = *tls;

    *tls = NULL;
    if (!t || --t->refs > 0)
        return;
    SSL_CTX_free(t->ctx);
    authorities_drop(&t->trust);
    free(t);
}

SSL *tls_session_new(struct tls_context *tls, int fd)
{
    SSL *ssl = trust_authorities(tls) ? SSL_new(tls->ctx) : NULL;

    if (!ssl || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    if (tls->client)
        SSL_set_connect_state(ssl);
    else
        SSL_set_accept_state(ssl);
    return ssl;
}
