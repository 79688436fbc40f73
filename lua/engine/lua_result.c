/* lua_result.c - what a hook{} answers: reject, tempfail, discard, quarantine, accept, disconnect.
 * Documentation: lua_api.def. */
#include "lua_api.h"

#define RESULT "result"

struct result {
    enum fct_verdict verdict;
    unsigned code; /* 0: the protocol's default */
    bool has_enhanced;
    char enhanced[16], text[401]; /* one reply line (RFC 5321 4.5.3.1.5) */
};

static const char *const verdict_names[] = {
    [FCT_NEXT] = "next",
    [FCT_ACCEPT] = "accept",
    [FCT_QUARANTINE] = "quarantine",
    [FCT_DISCARD] = "discard",
    [FCT_TEMPFAIL] = "tempfail",
    [FCT_REJECT] = "reject",
    [FCT_DISCONNECT] = "disconnect",
    [FCT_SKIP] = "skip",
};

static int result_newindex(lua_State *L)
{
    return luaL_error(L, "a result cannot be changed");
}

void lua_result_open(lua_State *L)
{
    luaL_newmetatable(L, RESULT);
    lua_pushcfunction(L, result_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_pushliteral(L, "locked");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

static struct result *new_result(lua_State *L, enum fct_verdict verdict)
{
    struct result *r = lua_newuserdatauv(L, sizeof *r, 0);

    *r = (struct result){.verdict = verdict};
    luaL_setmetatable(L, RESULT);
    return r;
}

/* ---- replies ---- */

/* class "." subject "." detail                                                              RFC
 * 3463 2 */
static bool is_enhanced(const char *s, unsigned class)
{
    size_t subject, detail;

    if ((unsigned)(s[0] - '0') != class || s[1] != '.')
        return false;
    subject = strspn(s + 2, "0123456789");
    if (subject < 1 || subject > 3 || s[2 + subject] != '.')
        return false;
    detail = strspn(s + 3 + subject, "0123456789");
    return detail >= 1 && detail <= 3 && s[3 + subject + detail] == '\0';
}

/* code?, enhanced?, text? - each may be left out; a text that looks like an enhanced code is one.
 */
static int reply(lua_State *L, enum fct_verdict verdict, unsigned class)
{
    int arg = 1, last = lua_gettop(L);
    struct result *r = new_result(L, verdict);
    struct fct_str text;

    if (arg <= last && lua_isinteger(L, arg)) {
        lua_Integer code = lua_tointeger(L, arg);
        luaL_argcheck(L, code / 100 == (lua_Integer) class, arg,
                      class == 5 ? "a code 5xx is needed" : "a code 4xx is needed");
        r->code = (unsigned)code;
        arg++;
    }
    if (arg <= last && is_enhanced(luaL_checkstring(L, arg), class)) {
        snprintf(r->enhanced, sizeof r->enhanced, "%s", lua_tostring(L, arg++));
        r->has_enhanced = true;
    }
    if (arg <= last) {
        text = lua_str_check(L, arg);
        luaL_argcheck(L, text.n < sizeof r->text, arg, "the text is too long");
        for (size_t i = 0; i < text.n; i++)
            luaL_argcheck(L, (unsigned char)text.p[i] >= 32 && text.p[i] != 127, arg,
                          "control characters in the text");
        memcpy(r->text, text.p, text.n);
        arg++;
    }
    luaL_argcheck(L, arg > last, arg, "more than code, enhanced code and text");
    return 1;
}

int lua_fn_global_reject(lua_State *L)
{
    return reply(L, FCT_REJECT, 5);
}

int lua_fn_global_tempfail(lua_State *L)
{
    return reply(L, FCT_TEMPFAIL, 4);
}

int lua_fn_global_disconnect(lua_State *L)
{
    return reply(L, FCT_DISCONNECT, 5);
}

int lua_fn_global_discard(lua_State *L)
{
    new_result(L, FCT_DISCARD);
    return 1;
}

int lua_fn_global_quarantine(lua_State *L)
{
    new_result(L, FCT_QUARANTINE);
    return 1;
}

int lua_fn_global_accept(lua_State *L)
{
    new_result(L, FCT_ACCEPT);
    return 1;
}

int lua_fn_global_skip(lua_State *L)
{
    new_result(L, FCT_SKIP);
    return 1;
}

/* ---- taking it ---- */

bool lua_result_is(lua_State *L, int index)
{
    return luaL_testudata(L, index, RESULT) != NULL;
}

enum fct_verdict lua_result_take(lua_State *L, int index)
{
    struct lua_call *c = lua_call_check(L);
    const struct result *r;

    if (lua_isnil(L, index))
        return FCT_NEXT;
    r = luaL_testudata(L, index, RESULT);
    if (!r)
        return (enum fct_verdict)luaL_error(
            L, "hook %s returned a %s: return nothing, or reject(…), tempfail(…) and their like",
            lua_hook_names[c->hook], luaL_typename(L, index));
    if (!(lua_hook_verdicts(c->hook) & (1u << r->verdict)))
        luaL_error(L, "hook %s cannot answer %s", lua_hook_names[c->hook],
                   verdict_names[r->verdict]);
    if ((r->code || r->has_enhanced || r->text[0]) &&
        !lua_host(L)->reply(c->host, r->code, r->has_enhanced ? r->enhanced : NULL, r->text))
        luaL_error(L, "the host refuses this reply (is its text UTF-8?)");
    return r->verdict;
}
