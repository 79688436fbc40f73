/* remote_auth.h - logging in at a smart host (RFC 4954), by the best way that it offers. */
#ifndef PROTOCOLS_RELAY_REMOTE_AUTH_H
#define PROTOCOLS_RELAY_REMOTE_AUTH_H

#include "protocols/relay/greet.h"

/* Does nothing without g->user. False: r->trouble. */
FCT_MAY_WAIT FCT_MUST_CHECK bool remote_authenticate(struct remote *r, const struct greet *g);

#endif
