/* remote_extensions.h - what a foreign server can do, as its answer to EHLO says (RFC 5321
 * 4.1.1.1). */
#ifndef PROTOCOLS_RELAY_REMOTE_EXTENSIONS_H
#define PROTOCOLS_RELAY_REMOTE_EXTENSIONS_H

#include <facteur/base.h>

enum remote_extension {
    REMOTE_PIPELINING = 1u << 0,  /* RFC 2920 */
    REMOTE_SIZE = 1u << 1,        /* RFC 1870 */
    REMOTE_8BITMIME = 1u << 2,    /* RFC 6152 */
    REMOTE_SMTPUTF8 = 1u << 3,    /* RFC 6531 */
    REMOTE_CHUNKING = 1u << 4,    /* RFC 3030 */
    REMOTE_BINARYMIME = 1u << 5,  /* RFC 3030 */
    REMOTE_DSN = 1u << 6,         /* RFC 3461 */
    REMOTE_STARTTLS = 1u << 7,    /* RFC 3207 */
    REMOTE_REQUIRETLS = 1u << 8,  /* RFC 8689 */
    REMOTE_STATUS = 1u << 9,      /* ENHANCEDSTATUSCODES, RFC 2034 */
    REMOTE_AUTH_PLAIN = 1u << 10, /* RFC 4954, RFC 4616 */
    REMOTE_AUTH_LOGIN = 1u << 11,
    REMOTE_AUTH_SCRAM_SHA_256 = 1u << 12, /* RFC 7677 */
    REMOTE_LIMITS = 1u << 13,             /* RFC 9422 */
    REMOTE_PRIORITY = 1u << 14,           /* MT-PRIORITY, RFC 6710 */
};

struct remote_extensions {
    uint32_t has;      /* bits of enum remote_extension */
    uint64_t size;     /* of SIZE; 0: none told */
    uint32_t mail_max; /* LIMITS: transactions of a connection; 0: not told */
    uint32_t rcpt_max; /* LIMITS: recipients of a transaction; 0: not told */
};

/* One line of the answer behind the first, without its code. Unknown words are no error. */
void remote_extension_line(struct remote_extensions *to, struct fct_str words);

#endif
