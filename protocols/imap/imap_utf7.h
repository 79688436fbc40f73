/* imap_utf7.h - mailbox names of IMAP4rev1: modified UTF-7 (RFC 3501 5.1.3, RFC 9051 A.1). */
#ifndef PROTOCOLS_IMAP_IMAP_UTF7_H
#define PROTOCOLS_IMAP_IMAP_UTF7_H

#include "core/base/buf.h"

/* Strict: false for 8-bit or control characters, bad or superfluous base64, unpaired surrogates,
 * shifts that encode printable ASCII (two names would then mean one mailbox). `out` gets UTF-8. */
FCT_MUST_CHECK bool imap_utf7_decode(struct fct_str in, struct buf *out);
/* `in` is valid UTF-8. */
bool imap_utf7_encode(struct fct_str in, struct buf *out);

#endif
