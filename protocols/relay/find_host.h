/* find_host.h - a host of a destination that answers: its hops in the order of their preference,
 * their addresses, what may be contacted, what TLS each must show, until one of them has said
 * hello. */
#ifndef PROTOCOLS_RELAY_FIND_HOST_H
#define PROTOCOLS_RELAY_FIND_HOST_H

#include "protocols/relay/destination.h"
#include "protocols/relay/remote.h"

struct found_host {
    struct remote *remote; /* the caller's; open and greeted in the end */
    char address[64];      /* "192.0.2.1:25" */
    bool verified;         /* its certificate */
};

/* False: why. */
FCT_MAY_WAIT FCT_MUST_CHECK bool find_host(struct destination *d, struct found_host *out,
                                           struct delivery_result *why);

#endif
