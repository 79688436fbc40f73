/* lua_patterns.c - patterns{}: symbols found by regular expressions, all of one target in one pass.
 *
 * One row of the plan per target, for all files: the target is made once per message. No Lua runs
 * while a message is looked at. Patterns whose words do not stand in the text are not run
 * (lua_atoms.h); costly ones are named by lint (docs/lua-api.md). */
#include "lua_patterns.h"

#include "lua_api.h"
#include "lua_atoms.h"
#include <stdlib.h>
#include <time.h>

#define DETAIL_MOST 60 /* bytes of the match that are shown */
#define SLOW_NS     INT64_C(10000000)
#define BLOCK       (size_t)1024
#define FILTER_FROM 6 /* patterns of one target: fewer cost less than reading the words */

enum target {
    TARGET_TEXT,
    TARGET_SUBJECT,
    TARGET_HEADERS,
    TARGET_HTML,
    TARGET_URLS,
    TARGET_RAW,
    TARGETS
};

struct pattern {
    struct pattern *next;
    struct lua_regex *regex;
    struct lua_atoms *atoms; /* NULL: run it always */
    struct fct_symbol declared;
    uint32_t max_hits, hits; /* hits, first, by_block: of the text at hand */
    struct fct_str first;
    bool by_block;
    const char *where;
    bool told; /* slow: the log has it */
};

struct lua_target {
    struct lua_engine *engine;
    const struct lua_target_set *set;
    struct pattern *pattern, **end;
    size_t patterns;
    struct lua_grams grams; /* of the text at hand: searching does not wait */
};

struct lua_target_set {
    struct lua_target target[TARGETS];
};

/* ---- the text of a target ---- */

struct text {
    char *p;
    size_t n, size, most;
};

/* False: full, or no memory; what is there counts. */
static bool add(struct text *t, struct fct_str s)
{
    bool all = s.n <= t->most - t->n;

    if (!all)
        s.n = t->most - t->n;
    if (t->n + s.n > t->size) {
        size_t size = 2 * t->size + s.n + 4096;
        char *p = realloc(t->p, size);

        if (!p)
            return false;
        t->p = p;
        t->size = size;
    }
    if (s.n > 0)
        memcpy(t->p + t->n, s.p, s.n);
    t->n += s.n;
    return all;
}

/* A line end inside a paragraph is a space; an empty line stays one. So a phrase is found however
 * it was wrapped. */
static bool add_unwrapped(struct text *t, struct fct_str s)
{
    for (size_t i = 0; i < s.n;) {
        size_t word = i, lines = 0;

        while (i < s.n && !memchr(" \t\r\n", s.p[i], 4))
            i++;
        if (!add(t, (struct fct_str){s.p + word, i - word}))
            return false;
        for (word = i; i < s.n && memchr(" \t\r\n", s.p[i], 4); i++)
            lines += s.p[i] == '\n';
        if (i > word && !add(t, lines > 1 ? FCT_STR("\n") : FCT_STR(" ")))
            return false;
    }
    return add(t, FCT_STR("\n"));
}

static void make_text(const struct fct_host *host, struct fct_call *call, struct text *t)
{
    const struct fct_part *part;
    size_t n = host->parts(call, &part);

    for (size_t i = 0; i < n; i++) {
        char *html = NULL;
        size_t nhtml;

        if (lua_part_is(&part[i], "text/plain")) {
            if (!add_unwrapped(t, host->part_text(call, &part[i])))
                return;
        } else if (lua_part_is(&part[i], "text/html") &&
                   lua_html_text(host, call, &part[i], t->most, &html, &nhtml)) {
            bool more = add_unwrapped(t, (struct fct_str){html, nhtml});

            free(html);
            if (!more)
                return;
        }
    }
}

static void make_subject(const struct fct_host *host, struct fct_call *call, struct text *t)
{
    const struct fct_header *h = host->header(call, "Subject", 0);

    if (h)
        (void)add(t, host->header_text(call, h));
}

/* "Name: decoded value", one per line. */
static void make_headers(const struct fct_host *host, struct fct_call *call, struct text *t)
{
    const struct fct_header *first;
    size_t n = host->headers(call, &first);

    for (size_t i = 0; i < n; i++)
        if (!add(t, first[i].name) || !add(t, FCT_STR(": ")) ||
            !add(t, host->header_text(call, &first[i])) || !add(t, FCT_STR("\n")))
            return;
}

static void make_html(const struct fct_host *host, struct fct_call *call, struct text *t)
{
    const struct fct_part *part;
    size_t n = host->parts(call, &part);

    for (size_t i = 0; i < n; i++)
        if (lua_part_is(&part[i], "text/html") && !add(t, host->part_text(call, &part[i])))
            return;
}

/* One per line. */
static void make_urls(const struct fct_host *host, struct fct_call *call, struct text *t)
{
    const struct fct_link *first;
    size_t n = FCT_HAS(host, links) && host->links ? host->links(call, &first) : 0;

    for (size_t i = 0; i < n; i++)
        if (!add(t, first[i].url.text) || !add(t, FCT_STR("\n")))
            return;
}

static void make_raw(const struct fct_host *host, struct fct_call *call, struct text *t)
{
    (void)add(t, host->raw(call));
}

static const struct {
    const char *name;
    void (*make)(const struct fct_host *host, struct fct_call *call, struct text *t);
} targets[TARGETS] = {
    [TARGET_TEXT] = {"text", make_text},          [TARGET_SUBJECT] = {"subject", make_subject},
    [TARGET_HEADERS] = {"headers", make_headers}, [TARGET_HTML] = {"html", make_html},
    [TARGET_URLS] = {"urls", make_urls},          [TARGET_RAW] = {"raw", make_raw},
};

/* ---- searching ---- */

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void tell(const struct lua_target *t, struct fct_call *call, struct pattern *p,
                 const char *what)
{
    const struct fct_host *host = t->engine->host;

    host->count(call, "lua_slow_patterns", 1);
    if (!p->told)
        host->log(call, FCT_WARNING, "%s: pattern %s is %s (facteurctl lua lint names such)",
                  p->where, p->declared.name, what);
    p->told = true;
}

static void hit(const struct lua_target *t, struct fct_call *call, const struct pattern *p,
                struct fct_str match, uint32_t hits)
{
    if (match.n > DETAIL_MOST) {
        match.n = DETAIL_MOST;
        while (match.n > 0 && ((unsigned char)match.p[match.n] & 0xc0) == 0x80)
            match.n--;
    }
    t->engine->host->symbol(call, p->declared.name, hits, match);
}

/* Goes on with the hits of the blocks before. */
static void search(const struct lua_target *t, struct fct_call *call, struct pattern *p,
                   struct fct_str text)
{
    struct lua_regex_found f;
    size_t from = 0;
    int64_t began = now_ns();
    enum lua_regex_result result = LUA_REGEX_NONE;

    while (p->hits < p->max_hits && from <= text.n &&
           (result = lua_regex_search(t->engine->regex, p->regex, text, from, &f)) ==
               LUA_REGEX_FOUND) {
        if (p->hits++ == 0)
            p->first = (struct fct_str){text.p + f.span[0].start, f.span[0].end - f.span[0].start};
        from = f.span[0].end > f.span[0].start ? f.span[0].end : f.span[0].end + 1;
    }
    if (result == LUA_REGEX_COSTLY)
        tell(t, call, p, "too costly for a message and was stopped");
    else if (now_ns() - began > SLOW_NS)
        tell(t, call, p, "slow");
}

/* Whole lines, BLOCK bytes or more. */
static struct fct_str take_block(struct fct_str *text)
{
    const char *end = text->n > BLOCK ? memchr(text->p + BLOCK, '\n', text->n - BLOCK) : NULL;
    struct fct_str block = {text->p, end ? (size_t)(end + 1 - text->p) : text->n};

    text->p += block.n;
    text->n -= block.n;
    return block;
}

/* What the whole text makes possible is looked for in blocks of lines, where it is rarer. */
static void search_blocks(struct lua_target *t, struct fct_call *call, struct fct_str text)
{
    while (text.n > 0 && t->engine->host->time_left_ms(call) > 0) {
        struct fct_str block = take_block(&text);

        lua_grams_of(&t->grams, block);
        for (struct pattern *p = t->pattern; p; p = p->next)
            if (p->by_block && lua_atoms_possible(p->atoms, &t->grams))
                search(t, call, p, block);
    }
}

static void search_all(struct lua_target *t, struct fct_call *call, struct fct_str text)
{
    bool blocks = false;

    if (t->patterns >= FILTER_FROM)
        lua_grams_of(&t->grams, text);
    else
        t->grams.any = true;
    for (struct pattern *p = t->pattern; p && t->engine->host->time_left_ms(call) > 0;
         p = p->next) {
        bool possible = lua_atoms_possible(p->atoms, &t->grams);

        p->by_block =
            possible && !t->grams.any && text.n > 2 * BLOCK && lua_atoms_in_line(p->atoms);
        blocks = blocks || p->by_block;
        if (possible && !p->by_block)
            search(t, call, p, text);
    }
    if (blocks)
        search_blocks(t, call, text);
    for (struct pattern *p = t->pattern; p; p = p->next)
        if (p->hits > 0)
            hit(t, call, p, p->first, p->hits);
}

static enum fct_verdict run_target(struct fct_call *call, enum fct_hook hook, const void *event,
                                   void *state)
{
    struct lua_target *t = state;
    struct text text = {.most = (size_t)t->engine->conf->text_limit.bytes};

    (void)hook;
    (void)event;
    for (struct pattern *p = t->pattern; p; p = p->next) {
        p->hits = 0;
        p->by_block = false;
    }
    targets[t - t->set->target].make(t->engine->host, call, &text);
    search_all(t, call, (struct fct_str){text.p ? text.p : "", text.n});
    free(text.p);
    return FCT_NEXT;
}

/* ---- declaring ---- */

static struct lua_target_set *new_set(struct lua_engine *e)
{
    struct lua_target_set *set = calloc(1, sizeof *set);

    for (size_t i = 0; set && i < TARGETS; i++) {
        set->target[i].engine = e;
        set->target[i].set = set;
        set->target[i].end = &set->target[i].pattern;
    }
    return set;
}

static struct lua_target *target_named(lua_State *L, struct lua_engine *e, const char *name)
{
    struct lua_target_set **set = &e->patterns[e->shadow];

    if (!*set)
        *set = new_set(e);
    if (!*set) {
        luaL_error(L, "not enough memory");
        return NULL;
    }
    for (size_t i = 0; i < TARGETS; i++)
        if (strcmp(targets[i].name, name) == 0)
            return &(*set)->target[i];
    luaL_error(L, "there is no target '%s' (text, subject, headers, html, urls, raw)", name);
    return NULL;
}

/* { score, [[/regex/flags]], about?, max_hits? } on top, its name below. */
static void read_pattern(lua_State *L, struct lua_engine *e, struct lua_target *t,
                         const char *group)
{
    const char *name = lua_tostring(L, -2);
    int at = lua_gettop(L);
    char error[200];
    struct pattern *p;

    lua_symbol_check(L, e, name);
    if (lua_rawgeti(L, at, 1) != LUA_TNUMBER || lua_rawgeti(L, at, 2) != LUA_TSTRING)
        luaL_error(L, "%s must be { score, [[/regex/flags]] }", name);
    p = calloc(1, sizeof *p);
    if (!p) {
        luaL_error(L, "not enough memory");
        return;
    }
    *t->end = p;
    t->end = &p->next;
    t->patterns++;
    p->where = lua_where_kept(L, e);
    p->declared = (struct fct_symbol){lua_keep(e, "%s", name), lua_tonumber(L, at + 1),
                                      lua_keep(e, "%s", group), ""};
    p->regex = lua_regex_compile(e->regex, lua_str_check(L, at + 2), error, sizeof error);
    if (!p->regex)
        luaL_error(L, "pattern %s: %s", name, error);
    p->atoms = lua_atoms_new(lua_str_check(L, at + 2));
    if (lua_getfield(L, at, "about") == LUA_TSTRING)
        p->declared.doc = lua_keep(e, "%s", lua_tostring(L, -1));
    lua_getfield(L, at, "max_hits");
    p->max_hits = (uint32_t)luaL_optinteger(L, -1, 1);
    if (p->max_hits < 1 || p->max_hits > 1000)
        luaL_error(L, "%s: max_hits must be a whole number from 1 to 1000", name);
    lua_settop(L, at);
}

static const char *word_field(lua_State *L, const char *name, const char *fallback)
{
    if (lua_getfield(L, 1, name) == LUA_TNIL)
        return fallback;
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "%s must be a string", name);
    return lua_tostring(L, -1);
}

/* Small letters are settings, capitals are symbols. The order of symbols in a Lua table is any: no
 * result depends on it. */
int lua_fn_global_patterns(lua_State *L)
{
    struct lua_engine *e = lua_engine_of(L);
    const char *group, *target;
    struct lua_target *t;

    luaL_checktype(L, 1, LUA_TTABLE);
    if (!e->file)
        return luaL_error(L, "patterns works only while the file is loaded");
    lua_settop(L, 1);
    group = word_field(L, "group", "lua");
    target = word_field(L, "target", "text");
    t = target_named(L, e, target);
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            return luaL_error(L, "a pattern needs a name: NAME = { score, [[/regex/]] }");
        if (strcmp(lua_tostring(L, -2), "group") == 0 || strcmp(lua_tostring(L, -2), "target") == 0)
            continue;
        if (!lua_istable(L, -1))
            return luaL_error(L, "%s must be { score, [[/regex/flags]] }", lua_tostring(L, -2));
        luaL_checkstack(L, 8, NULL);
        read_pattern(L, e, t, group);
    }
    return 0;
}

/* ---- all of them ---- */

typedef bool each_target(void *arg, struct lua_target *t, size_t target, bool shadow);

static bool each(const struct lua_engine *e, each_target *visit, void *arg)
{
    for (size_t shadow = 0; shadow < 2; shadow++)
        for (size_t i = 0; e->patterns[shadow] && i < TARGETS; i++)
            if (!visit(arg, &e->patterns[shadow]->target[i], i, shadow))
                return false;
    return true;
}

const char *lua_pattern_declared(const struct lua_engine *e, const char *name, bool shadow)
{
    const struct lua_target_set *set = e->patterns[shadow];

    for (size_t i = 0; set && i < TARGETS; i++)
        for (const struct pattern *p = set->target[i].pattern; p; p = p->next)
            if (p->declared.name && strcmp(p->declared.name, name) == 0)
                return p->where;
    return NULL;
}

struct visiting {
    lua_pattern_seen *seen;
    void *arg;
};

static bool visit(void *arg, struct lua_target *t, size_t target, bool shadow)
{
    const struct visiting *v = arg;

    (void)target;
    (void)shadow;
    for (const struct pattern *p = t->pattern; p; p = p->next)
        v->seen(v->arg, p->declared.name, p->where, p->regex);
    return true;
}

void lua_patterns_each(const struct lua_engine *e, lua_pattern_seen *seen, void *arg)
{
    struct visiting v = {seen, arg};

    (void)each(e, visit, &v);
}

struct registering {
    struct lua_engine *engine;
    struct fct_self *self;
    struct fct_err *err;
};

static bool register_target(void *arg, struct lua_target *t, size_t target, bool shadow)
{
    const struct registering *r = arg;
    struct lua_engine *e = r->engine;
    const struct fct_hook_row row = {
        .hook = FCT_HOOK_scan,
        .generic = true,
        .fn = {.any = run_target},
        .label = lua_keep(e, "lua:patterns:%s", targets[target].name),
        .state = t,
        .may = FCT_MAY_NOTHING,
        .mode = shadow ? FCT_SHADOW : FCT_LIVE,
    };

    for (const struct pattern *p = t->pattern; p; p = p->next) {
        struct fct_err inner = {0};

        if (!lua_symbol_register(e, r->self, &p->declared, p->where, shadow, &inner))
            return lua_fail(r->err, inner.class, "%s: %.180s", p->where, inner.text);
    }
    return !t->pattern || e->host->add_hook(r->self, &row, r->err);
}

bool lua_patterns_register(struct lua_engine *e, struct fct_self *self, struct fct_err *err)
{
    struct registering r = {e, self, err};

    return each(e, register_target, &r);
}

static bool free_target(void *arg, struct lua_target *t, size_t target, bool shadow)
{
    struct pattern *p;

    (void)arg;
    (void)target;
    (void)shadow;
    while ((p = t->pattern)) {
        t->pattern = p->next;
        lua_regex_free(&p->regex);
        lua_atoms_free(&p->atoms);
        free(p);
    }
    return true;
}

void lua_patterns_free(struct lua_engine *e)
{
    (void)each(e, free_target, NULL);
    for (size_t shadow = 0; shadow < 2; shadow++) {
        free(e->patterns[shadow]);
        e->patterns[shadow] = NULL;
    }
}
