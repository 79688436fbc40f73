/* greet.c - see greet.h. */
#include "protocols/relay/greet.h"

#include "core/base/str.h"
#include "protocols/relay/remote_auth.h"

#include <openssl/ssl.h>

static bool trouble(struct remote *r, enum outcome_step step, const struct remote_reply *reply)
{
    outcome_from_reply(&r->trouble, OUTCOME_HOST, step, reply);
    return false;
}

/* ---- EHLO ---- */

FCT_MAY_WAIT static bool hello(struct remote *r, const struct greet *g)
{
    struct remote_reply reply;

    r->ext = (struct remote_extensions){0};
    if (!remote_printf(r, "EHLO %s\r\n", g->helo) ||
        !remote_reply(r, STEP_EHLO, g->conf->ehlo_timeout.ms, &reply))
        return false;
    if (reply_class(&reply) == 2)
        return true;
    r->ext = (struct remote_extensions){0};
    if (reply_class(&reply) != 5) /* RFC 5321 3.2: a server that does not know EHLO says 5yz */
        return trouble(r, STEP_EHLO, &reply);
    if (!remote_printf(r, "HELO %s\r\n", g->helo) ||
        !remote_reply(r, STEP_EHLO, g->conf->ehlo_timeout.ms, &reply))
        return false;
    r->ext = (struct remote_extensions){0};
    return reply_class(&reply) == 2 || trouble(r, STEP_EHLO, &reply);
}

/* ---- TLS ---- */

static bool prepare(void *arg, SSL *ssl, struct fct_err *err)
{
    const struct greet *g = arg;
    char name[256];

    if (g->policy)
        return tls_policy_prepare(g->policy, ssl, err);
    if (g->host[0] == '\0')
        return true;
    str_copy_c(name, sizeof name, str_from(g->host));
    if (SSL_set_tlsext_host_name(ssl, name) != 1 || SSL_set1_host(ssl, name) != 1)
        return fct_fail(err, FCT_TEMP, "the name %s cannot be asked for", g->host);
    return true;
}

/* By the policy; ssl NULL: there is no TLS, for `failure` or because it is not offered. */
static bool judge(struct remote *r, struct greet *g, SSL *ssl, const char *failure)
{
    enum tls_result result;
    struct fct_err err = {0};

    g->policy_failed =
        !tls_policy_judge(g->policy_service, g->policy, ssl, failure, &g->peer, &result, &err);
    if (g->policy_failed)
        return remote_fail(r, ssl ? "4.7.5" : "4.7.4", "%s", err.text);
    g->tls_verified = ssl && tls_policy_is_proven(g->policy, ssl);
    return true;
}

FCT_MAY_WAIT static bool shake_hands(struct remote *r, struct greet *g)
{
    if (!remote_start_tls(r, g->tls, prepare, g, g->conf->greeting_timeout.ms)) {
        g->tls_failed =
            g->policy ? judge(r, g, NULL, r->trouble.text) : g->tls_wanted == RELAY_TLS_MAY;
        return false;
    }
    if (g->policy)
        return judge(r, g, stream_ssl(r->io), NULL);
    g->tls_verified = SSL_get_verify_result(stream_ssl(r->io)) == X509_V_OK;
    if (relay_tls_is_verified(g->tls_wanted) && !g->tls_verified)
        return remote_fail(r, "4.7.5", "TLS: the certificate cannot be verified: %s",
                           X509_verify_cert_error_string(SSL_get_verify_result(stream_ssl(r->io))));
    return true;
}

static bool must_have_tls(const struct greet *g)
{
    if (g->policy)
        return g->policy->need > TLS_NEED_NOTHING;
    return g->tls_wanted == RELAY_TLS_REQUIRED || g->tls_wanted == RELAY_TLS_VERIFIED;
}

/* EHLO is said again after the handshake: what was announced before it is forgotten (RFC 3207
 * 4.2). */
FCT_MAY_WAIT static bool start_tls(struct remote *r, struct greet *g)
{
    struct remote_reply reply;

    if (g->tls_wanted == RELAY_TLS_NONE || relay_tls_is_implicit(g->tls_wanted))
        return true;
    if (g->policy && !g->without_tls && !(r->ext.has & REMOTE_STARTTLS))
        return judge(r, g, NULL, NULL);
    if (!g->tls || g->without_tls || !(r->ext.has & REMOTE_STARTTLS))
        return !must_have_tls(g) ||
               remote_fail(r, "4.7.4", "TLS is required and the server does not offer it");
    if (!remote_say(r, FCT_STR("STARTTLS\r\n")) ||
        !remote_reply(r, STEP_STARTTLS, g->conf->ehlo_timeout.ms, &reply))
        return false;
    if (reply.code == 421)
        return trouble(r, STEP_STARTTLS, &reply);
    if (reply_class(&reply) != 2)
        return !must_have_tls(g) || trouble(r, STEP_STARTTLS, &reply);
    return shake_hands(r, g) && hello(r, g);
}

/* ---- all of it ---- */

bool greet_run(struct remote *r, struct greet *g)
{
    struct remote_reply reply;

    g->tls_failed = g->tls_verified = false;
    if (relay_tls_is_implicit(g->tls_wanted) && (!g->tls || !shake_hands(r, g)))
        return false;
    if (!remote_reply(r, STEP_GREETING, g->conf->greeting_timeout.ms, &reply))
        return false;
    if (reply_class(&reply) != 2)
        return trouble(r, STEP_GREETING, &reply);
    return hello(r, g) && start_tls(r, g) && remote_authenticate(r, g);
}
