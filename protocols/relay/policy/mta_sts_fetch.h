/* mta_sts_fetch.h - asks a domain's web server for its policy (RFC 8461 3.3): https only, the
 * certificate must be good for mta-sts.DOMAIN, no redirect is followed, the answer is text/plain
 * and short. */
#ifndef PROTOCOLS_RELAY_POLICY_MTA_STS_FETCH_H
#define PROTOCOLS_RELAY_POLICY_MTA_STS_FETCH_H

#include "core/conf/conf.h"
#include "protocols/relay/policy/mta_sts.h"

struct dns_resolver;
struct event_base;
struct mta_sts_fetcher;

struct mta_sts_fetch_conf {
    const char *ca_file;              /* who may sign certificates of web servers */
    fct_duration timeout;             /* of one fetch; RFC 8461 3.3 suggests a minute */
    uint32_t max_at_once;             /* fetches; others wait for them */
    uint32_t port;                    /* 443; tests have another */
    struct fct_strings private_hosts; /* names that may be at addresses that are not public */
};

/* Reads ca_file, so call it before a sandbox closes. `conf` must outlive the fetcher. */
FCT_MUST_CHECK bool mta_sts_fetcher_new(struct event_base *base,
                                        const struct mta_sts_fetch_conf *conf,
                                        struct dns_resolver *dns, struct mta_sts_fetcher **out,
                                        struct fct_err *err);
void mta_sts_fetcher_free(struct mta_sts_fetcher **fetcher);

/* The policy, parsed, in `arena`. Fails FCT_TEMP: not reachable, or the certificate is not good (a
 * report says sts-webpki-invalid or sts-policy-fetch-error: *certificate tells them apart);
 * FCT_SYNTAX, FCT_LIMIT: no policy (sts-policy-invalid). */
FCT_MAY_WAIT FCT_MUST_CHECK bool mta_sts_fetch(struct mta_sts_fetcher *fetcher, struct arena *arena,
                                               struct fct_str domain, struct mta_sts_policy *out,
                                               bool *certificate, struct fct_err *err);

/* A report, gzip, to an https: address of a domain that asked for it (RFC 8460 5.4), by the same
 * rules: a good certificate, no redirect. */
FCT_MAY_WAIT FCT_MUST_CHECK bool mta_sts_fetcher_post(struct mta_sts_fetcher *fetcher,
                                                      struct arena *arena, struct fct_str url,
                                                      struct fct_str gzip, struct fct_err *err);

#endif
