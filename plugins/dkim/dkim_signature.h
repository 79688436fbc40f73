/* dkim_signature.h - a signature header field taken apart and checked (RFC 6376 3.5, 6.1.1; the
 * algorithms of RFC 8301 and RFC 8463), for DKIM-Signature and for the two of ARC (RFC 8617 4.1)
 * that share its form. */
#ifndef DKIM_SIGNATURE_H
#define DKIM_SIGNATURE_H

#include "plugins/dkim/dkim_tags.h"
#include "plugins/dkim/dkim_text.h"

enum dkim_kind { DKIM_SIGNATURE, DKIM_ARC_MESSAGE_SIGNATURE, DKIM_ARC_SEAL };

enum dkim_algorithm { DKIM_RSA_SHA256, DKIM_ED25519_SHA256 };

#define DKIM_HASH_BYTES      32
#define DKIM_SIGNATURE_BYTES 512 /* RSA of 4096 bits */
#define DKIM_HEADERS_MAX     500 /* names in h= */

struct dkim_signature {
    struct fct_str domain, selector; /* lower case */
    struct fct_str identity;         /* i= as written; empty: not given */
    struct fct_str identity_domain;  /* of i=, lower case; `domain` when not given */
    enum dkim_algorithm algorithm;
    bool relaxed_header, relaxed_body;
    bool has_length, has_time, has_expiry;
    uint64_t length, time, expiry;
    const struct fct_str *header; /* names in h=, as written */
    size_t headers;
    uint8_t body_hash[DKIM_HASH_BYTES];
    uint8_t bytes[DKIM_SIGNATURE_BYTES];
    size_t nbytes;
    /* What is left out when the field itself is hashed: the value of b=, spaces around it too. A
     * view into the field. */
    struct fct_str blank;
    uint32_t instance;   /* ARC: i= */
    struct fct_str seal; /* ARC-Seal: cv= as written */
};

/* `value` lives as long as *out. Fails: SYNTAX when it is malformed (RFC 8601 calls that neutral),
 * DENIED when it is refused (permerror: rsa-sha1 and the like), LIMIT when it is too large, TEMP
 * without memory. */
FCT_MUST_CHECK bool dkim_signature_parse(const struct dkim_memory *memory, enum dkim_kind kind,
                                         struct fct_str value, struct dkim_signature *out,
                                         struct fct_err *err);
const char *dkim_algorithm_name(enum dkim_algorithm algorithm);

#endif
