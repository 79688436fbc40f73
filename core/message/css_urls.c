/* css_urls.c - see css_urls.h. */
#include "core/message/css_urls.h"

#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/base/utf8.h"

enum { NAME_ROOM = 32 };

static bool is_newline(char c)
{
    return c == '\n' || c == '\r' || c == '\f';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || is_newline(c);
}

static bool is_name(char c)
{
    return (char_lower(c) >= 'a' && char_lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || (unsigned char)c >= 0x80;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = char_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char peek(const struct css_scanner *s, size_t ahead)
{
    return s->at + ahead < s->text.n ? s->text.p[s->at + ahead] : '\0';
}

/* s->at is at a backslash (CSS Syntax 4.3.7). */
static void take_escape(struct css_scanner *s, struct buf *out)
{
    uint32_t point = 0;
    unsigned n = 0;
    char text[4];

    s->at++;
    if (s->at == s->text.n) {
        buf_put_c(out, "\xEF\xBF\xBD");
        return;
    }
    if (is_newline(peek(s, 0))) { /* in a string: the line goes on */
        s->at += peek(s, 0) == '\r' && peek(s, 1) == '\n' ? 2 : 1;
        return;
    }
    for (int digit; n < 6 && s->at < s->text.n && (digit = hex_value(peek(s, 0))) >= 0;
         n++, s->at++)
        point = point * 16 + (uint32_t)digit;
    if (n == 0) {
        buf_put_char(out, s->text.p[s->at++]);
        return;
    }
    if (s->at < s->text.n && is_space(peek(s, 0)))
        s->at += peek(s, 0) == '\r' && peek(s, 1) == '\n' ? 2 : 1;
    buf_put(out, text, utf8_encode(point ? point : 0xFFFD, text));
}

static void skip_comment(struct css_scanner *s)
{
    ptrdiff_t end = str_find(str_skip(s->text, s->at + 2), FCT_STR("*/"));

    s->at = end < 0 ? s->text.n : s->at + 2 + (size_t)end + 2;
}

static void skip_space(struct css_scanner *s)
{
    while (s->at < s->text.n && is_space(peek(s, 0)))
        s->at++;
}

/* ---- values ---- */

static void keep(struct css_scanner *s, const struct buf *decoded, size_t from, size_t to,
                 struct css_url *out)
{
    *out = (struct css_url){arena_str(s->arena, buf_str(decoded)), from, to - from};
}

/* s->at is at a quote. A line end that is not escaped ends it, as something broken. */
static void take_string(struct css_scanner *s, struct css_url *out)
{
    FCT_CLEANUP(buf_free) struct buf decoded = BUF_INIT(2 * (s->text.n - s->at) + 8);
    char quote = s->text.p[s->at++];
    size_t from = s->at;

    while (s->at < s->text.n && peek(s, 0) != quote && !is_newline(peek(s, 0)))
        if (peek(s, 0) == '\\')
            take_escape(s, &decoded);
        else
            buf_put_char(&decoded, s->text.p[s->at++]);
    keep(s, &decoded, from, s->at, out);
    if (s->at < s->text.n)
        s->at++;
}

/* Behind "url(". */
static void take_url(struct css_scanner *s, struct css_url *out)
{
    FCT_CLEANUP(buf_free) struct buf decoded = BUF_INIT(2 * (s->text.n - s->at) + 8);
    size_t from;

    skip_space(s);
    if (peek(s, 0) == '"' || peek(s, 0) == '\'') {
        take_string(s, out);
        return;
    }
    from = s->at;
    while (s->at < s->text.n && peek(s, 0) != ')' && !is_space(peek(s, 0)))
        if (peek(s, 0) == '\\')
            take_escape(s, &decoded);
        else
            buf_put_char(&decoded, s->text.p[s->at++]);
    keep(s, &decoded, from, s->at, out);
}

/* ---- structure ---- */

static bool at_name(const struct css_scanner *s)
{
    return s->at < s->text.n &&
           (is_name(peek(s, 0)) || (peek(s, 0) == '\\' && !is_newline(peek(s, 1))));
}

/* A name, escapes undone, lower case; cut where no name we know is longer. */
static struct fct_str take_name(struct css_scanner *s, char name[NAME_ROOM])
{
    FCT_CLEANUP(buf_free) struct buf escaped = BUF_INIT(8);
    size_t n = 0;

    while (at_name(s)) {
        if (peek(s, 0) == '\\')
            take_escape(s, &escaped);
        else if (n < NAME_ROOM)
            name[n++] = char_lower(s->text.p[s->at++]);
        else
            s->at++;
        for (size_t i = 0; i < escaped.n && n < NAME_ROOM; i++)
            name[n++] = char_lower(escaped.p[i]);
        escaped.n = 0;
    }
    return (struct fct_str){name, n};
}

/* True: it was url( and *out is filled in. */
static bool take_word(struct css_scanner *s, struct css_url *out)
{
    char text[NAME_ROOM];
    struct fct_str name = take_name(s, text);

    if (peek(s, 0) != '(')
        return false;
    s->at++;
    if (str_equal(name, FCT_STR("url")) || str_equal(name, FCT_STR("src"))) {
        s->depth++;
        s->wants_string = false;
        take_url(s, out);
        return out->url.n > 0;
    }
    s->depth++;
    if (s->set_depth == 0 &&
        (str_equal(name, FCT_STR("image-set")) || str_equal(name, FCT_STR("-webkit-image-set"))))
        s->set_depth = s->depth;
    return false;
}

static void take_at_word(struct css_scanner *s)
{
    char text[NAME_ROOM];

    s->at++;
    s->wants_string = str_equal(take_name(s, text), FCT_STR("import"));
}

static void take_mark(struct css_scanner *s)
{
    char c = s->text.p[s->at++];

    if (c == '(')
        s->depth++;
    if (c == ')' && s->depth > 0 && s->depth-- == s->set_depth)
        s->set_depth = 0;
    if (c == ';' || c == '{' || c == '}') {
        s->wants_string = false;
        s->depth = s->set_depth = 0;
    }
}

/* True: the string was a URL. */
static bool take_quoted(struct css_scanner *s, struct css_url *out)
{
    bool is_url = s->wants_string || (s->set_depth > 0 && s->depth == s->set_depth);

    s->wants_string = false;
    take_string(s, out);
    return is_url && out->url.n > 0;
}

bool css_next_url(struct css_scanner *s, struct css_url *out)
{
    while (s->at < s->text.n) {
        char c = peek(s, 0);

        if (c == '"' || c == '\'') {
            if (take_quoted(s, out))
                return true;
        } else if (c == '/' && peek(s, 1) == '*') {
            skip_comment(s);
        } else if (c == '@') {
            take_at_word(s);
        } else if (at_name(s)) {
            if (take_word(s, out))
                return true;
        } else {
            take_mark(s);
        }
    }
    return false;
}
