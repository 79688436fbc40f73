/* outcome.h - what a reply, or its absence, means for a recipient, for the message and for the host
 * (RFC 5321 4.2.1, 4.3.2, 4.5.3.1.10). */
#ifndef PROTOCOLS_RELAY_OUTCOME_H
#define PROTOCOLS_RELAY_OUTCOME_H

#include "protocols/relay/remote_reply.h"

enum outcome {
    OUTCOME_NONE,      /* nothing said about it yet */
    OUTCOME_DELIVERED, /* the server took the responsibility */
    OUTCOME_FAILED,    /* permanent */
    OUTCOME_DEFERRED,  /* later */
    OUTCOME_AGAIN,     /* at once, in another transaction: too many recipients in this one */
    OUTCOME_HOST,      /* nothing about the mail: this host cannot now, another one may */
};

/* Where in the dialogue a reply came. */
enum outcome_step {
    STEP_GREETING,
    STEP_EHLO,
    STEP_STARTTLS,
    STEP_AUTH,
    STEP_MAIL,
    STEP_RCPT,
    STEP_DATA,
    STEP_DOT,
    STEP_COUNT
};
const char *outcome_step_name(enum outcome_step step);

/* accepted: recipients of this transaction that were accepted before (STEP_RCPT). */
enum outcome outcome_of(enum outcome_step step, const struct remote_reply *reply,
                        unsigned accepted);
/* Does this reply say that the host is pressed too hard? */
bool outcome_pushes_back(enum outcome_step step, const struct remote_reply *reply);

/* Of one recipient, for the queue, the log and reports. Fixed size: it lives in tables. */
struct delivery_result {
    enum outcome outcome;
    uint16_t code;         /* of the reply; 0: none came */
    char status[12];       /* RFC 3463 */
    char text[256];        /* the reply, or what happened instead */
    char host[192];        /* "mx.example [192.0.2.1:25]", "" when none was asked */
    bool reports;          /* DELIVERED: that server sends reports of success itself (DSN) */
    bool silent;           /* a plugin wants no report */
    char tls[12];          /* DELIVERED: the connection's version, or empty */
    const char *converted; /* DELIVERED: what the message was made into for it (down_convert_name),
                              or NULL */
};
/* The server's own status, else the one that RFC 3463 gives for the step. */
void outcome_from_reply(struct delivery_result *to, enum outcome outcome, enum outcome_step step,
                        const struct remote_reply *reply);
void outcome_without_reply(struct delivery_result *to, enum outcome outcome, const char *status,
                           const char *text);

#endif
