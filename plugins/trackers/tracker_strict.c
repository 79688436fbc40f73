/* tracker_strict.c - see tracker_strict.h. Inside of svg and math other rules hold for what is a
 * tag and what is text (HTML standard 13.2.6.5), and where they end depends on the whole tree,
 * which we do not build. So a drawing stays only when nothing in it is read differently by anybody;
 * any other one goes as a whole, and the page without it is plain HTML for all. */
#include "plugins/trackers/tracker_strict.h"

#include "plugins/lib/view.h"
#include "plugins/trackers/tracker_act.h"
#include "plugins/trackers/tracker_glob.h"

static bool is_one_of(struct fct_str name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (view_is(name, names[i]))
            return true;
    return false;
}

static void cut(const struct tracker_page *page, struct tracker_edits *out, size_t offset,
                size_t length)
{
    tracker_edits_add(out, page->tools,
                      &(struct tracker_edit){.offset = offset,
                                             .length = length,
                                             .with = tracker_no_tag(page, offset, length),
                                             .why = TRACKER_WHY_REMOTE,
                                             .company = {"", 0},
                                             .host = {"", 0}});
}

/* ---- drawings ---- */

static bool is_root(const struct fct_html_token *t)
{
    return t->kind == FCT_HTML_START && (view_is(t->name, "svg") || view_is(t->name, "math"));
}

/* Shapes and letters. */
static bool is_plain(const struct fct_html_token *t)
{
    static const char *const names[] = {"circle",   "clippath",       "defs", "ellipse", "g",
                                        "line",     "lineargradient", "mask", "path",    "polygon",
                                        "polyline", "radialgradient", "rect", "stop",    "svg",
                                        "text",     "tspan"};

    return t->kind == FCT_HTML_TEXT || ((t->kind == FCT_HTML_START || t->kind == FCT_HTML_END) &&
                                        is_one_of(t->name, names, FCT_COUNT(names)));
}

/* The token behind the end of the drawing that begins at `i`; *plain: it may stay. */
static size_t drawing_end(const struct tracker_page *page, size_t i, bool *plain)
{
    struct fct_str root = page->token[i].name;
    size_t depth = 0, at = i;

    *plain = true;
    for (; at < page->tokens; at++) {
        const struct fct_html_token *t = &page->token[at];
        bool same = t->name.n == root.n && memcmp(t->name.p, root.p, root.n) == 0;

        *plain = *plain && is_plain(t);
        if (t->kind == FCT_HTML_START && same && !t->self_closing)
            depth++;
        if (t->kind == FCT_HTML_END && same && depth > 0)
            depth--;
        if (depth == 0)
            return at + 1;
    }
    *plain = false; /* it has no end */
    return at;
}

static void drawing(const struct tracker_page *page, struct tracker_strict *s, size_t i,
                    struct tracker_edits *out)
{
    const struct fct_html_token *first = &page->token[i], *last;
    bool plain;

    s->drawn = drawing_end(page, i, &plain);
    last = &page->token[s->drawn - 1];
    if (!plain)
        cut(page, out, first->offset,
            s->drawn < page->tokens ? last->offset + last->length - first->offset
                                    : page->bytes.n - first->offset);
}

/* ---- comments, attributes, style ---- */

/* Words and dates: no markup to anybody who takes the comment for text. */
static bool is_harmless(struct fct_str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!tracker_is_alnum(text.p[i]) && !strchr(" \t\r\n-_.,=#*[]!/:", text.p[i]))
            return false;
    return !memchr(text.p, 0, text.n);
}

/* Documents inside attributes, and style sheets that put addresses together from pieces. */
static bool is_hiding(const struct fct_html_attribute *a)
{
    static const struct fct_str set = {"image-set", 9}, variable = {"var(", 4};

    if (view_is(a->name, "srcdoc"))
        return a->value.n > 0;
    return view_is(a->name, "style") && tracker_find(a->value, set) < a->value.n &&
           tracker_find(a->value, variable) < a->value.n;
}

static void start_tag(const struct tracker_page *page, const struct fct_html_token *t,
                      struct tracker_edits *out)
{
    for (size_t i = 0; i < t->attributes; i++)
        if (is_hiding(&t->attribute[i]))
            tracker_edits_add(out, page->tools,
                              &(struct tracker_edit){.offset = t->attribute[i].value_offset,
                                                     .length = t->attribute[i].value_length,
                                                     .with = {"", 0},
                                                     .why = TRACKER_WHY_REMOTE,
                                                     .company = {"", 0},
                                                     .host = {"", 0}});
}

/* Text that holds tags: of title, style and their like. Inside of select and elsewhere where they
 * are not allowed, browsers pass over the start tag and read on as usual. */
static bool has_markup(struct fct_str raw)
{
    for (size_t i = 0; i + 1 < raw.n; i++) {
        char c = raw.p[i + 1];

        if (raw.p[i] != '<')
            continue;
        if ((c == '!' && !(i + 3 < raw.n && raw.p[i + 2] == '-' && raw.p[i + 3] == '-')) ||
            c == '/' || c == '?' || (tracker_lower(c) >= 'a' && tracker_lower(c) <= 'z'))
            return true;
    }
    return false;
}

/* A style sheet in several texts is one to a browser, and may say in pieces what none of them says.
 */
static void style_text(const struct tracker_page *page, struct tracker_strict *s,
                       const struct fct_html_token *t, struct tracker_edits *out)
{
    struct fct_html_attribute as_attribute = {.name = {"style", 5}, .value = t->text};

    if (s->style_text++ > 0 || is_hiding(&as_attribute))
        cut(page, out, t->offset, t->length);
}

void tracker_strict_token(const struct tracker_page *page, struct tracker_strict *s, size_t i,
                          struct tracker_edits *out)
{
    const struct fct_html_token *t = &page->token[i];

    if (i >= s->drawn && is_root(t))
        drawing(page, s, i, out);
    if (t->kind == FCT_HTML_COMMENT && !is_harmless(t->text))
        cut(page, out, t->offset, t->length);
    else if (t->kind == FCT_HTML_TEXT &&
             has_markup(tracker_part(page->bytes, t->offset, t->offset + t->length)))
        cut(page, out, t->offset, t->length);
    else if (t->kind == FCT_HTML_TEXT && s->in_style)
        style_text(page, s, t, out);
    else if (t->kind == FCT_HTML_START)
        start_tag(page, t, out);
    if (t->kind == FCT_HTML_START || t->kind == FCT_HTML_END) {
        s->in_style = t->kind == FCT_HTML_START && view_is(t->name, "style");
        s->style_text = 0;
    }
}
