/* digest_text.h - the weekly message about what was taken out of an account's mail: its text, in
 * English and French. */
#ifndef STORE_DIGEST_TEXT_H
#define STORE_DIGEST_TEXT_H

#include "store/privacy_tally.h"

struct digest {
    struct fct_str address;   /* of the account */
    struct fct_str languages; /* its setting; the first that we speak is taken, else English */
    uint32_t first, last;     /* days since 1970, both included */
    int64_t now;
    struct fct_str originals;          /* the mailbox for them, or empty */
    const struct privacy_tally *tally; /* sorted */
};

/* A whole message (RFC 5322), CRLF line ends. */
void digest_compose(const struct digest *d, struct buf *out);

#endif
