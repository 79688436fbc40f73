/* html_references.c - the whole table of the standard, found by narrowing a range letter by letter:
 * the longest name wins, and no name takes more than its own length of steps. */
#include "core/message/html_references.h"

#include "core/base/str.h"
#include "core/base/utf8.h"

struct reference {
    uint32_t first;
    uint16_t second; /* 0: there is only one */
    uint16_t name;   /* offset in names */
};

/* clang-format off */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
#include "core/message/html_references.inc"
#pragma GCC diagnostic pop
/* clang-format on */

enum { HIGHEST = 0x10FFFF };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alphanumeric(char c)
{
    return is_digit(c) || (char_lower(c) >= 'a' && char_lower(c) <= 'z');
}

/* ---- numbers ---- */

/* Authors of the nineties meant Windows-1252; 0 stands for no change. */
static const uint16_t windows_1252[32] = {
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178,
};

static uint32_t meant_by(uint32_t number)
{
    if (number == 0)
        return 0xFFFD;
    if (number >= 0x80 && number < 0xA0 && windows_1252[number - 0x80])
        return windows_1252[number - 0x80];
    return number;
}

static int digit_value(char c, bool hex)
{
    if (is_digit(c))
        return c - '0';
    c = char_lower(c);
    return hex && c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t numeric(struct fct_str in, char *out, size_t *n)
{
    size_t i = 2;
    bool hex = in.n > 2 && char_lower(in.p[2]) == 'x';
    size_t start = i += hex;
    uint32_t number = 0;

    for (int digit; i < in.n && (digit = digit_value(in.p[i], hex)) >= 0; i++)
        if (number <= HIGHEST) /* larger ones stay larger */
            number = number * (hex ? 16 : 10) + (uint32_t)digit;
    if (i == start)
        return 0;
    if (i < in.n && in.p[i] == ';')
        i++;
    *n = utf8_encode(meant_by(number), out);
    return i;
}

/* ---- names ---- */

/* Within [low, high), whose names agree before `at`: the first row whose byte there is >= c. */
static size_t lower_bound(size_t low, size_t high, size_t at, unsigned c)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if ((unsigned char)names[references[middle].name + at] < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The longest name that `in` starts with; its length is 0 when there is none. */
static const struct reference *find_name(struct fct_str in, size_t *length)
{
    const struct reference *found = NULL;
    size_t low = 0, high = FCT_COUNT(references);

    *length = 0;
    for (size_t at = 0; at < in.n && low < high; at++) {
        unsigned c = (unsigned char)in.p[at];

        if (!is_alphanumeric(in.p[at]) && c != ';')
            break;
        low = lower_bound(low, high, at, c);
        high = lower_bound(low, high, at, c + 1);
        if (low < high && names[references[low].name + at + 1] == '\0') {
            found = &references[low];
            *length = at + 1;
        }
    }
    return found;
}

static size_t named(struct fct_str in, bool attribute, char *out, size_t *n)
{
    size_t length;
    const struct reference *found = find_name(str_skip(in, 1), &length);
    size_t end = length + 1;

    if (!found || (attribute && in.p[length] != ';' && end < in.n &&
                   (in.p[end] == '=' || is_alphanumeric(in.p[end]))))
        return 0;
    *n = utf8_encode(found->first, out);
    if (found->second)
        *n += utf8_encode(found->second, out + *n);
    return end;
}

size_t html_reference(struct fct_str in, bool attribute, char out[HTML_REFERENCE_MAX], size_t *n)
{
    if (in.n < 2)
        return 0;
    return in.p[1] == '#' ? numeric(in, out, n) : named(in, attribute, out, n);
}
