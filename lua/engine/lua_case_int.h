/* lua_case_int.h - one case while it runs, for the files of lua_case. */
#ifndef LUA_CASE_INT_H
#define LUA_CASE_INT_H

#include "lua_case.h"

struct lua_case_common;

/* Its table is at index CASE of L. */
struct lua_case_run {
    struct lua_case_job *job;
    const struct lua_case_common *common;
    lua_State *L;
    struct lua_settings conf;
    struct lua_trial *trial;
    struct lua_engine *engine;
    const char *test; /* path of the test file */
    bool shared;      /* trial and engine are those of all cases */
    char *message;
    enum fct_verdict verdict;
    char why[600];
};
#define CASE 2

/* Notes why the case fails; false. */
bool lua_case_fail(struct lua_case_run *r, const char *fmt, ...) FCT_PRINTF(2, 3);

/* lua_case_read.c: from the case's table. Texts live as long as the case. */
struct fct_str lua_case_text(struct lua_case_run *r, const char *name, const char *fallback);
const char *lua_case_word(struct lua_case_run *r, const char *name, const char *fallback);
bool lua_case_check_names(struct lua_case_run *r);
bool lua_case_read_message(struct lua_case_run *r, struct fct_str *out);
bool lua_case_read_connection(struct lua_case_run *r);
void lua_case_read_envelope(struct lua_case_run *r);
void lua_case_read_options(struct lua_case_run *r, const char **item, size_t most);
void lua_case_give_symbols(struct lua_case_run *r);

/* lua_case_points.c: connect to deliver, or the one point that the case names. */
bool lua_case_run_hooks(struct lua_case_run *r);

/* lua_case_compare.c: is what happened what the case wants? */
bool lua_case_compare(struct lua_case_run *r);

#endif
