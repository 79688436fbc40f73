/* dkim_sign.h - a DKIM-Signature for a message (RFC 6376 5). */
#ifndef DKIM_SIGN_H
#define DKIM_SIGN_H

#include "plugins/dkim/dkim_digest.h"
#include "plugins/dkim/dkim_message.h"

struct dkim_signing {
    struct fct_str domain, selector;
    struct fct_str identity; /* i=; empty: none */
    EVP_PKEY *key;           /* RSA or Ed25519 */
    bool relaxed_header, relaxed_body;
    /* Every field of these names is covered; of the second list also one that is not there, so
     * that none can be added (RFC 6376 8.15). */
    struct fct_strings headers, oversign;
    uint64_t time;   /* t= */
    uint64_t expiry; /* x=; 0: none */
    bool has_length; /* l= of the whole body: for tests of verifiers, harmful otherwise */
};

/* The value of the field, without its line end: it is hashed as it stands behind "DKIM-Signature:
 * ". In memory of the message. Touches nothing else: may run in another thread. */
FCT_MUST_CHECK bool dkim_sign_message(const struct dkim_signing *s,
                                      const struct dkim_memory *memory,
                                      const struct dkim_message *message, struct fct_str *value,
                                      struct fct_err *err);

#endif
