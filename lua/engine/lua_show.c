/* lua_show.c - values as text for people: `facteurctl lua try`. */
#include "lua_engine.h"

#include <stdlib.h>

#define DEPTH_MOST 3
#define ITEMS_MOST 40

/* Written outside Lua's memory: values are walked while it grows. */
static void show(lua_State *L, FILE *out, int index, unsigned depth);

static void show_string(FILE *out, struct fct_str s)
{
    fputc('"', out);
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '"' || s.p[i] == '\\')
            fprintf(out, "\\%c", s.p[i]);
        else if (s.p[i] == '\n')
            fputs("\\n", out);
        else if ((unsigned char)s.p[i] < 32 || s.p[i] == 127)
            fprintf(out, "\\x%02x", (unsigned char)s.p[i]);
        else
            fputc(s.p[i], out);
    fputc('"', out);
}

/* The list part first, then the named fields in any order. */
static void show_table(lua_State *L, FILE *out, int index, unsigned depth)
{
    lua_Integer listed = (lua_Integer)lua_rawlen(L, index);
    unsigned n = 0;

    if (depth == DEPTH_MOST || !lua_checkstack(L, 8)) {
        fputs("{ … }", out);
        return;
    }
    fputc('{', out);
    for (lua_Integer i = 1; i <= listed && n < ITEMS_MOST; i++) {
        fputs(n++ ? ", " : " ", out);
        lua_rawgeti(L, index, i);
        show(L, out, lua_gettop(L), depth + 1);
        lua_pop(L, 1);
    }
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1 && lua_tointeger(L, -2) <= listed)
            continue;
        if (n == ITEMS_MOST) {
            fputs(", …", out);
            lua_pop(L, 2);
            break;
        }
        fputs(n++ ? ", " : " ", out);
        if (lua_type(L, -2) == LUA_TSTRING)
            fputs(lua_tostring(L, -2), out);
        else
            show(L, out, lua_gettop(L) - 1, depth + 1);
        fputs(" = ", out);
        show(L, out, lua_gettop(L), depth + 1);
    }
    fputs(n ? " }" : "}", out);
}

static void show(lua_State *L, FILE *out, int index, unsigned depth)
{
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        show_string(out, (struct fct_str){lua_tostring(L, index), lua_rawlen(L, index)});
        return;
    case LUA_TTABLE:
        show_table(L, out, index, depth);
        return;
    case LUA_TNUMBER: {
        char number[64];

        if (lua_isinteger(L, index))
            snprintf(number, sizeof number, "%lld", (long long)lua_tointeger(L, index));
        else
            snprintf(number, sizeof number, "%.14g", lua_tonumber(L, index));
        fputs(number, out);
        return;
    }
    case LUA_TBOOLEAN:
        fputs(lua_toboolean(L, index) ? "true" : "false", out);
        return;
    default:
        fputs(luaL_typename(L, index), out);
    }
}

char *lua_show(lua_State *L, int first, int last)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);

    if (!out)
        return NULL;
    for (int i = first; i <= last; i++) {
        if (i > first)
            fputs(", ", out);
        show(L, out, i, 0);
    }
    if (last < first)
        fputs("nil", out);
    fclose(out);
    return text;
}
