/* report_destination.h - does the destination agree? Somebody could name a victim's address in his
 * record, so a destination elsewhere is asked for its consent (RFC 9990 4). */
#ifndef PLUGINS_DMARC_REPORT_DESTINATION_H
#define PLUGINS_DMARC_REPORT_DESTINATION_H

#include "dmarc_discover.h"
#include "report_address.h"

enum report_consent {
    REPORT_OWN,     /* of the same organization: nobody is asked */
    REPORT_AGREES,  /* elsewhere, and its DNS says yes */
    REPORT_REFUSES, /* elsewhere, and its DNS says nothing, or something that does not count */
    REPORT_UNKNOWN, /* nobody can say for now */
};

struct report_destination {
    struct report_address address; /* the one to use: that of the record, or what replaces it */
    enum report_consent consent;
    bool replaced;
    char why[2 * DMARC_NAME_MAX + 120]; /* one sentence */
};

/* `policy_domain` is where the record was found. `search` says how to look; it may be kept for
 * several destinations of one domain. */
FCT_MAY_WAIT void report_destination_check(struct dmarc_search *search,
                                           struct fct_str policy_domain,
                                           const struct report_address *address,
                                           struct report_destination *out);

#endif
