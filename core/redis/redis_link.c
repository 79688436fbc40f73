/* redis_link.c - the way to the server: a name's addresses one after the other, TLS around it. */
#include "core/redis/redis_int.h"

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/dns/dns_addresses.h"
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

enum { ADDRESSES_TRIED = 8, HOST_ROOM = 256 };

bool redis_tls_new(const char *ca_file, struct ssl_ctx_st **out, struct fct_err *err)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

    if (!tls)
        return fct_fail(err, FCT_TEMP, "no memory for TLS");
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_file(tls, ca_file) != 1) {
        SSL_CTX_free(tls);
        ERR_clear_error();
        return fct_fail(err, FCT_SYNTAX, "redis.ca_file %s holds no certificates", ca_file);
    }
    *out = tls;
    return true;
}

/* A session that accepts a certificate for this host only. */
static SSL *session_for(SSL_CTX *tls, struct fct_str host)
{
    SSL *ssl = SSL_new(tls);
    char name[HOST_ROOM];

    if (!ssl)
        return NULL;
    str_copy_c(name, sizeof name, host);
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) != 1) {
        SSL_set1_host(ssl, name);
        SSL_set_tlsext_host_name(ssl, name);
    }
    ERR_clear_error();
    return ssl;
}

static struct bufferevent *wrap(struct redis *r, const struct dial_address *address, int fd)
{
    SSL *ssl;
    struct bufferevent *bev;

    if (!r->tls)
        return bufferevent_socket_new(r->base, fd, BEV_OPT_CLOSE_ON_FREE);
    ssl = session_for(r->tls, address->host);
    bev = ssl ? bufferevent_openssl_socket_new(r->base, fd, ssl, BUFFEREVENT_SSL_CONNECTING,
                                               BEV_OPT_CLOSE_ON_FREE)
              : NULL;
    if (bev)
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    return bev;
}

FCT_MAY_WAIT static bool connect_network(struct redis *r, const struct dial_address *to,
                                         uint64_t deadline_ms, int *fd, struct fct_err *err)
{
    struct fct_str address[ADDRESSES_TRIED];
    struct arena *arena = arena_new(NULL);
    size_t n = dns_addresses(r->dns, arena, to->host, deadline_ms, address, ADDRESSES_TRIED);
    bool ok = false;

    if (n == 0)
        fct_fail(err, FCT_TEMP, "%.*s has no address", FCT_FMT(to->host));
    for (size_t i = 0; i < n && !ok; i++) {
        struct dial_address at = {.host = address[i], .port = to->port};
        struct dial_peer peer;

        ok = dial_peer_of(&at, &peer) && dial_connect(r->base, &peer, deadline_ms, fd, err);
    }
    arena_free(&arena);
    return ok;
}

bool redis_dial(struct redis *r, const struct dial_address *address, uint64_t deadline_ms,
                struct bufferevent **out, struct fct_err *err)
{
    struct dial_peer peer;
    int fd;

    if (address->is_unix) {
        if (!dial_peer_of(address, &peer))
            return fct_fail(err, FCT_SYNTAX, "the path of the socket is too long");
        if (!dial_connect(r->base, &peer, deadline_ms, &fd, err))
            return false;
    } else if (!connect_network(r, address, deadline_ms, &fd, err)) {
        return false;
    }
    *out = wrap(r, address, fd);
    if (*out)
        return true;
    close(fd);
    return fct_fail(err, FCT_TEMP, "no memory for a connection");
}
