/* lua_conn.c - the objects `conn` and `envelope`. Signatures and documentation: lua_api.def. */
#include "lua_api.h"

/* A call that is over has no connection any more. */
static const struct fct_conn *conn(lua_State *L)
{
    const struct fct_conn *c = lua_host(L)->conn(lua_view_check(L, 1, LUA_CONN)->host);

    if (!c)
        luaL_error(L, "the callback's time is over");
    return c;
}

int lua_get_conn_id(lua_State *L)
{
    lua_str_push(L, conn(L)->id);
    return 1;
}

int lua_get_conn_ip(lua_State *L)
{
    lua_str_push(L, conn(L)->client_ip);
    return 1;
}

int lua_get_conn_port(lua_State *L)
{
    lua_pushinteger(L, conn(L)->client_port);
    return 1;
}

int lua_get_conn_rdns(lua_State *L)
{
    const struct fct_conn *c = conn(L);

    lua_str_push_or_nil(L, FCT_HAS(c, client_name) ? c->client_name : (struct fct_str){NULL, 0});
    return 1;
}

int lua_get_conn_frontend(lua_State *L)
{
    const struct fct_conn *c = conn(L);

    lua_str_push_or_nil(L, FCT_HAS(c, frontend) ? c->frontend : (struct fct_str){NULL, 0});
    return 1;
}

int lua_get_conn_local_ip(lua_State *L)
{
    lua_str_push(L, conn(L)->local_ip);
    return 1;
}

int lua_get_conn_local_port(lua_State *L)
{
    lua_pushinteger(L, conn(L)->local_port);
    return 1;
}

int lua_get_conn_role(lua_State *L)
{
    for (size_t i = 0; lua_roles[i].name; i++)
        if (lua_roles[i].bit == conn(L)->role) {
            lua_pushstring(L, lua_roles[i].name);
            return 1;
        }
    lua_pushliteral(L, "unknown");
    return 1;
}

int lua_get_conn_helo(lua_State *L)
{
    lua_str_push_or_nil(L, conn(L)->helo);
    return 1;
}

int lua_get_conn_tls(lua_State *L)
{
    const struct fct_conn *c = conn(L);

    if (c->tls_version.n == 0) {
        lua_pushnil(L);
        return 1;
    }
    lua_createtable(L, 0, 3);
    lua_str_push(L, c->tls_version);
    lua_setfield(L, -2, "version");
    lua_str_push(L, c->tls_cipher);
    lua_setfield(L, -2, "cipher");
    lua_str_push_or_nil(L, FCT_HAS(c, tls_server_name) ? c->tls_server_name
                                                       : (struct fct_str){NULL, 0});
    lua_setfield(L, -2, "server_name");
    return 1;
}

int lua_get_conn_auth(lua_State *L)
{
    const struct fct_conn *c = conn(L);

    if (c->login.n == 0) {
        lua_pushnil(L);
        return 1;
    }
    lua_createtable(L, 0, 2);
    lua_str_push(L, c->login);
    lua_setfield(L, -2, "user");
    lua_str_push_or_nil(L,
                        FCT_HAS(c, auth_mechanism) ? c->auth_mechanism : (struct fct_str){NULL, 0});
    lua_setfield(L, -2, "mechanism");
    return 1;
}

int lua_get_conn_trusted(lua_State *L)
{
    lua_pushboolean(L, conn(L)->trusted);
    return 1;
}

int lua_get_conn_envelope(lua_State *L)
{
    lua_view_check(L, 1, LUA_CONN);
    lua_view_push(L, LUA_ENVELOPE, NULL);
    return 1;
}

/* ---- envelope ---- */

static const struct fct_envelope *envelope(lua_State *L)
{
    const struct fct_envelope *e = lua_host(L)->envelope(lua_view_check(L, 1, LUA_ENVELOPE)->host);

    if (!e)
        luaL_error(L, "the callback's time is over");
    return e;
}

int lua_get_envelope_id(lua_State *L)
{
    lua_str_push(L, envelope(L)->id);
    return 1;
}

int lua_get_envelope_from(lua_State *L)
{
    struct fct_str path = envelope(L)->reverse_path;

    if (path.n == 0)
        lua_pushnil(L);
    else
        lua_address_push_path(L, path);
    return 1;
}

int lua_get_envelope_rcpts(lua_State *L)
{
    const struct fct_envelope *e = envelope(L);

    lua_newtable(L);
    for (size_t i = 0; i < e->recipients; i++) {
        lua_address_push_path(L, e->recipient[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

int lua_get_envelope_smtputf8(lua_State *L)
{
    lua_pushboolean(L, envelope(L)->smtputf8);
    return 1;
}

int lua_get_envelope_body(lua_State *L)
{
    const struct fct_envelope *e = envelope(L);

    lua_str_push_or_nil(L, FCT_HAS(e, body) ? e->body : (struct fct_str){NULL, 0});
    return 1;
}

int lua_get_envelope_size(lua_State *L)
{
    const struct fct_envelope *e = envelope(L);

    lua_pushinteger(L, FCT_HAS(e, declared) ? (lua_Integer)e->declared : 0);
    return 1;
}
