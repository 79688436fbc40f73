/* dkim_key.h - the public key of a signer as the DNS has it (RFC 6376 3.6.1, RFC 8463 4), and those
 * met before. */
#ifndef DKIM_KEY_H
#define DKIM_KEY_H

#include "plugins/dkim/dkim_signature.h"

#include <openssl/evp.h>

struct dkim_key_limits {
    uint32_t min_bits, max_bits; /* of RSA */
};

/* RFC 8301 3.2 */
#define DKIM_KEY_LIMITS_DEFAULT \
    {                           \
        1024, 4096              \
    }

struct dkim_key {
    EVP_PKEY *key;
    struct dkim_ready *ready; /* RSA, from a cache: what all who use the key share; may be NULL */
    enum dkim_algorithm algorithm;
    unsigned bits;
    bool testing; /* t=y */
    bool strict;  /* t=s: i= must be d= itself */
};

/* One TXT record. Fails SYNTAX: malformed; DENIED: revoked, not for mail, not for sha256, too
 * short or too long a key. `key` is the caller's: dkim_key_close. */
FCT_MUST_CHECK bool dkim_key_parse(struct fct_str record, const struct dkim_key_limits *limits,
                                   struct dkim_key *out, struct fct_err *err);
void dkim_key_close(struct dkim_key *key);
/* Does the signature fit? For a key from a cache: in the cache's thread. */
bool dkim_key_verify(const struct dkim_key *key, const uint8_t hash[DKIM_HASH_BYTES],
                     const uint8_t *signature, size_t n);

/* The record of a public key: "v=DKIM1; k=rsa; p=…". NULL: no memory. The caller frees it. */
char *dkim_key_record(EVP_PKEY *key);

/* Parsed keys by the text of their records: what the DNS says stays the resolver's business. Full,
 * the entry of the same place goes. Fails as dkim_key_parse; hits are not parsed again. */
struct dkim_key_cache;
struct dkim_key_cache *dkim_key_cache_new(size_t entries, const struct dkim_key_limits *limits);
void dkim_key_cache_free(struct dkim_key_cache **cache);
FCT_MUST_CHECK bool dkim_key_cache_get(struct dkim_key_cache *cache, struct fct_str record,
                                       struct dkim_key *out, struct fct_err *err);

#endif
