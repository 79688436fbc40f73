/* base64.h - RFC 4648 4 base64 for protocol tokens (SASL, MIME headers). Bodies are decoded in
 * core/message/transfer.h. */
#ifndef CORE_BASE_BASE64_H
#define CORE_BASE_BASE64_H

#include "core/base/buf.h"

bool base64_encode(struct fct_str in, struct buf *out);
/* Strict: only the alphabet, right padding, no white space. False leaves `out` as it was. */
FCT_MUST_CHECK bool base64_decode(struct fct_str in, struct buf *out);

#endif
