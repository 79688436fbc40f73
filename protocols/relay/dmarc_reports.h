/* dmarc_reports.h - once a day tells the domains that ask for it what was done with mail in their
 * name (RFC 9990). Filters count in Redis (plugins/dmarc); here each domain's report is made, and
 * queued. What is marked there as sent is not sent again (dmarc/dmarc_claim.h), so a day that ended
 * while nobody ran is made up for, and several servers with one Redis send each report once. */
#ifndef PROTOCOLS_RELAY_DMARC_REPORTS_H
#define PROTOCOLS_RELAY_DMARC_REPORTS_H

#include "protocols/relay/relay.h"

/* Before the sandbox. Leaves relay->dmarc NULL where the configuration has nothing sent. */
FCT_MUST_CHECK bool dmarc_reports_prepare(struct relay *relay, struct fct_err *err);
void dmarc_reports_start(struct relay *relay);

#endif
