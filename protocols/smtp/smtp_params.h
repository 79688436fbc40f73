/* smtp_params.h - the parameters behind a path: esmtp-param = esmtp-keyword ["=" esmtp-value] (RFC
 * 5321 4.1.2). */
#ifndef PROTOCOLS_SMTP_SMTP_PARAMS_H
#define PROTOCOLS_SMTP_SMTP_PARAMS_H

#include "core/base/err.h"

struct smtp_mail_params {
    uint64_t size;  /* SIZE= (RFC 1870), 0 when absent */
    bool body_8bit; /* BODY=8BITMIME (RFC 6152) */
    bool smtputf8;  /* RFC 6531 3.4 */
    bool has_auth;  /* AUTH= was given (RFC 4954 5); its value is read and not believed */
};

/* `in`: what follows ">". Parameters may come in any order, each once. allow_auth: AUTH was
 * announced. Fails FCT_SYNTAX (501 5.5.4) or FCT_DENIED: a parameter we did not announce
 * (555 5.5.4). */
FCT_MUST_CHECK bool smtp_mail_params_parse(struct fct_str in, bool allow_auth,
                                           struct smtp_mail_params *out, struct fct_err *err);
/* RCPT has none yet: anything is refused with FCT_DENIED. */
FCT_MUST_CHECK bool smtp_rcpt_params_parse(struct fct_str in, struct fct_err *err);

#endif
