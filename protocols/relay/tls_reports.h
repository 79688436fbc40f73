/* tls_reports.h - at the end of each day tells domains that asked for it how TLS with their servers
 * went (RFC 8460): who wants reports is looked up then, each report is mail in our own queue. */
#ifndef PROTOCOLS_RELAY_TLS_REPORTS_H
#define PROTOCOLS_RELAY_TLS_REPORTS_H

#include "protocols/relay/relay.h"

/* When the relay has its store. Does nothing when outbound_tls.report is "no". */
void tls_reports_start(struct relay *relay);

#endif
