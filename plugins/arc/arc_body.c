/* arc_body.c - see arc_body.h. */
#include "plugins/arc/arc_body.h"

bool arc_body_hash(struct fct_str body, bool relaxed, uint8_t out[DKIM_HASH_BYTES],
                   uint64_t *length)
{
    struct dkim_digest digest;
    struct dkim_body canonical;

    if (!dkim_digest_begin(&digest))
        return dkim_digest_end(&digest, NULL) && false;
    dkim_body_begin(&canonical, &digest.sink, relaxed);
    dkim_body_put(&canonical, body.p, body.n);
    dkim_body_end(&canonical);
    *length = canonical.length;
    return dkim_digest_end(&digest, out);
}
