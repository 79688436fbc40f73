/* imap_response.c - see imap_response.h. */
#include "protocols/imap/imap_response.h"

#include "core/base/str.h"
#include "core/base/utf8.h"
#include "protocols/imap/imap_parse.h"
#include "store/store.h"

/* A longer text goes as a literal: old clients have line limits, and RFC 9051 4.3 lets either be
 * used. */
#define QUOTED_MAX 1000

enum string_form { FORM_ATOM, FORM_QUOTED, FORM_LITERAL };

static enum string_form form_of(struct fct_str s, bool utf8)
{
    enum string_form form = s.n > 0 ? FORM_ATOM : FORM_QUOTED;
    bool eight_bit = false;

    if (s.n > QUOTED_MAX)
        return FORM_LITERAL;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c == '\r' || c == '\n' || c == '\0')
            return FORM_LITERAL;
        if (c >= 0x80)
            eight_bit = true;
        if (!imap_is_astring_char((char)c))
            form = FORM_QUOTED;
    }
    if (eight_bit && (!utf8 || !utf8_is_valid(s)))
        return FORM_LITERAL;
    return str_equal_nocase(s, FCT_STR("NIL")) ? FORM_QUOTED : form;
}

static void put_quoted(struct buf *out, struct fct_str s)
{
    buf_put_char(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_put_char(out, '\\');
        buf_put_char(out, s.p[i]);
    }
    buf_put_char(out, '"');
}

void imap_response_literal(struct buf *out, uint64_t n)
{
    buf_put_char(out, '{');
    buf_put_u64(out, n);
    buf_put(out, "}\r\n", 3);
}

static void put_literal(struct buf *out, struct fct_str s)
{
    imap_response_literal(out, s.n);
    buf_put_str(out, s);
}

void imap_response_string(struct buf *out, struct fct_str s, bool utf8)
{
    if (form_of(s, utf8) == FORM_LITERAL)
        put_literal(out, s);
    else
        put_quoted(out, s);
}

void imap_response_nstring(struct buf *out, struct fct_str s, bool utf8)
{
    if (s.p)
        imap_response_string(out, s, utf8);
    else
        buf_put(out, "NIL", 3);
}

void imap_response_astring(struct buf *out, struct fct_str s, bool utf8)
{
    if (form_of(s, utf8) == FORM_ATOM)
        buf_put_str(out, s);
    else
        imap_response_string(out, s, utf8);
}

void imap_response_uids(struct buf *out, const uint32_t *uid, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;

        while (end < n && uid[end] == uid[end - 1] + 1)
            end++;
        if (i > 0)
            buf_put_char(out, ',');
        buf_put_u64(out, uid[i]);
        if (end - i > 1) {
            buf_put_char(out, ':');
            buf_put_u64(out, uid[end - 1]);
        }
        i = end;
    }
}

char *imap_write_u64(char *to, uint64_t v)
{
    char digits[20], *at = digits + sizeof digits;
    size_t n;

    do
        *--at = (char)('0' + v % 10);
    while (v /= 10);
    n = (size_t)(digits + sizeof digits - at);
    memcpy(to, at, n);
    return to + n;
}

char *imap_write_u32(char *to, uint32_t v)
{
    char digits[10], *at = digits + sizeof digits;
    size_t n;

    do
        *--at = (char)('0' + v % 10);
    while (v /= 10);
    n = (size_t)(digits + sizeof digits - at);
    memcpy(to, at, n);
    return to + n;
}

static char *write_text(char *to, struct fct_str s)
{
    memcpy(to, s.p, s.n);
    return to + s.n;
}

char *imap_write_flags(char *to, uint16_t flags, uint64_t keywords, const struct fct_str *keyword,
                       size_t nkeywords)
{
    char *start = to;

    if (flags & FLAG_SEEN)
        to = write_text(to, FCT_STR(" \\Seen"));
    if (flags & FLAG_ANSWERED)
        to = write_text(to, FCT_STR(" \\Answered"));
    if (flags & FLAG_FLAGGED)
        to = write_text(to, FCT_STR(" \\Flagged"));
    if (flags & FLAG_DELETED)
        to = write_text(to, FCT_STR(" \\Deleted"));
    if (flags & FLAG_DRAFT)
        to = write_text(to, FCT_STR(" \\Draft"));
    for (size_t i = 0; keywords && i < nkeywords; i++, keywords >>= 1)
        if (keywords & 1) {
            *to++ = ' ';
            to = write_text(to, keyword[i]);
        }
    if (to == start)
        *to++ = '(';
    else
        *start = '('; /* in place of the first space */
    *to++ = ')';
    return to;
}

static char *write_two(char *to, unsigned v, char pad)
{
    *to++ = v < 10 ? pad : (char)('0' + v / 10);
    *to++ = (char)('0' + v % 10);
    return to;
}

/* Days since 1970-01-01 to year, month, day of the Gregorian calendar (years counted from March).
 */
static void civil_date(uint32_t days, unsigned *year, unsigned *month, unsigned *day)
{
    unsigned shifted = days + 719468, era = shifted / 146097, of_era = shifted % 146097;
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned from_march = (5 * of_year + 2) / 153;

    *day = of_year - (153 * from_march + 2) / 5 + 1;
    *month = from_march < 10 ? from_march + 3 : from_march - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

char *imap_write_date(char *to, uint32_t seconds)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    unsigned year, month, day, of_day = seconds % 86400;

    civil_date(seconds / 86400, &year, &month, &day);
    *to++ = '"';
    to = write_two(to, day, ' ');
    *to++ = '-';
    to = write_text(to, (struct fct_str){months + (size_t)(month - 1) * 3, 3});
    *to++ = '-';
    to = imap_write_u32(to, year);
    *to++ = ' ';
    to = write_two(to, of_day / 3600, '0');
    *to++ = ':';
    to = write_two(to, of_day / 60 % 60, '0');
    *to++ = ':';
    to = write_two(to, of_day % 60, '0');
    return write_text(to, FCT_STR(" +0000\""));
}
