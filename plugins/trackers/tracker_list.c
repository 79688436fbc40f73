/* tracker_list.c - see tracker_list.h. Rows are sorted by kind and key, and a hash table leads to
 * the first row of each key: a question costs the same however long the list is. Keys are
 *
 *   of a pixel or a redirect   the end of the host, from a whole label on, without wildcards
 *   of one for any host        the first two bytes of the path, which begins with "/"
 *   of a parameter             its name
 *
 * and empty where a wildcard stands in their place: these few rows are tried each time. */
#include "plugins/trackers/tracker_list.h"

#include "plugins/lib/view.h"
#include "plugins/trackers/tracker_glob.h"
#include <stdlib.h>

#define ROWS_MAX 100000u

/* ---- reading ---- */

static bool fails(struct fct_err *err, const char *name, unsigned line, const char *why,
                  struct fct_str what)
{
    err->class = FCT_SYNTAX;
    if (what.n > 60)
        what.n = 60;
    snprintf(err->text, sizeof err->text, "%.100s:%u: %s: \"%.*s\"", name, line, why,
             FCT_FMT(what));
    return false;
}

static struct fct_str take_word(struct fct_str *rest)
{
    size_t n = 0;

    *rest = view_trim(*rest);
    while (n < rest->n && !view_is_wsp(rest->p[n]))
        n++;
    struct fct_str word = {rest->p, n};
    view_skip(rest, n);
    return word;
}

/* What is behind the last star, from a whole label on: "open.kit*.example.com" is kept under
 * "example.com". */
static struct fct_str key_of(struct fct_str host)
{
    size_t from = host.n;

    while (from > 0 && host.p[from - 1] != '*')
        from--;
    if (from == 0)
        return host;
    while (from < host.n && host.p[from] != '.')
        from++;
    return from < host.n ? tracker_part(host, from + 1, host.n) : (struct fct_str){host.p, 0};
}

static bool is_host(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(tracker_is_alnum(s.p[i]) || strchr("-._*", s.p[i])) ||
            tracker_lower(s.p[i]) != s.p[i])
            return false;
    return s.n > 0 && s.n <= 253;
}

/* "/w" of "/wf/open"; empty when that may be anything. */
static struct fct_str head_of(struct fct_str path)
{
    bool literal = path.n >= 2 && path.p[0] == '/' && path.p[1] != '*';

    return tracker_part(path, 0, literal ? 2 : 0);
}

/* HOST/PATH, or HOST alone. */
static bool take_place(struct fct_str *rest, struct tracker_row *row)
{
    struct fct_str word = take_word(rest);
    size_t slash = 0;

    while (slash < word.n && word.p[slash] != '/')
        slash++;
    row->host = tracker_part(word, 0, slash);
    row->path = tracker_part(word, slash, word.n);
    row->key = key_of(row->host);
    row->anywhere = row->key.n == 0;
    if (row->anywhere)
        row->key = head_of(row->path);
    return is_host(row->host) && row->path.n <= 200;
}

static struct tracker_row *add(struct tracker_list *list, const struct tracker_row *row)
{
    if (list->n == list->room) {
        size_t room = list->room ? 2 * list->room : 256;
        struct tracker_row *more =
            room > 2 * ROWS_MAX ? NULL : realloc(list->row, room * sizeof *more);

        if (!more)
            return NULL;
        list->row = more;
        list->room = room;
    }
    list->row[list->n] = *row;
    return &list->row[list->n++];
}

static bool read_pixel(struct tracker_list *list, struct fct_str rest, const char **why)
{
    struct tracker_row row = {.kind = TRACKER_PIXEL};

    *why = "HOST/PATH and a company are wanted";
    if (!take_place(&rest, &row))
        return false;
    row.company = view_trim(rest);
    return row.company.n > 0 && row.company.n <= 60 && add(list, &row);
}

static bool read_param(struct tracker_list *list, struct fct_str rest, const char **why)
{
    struct tracker_row row = {.kind = TRACKER_PARAM, .path = take_word(&rest)};

    *why = "a parameter's name and hosts are wanted";
    if (row.path.n == 0 || row.path.n > 100)
        return false;
    do {
        row.host = take_word(&rest);
        if (row.host.n == 0)
            row.host = (struct fct_str){"*", 1};
        row.key = tracker_part(row.path, 0, memchr(row.path.p, '*', row.path.n) ? 0 : row.path.n);
        if (!is_host(row.host) || !add(list, &row))
            return false;
        rest = view_trim(rest);
    } while (rest.n > 0);
    return true;
}

static bool read_unwrap(struct tracker_list *list, struct fct_str rest, const char **why)
{
    static const char *const how[] = {"query", "base64", "segment", "segment64", "rest"};
    struct tracker_row row = {.kind = TRACKER_UNWRAP};
    struct fct_str word;
    unsigned i = 0;

    *why = "HOST/PATH, query, base64, segment, segment64 or rest, and what of it are wanted";
    if (!take_place(&rest, &row))
        return false;
    for (word = take_word(&rest); i < FCT_COUNT(how) && !view_is(word, how[i]);)
        i++;
    row.how = (enum tracker_how)i;
    row.what = take_word(&rest);
    row.scheme = take_word(&rest);
    if (i == FCT_COUNT(how) || row.what.n == 0 || view_trim(rest).n > 0)
        return false;
    if (row.how >= TRACKER_SEGMENT) {
        if (row.what.n != 1 || row.what.p[0] < '1' || row.what.p[0] > '9')
            return false;
        row.segment = (unsigned)(row.what.p[0] - '0');
    }
    return add(list, &row);
}

static bool read_version(struct tracker_list *list, struct fct_str rest, const char **why)
{
    *why = "one word of up to 30 bytes is wanted";
    rest = view_trim(rest);
    for (size_t i = 0; i < rest.n; i++)
        if (rest.p[i] <= ' ' || rest.p[i] > '~' || rest.p[i] == ';')
            return false;
    if (list->version.n == 0) /* additions keep the name of the list they add to */
        list->version = rest;
    return rest.n > 0 && rest.n <= 30;
}

static const struct {
    const char *word;
    bool (*read)(struct tracker_list *list, struct fct_str rest, const char **why);
} kinds[] = {
    {"pixel", read_pixel},
    {"param", read_param},
    {"unwrap", read_unwrap},
    {"version", read_version},
};

static bool read_line(struct tracker_list *list, struct fct_str line, const char **why)
{
    struct fct_str rest = line, word = take_word(&rest);

    *why = "pixel, param, unwrap or version is wanted";
    for (size_t i = 0; i < FCT_COUNT(kinds); i++)
        if (view_is(word, kinds[i].word))
            return kinds[i].read(list, rest, why);
    return false;
}

bool tracker_list_read(struct tracker_list *list, struct fct_str text, const char *name,
                       struct fct_err *err)
{
    char *copy = list->texts < FCT_COUNT(list->text) ? malloc(text.n + 1) : NULL;
    struct fct_str rest, line;
    const char *why;

    if (!copy)
        return fails(err, name, 0, "too many files, or no memory", (struct fct_str){name, 0});
    if (text.n > 0)
        memcpy(copy, text.p, text.n);
    copy[text.n] = 0;
    list->text[list->texts++] = copy;
    rest = (struct fct_str){copy, text.n};
    for (unsigned n = 1; view_split(&rest, '\n', &line); n++) {
        line = view_trim(line);
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line = view_trim(tracker_part(line, 0, line.n - 1));
        if (line.n > 0 && line.p[0] != '#' && !read_line(list, line, &why))
            return fails(err, name, n, why, line);
    }
    return true;
}

void tracker_list_free(struct tracker_list *list)
{
    for (size_t i = 0; i < list->texts; i++)
        free(list->text[i]);
    free(list->row);
    free(list->slot);
    *list = (struct tracker_list){0};
}

bool tracker_list_switch_off(struct tracker_list *list, struct fct_str company)
{
    bool found = false;

    for (size_t i = 0; i < list->n; i++)
        if (list->row[i].kind == TRACKER_PIXEL && tracker_same(list->row[i].company, company))
            list->row[i].off = found = true;
    return found;
}

/* ---- order ---- */

static int compare_text(struct fct_str a, struct fct_str b)
{
    for (size_t i = 0; i < a.n && i < b.n; i++) {
        int by = tracker_lower(a.p[i]) - tracker_lower(b.p[i]);

        if (by)
            return by;
    }
    return a.n < b.n ? -1 : a.n > b.n;
}

static bool same_key(const struct tracker_row *a, const struct tracker_row *b)
{
    return a->kind == b->kind && tracker_same(a->key, b->key);
}

/* Longer hosts and paths first: the more exact row answers. */
static int compare_rows(const void *a, const void *b)
{
    const struct tracker_row *x = a, *y = b;
    int by = x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : compare_text(x->key, y->key);

    if (by)
        return by;
    if (x->host.n != y->host.n)
        return x->host.n > y->host.n ? -1 : 1;
    if (x->path.n != y->path.n)
        return x->path.n > y->path.n ? -1 : 1;
    by = memcmp(x->path.p, y->path.p, x->path.n);
    return by ? by : memcmp(x->host.p, y->host.p, x->host.n);
}

/* FNV-1a, from the end on: the hash of a host's end is on the way to the host's own. The list is
 * the admin's, so nobody chooses keys that fall together. */
static uint32_t hash_more(uint32_t hash, char c)
{
    return (hash ^ (unsigned char)tracker_lower(c)) * 16777619u;
}

static uint32_t hash_start(enum tracker_row_kind kind)
{
    return 2166136261u + kind;
}

static uint32_t hash_key(enum tracker_row_kind kind, struct fct_str key)
{
    uint32_t hash = hash_start(kind);

    for (size_t i = key.n; i > 0; i--)
        hash = hash_more(hash, key.p[i - 1]);
    return hash;
}

static size_t slot_of(const struct tracker_list *list, uint32_t hash)
{
    return (hash ^ hash >> 15) & list->mask;
}

/* The first row with that key; list->n: none. */
static size_t first_of(const struct tracker_list *list, enum tracker_row_kind kind,
                       struct fct_str key, uint32_t hash)
{
    for (size_t at = slot_of(list, hash); list->slot[at]; at = (at + 1) & list->mask) {
        size_t i = list->slot[at] - 1;

        if (list->row[i].kind == kind && tracker_same(list->row[i].key, key))
            return i;
    }
    return list->n;
}

bool tracker_list_sort(struct tracker_list *list)
{
    size_t slots = 64;

    if (list->n > 1)
        qsort(list->row, list->n, sizeof *list->row, compare_rows);
    while (slots < 3 * list->n)
        slots *= 2;
    free(list->slot);
    list->slot = calloc(slots, sizeof *list->slot);
    list->mask = slots - 1;
    for (size_t i = 0; list->slot && i < list->n; i++) {
        const struct tracker_row *row = &list->row[i];
        size_t at = slot_of(list, hash_key(row->kind, row->key));

        if (i > 0 && same_key(row, row - 1))
            continue;
        while (list->slot[at])
            at = (at + 1) & list->mask;
        list->slot[at] = (uint32_t)i + 1;
    }
    for (unsigned kind = 0; list->slot && kind < FCT_COUNT(list->wild); kind++)
        list->wild[kind] = first_of(list, kind, (struct fct_str){"", 0}, hash_start(kind));
    return list->slot;
}

/* ---- looking up ---- */

/* host: lower case; the pattern may be its end, from a whole label on. */
static bool host_fits(struct fct_str pattern, struct fct_str host)
{
    if (pattern.n == 1 && *pattern.p == '*')
        return true;
    if (!memchr(pattern.p, '*', pattern.n))
        return host.n >= pattern.n &&
               memcmp(host.p + host.n - pattern.n, pattern.p, pattern.n) == 0 &&
               (host.n == pattern.n || host.p[host.n - pattern.n - 1] == '.');
    for (size_t at = 0; at < host.n;) {
        if (tracker_glob(pattern, tracker_part(host, at, host.n)))
            return true;
        while (at < host.n && host.p[at] != '.')
            at++;
        at++;
    }
    return false;
}

static bool has_parameter(struct fct_str target, struct fct_str name)
{
    struct fct_str rest = target, pair, key;

    if (!view_split(&rest, '?', &pair))
        return false;
    while (view_split(&rest, '&', &pair))
        if (view_split(&pair, '=', &key) && tracker_same(key, name))
            return true;
    return false;
}

/* Some redirects have their target in one of several parameters, each a row of its own. */
static bool is_without(const struct tracker_row *row, struct fct_str target)
{
    return row->kind == TRACKER_UNWRAP && row->how < TRACKER_SEGMENT &&
           !has_parameter(target, row->what);
}

static bool target_fits(const struct tracker_row *row, struct fct_str target)
{
    if (row->path.n > 0 && target.n > 0 && *row->path.p != '*' &&
        tracker_lower(*row->path.p) != tracker_lower(*target.p))
        return false;
    return row->kind == TRACKER_PARAM ? tracker_glob(row->path, target)
                                      : tracker_glob_head(row->path, target);
}

/* `first`, or list->n, and the rows behind it that have the same key. */
static const struct tracker_row *find_from(const struct tracker_list *list, size_t first,
                                           struct fct_str host, struct fct_str target)
{
    for (size_t i = first; i < list->n; i++) {
        const struct tracker_row *row = &list->row[i];

        if (i > first && !same_key(row, row - 1))
            return NULL;
        if (target_fits(row, target) && host_fits(row->host, host) && !is_without(row, target))
            return row;
    }
    return NULL;
}

/* From the last label on; the longest end of the host that has a row that fits answers. `known`:
 * the rows these ends lead to, too. */
static const struct tracker_row *find_host(const struct tracker_list *list,
                                           struct tracker_known_host *known, struct fct_str target)
{
    const struct tracker_row *found = NULL, *row;
    uint32_t hash = hash_start(known->kind);
    struct fct_str host = known->host;

    for (size_t at = host.n; at > 0; at--) {
        hash = hash_more(hash, host.p[at - 1]);
        if (at > 1 && host.p[at - 2] != '.')
            continue;
        size_t first = first_of(list, known->kind, tracker_part(host, at - 1, host.n), hash);

        if (first == list->n)
            continue;
        if (known->n < FCT_COUNT(known->first))
            known->first[known->n] = first;
        known->n++;
        row = find_from(list, first, host, target);
        found = row ? row : found;
    }
    return found;
}

static const struct tracker_row *find_known(const struct tracker_list *list,
                                            const struct tracker_known_host *known,
                                            struct fct_str target)
{
    const struct tracker_row *row = NULL;

    for (size_t i = known->n; i > 0 && !row; i--)
        row = find_from(list, known->first[i - 1], known->host, target);
    return row;
}

static bool same_bytes(struct fct_str a, struct fct_str b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static const struct tracker_row *find_by_host(const struct tracker_list *list,
                                              struct tracker_memo *memo, enum tracker_row_kind kind,
                                              struct fct_str host, struct fct_str target)
{
    struct tracker_known_host known = {.kind = kind, .host = host};
    const struct tracker_row *row;

    for (size_t i = 0; memo && i < FCT_COUNT(memo->host); i++)
        if (memo->host[i].kind == kind && host.n > 0 && same_bytes(memo->host[i].host, host))
            return find_known(list, &memo->host[i], target);
    row = find_host(list, &known, target);
    if (memo && known.n <= FCT_COUNT(known.first))
        memo->host[memo->hosts++ % FCT_COUNT(memo->host)] = known;
    return row;
}

const struct tracker_row *tracker_list_find(const struct tracker_list *list,
                                            struct tracker_memo *memo, enum tracker_row_kind kind,
                                            struct fct_str host, struct fct_str target)
{
    struct fct_str head = tracker_part(target, 0, target.n < 2 ? target.n : 2);
    const struct tracker_row *row =
        host.n <= 253 ? find_by_host(list, memo, kind, host, target) : NULL;

    if (!row && head.n == 2)
        row = find_from(list, first_of(list, kind, head, hash_key(kind, head)), host, target);
    return row ? row : find_from(list, list->wild[kind], host, target);
}

static bool strips(const struct tracker_list *list, struct fct_str host, struct fct_str name)
{
    size_t first = first_of(list, TRACKER_PARAM, name, hash_key(TRACKER_PARAM, name));

    return find_from(list, first, host, name) ||
           find_from(list, list->wild[TRACKER_PARAM], host, name);
}

/* Names of one family ("utm_source", "utm_medium") differ in the middle and at the end. */
static size_t name_slot(struct fct_str name)
{
    return name.n + (unsigned char)name.p[name.n / 2] + 4u * (unsigned char)name.p[name.n - 1];
}

bool tracker_list_strips(const struct tracker_list *list, struct tracker_memo *memo,
                         struct fct_str host, struct fct_str name)
{
    struct tracker_known_name *known;

    if (name.n == 0 || name.n > 100)
        return false;
    if (!memo)
        return strips(list, host, name);
    known = &memo->name[name_slot(name) % FCT_COUNT(memo->name)];
    if (!same_bytes(known->name, name) || !same_bytes(known->host, host))
        *known = (struct tracker_known_name){host, name, strips(list, host, name)};
    return known->strips;
}
