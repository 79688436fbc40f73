/* list_sign.h - signatures of lists that are updated while the server runs: Ed25519 (RFC 8032) over
 * the bytes of the file, detached, in base64, one line. `openssl pkeyutl` makes and checks the
 * same.
 */
#ifndef CORE_LISTS_LIST_SIGN_H
#define CORE_LISTS_LIST_SIGN_H

#include "core/base/buf.h"
#include "core/base/err.h"

#include <facteur/conf.h>

/* pem: a private key. *public: the key to pin, in base64. */
FCT_MUST_CHECK bool list_sign(const char *pem, struct fct_str text, struct buf *signature,
                              struct buf *public_key, struct fct_err *err);
/* By one of the public keys (base64 of 32 bytes each). FCT_DENIED: by none of them; FCT_SYNTAX: a
 * key or the signature is malformed. */
FCT_MUST_CHECK bool list_verify(struct fct_strings keys, struct fct_str text,
                                struct fct_str signature, struct fct_err *err);

#endif
