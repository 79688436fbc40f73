/* tracker_page.c - see tracker_page.h. One walk over tokens and links side by side, both in the
 * order of the part. */
#include "plugins/trackers/tracker_page.h"

#include "plugins/lib/view.h"
#include "plugins/trackers/tracker_act.h"
#include "plugins/trackers/tracker_glob.h"
#include "plugins/trackers/tracker_shape.h"
#include <stdlib.h>

enum { ENOUGH = 3, SURE = 3 };

const char *const tracker_why_names[] = {
    [TRACKER_WHY_LIST] = "list",         [TRACKER_WHY_READER] = "address",
    [TRACKER_WHY_SHAPE] = "hidden",      [TRACKER_WHY_HOST] = "click host",
    [TRACKER_WHY_REMOTE] = "remote",     [TRACKER_WHY_PARAMETER] = "parameter",
    [TRACKER_WHY_REDIRECT] = "redirect",
};

/* ---- what the whole part tells ---- */

struct words {
    struct fct_str *word; /* sorted */
    size_t n;
};

struct walk {
    const struct tracker_page *page;
    struct tracker_edits *out;
    struct words click_hosts, images;
    struct fct_str hidden_name; /* of the element we are in that hides its content … */
    size_t hidden_depth;        /* … and how many of that name are open; 0: in none */
};

static int compare_words(const void *a, const void *b)
{
    const struct fct_str *x = a, *y = b;
    int by = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

    return by ? by : x->n < y->n ? -1 : x->n > y->n;
}

/* How often the word is there, 2 for more. */
static unsigned count_word(const struct words *w, struct fct_str word)
{
    struct fct_str *at =
        w->n > 0 ? bsearch(&word, w->word, w->n, sizeof *w->word, compare_words) : NULL;

    if (!at)
        return 0;
    return (at > w->word && compare_words(at - 1, at) == 0) ||
                   (at + 1 < w->word + w->n && compare_words(at + 1, at) == 0)
               ? 2
               : 1;
}

/* A link that a click follows. */
static bool is_click(const struct fct_link *l)
{
    return l->from == FCT_LINK_ANCHOR || l->from == FCT_LINK_AREA || l->from == FCT_LINK_FORM;
}

static bool names_something(const struct fct_url *url)
{
    return tracker_has_id(url->path) || tracker_has_id(url->query);
}

static void gather(struct walk *w)
{
    const struct tracker_page *page = w->page;
    size_t bytes = page->links * sizeof(struct fct_str);
    struct words *hosts = &w->click_hosts, *images = &w->images;

    hosts->word = page->tools->alloc(page->tools->context, bytes + 1);
    images->word = page->tools->alloc(page->tools->context, bytes + 1);
    if (!hosts->word || !images->word)
        return;
    for (size_t i = 0; i < page->links; i++) {
        const struct fct_link *l = &page->link[i];

        if (l->from == FCT_LINK_IMAGE)
            images->word[images->n++] = l->url.text;
        else if (is_click(l) && names_something(&l->url))
            hosts->word[hosts->n++] = l->url.host;
    }
    qsort(images->word, images->n, sizeof *images->word, compare_words);
    qsort(hosts->word, hosts->n, sizeof *hosts->word, compare_words);
}

/* ---- what one picture tells ---- */

struct finding {
    int points;
    enum tracker_why why; /* what told most */
    const struct tracker_row *row;
    bool off; /* of a company that an admin wants left alone */
};

static void add_points(struct finding *f, int points, enum tracker_why why, int *most)
{
    f->points += points;
    if (points > *most) {
        *most = points;
        f->why = why;
    }
}

/* Never shown, whatever its size: asked for without a picture to see. */
static bool is_silent(const struct fct_html_token *token, const struct fct_link *l)
{
    const struct fct_html_attribute *rel;

    if (view_is(l->attribute, "ping") || view_is(l->tag, "bgsound"))
        return true;
    if (view_is(l->tag, "audio"))
        return !token || !tracker_attribute(token, "controls");
    rel = view_is(l->tag, "link") && token ? tracker_attribute(token, "rel") : NULL;
    return rel && !tracker_same(rel->value, (struct fct_str){"stylesheet", 10});
}

static bool has_picture_name(struct fct_str path)
{
    size_t at = path.n;

    while (at > 0 && path.n - at < 6 && path.p[at - 1] != '.' && path.p[at - 1] != '/')
        at--;
    return at > 0 && path.n - at >= 3 && path.n - at <= 4 && path.p[at - 1] == '.';
}

/* Photographs and drawings are hidden and shown again by style sheets, for screens of another size;
 * a GIF hardly ever. */
static bool is_drawing(struct fct_str path)
{
    return has_picture_name(path) && tracker_lower(path.p[path.n - 1]) != 'f';
}

static enum tracker_shape shape_of(const struct walk *w, const struct fct_html_token *token,
                                   const struct fct_link *l)
{
    enum tracker_shape shape;

    if (!token || token->kind != FCT_HTML_START)
        return TRACKER_NO_SIZE;
    if (is_silent(token, l))
        return TRACKER_HIDDEN;
    if (view_is(l->tag, "link") || view_is(l->tag, "meta"))
        return TRACKER_NO_SIZE;
    shape = tracker_shape_of(token);
    return w->hidden_depth > 0 && (shape == TRACKER_TINY || !is_drawing(l->url.path))
               ? TRACKER_HIDDEN
               : shape;
}

static bool names_a_reader(const struct tracker_page *page, struct fct_str target)
{
    for (size_t i = 0; i < page->readers; i++)
        if (tracker_names_reader(&page->reader[i], target))
            return true;
    return false;
}

/* An answer made for each question, not a file: nobody needs that for something unseen. */
static bool is_made(const struct fct_url *url)
{
    return url->query.n > 0 || !has_picture_name(url->path);
}

/* Somebody's number, under a host that counts clicks, at a place that is no picture's name. */
static bool is_open_count(const struct walk *w, const struct fct_link *l, enum tracker_shape shape)
{
    return shape == TRACKER_NO_SIZE && l->from == FCT_LINK_IMAGE && view_is(l->tag, "img") &&
           !has_picture_name(l->url.path) && count_word(&w->click_hosts, l->url.host) > 0;
}

static struct finding judge(const struct walk *w, const struct fct_html_token *token,
                            const struct fct_link *l)
{
    const struct tracker_page *page = w->page;
    const struct tracker_rules *rules = &page->rules;
    struct fct_str target = tracker_link_target(page->tools, &l->url);
    enum tracker_shape shape = shape_of(w, token, l);
    bool unseen = shape == TRACKER_TINY || shape == TRACKER_HIDDEN;
    struct finding f = {.why = TRACKER_WHY_REMOTE};
    int most = 0;

    if (!target.p)
        return f;
    f.row = tracker_list_find(page->list, TRACKER_PIXEL, l->url.host, target);
    f.off = f.row && f.row->off;
    if (f.row)
        add_points(&f, f.row->key.n == 0 && shape == TRACKER_SEEN ? 2 : SURE, TRACKER_WHY_LIST,
                   &most);
    if (page->level < TRACKER_STANDARD)
        return f;
    if (rules->reader && names_a_reader(page, target))
        add_points(&f, SURE, TRACKER_WHY_READER, &most);
    if (rules->shape && unseen)
        add_points(&f, 2, TRACKER_WHY_SHAPE, &most);
    if (names_something(&l->url) || (unseen && is_made(&l->url))) {
        add_points(&f, 1, TRACKER_WHY_SHAPE, &most);
        if (rules->redirects && is_open_count(w, l, shape))
            add_points(&f, 2, TRACKER_WHY_HOST, &most);
    }
    if (l->from == FCT_LINK_IMAGE && count_word(&w->images, l->url.text) > 1)
        f.points--;
    return f;
}

/* ---- links ---- */

static void note_cuts(struct walk *w, const struct fct_link *l, const struct tracker_span *cut,
                      size_t n)
{
    for (size_t i = 0; i < n; i++)
        tracker_edits_add(w->out, w->page->tools,
                          &(struct tracker_edit){.offset = l->offset + cut[i].offset,
                                                 .length = cut[i].length,
                                                 .with = {"", 0},
                                                 .why = TRACKER_WHY_PARAMETER,
                                                 .company = {"", 0},
                                                 .host = l->url.host,
                                                 .more = i > 0});
}

static bool is_spared(const struct tracker_page *page, const struct fct_link *l)
{
    for (size_t i = 0; i < page->spareds; i++)
        if (tracker_same(page->spared[i], l->url.text))
            return true;
    return false;
}

static void clean_link(struct walk *w, const struct fct_link *l)
{
    const struct tracker_page *page = w->page;
    struct fct_str raw = tracker_part(page->bytes, l->offset, l->offset + l->length), target;
    bool html = l->from != FCT_LINK_TEXT;
    struct tracker_span cut[32];

    if (l->from == FCT_LINK_FORM || is_spared(page, l) || tracker_link_is_protected(&l->url))
        return;
    if (html && page->rules.unwrap && tracker_is_written(raw) &&
        tracker_link_unwrap(page->list, page->tools, &l->url, &target)) {
        tracker_edits_add(w->out, page->tools,
                          &(struct tracker_edit){.offset = l->offset,
                                                 .length = l->length,
                                                 .with = tracker_escape(page->tools, target),
                                                 .why = TRACKER_WHY_REDIRECT,
                                                 .company = {"", 0},
                                                 .host = l->url.host});
    } else if (page->rules.parameters) {
        note_cuts(w, l, cut,
                  tracker_link_cut(page->list, l->url.host, raw, html, cut, FCT_COUNT(cut)));
    }
}

/* ---- the walk ---- */

static void clean_load(struct walk *w, const struct fct_html_token *token, const struct fct_link *l)
{
    struct finding f = judge(w, token, l);
    bool sure = f.points >= ENOUGH && !f.off;

    if (sure || w->page->level == TRACKER_STRICT)
        tracker_remove(
            w->page, w->out, token, l,
            &(struct tracker_edit){.why = sure ? f.why : TRACKER_WHY_REMOTE,
                                   .company = f.row ? f.row->company : (struct fct_str){"", 0},
                                   .host = l->url.host});
}

static bool loads(const struct fct_link *l)
{
    static const char *const quiet[] = {"cite", "longdesc", "profile", "classid"};

    for (size_t i = 0; i < FCT_COUNT(quiet); i++)
        if (view_is(l->attribute, quiet[i]))
            return false;
    return !is_click(l) && l->from != FCT_LINK_TEXT && !view_is(l->tag, "base");
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
static void follow_hidden(struct walk *w, const struct fct_html_token *t)
{
    bool same = w->hidden_depth > 0 && t->name.n == w->hidden_name.n &&
                memcmp(t->name.p, w->hidden_name.p, t->name.n) == 0;

    if (t->kind == FCT_HTML_END && same) {
        w->hidden_depth--;
    } else if (t->kind == FCT_HTML_START && same) {
        w->hidden_depth++;
    } else if (t->kind == FCT_HTML_START && w->hidden_depth == 0 && !is_void(t->name) &&
               tracker_hides_content(t)) {
        w->hidden_name = t->name;
        w->hidden_depth = 1;
    }
}

/* Links of this token; the next one begins where it ends. */
static size_t clean_token(struct walk *w, const struct fct_html_token *t, size_t at)
{
    const struct tracker_page *page = w->page;
    size_t end = t->offset + t->length;

    for (; at < page->links && page->link[at].offset < end; at++) {
        const struct fct_link *l = &page->link[at];

        if (l->length > page->bytes.n || l->offset > page->bytes.n - l->length)
            continue;
        if (loads(l))
            clean_load(w, l->offset >= t->offset ? t : NULL, l);
        else
            clean_link(w, l);
    }
    if (page->level == TRACKER_STRICT)
        tracker_remove_other(page, w->out, t);
    return at;
}

void tracker_page_clean(const struct tracker_page *page, struct tracker_edits *out)
{
    struct walk w = {.page = page, .out = out};
    size_t at = 0, before = out->n;

    if (page->level == TRACKER_OFF)
        return;
    gather(&w);
    for (size_t i = 0; i < page->tokens; i++) {
        at = clean_token(&w, &page->token[i], at);
        follow_hidden(&w, &page->token[i]);
    }
    for (; at < page->links; at++)
        if (page->link[at].from == FCT_LINK_TEXT && page->link[at].length <= page->bytes.n &&
            page->link[at].offset <= page->bytes.n - page->link[at].length)
            clean_link(&w, &page->link[at]);
    tracker_edits_settle(out, before);
}
