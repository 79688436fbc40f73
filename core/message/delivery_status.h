/* delivery_status.h - what became of a message, as one server tells another: the fields of
 * message/delivery-status (RFC 3464), and the reports that carry them (RFC 6522), those of others
 * and our own (delivery_report.h). Values only: who is told, and when, the relay decides. */
#ifndef CORE_MESSAGE_DELIVERY_STATUS_H
#define CORE_MESSAGE_DELIVERY_STATUS_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"

/* RFC 3464 2.3.3 */
enum delivery_action {
    DELIVERY_FAILED,
    DELIVERY_DELAYED,
    DELIVERY_DELIVERED, /* into a mailbox here */
    DELIVERY_RELAYED,   /* to a server that sends no such reports: nothing more will be heard */
    DELIVERY_EXPANDED,  /* to the members of a list or the targets of an alias */
    DELIVERY_ACTIONS
};
const char *delivery_action_word(enum delivery_action action);
FCT_MUST_CHECK bool delivery_action_from_word(struct fct_str word, enum delivery_action *out);

/* Of one recipient. Texts may be empty, times 0: not known, left out. */
struct delivery_recipient {
    enum delivery_action action;
    struct fct_str final;           /* the address, without brackets; UTF-8 allowed */
    struct fct_str original_type;   /* of ORCPT: "rfc822", "utf-8" … (RFC 3461 4.2) */
    struct fct_str original;        /* of ORCPT, decoded */
    struct fct_str status;          /* "5.1.1" (RFC 3463) */
    struct fct_str remote_mta;      /* the name of the server that answered */
    struct fct_str diagnostic_type; /* empty: "smtp" */
    struct fct_str diagnostic;      /* its answer; of several lines LF is between */
    int64_t last_attempt;
    int64_t will_retry_until; /* only when DELIVERY_DELAYED */
};

/* Of the message, and of each recipient. */
struct delivery_status {
    struct fct_str reporting_mta; /* a host name */
    struct fct_str envelope_id;   /* ENVID, decoded (RFC 3461 4.4) */
    int64_t arrival;
    const struct delivery_recipient *recipient;
    size_t recipients;
};

#define DELIVERY_RECIPIENTS_MAX 1000u /* of a report of somebody else; more are left out */
#define DELIVERY_VALUE_MAX      2000u /* bytes of a field of somebody else; longer ones are cut */

/* The body of a message/delivery-status. `utf8`: message/global-delivery-status (RFC 6533 4), where
 * addresses may stand as they are. False: out is full. */
FCT_MUST_CHECK bool delivery_status_write(const struct delivery_status *status, bool utf8,
                                          struct buf *out);
/* The same read: lenient in the fields' order and spelling, bounded. Fails FCT_SYNTAX when no
 * recipient has an action and an address. All of *out lives in `arena`. */
FCT_MUST_CHECK bool delivery_status_parse(struct arena *arena, struct fct_str body,
                                          struct delivery_status *out, struct fct_err *err);

/* A report of somebody else, found in a whole message. */
struct delivery_notice {
    struct delivery_status status;
    struct fct_str original; /* header or whole message that came back; a view, or empty */
    struct fct_str original_message_id; /* its Message-ID with brackets, or empty */
    struct fct_str original_from;       /* the value of its From, or empty */
};
/* From anybody a multipart/report, from the null reverse-path any multipart with a status in it.
 * Fails FCT_SYNTAX: no report about delivery, or a broken one. `message` must outlive *out. */
FCT_MUST_CHECK bool delivery_notice_parse(struct arena *arena, struct fct_str message,
                                          struct fct_str reverse_path, struct delivery_notice *out,
                                          struct fct_err *err);

/* xtext (RFC 3461 4) as ENVID and ORCPT have it. False: malformed, or a control character. */
FCT_MUST_CHECK bool xtext_decode(struct arena *arena, struct fct_str text, struct fct_str *out);
FCT_MUST_CHECK bool xtext_encode(struct fct_str text, struct buf *out);

#endif
