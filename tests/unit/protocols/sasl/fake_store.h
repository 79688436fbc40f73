/* fake_store.h - a store with one account (user, pencil) for tests of what logs in: the functions
 * of store_client.h that protocols/sasl uses, linked in their place. SCRAM is computed here by the
 * formulas of RFC 5802 3, with OpenSSL. */
#ifndef TESTS_UNIT_PROTOCOLS_SASL_FAKE_STORE_H
#define TESTS_UNIT_PROTOCOLS_SASL_FAKE_STORE_H

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/store_client.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

static struct {
    unsigned logins, logouts;
    bool away;
} fake_store;

static const unsigned char fake_salt[16] = {0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e,
                                            0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81};

struct scram_keys {
    unsigned char salted[32], client[32], stored[32], server[32];
};

static inline void hmac(const unsigned char key[32], struct fct_str text, unsigned char out[32])
{
    FCT_ASSERT(HMAC(EVP_sha256(), key, 32, (const unsigned char *)text.p, text.n, out, NULL) !=
               NULL);
}

static inline struct scram_keys scram_keys_of(const char *password, uint32_t iterations)
{
    struct scram_keys k;

    FCT_ASSERT(PKCS5_PBKDF2_HMAC(password, -1, fake_salt, sizeof fake_salt, (int)iterations,
                                 EVP_sha256(), 32, k.salted) == 1);
    hmac(k.salted, FCT_STR("Client Key"), k.client);
    hmac(k.salted, FCT_STR("Server Key"), k.server);
    SHA256(k.client, 32, k.stored);
    return k;
}

/* ClientProof = ClientKey XOR HMAC(StoredKey, AuthMessage) */
static inline void scram_proof(const struct scram_keys *k, struct fct_str auth_message,
                               unsigned char proof[32])
{
    hmac(k->stored, auth_message, proof);
    for (size_t i = 0; i < 32; i++)
        proof[i] ^= k->client[i];
}

static bool is_user(struct fct_str user)
{
    return str_equal(user, FCT_STR("user"));
}

static bool grant(struct arena *arena, struct store_principal *out)
{
    *out = (struct store_principal){.handle = ++fake_store.logins,
                                    .name = arena_str(arena, FCT_STR("user@example.org"))};
    return true;
}

bool store_login(struct store *st, struct fct_str user, struct fct_str password,
                 struct arena *arena, struct store_principal *out, struct fct_err *err)
{
    (void)st;
    if (fake_store.away)
        return fct_fail(err, FCT_TEMP, "the store is away");
    if (!is_user(user) || !str_equal(password, FCT_STR("pencil")))
        return fct_fail(err, FCT_DENIED, "wrong user name or password");
    return grant(arena, out);
}

bool store_scram_salt(struct store *st, struct fct_str user, struct arena *arena,
                      struct fct_str *salt, uint32_t *iterations, struct fct_err *err)
{
    (void)st;
    (void)user;
    if (fake_store.away)
        return fct_fail(err, FCT_TEMP, "the store is away");
    *salt = arena_str(arena, (struct fct_str){(const char *)fake_salt, sizeof fake_salt});
    *iterations = 4096;
    return true;
}

bool store_scram_login(struct store *st, struct fct_str user, struct fct_str auth_message,
                       struct fct_str client_proof, struct arena *arena,
                       struct fct_str *server_signature, struct store_principal *out,
                       struct fct_err *err)
{
    struct scram_keys k = scram_keys_of("pencil", 4096);
    unsigned char want[32], signature[32];

    (void)st;
    scram_proof(&k, auth_message, want);
    if (!is_user(user) || client_proof.n != 32 || memcmp(want, client_proof.p, 32) != 0)
        return fct_fail(err, FCT_DENIED, "wrong user name or password");
    hmac(k.server, auth_message, signature);
    *server_signature = arena_str(arena, (struct fct_str){(const char *)signature, 32});
    return grant(arena, out);
}

void store_logout(struct store *st, struct store_principal *p)
{
    (void)st;
    fake_store.logouts += p->handle != 0;
    *p = (struct store_principal){0};
}

#endif
