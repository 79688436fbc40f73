/* lua_patterns.c - patterns{}: symbols found by regular expressions, all of one target in one pass.
 *
 * One row of the plan per target, for all files: the target is made once per message. No Lua runs
 * while a message is looked at. The words of all patterns are looked for at once (lua_finder.h); a
 * pattern is run only where one of its words stands, and through the whole text only when it has
 * none, or when they stand in so many places that going from one to the next costs more. Costly
 * patterns are named by lint (docs/lua-api.md). */
#include "lua_patterns.h"

#include "lua_api.h"
#include "lua_finder.h"
#include "lua_fold.h"
#include <stdlib.h>
#include <time.h>

#define DETAIL_MOST 60 /* bytes of the match that are shown */
#define SLOW_NS     INT64_C(10000000)
#define LARGE       (size_t)(16 * 1024) /* texts where a pattern may take SLOW_NS unnoticed */
#define BLOCK       (size_t)(16 * 1024) /* of lines that are searched at once */
#define PLACES_MOST 1280                /* or one for each 32 bytes and 256: then the whole text */
#define RUNS_A_LOOK 64                  /* at the clock */

enum target {
    TARGET_TEXT,
    TARGET_SUBJECT,
    TARGET_HEADERS,
    TARGET_HTML,
    TARGET_URLS,
    TARGET_RAW,
    TARGETS
};

enum state { AT_WORDS, WHOLE, DONE };

struct pattern {
    struct pattern *next;
    struct lua_regex *regex;
    const struct lua_literals *literals;
    struct fct_symbol declared;
    uint32_t max_hits;
    const char *where;
    bool told; /* slow: the log has it */
    /* of the text at hand */
    enum state state;
    uint32_t hits, places;
    size_t from; /* matches before were found */
    struct fct_str first;
};

/* Searching does not wait: there is one text at a time. */
struct lua_target {
    struct lua_engine *engine;
    const struct lua_target_set *set;
    struct pattern *pattern, **end;
    size_t patterns;
    struct pattern **by_number; /* as the finder counts them */
    struct lua_finder *finder;
};

struct lua_target_set {
    struct lua_target target[TARGETS];
};

/* ---- the text of a target ---- */

struct text {
    char *p;
    size_t n, size, most;
};

/* Room for so many bytes more. False: no memory. */
static bool reserve(struct text *t, size_t n)
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
static bool add(struct text *t, struct fct_str s)
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
static bool add_unwrapped(struct text *t, struct fct_str s)
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

static void make_text(struct lua_engine *e, struct fct_call *call, struct text *t)
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

static void make_subject(struct lua_engine *e, struct fct_call *call, struct text *t)
{
    const struct fct_host *host = e->host;
    const struct fct_header *h = host->header(call, "Subject", 0);

    if (h)
        (void)add(t, host->header_text(call, h));
}

/* "Name: decoded value", one per line. */
static void make_headers(struct lua_engine *e, struct fct_call *call, struct text *t)
{
    const struct fct_host *host = e->host;
    const struct fct_header *first;
    size_t n = host->headers(call, &first);

    for (size_t i = 0; i < n; i++)
        if (!add(t, first[i].name) || !add(t, FCT_STR(": ")) ||
            !add(t, host->header_text(call, &first[i])) || !add(t, FCT_STR("\n")))
            return;
}

static void make_html(struct lua_engine *e, struct fct_call *call, struct text *t)
{
    const struct fct_host *host = e->host;
    const struct fct_part *part;
    size_t n = host->parts(call, &part);

    for (size_t i = 0; i < n; i++)
        if (lua_part_is(&part[i], "text/html") && !add(t, host->part_text(call, &part[i])))
            return;
}

/* One per line. */
static void make_urls(struct lua_engine *e, struct fct_call *call, struct text *t)
{
    const struct fct_host *host = e->host;
    const struct fct_link *first;
    size_t n = FCT_HAS(host, links) && host->links ? host->links(call, &first) : 0;

    for (size_t i = 0; i < n; i++)
        if (!add(t, first[i].url.text) || !add(t, FCT_STR("\n")))
            return;
}

static void make_raw(struct lua_engine *e, struct fct_call *call, struct text *t)
{
    const struct fct_host *host = e->host;
    (void)add(t, host->raw(call));
}

static const struct {
    const char *name;
    void (*make)(struct lua_engine *e, struct fct_call *call, struct text *t);
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

struct run {
    struct lua_target *target;
    struct fct_call *call;
    struct fct_str text;
    uint32_t runs, places_most;
    bool over; /* no time is left */
};

static void found_one(struct pattern *p, struct fct_str text, const struct lua_regex_span *span)
{
    if (p->hits++ == 0)
        p->first = (struct fct_str){text.p + span->start, span->end - span->start};
    p->from = span->end > span->start ? span->end : span->end + 1;
    if (p->hits == p->max_hits)
        p->state = DONE;
}

/* ---- where a word stands ---- */

static void search_place(struct run *r, struct pattern *p, size_t first, size_t last)
{
    struct lua_regex_span span;

    for (p->from = first; p->state == AT_WORDS && p->from <= last;) {
        switch (lua_regex_search_near(r->target->engine->regex, p->regex, r->text, p->from, last,
                                      &span)) {
        case LUA_REGEX_FOUND:
            found_one(p, r->text, &span);
            break;
        case LUA_REGEX_NONE:
            p->from = last + 1;
            break;
        case LUA_REGEX_COSTLY:
            p->state = WHOLE;
            break;
        }
    }
}

/* Words come in the order of the text, so matches are found in their order. */
static void word_found(void *arg, uint32_t number, size_t at)
{
    struct run *r = arg;
    struct pattern *p = r->target->by_number[number];
    size_t first = p->literals->before < at ? at - p->literals->before : 0;

    first = first > p->from ? first : p->from;
    if (p->state != AT_WORDS || first > at || r->over)
        return;
    if (p->literals->before == LUA_LITERAL_ANYWHERE) {
        p->state = WHOLE;
        return;
    }
    if (++p->places > r->places_most) {
        p->state = WHOLE;
        p->from = first;
        return;
    }
    if (++r->runs % RUNS_A_LOOK == 0)
        r->over = r->target->engine->host->time_left_ms(r->call) == 0;
    search_place(r, p, first, at);
}

/* False: the words cannot tell. */
static bool search_words(struct run *r)
{
    unsigned char *folded = malloc(r->text.n + LUA_FINDER_BEHIND);
    bool known = folded && lua_fold(r->text, folded);

    if (known) {
        memset(folded + r->text.n, 0, LUA_FINDER_BEHIND);
        lua_finder_scan(r->target->finder, folded, r->text.n, word_found, r);
    }
    free(folded);
    return known;
}

/* ---- the whole text ---- */

/* Goes on where p->from is. */
static enum lua_regex_result search_to(const struct run *r, struct pattern *p, size_t end)
{
    struct fct_str text = {r->text.p, end};
    enum lua_regex_result result = LUA_REGEX_FOUND;
    struct lua_regex_found f;

    while (result == LUA_REGEX_FOUND && p->state != DONE && p->from <= end) {
        result = lua_regex_search(r->target->engine->regex, p->regex, text, p->from, &f);
        if (result == LUA_REGEX_FOUND)
            found_one(p, text, &f.span[0]);
    }
    return result;
}

/* The end of the line that is BLOCK bytes behind. */
static size_t block_end(struct fct_str text, size_t from)
{
    const char *end =
        text.n - from > BLOCK ? memchr(text.p + from + BLOCK, '\n', text.n - from - BLOCK) : NULL;

    return end ? (size_t)(end + 1 - text.p) : text.n;
}

/* In blocks, if no match is longer than a line: each has its steps. */
static void search_whole(const struct run *r, struct pattern *p)
{
    bool in_line = p->literals && p->literals->in_line, costly = false;
    int64_t began = r->text.n >= LARGE ? now_ns() : 0;

    while (p->state != DONE && p->from <= r->text.n && !costly) {
        size_t end = in_line ? block_end(r->text, p->from) : r->text.n;

        costly = search_to(r, p, end) == LUA_REGEX_COSTLY;
        p->from = p->from > end ? p->from : end + (end == r->text.n);
    }
    if (costly)
        tell(r->target, r->call, p, "too costly for a message and was stopped");
    else if (began > 0 && now_ns() - began > SLOW_NS)
        tell(r->target, r->call, p, "slow");
}

static void begin_text(struct lua_target *t)
{
    for (struct pattern *p = t->pattern; p; p = p->next) {
        p->state = p->literals && p->literals->n > 0 ? AT_WORDS : WHOLE;
        p->hits = p->places = 0;
        p->from = 0;
    }
}

static uint32_t places_most(size_t n)
{
    return n / 32 + 256 < PLACES_MOST ? (uint32_t)(n / 32 + 256) : PLACES_MOST;
}

static void search_all(struct lua_target *t, struct fct_call *call, struct fct_str text)
{
    struct run r = {t, call, text, 0, places_most(text.n), false};
    bool known;

    begin_text(t);
    known = search_words(&r);
    for (struct pattern *p = t->pattern; p; p = p->next)
        if ((p->state == WHOLE || (p->state == AT_WORDS && !known)) &&
            t->engine->host->time_left_ms(call) > 0)
            search_whole(&r, p);
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
    targets[t - t->set->target].make(t->engine, call, &text);
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
    p->literals = lua_regex_literals(p->regex, lua_str_check(L, at + 2));
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

/* All words of the target's patterns. */
static bool make_finder(struct lua_target *t, struct fct_err *err)
{
    const struct lua_literals **set = calloc(t->patterns + 1, sizeof *set);
    size_t n = 0;

    t->by_number = calloc(t->patterns + 1, sizeof(struct pattern *));
    for (struct pattern *p = t->pattern; set && t->by_number && p; p = p->next) {
        set[n] = p->literals;
        t->by_number[n++] = p;
    }
    if (n == t->patterns)
        t->finder = lua_finder_new(set, n);
    free(set);
    return t->finder || lua_fail(err, FCT_TEMP, "not enough memory");
}

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
    return !t->pattern || (make_finder(t, r->err) && e->host->add_hook(r->self, &row, r->err));
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
        free(p);
    }
    lua_finder_free(&t->finder);
    free(t->by_number);
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
