/* report_address.h - where a domain wants its aggregate reports: the tag rua of its record, a list
 * of URIs (RFC 9989 4.7, RFC 9990 3.5). Only mailto: is known (RFC 6068). */
#ifndef PLUGINS_DMARC_REPORT_ADDRESS_H
#define PLUGINS_DMARC_REPORT_ADDRESS_H

#include "dmarc_domain.h"

/* More URIs of one record are not looked at (RFC 9990 3.5: up to the receiver's limits). */
#define REPORT_ADDRESSES_MAX 10
#define REPORT_LOCAL_MAX     64 /* RFC 5321 4.5.3.1.1 */

struct report_address {
    char text[REPORT_LOCAL_MAX + 1 + DMARC_NAME_MAX + 1]; /* local@domain; a NUL follows */
    struct dmarc_domain domain;                           /* A-labels */
    uint64_t max_bytes;                                   /* "!10m" behind it; 0: no limit */
    const char
        *refused; /* why nothing is sent there: one sentence, static; NULL: nothing is wrong */
    struct fct_str uri; /* as it stands in the record */
};

/* One URI. False: out->refused says why; domain and max_bytes may not be filled in. */
bool report_address_parse(struct fct_str uri, struct report_address *out);

/* Those of a record's text, in their order; returns how many. `left` URIs were beyond the limit. */
size_t report_addresses(struct fct_str record, struct report_address out[REPORT_ADDRESSES_MAX],
                        size_t *left);

/* The value of a tag of a record; the first counts. False: it is not there. */
FCT_MUST_CHECK bool report_record_tag(struct fct_str record, const char *tag,
                                      struct fct_str *value);

#endif
