/* lua_re.c - regular expressions for scripts. Documentation: lua_api.def. */
#include "lua_api.h"
#include "lua_regex.h"

#define REGEX       "regex"
#define CACHE       "facteur.regexes" /* registry: text → userdata */
#define CACHED_MOST 256

static int regex_gc(lua_State *L)
{
    lua_regex_free(lua_touserdata(L, 1));
    return 0;
}

void lua_regex_open(lua_State *L)
{
    lua_type_open(L, REGEX, NULL);
    luaL_getmetatable(L, REGEX);
    lua_pushcfunction(L, regex_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

/* Emptied when it is full: scripts that make patterns up gain nothing by it. */
static void push_cache(lua_State *L)
{
    if (lua_getfield(L, LUA_REGISTRYINDEX, CACHE) == LUA_TTABLE && lua_rawlen(L, -1) < CACHED_MOST)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, CACHE);
}

int lua_fn_re_compile(lua_State *L)
{
    struct lua_engine *e = lua_engine_of(L);
    struct fct_str text = lua_str_check(L, 1);
    struct lua_regex **r;
    char error[200];

    lua_settop(L, 1);
    push_cache(L);
    lua_pushvalue(L, 1);
    if (lua_rawget(L, 2) == LUA_TUSERDATA)
        return 1;
    lua_pop(L, 1);
    r = lua_newuserdatauv(L, sizeof *r, 0);
    *r = NULL;
    luaL_setmetatable(L, REGEX);
    *r = lua_regex_compile(e->regex, text, error, sizeof error);
    if (!*r)
        return luaL_error(L, "regular expression %s: %s", text.p, error);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 3);
    lua_rawset(L, 2);
    lua_pushvalue(L, 3); /* in the list part too: its length is the number of entries */
    lua_rawseti(L, 2, (lua_Integer)lua_rawlen(L, 2) + 1);
    return 1;
}

int lua_fn_re_escape(lua_State *L)
{
    struct fct_str s = lua_str_check(L, 1);
    luaL_Buffer out;

    luaL_buffinit(L, &out);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] && strchr("\\^$.[]|()?*+{}-/#", s.p[i]))
            luaL_addchar(&out, '\\');
        luaL_addchar(&out, s.p[i]);
    }
    luaL_pushresult(&out);
    return 1;
}

/* ---- methods ---- */

static const struct lua_regex *check(lua_State *L, int arg)
{
    return *(struct lua_regex **)luaL_checkudata(L, arg, REGEX);
}

static bool search(lua_State *L, const struct lua_regex *r, struct fct_str s, size_t from,
                   struct lua_regex_found *out)
{
    enum lua_regex_result result = lua_regex_search(lua_engine_of(L)->regex, r, s, from, out);

    if (result == LUA_REGEX_COSTLY)
        luaL_error(L, "regular expression too costly");
    lua_check_budget(L);
    return result == LUA_REGEX_FOUND;
}

static void push_span(lua_State *L, struct fct_str s, const struct lua_regex_span *at)
{
    if (at->start > at->end || at->end > s.n)
        lua_pushboolean(L, 0); /* nil would end a list of results */
    else
        lua_pushlstring(L, s.p + at->start, at->end - at->start);
}

/* The groups, or the match when there are none and `whole`. */
static int push_groups(lua_State *L, struct fct_str s, const struct lua_regex_found *f, bool whole)
{
    luaL_checkstack(L, LUA_REGEX_GROUPS + 2, NULL);
    if (f->groups == 0 && whole) {
        push_span(L, s, &f->span[0]);
        return 1;
    }
    for (size_t i = 1; i <= f->groups; i++)
        push_span(L, s, &f->span[i]);
    return (int)f->groups;
}

static size_t check_from(lua_State *L, int arg, size_t n)
{
    lua_Integer from = luaL_optinteger(L, arg, 1);

    if (from < 0)
        from = from < -(lua_Integer)n ? 1 : (lua_Integer)n + from + 1;
    return from < 1 ? 0 : (size_t)from - 1;
}

int lua_do_regex_find(lua_State *L)
{
    const struct lua_regex *r = check(L, 1);
    struct fct_str s = lua_str_check(L, 2);
    size_t from = check_from(L, 3, s.n);
    struct lua_regex_found f;

    if (from > s.n || !search(L, r, s, from, &f)) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, (lua_Integer)f.span[0].start + 1);
    lua_pushinteger(L, (lua_Integer)f.span[0].end);
    return 2 + push_groups(L, s, &f, false);
}

int lua_do_regex_match(lua_State *L)
{
    const struct lua_regex *r = check(L, 1);
    struct fct_str s = lua_str_check(L, 2);
    size_t from = check_from(L, 3, s.n);
    struct lua_regex_found f;

    if (from > s.n || !search(L, r, s, from, &f)) {
        lua_pushnil(L);
        return 1;
    }
    return push_groups(L, s, &f, true);
}

/* Behind an empty match the search goes on one character (RFC 3629 3) further. */
static size_t behind(struct fct_str s, const struct lua_regex_found *f)
{
    size_t at = f->span[0].end;

    if (f->span[0].end > f->span[0].start)
        return at;
    for (at++; at < s.n && ((unsigned char)s.p[at] & 0xc0) == 0x80;)
        at++;
    return at;
}

/* Upvalues: regex, text, offset to go on from. */
static int next_match(lua_State *L)
{
    const struct lua_regex *r = check(L, lua_upvalueindex(1));
    struct fct_str s = lua_str_check(L, lua_upvalueindex(2));
    size_t from = (size_t)lua_tointeger(L, lua_upvalueindex(3));
    struct lua_regex_found f;

    if (from > s.n || !search(L, r, s, from, &f))
        return 0;
    lua_pushinteger(L, (lua_Integer)behind(s, &f));
    lua_replace(L, lua_upvalueindex(3));
    return push_groups(L, s, &f, true);
}

int lua_do_regex_gmatch(lua_State *L)
{
    check(L, 1);
    lua_str_check(L, 2);
    lua_settop(L, 2);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_match, 3);
    return 1;
}

/* ---- gsub ---- */

/* %0 is the match, %1 … %9 the groups, %% a percent sign. */
static void add_text(lua_State *L, luaL_Buffer *out, struct fct_str s,
                     const struct lua_regex_found *f)
{
    struct fct_str by = lua_str_check(L, 3);

    for (size_t i = 0; i < by.n; i++) {
        char c = by.p[i];

        if (c != '%') {
            luaL_addchar(out, c);
            continue;
        }
        c = i + 1 < by.n ? by.p[++i] : '\0';
        if (c == '%') {
            luaL_addchar(out, c);
        } else if (c >= '0' && c <= '9' && (size_t)(c - '0') <= f->groups) {
            const struct lua_regex_span *g = &f->span[c - '0'];

            if (g->start <= g->end && g->end <= s.n)
                luaL_addlstring(out, s.p + g->start, g->end - g->start);
        } else {
            luaL_error(L, "invalid use of '%%' in the replacement");
        }
    }
}

static void add_looked_up(lua_State *L, luaL_Buffer *out, struct fct_str s,
                          const struct lua_regex_found *f)
{
    if (lua_istable(L, 3)) {
        push_span(L, s, &f->span[f->groups > 0]);
        lua_gettable(L, 3);
    } else {
        lua_pushvalue(L, 3);
        lua_call(L, push_groups(L, s, f, true), 1);
    }
    if (lua_toboolean(L, -1)) {
        if (!lua_isstring(L, -1))
            luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
        luaL_addvalue(out);
    } else {
        lua_pop(L, 1);
        luaL_addlstring(out, s.p + f->span[0].start, f->span[0].end - f->span[0].start);
    }
}

int lua_do_regex_gsub(lua_State *L)
{
    const struct lua_regex *r = check(L, 1);
    struct fct_str s = lua_str_check(L, 2);
    int kind = lua_type(L, 3);
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)s.n + 1), count = 0;
    struct lua_regex_found f;
    size_t at = 0, from = 0;
    luaL_Buffer out;

    luaL_argexpected(L, kind == LUA_TSTRING || kind == LUA_TTABLE || kind == LUA_TFUNCTION, 3,
                     "string/function/table");
    lua_check_depth(L);
    lua_settop(L, 3);
    luaL_buffinit(L, &out);
    while (count < most && from <= s.n && search(L, r, s, from, &f)) {
        if (f.span[0].start < at) /* \K and lookbehind: never twice the same bytes */
            break;
        luaL_addlstring(&out, s.p + at, f.span[0].start - at);
        if (kind == LUA_TSTRING)
            add_text(L, &out, s, &f);
        else
            add_looked_up(L, &out, s, &f);
        count++;
        at = f.span[0].end;
        from = behind(s, &f);
    }
    luaL_addlstring(&out, s.p + at, s.n - at);
    luaL_pushresult(&out);
    lua_pushinteger(L, count);
    return 2;
}
