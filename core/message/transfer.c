/* transfer.c - base64 and quoted-printable (RFC 2045 6.7, 6.8), read as leniently as mail needs, in
 * linear time. */
#include "core/message/transfer.h"
#include "core/base/str.h"
#include "core/message/base64_scan.h"
#include "core/message/byte_scan.h"
#include "core/message/lexer.h"
#include "core/message/line_notes.h"

/* clang-format off */
#define X BASE64_SKIP
#define P BASE64_PAD
const unsigned char base64_value[256] = {
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,  X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X,62, X, X, X,63, 52,53,54,55,56,57,58,59,60,61, X, X, X, P, X, X,
    X, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,10,11,12,13,14, 15,16,17,18,19,20,21,22,23,24,25, X, X, X, X, X,
    X,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40, 41,42,43,44,45,46,47,48,49,50,51, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,  X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,  X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,  X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,  X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
};
#undef X
#undef P
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

/* Whole quanta from p on, up to the first byte that is in none, line ends between them apart. `to`
 * has room for as many bytes as there are characters. */
static const char *decode_quanta(const char *p, const char *end, char **to,
                                 struct line_notes *notes)
{
    (void)notes; /* only the widest way goes on behind a line end */
#ifdef BASE64_WIDE
    if (end - p >= BASE64_WIDE && base64_is_wide()) {
        p = base64_wide_decode(p, end, to, notes);
        if (end - p >= BASE64_WIDE)
            return p;
    }
#endif
#ifdef __SSE2__
    __m128i values;
    unsigned n;

    while (end - p >= 16) {
        n = base64_block(p, &values);
        base64_put_block(values, *to);
        if (n < 16) {
            *to += n / 4 * 3;
            return p + n / 4 * 4;
        }
        p += 16;
        *to += 12;
    }
#endif
    for (; end - p >= 4; p += 4, *to += 3) {
        uint32_t bits = base64_quantum(p);

        if (bits >> 30)
            break;
        (*to)[0] = (char)(bits >> 16);
        (*to)[1] = (char)(bits >> 8);
        (*to)[2] = (char)bits;
    }
    return p;
}

/* Padding ends a quantum, not the data: mail joined from several encoded pieces is common, and what
 * a mail program shows must be what a filter saw. Everything outside the alphabet is passed over
 * (RFC 2045 6.8). */
static char *decode_base64(struct fct_str in, char *to, struct line_notes *notes)
{
    const char *p = in.p, *end = in.p + in.n;
    uint32_t bits = 0;
    unsigned n = 0;

    while (p < end) {
        unsigned char v = base64_value[(unsigned char)*p];

        if (n == 0 && v < BASE64_SKIP) {
            p = decode_quanta(p, end, &to, notes);
            if (p == end)
                break;
            v = base64_value[(unsigned char)*p];
        }
        p++;
        if (v == BASE64_SKIP) {
            if (n == 0 && p[-1] == '\n')
                note_line(notes, p, to);
            continue;
        }
        bits = bits << 6 | (v & 63u);
        if (v != BASE64_PAD && ++n < 4)
            continue;
        if (v == BASE64_PAD)
            to = put_rest(to, bits >> 6, n);
        else
            *to++ = (char)(bits >> 16), *to++ = (char)(bits >> 8), *to++ = (char)bits;
        n = 0;
        bits = 0;
    }
    return put_rest(to, bits, n);
}

/* clang-format off */
#define X -1
#define X16 X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X
static const signed char hex_values[256] = {
    X16, X16, X16,
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, X, X, X, X, X, X,
    X, 10, 11, 12, 13, 14, 15, X, X, X, X, X, X, X, X, X, X16,
    X, 10, 11, 12, 13, 14, 15, X, X, X, X, X, X, X, X, X, X16,
    X16, X16, X16, X16, X16, X16, X16, X16,
};
#undef X
#undef X16
/* clang-format on */

static inline int hex_value(char c)
{
    return hex_values[(unsigned char)c];
}

/* Everything up to the next '=' or LF stands for itself. Returns where that is, or `end`. */
static const char *copy_literal(const char *p, const char *end, char **to)
{
#ifdef __SSE2__
    const __m128i equals = _mm_set1_epi8('='), lf = _mm_set1_epi8('\n');
    char *out = *to;

    while (end - p >= 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)p);
        unsigned found = (unsigned)_mm_movemask_epi8(
            _mm_or_si128(_mm_cmpeq_epi8(block, equals), _mm_cmpeq_epi8(block, lf)));

        _mm_storeu_si128((__m128i *)(void *)out, block);
        if (found) {
            *to = out + __builtin_ctz(found);
            return p + __builtin_ctz(found);
        }
        p += 16;
        out += 16;
    }
    *to = out;
#endif
    while (p < end && *p != '=' && *p != '\n')
        *(*to)++ = *p++;
    return p;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* White space in front of a line's end was put there on the way (RFC 2045 6.7 rule 3): that of the
 * line from..end is taken out of what was written. */
static char *drop_blanks(const char *from, const char *end, bool has_lf, char *to)
{
    size_t cr = has_lf && end > from && end[-1] == '\r', n = 0;

    for (const char *p = end - cr; p > from && is_blank(p[-1]); p--)
        n++;
    if (n == 0)
        return to;
    to -= n + cr;
    if (cr)
        *to++ = '\r';
    return to;
}

/* Behind '=': where the next line begins when that was a soft break (rule 5), else NULL. */
static const char *soft_break(const char *p, const char *end)
{
    while (p < end && is_blank(*p))
        p++;
    if (p == end)
        return end;
    if (*p == '\n')
        return p + 1;
    return *p == '\r' && end - p >= 2 && p[1] == '\n' ? p + 2 : NULL;
}

static char *decode_quoted_printable(struct fct_str in, char *to, struct line_notes *notes)
{
    const char *p = in.p, *end = in.p + in.n, *line = p, *next;

    while ((p = copy_literal(p, end, &to)) < end) {
        if (*p == '\n') {
            to = drop_blanks(line, p, true, to);
            *to++ = *p++;
            line = p;
            note_line(notes, p, to);
        } else if (end - p >= 3 && p[1] == '\r' && p[2] == '\n') { /* as nearly all are written */
            p = line = p + 3;
            note_line(notes, p, to);
        } else if (end - p >= 3 && (hex_value(p[1]) | hex_value(p[2])) >= 0) {
            *to++ = (char)(hex_value(p[1]) << 4 | hex_value(p[2]));
            p += 3;
        } else if ((next = soft_break(p + 1, end))) {
            p = line = next;
            note_line(notes, p, to);
        } else {
            *to++ = *p++; /* broken: stays as written (RFC 2045 6.7, note) */
        }
    }
    return drop_blanks(line, end, false, to);
}

/* Neither encoding makes its input longer. */
static bool decode_into(enum transfer encoding, struct fct_str in, struct line_notes *notes,
                        struct buf *out)
{
    struct buf exact = BUF_INIT(in.n), *to = in.n <= out->max - out->n ? out : &exact;
    char *start = buf_reserve(to, in.n), *end;

    if (!start)
        return false;
    if (notes) {
        notes->in = in.p;
        notes->out = start;
        notes->next = in.p + TRANSFER_LINES_APART;
    }
    end = encoding == TRANSFER_BASE64 ? decode_base64(in, start, notes)
                                      : decode_quoted_printable(in, start, notes);
    to->n += (size_t)(end - start);
    if (to == &exact) /* the room may still be enough for what came out */
        buf_put_str(out, buf_str(&exact));
    buf_free(&exact);
    return !out->overflow;
}

static bool decode(enum transfer encoding, struct fct_str in, struct line_notes *notes,
                   struct buf *out)
{
    if (in.n == 0 || out->overflow)
        return !out->overflow;
    return encoding == TRANSFER_IDENTITY ? buf_put_str(out, in)
                                         : decode_into(encoding, in, notes, out);
}

bool transfer_decode(enum transfer encoding, struct fct_str in, struct buf *out)
{
    return decode(encoding, in, NULL, out);
}

bool transfer_decode_lines(enum transfer encoding, struct fct_str in, struct buf *out,
                           struct transfer_line *line, size_t *lines)
{
    struct line_notes notes = {.line = line};
    bool ok = decode(encoding, in, &notes, out);

    if (notes.n > 0 && line[notes.n - 1].encoded == in.n)
        notes.n--; /* nothing is behind the last line end */
    *lines = notes.n;
    return ok;
}
