/* dkim_key.c - see dkim_key.h. */
#include "plugins/dkim/dkim_key.h"

#include "plugins/dkim/dkim_digest.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define ED25519_BYTES 32
#define DER_MAX       4096 /* no key of a sane number of bits is longer */
#define RECORD_MAX    (DER_MAX * 2)
#define EXPONENT_BITS 64 /* larger ones only make verifying slow */

/* ---- lists in a record ---- */

static bool lists(const struct dkim_tag *tag, const char *word)
{
    struct fct_str rest = tag->value, one;

    while (dkim_split(&rest, ':', &one))
        if (dkim_is(one, word))
            return true;
    return false;
}

static bool check_lists(const struct dkim_tags *tags, struct fct_err *err)
{
    const struct dkim_tag *v = dkim_tags_find(tags, "v"), *h = dkim_tags_find(tags, "h"),
                          *s = dkim_tags_find(tags, "s");

    if (v && (v != tags->tag || !dkim_is(v->value, "DKIM1")))
        return dkim_fail(err, FCT_SYNTAX, "v= is not DKIM1, or not in front");
    if (h && !lists(h, "sha256"))
        return dkim_fail(err, FCT_DENIED, "the key is not for sha256");
    if (s && !lists(s, "*") && !lists(s, "email"))
        return dkim_fail(err, FCT_DENIED, "the key is not for mail");
    return true;
}

/* ---- the key itself ---- */

static bool has_sane_exponent(EVP_PKEY *key)
{
    BIGNUM *e = NULL;
    bool sane = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_odd(e) &&
                BN_num_bits(e) <= EXPONENT_BITS && !BN_is_one(e);

    BN_free(e);
    return sane;
}

/* SubjectPublicKeyInfo, as everybody writes it, or the bare RSAPublicKey of RFC 6376 3.6.1. */
static EVP_PKEY *decode_rsa(const uint8_t *der, size_t n)
{
    const uint8_t *at = der;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)n);

    if (!key) {
        at = der;
        key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, (long)n);
    }
    if (key && (at != der + n || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)) {
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}

static bool take_rsa(const uint8_t *der, size_t n, const struct dkim_key_limits *limits,
                     struct dkim_key *out, struct fct_err *err)
{
    EVP_PKEY *key = decode_rsa(der, n);

    if (!key)
        return dkim_fail(err, FCT_SYNTAX, "p= is no RSA key");
    out->bits = (unsigned)EVP_PKEY_get_bits(key);
    if (out->bits >= limits->min_bits && out->bits <= limits->max_bits && has_sane_exponent(key)) {
        out->key = key;
        return true;
    }
    EVP_PKEY_free(key);
    return dkim_fail(err, FCT_DENIED, "an RSA key of %u bits is not accepted (%u to %u)", out->bits,
                     limits->min_bits, limits->max_bits);
}

static bool take_ed25519(const uint8_t *bytes, size_t n, struct dkim_key *out, struct fct_err *err)
{
    if (n == ED25519_BYTES)
        out->key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, n);
    out->bits = ED25519_BYTES * 8;
    return out->key || dkim_fail(err, FCT_SYNTAX, "p= is no Ed25519 key");
}

static bool take_key(const struct dkim_tags *tags, const struct dkim_key_limits *limits,
                     struct dkim_key *out, struct fct_err *err)
{
    const struct dkim_tag *k = dkim_tags_find(tags, "k"), *p = dkim_tags_find(tags, "p");
    uint8_t der[DER_MAX];
    size_t n;

    if (!p)
        return dkim_fail(err, FCT_SYNTAX, "p= is missing");
    if (p->value.n == 0)
        return dkim_fail(err, FCT_DENIED, "the key is revoked");
    if (!dkim_base64_decode(p->value, der, sizeof der, &n))
        return dkim_fail(err, FCT_SYNTAX, "p= is no base64");
    if (!k || dkim_is(k->value, "rsa")) {
        out->algorithm = DKIM_RSA_SHA256;
        return take_rsa(der, n, limits, out, err);
    }
    out->algorithm = DKIM_ED25519_SHA256;
    if (dkim_is(k->value, "ed25519"))
        return take_ed25519(der, n, out, err);
    return dkim_fail(err, FCT_SYNTAX, "k= names an unknown kind of key");
}

bool dkim_key_parse(struct fct_str record, const struct dkim_key_limits *limits,
                    struct dkim_key *out, struct fct_err *err)
{
    struct dkim_tags tags;
    const struct dkim_tag *t;

    memset(out, 0, sizeof *out);
    if (record.n > RECORD_MAX)
        return dkim_fail(err, FCT_DENIED, "the record is longer than %d bytes", RECORD_MAX);
    if (!dkim_tags_parse(record, &tags, err) || !check_lists(&tags, err) ||
        !take_key(&tags, limits, out, err))
        return false;
    t = dkim_tags_find(&tags, "t");
    out->testing = t && lists(t, "y");
    out->strict = t && lists(t, "s");
    return true;
}

/* ---- using it ---- */

struct dkim_ready {
    EVP_PKEY_CTX *verifier;
    size_t users; /* the cache, and those who got it from there */
};

static struct dkim_ready *make_ready(const struct dkim_key *key)
{
    struct dkim_ready *ready = key->algorithm == DKIM_RSA_SHA256 ? malloc(sizeof *ready) : NULL;

    if (ready)
        *ready = (struct dkim_ready){dkim_digest_verifier(key->key), 1};
    return ready;
}

static void close_ready(struct dkim_ready *ready)
{
    if (!ready || --ready->users > 0)
        return;
    EVP_PKEY_CTX_free(ready->verifier);
    free(ready);
}

bool dkim_key_verify(const struct dkim_key *key, const uint8_t hash[DKIM_HASH_BYTES],
                     const uint8_t *signature, size_t n)
{
    if (key->ready && key->ready->verifier)
        return dkim_digest_fits(key->ready->verifier, hash, signature, n);
    return dkim_digest_verify(key->key, key->algorithm, hash, signature, n);
}

void dkim_key_close(struct dkim_key *key)
{
    EVP_PKEY_free(key->key);
    close_ready(key->ready);
    key->key = NULL;
    key->ready = NULL;
}

/* ---- writing ---- */

static size_t public_bytes(EVP_PKEY *key, uint8_t **out)
{
    size_t raw = ED25519_BYTES;
    int n;

    *out = NULL;
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
        n = i2d_PUBKEY(key, out);
        return n > 0 ? (size_t)n : 0;
    }
    *out = OPENSSL_malloc(raw);
    return *out && EVP_PKEY_get_raw_public_key(key, *out, &raw) == 1 ? raw : 0;
}

char *dkim_key_record(EVP_PKEY *key)
{
    static const char head[] = "v=DKIM1; k=%s; p=";
    const char *kind = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? "ed25519" : "rsa";
    uint8_t *bytes;
    size_t n = public_bytes(key, &bytes), room = sizeof head + 8 + 4 * ((n + 2) / 3), at;
    char *out = n > 0 ? malloc(room) : NULL;

    if (out) {
        at = (size_t)snprintf(out, room, head, kind);
        at += dkim_base64_encode(bytes, n, out + at);
        out[at] = '\0';
    }
    OPENSSL_free(bytes);
    return out;
}

/* ---- keys met before ---- */

struct entry {
    char *record;
    size_t n;
    struct dkim_key key;
};

struct dkim_key_cache {
    struct dkim_key_limits limits;
    size_t entries;
    struct entry entry[];
};

struct dkim_key_cache *dkim_key_cache_new(size_t entries, const struct dkim_key_limits *limits)
{
    struct dkim_key_cache *cache;

    if (entries == 0)
        entries = 1;
    cache = calloc(1, sizeof *cache + entries * sizeof cache->entry[0]);
    if (cache) {
        cache->limits = *limits;
        cache->entries = entries;
    }
    return cache;
}

static void forget(struct entry *e)
{
    dkim_key_close(&e->key);
    free(e->record);
    *e = (struct entry){0};
}

void dkim_key_cache_free(struct dkim_key_cache **cache)
{
    for (size_t i = 0; *cache && i < (*cache)->entries; i++)
        forget(&(*cache)->entry[i]);
    free(*cache);
    *cache = NULL;
}

/* Nobody can choose records that push others out: where the cache lies is part of the hash. */
static struct entry *place_of(struct dkim_key_cache *cache, struct fct_str record)
{
    return &cache->entry[dkim_hash(record, (uintptr_t)cache, false) % cache->entries];
}

bool dkim_key_cache_get(struct dkim_key_cache *cache, struct fct_str record, struct dkim_key *out,
                        struct fct_err *err)
{
    struct entry *e = place_of(cache, record);

    if (!e->record || e->n != record.n || memcmp(e->record, record.p, record.n) != 0) {
        if (!dkim_key_parse(record, &cache->limits, out, err))
            return false;
        forget(e);
        e->record = malloc(record.n + 1);
        if (!e->record)
            return true;
        memcpy(e->record, record.p, record.n);
        e->n = record.n;
        e->key = *out;
        e->key.ready = make_ready(out);
    }
    *out = e->key;
    EVP_PKEY_up_ref(out->key);
    if (out->ready)
        out->ready->users++;
    return true;
}
