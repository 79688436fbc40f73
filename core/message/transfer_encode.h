/* transfer_encode.h - a part's bytes into quoted-printable or base64 (RFC 2045 6.7, 6.8), piece by
 * piece, in memory that does not grow with the part.
 *
 * What transfer_decode makes of the result is, byte for byte, what went in; of the two repairs:
 * what it would have made of what went in. Lines are at most 76 characters long. */
#ifndef CORE_MESSAGE_TRANSFER_ENCODE_H
#define CORE_MESSAGE_TRANSFER_ENCODE_H

#include "core/base/buf.h"

enum encoding {
    ENCODE_QUOTED_PRINTABLE,
    ENCODE_BASE64,
    ENCODE_REPAIR_QUOTED_PRINTABLE, /* it is, but for bytes that must not be there */
    ENCODE_REPAIR_BASE64,
};

#define ENCODE_BASE64_LINE 57u /* bytes, which give 76 characters */

struct transfer_encoder {
    enum encoding encoding;
    uint64_t size; /* of the result so far */
    bool failed;   /* a line of quoted-printable is too long to be repaired */
    unsigned column;
    bool after_cr; /* quoted-printable: a CR, and before it `blank`, wait for what follows */
    char blank;
    bool only_dash;                /* quoted-printable: all of the line so far */
    char held[ENCODE_BASE64_LINE]; /* base64: the line that is not full yet */
    size_t nheld;
    struct buf line, plain; /* a repair: a line as it is, and decoded */
};

void transfer_encoder_start(struct transfer_encoder *e, enum encoding encoding);
/* out NULL: only counted. */
void transfer_encoder_put(struct transfer_encoder *e, struct fct_str in, struct buf *out);
/* needs_line_end: nothing follows that would end the last line, as the line end in front of a
 * boundary does (RFC 2046 5.1.1). */
void transfer_encoder_end(struct transfer_encoder *e, bool needs_line_end, struct buf *out);
void transfer_encoder_free(struct transfer_encoder *e); /* accepts one that was never started */

#endif
