/* destination_key.h - what makes domains one destination, whose connections they share. Two of them
 * are one only if the same bytes would be said to the same hosts under the same conditions: a
 * message that wants TLS never travels on a connection that another route could open in clear, nor
 * one without a login on a connection that has one. */
#ifndef PROTOCOLS_RELAY_DESTINATION_KEY_H
#define PROTOCOLS_RELAY_DESTINATION_KEY_H

#include "core/base/buf.h"
#include "protocols/relay/mx.h"
#include "protocols/relay/policy/tls_policy.h"

struct target {
    const struct route *route;
    struct hops hops;
    bool tls_optional; /* TLS-Required: No (RFC 8689 5) */
    struct tls_domain_policy policy;
};

/* "mx a.example.org:25,b.example.org:25 tls=required": for maps, and for people to read (facteurctl
 * queue destinations). usual: relay.max_destination_connections, of which nothing is said. */
void destination_key(const struct target *target, uint32_t usual, struct buf *out);

#endif
