/* lua_state.c - the Lua state: its memory limit, the pool of Lua threads, and the one guarded way
 * into it. */
#include "lua_engine.h"

#include <stdlib.h>

/* C frames below the entry of a callback. Lua itself stops at 200 nested C calls, of at most 450
 * bytes each (measured:
 * __concat); ours with their buffers stop here, so that a callback fits a stack of 160 KiB whatever
 * a script nests. */
#define MAX_C_STACK ((ptrdiff_t)48 * 1024)

#define MAX_CALLERS 5 /* named in a message */

struct lua_call *volatile lua_running;

/* ---- memory ---- */

/* Once the budget is spent nothing big is given any more: that ends the loops inside Lua itself
 * where no hook fires, such as a table that is its own __call (each step makes the stack longer).
 * Small blocks still serve the error's way up. */
#define LAST_BLOCKS ((size_t)64 * 1024)

static bool may_grow(const struct lua_memory *m, const struct lua_call *c, size_t more)
{
    if (more > m->limit || m->used > m->limit - more)
        return false;
    if (!c)
        return true;
    if (c->stopped && more > LAST_BLOCKS)
        return false;
    return c->may_grow == 0 || (ptrdiff_t)more <= c->may_grow - c->grown;
}

/* NULL makes Lua collect all garbage and try once more; then the script gets "not enough memory".
 * Shrinking never fails. */
static void *allocate(void *ud, void *old, size_t old_size, size_t size)
{
    struct lua_memory *m = ud;
    struct lua_call *c = lua_running;
    void *p = NULL;

    if (!old)
        old_size = 0; /* Lua says there what kind of object it wants */
    if (size > old_size && !may_grow(m, c, size - old_size))
        return NULL;
    if (size == 0)
        free(old);
    else if (!(p = realloc(old, size)))
        return NULL;
    m->used = m->used - old_size + size;
    if (c)
        c->grown += (ptrdiff_t)size - (ptrdiff_t)old_size;
    return p;
}

/* With room to spare for what Lua makes around it. */
bool lua_memory_fits(const struct lua_call *c, size_t bytes)
{
    return may_grow(&c->engine->memory, c, 2 * bytes + 65536);
}

bool lua_fail(struct fct_err *err, enum fct_class class, const char *fmt, ...)
{
    va_list args;

    err->class = class;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    return false;
}

const char *lua_keep(struct lua_engine *e, const char *fmt, ...)
{
    va_list args;
    struct lua_text *t;
    int n;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    t = malloc(sizeof *t + (size_t)n + 1);
    if (!t)
        abort(); /* at start only: the supervisor says so and stays with the old configuration */
    va_start(args, fmt);
    vsnprintf(t->text, (size_t)n + 1, fmt, args);
    va_end(args);
    t->next = e->text;
    e->text = t;
    return t->text;
}

/* ---- open, close ---- */

static int open_libraries(lua_State *L)
{
    static const luaL_Reg stock[] = {
        {LUA_GNAME, luaopen_base},        {LUA_TABLIBNAME, luaopen_table},
        {LUA_STRLIBNAME, luaopen_string}, {LUA_MATHLIBNAME, luaopen_math},
        {LUA_UTF8LIBNAME, luaopen_utf8},
    };

    for (size_t i = 0; i < FCT_COUNT(stock); i++) {
        luaL_requiref(L, stock[i].name, stock[i].func, 1);
        lua_pop(L, 1);
    }
    lua_bind_open(L);
    lua_sandbox_open(L);
    return 0;
}

bool lua_state_open(struct lua_engine *e, struct fct_err *err)
{
    e->L = lua_newstate(allocate, &e->memory);
    if (!e->L) {
        *err = (struct fct_err){FCT_LIMIT, "state_memory is too small for a Lua state"};
        return false;
    }
    *(struct lua_engine **)lua_getextraspace(e->L) = e;
    lua_gc(e->L, LUA_GCSTOP); /* libraries are no garbage */
    lua_pushcfunction(e->L, open_libraries);
    if (lua_pcall(e->L, 0, 0, 0) == LUA_OK) {
        lua_gc(e->L, LUA_GCRESTART);
        return true;
    }
    err->class = FCT_LIMIT;
    snprintf(err->text, sizeof err->text, "opening the Lua libraries: %s", lua_tostring(e->L, -1));
    return false;
}

void lua_state_close(struct lua_engine *e)
{
    struct lua_call *c;

    while ((c = e->all)) {
        e->all = c->all;
        free(c);
    }
    if (e->L)
        lua_close(e->L);
    e->L = NULL;
}

/* ---- the pool ---- */

static int new_thread(lua_State *L)
{
    struct lua_call *c = lua_touserdata(L, 1);

    c->thread = lua_newthread(L);
    c->reference = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static bool on_main(struct lua_engine *e, lua_CFunction body, struct lua_call *c)
{
    int status;

    lua_pushcfunction(e->L, body);
    lua_pushlightuserdata(e->L, c);
    status = lua_pcall(e->L, 1, 0, 0);
    lua_settop(e->L, 0);
    return status == LUA_OK;
}

struct lua_call *lua_call_take(struct lua_engine *e)
{
    struct lua_call *c = e->pool;

    if (c) {
        e->pool = c->next;
    } else {
        c = calloc(1, sizeof *c);
        if (!c || !on_main(e, new_thread, c)) {
            free(c);
            return NULL;
        }
        c->engine = e;
        c->all = e->all;
        e->all = c;
    }
    c->next = NULL;
    c->serial = ++e->serials;
    c->parent = NULL;
    c->nested = 0;
    c->nbeside = 0;
    c->hits = 0;
    c->ndetail = 0;
    c->grown = 0;
    c->may_grow = (ptrdiff_t)e->conf->call_memory.bytes;
    c->ticks = 0;
    c->may_tick = (sig_atomic_t)(e->conf->budget.ms / LUA_TICK_MS + 1);
    c->stopped = 0;
    c->error[0] = '\0';
    return c;
}

void lua_call_give_back(struct lua_call **call)
{
    struct lua_call *c = *call;

    *call = NULL;
    c->serial = 0;
    c->host = NULL;
    c->event = NULL;
    c->rule = NULL;
    lua_settop(c->thread, 0);
    if (c->stopped)
        lua_sethook(c->thread, NULL, 0, 0);
    c->next = c->engine->pool;
    c->engine->pool = c;
}

/* ---- running ---- */

/* Does the message begin with this place? Then the place needs no saying again. */
static bool begins_with(const char *message, const char *place)
{
    size_t n = strlen(place);

    return strncmp(message, place, n) == 0 && message[n] == ':';
}

/* "file:line: what" becomes "file:line: what (called from file:line, file:line)"; one line, so that
 * it fits the log. */
static int add_traceback(lua_State *L)
{
    lua_Debug at;
    int shown = 0;

    if (!lua_isstring(L, 1)) {
        lua_pushfstring(L, "error object is a %s value", luaL_typename(L, 1));
        return 1;
    }
    if (!lua_checkstack(L, 2 * MAX_CALLERS + 4))
        return 1;
    lua_settop(L, 1);
    for (int level = 1;
         level < 3 * MAX_CALLERS && shown < MAX_CALLERS && lua_getstack(L, level, &at); level++) {
        if (!lua_getinfo(L, "Sl", &at) || at.currentline <= 0)
            continue;
        lua_pushfstring(L, "%s:%d", at.short_src, at.currentline);
        if (shown == 0 && begins_with(lua_tostring(L, 1), lua_tostring(L, -1))) {
            lua_pop(L, 1);
            continue;
        }
        lua_pushstring(L, shown++ ? ", " : " (called from ");
        lua_insert(L, -2);
    }
    if (shown)
        lua_pushliteral(L, ")");
    lua_concat(L, lua_gettop(L));
    return 1;
}

/* Never raises: converts nothing, allocates nothing. */
static void copy_error(struct lua_call *c)
{
    const char *text = lua_type(c->thread, -1) == LUA_TSTRING ? lua_tostring(c->thread, -1) : NULL;

    if (c->stopped && (!text || !strstr(text, "processor budget")))
        text = "processor budget exceeded"; /* what Lua made of it on its way up */
    snprintf(c->error, sizeof c->error, "%s", text ? text : "failed without a message");
}

bool lua_call_guarded(struct lua_call *c, lua_CFunction body, void *arg)
{
    struct lua_call *outer = lua_running;
    int status;

    c->L = c->thread;
    c->stack = __builtin_frame_address(0);
    lua_settop(c->thread, 0);
    lua_pushcfunction(c->thread, add_traceback);
    lua_pushcfunction(c->thread, body);
    lua_pushlightuserdata(c->thread, arg);
    lua_running = c;
    status = lua_pcall(c->thread, 1, 0, 1);
    lua_running = outer;
    if (status == LUA_OK)
        return true;
    copy_error(c);
    return false;
}

struct lua_call *lua_call_waits(lua_State *L)
{
    struct lua_call *c = lua_call_check(L);

    lua_check_budget(L);
    lua_running = NULL;
    return c;
}

void lua_call_goes_on(struct lua_call *c)
{
    lua_running = c;
}

void lua_check_budget(lua_State *L)
{
    struct lua_call *c = lua_running;

    if (c && c->stopped)
        luaL_error(L, "processor budget exceeded");
}

void lua_check_depth(lua_State *L)
{
    struct lua_call *c = lua_running;
    const char *here = __builtin_frame_address(0);

    if (c && c->stack - here > MAX_C_STACK)
        luaL_error(L, "stack overflow (functions nested too deep)");
    luaL_checkstack(L, LUA_MINSTACK, NULL);
}
