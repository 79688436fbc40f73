/* lua_tool.c - see lua_tool.h. */
#include "lua_tool.h"

#include "lua_case.h"
#include "lua_lint.h"
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void settings_of(const struct lua_tool_job *job, struct lua_settings *out)
{
    lua_settings_defaults(out);
    out->file = (struct fct_strings){job->file, job->files};
    if (job->lib)
        out->lib = job->lib;
    out->mute_after = 0; /* a tool wants to hear of every failure */
}

/* ---- test ---- */

struct seen {
    void (*seen)(void *arg, const struct lua_tool_case *result);
    void *arg;
};

static void hand_on(void *arg, const struct lua_case_result *r)
{
    const struct seen *s = arg;
    const struct lua_tool_case result = {r->file, r->line, r->name, r->passed, r->why};

    s->seen(s->arg, &result);
}

/* Rule files of the patterns; tests are not meant. */
static bool each_file(const struct lua_tool_job *job,
                      bool (*each)(void *arg, const char *path, struct fct_err *err), void *arg,
                      struct fct_err *err)
{
    for (size_t i = 0; i < job->files; i++) {
        glob_t found = {0};
        bool ok = true;

        if (glob(job->file[i], 0, NULL, &found) != 0) {
            return lua_fail(err, FCT_SYNTAX, "%.200s: no such file", job->file[i]);
        }
        for (size_t j = 0; ok && j < found.gl_pathc; j++) {
            size_t n = strlen(found.gl_pathv[j]);

            if (n < 9 || strcmp(found.gl_pathv[j] + n - 9, "_test.lua") != 0)
                ok = each(arg, found.gl_pathv[j], err);
        }
        globfree(&found);
        if (!ok)
            return false;
    }
    return true;
}

struct testing {
    struct lua_case_job job;
    size_t cases, failed;
};

static bool test_file(void *arg, const char *path, struct fct_err *err)
{
    struct testing *t = arg;
    bool ok;

    t->job.rule = path;
    ok = lua_cases_run(&t->job, err);
    t->cases += t->job.cases;
    t->failed += t->job.failed;
    return ok;
}

static bool tool_test(const struct lua_tool_job *job,
                      void (*seen)(void *arg, const struct lua_tool_case *result), void *arg,
                      size_t *cases, size_t *failed, struct fct_err *err)
{
    struct seen hand = {seen, arg};
    struct lua_settings conf;
    struct testing t = {
        .job = {.host = job->host, .conf = &conf, .seen = hand_on, .arg = &hand},
    };
    bool ok;

    settings_of(job, &conf);
    ok = each_file(job, test_file, &t, err);
    *cases = t.cases;
    *failed = t.failed;
    return ok;
}

/* ---- judge ---- */

struct lua_judge {
    struct lua_settings conf;
    struct lua_trial *trial;
    struct lua_engine *engine, *answers;
    struct lua_tool_symbol *symbol;
    const char **log;
};

static void judge_close(struct lua_judge **judge)
{
    struct lua_judge *j = *judge;

    *judge = NULL;
    if (!j)
        return;
    lua_engine_close(&j->engine);
    lua_trial_free(&j->trial);
    lua_engine_close(&j->answers);
    free(j->symbol);
    free((void *)j->log);
    free(j);
}

/* The table of answers stays on the stack of a state of its own. */
static bool load_answers(struct lua_judge *j, const struct lua_tool_job *job, struct fct_err *err)
{
    struct lua_settings conf = j->conf;

    if (!job->answers)
        return true;
    conf.file = (struct fct_strings){NULL, 0};
    j->answers = lua_engine_open(job->host, &conf, err);
    if (!j->answers)
        return false;
    j->answers->conf = &j->conf;
    if (!lua_answers_load(j->answers, job->answers, err))
        return false;
    j->trial->L = j->answers->L;
    j->trial->answers = 1;
    return true;
}

static struct lua_judge *judge_open(const struct lua_tool_job *job, struct fct_err *err)
{
    struct lua_judge *j = calloc(1, sizeof *j);

    if (!j) {
        *err = (struct fct_err){FCT_TEMP, "out of memory"};
        return NULL;
    }
    settings_of(job, &j->conf);
    j->symbol = calloc(LUA_TRIAL_SYMBOLS, sizeof *j->symbol);
    j->trial = j->symbol ? lua_trial_new(job->host, err) : NULL;
    if (j->trial)
        j->engine = lua_engine_open(&j->trial->host, &j->conf, err);
    if (!j->engine || !lua_trial_adopt(j->trial, j->engine, err) || !load_answers(j, job, err))
        judge_close(&j);
    return j;
}

static bool take_mail(struct lua_trial *t, const struct lua_tool_mail *mail, struct fct_err *err)
{
    lua_trial_reset(t);
    if (mail->client_ip.n)
        t->conn.client_ip = mail->client_ip;
    if (mail->helo.n)
        t->conn.helo = mail->helo;
    t->envelope.reverse_path = mail->reverse_path;
    t->envelope.recipient = mail->recipient;
    t->envelope.recipients = mail->recipients;
    return lua_trial_message(t, NULL, mail->message, err);
}

static enum fct_verdict run_all(struct lua_trial *t, const struct lua_tool_mail *mail)
{
    static const struct fct_str no_recipient = {"", 0};
    enum fct_verdict strongest = FCT_NEXT;

    for (size_t i = 0; i < FCT_COUNT(lua_trial_order); i++) {
        enum fct_hook hook = lua_trial_order[i];
        bool each = hook == FCT_HOOK_rcpt || hook == FCT_HOOK_deliver;

        for (size_t n = 0; n < (each ? mail->recipients : 1); n++) {
            enum fct_verdict v = lua_trial_point(
                t, hook, mail->recipients > n ? mail->recipient[n] : no_recipient, n);

            if (v > strongest)
                strongest = v;
        }
        if (hook == FCT_HOOK_scan)
            lua_trial_composites(t);
    }
    return strongest;
}

static uint64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static bool judge(struct lua_judge *j, const struct lua_tool_mail *mail,
                  struct lua_tool_verdict *out, struct fct_err *err)
{
    struct lua_trial *t = j->trial;
    uint64_t began;
    size_t n = 0;

    *out = (struct lua_tool_verdict){.size = sizeof *out, .symbol = j->symbol};
    if (!take_mail(t, mail, err))
        return false;
    began = cpu_ns();
    out->verdict = run_all(t, mail);
    out->ns = cpu_ns() - began;
    for (size_t i = 0; i < t->symbols; i++)
        if (t->symbol[i].found) {
            j->symbol[out->symbols++] = (struct lua_tool_symbol){
                t->symbol[i].name, t->symbol[i].detail, t->symbol[i].added};
            out->score += t->symbol[i].added;
        }
    free((void *)j->log);
    j->log = calloc(t->log.n + 1, sizeof *j->log);
    for (const struct lua_line *l = t->log.first; j->log && l; l = l->next)
        j->log[n++] = l->text;
    out->log = j->log;
    out->logs = n;
    return true;
}

/* ---- try ---- */

struct trying {
    const char *expression;
    char *out;
};

/* Pushes the chunk, or the error. */
static bool load_text(lua_State *L, const char *format, const char *expression)
{
    bool ok;

    lua_pushfstring(L, format, expression);
    ok = luaL_loadbufferx(L, lua_tostring(L, -1), lua_rawlen(L, -1), "=expression", "t") == LUA_OK;
    lua_remove(L, -2);
    return ok;
}

static int try_expression(lua_State *L)
{
    struct trying *t = lua_touserdata(L, 1);

    lua_settop(L, 0);
    /* An expression, else statements; of what is neither the first error is told. */
    if (!load_text(L, "local m, c = ... return %s", t->expression) &&
        !load_text(L, "local m, c = ... %s", t->expression)) {
        lua_settop(L, 1);
        return lua_error(L);
    }
    lua_copy(L, -1, 1);
    lua_settop(L, 1);
    lua_sandbox_push_env(L, "");
    lua_setupvalue(L, 1, 1);
    lua_view_push(L, LUA_MESSAGE, NULL);
    lua_view_push(L, LUA_CONN, NULL);
    lua_call(L, 2, LUA_MULTRET);
    t->out = lua_show(L, 1, lua_gettop(L));
    return 0;
}

static bool tool_try(const struct lua_tool_job *job, const struct lua_tool_mail *mail,
                     const char *expression, char **out, struct fct_err *err)
{
    struct trying t = {.expression = expression};
    struct fct_ev_scan event = {.size = mail->message.n};
    struct lua_judge *j = judge_open(job, err);
    struct lua_rule rule = {.kind = LUA_HOOK, .where = "expression"};
    struct lua_call *c;
    bool ok = false;

    if (!j)
        return false;
    c = lua_call_take(j->engine);
    if (c && take_mail(j->trial, mail, err)) {
        rule.engine = j->engine;
        c->host = j->trial->call;
        c->rule = &rule;
        c->hook = FCT_HOOK_scan;
        c->event = &event;
        ok = lua_call_guarded(c, try_expression, &t) && t.out;
        if (!ok) {
            lua_fail(err, FCT_SYNTAX, "%s", c->error);
        }
    }
    if (c)
        lua_call_give_back(&c);
    judge_close(&j);
    *out = t.out;
    return ok;
}

/* ---- lint ---- */

static size_t tool_lint(const struct lua_tool_job *job,
                        void (*found)(void *arg, const struct lua_tool_finding *finding), void *arg)
{
    struct lua_settings conf;

    settings_of(job, &conf);
    return lua_lint(job->host, &conf, found, arg);
}

/* ---- new ---- */

static const char rule_text[] =
    "-- %s.lua - say here what it is for. Try it: facteurctl lua test %s.lua\n"
    "local words = config.list(\"words\", { \"lottery\", \"jackpot\" }, \"words that count\")\n"
    "\n"
    "rule { \"%s\", score = 1.0, group = \"local\",\n"
    "  about = \"the subject has one of our words\",\n"
    "  function(m)\n"
    "    local subject = (m.subject or \"\"):lower()\n"
    "    for _, word in ipairs(words) do\n"
    "      if subject:find(word, 1, true) then return word end\n"
    "    end\n"
    "  end }\n";

static const char test_text[] =
    "-- %s_test.lua - one table per case; docs/lua-tutorial.md lists what may stand in one.\n"
    "return {\n"
    "  { \"a usual message\", text = \"Subject: lunch\\n\\nAt noon?\\n\" },\n"
    "  { \"our word\", text = \"Subject: You won the LOTTERY\\n\\nSend money.\\n\",\n"
    "    finds = { \"%s=lottery\" } },\n"
    "  { \"another word\", text = \"Subject: prize\\n\\n\", config = { words = { \"prize\" } },\n"
    "    finds = { \"%s\" } },\n"
    "}\n";

static bool refuse(struct fct_err *err, const char *path, const char *why)
{
    return lua_fail(err, FCT_DENIED, "%.150s: %s", path, why);
}

/* `x`: a file that exists is an error. */
static bool write_new(const char *path, const char *text, struct fct_err *err)
{
    FILE *f = fopen(path, "wxe");
    bool ok = f && fputs(text, f) != EOF;

    if (f && fclose(f) != 0)
        ok = false;
    return ok || refuse(err, path, strerror(errno));
}

static bool tool_create(const char *folder, const char *name, struct fct_err *err)
{
    char path[4096], test[4096], text[4096], symbol[65];
    size_t n = strlen(name);

    if (n == 0 || n > 60 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != n)
        return refuse(err, name, "a name has small letters, digits and underscores");
    for (size_t i = 0; i <= n; i++)
        symbol[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i]);
    snprintf(path, sizeof path, "%s/%s.lua", folder, name);
    snprintf(test, sizeof test, "%s/%s_test.lua", folder, name);
    snprintf(text, sizeof text, rule_text, name, name, symbol);
    if (access(test, F_OK) == 0)
        return refuse(err, test, "exists");
    if (!write_new(path, text, err))
        return false;
    snprintf(text, sizeof text, test_text, name, symbol, symbol);
    return write_new(test, text, err);
}

const struct fct_lua_tool fct_lua_tool = {
    .size = sizeof(struct fct_lua_tool),
    .version = LUA_TOOL_VERSION,
    .test = tool_test,
    .judge_open = judge_open,
    .judge = judge,
    .judge_close = judge_close,
    .try_expression = tool_try,
    .lint = tool_lint,
    .create = tool_create,
};
