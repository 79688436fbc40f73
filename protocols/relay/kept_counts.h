/* kept_counts.h - the counts of the running period for TLS reports, as bytes that outlive a restart
 * (kept_state.h). What is read comes from a disk: any bytes. */
#ifndef PROTOCOLS_RELAY_KEPT_COUNTS_H
#define PROTOCOLS_RELAY_KEPT_COUNTS_H

#include "protocols/relay/policy/tls_report.h"

/* The line "begin" of the period, then of each domain the line "name bytes" and so many bytes of
 * JSON, as its report would have them. */
void kept_counts_write(const struct tls_report *report, int64_t begin, struct buf *out);

/* When their period began; the rest of the text is left in *text. False: nothing was kept. */
FCT_MUST_CHECK bool kept_counts_begin(struct fct_str *text, int64_t *begin);
/* Adds them. What cannot be read is passed over, what has no length ends it. */
void kept_counts_add(struct fct_str text, struct tls_report *into);

#endif
