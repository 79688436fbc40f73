/* tracker_act.c - see tracker_act.h. */
#include "plugins/trackers/tracker_act.h"

#include "plugins/lib/view.h"
#include "plugins/trackers/tracker_glob.h"
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

/* Nothing is left of these without what they load. Others have content, or a form's button. */
static bool is_cut_whole(const struct fct_html_token *t)
{
    static const char *const names[] = {"img", "image", "link", "meta", "bgsound", "embed"};

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

static const struct fct_html_attribute *attribute_at(const struct fct_html_token *t, size_t offset)
{
    for (size_t i = 0; t && i < t->attributes; i++)
        if (offset >= t->attribute[i].value_offset &&
            offset - t->attribute[i].value_offset <= t->attribute[i].value_length)
            return &t->attribute[i];
    return NULL;
}

void tracker_remove(const struct tracker_page *page, struct tracker_edits *out,
                    const struct fct_html_token *token, const struct fct_link *l,
                    const struct tracker_edit *what)
{
    struct tracker_edit edit = *what;
    const struct fct_html_attribute *a = attribute_at(token, l->offset);
    struct fct_str raw = tracker_part(page->bytes, l->offset, l->offset + l->length);
    bool start = token && token->kind == FCT_HTML_START;

    edit.with = (struct fct_str){"", 0};
    if (start && what->why != TRACKER_WHY_REMOTE && is_cut_whole(token)) {
        edit.offset = token->offset;
        edit.length = token->length;
    } else if (a && !view_is(a->name, "style") && l->length == a->value_length) {
        edit.offset = a->value_offset;
        edit.length = a->value_length;
    } else {
        edit.offset = l->offset;
        edit.length = l->length;
        if (tracker_is_written(
                raw)) /* in a list of several an empty one would be the page itself */
            edit.with = (struct fct_str){"about:blank", 11};
    }
    tracker_edits_add(out, page->tools, &edit);
}

/* ---- strict ---- */

static bool has_host(struct fct_str text)
{
    return tracker_find(text, (struct fct_str){"//", 2}) < text.n ||
           tracker_find(text, (struct fct_str){"\\", 1}) < text.n;
}

static bool is_conditional(const struct fct_html_token *t)
{
    struct fct_str text = view_trim(t->text);

    return t->kind == FCT_HTML_COMMENT && text.n > 3 && text.p[0] == '[' && has_host(text);
}

static bool is_document(const struct fct_html_attribute *a)
{
    return view_is(a->name, "srcdoc") && a->value.n > 0;
}

static bool is_paint(const struct fct_html_attribute *a)
{
    return !view_is(a->name, "style") && a->value.n > 6 &&
           tracker_find(a->value, (struct fct_str){"url(", 4}) < a->value.n && has_host(a->value);
}

void tracker_remove_other(const struct tracker_page *page, struct tracker_edits *out,
                          const struct fct_html_token *t)
{
    struct tracker_edit edit = {
        .with = {"", 0}, .why = TRACKER_WHY_REMOTE, .company = {"", 0}, .host = {"", 0}};

    if (is_conditional(t)) {
        edit.offset = t->offset;
        edit.length = t->length;
        tracker_edits_add(out, page->tools, &edit);
    }
    for (size_t i = 0; t->kind == FCT_HTML_START && i < t->attributes; i++) {
        const struct fct_html_attribute *a = &t->attribute[i];

        if (!is_document(a) && !is_paint(a))
            continue;
        edit.offset = a->value_offset;
        edit.length = a->value_length;
        tracker_edits_add(out, page->tools, &edit);
    }
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
