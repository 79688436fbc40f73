/* lua_bind.c - from lua_api.def to what scripts can reach: fields, methods, global functions; and
 * objects that die in time. */
#include "lua_api.h"

struct binding {
    const char *owner, *name;
    lua_CFunction function;
};

/* clang-format off */
static const struct binding fields[] = {
#define FIELD(object, name, type, doc, example) {#object, #name, lua_get_##object##_##name},
#include "lua_api.def"
};

static const struct binding methods[] = {
#define METHOD(object, name, arguments, returns, doc, example) {#object, #name, lua_do_##object##_##name},
#include "lua_api.def"
};

static const struct binding functions[] = {
#define FUNCTION(library, name, arguments, returns, doc, example) {#library, #name, lua_fn_##library##_##name},
#include "lua_api.def"
};
/* clang-format on */

static const char *const view_types[] = {"conn", "envelope", "message", "part"};

/* ---- objects ---- */

struct lua_call *lua_call_check(lua_State *L)
{
    struct lua_call *c = lua_running;

    if (!c || !c->host)
        luaL_error(L, "works only inside a callback, not while the file is loaded");
    return c;
}

void lua_view_push(lua_State *L, const char *type, const struct fct_part *part)
{
    struct lua_call *c = lua_call_check(L);
    struct lua_view *v = lua_newuserdatauv(L, sizeof *v, 0);

    *v = (struct lua_view){c, c->generation, part};
    luaL_setmetatable(L, type);
}

struct lua_call *lua_view_check(lua_State *L, int arg, const char *type)
{
    const struct lua_view *v = luaL_checkudata(L, arg, type);

    if (v->call != lua_running || v->generation != v->call->generation)
        luaL_error(L, "%s used after its callback returned", type);
    return v->call;
}

const struct fct_host *lua_host(lua_State *L)
{
    return lua_engine_of(L)->host;
}

/* Upvalues: methods by name, fields by name, the type's name. */
static int view_index(lua_State *L)
{
    const char *type = lua_tostring(L, lua_upvalueindex(3));
    lua_CFunction get;

    lua_view_check(L, 1, type);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
        return 1;
    lua_pop(L, 1);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(2)) == LUA_TNIL)
        return luaL_error(L, "%s has no field '%s'", type, luaL_tolstring(L, 2, NULL));
    get = lua_tocfunction(L, -1);
    lua_settop(L, 1);
    return get(L);
}

/* The one thing to be set: m.mailbox = NAME, at deliver. */
static int view_newindex(lua_State *L)
{
    const char *type = lua_tostring(L, lua_upvalueindex(1)), *key = luaL_checkstring(L, 2);
    struct lua_call *c = lua_view_check(L, 1, type);

    if (strcmp(type, "message") != 0 || strcmp(key, "mailbox") != 0)
        return luaL_error(L, "%s.%s cannot be set", type, key);
    if (c->hook != FCT_HOOK_deliver)
        return luaL_error(L, "the mailbox is chosen at deliver");
    if (!lua_host(L)->mailbox(c->host, lua_str_check(L, 3)))
        return luaL_error(L, "'%s' cannot be the mailbox", luaL_checkstring(L, 3));
    return 0;
}

static void push_bindings(lua_State *L, const struct binding *b, size_t n, const char *owner)
{
    lua_newtable(L);
    for (size_t i = 0; i < n; i++)
        if (strcmp(b[i].owner, owner) == 0) {
            lua_pushcfunction(L, b[i].function);
            lua_setfield(L, -2, b[i].name);
        }
}

static void make_type(lua_State *L, const char *type)
{
    luaL_newmetatable(L, type);
    push_bindings(L, methods, FCT_COUNT(methods), type);
    push_bindings(L, fields, FCT_COUNT(fields), type);
    lua_pushstring(L, type);
    lua_pushcclosure(L, view_index, 3);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, type);
    lua_pushcclosure(L, view_newindex, 1);
    lua_setfield(L, -2, "__newindex");
    lua_pushliteral(L, "locked");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void lua_bind_open(lua_State *L)
{
    for (size_t i = 0; i < FCT_COUNT(view_types); i++)
        make_type(L, view_types[i]);
    lua_event_open(L);
    lua_result_open(L);
    lua_address_open(L);
}

/* Into the table of globals on top. */
void lua_bind_functions(lua_State *L)
{
    push_bindings(L, functions, FCT_COUNT(functions), "global");
    for (lua_pushnil(L); lua_next(L, -2);) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_settable(L, -5);
    }
    lua_pop(L, 1);
    push_bindings(L, functions, FCT_COUNT(functions), "log");
    lua_sandbox_push_readonly(L);
    lua_setfield(L, -2, "log");
}

/* ---- strings ---- */

struct fct_str lua_str_check(lua_State *L, int arg)
{
    struct fct_str s;

    s.p = luaL_checklstring(L, arg, &s.n);
    return s;
}

void lua_str_push(lua_State *L, struct fct_str s)
{
    lua_pushlstring(L, s.p ? s.p : "", s.n);
}

void lua_str_push_or_nil(lua_State *L, struct fct_str s)
{
    if (s.n == 0)
        lua_pushnil(L);
    else
        lua_str_push(L, s);
}
