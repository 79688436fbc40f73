/* date.h - RFC 5322 3.3 date-time (obsolete forms read too), and IMAP's INTERNALDATE (RFC 9051 9
 * date-time). */
#ifndef CORE_MESSAGE_DATE_H
#define CORE_MESSAGE_DATE_H

#include "core/base/buf.h"

/* "Mon, 5 Jan 2026 10:11:12 +0100" */
FCT_MUST_CHECK bool date_parse(struct fct_str text, int64_t *seconds);
void date_format(int64_t seconds, struct buf *out); /* in UTC: "+0000" */
/* " 5-Jan-2026 10:11:12 +0100" without quotes */
FCT_MUST_CHECK bool date_parse_imap(struct fct_str text, int64_t *seconds);
void date_format_imap(int64_t seconds, struct buf *out);

#endif
