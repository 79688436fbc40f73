/* milter_session.h - what one foreign filter was told of one SMTP connection, and what it answered.
 *
 * Each step brings the filter up to the point the host is at: whatever it has not heard yet is sent
 * first, so that a filter process that took over from a dead one, or a connection that was lost
 * before the message, costs nothing but a repetition. */
#ifndef MILTER_SESSION_H
#define MILTER_SESSION_H

#include "milter_peer.h"

/* What the filter wants done, in the host's words. */
struct milter_verdict {
    enum fct_verdict verdict;
    unsigned code; /* 0: the host's own text */
    char enhanced[12];
    char text[480];
    bool failed; /* by default_action: the filter could not be asked */
};

struct milter_list {
    char **item;
    size_t n, room;
};

struct milter_session {
    struct milter_filter *filter;
    struct milter_peer *peer; /* NULL: not connected now */
    enum milter_stage told;   /* the last stage it heard of; only with `peer` */
    bool connection_done;     /* it wants to hear no more of this connection */
    bool message_done;        /* … of this message */
    bool broken;              /* default_action for the rest of the connection */
    size_t recipients;        /* told of this message */
    char message_id[80];      /* the transaction that `told` is about */
    /* For the point `edit`: what it wants changed in the envelope. */
    bool has_sender;
    char *sender;
    struct milter_list add, remove;
    uint64_t used_ms; /* monotonic, the last time */
};

void milter_session_init(struct milter_session *s, struct milter_filter *filter);
/* A client's end: the connection goes back to wait for the next. */
FCT_MAY_WAIT void milter_session_end(struct milter_session *s, struct fct_call *call);
/* The same without a word to the filter. */
void milter_session_drop(struct milter_session *s);
/* A second EHLO, or one after STARTTLS, begins anew (RFC 5321 4.1.4, RFC 3207 4.2). */
void milter_session_greeting(struct milter_session *s);
/* The message in hand ended without us (RSET, refused): said at the next step. */
void milter_session_abort(struct milter_session *s);

/* One step of the dialogue. `rcpt`: at STAGE_RCPT, the recipient in question and why we refuse it
 * ("" when not). */
struct milter_rcpt {
    struct fct_str address, refused;
};
FCT_MAY_WAIT void milter_session_step(struct milter_session *s, struct fct_call *call,
                                      enum milter_stage stage, const struct milter_rcpt *rcpt,
                                      struct milter_verdict *out);
FCT_MAY_WAIT void milter_session_unknown(struct milter_session *s, struct fct_call *call,
                                         struct fct_str line, struct milter_verdict *out);
/* The whole message: header, body, end; its edits are handed to the host. */
FCT_MAY_WAIT void milter_session_message(struct milter_session *s, struct fct_call *call,
                                         struct milter_verdict *out);

/* ---- shared by the files of the session ---- */

/* Sends what is written and waits for one answer. `timeout` restarts at each PROGRESS. False: the
 * filter could not be asked (err). */
FCT_MAY_WAIT FCT_MUST_CHECK bool milter_ask(struct milter_session *s, struct fct_call *call,
                                            fct_duration timeout, struct milter_reply *reply,
                                            struct fct_err *err);
/* It could not be asked: default_action, now and for the rest of the connection. */
void milter_session_fail(struct milter_session *s, struct fct_call *call, const struct fct_err *err,
                         struct milter_verdict *out);
/* The answer as a verdict; marks the session as done where it says so. False: an answer that has
 * no place here. */
FCT_MUST_CHECK bool milter_take_verdict(struct milter_session *s, const struct milter_reply *reply,
                                        struct milter_verdict *out);

/* milter_macros.c: the packet with the macros of a stage; `command` is what follows it. */
void milter_put_macros(struct milter_session *s, struct fct_call *call, enum milter_stage stage,
                       enum milter_command command, const struct milter_rcpt *rcpt);

#endif
