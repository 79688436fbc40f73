/* smtp_extension.h - the service extensions of EHLO (RFC 5321 2.2): one row each, which says its
 * keyword; whether a client may use one now is asked at one place, smtp_offers. */
#ifndef PROTOCOLS_SMTP_SMTP_EXTENSION_H
#define PROTOCOLS_SMTP_SMTP_EXTENSION_H

#include <facteur/base.h>

enum smtp_extension {
    SMTP_EXT_PIPELINING = 1u << 0,  /* RFC 2920 */
    SMTP_EXT_SIZE = 1u << 1,        /* RFC 1870 */
    SMTP_EXT_8BITMIME = 1u << 2,    /* RFC 6152 */
    SMTP_EXT_CHUNKING = 1u << 3,    /* RFC 3030 */
    SMTP_EXT_CODES = 1u << 4,       /* ENHANCEDSTATUSCODES, RFC 2034 */
    SMTP_EXT_STARTTLS = 1u << 5,    /* RFC 3207 */
    SMTP_EXT_AUTH = 1u << 6,        /* RFC 4954 */
    SMTP_EXT_PRDR = 1u << 7,        /* draft-hall-prdr */
    SMTP_EXT_SMTPUTF8 = 1u << 8,    /* RFC 6531 */
    SMTP_EXT_DSN = 1u << 9,         /* RFC 3461 */
    SMTP_EXT_HOLD = 1u << 10,       /* FUTURERELEASE, RFC 4865 */
    SMTP_EXT_PRIORITY = 1u << 11,   /* MT-PRIORITY, RFC 6710 */
    SMTP_EXT_REQUIRETLS = 1u << 12, /* RFC 8689 */
    SMTP_EXT_LIMITS = 1u << 13,     /* RFC 9422 */
};
#define SMTP_EXT_ALL 0x3fffu
/* Those that depend on nothing. */
#define SMTP_EXT_ALWAYS                                                            \
    (SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_8BITMIME | SMTP_EXT_CHUNKING | \
     SMTP_EXT_CODES | SMTP_EXT_SMTPUTF8 | SMTP_EXT_LIMITS)

/* Its bit, 0 for a keyword that is none of ours. In any case (RFC 5321 2.4). */
unsigned smtp_extension_find(struct fct_str keyword);
/* The keyword of the lowest bit in `set`. */
const char *smtp_extension_keyword(unsigned set);

#endif
