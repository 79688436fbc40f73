/* lua_table.c - the table library of rules (Lua 5.4 manual 6.6): raw access, and every loop looks
 * at the budget.
 *
 * The stock functions are C loops over lengths and ranges a script may invent (table.move over 2^40
 * nils), where no hook fires. These never call metamethods, except `<` and the comparison function
 * of sort. */
#include "lua_engine.h"

static lua_Integer writable_length(lua_State *L, int arg)
{
    luaL_checktype(L, arg, LUA_TTABLE);
    lua_sandbox_check_writable(L, arg);
    return (lua_Integer)lua_rawlen(L, arg);
}

static void look_now_and_then(lua_State *L, lua_Integer i)
{
    if ((i & 1023) == 0)
        lua_check_budget(L);
}

static int table_insert(lua_State *L)
{
    lua_Integer n = writable_length(L, 1), at = n + 1;

    if (lua_gettop(L) == 3) {
        at = luaL_checkinteger(L, 2);
        luaL_argcheck(L, at >= 1 && at <= n + 1, 2, "position out of bounds");
        for (lua_Integer i = n; i >= at; i--) {
            lua_rawgeti(L, 1, i);
            lua_rawseti(L, 1, i + 1);
            look_now_and_then(L, i);
        }
    } else if (lua_gettop(L) != 2) {
        return luaL_error(L, "wrong number of arguments to 'insert'");
    }
    lua_rawseti(L, 1, at);
    return 0;
}

static int table_remove(lua_State *L)
{
    lua_Integer n = writable_length(L, 1), at = luaL_optinteger(L, 2, n);

    if (lua_gettop(L) > 1)
        luaL_argcheck(L, (n + 1 == at) || (at >= 1 && at <= n) || (n == 0 && at == 0), 2,
                      "position out of bounds");
    lua_rawgeti(L, 1, at);
    for (; at < n; at++) {
        lua_rawgeti(L, 1, at + 1);
        lua_rawseti(L, 1, at);
        look_now_and_then(L, at);
    }
    lua_pushnil(L);
    lua_rawseti(L, 1, at);
    return 1;
}

static int table_concat(lua_State *L)
{
    struct fct_str between = lua_isnoneornil(L, 2) ? (struct fct_str){"", 0} : lua_str_check(L, 2);
    lua_Integer first = luaL_optinteger(L, 3, 1), last;
    luaL_Buffer out;

    luaL_checktype(L, 1, LUA_TTABLE);
    last = luaL_optinteger(L, 4, (lua_Integer)lua_rawlen(L, 1));
    luaL_buffinit(L, &out);
    for (lua_Integer i = first; i <= last; i++) {
        lua_rawgeti(L, 1, i);
        if (!lua_isstring(L, -1))
            return luaL_error(L, "invalid value (a %s) at index %I in table for 'concat'",
                              luaL_typename(L, -1), (LUAI_UACINT)i);
        luaL_addvalue(&out);
        if (i == last)
            break;
        luaL_addlstring(&out, between.p, between.n);
        look_now_and_then(L, i);
    }
    luaL_pushresult(&out);
    return 1;
}

static int table_move(lua_State *L)
{
    lua_Integer from = luaL_checkinteger(L, 2), end = luaL_checkinteger(L, 3),
                to = luaL_checkinteger(L, 4);
    int target = lua_isnoneornil(L, 5) ? 1 : 5;
    lua_Integer n = end - from;
    bool up;

    luaL_checktype(L, 1, LUA_TTABLE);
    writable_length(L, target);
    if (end >= from) {
        luaL_argcheck(L, from > 0 || end < LUA_MAXINTEGER + from, 3, "too many elements to move");
        luaL_argcheck(L, to <= LUA_MAXINTEGER - n, 4, "destination wrap around");
        up = to > end || to <= from || (target != 1 && !lua_rawequal(L, 1, target));
        for (lua_Integer i = 0; i <= n; i++) {
            lua_Integer k = up ? i : n - i;
            lua_rawgeti(L, 1, from + k);
            lua_rawseti(L, target, to + k);
            look_now_and_then(L, i);
        }
    }
    lua_pushvalue(L, target);
    return 1;
}

/* ---- sort: a heap, so that no comparison function can make it slow or walk out of the table *
 * ---- */

/* Is element a < b, by the function at 2 or by `<`? */
static bool is_less(lua_State *L, lua_Integer a, lua_Integer b)
{
    bool less;

    lua_check_budget(L);
    if (lua_isnil(L, 2)) {
        lua_rawgeti(L, 1, a);
        lua_rawgeti(L, 1, b);
        less = lua_compare(L, -2, -1, LUA_OPLT);
        lua_pop(L, 2);
        return less;
    }
    lua_pushvalue(L, 2);
    lua_rawgeti(L, 1, a);
    lua_rawgeti(L, 1, b);
    lua_call(L, 2, 1);
    less = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return less;
}

static void swap(lua_State *L, lua_Integer a, lua_Integer b)
{
    lua_rawgeti(L, 1, a);
    lua_rawgeti(L, 1, b);
    lua_rawseti(L, 1, a);
    lua_rawseti(L, 1, b);
}

/* Lets element i of the heap 1 … n sink to its place. */
static void sink(lua_State *L, lua_Integer i, lua_Integer n)
{
    for (lua_Integer child; (child = 2 * i) <= n; i = child) {
        if (child < n && is_less(L, child, child + 1))
            child++;
        if (!is_less(L, i, child))
            return;
        swap(L, i, child);
    }
}

static int table_sort(lua_State *L)
{
    lua_Integer n = writable_length(L, 1);

    lua_check_depth(L);
    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    for (lua_Integer i = n / 2; i >= 1; i--)
        sink(L, i, n);
    for (lua_Integer i = n; i > 1; i--) {
        swap(L, 1, i);
        sink(L, 1, i - 1);
    }
    return 0;
}

void lua_table_open(lua_State *L)
{
    static const luaL_Reg ours[] = {
        {"insert", table_insert}, {"remove", table_remove}, {"concat", table_concat},
        {"move", table_move},     {"sort", table_sort},     {NULL, NULL},
    };
    static const char *const stock[] = {"pack", "unpack"}; /* bounded by the stack */

    luaL_newlib(L, ours);
    lua_getglobal(L, LUA_TABLIBNAME);
    for (size_t i = 0; i < FCT_COUNT(stock); i++) {
        lua_getfield(L, -1, stock[i]);
        lua_setfield(L, -3, stock[i]);
    }
    lua_pop(L, 1);
}
