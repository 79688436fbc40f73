/* transfer.h - transfer encodings (RFC 2045 6), charsets and encoded words (RFC 2047). Broken input
 * decodes as far as it goes. */
#ifndef CORE_MESSAGE_TRANSFER_H
#define CORE_MESSAGE_TRANSFER_H

#include "core/base/buf.h"

enum transfer { TRANSFER_IDENTITY, TRANSFER_BASE64, TRANSFER_QUOTED_PRINTABLE };

/* Unknown and 7bit, 8bit, binary: identity. */
enum transfer transfer_from_name(struct fct_str name);
bool transfer_decode(enum transfer encoding, struct fct_str in,
                     struct buf *out); /* false only on overflow of out */
/* A line of encoded text: where it begins, and where in the decoded text; of base64, one that
 * begins with a quantum. */
struct transfer_line {
    size_t encoded, decoded;
};
enum { TRANSFER_LINES_APART = 64 };
/* As above, and lines, rising, so many bytes apart or more: `line` has room for one per so many
 * bytes of `in`. Who looks for a decoded byte's place then need not read all that is in front of
 * it. */
bool transfer_decode_lines(enum transfer encoding, struct fct_str in, struct buf *out,
                           struct transfer_line *line, size_t *lines);
/* To UTF-8 by iconv; bytes that do not fit become U+FFFD; an unknown charset is read as UTF-8, else
 * as Windows-1252. */
bool charset_to_utf8(struct fct_str charset, struct fct_str in, struct buf *out);
/* Open the common converters once, before a sandbox forbids to load their modules; later calls do
 * nothing. */
void charset_preload(void);
bool encoded_word_decode(struct fct_str text,
                         struct buf *out); /* RFC 2047 6, adjacent words joined */

#endif
