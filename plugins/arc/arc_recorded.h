/* arc_recorded.h - what a sealer recorded in ARC-Authentication-Results (RFC 8617 4.1.1, RFC 8601
 * 2.2), one result after the other. */
#ifndef ARC_RECORDED_H
#define ARC_RECORDED_H

#include <facteur/base.h>

struct arc_recorded {
    struct fct_str rest;
};

/* authres-payload = [CFWS] authserv-id [CFWS authres-version] (no-result / 1*resinfo)
 * *id is a view, without comments around it. */
void arc_recorded_begin(struct arc_recorded *r, struct fct_str payload, struct fct_str *id);
/* The next result, unfolded, into `out`; false: there is none, or what follows has no form. Results
 * that do not fit or have control characters are passed over. */
bool arc_recorded_next(struct arc_recorded *r, char *out, size_t room, size_t *n);

#endif
