/* lua_html_text.c - what a page says, as text: for m.text, m.html.text and patterns{}.
 *
 * Many rules ask for the same text: that of the last page is kept. The page's bytes are compared,
 * so that nobody needs to know when a message ends. */
#include "lua_engine.h"
#include "lua_html.h"

#include <stdlib.h>

#define KEPT_LONGEST (size_t)(256 * 1024)

struct lua_page {
    char *source, *text;
    size_t nsource, ntext;
    bool known;    /* source is the page of the text */
    int reference; /* the text as a Lua string; 0: none yet */
};

/* ---- making it ---- */

static bool is_one_of(struct fct_str name, const struct fct_str *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (name.n == words[i].n && memcmp(name.p, words[i].p, name.n) == 0)
            return true;
    return false;
}

/* Their content is not for reading. */
static bool is_silent(struct fct_str name)
{
    static const struct fct_str names[] = {FCT_STR_INIT("script"),   FCT_STR_INIT("style"),
                                           FCT_STR_INIT("template"), FCT_STR_INIT("title"),
                                           FCT_STR_INIT("noscript"), FCT_STR_INIT("head")};

    return is_one_of(name, names, FCT_COUNT(names));
}

static bool breaks_line(struct fct_str name)
{
    static const struct fct_str names[] = {
        FCT_STR_INIT("br"), FCT_STR_INIT("p"),         FCT_STR_INIT("div"),   FCT_STR_INIT("tr"),
        FCT_STR_INIT("li"), FCT_STR_INIT("h1"),        FCT_STR_INIT("h2"),    FCT_STR_INIT("h3"),
        FCT_STR_INIT("h4"), FCT_STR_INIT("ul"),        FCT_STR_INIT("table"), FCT_STR_INIT("ol"),
        FCT_STR_INIT("hr"), FCT_STR_INIT("blockquote")};

    return is_one_of(name, names, FCT_COUNT(names));
}

struct text {
    char *p;
    size_t n, size, most;
    bool space, line;
};

static bool reserve(struct text *t, size_t n)
{
    size_t size = 2 * t->size + n + 4096;
    char *p;

    if (n <= t->size - t->n)
        return true;
    p = realloc(t->p, size);
    if (!p)
        return false;
    t->p = p;
    t->size = size;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

/* Never more bytes than there are, and one for a space before. */
static bool put_text(struct text *t, struct fct_str s)
{
    size_t n = t->n;
    char *out;

    if (!reserve(t, s.n + 1))
        return false;
    out = t->p;
    for (size_t i = 0; i < s.n && n < t->most; i++) {
        if (is_blank(s.p[i])) {
            t->space = true;
            continue;
        }
        if (n > 0 && (t->line || t->space))
            out[n++] = t->line ? '\n' : ' ';
        t->line = t->space = false;
        out[n++] = s.p[i];
    }
    t->n = n;
    return true;
}

static bool make(const struct fct_host *host, struct fct_call *call, const struct fct_part *part,
                 struct text *text)
{
    struct fct_str silent = {NULL, 0};
    const struct fct_html_token *t;
    struct lua_html_walk w;

    lua_html_start(&w, host, call, part);
    while ((t = lua_html_next(&w)) && text->n < text->most) {
        if (t->kind == FCT_HTML_TEXT && !silent.p && !put_text(text, t->text))
            return false;
        if (t->kind != FCT_HTML_START && t->kind != FCT_HTML_END)
            continue;
        text->line = text->line || breaks_line(t->name);
        if (t->kind == FCT_HTML_START && !silent.p && is_silent(t->name) && !t->self_closing)
            silent = t->name;
        /* <head> may be left open: a body ends it. */
        else if (silent.p && ((t->kind == FCT_HTML_END && t->name.n == silent.n &&
                               memcmp(t->name.p, silent.p, silent.n) == 0) ||
                              (lua_str_is(silent, "head") && lua_str_is(t->name, "body"))))
            silent = (struct fct_str){NULL, 0};
    }
    return true;
}

/* ---- keeping it ---- */

/* The page that is the whole of a message's HTML; NULL: there are several, or none. */
static const struct fct_part *only_page(const struct fct_host *host, struct fct_call *call)
{
    const struct fct_part *part, *page = NULL;
    size_t n = host->parts(call, &part);

    for (size_t i = 0; i < n; i++)
        if (lua_part_is(&part[i], "text/html")) {
            if (page)
                return NULL;
            page = &part[i];
        }
    return page;
}

static void remember(struct lua_page *page, struct fct_str source)
{
    char *copy = source.n > 0 && source.n <= KEPT_LONGEST ? realloc(page->source, source.n) : NULL;

    page->known = copy != NULL;
    if (!copy)
        return;
    memcpy(copy, source.p, source.n);
    page->source = copy;
    page->nsource = source.n;
}

static struct lua_page *page_of(struct lua_engine *e)
{
    if (!e->page)
        e->page = calloc(1, sizeof *e->page);
    return e->page;
}

bool lua_html_text(struct lua_engine *e, struct fct_call *call, const struct fct_part *part,
                   struct fct_str *out)
{
    struct lua_page *page = page_of(e);
    struct text text = {.most = (size_t)e->conf->text_limit.bytes};
    struct fct_str source = {"", 0};

    part = part ? part : only_page(e->host, call);
    if (!page)
        return false;
    if (part)
        source = e->host->part_text(call, part);
    if (!page->known || source.n != page->nsource ||
        memcmp(source.p, page->source, source.n) != 0) {
        if (!make(e->host, call, part, &text)) {
            free(text.p);
            return false;
        }
        free(page->text);
        page->text = text.p;
        page->ntext = text.n;
        page->reference = page->reference > 0 ? -page->reference : page->reference;
        remember(page, source);
    }
    *out = (struct fct_str){page->text ? page->text : "", page->ntext};
    return true;
}

/* A reference below zero is a place in the registry that has an older text. */
void lua_html_text_push(lua_State *L, const struct fct_part *part)
{
    struct lua_engine *e = lua_engine_of(L);
    struct fct_str text;

    if (!lua_html_text(e, lua_running->host, part, &text) ||
        !lua_memory_fits(lua_running, text.n)) {
        luaL_error(L, "not enough memory");
        return;
    }
    if (e->page->reference > 0) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, e->page->reference);
        return;
    }
    lua_str_push(L, text);
    lua_pushvalue(L, -1);
    if (e->page->reference < 0) {
        lua_rawseti(L, LUA_REGISTRYINDEX, -e->page->reference);
        e->page->reference = -e->page->reference;
    } else {
        e->page->reference = luaL_ref(L, LUA_REGISTRYINDEX);
    }
}

void lua_page_free(struct lua_engine *e)
{
    if (e->page) {
        free(e->page->source);
        free(e->page->text);
    }
    free(e->page);
    e->page = NULL;
}
