/* scram_text.h - what the messages of both sides of SCRAM are made of (RFC 5802 7). */
#ifndef PROTOCOLS_SASL_SCRAM_TEXT_H
#define PROTOCOLS_SASL_SCRAM_TEXT_H

#include <facteur/base.h>

#define SCRAM_MAX_NONCE 512

/* The next attribute of the message, if it has that name; moves *in behind it. */
FCT_MUST_CHECK bool scram_attribute(struct fct_str *in, char name, struct fct_str *value);
FCT_MUST_CHECK bool scram_is_nonce(struct fct_str s);

#endif
