/* lua_log.c - logging, counting and waiting, for all callbacks. Documentation: lua_api.def. */
#include "lua_api.h"

/* Formats by string.format, with its checks: our log never sees a script's format. */
static int say(lua_State *L, enum fct_level level)
{
    struct lua_call *c = lua_call_check(L);

    luaL_checkstring(L, 1);
    if (lua_gettop(L) > 1) {
        lua_getfield(L, 1, "format"); /* strings have the methods of our string library */
        lua_insert(L, 1);
        lua_call(L, lua_gettop(L) - 1, 1);
    }
    lua_host(L)->log(c->host, level, "%s", lua_tostring(L, -1));
    return 0;
}

int lua_fn_log_debug(lua_State *L)
{
    return say(L, FCT_DEBUG);
}

int lua_fn_log_info(lua_State *L)
{
    return say(L, FCT_INFO);
}

int lua_fn_log_warning(lua_State *L)
{
    return say(L, FCT_WARNING);
}

int lua_fn_log_error(lua_State *L)
{
    return say(L, FCT_ERROR);
}

int lua_fn_global_print(lua_State *L)
{
    struct lua_call *c = lua_call_check(L);
    int n = lua_gettop(L);
    luaL_Buffer out;

    lua_check_depth(L);
    luaL_buffinit(L, &out);
    for (int i = 1; i <= n; i++) {
        if (i > 1)
            luaL_addchar(&out, '\t');
        luaL_tolstring(L, i, NULL);
        luaL_addvalue(&out);
    }
    luaL_pushresult(&out);
    lua_host(L)->log(c->host, FCT_INFO, "%s", lua_tostring(L, -1));
    return 0;
}

/* ---- counting ---- */

#define GAUGES "facteur.gauges" /* registry: name → the value the host knows */

static void count(lua_State *L, double by)
{
    struct lua_call *c = lua_call_check(L);

    lua_host(L)->count(c->host, luaL_checkstring(L, 1), by);
}

int lua_fn_metric_count(lua_State *L)
{
    count(L, luaL_optnumber(L, 2, 1));
    return 0;
}

/* The host only adds: what is told is the difference. */
int lua_fn_metric_gauge(lua_State *L)
{
    lua_Number value = luaL_checknumber(L, 2), before;

    luaL_checkstring(L, 1);
    lua_settop(L, 2);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, GAUGES);
    lua_pushvalue(L, 1);
    lua_rawget(L, 3);
    before = lua_tonumber(L, -1);
    count(L, value - before);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_rawset(L, 3);
    return 0;
}

/* ---- waiting ---- */

FCT_MAY_WAIT int lua_fn_global_sleep_ms(lua_State *L)
{
    lua_Integer ms = luaL_checkinteger(L, 1);
    struct lua_call *c = lua_call_waits(L);
    bool slept;

    slept = lua_host(L)->sleep_ms(c->host, ms < 0 ? 0 : ms > 600000 ? 600000 : (uint32_t)ms);
    lua_call_goes_on(c);
    lua_pushboolean(L, slept);
    return 1;
}

int lua_fn_global_time_left_ms(lua_State *L)
{
    lua_pushinteger(L, lua_host(L)->time_left_ms(lua_call_check(L)->host));
    return 1;
}
