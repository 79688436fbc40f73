/* delivery_report.h - the report that tells a sender what became of the message (RFC 3464, 6522,
 * 6533): a text to read in the sender's language, the fields for programs, and the message or its
 * header back.
 *
 * The envelope is the caller's: MAIL FROM:<>, NOTIFY=NEVER, so that no report is answered by
 * another (RFC 3464 2). */
#ifndef CORE_MESSAGE_DELIVERY_REPORT_H
#define CORE_MESSAGE_DELIVERY_REPORT_H

#include "core/base/language.h"
#include "core/message/delivery_status.h"

/* What the original asks for: Accept-Language (RFC 3282), else Content-Language; else `otherwise`.
 */
enum language delivery_language_of_message(struct fct_str message, enum language otherwise);

struct delivery_report {
    struct delivery_status status; /* at least one recipient */
    struct fct_str from;           /* address of the header's From: MAILER-DAEMON@ or postmaster@ */
    struct fct_str to;             /* the original's reverse-path, without brackets */
    struct fct_str message_id;     /* without brackets, unique */
    int64_t now;
    enum language language;
    struct fct_str text;     /* UTF-8, one line: says it instead of the usual greeting; or empty */
    struct fct_str original; /* its bytes, at least the header; may be empty */
    bool original_is_whole;  /* more than the header is in `original` */
    bool return_full;        /* RET=FULL, and only for failures (RFC 3461 4.3) */
    size_t max_original;     /* bytes that may go back whole; larger: the header only */
    bool accepts_utf8;       /* the original came with SMTPUTF8 (RFC 6533 7) */
};

/* What the message needs of the server it goes to, and what it carries. */
struct delivery_report_made {
    bool needs_8bit; /* BODY=8BITMIME */
    bool needs_utf8; /* SMTPUTF8 */
    bool has_full;
};

/* The whole message with CRLF line ends. Fails FCT_DENIED for a null reverse-path: nobody is told;
 * FCT_LIMIT when out is full; FCT_SYNTAX for an address or id that cannot stand in a header. */
FCT_MUST_CHECK bool delivery_report_write(const struct delivery_report *report, struct buf *out,
                                          struct delivery_report_made *made, struct fct_err *err);

#endif
