/* smtp_path.h - the paths of MAIL and RCPT, byte for byte (RFC 5321 4.1.2, RFC 6531 3.3). Refuses,
 * never repairs. */
#ifndef PROTOCOLS_SMTP_SMTP_PATH_H
#define PROTOCOLS_SMTP_SMTP_PATH_H

#include "core/base/arena.h"
#include "core/base/err.h"

#define SMTP_MAX_LOCAL  64  /* RFC 5321 4.5.3.1.1 */
#define SMTP_MAX_DOMAIN 255 /* RFC 5321 4.5.3.1.2 */
#define SMTP_MAX_PATH   256 /* RFC 5321 4.5.3.1.3, with the brackets */

struct smtp_path {
    struct fct_str local; /* as written, with its quotes; empty: "<>" */
    struct fct_str
        domain; /* as written, with the brackets of an address literal; empty: <postmaster> */
};

/* Path = "<" [ A-d-l ":" ] Mailbox ">" / "<>"
 *
 * in     what follows "FROM:" or "TO:", CRLF removed; moved past ">" on success.
 * out    views into `in`. Source routes are read and left out (RFC 5321 4.1.1.3, appendix C).
 * utf8   the client gave SMTPUTF8: UTF-8 is allowed in both parts (RFC 6531 3.3).
 * Fails  FCT_SYNTAX; FCT_DENIED for UTF-8 that is not allowed or not fit for an address
 * (553 5.6.7). */
FCT_MUST_CHECK bool smtp_path_parse(struct fct_str *in, bool utf8, struct smtp_path *out,
                                    struct fct_err *err);

static inline bool smtp_path_is_null(const struct smtp_path *path)
{
    return path->local.n == 0;
}
bool smtp_path_is_postmaster(
    const struct smtp_path *path); /* <postmaster>, in any case (RFC 5321 4.5.1) */

/* "local@domain" without brackets, in the one spelling that others compare: a local part in
 * needless quotes loses them, others are quoted with the fewest backslashes. Empty for "<>". */
struct fct_str smtp_path_address(struct arena *arena, const struct smtp_path *path);

/* Domain / address-literal, as EHLO wants it; takes the whole string. Underscores pass: many hosts
 * have them in their names. */
bool smtp_domain_is_valid(struct fct_str domain, bool utf8);

#endif
