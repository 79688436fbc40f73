/* sasl_int.h - what the mechanisms share. */
#ifndef PROTOCOLS_SASL_SASL_INT_H
#define PROTOCOLS_SASL_SASL_INT_H

#include "protocols/sasl/sasl.h"

extern const struct sasl_mechanism sasl_plain, sasl_login, sasl_scram_sha_256;

/* Fail the exchange: records the error, returns SASL_FAILED. */
enum sasl_state sasl_fail(struct sasl *x, enum fct_class class, const char *text);
/* Ask for more: `plain` is sent as base64. */
enum sasl_state sasl_challenge(struct sasl *x, struct fct_str plain);
/* Check a password with the store and end the exchange. */
FCT_MAY_WAIT enum sasl_state sasl_check_password(struct sasl *x, struct fct_str user,
                                                 struct fct_str password);
/* An identity to act as, from the client: empty or the login itself; acting for others is not
 * offered (RFC 4616 2). */
bool sasl_may_act_as(struct fct_str authorization, struct fct_str user);
/* A name a login can have: 1 to 255 octets of UTF-8 without control characters. */
bool sasl_is_user(struct fct_str user);

#endif
