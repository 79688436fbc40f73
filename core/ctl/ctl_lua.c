/* ctl_lua.c - see ctl_lua.h. */
#include "core/ctl/ctl_lua.h"

#include "core/base/str.h"
#include "core/ctl/ctl_mail.h"
#include "core/ctl/ctl_plugin.h"
#include "core/log/log.h"
#include "core/plugin/plugin_host.h"
#include "core/plugin/plugin_load.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_MAX (16u << 20)

/* ---- the engine, in a child ---- */

struct session {
    struct ctl *c;
    const struct fct_lua_tool *tool;
    struct lua_tool_job job;
    /* What is told while it runs. */
    struct buf text;
    json_t *list;
};

static bool open_tool(struct session *s, struct fct_err *err)
{
    const char *path = arena_printf(s->c->arena, "%s/lua.so", s->c->paths.plugin_dir).p;
    void *library;

    if (!plugin_open(path, &library, err))
        return false;
    s->tool = dlsym(library, "fct_lua_tool");
    return (s->tool && s->tool->version == LUA_TOOL_VERSION && s->tool->size >= sizeof *s->tool) ||
           fct_fail(err, FCT_DENIED, "%s is of another version than this facteurctl", path);
}

static int in_session(struct ctl *c, int (*work)(struct session *s))
{
    struct session s = {.c = c, .text = BUF_INIT(TEXT_MAX)};
    struct fct_err err = {0};
    int status;

    log_setup(STDERR_FILENO, "lua", FCT_ERROR);
    s.job = (struct lua_tool_job){.size = sizeof s.job,
                                  .host = &plugin_host,
                                  .lib = ctl_option(c, "--lib"),
                                  .answers = ctl_option(c, "--answers")};
    s.list = json_array();
    status = open_tool(&s, &err) ? work(&s) : ctl_error(&err);
    json_decref(s.list);
    buf_free(&s.text);
    return status;
}

static int run(struct ctl *c, int (*work)(struct session *s))
{
    struct fct_err err = {0};
    int status = 0;
    pid_t pid;

    (void)fflush(stdout);
    pid = fork();
    if (pid == 0) {
        status = in_session(c, work);
        (void)fflush(stdout);
        _exit(status);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        (void)fct_fail(&err, FCT_TEMP, "a child process: %s", strerror(errno));
    else if (WIFSIGNALED(status))
        (void)fct_fail(&err, FCT_DENIED, "the engine died: %s", strsignal(WTERMSIG(status)));
    else
        return WEXITSTATUS(status);
    return ctl_error(&err);
}

/* ---- test ---- */

static void seen_case(void *arg, const struct lua_tool_case *one)
{
    struct session *s = arg;
    const char *why = one->why ? one->why : "";

    if (s->c->json) {
        json_array_append_new(s->list, json_pack("{s:s, s:i, s:s, s:b, s:s}", "file", one->file,
                                                 "line", (int)one->line, "name", one->name,
                                                 "passed", one->passed, "why", why));
        return;
    }
    buf_printf(&s->text, "%s %s", one->passed ? "ok  " : "FAIL", one->file);
    if (one->line > 0)
        buf_printf(&s->text, ":%u", one->line);
    buf_printf(&s->text, ": ");
    ctl_put_safe(str_from(one->name), &s->text);
    buf_put_char(&s->text, '\n');
    for (struct fct_str rest = str_from(why), line; !one->passed && rest.p && rest.n > 0;) {
        line = str_split(&rest, '\n');
        buf_put_c(&s->text, "    ");
        ctl_put_safe(line, &s->text);
        buf_put_char(&s->text, '\n');
    }
}

static int finish_test(struct session *s, json_t *answer, size_t cases, size_t failed, int status)
{
    if (!s->c->json)
        return status;
    json_object_set(answer, "cases", s->list);
    json_object_set_new(answer, "passed", json_integer((json_int_t)(cases - failed)));
    json_object_set_new(answer, "failed", json_integer((json_int_t)failed));
    ctl_print_json(json_incref(answer));
    return status;
}

/* What does not even load is told first. */
static int nothing_to_test(struct session *s)
{
    struct fct_err err = {0};
    struct lua_judge *judge = s->tool->judge_open(&s->job, &err);

    if (judge) {
        s->tool->judge_close(&judge);
        (void)fct_fail(&err, FCT_SYNTAX, "%s has no test: put NAME_test.lua beside it",
                       *s->job.file);
    }
    return ctl_error(&err);
}

/* Without a folder of mail a rule file without a test proves nothing. */
static int test(struct session *s)
{
    const char *folder = s->c->words > 1 ? s->c->word[1] : NULL;
    struct fct_err err = {0};
    size_t cases, failed;
    json_t *answer;
    int status;

    s->job.file = s->c->word;
    s->job.files = 1;
    if (!s->tool->test(&s->job, seen_case, s, &cases, &failed, &err))
        return ctl_error(&err);
    if (cases == 0 && !folder)
        return nothing_to_test(s);
    if (!s->c->json && cases > 0) {
        buf_printf(&s->text, "%zu passed, %zu failed\n", cases - failed, failed);
        ctl_print(&s->text);
    }
    answer = json_object();
    status = failed > 0 ? CTL_NO : CTL_OK;
    if (folder && ctl_lua_folder(s->c, s->tool, &s->job, folder, answer) != CTL_OK)
        status = CTL_NO;
    status = finish_test(s, answer, cases, failed, status);
    json_decref(answer);
    return status;
}

int ctl_lua_test(struct ctl *c)
{
    return run(c, test);
}

/* ---- try ---- */

void ctl_lua_mail(struct ctl *c, struct arena *arena, struct fct_str message,
                  struct ctl_lua_mail *out)
{
    const char *ip = ctl_option(c, "--ip"), *helo = ctl_option(c, "--helo"),
               *from = ctl_option(c, "--from"), *rcpt = ctl_option(c, "--rcpt");
    struct ctl_mail_envelope guessed;

    ctl_mail_guess(arena, message, &guessed);
    out->recipient = rcpt ? str_from(rcpt) : guessed.recipient;
    out->mail = (struct lua_tool_mail){
        .size = sizeof out->mail,
        .message = message,
        .client_ip = str_from(ip ? ip : "192.0.2.1"),
        .helo = str_from(helo ? helo : "client.example"),
        .reverse_path = from ? str_from(from) : guessed.sender,
        .recipient = &out->recipient,
        .recipients = 1,
    };
}

static int try_it(struct session *s)
{
    struct ctl_lua_mail mail;
    struct fct_err err = {0};
    struct fct_str message;
    char *value = NULL;

    if (!ctl_mail_load(s->c->arena, s->c->word[1], &message, &err))
        return ctl_error(&err);
    ctl_lua_mail(s->c, s->c->arena, message, &mail);
    if (!s->tool->try_expression(&s->job, &mail.mail, s->c->word[0], &value, &err))
        return ctl_error(&err);
    if (s->c->json)
        ctl_print_json(json_pack("{s:o}", "value", ctl_json_str(str_from(value))));
    else
        printf("%s\n", value);
    free(value);
    return CTL_OK;
}

int ctl_lua_try(struct ctl *c)
{
    return run(c, try_it);
}

/* ---- lint ---- */

static void found(void *arg, const struct lua_tool_finding *finding)
{
    struct session *s = arg;
    const char *kind = finding->kind == LUA_TOOL_ERROR ? "error" : "warning";

    if (s->c->json) {
        json_array_append_new(s->list,
                              json_pack("{s:s, s:s}", "kind", kind, "text", finding->text));
        return;
    }
    buf_printf(&s->text, "%s: ", kind);
    ctl_put_safe(str_from(finding->text), &s->text);
    buf_put_char(&s->text, '\n');
}

static int lint(struct session *s)
{
    size_t findings;

    s->job.file = s->c->word;
    s->job.files = s->c->words;
    findings = s->tool->lint(&s->job, found, s);
    if (s->c->json)
        ctl_print_json(json_incref(s->list));
    else if (findings == 0)
        (void)fputs("nothing to say\n", stdout);
    else
        ctl_print(&s->text);
    return findings > 0 ? CTL_NO : CTL_OK;
}

int ctl_lua_lint(struct ctl *c)
{
    return run(c, lint);
}

/* ---- new ---- */

int ctl_lua_new(struct ctl *c)
{
    return ctl_plugin_make(c, true);
}
