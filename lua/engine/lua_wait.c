/* lua_wait.c - functions beside each other: wait_all() and spawn(). Documentation: lua_api.def.
 *
 * Each runs in a Lua thread of its own inside a fiber that the host begins (start). It may use the
 * objects of the callback that began it. When that callback's time is over it ends first: the
 * function is left behind, finds its objects dead, and cleans up after itself. */
#include "lua_api.h"

/* One function under way; memory of the transaction, which outlives both sides. */
struct lua_beside {
    struct lua_call *call;
    int function; /* references in the registry */
    int result;   /* its first value, LUA_NOREF before the end */
    bool ok, ended, left_behind, spawned;
};

/* ---- in the other fiber ---- */

static void end(struct lua_beside *b)
{
    lua_State *L = b->call->thread;

    luaL_unref(L, LUA_REGISTRYINDEX, b->function);
    luaL_unref(L, LUA_REGISTRYINDEX, b->result);
    lua_call_give_back(&b->call);
}

static int run_function(lua_State *L)
{
    struct lua_beside *b = lua_touserdata(L, 1);

    lua_settop(L, 0);
    lua_rawgeti(L, LUA_REGISTRYINDEX, b->function);
    lua_call(L, 0, 1);
    b->result = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static void run_beside(struct fct_call *host_call, void *arg)
{
    struct lua_beside *b = arg;

    b->call->host = host_call;
    b->ok = lua_call_guarded(b->call, run_function, b);
    lua_beside_end(b->call);
    b->ended = true;
    if (!b->ok && b->spawned && !b->left_behind)
        lua_rule_failed(b->call);
    if (b->left_behind)
        end(b);
}

/* ---- beginning ---- */

/* Ready to be begun; raises when there is no memory. */
static struct lua_beside *prepare(lua_State *L, int arg)
{
    struct lua_call *parent = lua_call_check(L);
    struct lua_beside *b = parent->engine->host->alloc(parent->host, sizeof *b);

    luaL_checktype(L, arg, LUA_TFUNCTION);
    if (parent->nested == LUA_NESTED_MAX) /* in a trial they lie on one stack */
        luaL_error(L, "functions beside functions are nested too deep");
    if (!b) {
        luaL_error(L, "not enough memory");
        return NULL;
    }
    *b = (struct lua_beside){.result = LUA_NOREF};
    lua_pushvalue(L, arg);
    b->function = luaL_ref(L, LUA_REGISTRYINDEX);
    b->call = lua_call_take(parent->engine);
    if (!b->call) {
        luaL_error(L, "not enough memory");
        return NULL;
    }
    b->call->parent = parent;
    b->call->nested = parent->nested + 1;
    b->call->rule = parent->rule;
    b->call->hook = parent->hook;
    b->call->event = parent->event;
    return b;
}

static struct fct_token begin(lua_State *L, struct lua_beside *b)
{
    struct lua_call *c = lua_call_waits(L);
    struct fct_token token = c->engine->host->start(c->host, run_beside, b);

    lua_call_goes_on(c);
    return token;
}

/* A token of no function that was begun has no slot. */
static void leave_behind(struct lua_beside *b, struct fct_token token)
{
    b->left_behind = true;
    if (token.slot == 0)
        end(b);
    else
        b->call->parent = NULL;
}

/* ---- wait_all ---- */

static int push_results(lua_State *L, struct lua_beside **b, const struct fct_token *token, int n)
{
    char error[sizeof b[0]->call->error] = "";

    for (int i = 0; i < n; i++) {
        if (!b[i]->ok && !*error)
            snprintf(error, sizeof error, "%s",
                     b[i]->ended ? b[i]->call->error : "the callback's time is over");
        lua_rawgeti(L, LUA_REGISTRYINDEX, b[i]->result); /* nil for LUA_NOREF */
        if (b[i]->ended)
            end(b[i]);
        else
            leave_behind(b[i], token[i]);
    }
    lua_check_budget(L);
    return *error ? luaL_error(L, "%s", error) : n;
}

FCT_MAY_WAIT int lua_fn_global_wait_all(lua_State *L)
{
    struct lua_beside *beside[LUA_BESIDE_MAX];
    struct fct_token token[LUA_BESIDE_MAX];
    struct lua_call *c = lua_call_check(L);
    int n = lua_gettop(L);

    luaL_argcheck(L, n >= 1 && n <= LUA_BESIDE_MAX, 1, "from 1 to 16 functions");
    lua_check_depth(L);
    (void)LUA_NEEDS(L, start, "wait_all");
    luaL_checkstack(L, n + 4, NULL);
    for (int i = 0; i < n; i++)
        beside[i] = prepare(L, i + 1);
    for (int i = 0; i < n; i++)
        token[i] = begin(L, beside[i]);
    (void)lua_call_waits(L);
    (void)c->engine->host->wait_all(c->host, token, (size_t)n);
    lua_call_goes_on(c);
    return push_results(L, beside, token, n);
}

/* ---- spawn ---- */

int lua_fn_global_spawn(lua_State *L)
{
    struct lua_call *c = lua_call_check(L);
    struct lua_beside *b;

    lua_check_depth(L);
    (void)LUA_NEEDS(L, start, "spawn");
    if (c->nbeside == LUA_BESIDE_MAX)
        return luaL_error(L, "spawn: %d functions are under way already", LUA_BESIDE_MAX);
    b = prepare(L, 1);
    b->spawned = true;
    c->spawned[c->nbeside] = b;
    c->beside[c->nbeside] = begin(L, b);
    c->nbeside++;
    return 0;
}

/* Outside any Lua frame: nothing here raises. */
void lua_beside_end(struct lua_call *c)
{
    if (c->nbeside == 0)
        return;
    (void)c->engine->host->wait_all(c->host, c->beside, c->nbeside);
    for (size_t i = 0; i < c->nbeside; i++)
        if (c->spawned[i]->ended)
            end(c->spawned[i]);
        else
            leave_behind(c->spawned[i], c->beside[i]);
    c->nbeside = 0;
}
