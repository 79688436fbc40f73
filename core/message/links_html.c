/* links_html.c - URLs of a text/html part. */
#include "core/message/links.h"

#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/message/byte_scan.h"
#include "core/message/css_urls.h"
#include "core/message/link_rows.h"
#include "core/message/url.h"

const struct link_limits link_default_limits = {.max_html_tokens = 500000, .max_urls = 5000};

enum { SHOWN_MAX = 4096, FIRST_LINKS = 64 };

/* Elements whose src is no picture. */
static const struct fct_str not_images[] = {
    FCT_STR_INIT("iframe"), FCT_STR_INIT("frame"),  FCT_STR_INIT("embed"),
    FCT_STR_INIT("script"), FCT_STR_INIT("audio"),  FCT_STR_INIT("video"),
    FCT_STR_INIT("track"),  FCT_STR_INIT("source"), FCT_STR_INIT("bgsound")};

/* Elements that begin a new line or cell: words on both sides are two words. Those of two letters
 * by the first one; and p, div, table. */
static const char *const breaks[26] = {
    ['b' - 'a'] = "r", ['d' - 'a'] = "td",  ['h' - 'a'] = "123456r", ['l' - 'a'] = "i",
    ['o' - 'a'] = "l", ['t' - 'a'] = "dhr", ['u' - 'a'] = "l",
};

struct reader {
    struct arena *arena;
    const struct link_source *source;
    struct link_list *out;
    struct fct_url base;
    bool has_base, is_recoded;
    size_t anchor; /* 1 + index of the link whose text we are in; 0: none */
    struct buf shown;
    bool space;                         /* before the next word */
    const struct fct_html_token *style; /* the open style element, or NULL */
};

static inline bool same(struct fct_str a, struct fct_str b)
{
    return a.n == b.n && a.p[0] == b.p[0] && memcmp(a.p, b.p, a.n) == 0;
}

static inline bool is_name(struct fct_str s, const char *name)
{
    return s.n == strlen(name) && memcmp(s.p, name, s.n) == 0;
}

static inline bool is_one_of(struct fct_str s, const struct fct_str *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (same(names[i], s))
            return true;
    return false;
}

static inline bool is_break(struct fct_str name)
{
    char first = name.p[0];

    if (name.n != 2)
        return (name.n == 1 && first == 'p') || is_name(name, "div") || is_name(name, "table");
    return first >= 'a' && first <= 'z' && breaks[first - 'a'] && name.p[1] &&
           strchr(breaks[first - 'a'], name.p[1]);
}

/* Room for so many more, within the limit. */
static void links_reserve(struct arena *arena, struct link_list *out, size_t more)
{
    size_t room = out->n + more < out->max ? out->n + more : out->max;

    if (room <= out->room)
        return;
    out->link = arena_grow(arena, out->link, out->n * sizeof *out->link, room * sizeof *out->link);
    out->room = room;
}

struct fct_link *links_add(struct arena *arena, struct link_list *out,
                           const struct link_source *source)
{
    struct fct_link *link;

    if (out->n >= out->max) {
        out->truncated = true;
        return NULL;
    }
    if (out->n == out->room) {
        size_t room = out->room ? 2 * out->room : FIRST_LINKS;

        out->link =
            arena_grow(arena, out->link, out->room * sizeof *out->link, room * sizeof *out->link);
        out->room = room;
    }
    link = &out->link[out->n++]; /* zeros, as all that an arena gives */
    link->part = source->part;
    link->tag = link->attribute = link->shown = (struct fct_str){"", 0};
    return link;
}

/* ---- one URL ---- */

struct place {
    enum fct_link_from from;
    struct fct_str tag, attribute;
    size_t offset, length;
};

/* False when `text` is no URL with a host, or the limit is reached. */
static bool add(struct reader *r, const struct place *at, struct fct_str text)
{
    struct fct_link *link;
    struct fct_url url;

    if (!url_view(text, &url) && !url_parse_in(r->arena, r->has_base ? &r->base : NULL, text, &url))
        return false;
    link = links_add(r->arena, r->out, r->source);
    if (!link)
        return false;
    link->url = url;
    link->from = at->from;
    link->tag = at->tag;
    link->attribute = at->attribute;
    link->offset = at->offset;
    link->length = at->length;
    return true;
}

/* ---- several URLs in one value ---- */

/* Where pieces of a value stand in the part. Falls back to the whole value when its bytes are not
 * the value's in any way we can follow. */
struct pieces {
    struct reader *r;
    struct place whole;
    struct fct_str value;
    struct html_source source;
    bool tried, exact;
};

static struct pieces pieces_of(struct reader *r, const struct place *whole, struct fct_str value,
                               bool references)
{
    struct fct_str raw = str_head(str_skip(r->source->bytes, whole->offset), whole->length);

    return (struct pieces){r, *whole, value, {raw, references, 0, 0}, false, false};
}

static bool is_exact(struct pieces *p)
{
    struct html_source end = p->source;

    if (!p->tried)
        p->exact =
            html_source_offset(&end, p->value.n) == p->source.raw.n && end.value == p->value.n;
    p->tried = true;
    return p->exact;
}

static void add_piece(struct pieces *p, struct fct_str text, size_t at, size_t length)
{
    struct place place = p->whole;

    if (is_exact(p)) {
        size_t from = html_source_offset(&p->source, at);

        place.offset = p->whole.offset + from;
        place.length = html_source_offset(&p->source, at + length) - from;
    }
    add(p->r, &place, text);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

/* The word at *at, moved behind it; empty at the end. */
static struct fct_str take_word(struct fct_str value, size_t *at)
{
    size_t from;

    while (*at < value.n && is_space(value.p[*at]))
        ++*at;
    for (from = *at; *at < value.n && !is_space(value.p[*at]);)
        ++*at;
    return str_head(str_skip(value, from), *at - from);
}

static void add_words(struct pieces *p)
{
    struct fct_str word;

    for (size_t at = 0; (word = take_word(p->value, &at)).n > 0 && !p->r->out->truncated;)
        add_piece(p, word, at - word.n, word.n);
}

/* Descriptors ("2x", "100w") up to the comma outside brackets. */
static void skip_descriptors(struct fct_str value, size_t *at)
{
    unsigned depth = 0;

    for (; *at < value.n; ++*at) {
        char c = value.p[*at];

        if (c == ',' && depth == 0) {
            ++*at;
            return;
        }
        depth += c == '(';
        depth -= c == ')' && depth > 0;
    }
}

/* HTML standard 4.8.4.3.10 "parse a srcset attribute" */
static void add_srcset(struct pieces *p)
{
    struct fct_str word;
    size_t at = 0;

    for (;;) {
        while (at < p->value.n && (is_space(p->value.p[at]) || p->value.p[at] == ','))
            at++;
        word = take_word(p->value, &at);
        if (word.n == 0 || p->r->out->truncated)
            return;
        size_t from = at - word.n, commas = 0;

        while (commas < word.n && word.p[word.n - 1 - commas] == ',')
            commas++;
        add_piece(p, str_head(word, word.n - commas), from, word.n - commas);
        if (commas == 0)
            skip_descriptors(p->value, &at);
    }
}

/* content="5; url='…'" (HTML standard 4.2.5.3, shared declarative refresh steps) */
static void add_refresh(struct pieces *p)
{
    struct fct_str v = p->value, url;
    size_t at = 0;

    while (at < v.n && (is_space(v.p[at]) || (v.p[at] >= '0' && v.p[at] <= '9') || v.p[at] == '.'))
        at++;
    while (at < v.n && (is_space(v.p[at]) || v.p[at] == ';' || v.p[at] == ','))
        at++;
    if (at == 0)
        return;
    url = str_skip(v, at);
    if (str_starts_nocase(url, FCT_STR("url"))) {
        size_t n = 3;

        while (n < url.n && is_space(url.p[n]))
            n++;
        if (n < url.n && url.p[n] == '=') {
            for (n++; n < url.n && is_space(url.p[n]);)
                n++;
            at += n;
            url = str_skip(url, n);
        }
    }
    if (url.n > 0 && (url.p[0] == '"' || url.p[0] == '\'')) {
        ptrdiff_t end = str_find_char(str_skip(url, 1), url.p[0]);

        url = end < 0 ? str_skip(url, 1) : str_head(str_skip(url, 1), (size_t)end);
        at++;
    }
    add_piece(p, url, at, url.n);
}

/* One value, or a list of them with semicolons (SMIL Animation 3.2.2). */
static void add_animated(struct pieces *p)
{
    for (size_t from = 0, to; from < p->value.n && !p->r->out->truncated; from = to + 1) {
        const char *mark = memchr(p->value.p + from, ';', p->value.n - from);

        to = mark ? (size_t)(mark - p->value.p) : p->value.n;
        while (from < to && is_space(p->value.p[from]))
            from++;
        add_piece(p, str_head(str_skip(p->value, from), to - from), from, to - from);
    }
}

/* Most style attributes load nothing: is there a name that ends as url(, src( or image-set( do, an
 * @import, or an escape that might hide one? */
static bool may_load(struct fct_str css)
{
    const char *p = css.p, *end = css.p + css.n;

    while ((p = byte_scan(p, end, '\\', '(', '@')) < end) {
        if (*p == '\\')
            return true;
        if (*p == '(' && p > css.p && strchr("ltc", char_lower(p[-1])))
            return true;
        if (*p == '@' && p + 1 < end && char_lower(p[1]) == 'i')
            return true;
        p++;
    }
    return false;
}

static void add_style(struct pieces *p)
{
    struct css_scanner css = {.arena = p->r->arena, .text = p->value};
    struct css_url url;

    while (!p->r->out->truncated && css_next_url(&css, &url))
        add_piece(p, url.url, url.offset, url.length);
}

/* ---- what people see of an anchor ---- */

static void end_anchor(struct reader *r)
{
    if (r->anchor > 0 && r->anchor <= r->out->n)
        r->out->link[r->anchor - 1].shown = arena_str(r->arena, buf_str(&r->shown));
    r->anchor = 0;
}

static void begin_anchor(struct reader *r)
{
    r->anchor = r->out->n;
    buf_clear(&r->shown);
    r->space = false;
}

/* Bytes of a character that takes room but shows nothing: no-break space and others make a space,
 * soft hyphen and zero width ones make nothing. */
static size_t unseen(struct fct_str s, bool *is_blank)
{
    static const struct {
        struct fct_str bytes;
        bool blank;
    } characters[] = {
        {FCT_STR_INIT("\xC2\xA0"), true},      {FCT_STR_INIT("\xE3\x80\x80"), true},
        {FCT_STR_INIT("\xC2\xAD"), false},     {FCT_STR_INIT("\xE2\x80\x8B"), false},
        {FCT_STR_INIT("\xE2\x80\x8C"), false}, {FCT_STR_INIT("\xE2\x80\x8D"), false},
        {FCT_STR_INIT("\xE2\x81\xA0"), false}, {FCT_STR_INIT("\xEF\xBB\xBF"), false},
        {FCT_STR_INIT("\xCD\x8F"), false},
    };

    *is_blank = is_space(s.p[0]);
    if (*is_blank)
        return 1;
    if ((unsigned char)s.p[0] < 0x80)
        return 0;
    for (size_t i = 0; i < FCT_COUNT(characters); i++)
        if (str_starts(s, characters[i].bytes)) {
            *is_blank = characters[i].blank;
            return characters[i].bytes.n;
        }
    return 0;
}

/* The run of characters at the start of `text` that are shown as they are. */
static size_t seen(struct fct_str text)
{
    size_t n = 0;

    while (n < text.n && text.p[n] > ' ')
        n++;
    return n;
}

static void show(struct reader *r, struct fct_str text)
{
    bool blank;

    while (text.n > 0 && r->shown.n < SHOWN_MAX) {
        size_t n = unseen(text, &blank);

        if (n > 0) {
            r->space |= blank;
            text = str_skip(text, n);
            continue;
        }
        if (r->space && r->shown.n > 0)
            buf_put_char(&r->shown, ' ');
        r->space = false;
        n = seen(text);
        buf_put_str(&r->shown, str_head(text, n > SHOWN_MAX - r->shown.n ? SHOWN_MAX - r->shown.n
                                              : n > 0                    ? n
                                                                         : 1));
        text = str_skip(text, n > 0 ? n : 1);
    }
}

/* ---- tokens ---- */

static enum fct_link_from from_of(const struct link_row *row, const struct fct_html_token *tag)
{
    if (str_starts(tag->name, FCT_STR("v:")) && is_name(row->attribute, "href"))
        return FCT_LINK_ANCHOR; /* a button of Outlook's */
    if (is_name(row->attribute, "src") && is_one_of(tag->name, not_images, FCT_COUNT(not_images)))
        return FCT_LINK_OTHER;
    return row->from;
}

static void attribute(struct reader *r, const struct fct_html_token *tag,
                      const struct fct_html_attribute *a)
{
    const struct link_row *row = link_row_find(tag, a->name);
    struct pieces p;

    if (!row || a->value.n == 0 || (row->form == LINK_STYLE && !may_load(a->value)))
        return;
    struct place place = {from_of(row, tag), tag->name, a->name, a->value_offset, a->value_length};

    if (row->form == LINK_ONE) {
        if (add(r, &place, a->value) && place.from == FCT_LINK_ANCHOR)
            begin_anchor(r);
        return;
    }
    p = pieces_of(r, &place, a->value, true);
    if (row->form == LINK_SRCSET)
        add_srcset(&p);
    else if (row->form == LINK_WORDS)
        add_words(&p);
    else if (row->form == LINK_REFRESH)
        add_refresh(&p);
    else if (row->form == LINK_ANIMATED)
        add_animated(&p);
    else
        add_style(&p);
}

static void start_tag(struct reader *r, const struct fct_html_token *tag)
{
    r->style = is_name(tag->name, "style") ? tag : NULL;
    if (is_name(tag->name, "a")) /* anchors do not nest: the next one ends the last */
        end_anchor(r);
    for (size_t i = 0; i < tag->attributes; i++)
        attribute(r, tag, &tag->attribute[i]);
    if (is_break(tag->name))
        r->space = true;
}

static void style_element(struct reader *r, const struct fct_html_token *style,
                          const struct fct_html_token *text)
{
    struct place place = {FCT_LINK_IMAGE, style->name, {"", 0}, text->offset, text->length};
    struct pieces p = pieces_of(r, &place, text->text, false);

    if (may_load(text->text))
        add_style(&p);
}

static void text_token(struct reader *r, const struct fct_html_token *before,
                       const struct fct_html_token *text)
{
    static const struct fct_str hidden[] = {FCT_STR_INIT("script"), FCT_STR_INIT("title"),
                                            FCT_STR_INIT("textarea"), FCT_STR_INIT("noframes")};
    bool raw = before && before->kind == FCT_HTML_START;

    if (r->style)
        style_element(r, r->style, text);
    else if (r->anchor > 0 && !(raw && is_one_of(before->name, hidden, FCT_COUNT(hidden))))
        show(r, text->text);
}

/* The first <base href> holds for the whole document (HTML standard 4.2.3). */
static void find_base(struct reader *r, const struct html_tokens *tokens)
{
    for (size_t i = 0; tokens->has_base && i < tokens->n && !r->has_base; i++) {
        const struct fct_html_token *t = &tokens->token[i];
        const struct fct_html_attribute *href;

        if (t->kind == FCT_HTML_START && is_name(t->name, "base") &&
            (href = html_attribute(t, "href")))
            r->has_base = url_parse_in(r->arena, NULL, href->value, &r->base);
    }
}

static void end_tag(struct reader *r, const struct fct_html_token *tag)
{
    r->style = NULL;
    if (is_name(tag->name, "a"))
        end_anchor(r);
    else if (is_break(tag->name))
        r->space = true;
}

/* "<!--[if mso]> … <![endif]-->": Outlook shows what is inside, nobody else does. */
static bool is_conditional(const struct fct_html_token *comment)
{
    struct fct_str text = comment->text;

    while (text.n > 0 && is_space(text.p[0]))
        text = str_skip(text, 1);
    return str_starts_nocase(text, FCT_STR("[if"));
}

/* One token of a conditional comment. Comments in it are left alone: none is inside another. */
static void inner_token(struct reader *r, const struct fct_html_token *before,
                        const struct fct_html_token *t)
{
    if (t->kind == FCT_HTML_START)
        start_tag(r, t);
    else if (t->kind == FCT_HTML_TEXT && !r->style)
        text_token(r, before, t);
    else if (t->kind == FCT_HTML_END)
        end_tag(r, t);
}

/* Its tags, where they stand in the part. */
static void conditional(struct reader *r, const struct fct_html_token *comment)
{
    struct fct_str inside = str_head(str_skip(r->source->bytes, comment->offset), comment->length);
    struct link_source source = *r->source;
    size_t first = r->out->n;
    struct html_tokens tokens;
    struct reader inner = *r;

    if (r->is_recoded || !is_conditional(comment))
        return;
    html_tokenize(r->arena, str_skip(inside, 4), source.charset, comment->length, &tokens);
    source.bytes = str_skip(r->source->bytes, comment->offset + 4);
    inner.source = &source;
    inner.anchor = 0;
    inner.style = NULL;
    inner.shown = BUF_INIT(SHOWN_MAX);
    for (size_t i = 0; i < tokens.n && !r->out->truncated; i++)
        inner_token(&inner, i > 0 ? &tokens.token[i - 1] : NULL, &tokens.token[i]);
    end_anchor(&inner);
    buf_free(&inner.shown);
    for (size_t i = first; i < r->out->n; i++)
        r->out->link[i].offset += comment->offset + 4;
}

void links_from_html(struct arena *arena, const struct link_source *source,
                     const struct html_tokens *tokens, struct link_list *out)
{
    struct reader r = {.arena = arena, .source = source, .out = out, .shown = BUF_INIT(SHOWN_MAX)};

    r.is_recoded = tokens->recoded;
    find_base(&r, tokens);
    links_reserve(arena, out, tokens->n / 8);
    for (size_t i = 0; i < tokens->n && !out->truncated; i++) {
        const struct fct_html_token *t = &tokens->token[i];

        if (t->kind == FCT_HTML_START)
            start_tag(&r, t);
        else if (t->kind == FCT_HTML_TEXT)
            text_token(&r, i > 0 ? t - 1 : NULL, t);
        else if (t->kind == FCT_HTML_END)
            end_tag(&r, t);
        else if (t->kind == FCT_HTML_COMMENT)
            conditional(&r, t);
    }
    end_anchor(&r);
    buf_free(&r.shown);
}
