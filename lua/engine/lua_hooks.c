/* lua_hooks.c - scripts see exactly the hooks and fields of facteur/hooks.def; and the callback
 * that the host calls. */
#include "lua_engine.h"

#define EVENT "event"

enum type { TYPE_STR, TYPE_U64, TYPE_BOOL, TYPE_LIST };

struct field {
    enum fct_hook hook;
    enum type type;
    const char *name;
    size_t offset;
};

/* clang-format off */
const char *const lua_hook_names[] = {
#define HOOK(name, text, kind, verdicts, doc) text,
#include <facteur/hooks.def>
    NULL,
};

static const uint32_t verdicts_of[] = {
#define HOOK(name, text, kind, verdicts, doc) (verdicts),
#include <facteur/hooks.def>
};

static const struct field fields[] = {
#define FIELD(hook, name, type, doc) {FCT_HOOK_##hook, TYPE_##type, #name, offsetof(struct fct_ev_##hook, name)},
#include <facteur/hooks.def>
};
/* clang-format on */

/* Where the first argument is the message; elsewhere it is the connection. */
static const bool has_message[FCT_HOOK_COUNT] = {
    [FCT_HOOK_headers] = true, [FCT_HOOK_scan] = true,    [FCT_HOOK_verdict] = true,
    [FCT_HOOK_edit] = true,    [FCT_HOOK_deliver] = true,
};

uint32_t lua_hook_verdicts(enum fct_hook hook)
{
    return verdicts_of[hook];
}

/* ---- the event ---- */

static void push_list(lua_State *L, const struct fct_list *list)
{
    lua_createtable(L, (int)list->n, 0);
    for (size_t i = 0; i < list->n; i++) {
        lua_str_push(L, list->item[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_field(lua_State *L, const struct field *f, const void *event)
{
    const void *at = (const char *)event + f->offset;

    switch (f->type) {
    case TYPE_STR:
        lua_str_push(L, *(const struct fct_str *)at);
        break;
    case TYPE_U64:
        lua_pushinteger(L, (lua_Integer) * (const uint64_t *)at);
        break;
    case TYPE_BOOL:
        lua_pushboolean(L, *(const bool *)at);
        break;
    case TYPE_LIST:
        push_list(L, at);
        break;
    }
}

static int event_index(lua_State *L)
{
    struct lua_call *c = lua_view_check(L, 1, EVENT);
    const char *key = luaL_checkstring(L, 2);

    for (size_t i = 0; i < FCT_COUNT(fields); i++)
        if (fields[i].hook == c->hook && strcmp(fields[i].name, key) == 0) {
            push_field(L, &fields[i], c->event);
            return 1;
        }
    return luaL_error(L, "hook %s has no field '%s'", lua_hook_names[c->hook], key);
}

static int event_newindex(lua_State *L)
{
    return luaL_error(L, "an event cannot be changed");
}

void lua_event_open(lua_State *L)
{
    luaL_newmetatable(L, EVENT);
    lua_pushcfunction(L, event_index);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, event_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_pushliteral(L, "locked");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

/* ---- running one callback ---- */

/* A rule's result: false or nil is no hit; text and numbers are the detail. */
static void take_hit(lua_State *L, struct lua_call *c)
{
    struct fct_str detail = {"", 0};

    if (lua_result_is(L, -1))
        luaL_error(L, "a rule only finds its symbol; a hook{} may return a verdict");
    if (!lua_toboolean(L, -1))
        return;
    if (lua_isstring(L, -1))
        detail = lua_str_check(L, -1);
    lua_host(L)->symbol(c->host, c->rule->symbol, 1.0, detail);
}

static int run_callback(lua_State *L)
{
    enum fct_verdict *verdict = lua_touserdata(L, 1);
    struct lua_call *c = lua_running;

    lua_rawgeti(L, LUA_REGISTRYINDEX, c->rule->function);
    lua_view_push(L, has_message[c->hook] ? "message" : "conn", NULL);
    lua_view_push(L, EVENT, NULL);
    lua_call(L, 2, 1);
    if (c->rule->scores)
        take_hit(L, c);
    else
        *verdict = lua_result_take(L, -1);
    return 0;
}

enum fct_verdict lua_hook_run(struct fct_call *host_call, enum fct_hook hook, const void *event,
                              void *state)
{
    struct lua_rule *rule = state;
    enum fct_verdict verdict = FCT_NEXT;
    struct lua_call *c;

    if (lua_rule_muted(rule, host_call))
        return rule->on_error;
    c = lua_call_take(rule->engine);
    if (!c) {
        rule->engine->host->log(host_call, FCT_WARNING, "%s: no memory for another callback",
                                rule->where);
        return rule->on_error;
    }
    c->host = host_call;
    c->rule = rule;
    c->hook = hook;
    c->event = event;
    if (!lua_call_guarded(c, run_callback, &verdict)) {
        lua_rule_failed(c);
        verdict = rule->on_error;
    }
    lua_call_give_back(&c);
    return verdict;
}
