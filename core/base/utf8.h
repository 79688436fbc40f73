/* utf8.h - validity, case folding and normalisation (libunistring behind it). */
#ifndef CORE_BASE_UTF8_H
#define CORE_BASE_UTF8_H

#include "core/base/buf.h"

bool utf8_is_valid(struct fct_str s); /* RFC 3629: no overlong, no surrogates, no NUL */
/* Valid, and no control character (C0, DEL, C1): nothing that could end a line of a protocol or
 * move a terminal's cursor. */
bool utf8_is_line(struct fct_str s);
bool str_is_ascii(struct fct_str s);
/* One code point as 1 to 4 bytes; what is none (RFC 3629 3) becomes U+FFFD. */
size_t utf8_encode(uint32_t point, char to[4]);
/* Full case folding then NFC, for comparing; bytes that are not UTF-8 stay as they are. */
bool utf8_fold(struct fct_str s, struct buf *out);
bool utf8_nfc(struct fct_str s, struct buf *out);

#endif
