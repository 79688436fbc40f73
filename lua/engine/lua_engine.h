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
    struct fct_strings file, shadow, option;
    const char *lib;
    fct_duration budget, load_budget;
    fct_size state_memory, call_memory;
    uint32_t mute_after;
    fct_duration mute_window;
    uint32_t pattern_steps, regex_steps;
    fct_size text_limit;
    fct_duration list_every;
    bool tests;
};

/* One key of a `lua` block that is not the server's own: a value of config.string() and its like.
 */
struct lua_option {
    struct lua_option *next;
    const char *pattern; /* the block's `file` that it belongs to */
    const char *key, *value, *where;
    bool known; /* a file of that block declared it */
};

/* The allocator's books. `used` counts the whole state. */
struct lua_memory {
    size_t used, limit;
};

/* rule{}: a truthy result is a hit; hook{}: the result is a verdict; timer{}: there is none. */
enum lua_rule_kind { LUA_RULE, LUA_HOOK, LUA_TIMER };

/* One rule{}, hook{} or timer{}: a row of the host's plan. */
struct lua_rule {
    struct lua_engine *engine;
    enum lua_rule_kind kind;
    const char *symbol; /* rule{}: its name; else NULL */
    uint32_t max_hits;
    const char *where;          /* "subject_rules.lua:12", for messages */
    struct fct_symbol declared; /* of a rule{} */
    struct fct_hook_row row;
    enum fct_verdict on_error;
    int function;        /* reference in the registry */
    uint64_t *failed_ms; /* ring of the last mute_after failures */
    uint32_t failures;   /* all of them, ever */
    bool muted;
    struct lua_rule *next;
};

#define LUA_BESIDE_MAX 16  /* functions that one callback may have under way beside itself */
#define LUA_NESTED_MAX 4   /* functions begun by functions begun by … */
#define LUA_DETAIL_MAX 200 /* bytes of a symbol's detail that the host keeps */

/* One callback that is under way, or a pooled one that waits for the next. */
struct lua_call {
    struct lua_engine *engine;
    lua_State *thread;     /* its own Lua thread */
    lua_State *volatile L; /* the one that runs: `thread` or a coroutine it resumed */
    int reference;         /* keeps `thread` alive */
    struct lua_call *next; /* in the pool */
    struct lua_call *all;  /* every one there is */
    uint64_t serial;       /* of this callback: objects of another have another; 0 in the pool */
    struct fct_call *host; /* NULL while files are loaded */
    struct lua_rule *rule; /* NULL while files are loaded */
    enum fct_hook hook;
    const void *event;         /* struct fct_ev_* */
    ptrdiff_t grown, may_grow; /* bytes this callback added to the state, and its limit */
    volatile sig_atomic_t ticks, may_tick, stopped;
    const char *stack;       /* C stack at the entry, see lua_check_depth */
    char error[512];         /* after lua_call_guarded returned false */
    unsigned nested;         /* how many there are above it */
    struct lua_call *parent; /* of a function begun by wait_all() or spawn(); else NULL */
    struct fct_token beside[LUA_BESIDE_MAX]; /* begun by spawn(), with what was handed over */
    struct lua_beside *spawned[LUA_BESIDE_MAX];
    size_t nbeside;
    uint32_t hits; /* of a rule, and what they say */
    size_t ndetail;
    char detail[LUA_DETAIL_MAX];
};

#define LUA_KEPT_TEXTS   16
#define LUA_KEPT_LONGEST 65536

struct lua_engine {
    const struct fct_host *host;
    const struct lua_settings *conf;
    struct lua_memory memory;
    lua_State *L; /* the main thread: set-up and the pool only */
    struct lua_call *pool, *all;
    uint64_t serials; /* given out */
    struct lua_rule *rule, **rule_end;
    struct lua_text { /* strings that live until stop */
        struct lua_text *next;
        char text[];
    } * text;
    const char *file;                     /* the rule file being loaded, else NULL */
    const char *pattern;                  /* of `file`, by which it was found */
    bool shadow;                          /* its rules only try */
    struct lua_option *option, *declared; /* values of the configuration; what files asked for */
    struct lua_loaded {
        struct lua_loaded *next;
        const char *path;
    } * loaded, **loaded_end;           /* rule files, in order */
    struct lua_target_set *patterns[2]; /* live, in shadow: lua_patterns.c */
    struct lua_list *list;              /* lua_list.c */
    struct lua_script *script;          /* lua_redis.c */
    struct lua_composite *composite;    /* lua_composite.c */
    struct lua_regex_engine *regex;     /* lua_regex.c */
    double now;                         /* of a test; 0: the clock's */
    struct lua_kept {
        struct fct_str text; /* of the Lua string */
        int reference;       /* keeps it alive; 0: none yet */
    } kept[LUA_KEPT_TEXTS];  /* lua_message.c: texts of header fields and parts */
    struct lua_page *page;   /* lua_html_text.c */
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
/* May the callback still add so many bytes? Before a block of C memory goes to Lua. */
bool lua_memory_fits(const struct lua_call *call, size_t bytes);
/* Says what is wrong; false. */
FCT_PRINTF(3, 4) bool lua_fail(struct fct_err *err, enum fct_class class, const char *fmt, ...);
FCT_PRINTF(2, 3) const char *lua_keep(struct lua_engine *e, const char *fmt, ...);

/* ---- lua_watchdog.c ---- */
#define LUA_TICK_MS 10
FCT_MUST_CHECK bool lua_watchdog_start(struct fct_err *err);
void lua_watchdog_stop(void);

/* ---- lua_file.c ---- */
FCT_MUST_CHECK bool lua_files_load(struct lua_engine *e, struct fct_err *err);
int lua_file_require(lua_State *L);
void lua_loaded_free(struct lua_engine *e);

/* ---- lua_case.c: NAME_test.lua beside every rule file ---- */
FCT_MUST_CHECK bool lua_tests_pass(const struct lua_engine *e, struct fct_self *self,
                                   struct fct_err *err);

/* ---- lua_sandbox.c and the libraries it shows to scripts ---- */
void lua_sandbox_open(lua_State *L);
void lua_sandbox_push_env(lua_State *L, const char *path); /* a new _ENV for one file */
void lua_sandbox_push_globals(lua_State *L);               /* what all files have, to be read */
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
/* The event of a test from the table at `table`; what it points to stays on the stack. */
void lua_event_fill(lua_State *L, int table, enum fct_hook hook, void *event);
#define LUA_EVENT_BYTES 512 /* of the largest */
void lua_rule_hit(struct lua_call *call, struct fct_str detail);
void lua_rule_failed(struct lua_call *call); /* logs, counts, mutes */
bool lua_rule_muted(struct lua_rule *rule, struct fct_call *call);

/* ---- lua_view.c: objects handed to scripts; all die with their callback ---- */
enum lua_view_type {
    LUA_NO_VIEW,
    LUA_CONN,
    LUA_ENVELOPE,
    LUA_MESSAGE,
    LUA_EVENT,
    LUA_PART, /* from here on they know a part */
    LUA_HTML,
    LUA_VIEW_TYPES
};
void lua_view_open(lua_State *L);
void lua_view_push(lua_State *L, enum lua_view_type type, const struct fct_part *part);
/* The running callback, when argument `arg` is an object of it, or of the one that began it; raises
 * otherwise. */
struct lua_call *lua_view_check(lua_State *L, int arg, enum lua_view_type type);
/* Of an object that was checked. */
const struct fct_part *lua_view_part(lua_State *L, int arg);
int lua_event_index(lua_State *L); /* lua_hooks.c */
int lua_event_newindex(lua_State *L);

/* ---- lua_bind.c: the table of the API ---- */
void lua_bind_open(lua_State *L);
void lua_bind_functions(lua_State *L); /* global functions into the table on top */
/* A table of what objects of this type have: a method as itself, a field as its getter in a light
 * userdata. */
void lua_members_push(lua_State *L, const char *type);
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

/* ---- lua_units.c: how people write amounts ---- */
FCT_MUST_CHECK bool lua_duration_parse(const char *text, uint64_t *ms); /* "250ms", "5m", "90d" */
FCT_MUST_CHECK bool lua_size_parse(const char *text, uint64_t *bytes);  /* "64K" */
FCT_MUST_CHECK bool lua_rate_parse(const char *text, struct fct_rate *out); /* "200/1h burst 50" */
/* The argument as milliseconds: a text as above, or a number of seconds. */
uint64_t lua_duration_check(lua_State *L, int arg);
/* Seconds, rounded up, for times to live; nil: 0. */
uint32_t lua_ttl_check(lua_State *L, int arg);

/* ---- services ---- */
/* True when the host has this function; raises a clear error otherwise. */
#define LUA_NEEDS(L, member, what) \
    ((FCT_HAS(lua_host(L), member) && lua_host(L)->member) || lua_host_lacks(L, what))
bool lua_host_lacks(lua_State *L, const char *what);
double lua_time_now(const struct lua_engine *e);
void lua_time_push(lua_State *L, double epoch, struct fct_str text); /* epoch NAN: unreadable */
void lua_time_push_text(lua_State *L, struct fct_str text);
void lua_rate_push(lua_State *L, const struct fct_rate *rate);
void lua_scripts_free(struct lua_engine *e);

/* ---- lua_edits.c: m.mailbox = …, m.sender = … ---- */
int lua_message_set_mailbox(lua_State *L);
int lua_message_set_sender(lua_State *L);

/* ---- lua_bind.c: types that are no views ---- */
void lua_methods_push(lua_State *L, const char *type); /* a table of its methods */
/* A metatable for plain tables or userdata of this type; `tostring` may be NULL. */
void lua_type_open(lua_State *L, const char *type, lua_CFunction tostring);
void lua_time_open(lua_State *L);
void lua_url_open(lua_State *L);
void lua_regex_open(lua_State *L);

/* ---- lua_url.c, lua_html.c ---- */
void lua_url_push(lua_State *L, const struct fct_url *url);

/* ---- lua_html_text.c ---- */
/* The visible text of an HTML part, or of all (NULL), spaces collapsed. Kept until the next call.
 * False: no memory. */
FCT_MUST_CHECK bool lua_html_text(struct lua_engine *e, struct fct_call *call,
                                  const struct fct_part *part, struct fct_str *out);
/* Of the running callback's message. */
void lua_html_text_push(lua_State *L, const struct fct_part *part);
void lua_page_free(struct lua_engine *e);

static inline bool lua_str_is(struct fct_str s, const char *text)
{
    return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}
static inline bool lua_part_is(const struct fct_part *part, const char *type)
{
    return lua_str_is(part->type, type);
}

/* ---- lua_wait.c ---- */
void lua_beside_end(struct lua_call *c); /* waits for what the callback began */

/* ---- lua_patterns.c, lua_composite.c, lua_list.c: more rows of the plan ---- */
FCT_MUST_CHECK bool lua_patterns_register(struct lua_engine *e, struct fct_self *self,
                                          struct fct_err *err);
void lua_patterns_again(struct lua_engine *e); /* as they were registered */
void lua_patterns_free(struct lua_engine *e);
FCT_MUST_CHECK bool lua_composites_register(struct lua_engine *e, struct fct_self *self,
                                            struct fct_err *err);
void lua_composites_free(struct lua_engine *e);
const char *lua_composite_declared(const struct lua_engine *e, const char *name); /* where */
FCT_MUST_CHECK bool lua_lists_register(struct lua_engine *e, struct fct_self *self,
                                       struct fct_err *err);
void lua_lists_free(struct lua_engine *e);
/* The table `lists` for files of this folder, its lists loaded; or raises. */
void lua_lists_push(lua_State *L, const char *folder);
/* A symbol that nothing else declared; raises otherwise. */
void lua_symbol_check(lua_State *L, struct lua_engine *e, const char *name);
/* Where a live file, or one in shadow, declares it; NULL: nowhere. */
const char *lua_symbol_declared(const struct lua_engine *e, const char *name, bool shadow);
/* Hands it to the host, unless a live file has done so: a symbol has one score. */
FCT_MUST_CHECK bool lua_symbol_register(struct lua_engine *e, struct fct_self *self,
                                        const struct fct_symbol *symbol, const char *where,
                                        bool shadow, struct fct_err *err);
/* Tells the host where it stands, if the host wants to know. */
void lua_symbol_origin(const struct lua_engine *e, struct fct_self *self, const char *name,
                       const char *where);
const char *lua_label(struct lua_engine *e); /* "lua:NAME" of the file being loaded */
const char *lua_where_kept(lua_State *L, struct lua_engine *e); /* "FILE:LINE" of the script */

/* ---- lua_config.c ---- */
FCT_MUST_CHECK bool lua_options_read(struct lua_engine *e, struct fct_err *err);
FCT_MUST_CHECK bool lua_options_check(const struct lua_engine *e, struct fct_err *err);
void lua_options_free(struct lua_engine *e);

/* ---- lua_show.c ---- */
/* The values from index `first` to `last` as text for people; free() it. Raises nothing. */
char *lua_show(lua_State *L, int first, int last);

/* ---- lua_plugin.c ---- */
/* An engine with its files loaded, not yet registered; NULL: err. conf must live as long. */
struct lua_engine *lua_engine_open(const struct fct_host *host, const struct lua_settings *conf,
                                   struct fct_err *err);
void lua_engine_close(struct lua_engine **engine);
void lua_settings_defaults(struct lua_settings *out);

#endif
