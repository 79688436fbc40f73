/* lua_http.c - HTTP requests. Documentation: lua_api.def. */
#include "lua_api.h"

#define HEADERS_MAX 32

/* "Name: value" for every entry of options.headers; the texts are left on the stack. */
static size_t read_headers(lua_State *L, int options, struct fct_str *out)
{
    size_t n = 0;
    int table;

    if (lua_getfield(L, options, "headers") == LUA_TNIL)
        return 0;
    if (!lua_istable(L, -1))
        luaL_error(L, "headers must be a table");
    table = lua_gettop(L);
    luaL_checkstack(L, HEADERS_MAX + 8, NULL);
    for (lua_pushnil(L); lua_next(L, table);) {
        if (n == HEADERS_MAX)
            luaL_error(L, "more than %d header fields", HEADERS_MAX);
        if (lua_type(L, -2) != LUA_TSTRING || !lua_isstring(L, -1))
            luaL_error(L, "headers must have names and texts");
        lua_pushfstring(L, "%s: %s", lua_tostring(L, -2), lua_tostring(L, -1));
        out[n] = lua_str_check(L, -1);
        if (strpbrk(out[n].p, "\r\n") || strlen(out[n].p) != out[n].n)
            luaL_error(L, "control characters in a header field");
        n++;
        lua_insert(L, -3); /* the text below the key, which lua_next wants on top */
        lua_pop(L, 1);
    }
    return n;
}

static void read_options(lua_State *L, int arg, struct fct_http_request *request,
                         struct fct_str *headers)
{
    if (lua_isnoneornil(L, arg))
        return;
    luaL_checktype(L, arg, LUA_TTABLE);
    if (lua_getfield(L, arg, "timeout") != LUA_TNIL) {
        uint64_t ms = lua_duration_check(L, -1);

        request->timeout_ms = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
    }
    if (lua_getfield(L, arg, "max") != LUA_TNIL) {
        lua_Integer max = luaL_checkinteger(L, -1);

        luaL_argcheck(L, max > 0 && max < UINT32_MAX, arg, "max must be positive");
        request->max_bytes = (uint32_t)max;
    }
    request->headers = read_headers(L, arg, headers);
    request->header = headers;
}

static void push_reply(lua_State *L, const struct fct_http_reply *reply)
{
    lua_createtable(L, 0, 3);
    lua_pushinteger(L, reply->status);
    lua_setfield(L, -2, "status");
    lua_str_push(L, reply->body);
    lua_setfield(L, -2, "body");
    lua_createtable(L, 0, (int)reply->headers);
    for (size_t i = 0; i < reply->headers; i++) {
        struct fct_str h = reply->header[i];
        const char *colon = memchr(h.p, ':', h.n), *value = colon;

        if (!colon)
            continue;
        for (value++; value < h.p + h.n && *value == ' ';)
            value++;
        lua_pushlstring(L, h.p, (size_t)(colon - h.p));
        lua_pushlstring(L, value, (size_t)(h.p + h.n - value));
        lua_rawset(L, -3);
    }
    lua_setfield(L, -2, "headers");
}

FCT_MAY_WAIT static int ask(lua_State *L, struct fct_http_request *request, int options)
{
    struct fct_http_reply reply = {.size = sizeof reply};
    struct fct_str headers[HEADERS_MAX];
    struct fct_err err = {0};
    struct lua_call *c;
    bool ok;

    (void)LUA_NEEDS(L, http, "http");
    read_options(L, options, request, headers);
    c = lua_call_waits(L);
    ok = c->engine->host->http(c->host, request, &reply, &err);
    lua_call_goes_on(c);
    if (ok) {
        push_reply(L, &reply);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    return 2;
}

FCT_MAY_WAIT int lua_fn_http_get(lua_State *L)
{
    struct fct_http_request request = {
        .size = sizeof request, .method = "GET", .url = lua_str_check(L, 1)};

    return ask(L, &request, 2);
}

FCT_MAY_WAIT int lua_fn_http_post(lua_State *L)
{
    struct fct_http_request request = {.size = sizeof request,
                                       .method = "POST",
                                       .url = lua_str_check(L, 1),
                                       .body = lua_str_check(L, 2)};

    return ask(L, &request, 3);
}
