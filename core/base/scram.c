/* scram.c - see scram.h. */
#include "core/base/scram.h"

#include "core/base/err.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

void scram_hmac(const void *key, size_t key_n, struct fct_str text, uint8_t out[SCRAM_KEY])
{
    unsigned n = SCRAM_KEY;

    FCT_ASSERT(
        HMAC(EVP_sha256(), key, (int)key_n, (const unsigned char *)text.p, text.n, out, &n) &&
        n == SCRAM_KEY);
}

static void sha256(const uint8_t in[SCRAM_KEY], uint8_t out[SCRAM_KEY])
{
    unsigned n = SCRAM_KEY;

    FCT_ASSERT(EVP_Digest(in, SCRAM_KEY, out, &n, EVP_sha256(), NULL) == 1 && n == SCRAM_KEY);
}

/* SaltedPassword, ClientKey, StoredKey, ServerKey */
bool scram_derive(struct fct_str password, struct fct_str salt, uint32_t iterations,
                  struct scram_keys *out)
{
    uint8_t salted[SCRAM_KEY];

    if (PKCS5_PBKDF2_HMAC(password.p, (int)password.n, (const unsigned char *)salt.p, (int)salt.n,
                          (int)iterations, EVP_sha256(), sizeof salted, salted) != 1)
        return false;
    scram_hmac(salted, sizeof salted, FCT_STR("Client Key"), out->client_key);
    scram_hmac(salted, sizeof salted, FCT_STR("Server Key"), out->server_key);
    sha256(out->client_key, out->stored_key);
    OPENSSL_cleanse(salted, sizeof salted);
    return true;
}

void scram_keys_forget(struct scram_keys *keys)
{
    OPENSSL_cleanse(keys, sizeof *keys);
}

/* A proof is the client's key, hidden behind the client's signature; either way round. */
static void mix(const uint8_t stored_key[SCRAM_KEY], struct fct_str auth_message,
                const uint8_t in[SCRAM_KEY], uint8_t out[SCRAM_KEY])
{
    uint8_t signature[SCRAM_KEY];

    scram_hmac(stored_key, SCRAM_KEY, auth_message, signature);
    for (size_t i = 0; i < SCRAM_KEY; i++)
        out[i] = in[i] ^ signature[i];
}

void scram_prove(const struct scram_keys *keys, struct fct_str auth_message,
                 uint8_t proof[SCRAM_KEY])
{
    mix(keys->stored_key, auth_message, keys->client_key, proof);
}

bool scram_proof_is_right(const uint8_t stored_key[SCRAM_KEY], struct fct_str auth_message,
                          struct fct_str proof)
{
    uint8_t client_key[SCRAM_KEY], hash[SCRAM_KEY];

    if (proof.n != SCRAM_KEY)
        return false;
    mix(stored_key, auth_message, (const uint8_t *)proof.p, client_key);
    sha256(client_key, hash);
    return CRYPTO_memcmp(hash, stored_key, SCRAM_KEY) == 0;
}
