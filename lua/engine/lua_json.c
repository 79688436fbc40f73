/* lua_json.c - JSON both ways, by jansson, with bounds on depth and size (RFC 8259). Documentation:
 * lua_api.def. */
#include "lua_api.h"

#include <jansson.h>

#define DEPTH_MOST 64 /* jansson's reader calls itself: a fiber's stack is small */
#define BOX        "facteur.json"

/* json.null. Its lowest bits are no type of an object: lua_view.c. */
_Alignas(16) static const char null_address;

/* ---- holding what jansson made across Lua errors ---- */

static int box_gc(lua_State *L)
{
    json_t **box = lua_touserdata(L, 1);

    json_decref(*box);
    *box = NULL;
    return 0;
}

static json_t **push_box(lua_State *L)
{
    json_t **box = lua_newuserdatauv(L, sizeof(json_t *), 0);

    *box = NULL;
    if (luaL_newmetatable(L, BOX)) {
        lua_pushcfunction(L, box_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return box;
}

int lua_value_json_null(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)&null_address);
    return 1;
}

/* ---- encoding: nothing here raises, `why` says what cannot be written ---- */

static json_t *make(lua_State *L, int index, unsigned depth, const char **why);

/* The keys 1 … n and no others: n. -1: something else; 0 for the empty table, an object. */
static lua_Integer array_length(lua_State *L, int index)
{
    lua_Integer n = (lua_Integer)lua_rawlen(L, index), seen = 0;

    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) < 1 || lua_tointeger(L, -2) > n) {
            lua_pop(L, 2);
            return -1;
        }
        seen++;
    }
    return seen == n ? n : -1;
}

static json_t *make_array(lua_State *L, int index, lua_Integer n, unsigned depth, const char **why)
{
    json_t *array = json_array();

    for (lua_Integer i = 1; i <= n && !*why; i++) {
        lua_rawgeti(L, index, i);
        if (json_array_append_new(array, make(L, lua_gettop(L), depth + 1, why)) != 0 && !*why)
            *why = "not enough memory";
        lua_pop(L, 1);
    }
    return array;
}

static json_t *make_object(lua_State *L, int index, unsigned depth, const char **why)
{
    json_t *object = json_object();

    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        char number[40];
        const char *key = number;

        if (lua_type(L, -2) == LUA_TSTRING)
            key = lua_tostring(L, -2);
        else if (lua_isinteger(L, -2))
            snprintf(number, sizeof number, "%lld", (long long)lua_tointeger(L, -2));
        else
            *why = "a key is neither a string nor a whole number";
        if (!*why &&
            json_object_set_new(object, key, make(L, lua_gettop(L), depth + 1, why)) != 0 && !*why)
            *why = "a key is not UTF-8";
        if (*why) {
            lua_pop(L, 2);
            break;
        }
    }
    return object;
}

static json_t *make_table(lua_State *L, int index, unsigned depth, const char **why)
{
    lua_Integer n;

    if (depth == DEPTH_MOST || !lua_checkstack(L, 8)) {
        *why = "nested too deep";
        return NULL;
    }
    n = array_length(L, index);
    return n > 0 ? make_array(L, index, n, depth, why) : make_object(L, index, depth, why);
}

static json_t *make_string(lua_State *L, int index, const char **why)
{
    size_t n;
    const char *s = lua_tolstring(L, index, &n);
    json_t *string = json_stringn(s, n);

    if (!string)
        *why = "a string is not UTF-8";
    return string;
}

static json_t *make(lua_State *L, int index, unsigned depth, const char **why)
{
    json_t *number;

    switch (lua_type(L, index)) {
    case LUA_TNIL:
        return json_null();
    case LUA_TBOOLEAN:
        return json_boolean(lua_toboolean(L, index));
    case LUA_TNUMBER:
        if (lua_isinteger(L, index))
            return json_integer(lua_tointeger(L, index));
        number = json_real(lua_tonumber(L, index));
        if (!number)
            *why = "a number is infinite, or none";
        return number;
    case LUA_TSTRING:
        return make_string(L, index, why);
    case LUA_TTABLE:
        return make_table(L, index, depth, why);
    case LUA_TLIGHTUSERDATA:
        return json_null();
    default:
        *why = "only nil, booleans, numbers, strings and tables can be written";
        return NULL;
    }
}

int lua_fn_json_encode(lua_State *L)
{
    const char *why = NULL;
    json_t *value;
    char *text;
    size_t n;

    luaL_checkany(L, 1);
    lua_settop(L, 1);
    lua_check_depth(L);
    value = make(L, 1, 0, &why);
    text = why ? NULL : json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    json_decref(value);
    if (!text)
        return luaL_error(L, "json.encode: %s", why ? why : "not enough memory");
    n = strlen(text);
    if (n > lua_engine_of(L)->conf->call_memory.bytes) {
        free(text);
        return luaL_error(L, "not enough memory");
    }
    lua_pushlstring(L, text, n);
    free(text);
    lua_check_budget(L);
    return 1;
}

/* ---- decoding ---- */

static void push_value(lua_State *L, const json_t *v)
{
    const char *key;
    json_t *item;
    size_t i;

    luaL_checkstack(L, 4, NULL);
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        lua_createtable(L, 0, (int)json_object_size(v));
        json_object_foreach((json_t *)(uintptr_t)v, key, item)
        {
            push_value(L, item);
            lua_setfield(L, -2, key);
        }
        return;
    case JSON_ARRAY:
        lua_createtable(L, (int)json_array_size(v), 0);
        json_array_foreach(v, i, item)
        {
            push_value(L, item);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        return;
    case JSON_STRING:
        lua_pushlstring(L, json_string_value(v), json_string_length(v));
        return;
    case JSON_INTEGER:
        lua_pushinteger(L, json_integer_value(v));
        return;
    case JSON_REAL:
        lua_pushnumber(L, json_real_value(v));
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        lua_pushboolean(L, json_is_true(v));
        return;
    case JSON_NULL:
        lua_value_json_null(L);
        return;
    }
}

/* How deep brackets are nested, outside strings. */
static unsigned depth_of(struct fct_str s)
{
    unsigned depth = 0, most = 0;
    bool inside = false;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (inside && c == '\\')
            i++;
        else if (c == '"')
            inside = !inside;
        else if (!inside && (c == '[' || c == '{') && ++depth > most)
            most = depth;
        else if (!inside && (c == ']' || c == '}') && depth > 0)
            depth--;
    }
    return most;
}

int lua_fn_json_decode(lua_State *L)
{
    struct fct_str text = lua_str_check(L, 1);
    json_error_t error;
    json_t **box;

    lua_check_depth(L);
    if (text.n > lua_engine_of(L)->conf->text_limit.bytes || depth_of(text) > DEPTH_MOST) {
        lua_pushnil(L);
        lua_pushliteral(L, "too large or nested too deep");
        return 2;
    }
    box = push_box(L);
    *box = json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!*box) {
        lua_pushnil(L);
        lua_pushfstring(L, "line %d: %s", error.line, error.text);
        return 2;
    }
    push_value(L, *box);
    json_decref(*box);
    *box = NULL;
    lua_check_budget(L);
    return 1;
}
