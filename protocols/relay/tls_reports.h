/* tls_reports.h - at the end of each day tells domains that asked for it how TLS with their servers
 * went (RFC 8460): who wants reports is looked up then, each report is mail in our own queue. */
#ifndef PROTOCOLS_RELAY_TLS_REPORTS_H
#define PROTOCOLS_RELAY_TLS_REPORTS_H

#include "protocols/relay/relay.h"

/* When the relay has its store. Does nothing when outbound_tls.report is "no". */
void tls_reports_start(struct relay *relay);
/* When the period began that `now` is in. */
int64_t tls_reports_begin(const struct relay *relay, int64_t now);
/* Those of a period that is over, after a while by chance. Takes the counts. */
struct tls_report;
void tls_reports_send(struct relay *relay, struct tls_report *report, int64_t begin);
/* The counts of such a period while its reports are not all sent, and when it began; or NULL. */
const struct tls_report *tls_reports_waiting(const struct relay *relay, int64_t *begin);

#endif
