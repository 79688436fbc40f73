/* utf8.c - libunistring behind our views. */
#include "core/base/utf8.h"

#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

bool str_is_ascii(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

bool utf8_is_valid(struct fct_str s)
{
    if (s.n && memchr(s.p, 0, s.n))
        return false;
    return s.n == 0 || u8_check((const uint8_t *)s.p, s.n) == NULL;
}

bool utf8_is_line(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20 || c == 0x7f || (c == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xa0))
            return false;
    }
    return utf8_is_valid(s);
}

size_t utf8_encode(uint32_t point, char to[4])
{
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    uint32_t c = point > 0x10FFFF || (point >= 0xD800 && point < 0xE000) ? 0xFFFD : point;
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (size_t i = n; i-- > 1; c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3F));
    to[0] = (char)(lead[n] | c);
    return n;
}

/* `result` is libunistring's, malloc'd; NULL: it failed, the text stays as it was. */
static bool put_result(uint8_t *result, const size_t *n, struct fct_str fallback, struct buf *out)
{
    bool ok = result ? buf_put(out, result, *n) : buf_put_str(out, fallback);

    free(result);
    return ok;
}

bool utf8_fold(struct fct_str s, struct buf *out)
{
    size_t n = 0;

    if (str_is_ascii(s)) {
        char *to = buf_reserve(out, s.n);

        if (!to)
            return false;
        if (s.n)
            memcpy(to, s.p, s.n);
        for (size_t i = 0; i < s.n; i++)
            if (to[i] >= 'A' && to[i] <= 'Z')
                to[i] = (char)(to[i] + 32);
        out->n += s.n;
        return true;
    }
    if (!utf8_is_valid(s))
        return buf_put_str(out, s);
    return put_result(u8_casefold((const uint8_t *)s.p, s.n, NULL, UNINORM_NFC, NULL, &n), &n, s,
                      out);
}

bool utf8_nfc(struct fct_str s, struct buf *out)
{
    size_t n = 0;

    if (str_is_ascii(s) || !utf8_is_valid(s))
        return buf_put_str(out, s);
    return put_result(u8_normalize(UNINORM_NFC, (const uint8_t *)s.p, s.n, NULL, &n), &n, s, out);
}
