/* loads.h - what a browser would fetch of a page, by another parser than ours (libgumbo), for the
 * tests. Says too much rather than too little. */
#ifndef TESTS_LOADS_H
#define TESTS_LOADS_H

#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/message/url.h"
#include <gumbo.h>
#include <strings.h>

struct loads {
    struct buf *found; /* a line for each: "img src http://…" */
    bool has_base;     /* relative addresses lead somewhere */
    unsigned depth;
};

static inline void loads_of(struct fct_str html, struct loads *l);

/* "http://a<b" is no URL to a browser. */
static inline bool load_has_host(struct fct_str url)
{
    struct arena *arena = arena_new(NULL);
    struct fct_url parsed;
    bool has = url_parse(arena, url, &parsed);

    arena_free(&arena);
    return has;
}

static inline bool load_is_name(char c)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           (unsigned char)c >= 0x80;
}

static inline bool load_has_scheme(struct fct_str s)
{
    size_t n = 0;

    while (n < s.n && (load_is_name(s.p[n]) || s.p[n] == '+' || s.p[n] == '.'))
        n++;
    return n > 0 && n < s.n && s.p[n] == ':' && (s.p[0] | 32) >= 'a' && (s.p[0] | 32) <= 'z';
}

static inline bool load_is_remote(const struct loads *l, struct fct_str url)
{
    static const struct fct_str remote[] = {FCT_STR_INIT("http:"), FCT_STR_INIT("https:"),
                                            FCT_STR_INIT("ftp:"), FCT_STR_INIT("ws:"),
                                            FCT_STR_INIT("wss:")};
    char text[4096];
    struct fct_str s = {text, 0};

    while (url.n > 0 && (unsigned char)url.p[0] <= ' ')
        url = str_skip(url, 1);
    for (size_t i = 0; i < url.n && s.n < sizeof text; i++)
        if (url.p[i] != '\t' && url.p[i] != '\n' && url.p[i] != '\r')
            text[s.n++] = url.p[i] == '\\' ? '/' : url.p[i];
    if (s.n == 0 || s.p[0] == '#')
        return false;
    for (size_t i = 0; i < FCT_COUNT(remote); i++)
        if (str_starts_nocase(s, remote[i]))
            return load_has_host(s);
    if (load_has_scheme(s)) /* data, cid, mailto: nobody is asked */
        return false;
    if (str_starts(s, FCT_STR("//"))) {
        char whole[4200];
        int n = snprintf(whole, sizeof whole, "https:%.*s", FCT_FMT(s));

        return load_has_host((struct fct_str){whole, (size_t)n});
    }
    return l->has_base;
}

static inline void load_check(struct loads *l, const char *tag, const char *attribute,
                              struct fct_str url)
{
    if (load_is_remote(l, url))
        buf_printf(l->found, "%s %s %.*s\n", tag, attribute, FCT_FMT(str_head(url, 200)));
}

/* ---- style sheets: escapes undone, comments out, then every string and every url( ---- */

static inline void load_undo_css(struct fct_str css, struct buf *out)
{
    for (size_t i = 0; i < css.n; i++) {
        unsigned point = 0, n = 0;

        if (css.p[i] == '/' && i + 1 < css.n && css.p[i + 1] == '*') {
            ptrdiff_t end = str_find(str_skip(css, i + 2), FCT_STR("*/"));

            i = end < 0 ? css.n : i + 3 + (size_t)end;
            buf_put_char(out, ' ');
            continue;
        }
        if (css.p[i] != '\\' || i + 1 == css.n) {
            buf_put_char(out, css.p[i]);
            continue;
        }
        for (; n < 6 && i + 1 < css.n && strchr("0123456789abcdefABCDEF", css.p[i + 1]) &&
               css.p[i + 1];
             n++, i++)
            point = point * 16 + (unsigned)(css.p[i + 1] <= '9' ? css.p[i + 1] - '0'
                                                                : (css.p[i + 1] | 32) - 'a' + 10);
        if (n == 0 && strchr("\r\n\f", css.p[i + 1])) /* a string goes on */
            i += css.p[i + 1] == '\r' && i + 2 < css.n && css.p[i + 2] == '\n' ? 2 : 1;
        else if (n == 0)
            buf_put_char(out, strchr("\"'\\", css.p[++i]) ? 'q' : css.p[i]);
        else if (point < 128)
            buf_put_char(out, (char)point);
        if (n > 0 && i + 1 < css.n && strchr(" \t\n", css.p[i + 1]))
            i++;
    }
}

/* The string at `i`, which is a quote; moved behind it. */
static inline struct fct_str load_string(struct fct_str css, size_t *i)
{
    char quote = css.p[*i];
    size_t from = ++*i;

    while (*i < css.n && css.p[*i] != quote && !strchr("\r\n\f", css.p[*i]))
        ++*i;
    return str_head(str_skip(css, from), *i - from);
}

/* Which of the marks stands at `i`, as a name of its own. */
static inline int load_mark(struct fct_str css, size_t i)
{
    static const struct fct_str marks[] = {FCT_STR_INIT("url("), FCT_STR_INIT("src("),
                                           FCT_STR_INIT("@import"), FCT_STR_INIT("image-set(")};
    if (str_starts_nocase(str_skip(css, i), FCT_STR("-webkit-image-set(")))
        return i > 0 && load_is_name(css.p[i - 1]) ? -1 : 3;
    if (i > 0 && load_is_name(css.p[i - 1]))
        return -1;
    for (int k = 0; k < 4; k++)
        if (str_starts_nocase(str_skip(css, i), marks[k]))
            return k;
    return -1;
}

static inline void load_css(struct loads *l, const char *tag, struct fct_str text)
{
    struct buf plain = BUF_INIT(4 * text.n + 16);
    struct fct_str css;
    bool wants_string = false, in_set = false;

    load_undo_css(text, &plain);
    css = buf_str(&plain);
    for (size_t i = 0; i < css.n; i++) {
        int mark = load_mark(css, i);

        if (css.p[i] == '"' || css.p[i] == '\'') {
            struct fct_str string = load_string(css, &i);

            if (wants_string || in_set)
                load_check(l, tag, "style", string);
            wants_string = false;
        } else if (mark == 0 || mark == 1) {
            size_t at = i + 4, from;

            while (at < css.n && strchr(" \t\r\n\f", css.p[at]))
                at++;
            if (at < css.n && (css.p[at] == '"' || css.p[at] == '\'')) {
                load_check(l, tag, "style", load_string(css, &at));
            } else {
                for (from = at; at < css.n && !strchr(") \t\r\n\f\"'(", css.p[at]);)
                    at++;
                struct fct_str url = str_head(str_skip(css, from), at - from);

                while (at < css.n && strchr(" \t\r\n\f", css.p[at]))
                    at++;
                if (at >= css.n || css.p[at] == ')')
                    load_check(l, tag, "style", url);
                while (at < css.n && css.p[at] != ')') /* no URL: all of it is passed over */
                    at++;
            }
            i = at;
        } else if (mark == 2) {
            wants_string = true;
        } else if (mark == 3) {
            in_set = true;
        } else if (strchr(";{}", css.p[i])) {
            wants_string = in_set = false;
        }
    }
    buf_free(&plain);
}

/* ---- elements ---- */

static inline const char *load_name(const GumboNode *node, char name[64])
{
    const GumboElement *e = &node->v.element;
    GumboStringPiece piece = e->original_tag;

    if (e->tag != GUMBO_TAG_UNKNOWN)
        return gumbo_normalized_tagname(e->tag);
    gumbo_tag_from_original_text(&piece);
    snprintf(name, 64, "%.*s", piece.data ? (int)piece.length : 0, piece.data ? piece.data : "");
    return name;
}

static inline void load_set(struct loads *l, const char *tag, struct fct_str set)
{
    while (set.n > 0) {
        size_t n = 0;

        while (set.n > 0 && strchr(" \t\r\n\f,", set.p[0]))
            set = str_skip(set, 1);
        while (n < set.n && !strchr(" \t\r\n\f", set.p[n]))
            n++;
        load_check(l, tag, "srcset", str_head(set, n));
        if (n > 0 && set.p[n - 1] == ',') /* no descriptors */
            n--;
        while (n < set.n && set.p[n] != ',')
            n++;
        set = str_skip(set, n);
    }
}

static inline void load_attribute(struct loads *l, const GumboNode *node, const char *tag,
                                  const GumboAttribute *a)
{
    static const char *const urls[] = {"src",    "data",    "poster",   "background", "lowsrc",
                                       "dynsrc", "archive", "codebase", "manifest",   "ping"};
    static const char *const styles[] = {"style",        "fill",       "stroke",    "filter",
                                         "mask",         "clip-path",  "cursor",    "marker",
                                         "marker-start", "marker-mid", "marker-end"};
    struct fct_str value = str_from(a->value);
    bool is_link = strcmp(tag, "a") == 0 || strcmp(tag, "area") == 0 || strcmp(tag, "base") == 0;

    (void)node;
    for (size_t i = 0; i < FCT_COUNT(urls); i++)
        if (strcasecmp(a->name, urls[i]) == 0 &&
            (strcmp(urls[i], "data") != 0 || strcmp(tag, "object") == 0))
            load_check(l, tag, a->name, value);
    if ((strcasecmp(a->name, "href") == 0 || strcasecmp(a->name, "xlink:href") == 0) && !is_link)
        load_check(l, tag, a->name, value);
    if (strcasecmp(a->name, "srcset") == 0 || strcasecmp(a->name, "imagesrcset") == 0)
        load_set(l, tag, value);
    if (strcasecmp(a->name, "srcdoc") == 0 && l->depth++ < 3)
        loads_of(value, l);
    for (size_t i = 0; i < FCT_COUNT(styles); i++)
        if (strcasecmp(a->name, styles[i]) == 0)
            load_css(l, tag, value);
    if (node->v.element.tag_namespace == GUMBO_NAMESPACE_SVG &&
        (strcasecmp(a->name, "to") == 0 || strcasecmp(a->name, "values") == 0 ||
         strcasecmp(a->name, "from") == 0))
        load_check(l, tag, a->name, value);
}

static inline void load_refresh(struct loads *l, const GumboElement *e)
{
    static const char *const before[] = {" \t\r\n\f", "0123456789.", " \t\r\n\f;,"};
    const GumboAttribute *equiv = gumbo_get_attribute(&e->attributes, "http-equiv"),
                         *content = gumbo_get_attribute(&e->attributes, "content");
    struct fct_str value;

    if (!equiv || !content || strcasecmp(equiv->value, "refresh") != 0)
        return;
    value = str_from(content->value);
    for (size_t k = 0; k < FCT_COUNT(before); k++)
        while (value.n > 0 && strchr(before[k], value.p[0]))
            value = str_skip(value, 1);
    if (str_starts_nocase(value, FCT_STR("url"))) {
        struct fct_str rest = str_skip(value, 3);

        while (rest.n > 0 && strchr(" \t\r\n\f", rest.p[0]))
            rest = str_skip(rest, 1);
        if (rest.n > 0 && rest.p[0] == '=')
            value = str_skip(rest, 1);
    }
    while (value.n > 0 && strchr(" \t\r\n\f", value.p[0]))
        value = str_skip(value, 1);
    if (value.n > 0 && strchr("\"'", value.p[0])) {
        ptrdiff_t end = str_find_char(str_skip(value, 1), value.p[0]);

        value = str_skip(value, 1);
        value = end < 0 ? value : str_head(value, (size_t)end);
    }
    load_check(l, "meta", "content", value);
}

static inline void load_style_children(struct loads *l, const GumboElement *e)
{
    struct buf text = BUF_INIT(1u << 24);

    for (unsigned i = 0; i < e->children.length; i++) {
        const GumboNode *child = e->children.data[i];

        if (child->type == GUMBO_NODE_TEXT || child->type == GUMBO_NODE_CDATA ||
            child->type == GUMBO_NODE_WHITESPACE)
            buf_put_c(&text, child->v.text.text);
    }
    load_css(l, "style", buf_str(&text));
    buf_free(&text);
}

static inline void load_element(struct loads *l, const GumboNode *node)
{
    const GumboElement *e = &node->v.element;
    char room[64];
    const char *tag = load_name(node, room);

    for (unsigned i = 0; i < e->attributes.length; i++)
        load_attribute(l, node, tag, e->attributes.data[i]);
    if (strcmp(tag, "meta") == 0)
        load_refresh(l, e);
    if (strcmp(tag, "style") == 0)
        load_style_children(l, e);
}

/* Outlook shows what is in some comments. */
static inline void load_comment(struct loads *l, const char *text)
{
    if (str_starts_nocase(str_trim(str_from(text)), FCT_STR("[if")) &&
        (strcasestr(text, "//") || strcasestr(text, "http:")))
        buf_printf(l->found, "comment %.200s\n", text);
}

static inline const GumboVector *load_children(const GumboNode *node)
{
    return node->type == GUMBO_NODE_DOCUMENT  ? &node->v.document.children
           : node->type == GUMBO_NODE_ELEMENT ? &node->v.element.children
                                              : NULL;
}

/* Without recursion: pages may be nested deeply. */
static inline void load_walk(struct loads *l, const GumboNode *root, bool bases)
{
    const GumboNode *node = root;

    while (node) {
        const GumboVector *children = load_children(node);

        if (node->type == GUMBO_NODE_COMMENT && !bases)
            load_comment(l, node->v.text.text);
        if (node->type == GUMBO_NODE_ELEMENT && !bases)
            load_element(l, node);
        if (node->type == GUMBO_NODE_ELEMENT && bases && node->v.element.tag == GUMBO_TAG_BASE &&
            gumbo_get_attribute(&node->v.element.attributes, "href"))
            l->has_base |= load_is_remote(
                l, str_from(gumbo_get_attribute(&node->v.element.attributes, "href")->value));
        if (children && children->length > 0) {
            node = children->data[0];
            continue;
        }
        while (node && node != root) {
            const GumboVector *siblings = load_children(node->parent);

            if (node->index_within_parent + 1 < siblings->length) {
                node = siblings->data[node->index_within_parent + 1];
                break;
            }
            node = node->parent;
        }
        if (node == root)
            return;
    }
}

static inline void loads_of(struct fct_str html, struct loads *l)
{
    GumboOptions options = kGumboDefaultOptions;
    GumboOutput *page;

    options.max_errors = 0;
    page = gumbo_parse_with_options(&options, html.p, html.n);
    load_walk(l, page->document, true);
    load_walk(l, page->document, false);
    gumbo_destroy_output(&options, page);
}

#endif
