/* lua_view.c - the objects that scripts are handed: message, connection, envelope, event, part,
 * HTML. They die with their callback.
 *
 * Each says which callback it belongs to by that callback's serial number. No number is given out
 * twice, so one that a script has kept never fits a later callback. Objects without a part are
 * nothing but that number and their type, in a light userdata: a callback makes no garbage. Where
 * a pointer cannot hold it all objects are userdata. */
#include "lua_engine.h"

#define TYPE_BITS 3

_Static_assert(LUA_VIEW_TYPES <= 1 << TYPE_BITS, "more bits for the type");

static const char *const type_names[LUA_VIEW_TYPES] = {
    [LUA_CONN] = "conn",   [LUA_ENVELOPE] = "envelope", [LUA_MESSAGE] = "message",
    [LUA_EVENT] = "event", [LUA_PART] = "part",         [LUA_HTML] = "html",
};

struct view {
    uint64_t serial;
    const struct fct_part *part;
};

static bool is_light(enum lua_view_type type)
{
    return type < LUA_PART && sizeof(void *) >= sizeof(uint64_t);
}

/* With a type in its lowest bits it is nothing's address. */
static void *handle(const struct lua_call *c, enum lua_view_type type)
{
    return (void *)(uintptr_t)(c->serial << TYPE_BITS | type);
}

void lua_view_push(lua_State *L, enum lua_view_type type, const struct fct_part *part)
{
    struct lua_call *c = lua_call_check(L);
    struct view *v;

    if (is_light(type)) {
        lua_pushlightuserdata(L, handle(c, type));
        return;
    }
    v = lua_newuserdatauv(L, sizeof *v, 0);
    *v = (struct view){c->serial, part};
    luaL_setmetatable(L, type_names[type]);
}

static enum lua_view_type type_of(lua_State *L, int arg)
{
    unsigned bits;

    if (lua_islightuserdata(L, arg)) {
        bits = (uintptr_t)lua_touserdata(L, arg) & ((1u << TYPE_BITS) - 1);
        return is_light(bits) ? bits : LUA_NO_VIEW;
    }
    for (unsigned type = LUA_NO_VIEW + 1; type < LUA_VIEW_TYPES; type++)
        if (!is_light(type) && luaL_testudata(L, arg, type_names[type]))
            return type;
    return LUA_NO_VIEW;
}

static const char *name_of(lua_State *L, int arg)
{
    enum lua_view_type type = type_of(L, arg);

    return type == LUA_NO_VIEW ? luaL_typename(L, arg) : type_names[type];
}

/* What a callback began beside itself may use its objects: it lives longer. */
static bool is_mine(uint64_t serial)
{
    for (const struct lua_call *c = lua_running; c; c = c->parent)
        if (c->serial == serial)
            return true;
    return false;
}

struct lua_call *lua_view_check(lua_State *L, int arg, enum lua_view_type type)
{
    const void *at = lua_touserdata(L, arg);
    uint64_t serial;

    if (is_light(type) && lua_running && at == handle(lua_running, type))
        return lua_running;
    if (type_of(L, arg) != type)
        luaL_argerror(L, arg,
                      lua_pushfstring(L, "%s expected, got %s", type_names[type], name_of(L, arg)));
    serial = is_light(type) ? (uintptr_t)at >> TYPE_BITS : ((const struct view *)at)->serial;
    if (!is_mine(serial))
        luaL_error(L, "%s used after its callback returned", type_names[type]);
    return lua_running;
}

const struct fct_part *lua_view_part(lua_State *L, int arg)
{
    return ((const struct view *)lua_touserdata(L, arg))->part;
}

/* ---- what they have ---- */

/* Upvalues: the members of each type, see lua_members_push. */
static int view_index(lua_State *L)
{
    enum lua_view_type type = type_of(L, 1);
    lua_CFunction get;

    if (type == LUA_EVENT)
        return lua_event_index(L);
    if (type == LUA_NO_VIEW)
        return luaL_error(L, "json.null has no fields");
    lua_view_check(L, 1, type);
    lua_pushvalue(L, 2);
    switch (lua_rawget(L, lua_upvalueindex((int)type))) {
    case LUA_TFUNCTION:
        return 1;
    case LUA_TLIGHTUSERDATA:
        get = (lua_CFunction)(uintptr_t)lua_touserdata(L, -1);
        lua_settop(L, 1);
        return get(L);
    default:
        return luaL_error(L, "%s has no field '%s'", type_names[type], luaL_tolstring(L, 2, NULL));
    }
}

/* m.mailbox = NAME at deliver, m.sender = ADDRESS at edit, fields of events; nothing else. */
static int view_newindex(lua_State *L)
{
    enum lua_view_type type = type_of(L, 1);
    const char *key;

    if (type == LUA_EVENT)
        return lua_event_newindex(L);
    if (type == LUA_NO_VIEW)
        return luaL_error(L, "json.null has no fields");
    key = luaL_checkstring(L, 2);
    lua_view_check(L, 1, type);
    if (type == LUA_MESSAGE && strcmp(key, "mailbox") == 0)
        return lua_message_set_mailbox(L);
    if (type == LUA_MESSAGE && strcmp(key, "sender") == 0)
        return lua_message_set_sender(L);
    return luaL_error(L, "%s.%s cannot be set", type_names[type], key);
}

/* One for all types: it asks which. */
static void push_index(lua_State *L)
{
    for (unsigned type = LUA_NO_VIEW + 1; type < LUA_VIEW_TYPES; type++)
        lua_members_push(L, type_names[type]);
    lua_pushcclosure(L, view_index, LUA_VIEW_TYPES - 1);
}

/* Into the metatable on top; `index` is below it. */
static void set_access(lua_State *L, int index)
{
    lua_pushvalue(L, index);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, view_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_pushliteral(L, "locked");
    lua_setfield(L, -2, "__metatable");
}

void lua_view_open(lua_State *L)
{
    int index = lua_gettop(L) + 1;

    push_index(L);
    for (unsigned type = LUA_NO_VIEW + 1; type < LUA_VIEW_TYPES; type++) {
        luaL_newmetatable(L, type_names[type]);
        set_access(L, index);
        lua_pop(L, 1);
    }
    lua_pushlightuserdata(L, NULL);
    lua_newtable(L);
    set_access(L, index);
    lua_setmetatable(L, -2);
    lua_settop(L, index - 1);
}
