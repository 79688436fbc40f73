/* sendmail_args.h - the command line that programs have used to send mail since 1983: what of
 * sendmail(8) means something here, what is taken and ignored, what is refused. */
#ifndef CORE_SENDMAIL_SENDMAIL_ARGS_H
#define CORE_SENDMAIL_SENDMAIL_ARGS_H

#include "core/base/err.h"

enum sendmail_mode {
    SENDMAIL_SEND,   /* a message on standard input */
    SENDMAIL_SMTP,   /* -bs: SMTP on standard input and output */
    SENDMAIL_QUEUE,  /* -bp, mailq: what waits */
    SENDMAIL_FLUSH,  /* -q: try all of it now */
    SENDMAIL_ALIASES /* -bi, newaliases: nothing to do, aliases need no building */
};

struct sendmail_args {
    enum sendmail_mode mode;
    bool has_sender;
    const char *sender; /* -f, -r; "" and "<>": none */
    const char *name;   /* -F */
    const char *notify; /* -N, as RFC 3461 writes it */
    const char *ret;    /* -R: "FULL", "HDRS" */
    const char *envid;  /* -V */
    bool from_header;   /* -t */
    bool whole;         /* -i: a line with a dot is a line with a dot */
    bool help;
    char **recipient; /* of argv */
    int recipients;
};

/* `called`: argv[0]. FCT_SYNTAX with a sentence. */
FCT_MUST_CHECK bool sendmail_args_parse(const char *called, int argc, char **argv,
                                        struct sendmail_args *out, struct fct_err *err);

#endif
