/* dkim_digest.c - see dkim_digest.h. RSASSA-PKCS1-v1_5 over SHA-256 (RFC 6376 3.3.2), or Ed25519
 * over that SHA-256 (RFC 8463 3). */
#include "plugins/dkim/dkim_digest.h"

#include <openssl/rsa.h>
#include <stdatomic.h>
#include <threads.h>

static EVP_MD *sha256;

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/* Once: that takes longer than hashing a small header, and reads OpenSSL's configuration. */
bool dkim_digest_setup(void)
{
    static once_flag once = ONCE_FLAG_INIT;

    call_once(&once, fetch_sha256);
    return sha256 != NULL;
}

static _Atomic(EVP_MD_CTX *) spare;

void dkim_digest_give_back(EVP_MD_CTX *context)
{
    if (context)
        EVP_MD_CTX_free(atomic_exchange(&spare, context));
}

EVP_MD_CTX *dkim_digest_context(void)
{
    EVP_MD_CTX *context = dkim_digest_setup() ? atomic_exchange(&spare, NULL) : NULL;

    if (!context)
        context = EVP_MD_CTX_new();
    if (context && sha256 && EVP_DigestInit_ex2(context, sha256, NULL) == 1)
        return context;
    EVP_MD_CTX_free(context);
    return NULL;
}

static void hash_block(void *arg, const char *bytes, size_t n)
{
    EVP_DigestUpdate(arg, bytes, n);
}

bool dkim_digest_begin(struct dkim_digest *digest)
{
    digest->context = dkim_digest_context();
    digest->sink.put = hash_block;
    digest->sink.arg = digest->context;
    digest->sink.held = 0;
    return digest->context != NULL;
}

bool dkim_digest_end(struct dkim_digest *digest, uint8_t out[DKIM_HASH_BYTES])
{
    uint8_t unwanted[DKIM_HASH_BYTES];
    unsigned n = 0;
    bool ok;

    if (!digest->context)
        return false;
    dkim_sink_flush(&digest->sink);
    ok = EVP_DigestFinal_ex(digest->context, out ? out : unwanted, &n) == 1 && n == DKIM_HASH_BYTES;
    dkim_digest_give_back(digest->context);
    digest->context = NULL;
    return ok;
}

bool dkim_digest_headers(struct dkim_fields *fields, const struct dkim_signature *s,
                         const struct fct_header *own, uint8_t out[DKIM_HASH_BYTES])
{
    struct dkim_digest digest;
    const struct fct_header *field;

    if (!dkim_digest_begin(&digest))
        return dkim_digest_end(&digest, NULL) && false;
    dkim_fields_rewind(fields);
    for (size_t i = 0; i < s->headers; i++) {
        field = dkim_fields_take(fields, s->header[i]);
        if (field)
            dkim_header_put(&digest.sink, s->relaxed_header, field, (struct fct_str){NULL, 0},
                            false);
    }
    dkim_header_put(&digest.sink, s->relaxed_header, own, s->blank, true);
    return dkim_digest_end(&digest, out);
}

/* ---- signatures ---- */

EVP_PKEY_CTX *dkim_digest_verifier(EVP_PKEY *rsa)
{
    EVP_PKEY_CTX *context = dkim_digest_setup() ? EVP_PKEY_CTX_new(rsa, NULL) : NULL;

    if (context && EVP_PKEY_verify_init(context) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
        EVP_PKEY_CTX_set_signature_md(context, sha256) == 1)
        return context;
    EVP_PKEY_CTX_free(context);
    return NULL;
}

bool dkim_digest_fits(EVP_PKEY_CTX *verifier, const uint8_t hash[DKIM_HASH_BYTES],
                      const uint8_t *signature, size_t n)
{
    return EVP_PKEY_verify(verifier, signature, n, hash, DKIM_HASH_BYTES) == 1;
}

static bool verify_rsa(EVP_PKEY *key, const uint8_t *hash, const uint8_t *signature, size_t n)
{
    EVP_PKEY_CTX *verifier = dkim_digest_verifier(key);
    bool ok = verifier && dkim_digest_fits(verifier, hash, signature, n);

    EVP_PKEY_CTX_free(verifier);
    return ok;
}

static bool verify_ed25519(EVP_PKEY *key, const uint8_t *hash, const uint8_t *signature, size_t n)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestVerify(context, signature, n, hash, DKIM_HASH_BYTES) == 1;

    EVP_MD_CTX_free(context);
    return ok;
}

bool dkim_digest_verify(EVP_PKEY *key, enum dkim_algorithm algorithm,
                        const uint8_t hash[DKIM_HASH_BYTES], const uint8_t *signature, size_t n)
{
    return algorithm == DKIM_RSA_SHA256 ? verify_rsa(key, hash, signature, n)
                                        : verify_ed25519(key, hash, signature, n);
}

static bool sign_rsa(EVP_PKEY *key, const uint8_t *hash, uint8_t *signature, size_t *n)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    bool ok = context && EVP_PKEY_sign_init(context) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
              EVP_PKEY_CTX_set_signature_md(context, sha256) == 1 &&
              EVP_PKEY_sign(context, signature, n, hash, DKIM_HASH_BYTES) == 1;

    EVP_PKEY_CTX_free(context);
    return ok;
}

static bool sign_ed25519(EVP_PKEY *key, const uint8_t *hash, uint8_t *signature, size_t *n)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestSign(context, signature, n, hash, DKIM_HASH_BYTES) == 1;

    EVP_MD_CTX_free(context);
    return ok;
}

bool dkim_digest_sign(EVP_PKEY *key, const uint8_t hash[DKIM_HASH_BYTES], uint8_t *signature,
                      size_t *n)
{
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? sign_ed25519(key, hash, signature, n)
                                                         : sign_rsa(key, hash, signature, n);
}
