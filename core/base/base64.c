/* base64.c - see base64.h. */
#include "core/base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool base64_encode(struct fct_str in, struct buf *out)
{
    const unsigned char *p = (const unsigned char *)in.p;
    char *to = buf_reserve(out, (in.n + 2) / 3 * 4);
    size_t i;

    if (!to)
        return false;
    for (i = 0; i + 2 < in.n; i += 3, to += 4) {
        to[0] = alphabet[p[i] >> 2];
        to[1] = alphabet[(p[i] & 3) << 4 | p[i + 1] >> 4];
        to[2] = alphabet[(p[i + 1] & 15) << 2 | p[i + 2] >> 6];
        to[3] = alphabet[p[i + 2] & 63];
    }
    if (i < in.n) {
        int second = i + 1 < in.n ? p[i + 1] : 0;

        to[0] = alphabet[p[i] >> 2];
        to[1] = alphabet[(p[i] & 3) << 4 | second >> 4];
        to[2] = i + 1 < in.n ? alphabet[(second & 15) << 2] : '=';
        to[3] = '=';
    }
    out->n += (in.n + 2) / 3 * 4;
    return true;
}

static int value_of(char c)
{
    const char *at = c ? strchr(alphabet, c) : NULL;

    return at ? (int)(at - alphabet) : -1;
}

bool base64_decode(struct fct_str in, struct buf *out)
{
    size_t pad = 0, before = out->n;

    if (in.n % 4)
        return false;
    while (pad < 2 && pad < in.n && in.p[in.n - 1 - pad] == '=')
        pad++;
    for (size_t i = 0; i < in.n; i += 4) {
        unsigned word = 0;
        size_t digits = i + 4 == in.n ? 4 - pad : 4;

        for (size_t k = 0; k < 4; k++) {
            int v = k < digits ? value_of(in.p[i + k]) : 0;

            if (v < 0)
                goto bad;
            word = word << 6 | (unsigned)v;
        }
        /* RFC 4648 3.5: bits that are not used must be zero */
        if ((digits == 3 && (word & 0xff)) || (digits == 2 && (word & 0xffff)))
            goto bad;
        for (size_t k = 0; k + 1 < digits; k++)
            if (!buf_put_char(out, (char)(word >> (16 - 8 * k) & 0xff)))
                goto bad;
    }
    return true;
bad:
    out->n = before;
    return false;
}
