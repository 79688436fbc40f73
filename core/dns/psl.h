/* psl.h - where a name stops being a public suffix and starts to be somebody's: the public suffix
 * list of the system, both of its sections.
 *
 * For rules and display. DMARC finds organisational domains by its own walk (RFC 9989). */
#ifndef CORE_DNS_PSL_H
#define CORE_DNS_PSL_H

#include <facteur/base.h>

/* Read the newest list there is; call it before a sandbox closes files. Without a call only the
 * list compiled into the library is known. */
void psl_setup(void);

/* The registrable domain of `host` (A-labels or UTF-8, ASCII in any case): a view into it. False:
 * there is none, for an address, a public suffix, a name without dots or with a dot before it. */
FCT_MUST_CHECK bool psl_registrable(struct fct_str host, struct fct_str *org);
/* The same, or else `host` itself; a dot behind it is left out. */
struct fct_str psl_org(struct fct_str host);

#endif
