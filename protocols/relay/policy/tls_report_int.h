/* tls_report_int.h - the sums of a day, between those who count and those who write them down. */
#ifndef PROTOCOLS_RELAY_POLICY_TLS_REPORT_INT_H
#define PROTOCOLS_RELAY_POLICY_TLS_REPORT_INT_H

#include "protocols/relay/policy/tls_report.h"

struct tls_failure_sum {
    struct tls_report_failure is;
    uint64_t sessions;
};
struct tls_policy_sums {
    struct tls_report_policy is;
    uint64_t successful, failed;
    struct tls_failure_sum *failure;
    size_t failures;
};
struct tls_domain_sums {
    struct arena *arena; /* this, and all below */
    struct tls_policy_sums *policy;
    size_t policies;
};
/* NULL: nothing was counted for it. */
const struct tls_domain_sums *tls_report_domain(const struct tls_report *report,
                                                struct fct_str domain);

#endif
