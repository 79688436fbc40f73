/* lua_redis.c - commands and scripts for Redis. Documentation: lua_api.def. */
#include "lua_api.h"

#include <stdlib.h>

#define WORDS_MAX   64
#define REPLY_DEPTH 8

/* Its address names it to the host: lives until stop. */
struct lua_script {
    struct lua_script *next;
    struct fct_redis_script is;
};

static void push_reply(lua_State *L, const struct fct_redis_reply *r, unsigned depth)
{
    luaL_checkstack(L, 4, NULL);
    switch ((enum fct_redis_kind)r->kind) {
    case FCT_REDIS_NIL:
        lua_pushnil(L);
        return;
    case FCT_REDIS_STRING:
        lua_str_push(L, r->string);
        return;
    case FCT_REDIS_INTEGER:
        lua_pushinteger(L, r->integer);
        return;
    case FCT_REDIS_ARRAY:
        break;
    }
    if (depth == REPLY_DEPTH)
        luaL_error(L, "the reply of Redis is nested too deep");
    lua_createtable(L, (int)r->n, 0);
    for (size_t i = 0; i < r->n; i++) {
        push_reply(L, &r->item[i], depth + 1);
        if (lua_isnil(L, -1)) { /* a hole would end the list */
            lua_pop(L, 1);
            lua_pushboolean(L, 0);
        }
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static int push_result(lua_State *L, const struct fct_redis_reply *r, const struct fct_err *err)
{
    if (r) {
        push_reply(L, r, 0);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, err->text);
    return 2;
}

FCT_MAY_WAIT int lua_fn_redis_call(lua_State *L)
{
    struct fct_str word[WORDS_MAX];
    const struct fct_redis_reply *reply;
    struct fct_err err = {0};
    struct lua_call *c;
    int n = lua_gettop(L);

    luaL_argcheck(L, n >= 1 && n <= WORDS_MAX, 1, "from 1 to 64 words");
    (void)LUA_NEEDS(L, redis, "redis");
    for (int i = 0; i < n; i++)
        word[i] = lua_str_check(L, i + 1);
    c = lua_call_waits(L);
    reply = c->engine->host->redis(c->host, word, (size_t)n, &err);
    lua_call_goes_on(c);
    return push_result(L, reply, &err);
}

/* ---- scripts ---- */

int lua_fn_redis_script(lua_State *L)
{
    struct lua_engine *e = lua_engine_of(L);
    const char *name = luaL_checkstring(L, 1), *text = luaL_checkstring(L, 2);
    struct lua_script *s;

    if (!e->file)
        return luaL_error(L, "redis.script works only while the file is loaded");
    s = calloc(1, sizeof *s);
    if (!s)
        return luaL_error(L, "not enough memory");
    s->next = e->script;
    e->script = s;
    s->is.name = lua_keep(e, "%s", name);
    s->is.text = lua_keep(e, "%s", text);
    *(const struct lua_script **)lua_newuserdatauv(L, sizeof s, 0) = s;
    luaL_setmetatable(L, "script");
    return 1;
}

/* Words of the list at `arg`, none when it is missing. They stay on the stack. */
static size_t check_words(lua_State *L, int arg, struct fct_str *word)
{
    size_t n = 0;

    if (lua_isnoneornil(L, arg))
        return 0;
    luaL_checktype(L, arg, LUA_TTABLE);
    for (; lua_rawgeti(L, arg, (lua_Integer)n + 1) != LUA_TNIL; n++) {
        luaL_argcheck(L, n < WORDS_MAX, arg, "more than 64 words");
        luaL_checkstack(L, 4, NULL);
        word[n] = lua_str_check(L, -1);
        if (lua_type(L, -1) != LUA_TSTRING) { /* converted: keep the text */
            lua_pushvalue(L, -1);
            lua_rawseti(L, arg, (lua_Integer)n + 1);
        }
    }
    return n;
}

FCT_MAY_WAIT int lua_do_script_call(lua_State *L)
{
    const struct lua_script *s = *(struct lua_script **)luaL_checkudata(L, 1, "script");
    struct fct_str key[WORDS_MAX], arg[WORDS_MAX];
    const struct fct_redis_reply *reply;
    struct fct_err err = {0};
    struct lua_call *c;
    size_t keys, args;

    (void)LUA_NEEDS(L, redis_script, "redis");
    lua_settop(L,
               3); /* the words of the first list must not stand where the second is looked for */
    keys = check_words(L, 2, key);
    args = check_words(L, 3, arg);
    c = lua_call_waits(L);
    reply = c->engine->host->redis_script(c->host, &s->is, key, keys, arg, args, &err);
    lua_call_goes_on(c);
    return push_result(L, reply, &err);
}

void lua_scripts_free(struct lua_engine *e)
{
    struct lua_script *s;

    while ((s = e->script)) {
        e->script = s->next;
        free(s);
    }
}
