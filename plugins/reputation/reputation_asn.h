/* reputation_asn.h - whose network an address is in: the number of the autonomous system, by a
 * database in MaxMind's format. */
#ifndef PLUGINS_REPUTATION_REPUTATION_ASN_H
#define PLUGINS_REPUTATION_REPUTATION_ASN_H

#include <facteur/base.h>

struct reputation_asn;

/* NULL: err says why. Mapped into memory: nothing is read from disk by name later. */
struct reputation_asn *reputation_asn_open(const char *path, struct fct_err *err);
void reputation_asn_close(struct reputation_asn *asn); /* NULL is nothing */
/* False: the database does not know. */
FCT_MUST_CHECK bool reputation_asn_find(struct reputation_asn *asn, const char *address,
                                        uint32_t *out);

#endif
