/* tracker_place.c - see tracker_place.h. */
#include "plugins/trackers/tracker_place.h"

#include "plugins/lib/view.h"
#include "plugins/trackers/tracker_shape.h"

static bool same(struct fct_str a, struct fct_str b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static bool is_void(struct fct_str name)
{
    static const char *const names[] = {"img",   "br",   "hr",  "input", "meta",   "link", "area",
                                        "embed", "base", "col", "param", "source", "wbr",  "track"};

    for (size_t i = 0; i < FCT_COUNT(names); i++)
        if (view_is(name, names[i]))
            return true;
    return false;
}

/* Inside of an element that hides its content only elements of its own name are counted: without a
 * tree that is enough, and takes no memory. */
static void follow_hidden(struct tracker_place *p, const struct fct_html_token *t)
{
    if (p->hidden_depth > 0) {
        if (t->kind == FCT_HTML_END && same(t->name, p->hidden_name))
            p->hidden_depth--;
        else if (t->kind == FCT_HTML_START && same(t->name, p->hidden_name))
            p->hidden_depth++;
    } else if (t->kind == FCT_HTML_START && t->attributes > 0 && !view_is(t->name, "img") &&
               tracker_hides_content(t) && !is_void(t->name)) {
        p->hidden_name = t->name;
        p->hidden_depth = 1;
    }
}

static void follow(struct tracker_place *p, size_t at)
{
    for (; p->followed < at; p->followed++) {
        const struct fct_html_token *t = &p->token[p->followed];

        follow_hidden(p, t);
        if (view_is(t->name, "a"))
            p->in_anchor = t->kind == FCT_HTML_START;
    }
}

bool tracker_place_is_hidden(struct tracker_place *p, size_t at)
{
    follow(p, at);
    return p->hidden_depth > 0;
}

bool tracker_place_is_anchor(struct tracker_place *p, size_t at)
{
    follow(p, at);
    return p->in_anchor;
}
