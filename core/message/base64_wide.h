/* base64_wide.h - the alphabet of base64 (RFC 2045 6.8), 32 characters at a time, where the
 * processor has AVX2. For this folder only. */
#ifndef CORE_MESSAGE_BASE64_WIDE_H
#define CORE_MESSAGE_BASE64_WIDE_H

#include "core/message/line_notes.h"

#if defined(__x86_64__) && defined(__GNUC__) && defined(__SSE2__)
#define BASE64_WIDE 32

static inline bool base64_is_wide(void)
{
    return __builtin_cpu_supports("avx2");
}

/* Whole quanta of whole blocks, and the line ends between them; stops at what is neither or does
 * not fill a block. Writes no more bytes than there are characters. */
const char *base64_wide_decode(const char *p, const char *end, char **to, struct line_notes *notes);
#endif

#endif
