/* imap_decode.h - transfer encodings undone piece by piece, for BINARY of parts too large to hold
 * (RFC 3516). The same bytes come out as from transfer_decode over the whole. */
#ifndef PROTOCOLS_IMAP_IMAP_DECODE_H
#define PROTOCOLS_IMAP_IMAP_DECODE_H

#include "core/message/transfer.h"

#define IMAP_DECODE_CARRY \
    (1u << 20) /* of encoded bytes that no cut was found in; then it is cut anywhere */

struct imap_decoder {
    enum transfer transfer;
    struct buf carry; /* encoded, not decoded yet: add what was read */
};

#define IMAP_DECODER(encoding, piece)                                          \
    {                                                                          \
        .transfer = (encoding), .carry = BUF_INIT(IMAP_DECODE_CARRY + (piece)) \
    }

/* Decode what can be decoded by itself; all of it at the end. False: `out` is full. */
FCT_MUST_CHECK bool imap_decode(struct imap_decoder *d, bool end, struct buf *out);

#endif
