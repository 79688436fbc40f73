/* fuzz_lua_pattern.c - our pattern matcher: no crash, bounded steps; and on small inputs the same
 * answer as Lua's own.
 *
 * Input: one byte, the length of the pattern; the pattern; the subject. */
#include "lua/engine/lua_pattern.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>

#define STEPS 4000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static lua_State *stock(void)
{
    static lua_State *L;

    if (!L) {
        L = luaL_newstate();
        luaL_openlibs(L);
    }
    lua_settop(L, 0);
    return L;
}

/* Lua's matcher has no bound: only what ours did in few steps is asked of it. */
static void compare(struct fct_str pattern, const struct lua_match *m, bool found)
{
    lua_State *L = stock();

    lua_getglobal(L, "string");
    lua_getfield(L, -1, "find");
    lua_pushlstring(L, m->subject.p, m->subject.n);
    lua_pushlstring(L, pattern.p, pattern.n);
    if (lua_pcall(L, 2, LUA_MULTRET, 0) != LUA_OK)
        return; /* it finds some errors only when it comes by, ours all of them, and has limits of
                   its own */
    if (lua_isnil(L, 2) == found)
        abort();
    if (!found)
        return;
    if (lua_tointeger(L, 2) != (lua_Integer)m->start + 1 ||
        lua_tointeger(L, 3) != (lua_Integer)m->end)
        abort();
    if (!lua_pattern_is_plain(pattern) && (size_t)lua_gettop(L) != 3 + m->captures)
        abort();
    for (size_t i = 0; i < m->captures; i++) {
        size_t n;
        const char *text =
            lua_type(L, (int)i + 4) == LUA_TSTRING ? lua_tolstring(L, (int)i + 4, &n) : NULL;
        if (m->capture[i].position
                ? lua_tointeger(L, (int)i + 4) != (lua_Integer)m->capture[i].start + 1
                : !text || n != m->capture[i].length ||
                      memcmp(text, m->subject.p + m->capture[i].start, n) != 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str pattern, subject;
    struct lua_match m;
    struct lua_pattern *p;
    enum lua_matched how;

    if (size < 1 || (size_t)data[0] + 1 > size)
        return 0;
    pattern = (struct fct_str){(const char *)data + 1, data[0]};
    subject = (struct fct_str){(const char *)data + 1 + data[0], size - 1 - data[0]};
    p = malloc(lua_pattern_bytes(pattern.n));
    m = (struct lua_match){.subject = subject, .steps = STEPS};
    if (p && !lua_pattern_compile(pattern, true, p)) {
        how = lua_pattern_search(p, &m, 0);
        if (how == LUA_MATCHED && (m.start > m.end || m.end > subject.n))
            abort();
        if (how != LUA_TOO_COSTLY && subject.n < 200)
            compare(pattern, &m, how == LUA_MATCHED);
    }
    free(p);
    return 0;
}
