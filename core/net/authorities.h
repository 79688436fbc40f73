/* authorities.h - the certificates that may vouch for others, of a PEM file.
 *
 * Making sense of the hundred and more that a system trusts takes ten milliseconds, which most
 * processes never need: a file is read when it is taken, its certificates are decoded when somebody
 * is to be trusted. Who asks for a file that somebody has gets the same, unless it has changed. One
 * thread only. */
#ifndef CORE_NET_AUTHORITIES_H
#define CORE_NET_AUTHORITIES_H

#include "core/base/err.h"

struct authorities; /* reference counted */
struct x509_store_st;

/* False: the file cannot be read, is no PEM, or holds none. */
FCT_MUST_CHECK bool authorities_take(const char *file, struct authorities **out,
                                     struct fct_err *err);
void authorities_drop(struct authorities **authorities); /* may be NULL */
/* OpenSSL's; who keeps it longer takes a reference of its own. */
struct x509_store_st *authorities_store(struct authorities *authorities);

#endif
