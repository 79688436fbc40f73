/* session.h - one connection to a destination and the fiber that uses it: connects to the best host
 * that answers, sends what waits, waits a moment for more, says QUIT. */
#ifndef PROTOCOLS_RELAY_SESSION_H
#define PROTOCOLS_RELAY_SESSION_H

#include "protocols/relay/destination.h"

/* Starts it; counted in d->pace. */
void session_start(struct destination *d);
/* An idle one: there is work, or (drain) an end. */
void session_wake(struct session *s);
/* The destination is silent: those in excess of `keep` end, but for those that wait for the answer
 * to a whole message. */
void sessions_give_up(struct destination *d, unsigned keep);
struct session *session_after(const struct session *s); /* in the list of idle ones */

#endif
