/* lua_case_points.c - a case goes through the points of a message's way, one after the other. */
#include "lua_case_int.h"

static void set_text(lua_State *L, const char *name, struct fct_str value)
{
    lua_str_push(L, value);
    lua_setfield(L, -2, name);
}

static void set_number(lua_State *L, const char *name, size_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

/* The event's table is on top: what the case says of it wins. Pops it. False: the mail ends here.
 */
static bool run_point(struct lua_case_run *r, enum fct_hook hook)
{
    lua_State *L = r->L;
    uint64_t event[LUA_EVENT_BYTES / sizeof(uint64_t)] = {0};
    int table = lua_gettop(L);
    enum fct_verdict v;

    if (lua_getfield(L, CASE, "event") == LUA_TTABLE)
        for (lua_pushnil(L); lua_next(L, table + 1); lua_pop(L, 1)) {
            lua_pushvalue(L, -2);
            lua_pushvalue(L, -2);
            lua_rawset(L, table);
        }
    lua_settop(L, table);
    lua_event_fill(L, table, hook, event);
    v = lua_trial_run(r->trial, hook, event);
    lua_settop(L, table - 1);
    if (v > r->verdict && v != FCT_ACCEPT)
        r->verdict = v;
    else if (v == FCT_ACCEPT && r->verdict == FCT_NEXT)
        r->verdict = v;
    return v < FCT_DISCARD;
}

static bool run_dialogue(struct lua_case_run *r)
{
    const struct fct_conn *c = &r->trial->conn;
    const struct fct_envelope *e = &r->trial->envelope;
    lua_State *L = r->L;

    lua_newtable(L);
    if (!run_point(r, FCT_HOOK_connect))
        return false;
    lua_newtable(L);
    set_text(L, "name", c->helo);
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "extended");
    if (!run_point(r, FCT_HOOK_helo))
        return false;
    lua_newtable(L);
    set_text(L, "user", c->login);
    set_text(L, "mechanism", c->auth_mechanism);
    set_text(L, "protocol", c->frontend);
    if (c->login.n == 0)
        lua_pop(L, 1);
    else if (!run_point(r, FCT_HOOK_auth))
        return false;
    lua_newtable(L);
    set_text(L, "reverse_path", e->reverse_path);
    if (!run_point(r, FCT_HOOK_mail))
        return false;
    for (size_t i = 0; i < e->recipients; i++) {
        lua_newtable(L);
        set_text(L, "recipient", e->recipient[i]);
        set_number(L, "accepted", i);
        if (!run_point(r, FCT_HOOK_rcpt))
            return false;
    }
    lua_newtable(L);
    set_number(L, "recipients", e->recipients);
    return run_point(r, FCT_HOOK_data);
}

static void push_verdict(struct lua_case_run *r)
{
    double sum = 0;
    size_t n = 0;
    char score[32];

    for (size_t i = 0; i < r->trial->symbols; i++)
        if (r->trial->symbol[i].found) {
            sum += r->trial->symbol[i].added;
            n++;
        }
    snprintf(score, sizeof score, "%.2f", sum);
    lua_newtable(r->L);
    set_number(r->L, "score_milli", sum > 0 ? (size_t)(sum * 1000) : 0);
    set_number(r->L, "symbols", n);
    set_text(r->L, "profile", FCT_STR("default"));
    set_text(r->L, "action", FCT_STR("keep"));
    set_text(r->L, "score", (struct fct_str){score, strlen(score)});
}

static void push_deliver(struct lua_case_run *r, struct fct_str recipient)
{
    lua_State *L = r->L;
    const char *plus = memchr(recipient.p, '+', recipient.n),
               *at = memrchr(recipient.p, '@', recipient.n);
    lua_Integer n = 0;

    lua_newtable(L);
    set_text(L, "recipient", recipient);
    set_text(L, "profile", FCT_STR("default"));
    set_text(L, "action", FCT_STR("keep"));
    if (plus && at && plus < at) {
        set_text(L, "detail", (struct fct_str){plus + 1, (size_t)(at - plus - 1)});
        lua_pushlstring(L, recipient.p, (size_t)(plus - recipient.p));
        lua_pushlstring(L, at, recipient.n - (size_t)(at - recipient.p));
        lua_concat(L, 2);
        lua_setfield(L, -2, "account");
    } else {
        set_text(L, "account", recipient);
    }
    lua_newtable(L);
    if (lua_getfield(L, CASE, "settings") == LUA_TTABLE)
        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
            if (lua_type(L, -2) == LUA_TSTRING && lua_isstring(L, -1)) {
                lua_pushfstring(L, "%s=%s", lua_tostring(L, -2), lua_tostring(L, -1));
                lua_rawseti(L, -5, ++n);
            }
    lua_pop(L, 1);
    lua_setfield(L, -2, "settings");
}

static bool run_message(struct lua_case_run *r)
{
    static const enum fct_hook judge[] = {FCT_HOOK_headers, FCT_HOOK_scan};
    const struct fct_envelope *e = &r->trial->envelope;
    lua_State *L = r->L;
    size_t size = r->trial->real->raw(r->trial->call).n;

    for (size_t i = 0; i < FCT_COUNT(judge); i++) {
        lua_newtable(L);
        set_number(L, "size", size);
        if (!run_point(r, judge[i]))
            return false;
    }
    lua_trial_composites(r->trial);
    push_verdict(r);
    if (!run_point(r, FCT_HOOK_verdict))
        return false;
    lua_newtable(L);
    set_number(L, "size", size);
    if (!run_point(r, FCT_HOOK_edit))
        return false;
    for (size_t i = 0; i < e->recipients; i++) {
        push_deliver(r, e->recipient[i]);
        if (!run_point(r, FCT_HOOK_deliver))
            return false;
    }
    return true;
}

/* at = HOOK: that one alone. */
bool lua_case_run_hooks(struct lua_case_run *r)
{
    const char *at = lua_case_word(r, "at", "");

    if (!*at) {
        (void)(run_dialogue(r) && run_message(r));
        return true;
    }
    for (int i = 0; lua_hook_names[i]; i++)
        if (strcmp(lua_hook_names[i], at) == 0) {
            if (i == FCT_HOOK_deliver && r->trial->envelope.recipients > 0)
                push_deliver(r, r->trial->envelope.recipient[0]);
            else
                lua_newtable(r->L);
            (void)run_point(r, (enum fct_hook)i);
            return true;
        }
    return lua_case_fail(r, "there is no hook '%s'", at);
}
