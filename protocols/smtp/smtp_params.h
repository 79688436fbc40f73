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
};

/* `in`: what follows ">". Parameters may come in any order, each once. offered: the extensions
 * (smtp_extension.h) that the client may use. Fails FCT_SYNTAX (501 5.5.4) or FCT_DENIED: a
 * parameter we did not announce (555 5.5.4). */
FCT_MUST_CHECK bool smtp_mail_params_parse(struct fct_str in, unsigned offered,
                                           struct smtp_mail_params *out, struct fct_err *err);
/* The mailbox that AUTH= names, decoded; empty for "<>" and when it was not given. */
struct fct_str smtp_mail_params_auth(struct arena *arena, const struct smtp_mail_params *params);
/* RCPT has none yet: anything is refused with FCT_DENIED. */
FCT_MUST_CHECK bool smtp_rcpt_params_parse(struct fct_str in, struct fct_err *err);

#endif
