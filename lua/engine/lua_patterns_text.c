/* lua_patterns_text.c - the text of a target: made once per message, for all patterns of all files.
 */
#include "lua_patterns_int.h"

#include <stdlib.h>

/* Room for so many bytes more. False: no memory. */
static bool reserve(struct pattern_text *t, size_t n)
{
    size_t size = t->n + n;
    char *p;

    if (size <= t->size)
        return true;
    size += t->size;
    p = realloc(t->p, size);
    if (!p)
        return false;
    t->p = p;
    t->size = size;
    return true;
}

/* False: full, or no memory; what is there counts. */
static bool add(struct pattern_text *t, struct fct_str s)
{
    bool all = s.n <= t->most - t->n;

    if (!all)
        s.n = t->most - t->n;
    if (!reserve(t, s.n))
        return false;
    if (s.n > 0)
        memcpy(t->p + t->n, s.p, s.n);
    t->n += s.n;
    return all;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A line end inside a paragraph is a space; an empty line stays one. So a phrase is found however
 * it was wrapped. */
static bool add_unwrapped(struct pattern_text *t, struct fct_str s)
{
    char *out;

    if (s.n > t->most - t->n)
        s.n = t->most - t->n;
    if (!reserve(t, s.n))
        return false;
    out = t->p + t->n;
    for (size_t i = 0; i < s.n;) {
        size_t lines = 0, begin;

        while (i < s.n && !is_blank(s.p[i]))
            *out++ = s.p[i++];
        for (begin = i; i < s.n && is_blank(s.p[i]); i++)
            lines += s.p[i] == '\n';
        if (i > begin)
            *out++ = lines > 1 ? '\n' : ' ';
    }
    t->n = (size_t)(out - t->p);
    return add(t, FCT_STR("\n"));
}

static void make_text(struct lua_engine *e, struct fct_call *call, struct pattern_text *t)
{
    const struct fct_part *part;
    size_t n = e->host->parts(call, &part);
    bool more = true;

    for (size_t i = 0; i < n && more; i++) {
        struct fct_str page;

        if (lua_part_is(&part[i], "text/plain"))
            more = add_unwrapped(t, e->host->part_text(call, &part[i]));
        else if (lua_part_is(&part[i], "text/html") && lua_html_text(e, call, &part[i], &page))
            more = add_unwrapped(t, page);
    }
}

static void make_subject(struct lua_engine *e, struct fct_call *call, struct pattern_text *t)
{
    const struct fct_host *host = e->host;
    const struct fct_header *h = host->header(call, "Subject", 0);

    if (h)
        (void)add(t, host->header_text(call, h));
}

/* "Name: decoded value", one per line. */
static void make_headers(struct lua_engine *e, struct fct_call *call, struct pattern_text *t)
{
    const struct fct_host *host = e->host;
    const struct fct_header *first;
    size_t n = host->headers(call, &first);

    for (size_t i = 0; i < n; i++)
        if (!add(t, first[i].name) || !add(t, FCT_STR(": ")) ||
            !add(t, host->header_text(call, &first[i])) || !add(t, FCT_STR("\n")))
            return;
}

static void make_html(struct lua_engine *e, struct fct_call *call, struct pattern_text *t)
{
    const struct fct_host *host = e->host;
    const struct fct_part *part;
    size_t n = host->parts(call, &part);

    for (size_t i = 0; i < n; i++)
        if (lua_part_is(&part[i], "text/html") && !add(t, host->part_text(call, &part[i])))
            return;
}

/* One per line. */
static void make_urls(struct lua_engine *e, struct fct_call *call, struct pattern_text *t)
{
    const struct fct_host *host = e->host;
    const struct fct_link *first;
    size_t n = FCT_HAS(host, links) && host->links ? host->links(call, &first) : 0;

    for (size_t i = 0; i < n; i++)
        if (!add(t, first[i].url.text) || !add(t, FCT_STR("\n")))
            return;
}

static void make_raw(struct lua_engine *e, struct fct_call *call, struct pattern_text *t)
{
    const struct fct_host *host = e->host;
    (void)add(t, host->raw(call));
}

static const struct {
    const char *name;
    void (*make)(struct lua_engine *e, struct fct_call *call, struct pattern_text *t);
} targets[TARGETS] = {
    [TARGET_TEXT] = {"text", make_text},          [TARGET_SUBJECT] = {"subject", make_subject},
    [TARGET_HEADERS] = {"headers", make_headers}, [TARGET_HTML] = {"html", make_html},
    [TARGET_URLS] = {"urls", make_urls},          [TARGET_RAW] = {"raw", make_raw},
};

const char *pattern_target_name(enum target target)
{
    return targets[target].name;
}

struct lua_target *pattern_target_named(struct lua_target_set *set, const char *name)
{
    for (size_t i = 0; i < TARGETS; i++)
        if (strcmp(targets[i].name, name) == 0)
            return &set->target[i];
    return NULL;
}

void pattern_text_make(const struct lua_target *t, struct fct_call *call, struct pattern_text *out)
{
    *out = (struct pattern_text){.most = (size_t)t->engine->conf->text_limit.bytes};
    targets[t - t->set->target].make(t->engine, call, out);
}
