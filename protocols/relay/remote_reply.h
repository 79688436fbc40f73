/* remote_reply.h - what a foreign server answers (RFC 5321 4.2): lines taken apart one by one,
 * bounded, nothing in them trusted.
 *
 * No socket, no fiber, no allocation: whoever has a line feeds it. */
#ifndef PROTOCOLS_RELAY_REMOTE_REPLY_H
#define PROTOCOLS_RELAY_REMOTE_REPLY_H

#include "core/base/err.h"

#define REPLY_LINE_MAX  2048u /* RFC 5321 4.5.3.1.5 says 512; some say more */
#define REPLY_LINES_MAX 128u
#define REPLY_TEXT_MAX  1024u /* what is kept of all lines together */

struct remote_reply {
    uint16_t code;             /* 200 to 599; 0: no line was read yet */
    char status[12];           /* RFC 3463 "5.1.1" of its first line; "" without */
    unsigned lines;            /* read so far */
    size_t n;                  /* of text */
    char text[REPLY_TEXT_MAX]; /* the words of all lines, joined by one space; no control characters
                                */
};

enum reply_state {
    REPLY_MORE, /* a line of several: read the next */
    REPLY_DONE,
    REPLY_BAD, /* this is no SMTP: close the connection; err says why */
};

/* One line, its CRLF (or LF) still on it. Start with a zeroed *reply. `words` is what stands behind
 * the code and its mark in this line, a view into it: EHLO's keywords. */
enum reply_state reply_line(struct remote_reply *reply, struct fct_str line, struct fct_str *words,
                            struct fct_err *err);

static inline unsigned reply_class(const struct remote_reply *reply)
{
    return reply->code / 100u;
}
static inline struct fct_str reply_text(const struct remote_reply *reply)
{
    return (struct fct_str){reply->text, reply->n};
}

#endif
