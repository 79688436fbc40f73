/* lua_edits.c - what a callback may change or find: header fields of the view, keywords, symbols.
 * Documentation: lua_api.def. */
#include "lua_api.h"

static struct fct_call *message(lua_State *L)
{
    return lua_view_check(L, 1, "message")->host;
}

static int refuse(lua_State *L, const char *what)
{
    if (lua_host(L)->time_left_ms(lua_running->host) == 0)
        return luaL_error(L, "the callback's time is over");
    if (lua_running->hook == FCT_HOOK_scan)
        return luaL_error(L,
                          "scan only looks: edits are made at headers, verdict, edit or deliver");
    return luaL_error(L, "%s: not a legal header field, or edited before", what);
}

int lua_do_message_add_header(lua_State *L)
{
    static const char *const places[] = {"top", "end", NULL};
    struct fct_call *call = message(L);
    struct fct_str name = lua_str_check(L, 2), value = lua_str_check(L, 3);
    enum fct_where where = luaL_checkoption(L, 4, "top", places) == 0 ? FCT_TOP : FCT_END;

    if (!lua_host(L)->header_add(call, where, name, value))
        return refuse(L, name.p);
    return 0;
}

int lua_do_message_set_header(lua_State *L)
{
    struct fct_call *call = message(L);
    struct fct_str name = lua_str_check(L, 2), value = lua_str_check(L, 3);
    const struct fct_header *h = lua_host(L)->header(call, name.p, 0);

    if (h ? !lua_host(L)->header_set(call, h, value)
          : !lua_host(L)->header_add(call, FCT_TOP, name, value))
        return refuse(L, name.p);
    return 0;
}

int lua_do_message_remove_header(lua_State *L)
{
    struct fct_call *call = message(L);
    const char *name = luaL_checkstring(L, 2);
    const struct fct_header *h;
    size_t n = 0;

    for (; (h = lua_host(L)->header(call, name, n)); n++)
        if (!lua_host(L)->header_remove(call, h))
            return refuse(L, name);
    lua_pushinteger(L, (lua_Integer)n);
    return 1;
}

int lua_do_message_keyword(lua_State *L)
{
    struct lua_call *c = lua_view_check(L, 1, "message");
    struct fct_str name = lua_str_check(L, 2);

    if (c->hook != FCT_HOOK_deliver)
        return luaL_error(L, "keywords are chosen at deliver");
    if (!lua_host(L)->keyword(c->host, name))
        return luaL_error(L, "'%s' cannot be a keyword", name.p);
    return 0;
}

/* ---- symbols, on both objects * ---- */

static int has(lua_State *L, struct lua_call *c)
{
    double score = 0;
    bool found = lua_host(L)->has_symbol(c->host, luaL_checkstring(L, 2), &score);

    lua_pushboolean(L, found);
    if (!found)
        return 1;
    lua_pushnumber(L, score);
    return 2;
}

int lua_do_message_has(lua_State *L)
{
    return has(L, lua_view_check(L, 1, "message"));
}

int lua_do_conn_has(lua_State *L)
{
    return has(L, lua_view_check(L, 1, "conn"));
}

int lua_do_message_hit(lua_State *L)
{
    struct lua_call *c = lua_view_check(L, 1, "message");
    struct fct_str detail = lua_isnoneornil(L, 2) ? (struct fct_str){"", 0} : lua_str_check(L, 2);

    if (!c->rule->scores)
        return luaL_error(L, "only a rule{} has a symbol to hit");
    lua_host(L)->symbol(c->host, c->rule->symbol, 1.0, detail); /* the first hit counts */
    return 0;
}
