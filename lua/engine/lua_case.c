/* lua_case.c - see lua_case.h. Reading, running and comparing are in files of their own. */
#include "lua_case_int.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#define CASES "facteur.cases" /* registry of the test's state: the list of cases */

bool lua_case_fail(struct lua_case_run *r, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(r->why, sizeof r->why, fmt, args);
    va_end(args);
    return false;
}

/* ---- what the cases of a file share ---- */

/* The rules, loaded once. patterns{} and composite{} run no Lua: what a case leaves behind is in
 * the trial alone, which forgets it. Of other rules this keeps what was compiled. */
struct lua_case_common {
    struct lua_trial *trial;
    struct lua_engine *engine; /* NULL: they cannot be loaded, as every case will say */
};

static void close_common(struct lua_case_common *common)
{
    lua_engine_close(&common->engine);
    lua_trial_free(&common->trial);
}

static struct lua_case_common open_common(const struct lua_case_job *job,
                                          const struct lua_settings *conf)
{
    struct fct_err ignored = {0};
    struct lua_case_common common = {.trial = lua_trial_new(job->host, &ignored)};

    if (common.trial)
        common.engine = lua_engine_open(&common.trial->host, conf, &ignored);
    if (common.engine && !lua_trial_adopt(common.trial, common.engine, &ignored))
        close_common(&common);
    return common;
}

/* Options are read while rules are loaded. */
static bool serves(const struct lua_case_common *common, const struct lua_case_run *r)
{
    return common->engine && !common->engine->rule && r->conf.option.n == 0;
}

/* ---- one case ---- */

static bool load_rules(struct lua_case_run *r)
{
    struct fct_err err = {0};

    if (r->shared)
        return true;
    r->engine = lua_engine_open(&r->trial->host, &r->conf, &err);
    if (!r->engine || !lua_trial_adopt(r->trial, r->engine, &err))
        return lua_case_fail(r, "%s", err.text);
    if (lua_getfield(r->L, CASE, "now") == LUA_TNUMBER)
        r->engine->now = lua_tonumber(r->L, -1);
    lua_settop(r->L, CASE);
    return true;
}

static bool take_trial(struct lua_case_run *r)
{
    const struct lua_case_common *common = r->common;
    struct fct_err err = {0};

    r->shared = serves(common, r);
    r->trial = r->shared ? common->trial : lua_trial_new(r->job->host, &err);
    if (!r->trial)
        return lua_case_fail(r, "%s", err.text);
    if (r->shared) {
        r->engine = common->engine;
        lua_trial_again(r->trial);
        lua_patterns_again(r->engine);
    }
    return true;
}

static bool prepare(struct lua_case_run *r)
{
    struct fct_err err = {0};
    struct fct_str message;

    if (!take_trial(r))
        return false;
    r->trial->L = r->L;
    r->trial->answers = CASE;
    if (!lua_case_check_names(r) || !lua_case_read_connection(r) ||
        !lua_case_read_message(r, &message) || !load_rules(r))
        return false;
    lua_case_read_envelope(r);
    if (!lua_trial_message(r->trial, r->job->self, message, &err))
        return lua_case_fail(r, "%s", err.text);
    lua_case_give_symbols(r);
    return true;
}

static void clean_up(struct lua_case_run *r)
{
    lua_running = NULL;
    if (r->shared) {
        lua_trial_again(r->trial);
    } else {
        lua_engine_close(&r->engine);
        lua_trial_free(&r->trial);
    }
    free(r->message);
    r->message = NULL;
}

/* run, case → whether it passed */
static int run_case(lua_State *L)
{
    struct lua_case_run *r = lua_touserdata(L, 1);
    const char *options[64];

    luaL_checktype(L, CASE, LUA_TTABLE);
    lua_case_read_options(r, options, FCT_COUNT(options));
    lua_pushboolean(L, prepare(r) && lua_case_run_hooks(r) && lua_case_compare(r));
    return 1;
}

/* ---- the file ---- */

struct loading {
    const char *path;
};

static int load_cases(lua_State *L)
{
    const struct loading *loading = lua_touserdata(L, 1);

    lua_settop(L, 0);

    if (luaL_loadfilex(L, loading->path, "t") != LUA_OK)
        return lua_error(L);
    lua_sandbox_push_env(L, loading->path);
    lua_setupvalue(L, -2, 1);
    lua_call(L, 0, 1);
    if (!lua_istable(L, -1))
        return luaL_error(L, "%s must return a table", loading->path);
    lua_setfield(L, LUA_REGISTRYINDEX, CASES);
    return 0;
}

static bool load_file(struct lua_engine *e, const char *path, struct fct_err *err)
{
    struct loading loading = {path};
    struct lua_call *c = lua_call_take(e);
    bool ok;

    if (!c) {
        *err = (struct fct_err){FCT_LIMIT, "out of memory"};
        return false;
    }
    c->may_grow = 0;
    c->may_tick = (sig_atomic_t)(e->conf->load_budget.ms / LUA_TICK_MS + 1);
    e->file = path;
    ok = lua_call_guarded(c, load_cases, &loading);
    e->file = NULL;
    if (!ok) {
        lua_fail(err, FCT_SYNTAX, "%s", c->error);
    }
    lua_call_give_back(&c);
    return ok;
}

bool lua_answers_load(struct lua_engine *e, const char *path, struct fct_err *err)
{
    if (!load_file(e, path, err))
        return false;
    lua_settop(e->L, 0);
    lua_getfield(e->L, LUA_REGISTRYINDEX, CASES);
    return true;
}

/* The line where the case's name first stands in quotes. */
static unsigned line_of(const char *path, const char *name)
{
    char line[1024];
    FILE *f = fopen(path, "re");
    unsigned n = 0, found = 0;

    while (f && !found && fgets(line, sizeof line, f)) {
        const char *at = strstr(line, name);

        n++;
        if (at && at > line && (at[-1] == '"' || at[-1] == '\'' || at[-1] == '['))
            found = n;
    }
    if (f)
        fclose(f);
    return found;
}

/* The case on top of the test's stack; pops it. */
static void run_one(struct lua_case_job *job, const struct lua_case_common *common,
                    struct lua_engine *test, const char *path)
{
    struct lua_case_run r = {
        .job = job, .common = common, .L = test->L, .conf = *job->conf, .test = path};
    lua_State *L = test->L;
    char name[200] = "(without a name)";
    struct lua_case_result result = {.file = path, .name = name, .why = r.why};

    r.conf.file = (struct fct_strings){&job->rule, 1};
    r.conf.shadow = r.conf.option = (struct fct_strings){NULL, 0};
    if (lua_istable(L, -1) && lua_rawgeti(L, -1, 1) == LUA_TSTRING)
        snprintf(name, sizeof name, "%s", lua_tostring(L, -1));
    lua_settop(L, 2);
    lua_pushcfunction(L, run_case);
    lua_pushlightuserdata(L, &r);
    lua_rotate(L, 2, -1); /* list, function, run, case */
    if (lua_pcall(L, 2, 1, 0) != LUA_OK)
        lua_case_fail(&r, "%s", lua_isstring(L, -1) ? lua_tostring(L, -1) : "it cannot be run");
    else
        result.passed = lua_toboolean(L, -1);
    clean_up(&r);
    lua_settop(L, 1);
    job->cases++;
    job->failed += !result.passed;
    if (!result.passed)
        result.line = line_of(path, name);
    job->seen(job->arg, &result);
}

static bool run_file(struct lua_case_job *job, const char *path, struct fct_err *err)
{
    struct lua_settings conf = *job->conf;
    struct lua_case_common common;
    struct lua_engine *test;
    bool ok;

    conf.file = conf.shadow = conf.option = (struct fct_strings){NULL, 0};
    test = lua_engine_open(job->host, &conf, err);
    if (!test)
        return false;
    conf.file = (struct fct_strings){&job->rule, 1};
    common = open_common(job, &conf);
    ok = load_file(test, path, err);
    if (ok) {
        lua_settop(test->L, 0);
        lua_getfield(test->L, LUA_REGISTRYINDEX, CASES);
        for (lua_Integer i = 1; lua_rawgeti(test->L, 1, i) != LUA_TNIL; i++)
            run_one(job, &common, test, path);
    }
    close_common(&common);
    lua_engine_close(&test);
    return ok;
}

bool lua_cases_run(struct lua_case_job *job, struct fct_err *err)
{
    size_t n = strlen(job->rule);
    char path[PATH_MAX];

    job->cases = job->failed = 0;
    if (n < 5 || strcmp(job->rule + n - 4, ".lua") != 0)
        return true;
    snprintf(path, sizeof path, "%.*s_test.lua", (int)(n - 4), job->rule);
    if (access(path, R_OK) != 0)
        return true;
    return run_file(job, path, err);
}

/* ---- when a set is loaded ---- */

static void keep_first(void *arg, const struct lua_case_result *result)
{
    struct fct_err *err = arg;

    if (result->passed || err->text[0])
        return;
    lua_fail(err, FCT_DENIED, "%.90s:%u: test \"%.60s\": %.120s", result->file, result->line,
             result->name, result->why);
}

bool lua_tests_pass(const struct lua_engine *e, struct fct_self *self, struct fct_err *err)
{
    struct fct_err first = {0};

    if (!e->conf->tests || !FCT_HAS(e->host, trial_end) || !e->host->trial_begin)
        return true;
    for (const struct lua_loaded *l = e->loaded; l; l = l->next) {
        struct lua_case_job job = {
            .host = e->host,
            .self = self,
            .conf = e->conf,
            .rule = l->path,
            .seen = keep_first,
            .arg = &first,
        };

        if (!lua_cases_run(&job, err))
            return false;
        if (job.failed > 0) {
            *err = first;
            return false;
        }
    }
    return true;
}
