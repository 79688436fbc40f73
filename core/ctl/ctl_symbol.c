/* ctl_symbol.c - see ctl_symbol.h. A filter with the configuration knows: plugins declare symbols
 * while they start. */
#include "core/ctl/ctl_symbol.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/ctl/ctl_output.h"
#include "core/hook/filter_client.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX (16u << 20)
#define READY_MS 10000u

/* What one filter says of itself; the others say the same. NULL: err. */
static json_t *ask_filter(struct ctl *c, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);
    json_t *all, *first;

    if (!filter_ready(c->filter, clock_ms() + READY_MS) ||
        !filter_describe(c->filter, FILTER_JSON, &text, err)) {
        if (!err->text[0])
            (void)fct_fail(err, FCT_TEMP, "the filter does not answer");
        return NULL;
    }
    all = json_loadb(text.p, text.n, 0, NULL);
    first = json_incref(json_array_get(all, 0));
    json_decref(all);
    if (!first)
        (void)fct_fail(err, FCT_BUG, "the filter's answer cannot be read");
    return first;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static struct fct_str score_of(struct ctl *c, const json_t *object, const char *key)
{
    return arena_printf(c->arena, "%g", json_number_value(json_object_get(object, key)));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(text_of(*(json_t *const *)a, "name"), text_of(*(json_t *const *)b, "name"));
}

/* In order of their names. */
static json_t **sorted(struct ctl *c, const json_t *symbols, size_t *n)
{
    json_t **list = ARENA_ARRAY(c->arena, json_t *, json_array_size(symbols) + 1);

    *n = json_array_size(symbols);
    for (size_t i = 0; i < *n; i++)
        list[i] = json_array_get(symbols, i);
    qsort(list, *n, sizeof *list, by_name);
    return list;
}

/* ---- where it is written ---- */

static bool is_name_char(int ch)
{
    return isalnum((unsigned char)ch) || ch == '_';
}

static bool names(const char *line, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = line; (at = strstr(at, name)); at++)
        if ((at == line || !is_name_char(at[-1])) && !is_name_char(at[n]))
            return true;
    return false;
}

/* The first line from `line` on that names it; 0: none, or the file cannot be read. */
static unsigned long line_of(const char *path, unsigned long line, const char *name)
{
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t room = 0;
    unsigned long found = 0;

    for (unsigned long at = 1; f && !found && getline(&text, &room, f) >= 0; at++)
        found = at >= line && names(text, name) ? at : 0;
    free(text);
    if (f)
        (void)fclose(f);
    return found;
}

/* Of patterns { A = …, B = … } Lua knows where the table begins only. */
static void set_own_line(struct ctl *c, json_t *symbol)
{
    const char *origin = text_of(symbol, "origin"), *colon = strrchr(origin, ':');
    struct fct_str path = {origin, colon ? (size_t)(colon - origin) : 0};
    unsigned long line = 0;

    if (str_ends_nocase(path, FCT_STR(".lua")))
        line = line_of(arena_cstr(c->arena, path), strtoul(colon + 1, NULL, 10),
                       text_of(symbol, "name"));
    if (line > 0)
        json_object_set_new(symbol, "origin",
                            json_string(arena_printf(c->arena, "%.*s:%lu", FCT_FMT(path), line).p));
}

/* ---- list ---- */

/* What `profile default` makes of it. */
static struct fct_str used_score(struct ctl *c, const json_t *symbol)
{
    const json_t *overrides = json_object_get(symbol, "overrides");

    for (size_t i = 0; i < json_array_size(overrides); i++) {
        const json_t *o = json_array_get(overrides, i);

        if (strcmp(text_of(o, "profile"), "default") == 0)
            return json_object_get(o, "disabled") ? FCT_STR("off") : score_of(c, o, "score");
    }
    return score_of(c, symbol, "score");
}

static void print_list(struct ctl *c, json_t *const *list, size_t n)
{
    struct ctl_table t = {.arena = c->arena,
                          .column = {"SYMBOL", "SCORE>", "GROUP", "PLUGIN", "ABOUT"},
                          .columns = 5};
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);

    for (size_t i = 0; i < n; i++)
        ctl_table_row(&t, (const struct fct_str[]){str_from(text_of(list[i], "name")),
                                                   used_score(c, list[i]),
                                                   str_from(text_of(list[i], "group")),
                                                   str_from(text_of(list[i], "plugin")),
                                                   str_from(text_of(list[i], "doc"))});
    ctl_table_print(&t, ctl_wants_colour(), &text);
    ctl_print(&text);
}

/* ---- show ---- */

static void put_line(const char *what, const char *value, struct buf *out)
{
    if (!*value)
        return;
    buf_printf(out, "  %-12s", what);
    ctl_put_safe(str_from(value), out);
    buf_put_char(out, '\n');
}

static void put_override(struct ctl *c, const json_t *o, struct buf *out)
{
    struct fct_str says = json_object_get(o, "disabled")
                              ? FCT_STR("does not count")
                              : arena_printf(c->arena, "%.*s", FCT_FMT(score_of(c, o, "score")));
    const char *where = text_of(o, "where");

    put_line("profile",
             arena_printf(c->arena, "%s: %.*s%s%s%s", text_of(o, "profile"), FCT_FMT(says),
                          *where ? "  (" : "", where, *where ? ")" : "")
                 .p,
             out);
}

static void put_caps(struct ctl *c, const json_t *caps, const char *group, struct buf *out)
{
    for (size_t i = 0; i < json_array_size(caps); i++) {
        const json_t *cap = json_array_get(caps, i);
        bool least = json_object_get(cap, "least") != NULL;

        if (strcmp(text_of(cap, "group"), group) != 0)
            continue;
        put_line("group limit",
                 arena_printf(c->arena, "%s: %s%.*s%s%.*s  (%s)", text_of(cap, "profile"),
                              least ? "" : "at most ",
                              FCT_FMT(least ? score_of(c, cap, "least") : FCT_STR("")),
                              least ? " to " : "", FCT_FMT(score_of(c, cap, "most")),
                              text_of(cap, "where"))
                     .p,
                 out);
    }
}

static void put_symbol(struct ctl *c, const json_t *s, const json_t *caps, struct buf *out)
{
    const char *bold = ctl_wants_colour() ? CTL_BOLD : "", *plain = *bold ? CTL_PLAIN : "";
    const json_t *overrides = json_object_get(s, "overrides");

    buf_printf(out, "%s%s%s\n", bold, text_of(s, "name"), plain);
    put_line("about", text_of(s, "doc"), out);
    put_line("score", score_of(c, s, "score").p, out);
    put_line("group", text_of(s, "group"), out);
    put_line("made of", text_of(s, "expression"), out);
    put_line("plugin", text_of(s, "plugin"), out);
    put_line("origin", text_of(s, "origin"), out);
    for (size_t i = 0; i < json_array_size(overrides); i++)
        put_override(c, json_array_get(overrides, i), out);
    put_caps(c, caps, text_of(s, "group"), out);
}

static json_t *find(json_t *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(text_of(list[i], "name"), name) == 0)
            return list[i];
    return NULL;
}

static int unknown(struct ctl *c, json_t *const *list, size_t n, const char *name)
{
    const char **names = ARENA_ARRAY(c->arena, const char *, n + 1), *near;
    struct fct_err err = {0};

    for (size_t i = 0; i < n; i++)
        names[i] = text_of(list[i], "name");
    near = ctl_nearest(name, names, n);
    (void)fct_fail(&err, FCT_DENIED, "no enabled plugin or rule declares %s%s%s%s", name,
                   near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    return ctl_error(&err);
}

static int show(struct ctl *c, const json_t *filter, json_t *const *list, size_t n)
{
    const json_t *caps = json_object_get(filter, "group_caps");
    json_t *one = c->words > 0 ? find(list, n, c->word[0]) : NULL;
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);

    if (c->words > 0 && !one)
        return unknown(c, list, n, c->word[0]);
    for (size_t i = 0; i < n; i++)
        if (!one || one == list[i])
            set_own_line(c, list[i]);
    if (c->json) {
        ctl_print_json(one ? json_deep_copy(one)
                           : json_deep_copy(json_object_get(filter, "symbols")));
        return CTL_OK;
    }
    if (one)
        put_symbol(c, one, caps, &text);
    for (size_t i = 0; !one && i < n; i++)
        put_symbol(c, list[i], caps, &text);
    ctl_print(&text);
    return CTL_OK;
}

int ctl_symbol_show(struct ctl *c)
{
    struct fct_err err = {0};
    json_t *filter = ask_filter(c, &err), **list;
    int status;
    size_t n;

    if (!filter)
        return ctl_error(&err);
    list = sorted(c, json_object_get(filter, "symbols"), &n);
    status = show(c, filter, list, n);
    json_decref(filter);
    return status;
}

int ctl_symbol_list(struct ctl *c)
{
    struct fct_err err = {0};
    json_t *filter = ask_filter(c, &err), **list;
    size_t n;

    if (!filter)
        return ctl_error(&err);
    list = sorted(c, json_object_get(filter, "symbols"), &n);
    if (c->json)
        ctl_print_json(json_deep_copy(json_object_get(filter, "symbols")));
    else
        print_list(c, list, n);
    json_decref(filter);
    return CTL_OK;
}
