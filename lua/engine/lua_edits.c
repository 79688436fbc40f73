/* lua_edits.c - what a callback may change or find: header fields of the view, keywords, symbols.
 * Documentation: lua_api.def. */
#include "lua_api.h"

static struct fct_call *message(lua_State *L)
{
    return lua_view_check(L, 1, LUA_MESSAGE)->host;
}

static int refuse(lua_State *L, const char *what)
{
    if (lua_host(L)->time_left_ms(lua_running->host) == 0)
        return luaL_error(L, "the callback's time is over");
    if (lua_running->hook == FCT_HOOK_scan)
        return luaL_error(L,
                          "scan only looks: edits are made at headers, verdict, edit or deliver");
    return luaL_error(L, "%s: not a legal header field, or edited before", what);
}

int lua_do_message_add_header(lua_State *L)
{
    static const char *const places[] = {"top", "end", "after_trace", NULL};
    static const enum fct_where where[] = {FCT_TOP, FCT_END, FCT_AFTER_TRACE};
    struct fct_call *call = message(L);
    struct fct_str name = lua_str_check(L, 2), value = lua_str_check(L, 3);

    if (!lua_host(L)->header_add(call, where[luaL_checkoption(L, 4, "top", places)], name, value))
        return refuse(L, name.p);
    return 0;
}

int lua_do_message_insert_header(lua_State *L)
{
    static const char *const places[] = {"before", "after", NULL};
    struct fct_call *call = message(L);
    struct fct_str name = lua_str_check(L, 2), value = lua_str_check(L, 3);
    enum fct_where where = luaL_checkoption(L, 4, NULL, places) == 0 ? FCT_BEFORE : FCT_AFTER;
    const struct fct_header *beside = lua_host(L)->header(call, luaL_checkstring(L, 5), 0);

    (void)LUA_NEEDS(L, header_insert, "insert_header");
    if (!beside)
        return luaL_error(L, "there is no field %s", lua_tostring(L, 5));
    if (!lua_host(L)->header_insert(call, where, beside, name, value))
        return refuse(L, name.p);
    return 0;
}

int lua_do_message_set_header(lua_State *L)
{
    struct fct_call *call = message(L);
    struct fct_str name = lua_str_check(L, 2), value = lua_str_check(L, 3);
    const struct fct_header *h = lua_host(L)->header(call, name.p, 0);

    if (h ? !lua_host(L)->header_set(call, h, value)
          : !lua_host(L)->header_add(call, FCT_TOP, name, value))
        return refuse(L, name.p);
    return 0;
}

int lua_do_message_remove_header(lua_State *L)
{
    struct fct_call *call = message(L);
    const char *name = luaL_checkstring(L, 2);
    const struct fct_header *h;
    size_t n = 0;

    for (; (h = lua_host(L)->header(call, name, n)); n++)
        if (!lua_host(L)->header_remove(call, h))
            return refuse(L, name);
    lua_pushinteger(L, (lua_Integer)n);
    return 1;
}

int lua_do_message_keyword(lua_State *L)
{
    struct lua_call *c = lua_view_check(L, 1, LUA_MESSAGE);
    struct fct_str name = lua_str_check(L, 2);

    if (c->hook != FCT_HOOK_deliver)
        return luaL_error(L, "keywords are chosen at deliver");
    if (!lua_host(L)->keyword(c->host, name))
        return luaL_error(L, "'%s' cannot be a keyword", name.p);
    return 0;
}

/* m.mailbox = NAME */
int lua_message_set_mailbox(lua_State *L)
{
    struct lua_call *c = lua_view_check(L, 1, LUA_MESSAGE);

    if (c->hook != FCT_HOOK_deliver)
        return luaL_error(L, "the mailbox is chosen at deliver");
    if (!lua_host(L)->mailbox(c->host, lua_str_check(L, 3)))
        return luaL_error(L, "'%s' cannot be the mailbox", luaL_checkstring(L, 3));
    return 0;
}

/* ---- the envelope, at edit and queue.in ---- */

static int change_envelope(lua_State *L, const char *what, int arg)
{
    struct lua_call *c = lua_view_check(L, 1, LUA_MESSAGE);
    struct fct_str value = lua_str_check(L, arg);

    if (c->hook != FCT_HOOK_edit && c->hook != FCT_HOOK_queue_in)
        return luaL_error(L, "sender and recipients are changed at edit and queue.in");
    (void)LUA_NEEDS(L, set, "changes");
    if (!lua_host(L)->set(c->host, what, value))
        return luaL_error(L, "'%s' cannot be taken as %s", value.p, what);
    return 0;
}

/* m.sender = ADDRESS */
int lua_message_set_sender(lua_State *L)
{
    return change_envelope(L, "reverse_path", 3);
}

int lua_do_message_add_recipient(lua_State *L)
{
    return change_envelope(L, "add_recipient", 2);
}

int lua_do_message_remove_recipient(lua_State *L)
{
    return change_envelope(L, "remove_recipient", 2);
}

/* ---- bodies ---- */

/* Pushes the text with CRLF at every line's end (RFC 5321 2.3.8). */
static struct fct_str push_crlf(lua_State *L, struct fct_str s)
{
    luaL_Buffer out;

    luaL_buffinit(L, &out);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r'))
            luaL_addchar(&out, '\r');
        luaL_addchar(&out, s.p[i]);
    }
    luaL_pushresult(&out);
    return lua_str_check(L, -1);
}

static int refuse_body(lua_State *L, const char *what)
{
    if (lua_host(L)->time_left_ms(lua_running->host) == 0)
        return luaL_error(L, "the callback's time is over");
    if (lua_running->hook == FCT_HOOK_scan)
        return luaL_error(L,
                          "scan only looks: edits are made at headers, verdict, edit or deliver");
    return luaL_error(L, "%s: signed or encrypted, out of bounds, or edited before", what);
}

int lua_do_message_replace_body(lua_State *L)
{
    struct fct_call *call = message(L);
    struct fct_str text = lua_str_check(L, 2);

    (void)LUA_NEEDS(L, body_replace, "replace_body");
    if (!lua_host(L)->body_replace(call, push_crlf(L, text)))
        return refuse_body(L, "the body");
    return 0;
}

static const struct fct_part *part(lua_State *L)
{
    lua_view_check(L, 1, LUA_PART);
    (void)LUA_NEEDS(L, part_patch, "edits of parts");
    return lua_view_part(L, 1);
}

int lua_do_part_patch(lua_State *L)
{
    const struct fct_part *p = part(L);
    lua_Integer offset = luaL_checkinteger(L, 2), length = luaL_checkinteger(L, 3);
    struct fct_str with = lua_str_check(L, 4);

    luaL_argcheck(L, offset >= 1, 2, "the first byte has the number 1");
    luaL_argcheck(L, length >= 0, 3, "it cannot be negative");
    if (!lua_host(L)->part_patch(lua_running->host, p, (size_t)offset - 1, (size_t)length, with))
        return refuse_body(L, "the part");
    return 0;
}

int lua_do_part_replace_text(lua_State *L)
{
    const struct fct_part *p = part(L);
    struct fct_str old = lua_str_check(L, 2), with = lua_str_check(L, 3), s;
    const char *at;
    lua_Integer n = 0;

    luaL_argcheck(L, old.n > 0, 2, "it is empty");
    s = lua_host(L)->part_bytes(lua_running->host, p);
    for (size_t from = 0; from < s.n && (at = memmem(s.p + from, s.n - from, old.p, old.n)); n++) {
        size_t offset = (size_t)(at - s.p);

        if (!lua_host(L)->part_patch(lua_running->host, p, offset, old.n, with))
            return refuse_body(L, "the part");
        from = offset + old.n;
        lua_check_budget(L);
    }
    lua_pushinteger(L, n);
    return 1;
}

/* ---- symbols, on both objects ---- */

static int has(lua_State *L, struct lua_call *c)
{
    double score = 0;
    bool found = lua_host(L)->has_symbol(c->host, luaL_checkstring(L, 2), &score);

    lua_pushboolean(L, found);
    if (!found)
        return 1;
    lua_pushnumber(L, score);
    return 2;
}

int lua_do_message_has(lua_State *L)
{
    return has(L, lua_view_check(L, 1, LUA_MESSAGE));
}

int lua_do_conn_has(lua_State *L)
{
    return has(L, lua_view_check(L, 1, LUA_CONN));
}

static int hit(lua_State *L, struct lua_call *c)
{
    struct fct_str detail = {"", 0};

    if (!lua_isnoneornil(L, 2)) {
        detail.p = luaL_tolstring(L, 2, &detail.n);
        lua_check_budget(L);
    }
    if (c->rule->kind != LUA_RULE)
        return luaL_error(L, "only a rule{} has a symbol to hit");
    lua_rule_hit(c, detail);
    return 0;
}

int lua_do_message_hit(lua_State *L)
{
    return hit(L, lua_view_check(L, 1, LUA_MESSAGE));
}

int lua_do_conn_hit(lua_State *L)
{
    return hit(L, lua_view_check(L, 1, LUA_CONN));
}

int lua_do_message_score(lua_State *L)
{
    struct lua_call *c = lua_view_check(L, 1, LUA_MESSAGE);
    double score = 0, sum = 0;

    if (!lua_isnoneornil(L, 2)) {
        lua_pushnumber(L, lua_host(L)->has_symbol(c->host, luaL_checkstring(L, 2), &score) ? score
                                                                                           : 0);
        return 1;
    }
    (void)LUA_NEEDS(L, symbol_at, "score() without a name");
    for (size_t i = 0; lua_host(L)->symbol_at(c->host, i, &score); i++)
        sum += score;
    lua_pushnumber(L, sum);
    return 1;
}

int lua_do_message_symbols(lua_State *L)
{
    struct lua_call *c = lua_view_check(L, 1, LUA_MESSAGE);
    const char *name;
    double score = 0;

    (void)LUA_NEEDS(L, symbol_at, "symbols()");
    lua_newtable(L);
    for (size_t i = 0; (name = lua_host(L)->symbol_at(c->host, i, &score)); i++) {
        lua_createtable(L, 0, 2);
        lua_pushstring(L, name);
        lua_setfield(L, -2, "name");
        lua_pushnumber(L, score);
        lua_setfield(L, -2, "score");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

int lua_do_message_force(lua_State *L)
{
    static const char *const actions[] = {"keep",       "tag",     "greylist", "junk",
                                          "quarantine", "discard", "reject",   NULL};
    struct lua_call *c = lua_view_check(L, 1, LUA_MESSAGE);
    int action = luaL_checkoption(L, 2, NULL, actions);
    lua_Integer rank = luaL_optinteger(L, 3, 1);
    struct fct_str why = {"", 0};

    if (!lua_isnoneornil(L, 4))
        why = lua_str_check(L, 4);
    luaL_argcheck(L, rank >= 0 && rank <= 1000000, 3, "from 0 to 1000000");
    (void)LUA_NEEDS(L, force, "force");
    if (!lua_host(L)->force(c->host, (enum fct_action)action, (uint32_t)rank, why))
        return luaL_error(L, "hook %s cannot force an action", lua_hook_names[c->hook]);
    return 0;
}
