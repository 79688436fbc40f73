/* catalogue.h - where each blob lies and how many records use it: the values of the keys 'B'
 * blobid.
 *
 * Entry and merge operand have one form, so that merging is adding: references are summed, the last
 * place wins. A blob with no references left does not exist. */
#ifndef STORE_DRIVER_LOCAL_CATALOGUE_H
#define STORE_DRIVER_LOCAL_CATALOGUE_H

#include "store/driver.h"

struct blob_place {
    int64_t references;
    bool placed; /* false: an operand that only counts */
    uint32_t segment;
    uint64_t offset, size;
    uint32_t crc;
};

void catalogue_encode(const struct blob_place *place, struct buf *out);
FCT_MUST_CHECK bool catalogue_decode(struct fct_str value, struct blob_place *place);
FCT_MUST_CHECK bool catalogue_merge(struct fct_str old, const struct fct_str *operand, size_t n,
                                    struct buf *out);
struct key catalogue_key(const struct blob_id *id);

#endif
