/* lua_composite.c - composite{}: symbols that follow from others. The server reads the expression
 * and looks at it for every scoring profile. Documentation: lua_api.def. */
#include "lua_api.h"

#include <stdlib.h>

struct lua_composite {
    struct lua_composite *next;
    struct fct_composite is;
    const char *where;
};

static const char *text_field(lua_State *L, struct lua_engine *e, const char *name,
                              const char *fallback)
{
    const char *kept = fallback;

    if (lua_getfield(L, 1, name) != LUA_TNIL) {
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "%s must be a string", name);
        kept = lua_keep(e, "%s", lua_tostring(L, -1));
    }
    lua_pop(L, 1);
    return kept;
}

static void check_fields(lua_State *L)
{
    static const char known[] = " score group about when remove ";

    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        char word[40];

        if (lua_isinteger(L, -2) && lua_tointeger(L, -2) == 1)
            continue;
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "one name is expected");
        snprintf(word, sizeof word, " %s ", lua_tostring(L, -2));
        if (!strstr(known, word))
            luaL_error(L, "unknown field '%s'; known are:%s", lua_tostring(L, -2), known);
    }
}

int lua_fn_global_composite(lua_State *L)
{
    struct lua_engine *e = lua_engine_of(L);
    struct lua_composite *c;

    luaL_checktype(L, 1, LUA_TTABLE);
    if (!e->file)
        return luaL_error(L, "composite works only while the file is loaded");
    check_fields(L);
    if (e->shadow) /* the server looks at composites for everybody: there is no trying */
        return 0;
    if (lua_rawgeti(L, 1, 1) != LUA_TSTRING)
        return luaL_error(L, "the composite's name is missing");
    lua_symbol_check(L, e, lua_tostring(L, -1));
    c = calloc(1, sizeof *c);
    if (!c)
        return luaL_error(L, "not enough memory");
    c->next = e->composite;
    e->composite = c;
    c->where = lua_where_kept(L, e);
    c->is.size = sizeof c->is;
    c->is.symbol.name = lua_keep(e, "%s", lua_tostring(L, 2));
    lua_settop(L, 1);
    c->is.symbol.group = text_field(L, e, "group", "lua");
    c->is.symbol.doc = text_field(L, e, "about", "");
    c->is.expression = text_field(L, e, "when", NULL);
    if (!c->is.expression)
        return luaL_error(L, "composite needs when, as in when = \"A & !B\"");
    if (lua_getfield(L, 1, "score") != LUA_TNIL && !lua_isnumber(L, -1))
        return luaL_error(L, "score must be a number");
    c->is.symbol.score = lua_tonumber(L, -1);
    lua_getfield(L, 1, "remove");
    c->is.consume = lua_toboolean(L, -1);
    return 0;
}

const char *lua_composite_declared(const struct lua_engine *e, const char *name)
{
    for (const struct lua_composite *c = e->composite; c; c = c->next)
        if (c->is.symbol.name && strcmp(c->is.symbol.name, name) == 0)
            return c->where;
    return NULL;
}

bool lua_composites_register(struct lua_engine *e, struct fct_self *self, struct fct_err *err)
{
    for (const struct lua_composite *c = e->composite; c; c = c->next) {
        struct fct_err inner = {0};

        if (!FCT_HAS(e->host, add_composite) || !e->host->add_composite) {
            return lua_fail(err, FCT_DENIED, "%s: this server is too old for composite{}",
                            c->where);
        }
        if (!e->host->add_composite(self, &c->is, &inner)) {
            return lua_fail(err, inner.class, "%s: %.180s", c->where, inner.text);
        }
        lua_symbol_origin(e, self, c->is.symbol.name, c->where);
    }
    return true;
}

void lua_composites_free(struct lua_engine *e)
{
    struct lua_composite *c;

    while ((c = e->composite)) {
        e->composite = c->next;
        free(c);
    }
}
