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

/* The registrable domain of `host` (lower case, A-labels or UTF-8): a view into it. `host` itself
 * for an address, a public suffix or a name without dots; a dot behind it is left out. */
struct fct_str psl_org(struct fct_str host);

#endif
