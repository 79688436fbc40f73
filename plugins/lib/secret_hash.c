/* secret_hash.c - see secret_hash.h. Looking up the algorithm and taking in the key cost more than
 * the hash of a name, so both are kept: a plugin has one secret. */
#include "plugins/lib/secret_hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

static _Thread_local struct {
    EVP_MAC_CTX *mac; /* NULL: nothing yet */
    char secret[128]; /* that it has taken in; longer ones are not kept */
    bool has_secret;
} kept;

static EVP_MAC_CTX *new_mac(void)
{
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = algorithm ? EVP_MAC_CTX_new(algorithm) : NULL;

    EVP_MAC_free(algorithm); /* the context has its own */
    return mac;
}

static bool begin(const char *secret)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    size_t n = strlen(secret);

    if (!kept.mac && !(kept.mac = new_mac()))
        return false;
    if (kept.has_secret && strcmp(kept.secret, secret) == 0)
        return EVP_MAC_init(kept.mac, NULL, 0, NULL);
    kept.has_secret = false;
    if (!EVP_MAC_init(kept.mac, (const unsigned char *)secret, n, params))
        return false;
    kept.has_secret = n > 0 && n < sizeof kept.secret;
    if (kept.has_secret)
        memcpy(kept.secret, secret, n + 1);
    return true;
}

bool secret_hash(const char *secret, struct fct_str name, size_t bytes, char *out)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char hash[SECRET_HASH_BYTES];
    size_t length, n = 0;

    if (!begin(secret) ||
        !EVP_MAC_update(kept.mac, (const unsigned char *)(name.p ? name.p : ""), name.n) ||
        !EVP_MAC_final(kept.mac, hash, &length, sizeof hash))
        return false;
    for (size_t i = 0; i < bytes && i < sizeof hash; i++) {
        out[n++] = hex[hash[i] >> 4];
        out[n++] = hex[hash[i] & 15];
    }
    out[n] = '\0';
    return true;
}
