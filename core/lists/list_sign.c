/* list_sign.c - see list_sign.h. */
#include "core/lists/list_sign.h"

#include "core/base/base64.h"
#include "core/base/str.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define KEY_BYTES       32
#define SIGNATURE_BYTES 64

static bool fails(EVP_PKEY *key, EVP_MD_CTX *context, struct fct_err *err, const char *why)
{
    EVP_PKEY_free(key);
    EVP_MD_CTX_free(context);
    return fct_fail(err, FCT_DENIED, "%s", why);
}

static EVP_PKEY *read_key(const char *pem, struct fct_err *err)
{
    FILE *f = fopen(pem, "re");
    EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

    if (!f)
        (void)fct_fail(err, FCT_DENIED, "%s: %s", pem, strerror(errno));
    else if (!key)
        (void)fct_fail(err, FCT_SYNTAX, "%s: no private key in PEM", pem);
    else if (EVP_PKEY_id(key) != EVP_PKEY_ED25519)
        (void)fct_fail(err, FCT_SYNTAX,
                       "%s: not an Ed25519 key; openssl genpkey -algorithm ed25519 makes one", pem);
    if (f)
        fclose(f);
    if (key && EVP_PKEY_id(key) != EVP_PKEY_ED25519) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

bool list_sign(const char *pem, struct fct_str text, struct buf *signature, struct buf *public_key,
               struct fct_err *err)
{
    unsigned char bytes[SIGNATURE_BYTES], public[KEY_BYTES];
    EVP_PKEY *key = read_key(pem, err);
    EVP_MD_CTX *context = key ? EVP_MD_CTX_new() : NULL;
    size_t n = sizeof bytes, npublic = sizeof public;

    if (!key)
        return false;
    if (!context || EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
        EVP_DigestSign(context, bytes, &n, (const unsigned char *)text.p, text.n) != 1 ||
        EVP_PKEY_get_raw_public_key(key, public, &npublic) != 1)
        return fails(key, context, err, "OpenSSL cannot sign with this key");
    EVP_PKEY_free(key);
    EVP_MD_CTX_free(context);
    return base64_encode((struct fct_str){(const char *)bytes, n}, signature) &&
           base64_encode((struct fct_str){(const char *)public, npublic}, public_key);
}

static bool decode(struct fct_str text, size_t want, struct buf *out)
{
    return base64_decode(str_trim(text), out) && out->n == want;
}

static bool verifies(struct fct_str key, struct fct_str text, struct fct_str signature)
{
    EVP_PKEY *pkey =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)key.p, key.n);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = pkey && context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey) == 1 &&
              EVP_DigestVerify(context, (const unsigned char *)signature.p, signature.n,
                               (const unsigned char *)text.p, text.n) == 1;

    EVP_PKEY_free(pkey);
    EVP_MD_CTX_free(context);
    return ok;
}

bool list_verify(struct fct_strings keys, struct fct_str text, struct fct_str signature,
                 struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf sig = BUF_INIT(256);
    FCT_CLEANUP(buf_free) struct buf key = BUF_INIT(256);

    if (!decode(signature, SIGNATURE_BYTES, &sig))
        return fct_fail(err, FCT_SYNTAX, "the signature is not the base64 of %d bytes",
                        SIGNATURE_BYTES);
    for (size_t i = 0; i < keys.n; i++) {
        buf_clear(&key);
        if (!decode(str_from(keys.item[i]), KEY_BYTES, &key))
            return fct_fail(err, FCT_SYNTAX, "\"%.80s\" is not the base64 of an Ed25519 key",
                            keys.item[i]);
        if (verifies(buf_str(&key), text, buf_str(&sig)))
            return true;
    }
    return fct_fail(err, FCT_DENIED,
                    "the signature is not by any of the keys that are pinned (update_keys)");
}
