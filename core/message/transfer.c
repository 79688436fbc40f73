/* transfer.c - base64 and quoted-printable (RFC 2045 6.7, 6.8), read as leniently as mail needs, in
 * linear time. */
#include "core/message/transfer.h"
#include "core/base/str.h"
#include "core/message/lexer.h"

enum { SKIP = 64, PAD = 65 };

/* clang-format off */
#define X SKIP
static const unsigned char sextet[256] = {
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,  X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X,62, X, X, X,63, 52,53,54,55,56,57,58,59,60,61, X, X, X,PAD,X, X,
    X, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,10,11,12,13,14, 15,16,17,18,19,20,21,22,23,24,25, X, X, X, X, X,
    X,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40, 41,42,43,44,45,46,47,48,49,50,51, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,  X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,  X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,  X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,  X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
};
#undef X
/* clang-format on */

enum transfer transfer_from_name(struct fct_str name)
{
    if (LEX_IS(name, "base64"))
        return TRANSFER_BASE64;
    if (LEX_IS(name, "quoted-printable"))
        return TRANSFER_QUOTED_PRINTABLE;
    return TRANSFER_IDENTITY;
}

/* What a quantum cut short still holds: two characters give a byte, three give two. */
static char *put_rest(char *to, uint32_t bits, unsigned n)
{
    if (n >= 2)
        *to++ = (char)(bits >> (n == 2 ? 4 : 10));
    if (n == 3)
        *to++ = (char)(bits >> 2);
    return to;
}

/* Padding ends a quantum, not the data: mail joined from several encoded pieces is common, and what
 * a mail program shows must be what a filter saw. Everything outside the alphabet is passed over
 * (RFC 2045 6.8). */
static char *decode_base64(struct fct_str in, char *to)
{
    const unsigned char *p = (const unsigned char *)in.p;
    uint32_t bits = 0;
    unsigned n = 0;

    for (size_t i = 0; i < in.n; i++) {
        unsigned char v = sextet[p[i]];

        if (v == PAD) {
            to = put_rest(to, bits, n);
            n = 0;
            bits = 0;
        } else if (v != SKIP) {
            bits = bits << 6 | v;
            if (++n == 4) {
                to[0] = (char)(bits >> 16);
                to[1] = (char)(bits >> 8);
                to[2] = (char)bits;
                to += 3;
                n = 0;
                bits = 0;
            }
        }
    }
    return put_rest(to, bits, n);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = char_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A line without its line end and without the white space in front of that (RFC 2045 6.7 rule 3).
 * True: a soft break. */
static bool decode_qp_line(const char *p, const char *end, char **to)
{
    while (p < end) {
        const char *equals = memchr(p, '=', (size_t)(end - p));
        size_t plain = (size_t)((equals ? equals : end) - p);

        memcpy(*to, p, plain);
        *to += plain;
        p += plain;
        if (!equals)
            return false;
        if (end - p == 1)
            return true;
        if (end - p >= 3 && hex_value(p[1]) >= 0 && hex_value(p[2]) >= 0) {
            *(*to)++ = (char)(hex_value(p[1]) << 4 | hex_value(p[2]));
            p += 3;
        } else {
            *(*to)++ = *p++; /* broken: stays as written (RFC 2045 6.7, note) */
        }
    }
    return false;
}

static char *decode_quoted_printable(struct fct_str in, char *to)
{
    const char *p = in.p, *end = in.p + in.n;

    while (p < end) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        const char *next = lf ? lf + 1 : end, *line_end = lf ? lf : end;

        if (lf && line_end > p && line_end[-1] == '\r')
            line_end--;
        const char *text_end = line_end;
        while (text_end > p && (text_end[-1] == ' ' || text_end[-1] == '\t'))
            text_end--;
        if (!decode_qp_line(p, text_end, &to)) {
            memcpy(to, line_end, (size_t)(next - line_end));
            to += next - line_end;
        }
        p = next;
    }
    return to;
}

/* Neither encoding makes its input longer. */
static bool decode_into(char *(*decode)(struct fct_str in, char *to), struct fct_str in,
                        struct buf *out)
{
    struct buf exact = BUF_INIT(in.n), *to = in.n <= out->max - out->n ? out : &exact;
    char *start = buf_reserve(to, in.n);

    if (!start)
        return false;
    to->n += (size_t)(decode(in, start) - start);
    if (to == &exact) /* the room may still be enough for what came out */
        buf_put_str(out, buf_str(&exact));
    buf_free(&exact);
    return !out->overflow;
}

bool transfer_decode(enum transfer encoding, struct fct_str in, struct buf *out)
{
    if (in.n == 0 || out->overflow)
        return !out->overflow;
    switch (encoding) {
    case TRANSFER_BASE64:
        return decode_into(decode_base64, in, out);
    case TRANSFER_QUOTED_PRINTABLE:
        return decode_into(decode_quoted_printable, in, out);
    case TRANSFER_IDENTITY:
        break;
    }
    return buf_put_str(out, in);
}
