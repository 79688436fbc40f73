/* down_convert.h - a message for a server that takes less than the message is: 8-bit mail becomes
 * 7-bit (RFC 6152 3), binary mail becomes one of the two (RFC 3030 3).
 *
 * Leaves with bytes that the server does not take are encoded, text as quoted-printable, the rest
 * as base64, and only they; what decodes from the result is what was in the message, byte for byte.
 * Enclosed messages are converted inside, for they must not be encoded (RFC 2045 6.4). What stands
 * around the parts of a multipart and would not fit is left out (RFC 2046 5.1.1: nobody reads it).
 *
 * Two passes over the bytes, each in pieces of any size: look at all, ask for the verdict, and
 * write all. Memory: a few bytes for each part, and one header. */
#ifndef CORE_MESSAGE_DOWN_CONVERT_H
#define CORE_MESSAGE_DOWN_CONVERT_H

#include "core/base/buf.h"

enum down_convert_kind { DOWN_8BIT_TO_7BIT, DOWN_BINARY_TO_7BIT, DOWN_BINARY_TO_8BIT };
const char *down_convert_name(enum down_convert_kind kind); /* "8bit-to-7bit" */

enum down_convert_verdict {
    DOWN_FITS,     /* the server can have it as it is */
    DOWN_CONVERTS, /* and this is what it can have */
    /* It would not be the same message any more: */
    DOWN_HEADER,    /* a field, of a part or of an enclosed message too, is not ASCII */
    DOWN_SEALED,    /* inside of a signature or of encryption (RFC 1847, RFC 8551) */
    DOWN_STRUCTURE, /* parts that may not be encoded, or cannot be told apart */
};

struct down_convert;

struct down_convert *down_convert_new(enum down_convert_kind kind);
void down_convert_free(struct down_convert **d);

void down_convert_look(struct down_convert *d, struct fct_str bytes);
/* All was looked at. */
enum down_convert_verdict down_convert_decide(struct down_convert *d);

/* From here on only of what converts. */
enum down_convert_kind down_convert_kind(const struct down_convert *d);
uint64_t down_convert_size(const struct down_convert *d); /* of the result, exact */
/* May be called any number of times for one message: begins to write it. */
void down_convert_begin(struct down_convert *d);
/* The same bytes again. The result of a piece is at most DOWN_CONVERT_GROWTH times as long, and
 * DOWN_CONVERT_SLACK bytes. */
void down_convert_write(struct down_convert *d, struct fct_str bytes, struct buf *out);
void down_convert_end(struct down_convert *d, struct buf *out);
#define DOWN_CONVERT_GROWTH 4u
#define DOWN_CONVERT_SLACK  (2u << 20) /* a header that came in many pieces goes out in one */

#endif
