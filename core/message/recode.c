/* recode.c - see recode.h. */
#include "core/message/recode.h"

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/message/transfer.h"
#include <stdlib.h>

struct recoding {
    struct fct_str bytes;
    struct buf text;
    uint32_t *from;
    size_t room;
};

/* `text` stands for the original's bytes from `at` on; for ASCII runs byte for byte. */
static void put(struct recoding *r, struct fct_str text, size_t at, bool exact)
{
    if (r->text.n + text.n + 1 > r->room) {
        r->room = 2 * (r->text.n + text.n) + 64;
        r->from = realloc(r->from, r->room * sizeof *r->from);
        FCT_ASSERT(r->from);
    }
    for (size_t i = 0; i < text.n; i++)
        r->from[r->text.n + i] = (uint32_t)(exact ? at + i : at);
    buf_put_str(&r->text, text);
}

/* ---- UTF-16, UTF-32 ---- */

struct wide {
    unsigned bytes; /* of a unit */
    bool little;
};

static uint32_t unit_at(struct fct_str bytes, size_t at, struct wide w)
{
    uint32_t unit = 0;

    for (unsigned i = 0; i < w.bytes; i++)
        unit = unit << 8 | (unsigned char)bytes.p[at + (w.little ? w.bytes - 1 - i : i)];
    return unit;
}

/* The character at `at`; *length is how many bytes it takes. */
static uint32_t wide_character(struct fct_str bytes, size_t at, struct wide w, size_t *length)
{
    uint32_t first = unit_at(bytes, at, w), second;

    *length = w.bytes;
    if (w.bytes == 2 && first >= 0xD800 && first < 0xDC00 && at + 4 <= bytes.n) {
        second = unit_at(bytes, at + 2, w);
        if (second >= 0xDC00 && second < 0xE000) {
            *length = 4;
            return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        }
    }
    return first; /* half a pair is made U+FFFD by utf8_encode */
}

static void recode_wide(struct recoding *r, size_t at, struct wide w)
{
    char text[4];
    size_t length;

    for (; at + w.bytes <= r->bytes.n; at += length) {
        uint32_t c = wide_character(r->bytes, at, w, &length);

        put(r, (struct fct_str){text, utf8_encode(c, text)}, at, false);
    }
}

/* ---- ASCII with something else between ---- */

/* The length of the ASCII run at the start of `rest`. */
static size_t ascii_run(struct fct_str rest, const char *leave)
{
    size_t n = 0;

    while (n < rest.n && (rest.p[n] == '\0' || !strchr(leave, rest.p[n])))
        n++;
    return n;
}

/* rest.p[0] is ESC, SO or '+': how far is it from here to ASCII again? */
static size_t escaped_run(struct fct_str rest, bool is_utf7)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = 1;

    if (is_utf7) {
        while (n < rest.n && rest.p[n] && strchr(base64, rest.p[n]))
            n++;
        return n < rest.n && rest.p[n] == '-' ? n + 1 : n;
    }
    for (; n < rest.n; n++) {
        struct fct_str here = str_skip(rest, n);

        if (rest.p[n] == '\x0F')
            return n + 1;
        if (str_starts(here, FCT_STR("\x1b(B")) || str_starts(here, FCT_STR("\x1b(J")))
            return n + 3;
    }
    return n;
}

static void put_escaped(struct recoding *r, struct fct_str charset, struct fct_str run)
{
    FCT_CLEANUP(buf_free) struct buf raw = BUF_INIT(run.n + 16), text = BUF_INIT(0);

    text.max = 4 * run.n + 64;
    if (str_equal_nocase(charset, FCT_STR("iso-2022-kr")))
        buf_put_c(&raw, "\x1b$)C"); /* stands once, at the start of the text (RFC 1557) */
    buf_put_str(&raw, run);
    (void)charset_to_utf8(charset, buf_str(&raw), &text);
    put(r, buf_str(&text), (size_t)(run.p - r->bytes.p), false);
    buf_free(&text);
}

static void recode_escaped(struct recoding *r, struct fct_str charset)
{
    bool is_utf7 = str_equal_nocase(charset, FCT_STR("utf-7"));

    for (struct fct_str rest = r->bytes; rest.n > 0;) {
        size_t n = ascii_run(rest, is_utf7 ? "+" : "\x1b\x0e");

        if (n > 0)
            put(r, str_head(rest, n), (size_t)(rest.p - r->bytes.p), true);
        rest = str_skip(rest, n);
        if (rest.n == 0)
            break;
        n = escaped_run(rest, is_utf7);
        put_escaped(r, charset, str_head(rest, n));
        rest = str_skip(rest, n);
    }
}

/* ---- which one is it? ---- */

enum shape { SUPERSET, WIDE, ESCAPED };

static const struct {
    const char *name;
    enum shape shape;
    struct wide wide; /* when there is no byte order mark (RFC 2781 4.3) */
} charsets[] = {
    {"utf-16", WIDE, {2, false}},         {"utf-16be", WIDE, {2, false}},
    {"utf-16le", WIDE, {2, true}},        {"utf-32", WIDE, {4, false}},
    {"utf-32be", WIDE, {4, false}},       {"utf-32le", WIDE, {4, true}},
    {"iso-2022-jp", ESCAPED, {0, false}}, {"iso-2022-kr", ESCAPED, {0, false}},
    {"utf-7", ESCAPED, {0, false}},
};

static enum shape shape_of(struct fct_str charset, struct fct_str bytes, struct wide *wide,
                           size_t *mark)
{
    enum shape shape = SUPERSET;

    *mark = 0;
    for (size_t i = 0; i < FCT_COUNT(charsets); i++)
        if (str_equal_nocase(charset, str_from(charsets[i].name))) {
            shape = charsets[i].shape;
            *wide = charsets[i].wide;
        }
    if (shape == WIDE && wide->bytes == 4) {
        if (bytes.n >= 4 && memcmp(bytes.p, "\xFF\xFE\0\0", 4) == 0)
            *wide = (struct wide){4, true}, *mark = 4;
        else if (bytes.n >= 4 && memcmp(bytes.p, "\0\0\xFE\xFF", 4) == 0)
            *wide = (struct wide){4, false}, *mark = 4;
        return shape;
    }
    if (!str_starts(bytes, FCT_STR("\xFF\xFE")) && !str_starts(bytes, FCT_STR("\xFE\xFF")))
        return shape;
    *wide = (struct wide){2, bytes.p[0] == '\xFF'};
    *mark = 2;
    return WIDE;
}

static void free_map(void *map)
{
    free(map);
}

bool recode(struct arena *arena, struct fct_str charset, struct fct_str bytes, struct recoded *out)
{
    struct recoding r = {.bytes = bytes, .text = BUF_INIT(4 * bytes.n + 64)};
    struct wide wide = {0};
    size_t mark;
    enum shape shape = shape_of(charset, bytes, &wide, &mark);

    if (shape == SUPERSET || bytes.n >= UINT32_MAX)
        return false;
    if (shape == WIDE)
        recode_wide(&r, mark, wide);
    else
        recode_escaped(&r, charset);
    put(&r, (struct fct_str){"", 0}, 0, false); /* room for the end */
    r.from[r.text.n] = (uint32_t)bytes.n;
    *out = (struct recoded){arena_str(arena, buf_str(&r.text)), r.from};
    arena_defer(arena, free_map, r.from);
    buf_free(&r.text);
    return true;
}
