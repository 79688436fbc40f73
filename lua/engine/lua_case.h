/* lua_case.h - the tests beside rule files: NAME_test.lua returns a list of cases for NAME.lua.
 *
 * The same code runs them when a set of rules is loaded and for `facteurctl lua test`. Every case
 * of a file with callbacks has a Lua state of its own, so that none depends on the one before. The
 * fields of a case are described in docs/lua-tutorial.md. */
#ifndef LUA_CASE_H
#define LUA_CASE_H

#include "lua_trial.h"

struct lua_case_result {
    const char *file; /* of the test */
    unsigned line;    /* where the case's name stands; 0: not found */
    const char *name;
    bool passed;
    const char *why; /* it failed; "" otherwise */
};
typedef void lua_case_seen(void *arg, const struct lua_case_result *result);

struct lua_case_job {
    const struct fct_host *host; /* the real one */
    struct fct_self *self;       /* may be NULL */
    const struct lua_settings *conf;
    const char *rule; /* the rule file */
    lua_case_seen *seen;
    void *arg;
    size_t cases, failed; /* results */
};

/* True: there were no tests, or all could be run (job->failed counts). False: the test file itself
 * is broken: err. */
FCT_MUST_CHECK bool lua_cases_run(struct lua_case_job *job, struct fct_err *err);
/* A message from a file, its line ends made CRLF. malloc'd; NULL: errno says why. */
char *lua_message_read(const char *path, size_t *n);

#endif
