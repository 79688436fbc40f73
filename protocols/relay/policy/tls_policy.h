/* tls_policy.h - what TLS a server must show before mail goes to it: DANE, else MTA-STS, else
 * whatever there is; and afterwards, whether it did.
 *
 *   tls_policy_find_domain   once per delivery to a domain: its MTA-STS policy
 *   tls_policy_find_host     for each of its servers: may it be used, and what must it show?
 *   tls_policy_prepare       before the handshake
 *   tls_policy_judge         after it, or when there is none: may mail go?
 *
 * A DANE policy wins over one of MTA-STS (RFC 8461 2). What came of it is counted for TLS reports
 * on the way. */
#ifndef PROTOCOLS_RELAY_POLICY_TLS_POLICY_H
#define PROTOCOLS_RELAY_POLICY_TLS_POLICY_H

#include "protocols/relay/policy/dane.h"
#include "protocols/relay/policy/mta_sts_cache.h"
#include "protocols/relay/policy/mta_sts_fetch.h"
#include "protocols/relay/policy/tls_report.h"

struct tls_policy_service {
    struct dane_dns dns;
    struct mta_sts_cache *cache;     /* NULL: no MTA-STS */
    struct mta_sts_fetcher *fetcher; /* NULL: known policies only */
    bool dane;                       /* look for TLSA records */
    struct tls_report *report;       /* NULL: nobody counts */
};

struct tls_domain_policy {
    struct fct_str domain; /* the next hop's, in A-labels */
    bool has_sts;
    struct mta_sts_policy sts;
    struct fct_str problem; /* why a policy that was announced could not be had, or empty */
};

/* A copy with a life of its own. */
void tls_domain_policy_copy(struct arena *arena, const struct tls_domain_policy *from,
                            struct tls_domain_policy *to);

/* Weakest first. */
enum tls_need {
    TLS_NEED_NOTHING,        /* RFC 7435: TLS when offered, any certificate; else none */
    TLS_NEED_ENCRYPTION,     /* TLS with any certificate */
    TLS_NEED_AUTHENTICATION, /* TLS with a certificate that proves the name */
};
struct tls_policy_wish {
    enum tls_need at_least; /* of the configuration */
    bool require_tls;       /* the message came with REQUIRETLS (RFC 8689 4.2) */
};

struct tls_host_policy {
    bool use;                   /* false: no mail to this server */
    bool temporary;             /* of !use: later it may be otherwise */
    struct fct_str why;         /* of !use: one sentence */
    enum tls_need need, wished; /* wished: without what the domain asks for */
    bool mx_authentic;
    bool sts_unnamed; /* MTA-STS in testing mode does not name it: used, and reported */
    struct fct_str host;
    const struct tls_domain_policy *domain;
    struct dane_host dane;
    struct tls_report_policy counted_as;
};

/* Asks for _mta-sts.DOMAIN and, when that is new, for the policy. Never fails: what cannot be had
 * is not applied. All of *out lives in `arena`. */
FCT_MAY_WAIT void tls_policy_find_domain(const struct tls_policy_service *service,
                                         struct arena *arena, struct fct_str domain, int64_t now,
                                         struct tls_domain_policy *out);
/* `domain` must outlive *out. addresses: see dane_find. mx_authentic: the MX records that named the
 * host, or for a domain without MX its address records, are validated by DNSSEC. */
FCT_MAY_WAIT void tls_policy_find_host(const struct tls_policy_service *service,
                                       struct arena *arena, const struct tls_domain_policy *domain,
                                       struct fct_str host, uint16_t port, bool mx_authentic,
                                       const struct fct_dns_answer *addresses,
                                       struct tls_policy_wish wish, struct tls_host_policy *out);

/* SNI, the names that are good, the DANE records. The SSL's context went through
 * dane_context_prepare. `policy` is changed when none of its TLSA records can be read. */
FCT_MUST_CHECK bool tls_policy_prepare(struct tls_host_policy *policy, SSL *ssl,
                                       struct fct_err *err);

/* Where it happened, for reports; any may be empty. */
struct tls_policy_peer {
    struct fct_str local_ip, remote_ip, helo;
};
/* ssl NULL: the server does not offer STARTTLS, or refused it, or the handshake failed (`failure`
 * says so in OpenSSL's words, else NULL). True: mail may go. False: err has FCT_TEMP (another
 * server, or later), and a sentence. *result says what was counted. */
FCT_MUST_CHECK bool tls_policy_judge(const struct tls_policy_service *service,
                                     const struct tls_host_policy *policy, SSL *ssl,
                                     const char *failure, const struct tls_policy_peer *peer,
                                     enum tls_result *result, struct fct_err *err);
/* Does DNSSEC, MTA-STS or the configuration say that this host is the domain's, and does the
 * certificate prove that it is this host? What REQUIRETLS asks for (RFC 8689 4.2.1). */
bool tls_policy_is_proven(const struct tls_host_policy *policy, SSL *ssl);
/* "dane", "sts", "verify", "encrypt" or "may": for logs */
const char *tls_host_policy_word(const struct tls_host_policy *policy);

#endif
