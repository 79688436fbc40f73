/* lua_tool.h - what facteurctl does with rule files. lua.so exports it as `fct_lua_tool` beside
 * `fct_plugin`:
 *
 *   void *library = dlopen(".../lua.so", RTLD_NOW | RTLD_LOCAL);
 *   const struct fct_lua_tool *tool = dlsym(library, "fct_lua_tool");
 *
 * Why a table in the plugin: rules are tested, tried and judged by the very engine that runs them
 * in service, and facteurctl links to no Lua. The host handed over is the server's own
 * (plugin_host); of it only trial_begin and the functions that read are called. Include this
 * header, link nothing. One user at a time, in one thread. */
#ifndef LUA_TOOL_H
#define LUA_TOOL_H

#include <facteur/plugin.h>

#define LUA_TOOL_VERSION 1

/* Which rules, and how. Everything lives as long as the call, or until judge_close. */
struct lua_tool_job {
    uint32_t size; /* sizeof */
    const struct fct_host *host;
    const char *const *file; /* rule files or patterns */
    size_t files;
    const char *lib; /* folder of modules, or NULL */
    const char *answers; /* a Lua file that returns { dns = …, redis = …, http = …, kv = … } as test
                            cases have them, or NULL: nobody answers */
};

struct lua_tool_case {
    const char *file; /* of the test */
    unsigned line;    /* 0: unknown */
    const char *name;
    bool passed;
    const char *why; /* it failed */
};

/* A message and what is known about it; empty views for what is not. */
struct lua_tool_mail {
    uint32_t size; /* sizeof */
    struct fct_str message, client_ip, helo, reverse_path;
    const struct fct_str *recipient;
    size_t recipients;
};

struct lua_tool_symbol {
    const char *name, *detail;
    double score;
};

/* Valid until the next judge or judge_close. */
struct lua_tool_verdict {
    uint32_t size; /* filled in */
    enum fct_verdict verdict;
    double score;
    const struct lua_tool_symbol *symbol;
    size_t symbols;
    const char *const *log; /* lines such as "warning: rule_failed …" */
    size_t logs;
    uint64_t ns; /* of the rules' processor time */
};

struct lua_tool_finding {
    enum { LUA_TOOL_ERROR, LUA_TOOL_WARNING } kind;
    const char *text; /* "rules/x.lua:12: unknown global 'foo'" */
};

struct lua_judge;

struct fct_lua_tool {
    uint32_t size, version;
    /* `lua test RULE.lua`: the cases of every NAME_test.lua beside the files. False: a file is
     * broken (err); otherwise look at *failed. */
    bool (*test)(const struct lua_tool_job *job,
                 void (*seen)(void *arg, const struct lua_tool_case *result), void *arg,
                 size_t *cases, size_t *failed, struct fct_err *err);
    /* `lua test RULE.lua FOLDER`: one message after the other through all points from connect to
     * deliver. */
    struct lua_judge *(*judge_open)(const struct lua_tool_job *job, struct fct_err *err);
    bool (*judge)(struct lua_judge *judge, const struct lua_tool_mail *mail,
                  struct lua_tool_verdict *out, struct fct_err *err);
    void (*judge_close)(struct lua_judge **judge);
    /* `lua try 'EXPR' FILE.eml`: m and c are there. *out is what it gives, as text; free() it. */
    bool (*try_expression)(const struct lua_tool_job *job, const struct lua_tool_mail *mail,
                           const char *expression, char **out, struct fct_err *err);
    /* `lua lint FILE…`: how many findings. */
    size_t (*lint)(const struct lua_tool_job *job,
                   void (*found)(void *arg, const struct lua_tool_finding *finding), void *arg);
    /* `lua new NAME`: FOLDER/NAME.lua and its test; never over a file that exists. */
    bool (*create)(const char *folder, const char *name, struct fct_err *err);
};
extern FCT_EXPORT const struct fct_lua_tool fct_lua_tool;

#endif
