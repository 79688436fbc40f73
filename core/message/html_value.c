/* html_value.c - see html_value.h. */
#include "core/message/html_value.h"

#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/message/byte_scan.h"
#include "core/message/html_references.h"
#include "core/message/html_tokens.h"
#include "core/message/transfer.h"

enum { SHORT = 16, SPECIAL = HTML_AMPERSAND | HTML_RETURN | HTML_NUL | HTML_HIGH };

#define REPLACEMENT FCT_STR("\xEF\xBF\xBD") /* U+FFFD */

#define H16                                                                                 \
    HTML_HIGH, HTML_HIGH, HTML_HIGH, HTML_HIGH, HTML_HIGH, HTML_HIGH, HTML_HIGH, HTML_HIGH, \
        HTML_HIGH, HTML_HIGH, HTML_HIGH, HTML_HIGH, HTML_HIGH, HTML_HIGH, HTML_HIGH, HTML_HIGH
#define U HTML_UPPER
/* clang-format off */
const unsigned char html_class[256] = {
    HTML_NUL, 0, 0, 0, 0, 0, 0, 0, 0, HTML_SPACE, HTML_SPACE, 0, HTML_SPACE, HTML_SPACE | HTML_RETURN, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    HTML_SPACE, 0, 0, 0, 0, 0, HTML_AMPERSAND, 0, 0, 0, 0, 0, 0, 0, 0, HTML_ENDS_NAME /* / */, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, HTML_EQUALS, HTML_ENDS_NAME /* > */, 0,
    0, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    H16, H16, H16, H16, H16, H16, H16, H16,
};
/* clang-format on */

static bool is_read_as_utf8(struct fct_str charset)
{
    return charset.n == 0 || str_equal_nocase(charset, FCT_STR("utf-8")) ||
           str_equal_nocase(charset, FCT_STR("utf8")) ||
           str_equal_nocase(charset, FCT_STR("us-ascii"));
}

void html_values_init(struct html_values *v, struct arena *arena, struct fct_str charset,
                      size_t room)
{
    *v = (struct html_values){.arena = arena,
                              .charset = charset,
                              .is_utf8 = is_read_as_utf8(charset),
                              .converted = BUF_INIT(8 * room + 64),
                              .decoded = BUF_INIT(8 * room + 64)};
}

void html_values_fini(struct html_values *v)
{
    buf_free(&v->converted);
    buf_free(&v->decoded);
}

static struct fct_str to_utf8(struct html_values *v, struct fct_str raw)
{
    if (v->is_utf8 && utf8_is_valid(raw))
        return raw;
    buf_clear(&v->converted);
    (void)charset_to_utf8(v->charset, raw, &v->converted);
    return buf_str(&v->converted);
}

/* Three of four in mail; none of them begins a longer one. Returns how many bytes of s it took. */
static size_t put_frequent(struct buf *out, struct fct_str s)
{
    static const struct {
        struct fct_str written, meant;
    } frequent[] = {
        {FCT_STR_INIT("&nbsp;"), FCT_STR_INIT("\xC2\xA0")},
        {FCT_STR_INIT("&zwnj;"), FCT_STR_INIT("\xE2\x80\x8C")},
        {FCT_STR_INIT("&mdash;"), FCT_STR_INIT("\xE2\x80\x94")},
        {FCT_STR_INIT("&ndash;"), FCT_STR_INIT("\xE2\x80\x93")},
        {FCT_STR_INIT("&rsquo;"), FCT_STR_INIT("\xE2\x80\x99")},
        {FCT_STR_INIT("&copy;"), FCT_STR_INIT("\xC2\xA9")},
        {FCT_STR_INIT("&quot;"), FCT_STR_INIT("\"")},
        {FCT_STR_INIT("&lt;"), FCT_STR_INIT("<")},
        {FCT_STR_INIT("&gt;"), FCT_STR_INIT(">")},
    };

    for (size_t i = 0; s.n > 1 && i < FCT_COUNT(frequent); i++) {
        struct fct_str w = frequent[i].written;

        if (s.p[1] != w.p[1] || s.n < w.n || memcmp(s.p, w.p, w.n) != 0)
            continue;
        buf_put_str(out, frequent[i].meant);
        return w.n;
    }
    return 0;
}

/* What stands at s[i], which is one of & CR NUL; returns how many bytes of s it took. */
static size_t put_special(struct buf *out, struct fct_str s, size_t i, unsigned how)
{
    char reference[HTML_REFERENCE_MAX];
    size_t n, taken;

    if (s.p[i] == '\0') {
        buf_put_str(out, how & HTML_KEEP_NUL ? (struct fct_str){s.p + i, 1} : REPLACEMENT);
        return 1;
    }
    if (s.p[i] == '\r') {
        buf_put_char(out, '\n');
        return i + 1 < s.n && s.p[i + 1] == '\n' ? 2 : 1;
    }
    if (how & HTML_REFERENCES && (taken = put_frequent(out, str_skip(s, i))))
        return taken;
    taken = how & HTML_REFERENCES
                ? html_reference(str_skip(s, i), how & HTML_ATTRIBUTE, reference, &n)
                : 0;
    if (taken == 0)
        return buf_put_char(out, '&'), 1;
    buf_put(out, reference, n);
    return taken;
}

/* The first byte from `at` on that does not stand for itself. */
static size_t next_special(struct fct_str s, size_t at)
{
    return (size_t)(byte_scan(s.p + at, s.p + s.n, '&', '\r', '\0') - s.p);
}

/* `at`: the first special byte. */
static struct fct_str undo_specials(struct html_values *v, struct fct_str s, size_t at,
                                    unsigned how)
{
    static const struct fct_str ampersand = FCT_STR_INIT("&amp;");
    size_t run = 0;

    buf_clear(&v->decoded);
    for (; at < s.n; at = next_special(s, run)) {
        bool own = how & HTML_REFERENCES && str_starts(str_skip(s, at), ampersand);

        buf_put(&v->decoded, s.p + run, at - run + own); /* the "&" of "&amp;" is its own meaning */
        run = at + (own ? ampersand.n : put_special(&v->decoded, s, at, how));
    }
    buf_put(&v->decoded, s.p + run, s.n - run);
    return arena_str(v->arena, buf_str(&v->decoded));
}

/* Charset, line ends, NUL and character references undone. A view of `raw` if that is the same. */
struct fct_str html_value(struct html_values *v, struct fct_str raw, unsigned how)
{
    v->steps += raw.n;
    if (raw.n == 2 && raw.p[0] == '\r' && raw.p[1] == '\n')
        return str_skip(raw, 1); /* between two tags, of all texts the most common */
    if (raw.n < SHORT ? !(html_classes(raw) & SPECIAL) : !byte_scan_has(raw, '&', '\r', '\0'))
        return raw;
    return html_special(v, raw, how);
}

struct fct_str html_special(struct html_values *v, struct fct_str raw, unsigned how)
{
    struct fct_str s = raw;
    size_t at;

    v->steps += raw.n;
    if (byte_scan_has(raw, '\0', '\0', '\0'))
        s = to_utf8(v, raw);
    at = next_special(s, 0);
    if (s.p == raw.p && at == 0 && s.n > 1 && s.p[0] == '\r' && s.p[1] == '\n' &&
        next_special(s, 1) == s.n)
        return str_skip(s, 1);
    if (at == s.n)
        return s.p == raw.p ? raw : arena_str(v->arena, s);
    return undo_specials(v, s, at, how);
}

struct fct_str html_name_undone(struct html_values *v, struct fct_str raw, unsigned found)
{
    struct fct_str name = found & (HTML_NUL | HTML_HIGH) ? html_value(v, raw, 0) : raw;
    char *copy;

    if (!(html_classes(name) & HTML_UPPER))
        return name;
    copy = arena_alloc(v->arena, name.n);
    memcpy(copy, name.p, name.n);
    str_lower(copy, name.n);
    return (struct fct_str){copy, name.n};
}

size_t html_source_offset(struct html_source *s, size_t at)
{
    char reference[HTML_REFERENCE_MAX];
    size_t taken, n;

    while (s->value < at && s->offset < s->raw.n) {
        char c = s->raw.p[s->offset];

        taken = n = 1;
        if (c == '\0')
            n = REPLACEMENT.n;
        else if (c == '\r' && s->offset + 1 < s->raw.n && s->raw.p[s->offset + 1] == '\n')
            taken = 2;
        else if (c == '&' && s->references)
            taken = html_reference(str_skip(s->raw, s->offset), true, reference, &n);
        s->offset += taken ? taken : 1;
        s->value += taken ? n : 1;
    }
    return s->offset;
}
