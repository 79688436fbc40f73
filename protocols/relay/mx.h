/* mx.h - the hosts that take mail for a domain: its MX, or itself (RFC 5321 5.1), or what a route
 * says. */
#ifndef PROTOCOLS_RELAY_MX_H
#define PROTOCOLS_RELAY_MX_H

#include "core/base/arena.h"
#include "core/dns/resolver.h"
#include "protocols/relay/outcome.h"
#include "protocols/relay/routes.h"

struct hop {
    struct fct_str name; /* in lower case */
    uint16_t port;
    bool is_address;
    uint32_t preference;
};
struct hops {
    const struct hop *hop; /* the best first */
    size_t n;
    uint32_t ttl_s;
    bool by_route;  /* the administrator named them */
    bool authentic; /* the MX answer was validated (RFC 7672 2.2.1) */
};

struct mx_self {
    const struct fct_str *name; /* names of this server, in lower case */
    size_t n;
    uint16_t port; /* of the hosts that the DNS names */
};

#define HOPS_MAX 64u

/* False: *result says what the recipients get: FAILED or DEFERRED. */
FCT_MAY_WAIT FCT_MUST_CHECK bool mx_find(struct dns_resolver *dns, struct arena *arena,
                                         struct fct_str domain, const struct route *route,
                                         const struct mx_self *self, uint64_t deadline_ms,
                                         struct hops *out, struct delivery_result *result);
/* Judges an answer: the part that asks nobody. */
FCT_MUST_CHECK bool mx_judge(struct arena *arena, struct fct_str domain,
                             const struct fct_dns_answer *answer, const struct mx_self *self,
                             struct hops *out, struct delivery_result *result);

#endif
