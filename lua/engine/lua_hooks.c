/* lua_hooks.c - scripts see exactly the hooks and fields of facteur/hooks.def; and the callback
 * that the host calls. */
#include "lua_engine.h"

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

static const struct field changes[] = {
#define CHANGE(hook, name, type, doc) {FCT_HOOK_##hook, TYPE_##type, #name, 0},
#include <facteur/hooks.def>
};
/* clang-format on */

/* Where the first argument is the message; elsewhere it is the connection. */
static const bool has_message[FCT_HOOK_COUNT] = {
    [FCT_HOOK_headers] = true, [FCT_HOOK_scan] = true,     [FCT_HOOK_verdict] = true,
    [FCT_HOOK_edit] = true,    [FCT_HOOK_deliver] = true,  [FCT_HOOK_store_append] = true,
    [FCT_HOOK_learn] = true,   [FCT_HOOK_queue_in] = true,
};

#define HOOK(name, text, kind, verdicts, doc) \
    _Static_assert(sizeof(struct fct_ev_##name) <= LUA_EVENT_BYTES, "a larger event");
#include <facteur/hooks.def>

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

static const struct field *find_field(const struct field *table, size_t n, enum fct_hook hook,
                                      const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (table[i].hook == hook && strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

/* The settings of an account come as name=value; scripts see a table. */
static void push_settings(lua_State *L, const struct fct_list *list)
{
    lua_createtable(L, 0, (int)list->n);
    for (size_t i = 0; i < list->n; i++) {
        const char *at = memchr(list->item[i].p, '=', list->item[i].n);
        size_t name = at ? (size_t)(at - list->item[i].p) : list->item[i].n;

        lua_pushlstring(L, list->item[i].p, name);
        if (at)
            lua_pushlstring(L, at + 1, list->item[i].n - name - 1);
        else
            lua_pushliteral(L, "");
        lua_rawset(L, -3);
    }
}

int lua_event_index(lua_State *L)
{
    struct lua_call *c = lua_view_check(L, 1, LUA_EVENT);
    const char *key = luaL_checkstring(L, 2);
    const struct field *f;

    if (c->hook == FCT_HOOK_deliver) {
        const struct fct_ev_deliver *ev = c->event;

        if (strcmp(key, "settings") == 0) {
            push_settings(L, &ev->settings);
            return 1;
        }
        if (strcmp(key, "address") == 0) {
            lua_str_push(L, ev->account);
            return 1;
        }
    }
    f = find_field(fields, FCT_COUNT(fields), c->hook, key);
    if (!f)
        return luaL_error(L, "hook %s has no field '%s'", lua_hook_names[c->hook], key);
    push_field(L, f, c->event);
    return 1;
}

/* ---- changing it ---- */

/* The value on top as hooks.def wants it: text, decimal, yes or no. */
static struct fct_str change_text(lua_State *L, const struct field *f)
{
    if (f->type == TYPE_BOOL)
        return lua_toboolean(L, -1) ? FCT_STR("yes") : FCT_STR("no");
    if (f->type == TYPE_U64 && (!lua_isinteger(L, -1) || lua_tointeger(L, -1) < 0))
        luaL_error(L, "%s must be a whole number", f->name);
    if (!lua_isstring(L, -1))
        luaL_error(L, "%s must be a string", f->name);
    return lua_str_check(L, -1);
}

static void change(lua_State *L, struct lua_call *c, const struct field *f)
{
    struct fct_str value = change_text(L, f);

    if (!lua_host(L)->set(c->host, f->name, value))
        luaL_error(L, "'%s' cannot be the %s of %s", value.p, f->name, lua_hook_names[c->hook]);
}

int lua_event_newindex(lua_State *L)
{
    struct lua_call *c = lua_view_check(L, 1, LUA_EVENT);
    const char *key = luaL_checkstring(L, 2);
    const struct field *f = find_field(changes, FCT_COUNT(changes), c->hook, key);

    if (!f)
        return luaL_error(L, "%s.%s cannot be changed", lua_hook_names[c->hook], key);
    (void)LUA_NEEDS(L, set, "changes");
    lua_settop(L, 3);
    if (f->type != TYPE_LIST || !lua_istable(L, 3)) {
        change(L, c, f);
        return 0;
    }
    for (lua_Integer i = 1; lua_geti(L, 3, i) != LUA_TNIL; i++) {
        change(L, c, f);
        lua_pop(L, 1);
    }
    return 0;
}

/* ---- events of tests ---- */

static void fill_list(lua_State *L, struct fct_list *out)
{
    size_t n = lua_istable(L, -1) ? (size_t)lua_rawlen(L, -1) : 0;
    struct fct_str *item = lua_newuserdatauv(L, (n + 1) * sizeof *item, 0);

    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, -2, (lua_Integer)i + 1);
        item[i] = lua_str_check(L, -1);
        lua_pop(L, 1); /* the list keeps it */
    }
    *out = (struct fct_list){item, n};
}

void lua_event_fill(lua_State *L, int table, enum fct_hook hook, void *event)
{
    luaL_checkstack(L, 2 * (int)FCT_COUNT(fields) + 8, NULL);
    for (size_t i = 0; i < FCT_COUNT(fields); i++) {
        void *at = (char *)event + fields[i].offset;

        if (fields[i].hook != hook)
            continue;
        lua_getfield(L, table, fields[i].name);
        switch (fields[i].type) {
        case TYPE_STR:
            *(struct fct_str *)at =
                lua_isnil(L, -1) ? (struct fct_str){"", 0} : lua_str_check(L, -1);
            break;
        case TYPE_U64:
            *(uint64_t *)at = (uint64_t)lua_tointeger(L, -1);
            break;
        case TYPE_BOOL:
            *(bool *)at = lua_toboolean(L, -1);
            break;
        case TYPE_LIST:
            fill_list(L, at);
            break;
        }
    }
}

/* ---- hits ---- */

/* Up to max_hits of them, their details one after the other. */
void lua_rule_hit(struct lua_call *c, struct fct_str detail)
{
    while (c->parent)
        c = c->parent;
    if (c->hits >= c->rule->max_hits)
        return;
    if (c->hits++ > 0 && detail.n > 0 && c->ndetail > 0 && c->ndetail + 2 < sizeof c->detail) {
        memcpy(c->detail + c->ndetail, ", ", 2);
        c->ndetail += 2;
    }
    if (detail.n > sizeof c->detail - c->ndetail)
        detail.n = sizeof c->detail - c->ndetail;
    memcpy(c->detail + c->ndetail, detail.p, detail.n);
    c->ndetail += detail.n;
}

/* A rule's result: false or nil is no hit; text and numbers are the detail. */
static void take_hit(lua_State *L, struct lua_call *c)
{
    struct fct_str detail = {"", 0};

    if (!lua_toboolean(L, -1))
        return;
    if (lua_result_is(L, -1))
        luaL_error(L, "a rule only finds its symbol; a hook{} may return a verdict");
    if (lua_isstring(L, -1) || luaL_getmetafield(L, -1, "__tostring") != LUA_TNIL) {
        lua_settop(L, 1);
        luaL_tolstring(L, 1, &detail.n);
        detail.p = lua_tostring(L, -1);
    }
    lua_rule_hit(c, detail);
}

/* ---- running one callback ---- */

static int run_callback(lua_State *L)
{
    enum fct_verdict *verdict = lua_touserdata(L, 1);
    struct lua_call *c = lua_running;
    bool timer = c->rule->kind == LUA_TIMER;

    lua_settop(L, 0);
    lua_rawgeti(L, LUA_REGISTRYINDEX, c->rule->function);
    if (!timer)
        lua_view_push(L, has_message[c->hook] ? LUA_MESSAGE : LUA_CONN, NULL);
    lua_view_push(L, LUA_EVENT, NULL);
    lua_call(L, timer ? 1 : 2, 1);
    if (c->rule->kind == LUA_RULE)
        take_hit(L, c);
    else if (c->rule->kind == LUA_HOOK)
        *verdict = lua_result_take(L, -1);
    return 0;
}

static enum fct_verdict run_rule(struct lua_call *c)
{
    enum fct_verdict verdict = FCT_NEXT;
    bool ok = lua_call_guarded(c, run_callback, &verdict);

    lua_beside_end(c);
    if (!ok) {
        lua_rule_failed(c);
        return c->rule->on_error;
    }
    if (c->hits > 0)
        c->engine->host->symbol(c->host, c->rule->symbol, c->hits,
                                (struct fct_str){c->detail, c->ndetail});
    return verdict;
}

enum fct_verdict lua_hook_run(struct fct_call *host_call, enum fct_hook hook, const void *event,
                              void *state)
{
    struct lua_rule *rule = state;
    enum fct_verdict verdict;
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
    verdict = run_rule(c);
    lua_call_give_back(&c);
    return verdict;
}
