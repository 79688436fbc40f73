/* dkim_keys.h - the keys we sign with: DOMAIN/SELECTOR.pem below one folder. Every key of a domain
 * signs, so that a message may carry RSA and Ed25519 side by side (RFC 8463 3).
 *
 * Other names, such as SELECTOR.next and SELECTOR.old of `facteurctl dkim rotate`, are passed over.
 */
#ifndef DKIM_KEYS_H
#define DKIM_KEYS_H

#include "plugins/dkim/dkim_text.h"

#include <openssl/evp.h>

#define DKIM_KEYS_OF_DOMAIN 4 /* more signatures help nobody */

struct dkim_private_key {
    char *domain, *selector; /* domain in lower case, in A-labels */
    EVP_PKEY *key;
};

struct dkim_keys {
    struct dkim_private_key *key; /* by domain, then selector */
    size_t n, room;
};

/* Everything is read now: a sandbox closes files later. Fails when a file is no private key, an RSA
 * key has less than 1024 or more than 4096 bits, or others than its owner (and its group, which may
 * read) may look at it or change it. */
FCT_MUST_CHECK bool dkim_keys_load(struct dkim_keys *keys, const char *folder, struct fct_err *err);
void dkim_keys_free(struct dkim_keys *keys);

/* The keys of the longest domain that is `name` or above it; how many. Case does not matter, nor
 * whether labels beyond ASCII are written as such (RFC 5890: U-labels) or as A-labels. */
size_t dkim_keys_find(const struct dkim_keys *keys, struct fct_str name,
                      const struct dkim_private_key **first);

/* One file, with the same checks. */
FCT_MUST_CHECK EVP_PKEY *dkim_keys_read(const char *path, struct fct_err *err);

#endif
