/* body.h - the bytes of a message as they go out: with DATA, dots doubled (RFC 5321 4.5.2), or with
 * BDAT as they are (RFC 3030). The bytes themselves are not copied: what is sent are spans of
 * them. */
#ifndef PROTOCOLS_RELAY_BODY_H
#define PROTOCOLS_RELAY_BODY_H

#include "protocols/relay/job.h"
#include "protocols/relay/remote.h"

struct down_convert;
struct evbuffer;

struct body {
    struct store *store;
    struct mail *mail;
    struct down_convert *conversion; /* NULL: as it is */
};

/* Where the piece before ended. Start zeroed. */
struct dot_state {
    bool inside_line; /* the last byte was no LF */
    bool after_cr;    /* the last byte was a CR */
    bool not_crlf;    /* the message so far does not end in CRLF */
};
/* Adds spans of `bytes` to `out`, with a dot before each line that begins with one. hold/release:
 * called for each span, keeps `bytes` alive until it is sent. */
void body_add_stuffed(struct evbuffer *out, struct fct_str bytes, struct dot_state *state,
                      void (*hold)(void *owner), void (*release)(void *owner), void *owner);

enum body_framing { BODY_DATA, BODY_BDAT };

/* The whole message, with its final dot or as one last chunk. False: r->trouble, or the store could
 * not give the rest (then the connection must be closed). Stops early when the server answers
 * before the end: *early. */
FCT_MAY_WAIT FCT_MUST_CHECK bool body_send(struct remote *r, const struct body *body,
                                           enum body_framing framing, uint64_t block_timeout_ms,
                                           bool *early);
/* *ascii: no byte above 127; reads it all. False: the store is away. */
FCT_MAY_WAIT FCT_MUST_CHECK bool body_is_ascii(const struct body *body, bool *ascii,
                                               struct fct_err *err);
/* All of it past body->conversion. False: the store is away. */
FCT_MAY_WAIT FCT_MUST_CHECK bool body_look(const struct body *body, struct fct_err *err);

#endif
