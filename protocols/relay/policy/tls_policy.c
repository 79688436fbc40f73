/* tls_policy.c - see tls_policy.h. */
#include "protocols/relay/policy/tls_policy.h"

#include "core/base/str.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* ---- counting ---- */

static void count(const struct tls_policy_service *s, struct fct_str domain,
                  const struct tls_report_policy *policy, const struct tls_report_failure *failure)
{
    if (s->report)
        tls_report_count(s->report, domain, policy, failure);
}

static void count_domain(const struct tls_policy_service *s, struct fct_str domain,
                         enum tls_result result, const struct fct_err *why)
{
    struct tls_report_policy policy = {.type = TLS_POLICY_STS, .domain = domain};
    struct tls_report_failure failure = {.result = result, .reason = str_from(why->text)};

    count(s, domain, &policy, &failure);
}

/* ---- the domain ---- */

static struct fct_str id_of(const struct tls_policy_service *s, struct arena *arena,
                            struct fct_str domain)
{
    struct fct_dns_answer answer;
    struct fct_err why = {0};
    struct fct_str id;

    if (!s->dns.ask(s->dns.ctx, FCT_DNS_TXT, arena_printf(arena, "_mta-sts.%.*s", FCT_FMT(domain)),
                    &answer) ||
        !mta_sts_record(&answer, &id, &why))
        return FCT_STR("");
    return id;
}

static enum tls_result fetch_result(const struct fct_err *err, bool certificate)
{
    if (certificate)
        return TLS_RESULT_STS_WEBPKI_INVALID;
    return err->class == FCT_TEMP ? TLS_RESULT_STS_FETCH_ERROR : TLS_RESULT_STS_INVALID;
}

FCT_MAY_WAIT static void fetch(const struct tls_policy_service *s, struct arena *arena,
                               struct tls_domain_policy *out, struct fct_str id, int64_t now)
{
    struct mta_sts_policy policy;
    struct fct_err err = {0};
    bool certificate;

    if (mta_sts_fetch(s->fetcher, arena, out->domain, &policy, &certificate, &err)) {
        mta_sts_cache_put(s->cache, out->domain, id, &policy, now);
        return;
    }
    out->problem = arena_str(arena, str_from(err.text));
    mta_sts_cache_put_failed(s->cache, out->domain, id, now);
    count_domain(s, out->domain, fetch_result(&err, certificate), &err);
}

void tls_policy_find_domain(const struct tls_policy_service *s, struct arena *arena,
                            struct fct_str domain, int64_t now, struct tls_domain_policy *out)
{
    const struct mta_sts_policy *known;
    struct fct_str id;

    *out = (struct tls_domain_policy){.domain = arena_str(arena, domain)};
    if (!s->cache)
        return;
    id = id_of(s, arena, domain);
    if (s->fetcher && mta_sts_cache_wants_fetch(s->cache, domain, id, now))
        fetch(s, arena, out, id, now);
    known = mta_sts_cache_find(s->cache, domain, now);
    if (!known || known->mode == MTA_STS_NONE)
        return;
    out->has_sts = true;
    mta_sts_policy_copy(arena, known, &out->sts);
}

void tls_domain_policy_copy(struct arena *arena, const struct tls_domain_policy *from,
                            struct tls_domain_policy *to)
{
    *to = *from;
    to->domain = arena_str(arena, from->domain);
    to->problem = arena_str(arena, from->problem);
    if (from->has_sts)
        mta_sts_policy_copy(arena, &from->sts, &to->sts);
}

/* ---- the host ---- */

static struct fct_str *lines_of(struct arena *arena, struct fct_str text, size_t *n)
{
    struct fct_str *line = ARENA_ARRAY(arena, struct fct_str, MTA_STS_MX_MAX + 8);

    *n = 0;
    while (text.p && *n < MTA_STS_MX_MAX + 8) {
        struct fct_str one = str_trim(str_split(&text, '\n'));

        if (one.n > 0)
            line[(*n)++] = one;
    }
    return line;
}

/* The policy as reports describe it (RFC 8460 4.4). */
static void describe(struct arena *arena, struct tls_host_policy *p)
{
    struct tls_report_policy *to = &p->counted_as;

    *to = (struct tls_report_policy){.type = TLS_POLICY_NONE, .domain = p->domain->domain};
    if (p->dane.state != DANE_ABSENT) {
        struct fct_str *string = ARENA_ARRAY(arena, struct fct_str, p->dane.n + 1);

        for (size_t i = 0; i < p->dane.n; i++)
            string[i] = tlsa_record_show(arena, &p->dane.record[i]);
        to->type = TLS_POLICY_TLSA;
        to->string = string;
        to->strings = p->dane.n;
        to->mx = &p->host;
        to->mxs = 1;
    } else if (p->domain->has_sts) {
        to->type = TLS_POLICY_STS;
        to->string = lines_of(arena, p->domain->sts.text, &to->strings);
        to->mx = p->domain->sts.mx;
        to->mxs = p->domain->sts.n;
    }
}

static void refuse(struct tls_host_policy *p, bool temporary, const char *why)
{
    p->use = false;
    p->temporary = temporary;
    p->why = str_from(why);
}

static void need(struct tls_host_policy *p, enum tls_need what)
{
    if (what > p->need)
        p->need = what;
}

static void count_host(const struct tls_policy_service *s, const struct tls_host_policy *p,
                       enum tls_result result)
{
    struct tls_report_failure failure = {
        .result = result, .receiving_host = p->host, .reason = p->why};

    count(s, p->domain->domain, &p->counted_as, &failure);
}

/* RFC 8461 5: an enforced policy names the servers that may have the mail. */
static void apply_sts(const struct tls_policy_service *s, struct tls_host_policy *p)
{
    const struct mta_sts_policy *sts = &p->domain->sts;
    bool named = mta_sts_names(sts, p->host);

    if (sts->mode == MTA_STS_ENFORCE)
        need(p, TLS_NEED_AUTHENTICATION);
    if (named)
        return;
    if (sts->mode == MTA_STS_ENFORCE) {
        refuse(p, true, "its domain's MTA-STS policy does not name it");
        count_host(s, p, TLS_RESULT_VALIDATION_FAILURE);
    } else {
        p->sts_unnamed = true;
    }
}

static void apply_dane(const struct tls_policy_service *s, struct tls_host_policy *p)
{
    switch (p->dane.state) {
    case DANE_ABSENT:
        break;
    case DANE_UNUSABLE:
        need(p, TLS_NEED_ENCRYPTION);
        break;
    case DANE_USABLE:
        need(p, TLS_NEED_AUTHENTICATION);
        break;
    case DANE_FAILED:
        refuse(p, true, p->dane.why);
        count_host(s, p, TLS_RESULT_DNSSEC_INVALID);
        break;
    }
}

/* RFC 8689 4.2.1: nobody but DNSSEC or MTA-STS says that this server is the domain's. */
static void apply_require_tls(struct tls_host_policy *p, bool mx_authentic)
{
    bool named = p->domain->has_sts && !p->sts_unnamed;

    if (p->use && !mx_authentic && !named)
        refuse(p, false,
               "REQUIRETLS: neither DNSSEC nor MTA-STS proves that it is the domain's server");
}

void tls_policy_find_host(const struct tls_policy_service *s, struct arena *arena,
                          const struct tls_domain_policy *domain, struct fct_str host,
                          uint16_t port, bool mx_authentic, const struct fct_dns_answer *addresses,
                          struct tls_policy_wish wish, struct tls_host_policy *out)
{
    struct fct_str name = arena_str(arena, host);

    enum tls_need wished = wish.require_tls ? TLS_NEED_AUTHENTICATION : wish.at_least;

    *out = (struct tls_host_policy){.use = true,
                                    .need = wished,
                                    .wished = wished,
                                    .host = name,
                                    .domain = domain,
                                    .mx_authentic = mx_authentic};
    out->dane = (struct dane_host){.state = DANE_ABSENT, .base = name};
    if (s->dane)
        dane_find(&s->dns, arena, name, port, mx_authentic, addresses, &out->dane);
    describe(arena, out);
    apply_dane(s, out);
    if (domain->has_sts && (out->dane.state == DANE_ABSENT || out->dane.state == DANE_UNUSABLE))
        apply_sts(s, out);
    if (wish.require_tls)
        apply_require_tls(out, mx_authentic);
}

/* With DANE enabled X509_V_OK means that a record matched. */
bool tls_policy_is_proven(const struct tls_host_policy *p, SSL *ssl)
{
    return SSL_get_verify_result(ssl) == X509_V_OK &&
           (p->mx_authentic || (p->domain->has_sts && !p->sts_unnamed));
}

const char *tls_host_policy_word(const struct tls_host_policy *p)
{
    if (p->dane.state != DANE_ABSENT)
        return "dane";
    if (p->domain->has_sts)
        return "sts";
    return p->need == TLS_NEED_AUTHENTICATION ? "verify"
           : p->need == TLS_NEED_ENCRYPTION   ? "encrypt"
                                              : "may";
}

/* ---- the connection ---- */

/* A name in the certificate's subject does not count, nor do half wildcards (RFC 8461 4.2). */
static bool set_names(SSL *ssl, struct fct_str host, struct fct_err *err)
{
    char name[256];

    str_copy_c(name, sizeof name, host);
    SSL_set_hostflags(ssl,
                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1)
        return true;
    ERR_clear_error();
    return fct_fail(err, FCT_TEMP, "%s is no name for TLS", name);
}

bool tls_policy_prepare(struct tls_host_policy *p, SSL *ssl, struct fct_err *err)
{
    size_t taken = 0;

    if (p->dane.state != DANE_USABLE)
        return set_names(ssl, p->host, err);
    if (!dane_connection_prepare(ssl, &p->dane, p->domain->domain, &taken, err))
        return false;
    if (taken == 0) {
        p->dane.state = DANE_UNUSABLE;
        p->dane.why = "none of the TLSA records holds a certificate or key";
        p->need = p->wished;
        need(p, TLS_NEED_ENCRYPTION);
    }
    return true;
}

/* What the certificate showed, by the rules of the policy it was looked at under. */
static enum tls_result look(const struct tls_host_policy *p, SSL *ssl, struct fct_err *why)
{
    long code = SSL_get_verify_result(ssl);
    enum tls_result result;

    if (p->dane.state == DANE_UNUSABLE && p->need < TLS_NEED_AUTHENTICATION)
        return TLS_RESULT_SUCCESS;
    if (p->dane.state == DANE_USABLE) {
        if (dane_connection_matched(ssl, why))
            return TLS_RESULT_SUCCESS;
        result = tls_result_from_x509(code);
        return result == TLS_RESULT_SUCCESS ? TLS_RESULT_VALIDATION_FAILURE : result;
    }
    if (code != X509_V_OK)
        (void)fct_fail(why, FCT_TEMP, "its certificate is not good: %s",
                       X509_verify_cert_error_string(code));
    return tls_result_from_x509(code);
}

/* Without a policy nothing was promised: any TLS is a success (RFC 8460 4.1). */
static enum tls_result result_of(const struct tls_host_policy *p, SSL *ssl, const char *failure,
                                 struct fct_err *why)
{
    enum tls_result result;

    if (!ssl && failure) {
        (void)fct_fail(why, FCT_TEMP, "TLS failed: %s", failure);
        return TLS_RESULT_VALIDATION_FAILURE;
    }
    if (!ssl) {
        (void)fct_fail(why, FCT_TEMP, "the server offers no TLS, and its policy asks for it");
        return TLS_RESULT_STARTTLS_NOT_SUPPORTED;
    }
    result = look(p, ssl, why);
    if (result == TLS_RESULT_SUCCESS && p->sts_unnamed) {
        (void)fct_fail(why, FCT_TEMP, "its domain's MTA-STS policy does not name it");
        return TLS_RESULT_VALIDATION_FAILURE;
    }
    return result;
}

bool tls_policy_judge(const struct tls_policy_service *s, const struct tls_host_policy *p, SSL *ssl,
                      const char *failure, const struct tls_policy_peer *peer,
                      enum tls_result *result, struct fct_err *err)
{
    struct fct_err why = {0};
    struct tls_report_failure counted;
    bool promised = p->counted_as.type != TLS_POLICY_NONE;

    *result = result_of(p, ssl, failure, &why);
    counted = (struct tls_report_failure){.result = promised || !ssl ? *result : TLS_RESULT_SUCCESS,
                                          .sending_ip = peer->local_ip,
                                          .receiving_host = p->host,
                                          .receiving_helo = peer->helo,
                                          .receiving_ip = peer->remote_ip,
                                          .reason = str_from(why.text)};
    count(s, p->domain->domain, &p->counted_as, &counted);
    if (p->need == TLS_NEED_NOTHING || (p->need == TLS_NEED_ENCRYPTION && ssl) ||
        *result == TLS_RESULT_SUCCESS)
        return true;
    return fct_fail(err, FCT_TEMP, "%s", why.text);
}
