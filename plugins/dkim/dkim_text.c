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

bool dkim_is(struct fct_str a, const char *word)
{
    return a.n == strlen(word) && memcmp(a.p, word, a.n) == 0;
}

/* Eight bytes at a time, the last eight perhaps again; bit 5 tells a letter from its capital. */
uint64_t dkim_hash(struct fct_str s, uint64_t seed, bool nocase)
{
    const uint64_t fold = nocase ? UINT64_C(0x2020202020202020) : 0;
    uint64_t h = seed ^ s.n, word = 0;

    for (size_t i = 0; i + sizeof word < s.n; i += sizeof word) {
        memcpy(&word, s.p + i, sizeof word);
        h = (h ^ (word | fold)) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    if (s.n >= sizeof word)
        memcpy(&word, s.p + s.n - sizeof word, sizeof word);
    else
        for (size_t i = 0; i < s.n; i++)
            word = word << 8 | (unsigned char)s.p[i];
    h = (h ^ (word | fold)) * UINT64_C(0x9e3779b97f4a7c15);
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

/* Bits that do not make a byte yet. */
struct bits {
    uint32_t value;
    unsigned loose;
};

/* Four letters are three bytes. Returns how many letters it took: as long as they stand in a row.
 */
static size_t decode_fours(struct fct_str text, struct bits *bits, uint8_t *out, size_t max,
                           size_t *n)
{
    const unsigned char *p = (const unsigned char *)text.p;
    size_t i = 0;

    for (; text.n - i >= 4 && max - *n >= 3; i += 4) {
        uint32_t a = value_of[p[i]], b = value_of[p[i + 1]], c = value_of[p[i + 2]],
                 d = value_of[p[i + 3]];
        uint64_t all = (uint64_t)bits->value << 24 | a << 18 | b << 12 | c << 6 | d;
        uint64_t three = all >> bits->loose;

        if ((a | b | c | d) >= FOREIGN)
            break;
        out[(*n)++] = (uint8_t)(three >> 16);
        out[(*n)++] = (uint8_t)(three >> 8);
        out[(*n)++] = (uint8_t)three;
        bits->value = (uint32_t)all;
    }
    return i;
}

bool dkim_base64_decode(struct fct_str text, uint8_t *out, size_t max, size_t *n)
{
    struct bits bits = {0, 0};
    size_t have = 0, pads = 0, i = 0;

    *n = 0;
    while (i < text.n) {
        uint8_t value = value_of[(unsigned char)text.p[i]];

        if (value < FOREIGN && pads == 0) {
            size_t taken =
                decode_fours((struct fct_str){text.p + i, text.n - i}, &bits, out, max, n);

            have += taken;
            i += taken;
            if (taken > 0)
                continue;
        }
        i++;
        if (value == SPACE)
            continue;
        if (value == PAD) {
            pads++;
            continue;
        }
        if (value == FOREIGN || pads > 0)
            return false;
        have++;
        bits = (struct bits){bits.value << 6 | value, bits.loose + 6};
        if (bits.loose < 8)
            continue;
        if (*n == max)
            return false;
        bits.loose -= 8;
        out[(*n)++] = (uint8_t)(bits.value >> bits.loose);
    }
    return have % 4 != 1 && (have + pads) % 4 == 0 && pads < 3;
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
