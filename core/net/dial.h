/* dial.h - a connection to somebody else, made inside a fiber: an address as people write it, then
 * connect(2) that waits.
 *
 * For what a process asks of its neighbours (a milter, clamd, Redis). What comes out is a plain
 * non-blocking descriptor, fit for stream_new. Names are not looked up here: core/dns knows how to
 * do that without stopping the loop. */
#ifndef CORE_NET_DIAL_H
#define CORE_NET_DIAL_H

#include "core/base/err.h"
#include <sys/socket.h>

struct event_base;

struct dial_address {
    bool is_unix;
    struct fct_str path; /* of a Unix socket */
    struct fct_str host; /* an IP address without brackets, or a name */
    uint16_t port;
};

/* "inet:HOST:PORT", "inet:[::1]:PORT", "unix:/path". *out views into `text`. */
FCT_MUST_CHECK bool dial_parse(struct fct_str text, struct dial_address *out, struct fct_err *err);

struct dial_peer {
    struct sockaddr_storage address;
    socklen_t n;
};
/* The socket address of a Unix path or of an IP address; false for a name. */
FCT_MUST_CHECK bool dial_peer_of(const struct dial_address *address, struct dial_peer *out);

/* Connect before deadline_ms (clock_ms() based) and before the fiber's own. *fd is the caller's.
 * Fails TEMP: refused, unreachable, no answer in time, cancelled. */
FCT_MAY_WAIT FCT_MUST_CHECK bool dial_connect(struct event_base *base, const struct dial_peer *peer,
                                              uint64_t deadline_ms, int *fd, struct fct_err *err);

#endif
