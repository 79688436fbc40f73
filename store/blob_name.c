/* blob_name.c - see blob_name.h. */
#include "store/blob_name.h"

#include "core/base/err.h"
#include "store/crc32c.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct blob_namer {
    enum blob_name_kind kind;
    struct blake3 now;
    EVP_MAC *mac;
    EVP_MAC_CTX *ctx;
};

static void start_format_3(struct blob_namer *b, const uint8_t key[32])
{
    size_t size = sizeof(struct blob_id);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                           OSSL_PARAM_construct_end()};

    b->mac = EVP_MAC_fetch(NULL, "BLAKE2BMAC", NULL);
    b->ctx = b->mac ? EVP_MAC_CTX_new(b->mac) : NULL;
    FCT_ASSERT(b->ctx && EVP_MAC_init(b->ctx, key, 32, params) == 1);
}

struct blob_namer *blob_namer_new(enum blob_name_kind kind, const uint8_t key[32])
{
    struct blob_namer *b = calloc(1, sizeof *b);

    FCT_ASSERT(b);
    b->kind = kind;
    if (kind == BLOB_NAME_NOW)
        blake3_start(&b->now, key);
    else
        start_format_3(b, key);
    return b;
}

void blob_namer_free(struct blob_namer **p)
{
    struct blob_namer *b = *p;

    *p = NULL;
    if (!b)
        return;
    EVP_MAC_CTX_free(b->ctx);
    EVP_MAC_free(b->mac);
    free(b);
}

void blob_namer_add(struct blob_namer *b, const void *p, size_t n)
{
    if (b->kind == BLOB_NAME_NOW)
        blake3_add(&b->now, p, n);
    else
        FCT_ASSERT(n == 0 || EVP_MAC_update(b->ctx, p, n) == 1);
}

void blob_namer_end(struct blob_namer *b, const void *p, size_t n, struct blob_id *out)
{
    size_t length = 0;

    if (b->kind == BLOB_NAME_NOW) {
        blake3_end(&b->now, p, n, out->b);
        return;
    }
    blob_namer_add(b, p, n);
    FCT_ASSERT(EVP_MAC_final(b->ctx, out->b, &length, sizeof out->b) == 1 &&
               length == sizeof out->b);
}

/* Both of one step while it is near, then the next. */
void blob_name(const uint8_t key[32], const void *p, size_t n, struct blob_id *out, uint32_t *crc)
{
    const uint8_t *at = p;
    struct blake3 h;

    *crc = 0;
    blake3_start(&h, key);
    for (; n > BLAKE3_STEP; at += BLAKE3_STEP, n -= BLAKE3_STEP) {
        *crc = crc32c(*crc, at, BLAKE3_STEP);
        blake3_add(&h, at, BLAKE3_STEP);
    }
    *crc = crc32c(*crc, at, n);
    blake3_end(&h, at, n, out->b);
}
