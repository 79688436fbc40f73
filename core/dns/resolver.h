/* resolver.h - questions to the DNS, asked from fibers, answered by libunbound on our loop.
 *
 * One resolver per process that needs it. It forwards to resolvers or recurses from the root by
 * configuration, validates DNSSEC when told to and keeps libunbound's cache. Equal questions in
 * flight are asked once. A question never holds up the loop: it waits at most until its deadline,
 * then it has failed; what libunbound still learns goes into the cache. Answers are taken apart by
 * our own bounded code (dns_answer.h). */
#ifndef CORE_DNS_RESOLVER_H
#define CORE_DNS_RESOLVER_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/dns/dns_conf.h"
#include <facteur/plugin.h>

struct dns_resolver;
struct event_base;

/* Reads every file there is to read (resolv.conf, hosts, trust anchor), so that it works in a
 * sandbox afterwards. `servers` from the configuration, else /etc/resolv.conf. */
FCT_MUST_CHECK struct dns_resolver *
dns_resolver_new(struct event_base *base, const struct dns_conf *conf, struct fct_err *err);
/* When no fiber waits for an answer any more, and before its event base is freed. */
void dns_resolver_free(struct dns_resolver **r);
const struct dns_conf *dns_resolver_conf(const struct dns_resolver *r);

/* Ask and wait until deadline_ms (clock_ms() based), the fiber's own deadline or dns.timeout,
 * whichever comes first. *out and all in it live in `arena`; it is filled in either way. True: the
 * status is FCT_DNS_OK and there is a record. */
FCT_MAY_WAIT bool dns_resolve(struct dns_resolver *r, struct arena *arena, enum fct_dns_type type,
                              struct fct_str name, uint64_t deadline_ms,
                              struct fct_dns_answer *out);

struct dns_stats {
    uint64_t questions, joined; /* joined: another one was already waiting for the same */
    uint64_t at_once;           /* answered from the cache */
    uint64_t status[FCT_DNS_REFUSED + 1];
    uint64_t timeouts;
    uint64_t waited_us; /* of all questions that were not answered at once */
    uint32_t in_flight;
};
struct dns_stats dns_resolver_stats(const struct dns_resolver *r);

#endif
