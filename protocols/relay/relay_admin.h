/* relay_admin.h - what facteurctl asks of the relay on a connection of its own (CTL_ATTACH): the
 * state of its destinations, and that it sends a report. */
#ifndef PROTOCOLS_RELAY_RELAY_ADMIN_H
#define PROTOCOLS_RELAY_RELAY_ADMIN_H

/* Requests; the numbers are the protocol: append only. */
enum relay_admin_kind {
    RELAY_DESTINATIONS = 1, /* nothing → text: a JSON array, an object for each destination */
    /* sender, u32 n, n recipients; a file with the message, CRLF line ends → nothing: it passed
     * queue.in and is in the queue (report_queue.h) */
    RELAY_REPORT = 2
};
#define RELAY_REPORT_MAX        (64u << 20) /* bytes of the message */
#define RELAY_REPORT_RECIPIENTS 100u

struct relay;

void relay_admin_peer(struct relay *relay, int fd); /* takes fd */

#endif
