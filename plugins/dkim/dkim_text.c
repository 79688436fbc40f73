/* dkim_text.c - see dkim_text.h. */
#include "plugins/dkim/dkim_text.h"

#define LABEL_MAX  63
#define DOMAIN_MAX 253
#define DIGITS_MAX 76

bool dkim_fail(struct fct_err *err, enum fct_class class, const char *fmt, ...)
{
    va_list ap;

    err->class = class;
    va_start(ap, fmt);
    (void)vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    return false;
}

bool dkim_split(struct fct_str *rest, char mark, struct fct_str *out)
{
    const char *at;

    if (!rest->p)
        return false;
    at = rest->n > 0 ? memchr(rest->p, mark, rest->n) : NULL;
    *out = dkim_trim((struct fct_str){rest->p, at ? (size_t)(at - rest->p) : rest->n});
    *rest = at ? (struct fct_str){at + 1, rest->n - (size_t)(at - rest->p) - 1}
               : (struct fct_str){NULL, 0};
    return true;
}

bool dkim_same_nocase(struct fct_str a, struct fct_str b)
{
    if (a.n != b.n)
        return false;
    if (a.n == 0 || memcmp(a.p, b.p, a.n) == 0)
        return true;
    for (size_t i = 0; i < a.n; i++)
        if (dkim_lower(a.p[i]) != dkim_lower(b.p[i]))
            return false;
    return true;
}

/* Eight bytes, or the first and the last four; fewer: the first, the middle and the last. */
static uint64_t ends_of(const char *p, size_t n)
{
    const unsigned char *byte = (const unsigned char *)p;
    uint64_t word = 0;
    uint32_t half[2];

    if (n >= sizeof word) {
        memcpy(&word, p + n - sizeof word, sizeof word);
    } else if (n >= sizeof half[0]) {
        memcpy(&half[0], p, sizeof half[0]);
        memcpy(&half[1], p + n - sizeof half[1], sizeof half[1]);
        word = (uint64_t)half[0] << 32 | half[1];
    } else if (n > 0) {
        word = (uint64_t)byte[0] << 16 | (uint64_t)byte[n / 2] << 8 | byte[n - 1];
    }
    return word;
}

/* Eight bytes at a time, the last eight perhaps again; bit 5 tells a letter from its capital. */
uint64_t dkim_hash(struct fct_str s, uint64_t seed, bool nocase)
{
    const uint64_t fold = nocase ? UINT64_C(0x2020202020202020) : 0;
    uint64_t h = seed ^ s.n, word;

    for (size_t i = 0; i + sizeof word < s.n; i += sizeof word) {
        memcpy(&word, s.p + i, sizeof word);
        h = (h ^ (word | fold)) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    h = (h ^ (ends_of(s.p, s.n) | fold)) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

bool dkim_lower_copy(const struct dkim_memory *memory, struct fct_str s, struct fct_str *out)
{
    char *copy = memory->take(memory->arg, s.n + 1);

    if (!copy)
        return false;
    for (size_t i = 0; i < s.n; i++)
        copy[i] = dkim_lower(s.p[i]);
    copy[s.n] = '\0';
    *out = (struct fct_str){copy, s.n};
    return true;
}

/* ---- domains ---- */

static bool is_label_byte(char c)
{
    char l = dkim_lower(c);

    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           (unsigned char)c >= 0x80;
}

bool dkim_is_domain(struct fct_str s, unsigned least)
{
    unsigned labels = 1;
    size_t length = 0;

    if (s.n == 0 || s.n > DOMAIN_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '.') {
            if (!is_label_byte(s.p[i]) || ++length > LABEL_MAX)
                return false;
            continue;
        }
        if (length == 0)
            return false;
        labels++;
        length = 0;
    }
    return length > 0 && labels >= least;
}

bool dkim_is_below(struct fct_str name, struct fct_str domain)
{
    size_t start;

    if (name.n < domain.n)
        return false;
    start = name.n - domain.n;
    return memcmp(name.p + start, domain.p, domain.n) == 0 &&
           (start == 0 || name.p[start - 1] == '.');
}

/* ---- base64, numbers ---- */

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { FOREIGN = 64, SPACE, PAD };

/* clang-format off */
#define F FOREIGN
#define S SPACE
static const uint8_t value_of[256] = {
    F, F, F, F, F, F, F, F, F, S, S, F, F, S, F, F,  F, F, F, F, F, F, F, F, F, F, F, F, F, F, F, F,
    S, F, F, F, F, F, F, F, F, F, F,62, F, F, F,63, 52,53,54,55,56,57,58,59,60,61, F, F, F,PAD, F, F,
    F, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,10,11,12,13,14, 15,16,17,18,19,20,21,22,23,24,25, F, F, F, F, F,
    F,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40, 41,42,43,44,45,46,47,48,49,50,51, F, F, F, F, F,
    F, F, F, F, F, F, F, F, F, F, F, F, F, F, F, F,  F, F, F, F, F, F, F, F, F, F, F, F, F, F, F, F,
    F, F, F, F, F, F, F, F, F, F, F, F, F, F, F, F,  F, F, F, F, F, F, F, F, F, F, F, F, F, F, F, F,
    F, F, F, F, F, F, F, F, F, F, F, F, F, F, F, F,  F, F, F, F, F, F, F, F, F, F, F, F, F, F, F, F,
    F, F, F, F, F, F, F, F, F, F, F, F, F, F, F, F,  F, F, F, F, F, F, F, F, F, F, F, F, F, F, F, F,
};
#undef F
#undef S
/* clang-format on */

struct decoding {
    const unsigned char *in, *end;
    uint8_t *out, *full;
    uint32_t bits;
    unsigned loose; /* bits that do not make a byte yet */
};

/* Four letters are three bytes: as long as letters stand in a row. */
static void decode_fours(struct decoding *decoding)
{
    struct decoding d = *decoding; /* in registers */

    for (; d.end - d.in >= 4 && d.full - d.out >= 3; d.in += 4, d.out += 3) {
        uint32_t one = value_of[d.in[0]], two = value_of[d.in[1]], three = value_of[d.in[2]],
                 four = value_of[d.in[3]];
        uint64_t all = (uint64_t)d.bits << 24 | one << 18 | two << 12 | three << 6 | four;
        uint64_t bytes = all >> d.loose;

        if ((one | two | three | four) >= FOREIGN)
            break;
        d.out[0] = (uint8_t)(bytes >> 16);
        d.out[1] = (uint8_t)(bytes >> 8);
        d.out[2] = (uint8_t)bytes;
        d.bits = (uint32_t)all;
    }
    *decoding = d;
}

bool dkim_base64_decode(struct fct_str text, uint8_t *out, size_t max, size_t *n)
{
    const unsigned char *start = (const unsigned char *)text.p;
    struct decoding d = {start, start + text.n, out, out + max, 0, 0};
    size_t others = 0, pads = 0, count;

    *n = 0;
    while (d.in < d.end) {
        uint8_t value;

        if (pads == 0)
            decode_fours(&d);
        if (d.in == d.end)
            break;
        value = value_of[*d.in++];
        if (value >= FOREIGN) {
            if (value == FOREIGN)
                return false;
            others++;
            pads += value == PAD;
            continue;
        }
        if (pads > 0)
            return false;
        d.bits = d.bits << 6 | value;
        d.loose += 6;
        if (d.loose < 8)
            continue;
        if (d.out == d.full)
            return false;
        d.loose -= 8;
        *d.out++ = (uint8_t)(d.bits >> d.loose);
    }
    *n = (size_t)(d.out - out);
    count = text.n - others;
    return count % 4 != 1 && (count + pads) % 4 == 0 && pads < 3;
}

size_t dkim_base64_encode(const uint8_t *bytes, size_t n, char *out)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16 | (i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (i + 2 < n ? bytes[i + 2] : 0);

        out[at++] = letters[three >> 18];
        out[at++] = letters[three >> 12 & 63];
        out[at++] = i + 1 < n ? letters[three >> 6 & 63] : '=';
        out[at++] = i + 2 < n ? letters[three & 63] : '=';
    }
    return at;
}

bool dkim_number(struct fct_str text, uint64_t *out)
{
    uint64_t value = 0;

    if (text.n == 0 || text.n > DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        uint64_t digit = (uint64_t)(text.p[i] - '0');

        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
    }
    *out = value;
    return true;
}
