/* scram_login.h - the client's side of SCRAM-SHA-256 (RFC 5802 3, RFC 7677): a password is proved
 * without being sent, and the server has to prove that it knows it, too. Without channel binding.
 */
#ifndef PROTOCOLS_SASL_SCRAM_LOGIN_H
#define PROTOCOLS_SASL_SCRAM_LOGIN_H

#include "core/base/arena.h"
#include "core/base/scram.h"

#define SCRAM_ITERATIONS_MAX 100000u /* more is a burden, not a server's wish for safety */

struct scram_login {
    struct arena *arena; /* of the messages */
    struct fct_str password;
    struct fct_str client_first_bare, nonce;
    uint8_t server_signature[SCRAM_KEY]; /* what it must say */
};

/* The first message. `nonce`: ours, printable, without a comma. */
struct fct_str scram_login_first(struct scram_login *l, struct arena *arena, struct fct_str user,
                                 struct fct_str password, struct fct_str nonce);
/* Fail: FCT_SYNTAX for what is no SCRAM, FCT_DENIED for what would give the password away. */
FCT_MUST_CHECK bool scram_login_final(struct scram_login *l, struct fct_str server_first,
                                      struct fct_str *message, struct fct_err *err);
/* FCT_DENIED: the server refuses, or does not know the password itself. */
FCT_MUST_CHECK bool scram_login_verify(const struct scram_login *l, struct fct_str server_final,
                                       struct fct_err *err);

#endif
