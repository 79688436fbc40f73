/* recode.h - charsets in which '<' may be something else than the byte 0x3C: the text in
 * UTF-8, and for each of its bytes where it came from. For this folder only.
 *
 * UTF-16 and UTF-32 are mapped character by character. ISO-2022-JP, ISO-2022-KR and UTF-7 switch
 * between ASCII and something else: ASCII is mapped byte by byte, the rest run by run. */
#ifndef CORE_MESSAGE_RECODE_H
#define CORE_MESSAGE_RECODE_H

#include "core/base/arena.h"

struct recoded {
    struct fct_str text;
    const uint32_t *from; /* text.n + 1 offsets in the original, rising */
};

/* False: the charset is a superset of ASCII and nothing was done. A byte order mark of UTF-16 beats
 * the charset's name, as in browsers. */
bool recode(struct arena *arena, struct fct_str charset, struct fct_str bytes, struct recoded *out);
/* A span of the text becomes the span of the original it came from. */
static inline void recoded_map(const struct recoded *r, size_t *offset, size_t *length)
{
    size_t end = r->from[*offset + *length];

    *offset = r->from[*offset];
    *length = end - *offset;
}

#endif
