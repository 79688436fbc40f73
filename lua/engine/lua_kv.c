/* lua_kv.c - small facts that outlive the message, and rates. Documentation: lua_api.def. */
#include "lua_api.h"

#define RATE "rate"

FCT_MAY_WAIT int lua_fn_kv_get(lua_State *L)
{
    struct fct_str key = lua_str_check(L, 1), value = {NULL, 0};
    struct lua_call *c;
    bool found;

    (void)LUA_NEEDS(L, kv_get, "kv");
    c = lua_call_waits(L);
    found = c->engine->host->kv_get(c->host, key, &value);
    lua_call_goes_on(c);
    if (found)
        lua_str_push(L, value);
    else
        lua_pushnil(L);
    return 1;
}

FCT_MAY_WAIT int lua_fn_kv_set(lua_State *L)
{
    struct fct_str key = lua_str_check(L, 1), value = lua_str_check(L, 2);
    uint32_t ttl = lua_ttl_check(L, 3);
    struct lua_call *c;
    bool ok;

    (void)LUA_NEEDS(L, kv_set, "kv");
    c = lua_call_waits(L);
    ok = c->engine->host->kv_set(c->host, key, value, ttl);
    lua_call_goes_on(c);
    lua_pushboolean(L, ok);
    return 1;
}

FCT_MAY_WAIT int lua_fn_kv_add(lua_State *L)
{
    struct fct_str key = lua_str_check(L, 1);
    lua_Integer by = luaL_optinteger(L, 2, 1);
    uint32_t ttl = lua_ttl_check(L, 3);
    struct lua_call *c;
    int64_t sum;

    (void)LUA_NEEDS(L, kv_add, "kv");
    c = lua_call_waits(L);
    sum = c->engine->host->kv_add(c->host, key, by, ttl);
    lua_call_goes_on(c);
    lua_pushinteger(L, sum);
    return 1;
}

FCT_MAY_WAIT int lua_fn_kv_seen(lua_State *L)
{
    struct fct_str key = lua_str_check(L, 1);
    uint32_t ttl = lua_ttl_check(L, 2);
    struct lua_call *c;
    bool seen;

    (void)LUA_NEEDS(L, kv_seen, "kv");
    c = lua_call_waits(L);
    seen = c->engine->host->kv_seen(c->host, key, ttl);
    lua_call_goes_on(c);
    lua_pushboolean(L, seen);
    return 1;
}

/* ---- rates ---- */

void lua_rate_push(lua_State *L, const struct fct_rate *rate)
{
    *(struct fct_rate *)lua_newuserdatauv(L, sizeof *rate, 0) = *rate;
    luaL_setmetatable(L, RATE);
}

/* True; or false and the seconds to wait, at least 1. */
FCT_MAY_WAIT static int take(lua_State *L, struct fct_str key, const struct fct_rate *rate,
                             int amount_arg)
{
    lua_Integer amount = luaL_optinteger(L, amount_arg, 1);
    uint32_t wait_ms = 0;
    struct lua_call *c;
    bool ok;

    luaL_argcheck(L, amount >= 1 && amount <= UINT32_MAX, amount_arg, "at least 1");
    (void)LUA_NEEDS(L, limit_take, "limits");
    c = lua_call_waits(L);
    ok = c->engine->host->limit_take(c->host, key, rate, (uint32_t)amount, &wait_ms);
    lua_call_goes_on(c);
    lua_pushboolean(L, ok);
    if (ok)
        return 1;
    lua_pushinteger(L, wait_ms <= 1000 ? 1 : ((lua_Integer)wait_ms + 999) / 1000);
    return 2;
}

FCT_MAY_WAIT int lua_fn_limit_take(lua_State *L)
{
    struct fct_str key = lua_str_check(L, 1);
    const char *text = luaL_checkstring(L, 2);
    struct fct_rate rate;

    if (!lua_rate_parse(text, &rate))
        return luaL_error(L, "'%s' is not a rate (write 200/1h or 200/1h burst 50)", text);
    return take(L, key, &rate, 3);
}

FCT_MAY_WAIT int lua_do_rate_take(lua_State *L)
{
    const struct fct_rate *rate = luaL_checkudata(L, 1, RATE);

    return take(L, lua_str_check(L, 2), rate, 3);
}
