/* lua_bind.c - from lua_api.def to what scripts can reach: fields, methods, global functions. */
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

static const struct binding values[] = {
#define VALUE(library, name, type, doc, example) {#library, #name, lua_value_##library##_##name},
#include "lua_api.def"
};

static const char *const libraries[] = {
#define LIBRARY(name, doc) #name,
#include "lua_api.def"
};
/* clang-format on */

/* ---- where scripts are ---- */

struct lua_call *lua_call_check(lua_State *L)
{
    struct lua_call *c = lua_running;

    if (!c || !c->host)
        luaL_error(L, "works only inside a callback, not while the file is loaded");
    return c;
}

const struct fct_host *lua_host(lua_State *L)
{
    return lua_engine_of(L)->host;
}

bool lua_host_lacks(lua_State *L, const char *what)
{
    lua_call_check(L);
    luaL_error(L, "this server is too old for %s", what);
    return false;
}

/* Asked for every row and owner whenever a state is opened. */
static bool is_of(const struct binding *b, const char *owner)
{
    return b->owner[0] == owner[0] && strcmp(b->owner, owner) == 0;
}

static void push_bindings(lua_State *L, const struct binding *b, size_t n, const char *owner)
{
    lua_newtable(L);
    for (size_t i = 0; i < n; i++)
        if (is_of(&b[i], owner)) {
            lua_pushcfunction(L, b[i].function);
            lua_setfield(L, -2, b[i].name);
        }
}

void lua_members_push(lua_State *L, const char *type)
{
    push_bindings(L, methods, FCT_COUNT(methods), type);
    for (size_t i = 0; i < FCT_COUNT(fields); i++)
        if (is_of(&fields[i], type)) {
            lua_pushlightuserdata(L, (void *)(uintptr_t)fields[i].function);
            lua_setfield(L, -2, fields[i].name);
        }
}

void lua_methods_push(lua_State *L, const char *type)
{
    push_bindings(L, methods, FCT_COUNT(methods), type);
}

void lua_type_open(lua_State *L, const char *type, lua_CFunction tostring)
{
    luaL_newmetatable(L, type);
    lua_methods_push(L, type);
    lua_setfield(L, -2, "__index");
    if (tostring) {
        lua_pushcfunction(L, tostring);
        lua_setfield(L, -2, "__tostring");
    }
    lua_pushliteral(L, "locked");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void lua_bind_open(lua_State *L)
{
    lua_view_open(L);
    lua_result_open(L);
    lua_address_open(L);
    lua_time_open(L);
    lua_url_open(L);
    lua_regex_open(L);
    lua_type_open(L, "trackers", NULL);
    lua_type_open(L, "cleaned", NULL);
    lua_type_open(L, "script", NULL);
    lua_type_open(L, "rate", NULL);
    lua_type_open(L, "list", NULL);
}

/* Adds the fields of the table on top to the one below it, and pops it. */
static void merge(lua_State *L)
{
    for (lua_pushnil(L); lua_next(L, -2);) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_settable(L, -5);
    }
    lua_pop(L, 1);
}

static void push_library(lua_State *L, const char *name)
{
    push_bindings(L, functions, FCT_COUNT(functions), name);
    for (size_t i = 0; i < FCT_COUNT(values); i++)
        if (strcmp(values[i].owner, name) == 0) {
            values[i].function(L);
            lua_setfield(L, -2, values[i].name);
        }
}

/* Into the table of globals on top. */
void lua_bind_functions(lua_State *L)
{
    for (size_t i = 0; i < FCT_COUNT(libraries); i++) {
        push_library(L, libraries[i]);
        if (strcmp(libraries[i], "global") == 0) {
            merge(L);
            continue;
        }
        lua_sandbox_push_readonly(L);
        lua_setfield(L, -2, libraries[i]);
    }
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
