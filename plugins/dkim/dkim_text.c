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

bool dkim_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

char dkim_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

struct fct_str dkim_trim(struct fct_str s)
{
    while (s.n > 0 && dkim_is_space(s.p[s.n - 1]))
        s.n--;
    while (s.n > 0 && dkim_is_space(*s.p)) {
        s.p++;
        s.n--;
    }
    return s;
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
    for (size_t i = 0; i < a.n; i++)
        if (dkim_lower(a.p[i]) != dkim_lower(b.p[i]))
            return false;
    return true;
}

bool dkim_is(struct fct_str a, const char *word)
{
    return a.n == strlen(word) && memcmp(a.p, word, a.n) == 0;
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

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool dkim_base64_decode(struct fct_str text, uint8_t *out, size_t max, size_t *n)
{
    uint32_t bits = 0;
    unsigned loose = 0; /* bits not written yet */
    size_t have = 0, pads = 0;

    *n = 0;
    for (size_t i = 0; i < text.n; i++) {
        int value = value_of(text.p[i]);

        if (dkim_is_space(text.p[i]))
            continue;
        if (text.p[i] == '=') {
            pads++;
            continue;
        }
        if (value < 0 || pads > 0)
            return false;
        have++;
        bits = bits << 6 | (uint32_t)value;
        loose += 6;
        if (loose < 8)
            continue;
        if (*n == max)
            return false;
        loose -= 8;
        out[(*n)++] = (uint8_t)(bits >> loose);
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
