/* greet.h - from a TCP connection to one that takes mail: greeting, EHLO or HELO, STARTTLS, AUTH.
 */
#ifndef PROTOCOLS_RELAY_GREET_H
#define PROTOCOLS_RELAY_GREET_H

#include "protocols/relay/policy/tls_policy.h"
#include "protocols/relay/relay_conf.h"
#include "protocols/relay/remote.h"
#include "protocols/relay/routes.h"

struct greet {
    const struct relay_conf *conf;
    const char *helo; /* our name */
    const char *host; /* theirs, for SNI and certificates; "" for an address */
    enum relay_tls tls_wanted;
    struct tls_context *tls; /* NULL: this build of the server cannot */
    /* What DANE or MTA-STS asks of this host; NULL: nothing, tls_wanted alone counts. */
    struct tls_host_policy *policy;
    const struct tls_policy_service *policy_service;
    struct tls_policy_peer peer;
    struct fct_str user, password;
    bool without_tls; /* opportunistic TLS has failed here before: go without */
    /* What came of it. */
    bool tls_failed; /* and could be left out: connect again, without_tls */
    bool tls_verified;
    bool policy_failed; /* the host is well, and may have mail of domains without a policy */
};

/* False: r->trouble. */
FCT_MAY_WAIT FCT_MUST_CHECK bool greet_run(struct remote *r, struct greet *g);

#endif
