/* lint_text.c - see lint_text.h. */
#include "lint_text.h"

#include <stdlib.h>
#include <strings.h>

struct fct_str lint_trim(struct fct_str s)
{
    while (s.n > 0 && strchr(" \t\r\n", *s.p))
        s.p++, s.n--;
    while (s.n > 0 && strchr(" \t\r\n", s.p[s.n - 1]))
        s.n--;
    return s;
}

bool lint_same(struct fct_str a, const char *b)
{
    return a.n == strlen(b) && strncasecmp(a.p, b, a.n) == 0;
}

bool lint_begins(struct fct_str s, const char *with)
{
    size_t n = strlen(with);

    return s.n >= n && strncasecmp(s.p, with, n) == 0;
}

bool lint_is_ascii(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] > 127)
            return false;
    return true;
}

bool lint_is_utf8(struct fct_str s)
{
    const unsigned char *p = (const unsigned char *)s.p;

    for (size_t i = 0; i < s.n;) {
        size_t more = p[i] < 0x80                    ? 0
                      : p[i] >= 0xc2 && p[i] <= 0xdf ? 1
                      : p[i] >= 0xe0 && p[i] <= 0xef ? 2
                      : p[i] >= 0xf0 && p[i] <= 0xf4 ? 3
                                                     : SIZE_MAX;

        if (more == SIZE_MAX || more >= s.n - i)
            return false;
        for (size_t k = 1; k <= more; k++)
            if ((p[i + k] & 0xc0) != 0x80)
                return false;
        i += more + 1;
    }
    return true;
}

/* ---- dates ---- */

#define TOKENS_MAX 8u

/* Words between spaces and commas; comments end it, as they stand last. */
static size_t words_of(struct fct_str s, struct fct_str word[TOKENS_MAX])
{
    size_t n = 0;

    while (s.n > 0 && n < TOKENS_MAX) {
        size_t length = 0;

        while (s.n > 0 && strchr(" \t\r\n,", *s.p))
            s.p++, s.n--;
        if (s.n == 0 || *s.p == '(')
            break;
        while (length < s.n && !strchr(" \t\r\n,(", s.p[length]))
            length++;
        word[n++] = (struct fct_str){s.p, length};
        s.p += length;
        s.n -= length;
    }
    return n;
}

static bool number(struct fct_str s, unsigned most, unsigned *out)
{
    *out = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || *out > 9999)
            return false;
        *out = *out * 10 + (unsigned)(s.p[i] - '0');
    }
    return s.n > 0 && *out <= most;
}

static bool month_of(struct fct_str s, unsigned *out)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (unsigned m = 0; s.n >= 3 && m < 12; m++)
        if (strncasecmp(s.p, names + (size_t)3 * m, 3) == 0) {
            *out = m + 1;
            return true;
        }
    return false;
}

/* hh:mm or hh:mm:ss */
static bool time_of(struct fct_str s, int64_t *out)
{
    unsigned part[3] = {0, 0, 0};
    size_t n = 0, from = 0;

    for (size_t i = 0; i <= s.n; i++)
        if (i == s.n || s.p[i] == ':') {
            if (n == 3 ||
                !number((struct fct_str){s.p + from, i - from}, n == 0 ? 23 : 60, &part[n]))
                return false;
            n++;
            from = i + 1;
        }
    *out = (int64_t)part[0] * 3600 + part[1] * 60 + part[2];
    return n >= 2;
}

static bool zone_of(struct fct_str s, int64_t *out)
{
    static const struct {
        const char *name;
        int hours;
    } zones[] = {{"UT", 0},   {"GMT", 0},  {"UTC", 0},  {"Z", 0},    {"EST", -5}, {"EDT", -4},
                 {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};
    unsigned value;

    *out = 0;
    if (s.n == 5 && (*s.p == '+' || *s.p == '-') &&
        number((struct fct_str){s.p + 1, 4}, 9999, &value)) {
        *out = ((int64_t)value / 100 * 60 + value % 100) * 60 * (*s.p == '-' ? -1 : 1);
        return value % 100 < 60;
    }
    for (size_t i = 0; i < FCT_COUNT(zones); i++)
        if (lint_same(s, zones[i].name)) {
            *out = zones[i].hours * INT64_C(3600);
            return true;
        }
    return false;
}

/* Days since 1970-01-01 of the Gregorian calendar; years begin in March, so that the leap day is
 * the last. */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
    int64_t y = (int64_t)year - (month <= 2), era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

bool lint_date(struct fct_str s, int64_t *out)
{
    struct fct_str word[TOKENS_MAX];
    size_t n = words_of(s, word), at = 0;
    unsigned day, month, year;
    int64_t of_day, zone;

    if (n > 0 && (*word[0].p < '0' || *word[0].p > '9'))
        at++; /* the day of the week */
    if (n < at + 5 || !number(word[at], 31, &day) || day == 0 || !month_of(word[at + 1], &month) ||
        !number(word[at + 2], 9999, &year) || !time_of(word[at + 3], &of_day) ||
        !zone_of(word[at + 4], &zone))
        return false;
    if (year < 100)
        year += year < 50 ? 2000 : 1900; /* RFC 5322 4.3 */
    *out = days_of(year, month, day) * 86400 + of_day - zone;
    return year >= 1970;
}

bool lint_zone_exists(struct fct_str date)
{
    struct fct_str word[TOKENS_MAX];
    unsigned value;

    for (size_t n = words_of(date, word), i = 0; i < n; i++) {
        bool behind = word[i].n == 5 && *word[i].p == '-';

        if ((behind || (word[i].n == 5 && *word[i].p == '+')) &&
            number((struct fct_str){word[i].p + 1, 4}, 9999, &value))
            return value % 100 % 15 == 0 && value % 100 < 60 && value <= (behind ? 1200 : 1400);
    }
    return true;
}

/* ---- parameters ---- */

struct fct_str lint_parameter(struct fct_str value, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i + n < value.n; i++) {
        struct fct_str rest = {value.p + i + n, value.n - i - n};
        size_t length = 0;

        if (i == 0 || !strchr("; \t\r\n", value.p[i - 1]) || strncasecmp(value.p + i, name, n) != 0)
            continue;
        rest = lint_trim(rest);
        if (rest.n == 0 || *rest.p != '=')
            continue;
        rest = lint_trim((struct fct_str){rest.p + 1, rest.n - 1});
        if (rest.n > 0 && *rest.p == '"') {
            const char *end = memchr(rest.p + 1, '"', rest.n - 1);

            return (struct fct_str){rest.p + 1, end ? (size_t)(end - rest.p) - 1 : rest.n - 1};
        }
        while (length < rest.n && !strchr("; \t\r\n", rest.p[length]))
            length++;
        return (struct fct_str){rest.p, length};
    }
    return (struct fct_str){"", 0};
}

bool lint_is_message_id(struct fct_str s)
{
    const char *at;

    s = lint_trim(s);
    if (s.n < 5 || *s.p != '<' || s.p[s.n - 1] != '>')
        return false;
    s = (struct fct_str){s.p + 1, s.n - 2};
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '<' || s.p[i] == '>')
            return false;
    at = memrchr(s.p, '@', s.n);
    return at && at > s.p && at < s.p + s.n - 1;
}

/* ---- character sets ---- */

bool lint_is_charset(struct fct_str lower)
{
    static const char *const exact[] = {
        "us-ascii", "utf-8",      "utf8",   "ascii",       "gb2312",         "gbk",
        "gb18030",  "hz-gb-2312", "big5",   "big5-hkscs",  "euc-jp",         "euc-kr",
        "euc-tw",   "shift_jis",  "sjis",   "tis-620",     "ks_c_5601-1987", "macintosh",
        "koi8-r",   "koi8-u",     "cp-850", "iso-2022-jp", "iso-2022-kr",    "ansi_x3.4-1968",
        "x-sjis",   "x-gbk",      "viscii", "x-mac-roman", "iso-2022-jp-ms", "unicode-1-1-utf-8",
    };
    static const char *const begins[] = {"iso-8859-", "iso8859-",   "iso_8859-", "windows-",
                                         "cp",        "x-windows-", "ibm",       "x-mac-"};

    for (size_t i = 0; i < FCT_COUNT(exact); i++)
        if (lint_same(lower, exact[i]))
            return true;
    for (size_t i = 0; i < FCT_COUNT(begins); i++)
        if (lint_begins(lower, begins[i]))
            return true;
    return false;
}
