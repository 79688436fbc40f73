/* imap_input.h - one command collected from the stream: lines and the literals between them, within
 * limits.
 *
 * The bytes of a command stand in `command` as they were sent, so that the parser sees one view.
 * Only the messages of APPEND do not: the session takes them elsewhere (imap_append.h). No function
 * here waits or writes. */
#ifndef PROTOCOLS_IMAP_IMAP_INPUT_H
#define PROTOCOLS_IMAP_IMAP_INPUT_H

#include "core/base/buf.h"
#include "protocols/imap/imap_parse.h"

struct evbuffer;

enum imap_input_at { INPUT_LINE, INPUT_LITERAL, INPUT_DISCARD };

struct imap_input {
    struct buf command;
    size_t line_start; /* where the line in hand starts in command */
    size_t literals;   /* bytes of literals accepted so far */
    uint64_t left;     /* of the literal being read */
    enum imap_input_at at;
};

struct imap_input_limits {
    size_t max_line, max_literal;
};

enum imap_input_event {
    INPUT_MORE,     /* wait for more bytes */
    INPUT_COMMAND,  /* `command` is whole, its last line end removed */
    INPUT_ASKS,     /* a literal is about to come: answer with accept, or give the command up */
    INPUT_TOO_LONG, /* the line was too long and has been discarded to its end */
};

/* Take from `from` what belongs to the command in hand. *literal is set at INPUT_ASKS. */
enum imap_input_event imap_input_take(struct imap_input *in, struct evbuffer *from,
                                      const struct imap_input_limits *limits,
                                      struct imap_literal *literal);
/* Read the literal into the command. False: too large for the limits. */
bool imap_input_accept(struct imap_input *in, const struct imap_literal *literal,
                       const struct imap_input_limits *limits);
/* The literal was taken by somebody else: the next bytes are the rest of the line. */
void imap_input_continue(struct imap_input *in);
/* The command is done with, its memory given back. */
void imap_input_reset(struct imap_input *in);
/* What has come of the command so far, for messages and for APPEND. */
static inline struct fct_str imap_input_command(const struct imap_input *in)
{
    return buf_str(&in->command);
}

#endif
