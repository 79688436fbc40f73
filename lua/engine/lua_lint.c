/* lua_lint.c - see lua_lint.h. */
#include "lua_lint.h"

#include "lua_patterns.h"
#include <glob.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SAMPLE  20480
#define SLOW_NS 500000 /* on the sample: ten times what most patterns take */

void lua_lint_say(struct lua_lint_report *r, int kind, const char *fmt, ...)
{
    char text[400];
    va_list args;
    struct lua_tool_finding finding = {.text = text};

    finding.kind = kind == LUA_TOOL_ERROR ? LUA_TOOL_ERROR : LUA_TOOL_WARNING;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    r->n++;
    r->found(r->arg, &finding);
}

/* ---- regular expressions on samples ---- */

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Usual words; one letter again and again; digits and spaces: what makes patterns slow. */
static void fill_sample(char *out, unsigned which)
{
    static const char words[] =
        "Dear customer, please confirm your account at https://www.example.org/login?id=12345 "
        "before the end of the month; you have won nothing, but your invoice no. 2026-117 is "
        "attached. Best regards, A. Sender <a.sender@example.org>, Example Ltd.\n";

    for (size_t i = 0; i < SAMPLE; i++)
        out[i] = which == 0 ? words[i % (sizeof words - 1)] : which == 1 ? 'a' : "1 2  "[i % 5];
}

struct timing {
    struct lua_lint_report *report;
    struct lua_engine *engine;
    char *sample;
};

static void time_regex(void *arg, const char *symbol, const char *where,
                       const struct lua_regex *regex)
{
    const struct timing *t = arg;
    struct lua_regex_found found;
    int64_t worst = 0;

    for (unsigned which = 0; which < 3; which++) {
        struct fct_str text = {t->sample, SAMPLE};
        enum lua_regex_result result = LUA_REGEX_FOUND;
        int64_t began;

        fill_sample(t->sample, which);
        began = now_ns();
        for (size_t from = 0, n = 0; result == LUA_REGEX_FOUND && from <= text.n && n < 1000; n++) {
            result = lua_regex_search(t->engine->regex, regex, text, from, &found);
            from = found.span[0].end > from ? found.span[0].end : from + 1;
        }
        if (result == LUA_REGEX_COSTLY) {
            lua_lint_say(t->report, LUA_TOOL_WARNING,
                         "%s: pattern %s is too costly: on some texts it is given up", where,
                         symbol);
            return;
        }
        if (now_ns() - began > worst)
            worst = now_ns() - began;
    }
    if (worst > SLOW_NS)
        lua_lint_say(t->report, LUA_TOOL_WARNING, "%s: pattern %s is slow: %d us for 20 KiB", where,
                     symbol, (int)(worst / 1000));
}

/* ---- names ---- */

/* Is it among the globals of the engine's files? Read raw: nothing runs. */
static bool is_global(void *arg, struct fct_str name)
{
    struct lua_engine *e = arg;
    bool there;

    lua_settop(e->L, 1);
    lua_str_push(e->L, name);
    there = lua_rawget(e->L, 1) != LUA_TNIL || lua_str_is(name, "lists");
    lua_settop(e->L, 1);
    return there;
}

static void check_names(struct lua_lint_report *r, struct lua_engine *e, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = fopen(path, "re");
    ssize_t n = f ? getdelim(&text, &size, '\0', f) : -1;

    if (f)
        fclose(f);
    if (n >= 0) {
        lua_sandbox_push_globals(e->L);
        lua_lint_names(r, path, (struct fct_str){text, (size_t)n}, is_global, e);
        lua_settop(e->L, 0);
    }
    free(text);
}

/* ---- the rest ---- */

static void check_rules(struct lua_lint_report *r, const struct lua_engine *e)
{
    for (const struct lua_rule *rule = e->rule; rule; rule = rule->next)
        if (rule->kind == LUA_RULE && !*rule->declared.doc)
            lua_lint_say(r, LUA_TOOL_WARNING, "%s: rule %s has no about", rule->where,
                         rule->symbol);
    for (const struct lua_loaded *l = e->loaded; l; l = l->next) {
        size_t n = strlen(l->path);
        char test[4096];

        snprintf(test, sizeof test, "%.*s_test.lua", (int)(n > 4 ? n - 4 : n), l->path);
        if (access(test, R_OK) != 0)
            lua_lint_say(r, LUA_TOOL_WARNING, "%s: it has no test (%s)", l->path, test);
    }
}

static bool is_test(const char *path)
{
    size_t n = strlen(path);

    return n > 9 && strcmp(path + n - 9, "_test.lua") == 0;
}

static void lint_file(struct lua_lint_report *r, const struct fct_host *host,
                      const struct lua_settings *conf, const char *path)
{
    struct lua_settings one = *conf;
    struct timing t = {.report = r};
    struct fct_err err = {0};
    struct lua_engine *e;

    one.file = (struct fct_strings){&path, 1};
    e = lua_engine_open(host, &one, &err);
    if (!e) {
        lua_lint_say(r, LUA_TOOL_ERROR, "%s", err.text);
        one.file = (struct fct_strings){NULL, 0}; /* names can be looked at all the same */
        e = lua_engine_open(host, &one, &err);
        if (!e)
            return;
    }
    check_names(r, e, path);
    check_rules(r, e);
    t.engine = e;
    t.sample = malloc(SAMPLE);
    if (t.sample)
        lua_patterns_each(e, time_regex, &t);
    free(t.sample);
    lua_engine_close(&e);
}

size_t lua_lint(const struct fct_host *host, const struct lua_settings *conf, lua_lint_found *found,
                void *arg)
{
    struct lua_lint_report r = {found, arg, 0};

    for (size_t i = 0; i < conf->file.n; i++) {
        glob_t files = {0};

        if (glob(conf->file.item[i], 0, NULL, &files) != 0)
            lua_lint_say(&r, LUA_TOOL_ERROR, "%s: no such file", conf->file.item[i]);
        else
            for (size_t j = 0; j < files.gl_pathc; j++)
                if (!is_test(files.gl_pathv[j]))
                    lint_file(&r, host, conf, files.gl_pathv[j]);
        globfree(&files);
    }
    return r.n;
}
