/* lua_coroutine.c - pcall, xpcall and coroutines that cannot hide from the watchdog (Lua 5.4
 * manual 6.1, 6.2).
 *
 * A budget error goes through every pcall and every resume up to the host. Left out:
 * coroutine.close, and finalizers: Lua runs
 * __close of a dead coroutine and __gc with hooks switched off. */
#include "lua_engine.h"

static bool is_error(int status)
{
    return status != LUA_OK && status != LUA_YIELD;
}

/* ---- pcall ---- */

/* Below the results lie `kept` values of ours, the last of them `true`. */
static int protected_done(lua_State *L, int status, lua_KContext kept)
{
    if (!is_error(status))
        return lua_gettop(L) - (int)kept + 1;
    lua_check_budget(L);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

static int base_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_check_depth(L);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    return protected_done(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 1, protected_done),
                          1);
}

/* The script's message handler is not asked about budget errors: those come out of a hook, inside
 * which no other hook fires. */
static int call_handler(lua_State *L)
{
    struct lua_call *c = lua_running;

    lua_settop(L, 1);
    if (c && c->stopped)
        return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

static int base_xpcall(lua_State *L)
{
    int n = lua_gettop(L) - 2;

    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_check_depth(L);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, call_handler, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2); /* f, handler, true, f, arguments … */
    return protected_done(L, lua_pcallk(L, n, LUA_MULTRET, 2, 3, protected_done), 3);
}

/* ---- coroutines ---- */

static int body_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)ctx;
    return is_error(status) ? lua_error(L) : lua_gettop(L);
}

/* Every coroutine's bottom frame. Here an error inside is caught while hooks still work, so that
 * __close runs under the watchdog. */
static int run_body(lua_State *L)
{
    return body_done(L, lua_pcallk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, 0, body_done), 0);
}

static int coroutine_create(lua_State *L)
{
    lua_State *co;

    luaL_checktype(L, 1, LUA_TFUNCTION);
    co = lua_newthread(L);
    lua_pushcfunction(co, run_body);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

static lua_State *check_coroutine(lua_State *L, int arg)
{
    lua_State *co = lua_tothread(L, arg);

    luaL_argexpected(L, co, arg, "coroutine");
    return co;
}

/* "suspended" before its first run too; what else is neither running nor dead is waiting for one it
 * resumed. */
static const char *status_of(lua_State *L, lua_State *co)
{
    lua_Debug at;

    if (L == co)
        return "running";
    if (lua_status(co) == LUA_YIELD)
        return "suspended";
    if (lua_status(co) != LUA_OK)
        return "dead";
    if (lua_getstack(co, 0, &at))
        return "normal";
    return lua_gettop(co) == 0 ? "dead" : "suspended";
}

/* Runs co with the n values on top of L. True: its results are on co, *results of them; false: the
 * error is on L. */
static bool resume(lua_State *L, lua_State *co, int n, int *results)
{
    struct lua_call *c = lua_running;
    const char *status = status_of(L, co);
    int result;

    lua_check_depth(L);
    if (strcmp(status, "suspended") != 0) {
        lua_pushfstring(L, "cannot resume %s coroutine",
                        strcmp(status, "dead") == 0 ? "dead" : "non-suspended");
        return false;
    }
    if (!lua_checkstack(co, n + 1)) {
        lua_pushliteral(L, "too many arguments to resume");
        return false;
    }
    lua_xmove(L, co, n);
    if (c)
        c->L = co;
    result = lua_resume(co, L, lua_status(co) == LUA_YIELD ? n : n + 1, results);
    if (c)
        c->L = L;
    lua_check_budget(L);
    if (!is_error(result))
        return true;
    lua_xmove(co, L, 1);
    return false;
}

static bool take_results(lua_State *L, lua_State *co, int n)
{
    if (!lua_checkstack(L, n + 1)) {
        lua_pop(co, n);
        lua_pushliteral(L, "too many results to resume");
        return false;
    }
    lua_xmove(co, L, n);
    return true;
}

static int coroutine_resume(lua_State *L)
{
    lua_State *co = check_coroutine(L, 1);
    int n;

    if (resume(L, co, lua_gettop(L) - 1, &n) && take_results(L, co, n)) {
        lua_pushboolean(L, 1);
        lua_insert(L, -(n + 1));
        return n + 1;
    }
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

static int wrapped(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    int n;

    if (resume(L, co, lua_gettop(L), &n) && take_results(L, co, n))
        return n;
    return lua_error(L);
}

static int coroutine_wrap(lua_State *L)
{
    coroutine_create(L);
    lua_pushcclosure(L, wrapped, 1);
    return 1;
}

static int coroutine_yield(lua_State *L)
{
    if (!lua_isyieldable(L))
        return luaL_error(L, "attempt to yield outside a coroutine, or inside a function of C");
    return lua_yield(L, lua_gettop(L));
}

static int coroutine_status(lua_State *L)
{
    lua_pushstring(L, status_of(L, check_coroutine(L, 1)));
    return 1;
}

static int coroutine_isyieldable(lua_State *L)
{
    lua_pushboolean(L, lua_isyieldable(L));
    return 1;
}

/* nil, true in the callback itself: its Lua thread is ours and will serve others. */
static int coroutine_running(lua_State *L)
{
    bool callback = !lua_running || lua_running->thread == L;

    if (callback)
        lua_pushnil(L);
    else
        lua_pushthread(L);
    lua_pushboolean(L, callback);
    return 2;
}

void lua_coroutine_open(lua_State *L)
{
    static const luaL_Reg ours[] = {
        {"create", coroutine_create},   {"resume", coroutine_resume},
        {"yield", coroutine_yield},     {"status", coroutine_status},
        {"wrap", coroutine_wrap},       {"isyieldable", coroutine_isyieldable},
        {"running", coroutine_running}, {NULL, NULL},
    };

    luaL_newlib(L, ours);
}

void lua_protected_open(lua_State *L)
{
    lua_pushcfunction(L, base_pcall);
    lua_setfield(L, -2, "pcall");
    lua_pushcfunction(L, base_xpcall);
    lua_setfield(L, -2, "xpcall");
}
