/* sendmail_message.h - what stands on standard input, as a message that can go out (RFC 5322): line
 * ends of the wire, the fields that must be there, the recipients that its header names. */
#ifndef CORE_SENDMAIL_SENDMAIL_MESSAGE_H
#define CORE_SENDMAIL_SENDMAIL_MESSAGE_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"

#define SENDMAIL_RECIPIENTS_MAX 100000u

/* Up to the end of the file, or to a line with nothing but a dot unless `whole`. LF becomes CRLF.
 * FCT_TEMP: reading failed; FCT_LIMIT: over 1 GiB. */
FCT_MUST_CHECK bool sendmail_message_read(int fd, bool whole, struct buf *out, struct fct_err *err);

/* Who sends, where. */
struct sendmail_author {
    struct fct_str address; /* for From; may be empty */
    struct fct_str name;    /* -F, or of the password file; may be empty */
    struct fct_str server;  /* behind local parts without a domain, and in Message-ID */
};

/* The message for the wire: From, Date and Message-ID are added where they are missing. From -t:
 * the recipients that To, Cc and Bcc name (Resent-… alone when there are such, RFC 5322 3.6.6), and
 * Bcc goes. FCT_SYNTAX: an address that cannot be read. */
struct sendmail_made {
    struct buf message;
    struct fct_str *recipient; /* in the arena, with domains */
    size_t recipients;
    bool has_8bit;
};
FCT_MUST_CHECK bool sendmail_message_make(struct arena *arena, struct fct_str in, bool from_header,
                                          const struct sendmail_author *author,
                                          struct sendmail_made *out, struct fct_err *err);
/* "root" becomes "root@server"; what is in brackets loses them. FCT_SYNTAX. */
FCT_MUST_CHECK bool sendmail_address(struct arena *arena, struct fct_str text,
                                     struct fct_str server, struct fct_str *out,
                                     struct fct_err *err);

#endif
