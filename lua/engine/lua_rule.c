/* lua_rule.c - rule{} and hook{}: one table each becomes one row of the host's plan; and what
 * happens to rules that fail. */
#include "lua_api.h"
#include "lua_patterns.h"

#include <stdlib.h>
#include <time.h>

/* ---- reading the table: one row per field, shared by both * ---- */

enum { IN_RULE = 1, IN_HOOK = 2, IN_TIMER = 4 };

static void read_score(lua_State *L, struct lua_rule *r)
{
    if (!lua_isnumber(L, -1))
        luaL_error(L, "score must be a number");
    r->declared.score = lua_tonumber(L, -1);
}

static const char *read_text(lua_State *L, const struct lua_rule *r, const char *field)
{
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "%s must be a string", field);
    return lua_keep(r->engine, "%s", lua_tostring(L, -1));
}

static void read_group(lua_State *L, struct lua_rule *r)
{
    r->declared.group = read_text(L, r, "group");
}

static void read_about(lua_State *L, struct lua_rule *r)
{
    r->declared.doc = read_text(L, r, "about");
}

static void read_provides(lua_State *L, struct lua_rule *r)
{
    r->row.provides = read_text(L, r, "provides");
}

static enum fct_hook check_hook(lua_State *L)
{
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";

    for (int i = 0; lua_hook_names[i]; i++)
        if (strcmp(lua_hook_names[i], name) == 0)
            return (enum fct_hook)i;
    luaL_error(L, "there is no hook '%s' (docs/hooks.md lists them)", name);
    return FCT_HOOK_COUNT;
}

/* Before the verdict: what is found later would count no more. */
static const bool takes_symbols[FCT_HOOK_COUNT] = {
    [FCT_HOOK_connect] = true, [FCT_HOOK_tls] = true,     [FCT_HOOK_helo] = true,
    [FCT_HOOK_auth] = true,    [FCT_HOOK_mail] = true,    [FCT_HOOK_rcpt] = true,
    [FCT_HOOK_data] = true,    [FCT_HOOK_headers] = true, [FCT_HOOK_scan] = true,
};

static void read_on(lua_State *L, struct lua_rule *r)
{
    r->row.hook = check_hook(L);
    if (!takes_symbols[r->row.hook])
        luaL_error(L,
                   "a rule finds its symbol at connect … data, headers or scan, before the "
                   "verdict; use hook{} for %s",
                   lua_hook_names[r->row.hook]);
}

static void read_max_hits(lua_State *L, struct lua_rule *r)
{
    if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) < 1 || lua_tointeger(L, -1) > 1000)
        luaL_error(L, "max_hits must be a whole number from 1 to 1000");
    r->max_hits = (uint32_t)lua_tointeger(L, -1);
}

static void read_every(lua_State *L, struct lua_rule *r)
{
    uint64_t ms = lua_duration_check(L, -1);

    if (ms < 100 || ms > UINT32_MAX)
        luaL_error(L, "every must be from 100ms to 49d");
    r->row.interval_ms = (uint32_t)ms;
}

static void read_once(lua_State *L, struct lua_rule *r)
{
    r->row.scope = lua_toboolean(L, -1) ? FCT_ONCE : FCT_EACH;
}

/* Words of a list, or one alone, each handed to `take`. */
static void each_word(lua_State *L, struct lua_rule *r, const char *field,
                      void (*take)(lua_State *, struct lua_rule *, const char *))
{
    if (lua_type(L, -1) == LUA_TSTRING) {
        take(L, r, lua_tostring(L, -1));
        return;
    }
    if (!lua_istable(L, -1))
        luaL_error(L, "%s must be a string or a list of strings", field);
    for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "%s must be a string or a list of strings", field);
        take(L, r, lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

const struct lua_role lua_roles[] = {
    {"mx", FCT_ROLE_MX},         {"submission", FCT_ROLE_SUBMISSION},
    {"lmtp", FCT_ROLE_LMTP},     {"local", FCT_ROLE_LOCAL},
    {"replay", FCT_ROLE_REPLAY}, {"imap", FCT_ROLE_IMAP},
    {"pop3", FCT_ROLE_POP3},     {NULL, 0},
};

static void add_role(lua_State *L, struct lua_rule *r, const char *word)
{
    for (size_t i = 0; lua_roles[i].name; i++)
        if (strcmp(lua_roles[i].name, word) == 0) {
            r->row.roles |= lua_roles[i].bit;
            return;
        }
    luaL_error(L, "there is no role '%s' (mx, submission, lmtp, local, replay, imap, pop3)", word);
}

static void read_roles(lua_State *L, struct lua_rule *r)
{
    each_word(L, r, "roles", add_role);
}

static void add_after(lua_State *L, struct lua_rule *r, const char *word)
{
    (void)L;
    r->row.after = r->row.after ? lua_keep(r->engine, "%s %s", r->row.after, word)
                                : lua_keep(r->engine, "%s", word);
}

static void read_after(lua_State *L, struct lua_rule *r)
{
    each_word(L, r, "after", add_after);
}

static void read_on_error(lua_State *L, struct lua_rule *r)
{
    const char *word = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";

    if (strcmp(word, "pass") != 0 && strcmp(word, "tempfail") != 0)
        luaL_error(L, "on_error must be pass or tempfail");
    if (strcmp(word, "tempfail") == 0)
        r->on_error = FCT_TEMPFAIL;
}

static const struct {
    const char *name;
    unsigned where;
    void (*read)(lua_State *L, struct lua_rule *r); /* the value is on top */
} table_fields[] = {
    {"score", IN_RULE, read_score},
    {"group", IN_RULE, read_group},
    {"about", IN_RULE, read_about},
    {"on", IN_RULE, read_on},
    {"max_hits", IN_RULE, read_max_hits},
    {"every", IN_TIMER, read_every},
    {"once", IN_TIMER, read_once},
    {"roles", IN_RULE | IN_HOOK, read_roles},
    {"after", IN_RULE | IN_HOOK, read_after},
    {"provides", IN_RULE | IN_HOOK, read_provides},
    {"on_error", IN_HOOK, read_on_error},
};

static void read_field(lua_State *L, struct lua_rule *r, unsigned where, const char *name)
{
    for (size_t i = 0; i < FCT_COUNT(table_fields); i++)
        if ((table_fields[i].where & where) && strcmp(table_fields[i].name, name) == 0) {
            table_fields[i].read(L, r);
            return;
        }
    lua_pushstring(L, "");
    for (size_t i = 0; i < FCT_COUNT(table_fields); i++)
        if (table_fields[i].where & where)
            lua_pushfstring(L, "%s %s", lua_tostring(L, -1), table_fields[i].name);
    luaL_error(L, "unknown field '%s'; known are:%s", name, lua_tostring(L, -1));
}

/* The values without a name: the caller reads the name in front, the last is the function. */
static void read_table(lua_State *L, struct lua_rule *r, unsigned where)
{
    lua_Integer last = where == IN_TIMER ? 1 : 2;

    for (lua_pushnil(L); lua_next(L, 1); lua_settop(L, 2)) {
        if (lua_type(L, -2) == LUA_TSTRING)
            read_field(L, r, where, lua_tostring(L, -2));
        else if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) < 1 || lua_tointeger(L, -2) > last)
            luaL_error(L, last == 2 ? "one name and one function are expected"
                                    : "one function is expected");
    }
    if (lua_rawgeti(L, 1, last) != LUA_TFUNCTION)
        luaL_error(L, "the function is missing");
    r->function = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* ---- declaring ---- */

/* "lua:subject_rules" for rules/subject_rules.lua. */
const char *lua_label(struct lua_engine *e)
{
    const char *slash = strrchr(e->file, '/'), *name = slash ? slash + 1 : e->file;
    size_t n = strlen(name);

    if (n > 4 && strcmp(name + n - 4, ".lua") == 0)
        n -= 4;
    return lua_keep(e, "lua:%.*s", (int)n, name);
}

static struct lua_rule *new_rule(lua_State *L, const char *what, enum lua_rule_kind kind)
{
    struct lua_engine *e = lua_engine_of(L);
    struct lua_rule *r;

    luaL_checktype(L, 1, LUA_TTABLE);
    if (!e->file)
        luaL_error(L, "%s works only while the file is loaded", what);
    r = calloc(1, sizeof *r);
    if (r)
        r->failed_ms = calloc(e->conf->mute_after + 1, sizeof *r->failed_ms);
    if (!r || !r->failed_ms) {
        free(r);
        luaL_error(L, "not enough memory");
        return NULL;
    }
    *e->rule_end = r; /* linked at once: freed at stop, also when the table is refused */
    e->rule_end = &r->next;
    r->engine = e;
    r->kind = kind;
    r->max_hits = 1;
    r->where = lua_where_kept(L, e);
    lua_settop(L, 1);
    r->row = (struct fct_hook_row){
        .hook = FCT_HOOK_scan,
        .generic = true,
        .fn = {.any = lua_hook_run},
        .label = lua_label(e),
        .state = r,
        .mode = e->shadow ? FCT_SHADOW : FCT_LIVE,
    };
    return r;
}

const char *lua_where_kept(lua_State *L, struct lua_engine *e)
{
    luaL_where(L, 1); /* "file:line: " */
    return lua_keep(e, "%.*s", (int)strlen(lua_tostring(L, -1)) - 2, lua_tostring(L, -1));
}

const char *lua_symbol_declared(const struct lua_engine *e, const char *name, bool shadow)
{
    const char *where = lua_pattern_declared(e, name, shadow);

    for (const struct lua_rule *o = e->rule; o && !where; o = o->next)
        if (o->symbol && (o->row.mode == FCT_SHADOW) == shadow && strcmp(o->symbol, name) == 0)
            where = o->where;
    return where || shadow ? where : lua_composite_declared(e, name);
}

/* A file in shadow may try another way to find a symbol of a live one. */
void lua_symbol_check(lua_State *L, struct lua_engine *e, const char *name)
{
    const char *where;

    if (!*name || strlen(name) > 64 ||
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != strlen(name))
        luaL_error(L, "'%s' is not a symbol: capitals, digits and underscores", name);
    where = lua_symbol_declared(e, name, e->shadow);
    if (where)
        luaL_error(L, "%s was declared before, at %s", name, where);
}

bool lua_symbol_register(struct lua_engine *e, struct fct_self *self,
                         const struct fct_symbol *symbol, const char *where, bool shadow,
                         struct fct_err *err)
{
    if (shadow && lua_symbol_declared(e, symbol->name, false))
        return true;
    if (!e->host->add_symbol(self, symbol, err))
        return false;
    lua_symbol_origin(e, self, symbol->name, where);
    return true;
}

void lua_symbol_origin(const struct lua_engine *e, struct fct_self *self, const char *name,
                       const char *where)
{
    if (FCT_HAS(e->host, symbol_origin) && e->host->symbol_origin)
        e->host->symbol_origin(self, name, where);
}

int lua_fn_global_rule(lua_State *L)
{
    struct lua_rule *r = new_rule(L, "rule", LUA_RULE);

    if (lua_rawgeti(L, 1, 1) != LUA_TSTRING)
        return luaL_error(L, "the rule's name is missing");
    lua_symbol_check(L, r->engine, lua_tostring(L, -1));
    r->symbol = lua_keep(r->engine, "%s", lua_tostring(L, -1));
    r->declared = (struct fct_symbol){.name = r->symbol, .group = "lua", .doc = ""};
    r->row.may = FCT_MAY_NOTHING;
    lua_settop(L, 1);
    read_table(L, r, IN_RULE);
    return 0;
}

int lua_fn_global_hook(lua_State *L)
{
    struct lua_rule *r = new_rule(L, "hook", LUA_HOOK);

    lua_rawgeti(L, 1, 1);
    r->row.hook = check_hook(L);
    if (r->row.hook == FCT_HOOK_tick)
        return luaL_error(L, "use timer{} for tick");
    lua_settop(L, 1);
    read_table(L, r, IN_HOOK);
    /* Who signs waits for it. */
    if (!r->row.provides && !r->row.after &&
        (r->row.hook == FCT_HOOK_edit || r->row.hook == FCT_HOOK_queue_in))
        r->row.provides = "lua";
    if (r->on_error == FCT_TEMPFAIL && !(lua_hook_verdicts(r->row.hook) & FCT_V_TEMPFAIL))
        return luaL_error(L, "hook %s cannot answer tempfail", lua_hook_names[r->row.hook]);
    return 0;
}

/* timer("60s", f) is timer { every = "60s", f }. */
int lua_fn_global_timer(lua_State *L)
{
    struct lua_rule *r;

    if (!lua_istable(L, 1)) {
        luaL_checkany(L, 1);
        luaL_checktype(L, 2, LUA_TFUNCTION);
        lua_createtable(L, 1, 1);
        lua_pushvalue(L, 1);
        lua_setfield(L, -2, "every");
        lua_pushvalue(L, 2);
        lua_rawseti(L, -2, 1);
        lua_replace(L, 1);
        lua_settop(L, 1);
    }
    r = new_rule(L, "timer", LUA_TIMER);
    r->row.hook = FCT_HOOK_tick;
    read_table(L, r, IN_TIMER);
    if (r->row.interval_ms == 0)
        return luaL_error(L, "timer needs every, as in every = \"60s\"");
    return 0;
}

/* ---- handing over to the host ---- */

static bool in_file(struct fct_err *err, const struct lua_rule *r)
{
    struct fct_err inner = *err;

    snprintf(err->text, sizeof err->text, "%s: %.180s", r->where, inner.text);
    return false;
}

bool lua_rules_register(struct lua_engine *e, struct fct_self *self, struct fct_err *err)
{
    for (struct lua_rule *r = e->rule; r; r = r->next) {
        if (r->kind == LUA_RULE &&
            !lua_symbol_register(e, self, &r->declared, r->where, r->row.mode == FCT_SHADOW, err))
            return in_file(err, r);
        if (!e->host->add_hook(self, &r->row, err))
            return in_file(err, r);
    }
    return true;
}

void lua_rules_free(struct lua_engine *e)
{
    struct lua_rule *r;

    while ((r = e->rule)) {
        e->rule = r->next;
        free(r->failed_ms);
        free(r);
    }
}

/* ---- failing ---- */

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static const char *rule_name(const struct lua_rule *r)
{
    return r->symbol ? r->symbol : lua_hook_names[r->row.hook];
}

/* A rule whose time is over fails through no fault of its own: that is logged, and does not count.
 */
void lua_rule_failed(struct lua_call *c)
{
    struct lua_rule *r = c->rule;
    const struct fct_host *host = r->engine->host;
    uint32_t after = r->engine->conf->mute_after;
    uint64_t now = now_ms(), oldest;

    host->log(c->host, FCT_WARNING, "rule_failed %s: %s", rule_name(r), c->error);
    host->count(c->host, "lua_failures", 1);
    if (after == 0 || (!c->stopped && host->time_left_ms(c->host) == 0))
        return;
    r->failed_ms[r->failures++ % after] = now;
    if (r->failures < after)
        return;
    oldest = r->failed_ms[r->failures % after];
    if (now - oldest > r->engine->conf->mute_window.ms)
        return;
    r->muted = true;
    host->log(c->host, FCT_ERROR, "rule_muted %s at %s: %u failures, not called any more",
              rule_name(r), r->where, after);
}

bool lua_rule_muted(struct lua_rule *r, struct fct_call *call)
{
    struct fct_str who;

    if (!r->muted)
        return false;
    who.p = rule_name(r);
    who.n = strlen(who.p);
    r->engine->host->symbol(call, "RULE_MUTED", 1.0, who);
    return true;
}
