/* dkim_digest.h - SHA-256 of canonical headers and bodies, and the signatures over it. */
#ifndef DKIM_DIGEST_H
#define DKIM_DIGEST_H

#include "plugins/dkim/dkim_canonical.h"
#include "plugins/dkim/dkim_fields.h"
#include "plugins/dkim/dkim_signature.h"

#include <openssl/evp.h>

/* Before a sandbox closes files; later it happens by itself. False: OpenSSL has no SHA-256. */
bool dkim_digest_setup(void);

/* A context that begins a SHA-256; NULL: no memory. dkim_digest_give_back takes what is not needed
 * any more, also NULL: one is kept for the next. From any thread. */
EVP_MD_CTX *dkim_digest_context(void);
void dkim_digest_give_back(EVP_MD_CTX *context);

/* A sink that hashes. */
struct dkim_digest {
    struct dkim_sink sink;
    EVP_MD_CTX *context;
};
FCT_MUST_CHECK bool dkim_digest_begin(struct dkim_digest *digest);
/* Whether or not `out` is wanted (NULL), the digest is over. */
bool dkim_digest_end(struct dkim_digest *digest, uint8_t out[DKIM_HASH_BYTES]);

/* The hash that `s` signs: the fields it names, then the field it stands in (RFC 6376 3.7). */
FCT_MUST_CHECK bool dkim_digest_headers(struct dkim_fields *fields, const struct dkim_signature *s,
                                        const struct fct_header *own, uint8_t out[DKIM_HASH_BYTES]);

/* Does the signature fit? */
bool dkim_digest_verify(EVP_PKEY *key, enum dkim_algorithm algorithm,
                        const uint8_t hash[DKIM_HASH_BYTES], const uint8_t *signature, size_t n);
/* For RSA keys that are used again and again: making this takes a sixth of the time that verifying
 * does. NULL: no memory. dkim_digest_fits may be called any number of times, by one thread. */
EVP_PKEY_CTX *dkim_digest_verifier(EVP_PKEY *rsa);
bool dkim_digest_fits(EVP_PKEY_CTX *verifier, const uint8_t hash[DKIM_HASH_BYTES],
                      const uint8_t *signature, size_t n);
/* *n: room, then what was written. */
FCT_MUST_CHECK bool dkim_digest_sign(EVP_PKEY *key, const uint8_t hash[DKIM_HASH_BYTES],
                                     uint8_t *signature, size_t *n);

#endif
