/* tracker_act.c - see tracker_act.h. */
#include "plugins/trackers/tracker_act.h"

#include "plugins/lib/view.h"
#include "plugins/trackers/tracker_glob.h"
#include "plugins/trackers/tracker_proxy.h"
#include "plugins/trackers/tracker_shape.h"
#include <stdlib.h>

/* ---- the list of edits ---- */

void tracker_edits_add(struct tracker_edits *out, const struct tracker_tools *tools,
                       const struct tracker_edit *edit)
{
    if (out->n >= out->max || !edit->with.p) {
        out->full = true;
        return;
    }
    if (out->n == out->room) {
        size_t room = out->room ? 2 * out->room : 32;
        struct tracker_edit *more = tools->alloc(tools->context, room * sizeof *more);

        if (!more) {
            out->full = true;
            return;
        }
        if (out->n > 0)
            memcpy(more, out->edit, out->n * sizeof *more);
        out->edit = more;
        out->room = room;
    }
    out->edit[out->n++] = *edit;
}

static int compare_edits(const void *a, const void *b)
{
    const struct tracker_edit *x = a, *y = b;

    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x->length > y->length ? -1 : x->length < y->length;
}

void tracker_edits_settle(struct tracker_edits *out, size_t from)
{
    size_t n = from, end = 0;

    if (out->n - from > 1)
        qsort(out->edit + from, out->n - from, sizeof *out->edit, compare_edits);
    for (size_t i = from; i < out->n; i++) {
        if (n > from && out->edit[i].offset < end)
            continue;
        out->edit[n++] = out->edit[i];
        end = out->edit[n - 1].offset + out->edit[n - 1].length;
    }
    out->n = n;
}

/* ---- loads ---- */

/* A transparent GIF of 1 by 1: in its place a picture takes the room that the one asked for would
 * have taken, so the page keeps its shape. */
#define PICTURE "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"

/* Nothing is left of these without what they load. Others have a size, content, or a form's button.
 */
static bool is_cut_whole(const struct fct_html_token *t)
{
    static const char *const names[] = {"amp-pixel", "link",   "meta",       "bgsound",
                                        "embed",     "v:fill", "v:imagedata"};

    for (size_t i = 0; i < FCT_COUNT(names); i++)
        if (view_is(t->name, names[i]))
            return true;
    return false;
}

bool tracker_is_written(struct fct_str raw)
{
    while (raw.n > 0 && (*raw.p == ' ' || (*raw.p >= '\t' && *raw.p <= '\r')))
        view_skip(&raw, 1);
    return (raw.n > 2 && raw.p[0] == '/' && raw.p[1] == '/' && raw.p[2] != 0) ||
           (raw.n > 4 && tracker_same(tracker_part(raw, 0, 4), (struct fct_str){"http", 4}));
}

const struct fct_html_attribute *tracker_attribute_at(const struct fct_html_token *t, size_t offset)
{
    for (size_t i = 0; t && i < t->attributes; i++)
        if (offset >= t->attribute[i].value_offset &&
            offset - t->attribute[i].value_offset <= t->attribute[i].value_length)
            return &t->attribute[i];
    return NULL;
}

/* Bytes that are ASCII where they look like it, and not half of a character of UTF-16. */
static bool is_narrow(struct fct_str raw)
{
    return raw.n < 2 || (raw.p[0] != 0 && raw.p[1] != 0);
}

/* The one of three texts, whose lengths leave 0, 1 and 2 when divided by three, that keeps what
 * follows where it is in its group of three bytes: all of base64 behind it stays as it was. */
static struct fct_str keep_thirds(const struct tracker_page *page, size_t removed,
                                  const struct fct_str text[3])
{
    return text[page->thirds ? removed % 3 : 0];
}

/* Nothing, unless bytes from both sides would make new markup together: "<" and "img". */
struct fct_str tracker_no_tag(const struct tracker_page *page, size_t offset, size_t length)
{
    static const struct fct_str gone[] = {FCT_STR_INIT(""), FCT_STR_INIT("<!---->"),
                                          FCT_STR_INIT("<!-- -->")},
                                between[] = {FCT_STR_INIT("   "), FCT_STR_INIT(" "),
                                             FCT_STR_INIT("  ")};
    char before = offset > 0 ? page->bytes.p[offset - 1] : ' ';

    return before && strchr("<-!/&", before)
               ? page->thirds ? keep_thirds(page, length, between) : between[1]
               : keep_thirds(page, length, gone);
}

/* Without quotes, what follows an empty value would be taken for it. */
static bool is_quoted(const struct tracker_page *page, const struct fct_html_attribute *a)
{
    return a->value_offset > 0 && strchr("\"'", page->bytes.p[a->value_offset - 1]) &&
           page->bytes.p[a->value_offset - 1];
}

static struct fct_str no_url(const struct tracker_page *page, struct fct_str raw, bool alone)
{
    static const struct fct_str empty[] = {FCT_STR_INIT(""), FCT_STR_INIT("data:,x"),
                                           FCT_STR_INIT("data:")},
                                blank[] = {FCT_STR_INIT("data:,"), FCT_STR_INIT("data:,x"),
                                           FCT_STR_INIT("about:blank")};

    if (!is_narrow(raw))
        return empty[0];
    if (alone)
        return keep_thirds(page, raw.n, empty);
    /* in a list of several an empty one would be the page itself */
    return page->thirds ? keep_thirds(page, raw.n, blank) : blank[2];
}

static bool is_picture(const struct fct_html_token *t, const struct fct_html_attribute *a)
{
    return t && a && (view_is(t->name, "img") || view_is(t->name, "image")) &&
           (view_is(a->name, "src") || view_is(a->name, "srcset"));
}

static struct fct_str no_picture(const struct tracker_page *page, size_t removed)
{
    static const struct fct_str empty[] = {FCT_STR_INIT(PICTURE), FCT_STR_INIT(PICTURE "#"),
                                           FCT_STR_INIT(PICTURE "#x")};

    _Static_assert((sizeof PICTURE - 1) % 3 == 0, "the first one leaves 0");
    return keep_thirds(page, removed, empty);
}

static void ask_proxy(const struct tracker_page *page, const struct fct_link *l,
                      struct tracker_edit *edit)
{
    struct fct_str link = tracker_proxy_link(page, &l->url, edit->length);

    if (!link.p)
        return;
    edit->otherwise = edit->with;
    edit->with = link;
    edit->why = TRACKER_WHY_PROXY;
}

/* A URL in an attribute or among others: what stands in its place. */
static void replace(const struct tracker_page *page, const struct fct_html_token *token,
                    const struct fct_link *l, struct tracker_edit *edit)
{
    const struct fct_html_attribute *a = tracker_attribute_at(token, l->offset);
    struct fct_str raw = tracker_part(page->bytes, l->offset, l->offset + l->length);
    bool whole =
        a && ((!view_is(a->name, "style") && l->length == a->value_length) || !is_narrow(raw));

    edit->offset = whole ? a->value_offset : l->offset;
    edit->length = whole ? a->value_length : l->length;
    if (is_narrow(raw) && is_picture(token, a))
        edit->with = no_picture(page, edit->length);
    else
        edit->with =
            no_url(page, tracker_part(page->bytes, edit->offset, edit->offset + edit->length),
                   whole && is_quoted(page, a));
    if (edit->shown && is_narrow(raw) && tracker_proxy_takes(page, token, a))
        ask_proxy(page, l, edit);
}

void tracker_remove(const struct tracker_page *page, struct tracker_edits *out,
                    const struct fct_html_token *token, const struct fct_link *l,
                    const struct tracker_edit *what)
{
    struct tracker_edit edit = *what;
    bool wide = !is_narrow(tracker_part(page->bytes, l->offset, l->offset + l->length));

    /* Nothing can be written where letters are no single bytes. */
    if (token && token->kind == FCT_HTML_START &&
        (wide ? view_is(token->name, "img")
              : what->why != TRACKER_WHY_REMOTE && is_cut_whole(token))) {
        edit.offset = token->offset;
        edit.length = token->length;
        edit.with = tracker_no_tag(page, edit.offset, edit.length);
    } else {
        replace(page, token, l, &edit);
    }
    tracker_edits_add(out, page->tools, &edit);
}

/* ---- writing ---- */

struct fct_str tracker_escape(const struct tracker_tools *tools, struct fct_str url)
{
    char *to = tools->alloc(tools->context, 5 * url.n + 1);
    size_t n = 0;

    for (size_t i = 0; to && i < url.n; i++) {
        if (url.p[i] == '&') {
            memcpy(to + n, "&amp;", 5);
            n += 5;
        } else {
            to[n++] = url.p[i];
        }
    }
    return (struct fct_str){to, n};
}
