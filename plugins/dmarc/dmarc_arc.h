/* dmarc_arc.h - does somebody we trust vouch for a message that he changed? A forwarder that seals
 * its mail records what it saw before (RFC 8617 4.1.1). The chain itself was validated by plugin
 * arc; here is decided whose word counts. */
#ifndef PLUGINS_DMARC_DMARC_ARC_H
#define PLUGINS_DMARC_DMARC_ARC_H

#include "dmarc_eval.h"
#include "dmarc_facts.h"

/* Of a chain that passed; the texts as plugin arc leaves them (dmarc_facts.h). */
struct dmarc_arc {
    const struct fct_str *seal; /* newest first */
    size_t seals;
    const struct fct_str *result;
    size_t results;
    const struct fct_strings *trusted; /* patterns of sealers */
};

/* The newest sealer that saw a pass for the author's domain: DMARC for that very domain, or, where
 * it did not look, SPF or DKIM for one that is aligned. He and everybody above him is trusted. */
FCT_MAY_WAIT bool dmarc_arc_vouches(const struct dmarc_arc *arc, struct dmarc_search *search,
                                    const struct dmarc_outcome *outcome,
                                    struct dmarc_domain *sealer);

#endif
