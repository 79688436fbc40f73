/* varint.h - numbers in the stored forms of this folder: 7 bits a byte, low end first, the shortest
 * form only, so that one list has one encoding. */
#ifndef CORE_MESSAGE_VARINT_H
#define CORE_MESSAGE_VARINT_H

#include "core/base/buf.h"
#include "core/base/str.h"

static inline void varint_put(struct buf *out, uint64_t v)
{
    while (v >= 0x80) {
        buf_put_char(out, (char)(v | 0x80));
        v >>= 7;
    }
    buf_put_char(out, (char)v);
}

FCT_MUST_CHECK static inline bool varint_take(struct fct_str *in, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; shift < 64 && in->n > 0; shift += 7) {
        unsigned char c = (unsigned char)in->p[0];

        in->p++;
        in->n--;
        if (shift == 63 && c > 1)
            return false;
        *v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80)
            return c != 0 || shift == 0;
    }
    return false;
}

static inline void varint_put_str(struct buf *out, struct fct_str s)
{
    varint_put(out, s.n);
    buf_put_str(out, s);
}

FCT_MUST_CHECK static inline bool varint_take_str(struct fct_str *in, struct fct_str *s)
{
    uint64_t n;

    if (!varint_take(in, &n) || n > in->n)
        return false;
    *s = (struct fct_str){in->p, (size_t)n};
    in->p += n;
    in->n -= (size_t)n;
    return true;
}

#endif
