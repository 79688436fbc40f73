/* connect.h - a TCP connection to one host of several addresses: the next one is tried beside the
 * first when that does not answer soon, and the first that answers is taken (RFC 8305). */
#ifndef PROTOCOLS_RELAY_CONNECT_H
#define PROTOCOLS_RELAY_CONNECT_H

#include "core/base/err.h"
#include <facteur/conf.h>
#include <sys/socket.h>

struct event_base;

#define CONNECT_MAX 16u /* addresses of one host */

struct connect_address {
    struct sockaddr_storage address;
    socklen_t n;
    bool failed; /* set: it did not answer, or said no */
};

struct connect_how {
    uint64_t delay_ms;                /* before the next address is tried beside those before it */
    uint64_t timeout_ms;              /* of each address */
    const struct fct_strings *source; /* addresses to come from; one of the family is taken */
    unsigned turn;                    /* which of them */
};

/* *fd is the caller's, to address[*which]. Fails TEMP with the last cause. */
FCT_MAY_WAIT FCT_MUST_CHECK bool connect_to_host(struct event_base *base,
                                                 struct connect_address *address, size_t n,
                                                 const struct connect_how *how, int *fd,
                                                 size_t *which, struct fct_err *err);

/* IPv6 and IPv4 in turn, IPv6 first (RFC 8305 4); the order inside a family stays. */
void connect_interleave(struct connect_address *address, size_t n);
FCT_MUST_CHECK bool connect_address_read(struct fct_str text, uint16_t port,
                                         struct connect_address *out);
/* "192.0.2.1:25", "[2001:db8::1]:25" */
void connect_address_show(const struct connect_address *address, char text[64]);

#endif
