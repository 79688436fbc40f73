/* report_mail.h - a finished report, packed (core/message/gzip.h), as the message that carries it
 * (RFC 9990 3.5.2). */
#ifndef PLUGINS_DMARC_REPORT_MAIL_H
#define PLUGINS_DMARC_REPORT_MAIL_H

#include "report_write.h"

/* The whole message with CRLF line ends, ready for `to`. `date` is a date-time of RFC 5322 3.3. */
struct report_mail {
    const struct report_head *head;
    const char *from; /* an address */
    const char *const *to;
    size_t recipients;
    const char *date;
    struct fct_str gzip;
};
void report_mail_write(FILE *out, const struct report_mail *mail);

#endif
