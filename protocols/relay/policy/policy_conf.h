/* policy_conf.h - the `outbound_tls` block: what else than relay.tls decides how mail is protected
 * on its way. */
#ifndef PROTOCOLS_RELAY_POLICY_POLICY_CONF_H
#define PROTOCOLS_RELAY_POLICY_POLICY_CONF_H

#include "core/conf/conf.h"

struct policy_conf {
    const char *dane; /* yes, no, auto */
    bool mta_sts;
    const char *trust;
    fct_duration fetch_timeout;
    uint32_t max_fetches, max_domains, port;
    struct fct_strings private_hosts;
    bool report;
    fct_duration report_every, report_after;
    const char *report_from, *report_organization;
    uint32_t report_domains, report_failures;
};
extern const struct conf_block policy_block;

#endif
