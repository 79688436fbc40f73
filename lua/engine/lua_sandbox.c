/* lua_sandbox.c - what a rule file sees: read-only globals, an _ENV of its own, no way to files,
 * bytecode or the C API.
 *
 * The list is of what is there, not of what is taken away. The process around it is the real wall
 * (threats.md's advice): this keeps rules from harming each other and from running for ever. */
#include "lua_engine.h"

#define GLOBALS "facteur.globals" /* registry: the globals that are common to all files */
#define FOLDERS "facteur.folders" /* registry: folder → these and the `lists` beside its files */

static int refuse_write(lua_State *L)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);

    return luaL_error(L, "'%s' is read-only here: write \"local %s\"", name, name);
}

/* An empty table that reads from the one on top and refuses writing; takes its place. */
void lua_sandbox_push_readonly(lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 3);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, refuse_write);
    lua_setfield(L, -2, "__newindex");
    lua_pushliteral(L, "locked");
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_remove(L, -2);
}

/* Raw writing would go round __newindex. */
void lua_sandbox_check_writable(lua_State *L, int table)
{
    if (luaL_getmetafield(L, table, "__metatable") != LUA_TNIL)
        luaL_argerror(L, table, "this table is read-only");
}

/* One table per folder, so that a look-up stays one step. */
static void push_globals(lua_State *L, const char *folder)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, FOLDERS);
    if (lua_getfield(L, -1, folder) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_getfield(L, LUA_REGISTRYINDEX, GLOBALS);
        for (lua_pushnil(L); lua_next(L, -2);) {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, -5);
        }
        lua_pop(L, 1);
        lua_lists_push(L, folder);
        lua_setfield(L, -2, "lists");
        lua_pushvalue(L, -1);
        lua_setfield(L, -3, folder);
    }
    lua_remove(L, -2);
}

void lua_sandbox_push_globals(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, GLOBALS);
}

void lua_sandbox_push_env(lua_State *L, const char *path)
{
    const char *slash = strrchr(path, '/');

    lua_pushlstring(L, path, slash ? (size_t)(slash + 1 - path) : 0);
    push_globals(L, lua_tostring(L, -1));
    lua_remove(L, -2);
    lua_sandbox_push_readonly(L);
}

/* ---- guarded functions of the base library * ---- */

/* A finalizer would run at any time, in anybody's callback, with hooks switched off. */
static int base_setmetatable(lua_State *L)
{
    int kind = lua_type(L, 2);

    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, kind == LUA_TNIL || kind == LUA_TTABLE, 2, "nil or table");
    lua_sandbox_check_writable(L, 1);
    if (kind == LUA_TTABLE) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "__gc is not allowed in rules");
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

static int base_rawset(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_sandbox_check_writable(L, 1);
    luaL_checkany(L, 2);
    luaL_checkany(L, 3);
    lua_settop(L, 3);
    lua_rawset(L, 1);
    return 1;
}

/* The address of a table or function helps nobody but an attacker. */
static int base_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_check_depth(L);
    switch (lua_type(L, 1)) {
    case LUA_TTABLE:
    case LUA_TFUNCTION:
    case LUA_TTHREAD:
    case LUA_TUSERDATA:
    case LUA_TLIGHTUSERDATA:
        if (luaL_getmetafield(L, 1, "__tostring") == LUA_TNIL) {
            lua_pushstring(L, luaL_typename(L, 1));
            return 1;
        }
        lua_pop(L, 1);
        break;
    default:
        break;
    }
    luaL_tolstring(L, 1, NULL);
    return 1;
}

/* ---- putting it together * ---- */

/* Copies named fields of the table at -1 into the one at -2. */
static void copy_fields(lua_State *L, const char *const *names)
{
    for (; *names; names++) {
        lua_getfield(L, -1, *names);
        lua_setfield(L, -3, *names);
    }
}

static void add_base(lua_State *L)
{
    static const char *const stock[] = {
        "assert", "error",  "getmetatable", "ipairs",   "next", "pairs",    "rawequal",
        "rawget", "rawlen", "select",       "tonumber", "type", "_VERSION", NULL,
    };
    static const luaL_Reg ours[] = {
        {"setmetatable", base_setmetatable},
        {"rawset", base_rawset},
        {"tostring", base_tostring},
        {"require", lua_file_require},
        {NULL, NULL},
    };

    lua_pushglobaltable(L);
    copy_fields(L, stock);
    lua_pop(L, 1);
    luaL_setfuncs(L, ours, 0);
    lua_protected_open(L);
}

/* Stock libraries whose every function is quick. randomseed is left out: the generator is
 * everybody's. */
static void add_stock_library(lua_State *L, const char *name)
{
    lua_newtable(L);
    lua_getglobal(L, name);
    for (lua_pushnil(L); lua_next(L, -2);) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_settable(L, -5);
    }
    lua_pop(L, 1);
    lua_pushnil(L);
    lua_setfield(L, -2, "randomseed");
    lua_sandbox_push_readonly(L);
    lua_setfield(L, -2, name);
}

static void add_library(lua_State *L, const char *name, void (*open)(lua_State *L))
{
    open(L);
    lua_sandbox_push_readonly(L);
    lua_setfield(L, -2, name);
}

void lua_sandbox_open(lua_State *L)
{
    lua_newtable(L);
    add_base(L);
    add_library(L, LUA_STRLIBNAME, lua_string_open);
    add_library(L, LUA_TABLIBNAME, lua_table_open);
    add_library(L, LUA_COLIBNAME, lua_coroutine_open);
    add_stock_library(L, LUA_MATHLIBNAME);
    add_stock_library(L, LUA_UTF8LIBNAME);
    lua_bind_functions(L);
    lua_setfield(L, LUA_REGISTRYINDEX, GLOBALS);
}
