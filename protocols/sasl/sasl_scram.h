/* sasl_scram.h - the text of SCRAM messages (RFC 5802 7), apart from waiting and from keys, so that
 * it can be tested alone. */
#ifndef PROTOCOLS_SASL_SASL_SCRAM_H
#define PROTOCOLS_SASL_SASL_SCRAM_H

#include "core/base/arena.h"

struct scram {
    struct fct_str gs2_header;    /* "n,," as sent */
    struct fct_str authorization; /* a=, unescaped; may be empty */
    struct fct_str user;          /* n=, unescaped */
    struct fct_str client_first_bare;
    struct fct_str nonce; /* the client's, then both */
    struct fct_str server_first;
    struct fct_str auth_message;
    struct fct_str proof; /* decoded */
};

/* All strings are copied into the arena. Fail: FCT_SYNTAX. */
FCT_MUST_CHECK bool scram_client_first(struct arena *arena, struct fct_str message,
                                       struct scram *out, struct fct_err *err);
/* Makes server_first; `nonce` is the server's part, printable, without a comma. */
void scram_server_first(struct arena *arena, struct scram *s, struct fct_str nonce,
                        struct fct_str salt, uint32_t iterations);
/* Checks channel binding and nonce; makes auth_message and proof. */
FCT_MUST_CHECK bool scram_client_final(struct arena *arena, struct fct_str message, struct scram *s,
                                       struct fct_err *err);

#endif
