/* html_foreign.c - see html_foreign.h. */
#include "core/message/html_foreign.h"

#include "core/base/str.h"
#include "core/message/html_tokens.h"

static const char svg[] = "svg", math[] = "math";

/* Elements of svg and math that hold HTML (13.2.6 "integration point"). */
static const struct {
    const char *within, *name;
} points[] = {
    {svg, "foreignobject"}, {svg, "desc"},   {svg, "title"},
    {math, "mi"},           {math, "mo"},    {math, "mn"},
    {math, "ms"},           {math, "mtext"}, {math, "annotation-xml"},
};

/* Start tags that end svg and math wherever they stand (13.2.6.5). */
static const char *const breakouts[] = {
    "b",      "big",  "blockquote", "body",  "br",   "center", "code",    "dd",   "div",
    "dl",     "dt",   "em",         "embed", "h1",   "h2",     "h3",      "h4",   "h5",
    "h6",     "head", "hr",         "i",     "img",  "li",     "listing", "menu", "meta",
    "nobr",   "ol",   "p",          "pre",   "ruby", "s",      "small",   "span", "strong",
    "strike", "sub",  "sup",        "table", "tt",   "u",      "ul",      "var",
};

static bool is_name(struct fct_str s, const char *name)
{
    return s.n == strlen(name) && memcmp(s.p, name, s.n) == 0;
}

static const char *top(const struct html_foreign *f)
{
    return f->n > 0 ? f->open[f->n - 1] : NULL;
}

bool html_foreign_inside(const struct html_foreign *f)
{
    return top(f) == svg || top(f) == math;
}

static void push(struct html_foreign *f, const char *name)
{
    if (f->n < HTML_FOREIGN_DEPTH)
        f->open[f->n++] = name;
}

static bool breaks_out(const struct fct_html_token *tag)
{
    for (size_t i = 0; i < FCT_COUNT(breakouts); i++)
        if (is_name(tag->name, breakouts[i]))
            return true;
    return is_name(tag->name, "font") &&
           (html_attribute(tag, "color") || html_attribute(tag, "face") ||
            html_attribute(tag, "size"));
}

static const char *point_of(const char *within, const struct fct_html_token *tag)
{
    const struct fct_html_attribute *encoding;

    for (size_t i = 0; i < FCT_COUNT(points); i++) {
        if (points[i].within != within || !is_name(tag->name, points[i].name))
            continue;
        if (strcmp(points[i].name, "annotation-xml") != 0)
            return points[i].name;
        encoding = html_attribute(tag, "encoding");
        return encoding && (str_equal_nocase(encoding->value, FCT_STR("text/html")) ||
                            str_equal_nocase(encoding->value, FCT_STR("application/xhtml+xml")))
                   ? points[i].name
                   : NULL;
    }
    return NULL;
}

static void leave(struct html_foreign *f)
{
    while (html_foreign_inside(f))
        f->n--;
}

bool html_foreign_start(struct html_foreign *f, const struct fct_html_token *tag)
{
    if (f->n == 0 && tag->name.n != sizeof svg - 1 && tag->name.n != sizeof math - 1)
        return false;
    bool inside = html_foreign_inside(f);
    const char *point = inside ? point_of(top(f), tag) : NULL;
    const char *root = is_name(tag->name, svg) ? svg : is_name(tag->name, math) ? math : NULL;

    if (inside && breaks_out(tag)) {
        leave(f);
        return false;
    }
    if (tag->self_closing)
        return inside || root;
    if (root || point)
        push(f, root ? root : point);
    return inside || root;
}

void html_foreign_end(struct html_foreign *f, struct fct_str name)
{
    if (f->n == 0)
        return;
    if (html_foreign_inside(f) && (is_name(name, "p") || is_name(name, "br"))) {
        leave(f);
        return;
    }
    for (unsigned i = f->n; i > 0; i--)
        if (is_name(name, f->open[i - 1])) {
            f->n = i - 1;
            return;
        }
}
