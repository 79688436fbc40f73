/* pop3_parse.h - a command line as typed values (RFC 1939 3). Pure functions over views. */
#ifndef PROTOCOLS_POP3_POP3_PARSE_H
#define PROTOCOLS_POP3_POP3_PARSE_H

#include "core/base/err.h"

/* What stands behind the keyword. */
enum pop3_shape {
    POP3_NOTHING,
    POP3_TEXT,   /* one string to the end of the line, spaces included (PASS, RFC 1939 7) */
    POP3_NUMBER, /* message-number */
    POP3_OPTIONAL_NUMBER,
    POP3_NUMBER_LINES, /* message-number SP lines (TOP) */
    POP3_MECHANISM,    /* mechanism [SP initial-response] (RFC 5034 4) */
};

struct pop3_arguments {
    struct fct_str text;    /* POP3_TEXT, or the mechanism */
    struct fct_str initial; /* POP3_MECHANISM: base64 or "=" */
    bool has_initial;
    uint32_t number; /* 0: none was given */
    uint32_t lines;
};

/* The line without its CRLF or LF. */
struct fct_str pop3_strip(struct fct_str line);
/* The keyword off the front of `line`; what follows the space stays. */
struct fct_str pop3_keyword(struct fct_str *line);
/* `rest`: what pop3_keyword left. Fails FCT_SYNTAX with a text fit for -ERR. */
FCT_MUST_CHECK bool pop3_arguments(enum pop3_shape shape, struct fct_str rest,
                                   struct pop3_arguments *out, struct fct_err *err);

#endif
