/* tracker_page.c - see tracker_page.h. One walk over tokens and links side by side, both in the
 * order of the part. */
#include "plugins/trackers/tracker_page.h"

#include "plugins/lib/view.h"
#include "plugins/trackers/tracker_act.h"
#include "plugins/trackers/tracker_glob.h"
#include "plugins/trackers/tracker_inside.h"
#include "plugins/trackers/tracker_place.h"
#include "plugins/trackers/tracker_shape.h"
#include "plugins/trackers/tracker_strict.h"
#include <stdlib.h>

enum { ENOUGH = 3, SURE = 3, TARGET_ROOM = 1024, FEW = 8 };

const char *const tracker_why_names[] = {
    [TRACKER_WHY_LIST] = "list",         [TRACKER_WHY_READER] = "address",
    [TRACKER_WHY_SHAPE] = "hidden",      [TRACKER_WHY_HOST] = "click host",
    [TRACKER_WHY_REMOTE] = "remote",     [TRACKER_WHY_PARAMETER] = "parameter",
    [TRACKER_WHY_REDIRECT] = "redirect", [TRACKER_WHY_PROXY] = "proxy",
};

/* ---- what the whole part tells ---- */

/* Texts, by their hash, sorted. */
struct words {
    uint64_t *hash;
    size_t n;
    bool made;
};

struct walk {
    const struct tracker_page *page;
    struct tracker_edits *out;
    struct words click_hosts, images; /* made when something asks for them */
    unsigned asked;                   /* whether a picture is repeated … */
    unsigned folders;                 /* … and whether others lie beside it */
    size_t at;                        /* the token in hand */
    struct tracker_place place;
    struct tracker_strict strict;
};

/* FNV-1a. Two texts that fall together are taken for one: that gains nobody more than the same
 * picture written twice does. */
static uint64_t hash_of(struct fct_str s)
{
    uint64_t hash = 14695981039346656037u;

    for (size_t i = 0; i < s.n; i++)
        hash = (hash ^ (unsigned char)s.p[i]) * 1099511628211u;
    return hash;
}

static int compare_hashes(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
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

/* What can be repeated: the same address in srcset, or for Outlook, is the same picture. */
static bool is_picture(const struct fct_link *l)
{
    return l->from == FCT_LINK_IMAGE && view_is(l->tag, "img") && view_is(l->attribute, "src");
}

static void make_words(const struct tracker_page *page, struct words *w, bool images)
{
    w->made = true;
    w->hash = page->tools->alloc(page->tools->context, page->links * sizeof *w->hash + 1);
    for (size_t i = 0; w->hash && i < page->links; i++) {
        const struct fct_link *l = &page->link[i];

        if (images && is_picture(l))
            w->hash[w->n++] = hash_of(l->url.text);
        else if (!images && is_click(l) && names_something(&l->url))
            w->hash[w->n++] = hash_of(l->url.host);
    }
    if (w->n > 1)
        qsort(w->hash, w->n, sizeof *w->hash, compare_hashes);
}

/* How often the word is there, 2 for more. */
static unsigned count_word(const struct words *w, struct fct_str word)
{
    uint64_t hash = hash_of(word);
    const uint64_t *at =
        w->n > 0 ? bsearch(&hash, w->hash, w->n, sizeof *w->hash, compare_hashes) : NULL;

    if (!at)
        return 0;
    return (at > w->hash && at[-1] == hash) || (at + 1 < w->hash + w->n && at[1] == hash) ? 2 : 1;
}

static bool counts_clicks(struct walk *w, struct fct_str host)
{
    if (!w->click_hosts.made)
        make_words(w->page, &w->click_hosts, false);
    return count_word(&w->click_hosts, host) > 0;
}

static bool same_text(struct fct_str a, struct fct_str b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* Most pages have one pixel or two: their words are made for more. */
static bool is_repeated(struct walk *w, const struct fct_link *l)
{
    const struct tracker_page *page = w->page;
    size_t n = 0;

    if (w->asked++ >= FEW) {
        if (!w->images.made)
            make_words(page, &w->images, true);
        return count_word(&w->images, l->url.text) > 1;
    }
    for (size_t i = 0; i < page->links && n < 2; i++)
        n += is_picture(&page->link[i]) && same_text(page->link[i].url.text, l->url.text);
    return n > 1;
}

/* ---- what one picture tells ---- */

struct finding {
    int points;
    enum tracker_why why; /* what told most */
    const struct tracker_row *row;
    bool shown; /* people see it */
    bool off;   /* of a company that an admin wants left alone */
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

    if (view_is(l->attribute, "ping") || view_is(l->tag, "bgsound") ||
        view_is(l->tag, "amp-pixel") || view_is(l->tag, "amp-analytics"))
        return true;
    if (view_is(l->tag, "audio"))
        return !token || !tracker_attribute(token, "controls");
    rel = view_is(l->tag, "link") && token ? tracker_attribute(token, "rel") : NULL;
    return rel && !tracker_same(rel->value, (struct fct_str){"stylesheet", 10});
}

/* Or that of a style sheet, a font: ".gif", ".woff2". */
static bool has_picture_name(struct fct_str path)
{
    size_t at = path.n;

    while (at > 0 && path.n - at < 6 && path.p[at - 1] != '.' && path.p[at - 1] != '/')
        at--;
    return at > 0 && path.n - at >= 3 && path.n - at <= 5 && path.p[at - 1] == '.';
}

/* Photographs and drawings are hidden and shown again by style sheets, for screens of another size;
 * a GIF hardly ever. */
static bool is_drawing(struct fct_str path)
{
    return has_picture_name(path) && tracker_lower(path.p[path.n - 1]) != 'f';
}

static enum tracker_shape shape_of(struct walk *w, const struct fct_html_token *token,
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
    return shape == TRACKER_NO_SIZE && !is_drawing(l->url.path) &&
                   tracker_place_is_hidden(&w->place, w->at)
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

/* A segment of the path that says what it is for: "/track/open/1", "/beacon.gif". */
static bool says_opened(struct fct_str path)
{
    static const char *const words[] = {"open", "opened", "opens", "pixel", "beacon", "impression"};

    for (size_t at = 0, end; at < path.n; at = end + 1) {
        for (end = at; end < path.n && path.p[end] != '/' && path.p[end] != '.';)
            end++;
        for (size_t i = 0; i < FCT_COUNT(words); i++)
            if (tracker_same(tracker_part(path, at, end),
                             (struct fct_str){words[i], strlen(words[i])}))
                return true;
    }
    return false;
}

/* Somebody's number at a place that is no picture's name, and that says so or whose host counts
 * clicks. What people are meant to click at is a picture for them to see. */
static bool is_open_count(struct walk *w, const struct fct_link *l, enum tracker_shape shape)
{
    return shape == TRACKER_NO_SIZE && !is_drawing(l->url.path) && names_something(&l->url) &&
           !tracker_place_is_anchor(&w->place, w->at) &&
           (says_opened(l->url.path) ||
            (!has_picture_name(l->url.path) && counts_clicks(w, l->url.host)));
}

static struct fct_str folder_of(struct fct_str path)
{
    while (path.n > 0 && path.p[path.n - 1] != '/')
        path.n--;
    return path;
}

/* Another picture has a name in the folder. */
static bool shares_folder(struct walk *w, const struct fct_link *l)
{
    const struct tracker_page *page = w->page;
    struct fct_str folder = folder_of(l->url.path);

    for (size_t i = 0; i < page->links; i++) {
        const struct fct_url *other = &page->link[i].url;

        if (page->link[i].from == FCT_LINK_IMAGE && same_text(other->host, l->url.host) &&
            has_picture_name(other->path) && !same_text(other->path, l->url.path) &&
            same_text(folder_of(other->path), folder))
            return true;
    }
    return false;
}

/* A number that is the folder's, in which other pictures of the page lie, too, is nobody's: so are
 * spacers where a sender's pictures have a folder of their own. */
static bool has_own_number(struct walk *w, const struct fct_link *l)
{
    struct fct_str path = l->url.path, folder = folder_of(path);

    if (l->url.query.n > 0 || !has_picture_name(path))
        return names_something(&l->url);
    if (!tracker_has_id(path) || tracker_has_id(tracker_part(path, folder.n, path.n)))
        return tracker_has_id(path);
    return w->folders++ >= FEW || !shares_folder(w, l);
}

/* What the URL and the element say, a row of the list apart. */
static void look_closer(struct walk *w, const struct fct_link *l, struct fct_str target,
                        enum tracker_shape shape, struct finding *f, int *most)
{
    const struct tracker_rules *rules = &w->page->rules;
    bool unseen = shape == TRACKER_TINY || shape == TRACKER_HIDDEN;

    if (rules->reader && names_a_reader(w->page, target))
        add_points(f, SURE, TRACKER_WHY_READER, most);
    if (rules->shape && unseen)
        add_points(f, 2, TRACKER_WHY_SHAPE, most);
    if (rules->redirects && is_open_count(w, l, shape))
        add_points(f, 2, TRACKER_WHY_HOST, most);
    /* A number alone is nothing: nearly all pictures have one. */
    if (f->points > 0 && (has_own_number(w, l) || (unseen && is_made(&l->url))))
        add_points(f, 1, TRACKER_WHY_SHAPE, most);
    if (f->points >= ENOUGH && l->from == FCT_LINK_IMAGE && is_repeated(w, l))
        f->points--;
}

static struct finding judge(struct walk *w, const struct fct_html_token *token,
                            const struct fct_link *l)
{
    const struct tracker_page *page = w->page;
    char room[TARGET_ROOM];
    struct fct_str target = tracker_link_target(page->tools, &l->url, room, sizeof room);
    struct finding f = {.why = TRACKER_WHY_REMOTE};
    enum tracker_shape shape;
    int most = 0;

    if (!target.p)
        return f;
    f.row = tracker_list_find(page->list, page->tools->memo, TRACKER_PIXEL, l->url.host, target);
    f.off = f.row && f.row->off;
    if (!f.row && page->level < TRACKER_STANDARD)
        return f;
    shape = shape_of(w, token, l);
    f.shown = shape != TRACKER_TINY && shape != TRACKER_HIDDEN;
    if (f.row)
        add_points(&f, f.row->anywhere && shape == TRACKER_SEEN ? SURE - 1 : SURE, TRACKER_WHY_LIST,
                   &most);
    if (page->level >= TRACKER_STANDARD)
        look_closer(w, l, target, shape, &f, &most);
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

/* Spaces behind the attribute, so that the link's edits make a multiple of three. */
static void keep_thirds(struct walk *w, const struct fct_html_token *token,
                        const struct fct_link *l, size_t from)
{
    static const struct fct_str spaces[] = {FCT_STR_INIT(""), FCT_STR_INIT(" "),
                                            FCT_STR_INIT("  ")};
    const struct tracker_page *page = w->page;
    const struct fct_html_attribute *a = tracker_attribute_at(token, l->offset);
    size_t removed = 0, end;

    if (!page->thirds || !a || token->kind != FCT_HTML_START)
        return;
    for (size_t i = from; i < w->out->n; i++)
        removed += w->out->edit[i].length + 2 * w->out->edit[i].with.n;
    end = a->offset + a->length;
    if (removed % 3 > 0 && end <= page->bytes.n)
        tracker_edits_add(w->out, page->tools,
                          &(struct tracker_edit){.offset = end,
                                                 .with = spaces[removed % 3],
                                                 .why = w->out->edit[from].why,
                                                 .company = {"", 0},
                                                 .host = l->url.host,
                                                 .more = true});
}

static void clean_link(struct walk *w, const struct fct_html_token *token, const struct fct_link *l)
{
    const struct tracker_page *page = w->page;
    size_t from = w->out->n;
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
                  tracker_link_cut(page->list, page->tools->memo, l->url.host, raw, html, cut,
                                   FCT_COUNT(cut)));
    }
    if (w->out->n > from)
        keep_thirds(w, token, l, from);
}

/* ---- the walk ---- */

static void clean_load(struct walk *w, const struct fct_html_token *token, const struct fct_link *l)
{
    struct tracker_inside inside;
    struct finding f;
    bool sure;

    if (token && token->kind == FCT_HTML_COMMENT &&
        tracker_inside(w->page->bytes, token->offset + 4, token->offset + token->length, l->offset,
                       &inside))
        token = &inside.tag;
    f = judge(w, token, l);
    sure = f.points >= ENOUGH && !f.off;

    if (sure || w->page->level == TRACKER_STRICT)
        tracker_remove(
            w->page, w->out, token, l,
            &(struct tracker_edit){.why = sure ? f.why : TRACKER_WHY_REMOTE,
                                   .company = f.row ? f.row->company : (struct fct_str){"", 0},
                                   .host = l->url.host,
                                   .shown = f.shown && !f.row && f.points <= 0});
}

static bool loads(const struct fct_link *l)
{
    static const struct fct_str quiet[] = {FCT_STR_INIT("cite"), FCT_STR_INIT("longdesc"),
                                           FCT_STR_INIT("profile"), FCT_STR_INIT("classid")};

    for (size_t i = 0; i < FCT_COUNT(quiet); i++)
        if (same_text(l->attribute, quiet[i]))
            return false;
    return !is_click(l) && l->from != FCT_LINK_TEXT && !view_is(l->tag, "base");
}

/* Links of this token; the next one begins where it ends. */
static size_t clean_token(struct walk *w, size_t i, size_t at)
{
    const struct tracker_page *page = w->page;
    const struct fct_html_token *t = &page->token[i];
    size_t end = t->offset + t->length;

    w->at = i;
    for (; at < page->links && page->link[at].offset < end; at++) {
        const struct fct_link *l = &page->link[at];

        if (l->length > page->bytes.n || l->offset > page->bytes.n - l->length)
            continue;
        if (loads(l))
            clean_load(w, l->offset >= t->offset ? t : NULL, l);
        else
            clean_link(w, l->offset >= t->offset ? t : NULL, l);
    }
    if (page->level == TRACKER_STRICT)
        tracker_strict_token(page, &w->strict, i, w->out);
    return at;
}

/* Where it begins: most tokens have none. */
static size_t next_link(const struct tracker_page *page, size_t at)
{
    return at < page->links ? page->link[at].offset : SIZE_MAX;
}

void tracker_page_clean(const struct tracker_page *page, struct tracker_edits *out)
{
    struct walk w = {.page = page, .out = out, .place = {.token = page->token}};
    size_t at = 0, before = out->n, next = next_link(page, at);

    if (page->level == TRACKER_OFF)
        return;
    if (page->tools->memo)
        *page->tools->memo = (struct tracker_memo){0};
    for (size_t i = 0; i < page->tokens; i++) {
        const struct fct_html_token *t = &page->token[i];

        if (next < t->offset + t->length || page->level == TRACKER_STRICT) {
            at = clean_token(&w, i, at);
            next = next_link(page, at);
        }
    }
    for (; at < page->links; at++)
        if (page->link[at].from == FCT_LINK_TEXT && page->link[at].length <= page->bytes.n &&
            page->link[at].offset <= page->bytes.n - page->link[at].length)
            clean_link(&w, NULL, &page->link[at]);
    tracker_edits_settle(out, before);
}
