/* arc_set.h - the ARC sets of a message (RFC 8617 4.2): three fields for each hop that vouches,
 * bound together by their instance. Here only the form counts, not whether signatures fit. */
#ifndef ARC_SET_H
#define ARC_SET_H

#include "plugins/dkim/dkim_text.h"
#include <facteur/plugin.h>

#define ARC_INSTANCES 50 /* RFC 8617 4.2.1 */

struct arc_set {
    const struct fct_header *results; /* ARC-Authentication-Results */
    const struct fct_header *message; /* ARC-Message-Signature */
    const struct fct_header *seal;    /* ARC-Seal */
    struct fct_str recorded;          /* results, behind "i=1;" */
};

struct arc_sets {
    struct arc_set *set; /* the first is instance 1 */
    size_t n;
    uint32_t highest; /* instance of any field, also of sets without form; 0: none is known */
};

/* Sorts the ARC fields of a message into sets; none are no mistake. Views into `field`. Fails
 * SYNTAX when one has no instance from 1 to ARC_INSTANCES, twice the same stands there, or
 * something is missing (RFC 8617 5.2 steps 1 and 3); LIMIT above `most` sets; TEMP without memory.
 */
FCT_MUST_CHECK bool arc_sets_collect(const struct dkim_memory *memory,
                                     const struct fct_header *field, size_t n, uint32_t most,
                                     struct arc_sets *out, struct fct_err *err);

/* arc-info = instance [CFWS] ";" authres-payload                              RFC 8617 4.1.1
 * *recorded is what follows the semicolon. */
FCT_MUST_CHECK bool arc_info_parse(struct fct_str value, uint32_t *instance,
                                   struct fct_str *recorded, struct fct_err *err);

#endif
