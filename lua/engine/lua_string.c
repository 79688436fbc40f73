/* lua_string.c - the string library of rules: stock where it is linear, ours where it searches
 * (Lua 5.4 manual 6.4).
 *
 * Left out: dump (bytecode), pack and unpack (nobody needs them on mail, everybody would have to
 * trust them). */
#include "lua_engine.h"
#include "lua_pattern.h"

#define COMPILED      "facteur.compiled" /* registry: pattern text → compiled, of find, match, gsub */
#define COMPILED_EACH "facteur.compiled.each" /* the same for gmatch, where '^' is a letter */
#define COMPILED_MOST 256
#define KEPT_LONGEST                                                             \
    128 /* longer ones are compiled each time: 256 of them would fill the memory \
         */

/* ---- patterns ---- */

/* Patterns are nearly always constants: each is compiled once. A script that makes them up only
 * empties the table. */
static void push_cache(lua_State *L, const char *name)
{
    lua_getfield(L, LUA_REGISTRYINDEX, name);
    if (lua_istable(L, -1) && lua_rawlen(L, -1) < COMPILED_MOST)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, name);
}

/* Pushes the compiled pattern: keep it on the stack while it is used. */
static struct lua_pattern *compiled(lua_State *L, int arg, bool anchors)
{
    struct fct_str text = lua_str_check(L, arg);
    struct lua_pattern *p;
    const char *error;

    push_cache(L, anchors ? COMPILED : COMPILED_EACH);
    lua_pushvalue(L, arg);
    if (lua_rawget(L, -2) == LUA_TUSERDATA) {
        lua_remove(L, -2);
        return lua_touserdata(L, -1);
    }
    lua_pop(L, 1);
    if (text.n > LUA_PATTERN_LONGEST)
        luaL_error(L, "pattern too long");
    p = lua_newuserdatauv(L, lua_pattern_bytes(text.n), 0);
    error = lua_pattern_compile(text, anchors, p);
    if (error)
        luaL_error(L, "%s", error);
    if (text.n > KEPT_LONGEST)
        return p;
    lua_pushvalue(L, arg);
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
    lua_pushvalue(L, -1); /* once more in the list part: its length is the number of entries */
    lua_rawseti(L, -3, (lua_Integer)lua_rawlen(L, -3) + 1);
    lua_remove(L, -2);
    return p;
}

static void match_start(lua_State *L, struct lua_match *m, struct fct_str subject)
{
    m->subject = subject;
    m->steps = lua_engine_of(L)->conf->pattern_steps;
    m->captures = 0;
}

static bool matched(lua_State *L, enum lua_matched result)
{
    if (result == LUA_TOO_COSTLY)
        luaL_error(L, "pattern too costly (over %d steps)",
                   (int)lua_engine_of(L)->conf->pattern_steps);
    lua_check_budget(L);
    return result == LUA_MATCHED;
}

static void push_capture(lua_State *L, const struct lua_match *m, size_t i)
{
    if (i >= m->captures)
        lua_pushlstring(L, m->subject.p + m->start, m->end - m->start);
    else if (m->capture[i].position)
        lua_pushinteger(L, (lua_Integer)m->capture[i].start + 1);
    else
        lua_pushlstring(L, m->subject.p + m->capture[i].start, m->capture[i].length);
}

/* All captures, or the whole match when there are none and `whole`. */
static int push_captures(lua_State *L, const struct lua_match *m, bool whole)
{
    size_t n = m->captures == 0 && whole ? 1 : m->captures;

    luaL_checkstack(L, (int)n, "too many captures");
    for (size_t i = 0; i < n; i++)
        push_capture(L, m, i);
    return (int)n;
}

/* The argument `init`, as an offset; past the end: n + 1. */
static size_t offset_from(lua_State *L, int arg, size_t n)
{
    lua_Integer init = luaL_optinteger(L, arg, 1);

    if (init > 0)
        return (lua_Unsigned)init - 1 > n ? n + 1 : (size_t)init - 1;
    if (init == 0 || init < -(lua_Integer)n)
        return 0;
    return n - (size_t)-init;
}

static int find_plain(lua_State *L, struct fct_str s, struct fct_str what, size_t from)
{
    const char *at = memmem(s.p + from, s.n - from, what.p, what.n);

    if (!at) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, at - s.p + 1);
    lua_pushinteger(L, at - s.p + (lua_Integer)what.n);
    return 2;
}

static int find_or_match(lua_State *L, bool find)
{
    struct fct_str s = lua_str_check(L, 1), pattern = lua_str_check(L, 2);
    size_t from = offset_from(L, 3, s.n);
    struct lua_match m;

    if (from > s.n) {
        lua_pushnil(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || lua_pattern_is_plain(pattern)))
        return find_plain(L, s, pattern, from);
    match_start(L, &m, s);
    if (!matched(L, lua_pattern_search(compiled(L, 2, true), &m, from))) {
        lua_pushnil(L);
        return 1;
    }
    if (!find)
        return push_captures(L, &m, true);
    lua_pushinteger(L, (lua_Integer)m.start + 1);
    lua_pushinteger(L, (lua_Integer)m.end);
    return push_captures(L, &m, false) + 2;
}

static int string_find(lua_State *L)
{
    return find_or_match(L, true);
}

static int string_match(lua_State *L)
{
    return find_or_match(L, false);
}

/* ---- gmatch ---- */

/* Upvalues: subject, compiled pattern, next offset, end of the match before (an empty match may not
 * touch it; -1: none). */
static int gmatch_next(lua_State *L)
{
    struct fct_str s = lua_str_check(L, lua_upvalueindex(1));
    struct lua_pattern *p = lua_touserdata(L, lua_upvalueindex(2));
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    struct lua_match m;

    match_start(L, &m, s);
    for (size_t at = (size_t)lua_tointeger(L, lua_upvalueindex(3)); at <= s.n; at = m.start + 1) {
        if (!matched(L, lua_pattern_search(p, &m, at)))
            break;
        if ((lua_Integer)m.end == last)
            continue;
        lua_pushinteger(L, (lua_Integer)m.end);
        lua_copy(L, -1, lua_upvalueindex(3));
        lua_copy(L, -1, lua_upvalueindex(4));
        return push_captures(L, &m, true);
    }
    lua_pushinteger(L, (lua_Integer)s.n + 1);
    lua_replace(L, lua_upvalueindex(3));
    return 0;
}

static int string_gmatch(lua_State *L)
{
    struct fct_str s = lua_str_check(L, 1);
    size_t from = offset_from(L, 3, s.n);

    lua_settop(L, 2);
    lua_pushvalue(L, 1);
    compiled(L, 2, false);
    lua_pushinteger(L, (lua_Integer)from);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, gmatch_next, 4);
    return 1;
}

/* ---- gsub ---- */

/* A replacement text: %0 is the match, %1 … %9 the captures, %% a percent sign. */
static void add_text(lua_State *L, luaL_Buffer *out, const struct lua_match *m)
{
    struct fct_str text = lua_str_check(L, 3);

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c != '%') {
            luaL_addchar(out, c);
            continue;
        }
        c = i + 1 < text.n ? text.p[++i] : '\0';
        if (c == '%') {
            luaL_addchar(out, c);
        } else if (c == '0') {
            luaL_addlstring(out, m->subject.p + m->start, m->end - m->start);
        } else if (c >= '1' && c <= '9') {
            if ((size_t)(c - '1') >= (m->captures ? m->captures : 1))
                luaL_error(L, "invalid capture index %%%c in replacement string", c);
            push_capture(L, m, (size_t)(c - '1'));
            luaL_addvalue(out);
        } else {
            luaL_error(L, "invalid use of '%%' in replacement string");
        }
    }
}

/* By a table's entry or a function's result; nil and false keep the match. */
static void add_looked_up(lua_State *L, luaL_Buffer *out, const struct lua_match *m, int kind)
{
    if (kind == LUA_TTABLE) {
        push_capture(L, m, 0);
        lua_gettable(L, 3);
    } else {
        lua_pushvalue(L, 3);
        lua_call(L, push_captures(L, m, true), 1);
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(out, m->subject.p + m->start, m->end - m->start);
    } else if (lua_isstring(L, -1)) {
        luaL_addvalue(out);
    } else {
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    }
}

static int string_gsub(lua_State *L)
{
    struct fct_str s = lua_str_check(L, 1);
    int kind = lua_type(L, 3);
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)s.n + 1), count = 0;
    struct lua_pattern *p;
    struct lua_match m;
    luaL_Buffer out;
    size_t at = 0, last = SIZE_MAX; /* end of the match before: an empty match may not touch it */

    luaL_argexpected(L,
                     kind == LUA_TNUMBER || kind == LUA_TSTRING || kind == LUA_TTABLE ||
                         kind == LUA_TFUNCTION,
                     3, "string/function/table");
    lua_check_depth(L);
    lua_settop(L, 4);
    p = compiled(L, 2, true);
    match_start(L, &m, s);
    luaL_buffinit(L, &out);
    while (count < most) {
        if (matched(L, lua_pattern_match_at(p, &m, at)) && m.end != last) {
            count++;
            if (kind == LUA_TTABLE || kind == LUA_TFUNCTION)
                add_looked_up(L, &out, &m, kind);
            else
                add_text(L, &out, &m);
            at = last = m.end;
        } else if (at < s.n) {
            luaL_addchar(&out, s.p[at++]);
        } else {
            break;
        }
        if (lua_pattern_is_anchored(p))
            break;
    }
    luaL_addlstring(&out, s.p + at, s.n - at);
    luaL_pushresult(&out);
    lua_pushinteger(L, count);
    return 2;
}

/* ---- the rest ---- */

/* The stock one turns for ever on ("").rep with a large count. */
static int string_rep(lua_State *L)
{
    struct fct_str s = lua_str_check(L, 1), between = {"", 0};
    lua_Integer n = luaL_checkinteger(L, 2);
    size_t piece, total;
    luaL_Buffer out;
    char *at;

    if (!lua_isnoneornil(L, 3))
        between = lua_str_check(L, 3);
    piece = s.n + between.n;
    if (n <= 0 || piece == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if ((lua_Unsigned)n > lua_engine_of(L)->memory.limit / piece)
        return luaL_error(L, "not enough memory");
    total = piece * (size_t)n - between.n;
    at = luaL_buffinitsize(L, &out, total);
    for (lua_Integer i = 0; i < n; i++) {
        memcpy(at, s.p, s.n);
        at += s.n;
        if (i + 1 < n && between.n > 0) {
            memcpy(at, between.p, between.n);
            at += between.n;
        }
    }
    luaL_pushresultsize(&out, total);
    return 1;
}

/* The stock format, which calls __tostring, with our bound on nesting. */
static int string_format(lua_State *L)
{
    lua_check_depth(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

/* Strings themselves are indexed through the stock metatable: point it at our table and lock it. */
static void lock_strings(lua_State *L)
{
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "locked");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}

/* An address is a string: lua_ip.c. */
static void add_ip_methods(lua_State *L)
{
    lua_methods_push(L, "ip");
    for (lua_pushnil(L); lua_next(L, -2);) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -5);
    }
    lua_pop(L, 1);
}

void lua_string_open(lua_State *L)
{
    static const char *const stock[] = {"byte", "char", "len", "lower", "reverse", "sub", "upper"};
    static const luaL_Reg ours[] = {
        {"find", string_find}, {"match", string_match}, {"gmatch", string_gmatch},
        {"gsub", string_gsub}, {"rep", string_rep},     {NULL, NULL},
    };

    luaL_newlib(L, ours);
    lua_getglobal(L, LUA_STRLIBNAME);
    for (size_t i = 0; i < FCT_COUNT(stock); i++) {
        lua_getfield(L, -1, stock[i]);
        lua_setfield(L, -3, stock[i]);
    }
    lua_getfield(L, -1, "format");
    lua_pushcclosure(L, string_format, 1);
    lua_setfield(L, -3, "format");
    lua_pop(L, 1);
    add_ip_methods(L);
    lock_strings(L);
}
