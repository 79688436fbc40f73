/* smtp_hold.h - the times of FUTURERELEASE (RFC 4865). */
#ifndef PROTOCOLS_SMTP_SMTP_HOLD_H
#define PROTOCOLS_SMTP_SMTP_HOLD_H

#include <facteur/base.h>

/* date-time of RFC 3339 5.6: "2026-11-22T10:30:00Z", "…10:30:00.5+01:00"; fractions are left out.
 */
FCT_MUST_CHECK bool smtp_hold_parse(struct fct_str text, int64_t *seconds);
/* The same, in UTC; 20 characters. */
struct fct_str smtp_hold_text(int64_t seconds, char text[32]);

#endif
