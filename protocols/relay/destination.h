/* destination.h - one set of hosts that mail goes to, with the mail that waits for it and the
 * connections to it; and the table of all. Domains with the same MX set are one destination, so
 * that a big provider is one, however many domains it serves. */
#ifndef PROTOCOLS_RELAY_DESTINATION_H
#define PROTOCOLS_RELAY_DESTINATION_H

#include "protocols/relay/policy/tls_policy.h"
#include "protocols/relay/relay.h"

struct session;

struct destination {
    struct relay *relay;
    char *key;
    const struct route *route;
    struct arena *arena; /* of hops */
    struct hops hops;
    bool tls_optional; /* TLS-Required: No: neither DANE nor MTA-STS counts (RFC 8689 5) */
    struct tls_domain_policy policy; /* of its first domain, and of all with the same text */
    struct pace_limits limits;
    struct pace pace;
    struct job_list waiting;
    struct session *open;           /* all connections, those being made too */
    struct session *idle;           /* connections without work, the last used first */
    unsigned sessions;              /* fibers, those that say goodbye included */
    struct delivery_result trouble; /* while it is dead: why */
    struct event *timer;            /* look again: silence, the end of a gap */
    uint64_t used_ms;
};

struct destinations *destinations_new(struct relay *relay);
void destinations_free(struct destinations **d);

/* The job is its destination's: found by route or MX, then waiting. */
void destinations_take(struct destinations *d, struct job *j);
/* All that no connection has taken goes back to the store; idle connections say goodbye. */
void destinations_drain(struct destinations *d);
size_t destinations_count(const struct destinations *d);
/* Forget what has not been used for a while. */
void destinations_sweep(struct destinations *d, uint64_t now);

/* A JSON array: how each of them does; no more of them above `max` bytes. */
void destinations_describe(const struct destinations *d, size_t max, struct buf *out);

/* ---- for session.c ---- */

struct job *destination_next(struct destination *d); /* NULL: nothing waits, or not now */
/* Wakes connections, opens them: call when something has changed. */
void destination_press(struct destination *d);
/* No host could be reached: all that waits gets this result. */
void destination_unreachable(struct destination *d, const struct delivery_result *why);

#endif
