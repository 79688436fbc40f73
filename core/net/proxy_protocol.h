/* proxy_protocol.h - the header a load balancer puts in front of a connection ("The PROXY
 * protocol", versions 1 and 2, haproxy.org/download/2.8/doc/proxy-protocol.txt). A pure parser;
 * stream.c reads exactly its bytes from the socket. */
#ifndef CORE_NET_PROXY_PROTOCOL_H
#define CORE_NET_PROXY_PROTOCOL_H

#include "core/net/stream.h"

#define PROXY_V1_MAX 107     /* the longest line of version 1, CRLF included (2.1) */
#define PROXY_V2_MAX (4096u) /* ours: addresses and TLVs of version 2, head included */

struct proxy_header {
    bool has_addresses; /* no: LOCAL, UNKNOWN, UNSPEC or a Unix socket; keep those of the socket */
    struct stream_address peer, local;
};

/* 1: *out is set and *used says how long the header was. 0: so far it is the beginning of one, and
 * every byte given belongs to it. -1: it is none, *why says how. */
int proxy_parse(struct fct_str in, struct proxy_header *out, size_t *used, const char **why);

#endif
