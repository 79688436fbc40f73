/* fuzz_dkim_key.c - any bytes as the record of a key: what is taken is a key of an allowed size,
 * and the record written of it is the same key. */
#include "core/base/err.h"
#include "core/base/str.h"
#include "plugins/dkim/dkim_key.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dkim_key_limits limits = DKIM_KEY_LIMITS_DEFAULT;
    struct dkim_key key, again;
    struct fct_err err = {0};
    char *record;

    if (!dkim_key_parse((struct fct_str){(const char *)data, size}, &limits, &key, &err)) {
        FCT_ASSERT(err.text[0] && !key.key);
        return 0;
    }
    FCT_ASSERT(key.algorithm == DKIM_ED25519_SHA256 || (key.bits >= 1024 && key.bits <= 4096));
    record = dkim_key_record(key.key);
    FCT_ASSERT(record && dkim_key_parse(str_from(record), &limits, &again, &err));
    FCT_ASSERT(EVP_PKEY_eq(key.key, again.key) == 1);
    free(record);
    dkim_key_close(&key);
    dkim_key_close(&again);
    return 0;
}
