/* lua_lint.h - mistakes in rule files that loading does not show. */
#ifndef LUA_LINT_H
#define LUA_LINT_H

#include "lua_engine.h"
#include "lua_tool.h"

typedef void lua_lint_found(void *arg, const struct lua_tool_finding *finding);

/* Loads the files of conf; unknown globals, unused locals, slow regular expressions, rules without
 * a sentence or a test. How many findings. */
size_t lua_lint(const struct fct_host *host, const struct lua_settings *conf, lua_lint_found *found,
                void *arg);

/* lua_lint_names.c: the names of one file, without loading it. */
struct lua_lint_report {
    lua_lint_found *found;
    void *arg;
    size_t n;
};
FCT_PRINTF(3, 4) void lua_lint_say(struct lua_lint_report *r, int kind, const char *fmt, ...);
/* is_global: does a rule file have this global? */
void lua_lint_names(struct lua_lint_report *r, const char *path, struct fct_str text,
                    bool (*is_global)(void *arg, struct fct_str name), void *arg);

#endif
