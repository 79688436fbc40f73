/* smtp_params.h - the parameters behind a path: esmtp-param = esmtp-keyword ["=" esmtp-value] (RFC
 * 5321 4.1.2). */
#ifndef PROTOCOLS_SMTP_SMTP_PARAMS_H
#define PROTOCOLS_SMTP_SMTP_PARAMS_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "protocols/smtp/smtp_extension.h"

struct smtp_mail_params {
    uint64_t size;       /* SIZE= (RFC 1870), 0 when absent */
    struct fct_str body; /* BODY= (RFC 6152): "7BIT", "8BITMIME", or empty; static */
    bool smtputf8;       /* RFC 6531 3.4 */
    bool prdr;           /* draft-hall-prdr */
    bool has_auth;       /* AUTH= was given (RFC 4954 5); told to plugins, believed by nobody */
    struct fct_str auth; /* its value as written, xtext; a view into the line */
    enum { SMTP_RET_NONE, SMTP_RET_FULL, SMTP_RET_HDRS } ret; /* RFC 3461 4.3 */
    struct fct_str envid; /* RFC 3461 4.4, as written, xtext; a view into the line */
    int64_t hold_until;   /* HOLDUNTIL= or HOLDFOR= (RFC 4865), seconds since 1970; 0: at once */
    bool has_priority;
    int8_t priority; /* RFC 6710, -9 … 9 */
    bool requiretls; /* RFC 8689 */
};

/* NOTIFY= of RFC 3461 4.1. */
#define SMTP_NOTIFY_NEVER   1u
#define SMTP_NOTIFY_SUCCESS 2u
#define SMTP_NOTIFY_FAILURE 4u
#define SMTP_NOTIFY_DELAY   8u

struct smtp_rcpt_params {
    uint8_t notify;       /* SMTP_NOTIFY_*; 0: not given */
    struct fct_str orcpt; /* RFC 3461 4.2, as written: type ";" xtext; a view into the line */
};

/* `in`: what follows ">". Parameters may come in any order, each once. offered: the extensions
 * (smtp_extension.h) that the client may use. Fails FCT_SYNTAX (501 5.5.4) or FCT_DENIED: a
 * parameter we did not announce (555 5.5.4). */
FCT_MUST_CHECK bool smtp_mail_params_parse(struct fct_str in, unsigned offered,
                                           struct smtp_mail_params *out, struct fct_err *err);
/* The mailbox that AUTH= names, decoded; empty for "<>" and when it was not given. */
struct fct_str smtp_mail_params_auth(struct arena *arena, const struct smtp_mail_params *params);
/* The same of RCPT. */
FCT_MUST_CHECK bool smtp_rcpt_params_parse(struct fct_str in, unsigned offered,
                                           struct smtp_rcpt_params *out, struct fct_err *err);

#endif
