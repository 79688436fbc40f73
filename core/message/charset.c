/* charset.c - text of any charset to UTF-8 by iconv (RFC 2046 4.1.2, RFC 3629). */
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/message/transfer.h"

#include <errno.h>
#include <iconv.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

enum { NAME_MAX_LENGTH = 40, CACHED = 8 };

/* What the name says is not what senders mean: the superset is read instead, as browsers do. */
static const struct {
    const char *name, *meant;
} aliases[] = {
    {"iso-8859-1", "WINDOWS-1252"},
    {"latin1", "WINDOWS-1252"},
    {"iso_8859-1", "WINDOWS-1252"},
    {"iso8859-1", "WINDOWS-1252"},
    {"cp-1252", "WINDOWS-1252"},
    {"iso-8859-9", "WINDOWS-1254"},
    {"iso-8859-8-i", "ISO-8859-8"},
    {"gb2312", "GB18030"},
    {"gbk", "GB18030"},
    {"gb_2312-80", "GB18030"},
    {"shift_jis", "CP932"},
    {"shift-jis", "CP932"},
    {"x-sjis", "CP932"},
    {"euc-kr", "CP949"},
    {"ks_c_5601-1987", "CP949"},
    {"ks_c_5601", "CP949"},
    {"x-windows-949", "CP949"},
    {"big5", "BIG5-HKSCS"},
    {"x-mac-roman", "MACINTOSH"},
    {"x-gbk", "GB18030"},
};

/* Opening a converter costs some microseconds and may load a module, so each thread keeps the last
 * few. */
static _Thread_local struct converter {
    char name[NAME_MAX_LENGTH + 1];
    iconv_t cd;
} cache[CACHED];
static _Thread_local unsigned cache_next;

/* Common ones; what the sandbox will not let a process load later must be loaded before
 * (charset_preload). */
static const char *const preloaded[] = {
    "WINDOWS-1250", "WINDOWS-1251", "WINDOWS-1252", "WINDOWS-1253", "WINDOWS-1254", "WINDOWS-1255",
    "WINDOWS-1256", "WINDOWS-1257", "WINDOWS-1258", "ISO-8859-2",   "ISO-8859-3",   "ISO-8859-4",
    "ISO-8859-5",   "ISO-8859-6",   "ISO-8859-7",   "ISO-8859-8",   "ISO-8859-10",  "ISO-8859-13",
    "ISO-8859-14",  "ISO-8859-15",  "ISO-8859-16",  "KOI8-R",       "KOI8-U",       "GB18030",
    "BIG5-HKSCS",   "CP932",        "EUC-JP",       "ISO-2022-JP",  "CP949",        "ISO-2022-KR",
    "UTF-7",        "UTF-16",       "MACINTOSH",    "TIS-620",      "IBM437",       "IBM850",
};

/* The converters stay open for the life of the process: that keeps their modules loaded for every
 * thread. */
void charset_preload(void)
{
    static iconv_t kept[FCT_COUNT(preloaded)];

    for (size_t i = 0; i < FCT_COUNT(preloaded); i++)
        if (!kept[i])
            kept[i] = iconv_open("UTF-8", preloaded[i]);
}

static iconv_t converter_open(const char *name)
{
    struct converter *c;

    for (size_t i = 0; i < CACHED; i++)
        if (cache[i].name[0] && strcmp(cache[i].name, name) == 0) {
            iconv(cache[i].cd, NULL, NULL, NULL, NULL);
            return cache[i].cd;
        }
    iconv_t cd = iconv_open("UTF-8", name);
    if (cd == (iconv_t)-1)
        return cd;
    c = &cache[cache_next++ % CACHED];
    if (c->name[0])
        iconv_close(c->cd);
    str_copy_c(c->name, sizeof c->name, str_from(name));
    c->cd = cd;
    return cd;
}

/* Room for a name of letters, digits and "-_.:+" only: it goes to iconv_open, where "/" has a
 * meaning of its own. */
static bool take_name(struct fct_str charset, char name[NAME_MAX_LENGTH + 1])
{
    if (charset.n == 0 || charset.n > NAME_MAX_LENGTH)
        return false;
    for (size_t i = 0; i < charset.n; i++) {
        char c = char_lower(charset.p[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("-_.:+", c)) || c == '\0')
            return false;
        name[i] = c;
    }
    name[charset.n] = '\0';
    for (size_t i = 0; i < FCT_COUNT(aliases); i++)
        if (strcmp(aliases[i].name, name) == 0)
            str_copy_c(name, NAME_MAX_LENGTH + 1, str_from(aliases[i].meant));
    return true;
}

/* Room for the next step: a guess at what is left, never more than the buffer may hold. */
static size_t room_for(const struct buf *out, size_t left)
{
    size_t guess = left + left / 2 + 64, free = out->max - out->n;

    guess = guess > 65536 ? 65536 : guess;
    return guess < free ? guess : free > 0 ? free : 1;
}

/* Some converters hold the last character back, as the next one might join it. */
static bool flush(iconv_t cd, struct buf *out)
{
    char last[16], *to = last;
    size_t room = sizeof last;

    iconv(cd, NULL, NULL, &to, &room);
    return buf_put(out, last, (size_t)(to - last));
}

static bool convert(iconv_t cd, struct fct_str in, struct buf *out)
{
    char *from = (char *)(uintptr_t)in.p; /* iconv's prototype lacks the const it keeps */
    size_t left = in.n;

    while (left > 0) {
        size_t room = room_for(out, left);
        char *start = buf_reserve(out, room), *to = start;

        if (!start)
            return false;
        size_t done = iconv(cd, &from, &left, &to, &room);
        int why = done == (size_t)-1 ? errno : 0;
        bool stuck = why == E2BIG && to == start && room == out->max - out->n;

        out->n += (size_t)(to - start);
        if (stuck && !buf_reserve(out, room + 1)) /* not even one character more fits */
            return false;
        if (why != 0 &&
            why != E2BIG) { /* a byte that fits nowhere, or half a character at the end */
            buf_put_c(out, REPLACEMENT);
            from++;
            left--;
        }
    }
    return flush(cd, out);
}

/* The length of the well-formed character at p (RFC 3629 4), 0 when there is none. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
    size_t length = p[0] < 0x80   ? 1
                    : p[0] < 0xc2 ? 0
                    : p[0] < 0xe0 ? 2
                    : p[0] < 0xf0 ? 3
                    : p[0] < 0xf5 ? 4
                                  : 0;

    if (length > n)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return length;
}

/* UTF-8 with every byte that does not fit replaced. */
static bool repair_utf8(struct fct_str in, struct buf *out)
{
    const unsigned char *p = (const unsigned char *)in.p;
    size_t start = 0;

    for (size_t i = 0; i < in.n;) {
        size_t n = utf8_length(p + i, in.n - i);

        if (n == 0) {
            buf_put(out, in.p + start, i - start);
            buf_put_c(out, REPLACEMENT);
            start = i + 1;
        }
        i += n > 0 ? n : 1;
    }
    return buf_put(out, in.p + start, in.n - start);
}

static bool is_well_formed(struct fct_str in)
{
    const unsigned char *p = (const unsigned char *)in.p;

    for (size_t i = 0, n; i < in.n; i += n)
        if ((n = utf8_length(p + i, in.n - i)) == 0)
            return false;
    return true;
}

bool charset_to_utf8(struct fct_str charset, struct fct_str in, struct buf *out)
{
    char name[NAME_MAX_LENGTH + 1];
    bool named = take_name(charset, name);
    iconv_t cd;

    if (in.n == 0)
        return !out->overflow;
    if (named && (strcmp(name, "utf-8") == 0 || strcmp(name, "utf8") == 0))
        return repair_utf8(in, out);
    if (!named || strcmp(name, "us-ascii") == 0 || strcmp(name, "ascii") == 0)
        cd = (iconv_t)-1;
    else
        cd = converter_open(name);
    if (cd != (iconv_t)-1)
        return convert(cd, in, out);
    if (is_well_formed(in))
        return buf_put_str(out, in);
    cd = converter_open("WINDOWS-1252");
    return cd != (iconv_t)-1 ? convert(cd, in, out) : repair_utf8(in, out);
}
