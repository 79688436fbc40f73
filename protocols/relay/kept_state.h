/* kept_state.h - what the relay learned about others and finds again after a restart: MTA-STS
 * policies, which protect for their max_age whoever is restarted meanwhile (RFC 8461 5.1), and the
 * counts of the running day for TLS reports. The store keeps both; the relay has no files. */
#ifndef PROTOCOLS_RELAY_KEPT_STATE_H
#define PROTOCOLS_RELAY_KEPT_STATE_H

#include <facteur/base.h>

struct relay;

/* The store is there: reads what was kept, once, and writes it down every now and then. */
void kept_state_start(struct relay *relay);
/* Now: before the end. */
FCT_MAY_WAIT void kept_state_save(struct relay *relay);

#endif
