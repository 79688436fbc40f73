/* milter_peer.h - one connection to a foreign filter: connected, negotiated, kept for the next
 * client. */
#ifndef MILTER_PEER_H
#define MILTER_PEER_H

#include "milter_codec.h"
#include "milter_conf.h"

/* The filter as this process knows it: its block and the connections that wait for work. */
struct milter_filter {
    const struct fct_host *host;
    const struct milter_conf *conf;
    enum milter_default on_failure;
    struct milter_peer *idle; /* the last used first */
    unsigned idles;
    bool once; /* it did not answer on a connection that had been used: it gets new ones only */
};

struct milter_peer {
    struct milter_filter *filter;
    struct fct_stream *stream;
    struct milter_options options;
    char *macros_text; /* what options.macros point into */
    struct milter_out out;
    struct {
        char *p;
        size_t n, room, used; /* bytes read; bytes of them already handed out */
    } in;
    bool fresh; /* nothing was asked on it yet since it was connected or taken */
    uint64_t idle_since_ms;
    struct milter_peer *next;
};

/* Takes a waiting connection, or connects and negotiates. NULL: err. */
FCT_MAY_WAIT struct milter_peer *milter_peer_take(struct milter_filter *filter,
                                                  struct fct_call *call, bool new_one,
                                                  struct fct_err *err);
/* After a client's end: keeps it for the next one, if the filter's version can (6). */
FCT_MAY_WAIT void milter_peer_give_back(struct milter_peer **peer, struct fct_call *call);
void milter_peer_close(struct milter_peer **peer);
void milter_filter_close(struct milter_filter *filter); /* the waiting ones */

/* Sends what was written to peer->out. */
FCT_MAY_WAIT FCT_MUST_CHECK bool milter_peer_send(struct milter_peer *peer, struct fct_call *call,
                                                  struct fct_err *err);
/* The next packet, good until the next call; with a time-out of its own. */
FCT_MAY_WAIT FCT_MUST_CHECK bool milter_peer_packet(struct milter_peer *peer, struct fct_call *call,
                                                    fct_duration timeout, struct fct_str *packet,
                                                    struct fct_err *err);

#endif
