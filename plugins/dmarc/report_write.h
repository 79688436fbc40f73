/* report_write.h - an aggregate report as XML (RFC 9990 3.1.1, appendix A), row by row. */
#ifndef PLUGINS_DMARC_REPORT_WRITE_H
#define PLUGINS_DMARC_REPORT_WRITE_H

#include "dmarc_row.h"

#define REPORT_NAMESPACE "urn:ietf:params:xml:ns:dmarc-2.0"

/* What stands above the rows. */
struct report_head {
    const char *org, *email, *contact; /* UTF-8; contact may be empty */
    const char *generator;
    const char *receiver; /* the domain that made it: of file names and the subject */
    const char *id;       /* dot-atom [ "@" dot-atom ] */
    int64_t begin, end;   /* seconds since 1970; end is the last second that counts */
    struct fct_str domain;
    struct fct_str policy_text; /* the record as published */
    enum dmarc_discovery discovery;
    uint64_t left_out; /* messages that are in no row */
};

void report_write_begin(FILE *out, const struct report_head *head);
void report_write_row(FILE *out, const struct dmarc_row *row, uint64_t count);
void report_write_end(FILE *out);

/* "20260105.example.org" and the like: one for each receiver, domain and time, so that a report
 * made again has the same (RFC 9990 3.5.1). */
#define REPORT_ID_MAX (2 * DMARC_NAME_MAX + 48)
void report_id(char out[REPORT_ID_MAX], int64_t begin, int64_t end, struct fct_str domain,
               const char *receiver);
/* receiver "!" policy-domain "!" begin "!" end "." extension       RFC 9990 3.5.2 */
#define REPORT_NAME_MAX (2 * DMARC_NAME_MAX + 64)
void report_file_name(char out[REPORT_NAME_MAX], const struct report_head *head,
                      const char *extension);

#endif
