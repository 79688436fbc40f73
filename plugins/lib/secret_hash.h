/* secret_hash.h - names that stand in Redis so that nobody who reads it learns whose they are:
 * HMAC-SHA256 with a secret of the site (RFC 2104). */
#ifndef PLUGINS_LIB_SECRET_HASH_H
#define PLUGINS_LIB_SECRET_HASH_H

#include <facteur/base.h>

enum { SECRET_HASH_BYTES = 32 };

/* The first `bytes` of it as hexadecimal digits, and a NUL. False: no memory. */
FCT_MUST_CHECK bool secret_hash(const char *secret, struct fct_str name, size_t bytes, char *out);

#endif
