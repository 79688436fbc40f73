/* tls.h - TLS contexts (OpenSSL 3), a server's and a client's. TLS 1.2 and 1.3 only; tickets are
 * bound to the listener's name. */
#ifndef CORE_NET_TLS_H
#define CORE_NET_TLS_H

#include "core/base/err.h"

struct ssl_ctx_st;
struct tls_context; /* reference counted; sessions keep the one they started with across a reload */

struct tls_conf {
    const char *certificate; /* PEM file: certificate and chain */
    const char *key;         /* PEM file */
};

/* ticket_scope separates session tickets of listeners ("smtp", "imap" …): a ticket of one is
 * refused by another. */
FCT_MUST_CHECK bool tls_context_new(const struct tls_conf *conf, const char *ticket_scope,
                                    struct tls_context **out, struct fct_err *err);
struct tls_context *tls_context_ref(struct tls_context *tls);
void tls_context_unref(struct tls_context **tls);

/* The client's side. The peer's certificate is verified against the authorities in `trust` (a PEM
 * file, read now and decoded with the first session; NULL or "": none), but what comes of that
 * never ends the handshake: who needs to know looks at SSL_get_verify_result afterwards (mail is
 * sent to strangers, RFC 7435). */
FCT_MUST_CHECK bool tls_client_new(const char *trust, struct tls_context **out,
                                   struct fct_err *err);
struct ssl_ctx_st *tls_context_openssl(struct tls_context *tls);

/* A self-signed certificate (ECDSA P-256, ten years) for `name`, for facteur dev and for a server
 * that was given none. Existing files are kept. */
FCT_MUST_CHECK bool tls_self_sign(const char *certificate, const char *key, const char *name,
                                  struct fct_err *err);

#endif
