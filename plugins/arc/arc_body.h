/* arc_body.h - the hash of a whole body (RFC 6376 3.4.3, 3.4.4). */
#ifndef ARC_BODY_H
#define ARC_BODY_H

#include "plugins/dkim/dkim_digest.h"

/* *length: of the canonical form. Touches nothing else: may run in another thread. */
FCT_MUST_CHECK bool arc_body_hash(struct fct_str body, bool relaxed, uint8_t out[DKIM_HASH_BYTES],
                                  uint64_t *length);

#endif
