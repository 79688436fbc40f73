/* pop3_wire.h - a message as lines of a multi-line answer (RFC 1939 3): CRLF line ends, a dot in
 * front of a dot, ".\r\n" at the end.
 *
 * A bare LF, which only clients that append such messages by IMAP can bring in, becomes CRLF: a
 * client that reads lines by LF would otherwise take "\n.\n" for the end. Such a message is longer
 * on the wire, by an octet for each, than LIST says; all others have exactly the size that LIST
 * gives. A bare CR is left as it is. */
#ifndef PROTOCOLS_POP3_POP3_WIRE_H
#define PROTOCOLS_POP3_POP3_WIRE_H

#include <facteur/base.h>

struct evbuffer;

struct pop3_wire {
    bool inside;   /* a line has begun and not ended */
    bool after_cr; /* the last byte was CR */
};

/* Any pieces of a message, in order. */
void pop3_wire_put(struct pop3_wire *w, struct fct_str bytes, struct evbuffer *out);
/* End the last line if it has no end, then the dot. */
void pop3_wire_end(struct pop3_wire *w, struct evbuffer *out);

/* TOP: the header, the empty line and so many lines of the body. */
struct pop3_top {
    bool in_body;
    bool line_has_text; /* of the present header line */
    uint32_t lines;     /* of the body, still wanted */
};
/* How many bytes at the front of the next piece belong to it; less than all of them: that was the
 * end. */
size_t pop3_top_take(struct pop3_top *t, struct fct_str bytes);

#endif
