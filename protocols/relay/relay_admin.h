/* relay_admin.h - what facteurctl asks of the relay on a connection of its own (CTL_ATTACH): the
 * state of its destinations. */
#ifndef PROTOCOLS_RELAY_RELAY_ADMIN_H
#define PROTOCOLS_RELAY_RELAY_ADMIN_H

/* Requests; the numbers are the protocol: append only. */
enum relay_admin_kind {
    RELAY_DESTINATIONS = 1 /* nothing → text: a JSON array, an object for each destination */
};

struct relay;

void relay_admin_peer(struct relay *relay, int fd); /* takes fd */

#endif
