/* lua_engine.h - what the files of the Lua engine share. Nothing outside this folder includes it.
 *
 * One Lua state per filter process. Each callback runs in a Lua thread of its own (pooled) inside
 * the host's fiber: a host function that waits parks the fiber, C stack and all, and another
 * callback may enter the same state meanwhile. So
 *   - nothing is ever run on the main Lua thread while waiting is possible, and
 *   - `lua_running` names the callback that has the processor; it is put away around every wait
 * (lua_call_waits). Everything that can raise a Lua error runs inside lua_call_guarded. */
#ifndef LUA_ENGINE_H
#define LUA_ENGINE_H

#include <facteur/plugin.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>

struct lua_settings {
    struct fct_strings file;
    const char *lib;
    fct_duration budget, load_budget;
    fct_size state_memory, call_memory;
    uint32_t mute_after;
    fct_duration mute_window;
    uint32_t pattern_steps;
    fct_size text_limit;
};

/* The allocator's books. `used` counts the whole state. */
struct lua_memory {
    size_t used, limit;
};

/* One rule{} or hook{}: a row of the host's plan. */
struct lua_rule {
    struct lua_engine *engine;
    bool scores;        /* rule{}: a truthy result is a hit; hook{}: the result is a verdict */
    const char *symbol; /* rule{}: its name; hook{}: NULL */
    const char *where;  /* "subject_rules.lua:12", for messages */
    struct fct_symbol declared; /* of a rule{} */
    struct fct_hook_row row;
    enum fct_verdict on_error;
    int function;        /* reference in the registry */
    uint64_t *failed_ms; /* ring of the last mute_after failures */
    uint32_t failures;   /* all of them, ever */
    bool muted;
    struct lua_rule *next;
};

/* One callback that is under way, or a pooled one that waits for the next. */
struct lua_call {
    struct lua_engine *engine;
    lua_State *thread;     /* its own Lua thread */
    lua_State *volatile L; /* the one that runs: `thread` or a coroutine it resumed */
    int reference;         /* keeps `thread` alive */
    struct lua_call *next; /* in the pool */
    uint32_t generation;   /* objects of an earlier callback are told apart by it */
    struct fct_call *host; /* NULL while files are loaded */
    struct lua_rule *rule; /* NULL while files are loaded */
    enum fct_hook hook;
    const void *event;         /* struct fct_ev_* */
    ptrdiff_t grown, may_grow; /* bytes this callback added to the state, and its limit */
    volatile sig_atomic_t ticks, may_tick, stopped;
    const char *stack; /* C stack at the entry, see lua_check_depth */
    char error[512];   /* after lua_call_guarded returned false */
};

struct lua_engine {
    const struct fct_host *host;
    const struct lua_settings *conf;
    struct lua_memory memory;
    lua_State *L; /* the main thread: set-up and the pool only */
    struct lua_call *pool;
    struct lua_rule *rule, **rule_end;
    struct lua_text { /* strings that live until stop */
        struct lua_text *next;
        char text[];
    } * text;
    const char *file; /* the rule file being loaded, else NULL */
};

/* The callback that has the processor. Read by the allocator and by the watchdog's signal handler.
 */
extern struct lua_call *volatile lua_running;

static inline struct lua_engine *lua_engine_of(lua_State *L)
{
    return *(struct lua_engine **)lua_getextraspace(L);
}

/* ---- lua_state.c ---- */
FCT_MUST_CHECK bool lua_state_open(struct lua_engine *e, struct fct_err *err);
void lua_state_close(struct lua_engine *e);
/* A Lua thread for one callback; NULL when the state's memory is used up. */
struct lua_call *lua_call_take(struct lua_engine *e);
void lua_call_give_back(struct lua_call **call); /* its objects are dead from here on */
/* THE way into Lua: runs body(arg) protected, limited and with a traceback. False: call->error says
 * why. */
FCT_MUST_CHECK bool lua_call_guarded(struct lua_call *call, lua_CFunction body, void *arg);
/* Around a host function that may wait. */
struct lua_call *lua_call_waits(lua_State *L);
void lua_call_goes_on(struct lua_call *call);
/* Raises when the budget is spent (pcall must not swallow it) / when C calls nest too deep for a
 * fiber's stack. */
void lua_check_budget(lua_State *L);
void lua_check_depth(lua_State *L);
FCT_PRINTF(2, 3) const char *lua_keep(struct lua_engine *e, const char *fmt, ...);

/* ---- lua_watchdog.c ---- */
#define LUA_TICK_MS 10
FCT_MUST_CHECK bool lua_watchdog_start(struct fct_err *err);
void lua_watchdog_stop(void);

/* ---- lua_file.c ---- */
FCT_MUST_CHECK bool lua_files_load(struct lua_engine *e, struct fct_err *err);
int lua_file_require(lua_State *L);

/* ---- lua_sandbox.c and the libraries it shows to scripts ---- */
void lua_sandbox_open(lua_State *L);
void lua_sandbox_push_env(lua_State *L); /* a new _ENV for one file */
void lua_sandbox_push_readonly(
    lua_State *L); /* replaces the table on top by a read-only face of it */
void lua_sandbox_check_writable(lua_State *L, int table);
void lua_string_open(lua_State *L); /* each pushes one table */
void lua_table_open(lua_State *L);
void lua_coroutine_open(lua_State *L);
void lua_protected_open(lua_State *L); /* pcall, xpcall into the table on top */

/* ---- lua_hooks.c, lua_rule.c ---- */
extern const char *const lua_hook_names[];      /* NULL at the end */
uint32_t lua_hook_verdicts(enum fct_hook hook); /* FCT_V_* */
extern const struct lua_role {
    const char *name; /* NULL at the end */
    uint32_t bit;     /* FCT_ROLE_* */
} lua_roles[];
enum fct_verdict lua_hook_run(struct fct_call *call, enum fct_hook hook, const void *ev,
                              void *rule);
FCT_MUST_CHECK bool lua_rules_register(struct lua_engine *e, struct fct_self *self,
                                       struct fct_err *err);
void lua_rules_free(struct lua_engine *e);
void lua_rule_failed(struct lua_call *call); /* logs, counts, mutes */
bool lua_rule_muted(struct lua_rule *rule, struct fct_call *call);

/* ---- lua_bind.c: objects handed to scripts; all die with their callback ---- */
struct lua_view {
    struct lua_call *call;
    uint32_t generation;
    const struct fct_part *part; /* of part objects */
};
void lua_bind_open(lua_State *L);
void lua_event_open(lua_State *L);
void lua_bind_functions(lua_State *L); /* global functions into the table on top */
void lua_view_push(lua_State *L, const char *type, const struct fct_part *part);
/* The running callback, when argument `arg` is an object of it; raises otherwise. */
struct lua_call *lua_view_check(lua_State *L, int arg, const char *type);
struct lua_call *lua_call_check(lua_State *L); /* raises while files are loaded */
const struct fct_host *lua_host(lua_State *L);
struct fct_str lua_str_check(lua_State *L, int arg);
void lua_str_push(lua_State *L, struct fct_str s);
void lua_str_push_or_nil(lua_State *L, struct fct_str s);

/* ---- lua_result.c, lua_address.c ---- */
/* The verdict of a hook's result at `index`; the reply is handed to the host. Raises when it is
 * none, or not allowed here. */
enum fct_verdict lua_result_take(lua_State *L, int index);
bool lua_result_is(lua_State *L, int index);
void lua_result_open(lua_State *L);
#define LUA_ADDRESSES_MAX 1000
/* A list of address tables from a header value (RFC 5322 3.4), or of one path of the envelope. */
void lua_address_push_list(lua_State *L, struct fct_str value);
void lua_address_push_path(lua_State *L, struct fct_str path);
void lua_address_open(lua_State *L);

#endif
