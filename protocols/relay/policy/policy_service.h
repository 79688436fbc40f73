/* policy_service.h - what tls_policy.h works with, made from the configuration: the memory of
 * policies, who fetches them, the day's sums. One per relay process. */
#ifndef PROTOCOLS_RELAY_POLICY_POLICY_SERVICE_H
#define PROTOCOLS_RELAY_POLICY_POLICY_SERVICE_H

#include "protocols/relay/policy/policy_conf.h"
#include "protocols/relay/policy/tls_policy.h"

struct policy_service;

/* Reads files, so call it before a sandbox closes. `tls` is the context of connections to others;
 * `dns` must outlive the service. */
FCT_MUST_CHECK bool policy_service_new(const struct policy_conf *conf, struct event_base *base,
                                       struct dns_resolver *dns, SSL_CTX *tls,
                                       struct policy_service **out, struct fct_err *err);
void policy_service_free(struct policy_service **service); /* when no fiber uses it any more */

/* A service for one question: answers live in `arena`, the DNS is asked until deadline_ms. */
struct policy_question {
    struct tls_policy_service tls;
    struct policy_service *service;
    struct arena *arena;
    uint64_t deadline_ms;
};
void policy_question_begin(struct policy_service *service, struct arena *arena,
                           uint64_t deadline_ms, struct policy_question *out);

const struct policy_conf *policy_service_conf(const struct policy_service *service);
/* What is counted, NULL without conf->report; and room for counts of another time, the caller's. */
struct tls_report *policy_service_report(struct policy_service *service);
struct tls_report *policy_service_new_report(const struct policy_service *service);
/* To an https: address of a domain that wants reports. */
FCT_MAY_WAIT FCT_MUST_CHECK bool policy_service_post(struct policy_service *service,
                                                     struct arena *arena, struct fct_str url,
                                                     struct fct_str gzip, struct fct_err *err);
/* Policies that hold, as text, and back (mta_sts_cache.h). */
void policy_service_save(const struct policy_service *service, struct buf *out);
void policy_service_load(struct policy_service *service, struct fct_str text, int64_t now);
/* What was counted so far becomes the caller's, counting begins anew. Only with conf->report. */
struct tls_report *policy_service_take_report(struct policy_service *service);
/* The sender of reports; good as long as the service. */
struct fct_str policy_service_from(struct policy_service *service, const char *server_name);

struct policy_stats {
    size_t domains; /* with a policy in memory */
    uint64_t left_out;
};
struct policy_stats policy_service_stats(const struct policy_service *service);

#endif
