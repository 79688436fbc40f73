/* lua_patterns.c - patterns{}: symbols found by regular expressions, all of one target in one pass.
 *
 * One row of the plan per target, for all files. Costly patterns are named by lint
 * (docs/lua-api.md). */
#include "lua_patterns_int.h"

#include <stdlib.h>

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
    struct lua_target *target;

    if (!*set)
        *set = new_set(e);
    if (!*set) {
        luaL_error(L, "not enough memory");
        return NULL;
    }
    target = pattern_target_named(*set, name);
    if (!target)
        luaL_error(L, "there is no target '%s' (text, subject, headers, html, urls, raw)", name);
    return target;
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

static int by_literals(const void *left, const void *right)
{
    const struct pattern *const *a = left, *const *b = right;
    uintptr_t of_a = (uintptr_t)(*a)->literals, of_b = (uintptr_t)(*b)->literals;

    return of_a < of_b ? -1 : of_a > of_b;
}

/* All words of the target's patterns. Sorted, for Lua tables have no order: the same rules in
 * another state have the same finder then. */
static bool make_finder(struct lua_target *t, struct fct_err *err)
{
    const struct lua_literals **set = calloc(t->patterns + 1, sizeof *set);
    size_t n = 0;

    t->by_number = calloc(t->patterns + 1, sizeof(struct pattern *));
    for (struct pattern *p = t->pattern; t->by_number && p; p = p->next)
        t->by_number[n++] = p;
    if (n > 0)
        qsort(t->by_number, n, sizeof(struct pattern *), by_literals);
    for (size_t i = 0; set && i < n; i++)
        set[i] = t->by_number[i]->literals;
    if (set && n == t->patterns)
        t->finder = lua_finder_take(set, n);
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
        .fn = {.any = pattern_target_run},
        .label = lua_keep(e, "lua:patterns:%s", pattern_target_name((enum target)target)),
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

static bool refresh(void *arg, struct lua_target *t, size_t target, bool shadow)
{
    (void)arg;
    (void)target;
    (void)shadow;
    for (struct pattern *p = t->pattern; p; p = p->next)
        p->told = false;
    return true;
}

void lua_patterns_again(struct lua_engine *e)
{
    (void)each(e, refresh, NULL);
}

static bool free_target(void *arg, struct lua_target *t, size_t target, bool shadow)
{
    struct pattern *p;

    (void)arg;
    (void)target;
    (void)shadow;
    lua_finder_drop(&t->finder);
    while ((p = t->pattern)) {
        t->pattern = p->next;
        lua_regex_free(&p->regex);
        free(p);
    }
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
