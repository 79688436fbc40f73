/* ctl_plugin_test.c - `facteurctl plugin test DIR`: every *.test of a folder is a scenario. Each
 * runs `facteurctl scan --json` on its message with a configuration of its own, so what is tested
 * is what the server does; the answer is compared with the `expect` lines.
 *
 *   message FILE        the message, beside the scenario (required)
 *   ip ADDRESS · helo NAME · from ADDRESS · rcpt ADDRESS (repeatable) · login ACCOUNT · role ROLE
 *   profile NAME · setting NAME=VALUE (repeatable) · tls VERSION
 *   replay FILE         answers of DNS, Redis and HTTP, from `facteurctl scan --record`
 *   conf KEY = VALUE    a row of the plugin's block (repeatable)
 *   include FILE        more configuration, as profiles and composites (repeatable)
 *   expect verdict WORD             keep, junk, reject or tempfail
 *   expect reply CODE [TEXT]        of whoever decided
 *   expect symbol NAME [SCORE] · expect no symbol NAME
 *   expect header NAME: VALUE · expect no header NAME     in the first recipient's view
 *   expect mailbox NAME · expect keyword NAME             of the first recipient */
#include "core/base/str.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_plugin.h"
#include "core/message/rfc5322.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCENARIO_MAX 65536u
#define ANSWER_MAX   (64u << 20)
#define MAX_LINES    512u
#define MAX_ARGS     128u

struct scenario {
    struct ctl *c;
    const char *folder, *name; /* "found.test" */
    const char *about;         /* its first comment */
    struct fct_str line[MAX_LINES];
    size_t lines;
    const char *arg[MAX_ARGS];
    size_t args;
    const char *message;
    struct buf conf, include;
    json_t *answer;
};

static bool fail_line(const struct scenario *s, size_t line, struct fct_err *err, const char *what)
{
    return fct_fail(err, FCT_SYNTAX, "%s:%zu: %s", s->name, line + 1, what);
}

/* ---- reading ---- */

static bool read_file(const char *path, size_t max, struct buf *out, struct fct_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char block[65536];
    ssize_t n = -1;

    *out = BUF_INIT(max);
    while (fd >= 0 && (n = read(fd, block, sizeof block)) > 0)
        buf_put(out, block, (size_t)n);
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return fct_fail(err, FCT_SYNTAX, "%s: %s", path, strerror(errno));
    return !out->overflow || fct_fail(err, FCT_LIMIT, "%s: more than %zu bytes", path, max);
}

static const char *beside(const struct scenario *s, struct fct_str file)
{
    return arena_printf(s->c->arena, "%s/%.*s", s->folder, FCT_FMT(file)).p;
}

static bool add_arg(struct scenario *s, const char *arg)
{
    if (s->args + 1 >= MAX_ARGS)
        return false;
    s->arg[s->args++] = arg;
    return true;
}

/* Words that become options of `scan`. */
static const struct {
    const char *word, *option;
    bool file;
} options[] = {
    {"ip", "--ip", false},        {"helo", "--helo", false},       {"from", "--from", false},
    {"rcpt", "--rcpt", false},    {"login", "--login", false},     {"role", "--role", false},
    {"replay", "--replay", true}, {"profile", "--profile", false}, {"setting", "--setting", false},
    {"tls", "--tls", false},
};

static struct fct_str first_word(struct fct_str *rest)
{
    size_t i = 0;
    struct fct_str word;

    while (i < rest->n && rest->p[i] != ' ' && rest->p[i] != '\t')
        i++;
    word = str_head(*rest, i);
    *rest = str_trim(str_skip(*rest, i));
    return word;
}

static bool take_line(struct scenario *s, size_t at, struct fct_err *err)
{
    struct fct_str rest = s->line[at], word = first_word(&rest);
    const char *value = arena_cstr(s->c->arena, rest);

    if (str_equal(word, FCT_STR("expect")))
        return true;
    if (rest.n == 0)
        return fail_line(s, at, err, "a word without a value");
    if (str_equal(word, FCT_STR("message"))) {
        s->message = beside(s, rest);
        return true;
    }
    if (str_equal(word, FCT_STR("conf"))) {
        buf_printf(&s->conf, "    %s\n", value);
        return true;
    }
    if (str_equal(word, FCT_STR("include"))) {
        buf_printf(&s->include, "include \"%s\"\n", beside(s, rest));
        return true;
    }
    for (size_t i = 0; i < FCT_COUNT(options); i++)
        if (str_equal(word, str_from(options[i].word)))
            return (add_arg(s, options[i].option) &&
                    add_arg(s, options[i].file ? beside(s, rest) : value)) ||
                   fail_line(s, at, err, "too many of them");
    return fail_line(s, at, err,
                     "message, ip, helo, from, rcpt, login, role, profile, setting, tls, replay, "
                     "conf or expect is wanted here");
}

static bool parse(struct scenario *s, struct fct_str text, struct fct_err *err)
{
    while (text.p && text.n > 0 && s->lines < MAX_LINES) {
        struct fct_str line = str_trim(str_split(&text, '\n'));

        if (line.n > 0 && line.p[0] == '#' && !s->about)
            s->about = arena_cstr(s->c->arena, str_trim(str_skip(line, 1)));
        s->line[s->lines++] = line.n > 0 && line.p[0] == '#' ? (struct fct_str){"", 0} : line;
    }
    for (size_t i = 0; i < s->lines; i++)
        if (s->line[i].n > 0 && !take_line(s, i, err))
            return false;
    if (text.p && text.n > 0)
        return fct_fail(err, FCT_LIMIT, "%s: more than %u lines", s->name, MAX_LINES);
    return s->message || fct_fail(err, FCT_SYNTAX, "%s: no `message` line", s->name);
}

/* ---- running ---- */

/* The output of facteurctl scan, whatever its exit status: it is the verdict. */
static bool run_scan(struct scenario *s, struct buf *out, struct fct_err *err)
{
    char block[65536];
    int from[2], status;
    ssize_t n;
    pid_t pid;

    if (pipe2(from, O_CLOEXEC) != 0)
        return fct_fail(err, FCT_TEMP, "pipe: %s", strerror(errno));
    pid = fork();
    if (pid == 0) {
        (void)dup2(from[1], STDOUT_FILENO);
        (void)execv("/proc/self/exe", (char *const *)(uintptr_t)s->arg);
        _exit(127);
    }
    close(from[1]);
    while ((n = read(from[0], block, sizeof block)) > 0 || (n < 0 && errno == EINTR))
        buf_put(out, block, n > 0 ? (size_t)n : 0);
    close(from[0]);
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return fct_fail(err, FCT_TEMP, "start facteurctl scan: %s", strerror(errno));
    return out->n > 0 || fct_fail(err, FCT_DENIED, "facteurctl scan said nothing (see above)");
}

static bool ends_with(struct fct_str s, const char *end)
{
    size_t n = strlen(end);

    return s.n > n && memcmp(s.p + s.n - n, end, n) == 0;
}

/* A block of the kind that the file asks for: a plugin, or a rule in Lua. */
static void put_block(const struct scenario *s, const char *path, FILE *f)
{
    const char *slash = strrchr(path, '/');
    struct fct_str name = str_from(slash ? slash + 1 : path);
    bool lua = ends_with(name, ".lua");

    if (ends_with(name, ".so"))
        name.n -= 3;
    if (lua)
        (void)fprintf(f, "lua test {\n    file = \"%s\"\n", path);
    else
        (void)fprintf(f, "plugin %.*s {\n    path = \"%s\"\n", FCT_FMT(name), path);
    (void)fprintf(f, "%.*s}\n", FCT_FMT(buf_str(&s->conf)));
}

static bool write_conf(struct scenario *s, const char *plugin, const char *path,
                       struct fct_err *err)
{
    FILE *f = fopen(path, "we");

    if (!f)
        return fct_fail(err, FCT_TEMP, "write %s: %s", path, strerror(errno));
    (void)fputs("server {\n    user_filter = \"\"\n}\n", f);
    put_block(s, plugin, f);
    (void)fprintf(f, "%.*s", FCT_FMT(buf_str(&s->include)));
    return fclose(f) == 0 || fct_fail(err, FCT_TEMP, "write %s: %s", path, strerror(errno));
}

/* --run-dir names a folder where no server is: the scan starts a filter of its own. */
static bool scan(struct scenario *s, const char *plugin, const char *work, struct fct_err *err)
{
    const char *conf = arena_printf(s->c->arena, "%s/test.conf", work).p;
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    json_error_t why;

    if (!write_conf(s, plugin, conf, err))
        return false;
    if (!(add_arg(s, "--conf") && add_arg(s, conf) && add_arg(s, "--run-dir") && add_arg(s, work) &&
          add_arg(s, "--json") && add_arg(s, s->message)))
        return fct_fail(err, FCT_LIMIT, "%s: too many lines", s->name);
    s->arg[s->args] = NULL;
    if (!run_scan(s, &out, err))
        return false;
    s->answer = json_loadb(out.p, out.n, 0, &why);
    return s->answer || fct_fail(err, FCT_BUG, "facteurctl scan --json: %s", why.text);
}

/* ---- comparing ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static const json_t *recipient(const struct scenario *s)
{
    return json_array_get(json_object_get(s->answer, "recipients"), 0);
}

static const json_t *find_symbol(const struct scenario *s, struct fct_str name)
{
    const json_t *all = json_object_get(s->answer, "symbols"), *one;
    size_t i;

    json_array_foreach(all, i, one) if (str_equal(str_from(text_of(one, "name")), name)) return one;
    return NULL;
}

static bool check_symbol(const struct scenario *s, struct fct_str rest, bool wanted)
{
    struct fct_str name = first_word(&rest);
    const json_t *found = find_symbol(s, name);

    if (!wanted || !found)
        return wanted == (found != NULL);
    return rest.n == 0 || fabs(json_number_value(json_object_get(found, "score")) -
                               strtod(arena_cstr(s->c->arena, rest), NULL)) < 0.0005;
}

/* Whoever decided: a step of the dialogue, the message, the first recipient. */
static const json_t *decision(const struct scenario *s)
{
    const json_t *steps = json_object_get(s->answer, "dialogue"),
                 *message = json_object_get(s->answer, "message"), *one, *last = NULL;
    size_t i;

    json_array_foreach(steps, i, one) if (strcmp(text_of(one, "verdict"), "next") != 0) last = one;
    if (last)
        return last;
    return str_equal(str_from(text_of(message, "verdict")), FCT_STR("next"))
               ? json_object_get(recipient(s), "answer")
               : message;
}

static bool check_reply(const struct scenario *s, struct fct_str rest)
{
    const json_t *who = decision(s);
    struct fct_str code = first_word(&rest);

    return json_integer_value(json_object_get(who, "code")) ==
               strtol(arena_cstr(s->c->arena, code), NULL, 10) &&
           (rest.n == 0 || strstr(text_of(who, "text"), arena_cstr(s->c->arena, rest)));
}

/* The header of the view: the original's with the first recipient's edits. */
static bool check_header(const struct scenario *s, struct fct_str wanted_field, bool wanted)
{
    ptrdiff_t colon = str_find_char(wanted_field, ':');
    struct fct_str name = colon < 0 ? wanted_field : str_head(wanted_field, (size_t)colon),
                   value = colon < 0 ? (struct fct_str){0}
                                     : str_trim(str_skip(wanted_field, (size_t)colon + 1)),
                   view = str_from(text_of(recipient(s), "header"));
    struct header_list list;
    bool found = false;

    header_list_parse(s->c->arena, view, &(struct header_limits){SIZE_MAX, SIZE_MAX}, &list);
    for (size_t i = 0; i < list.n && !found; i++)
        found =
            str_equal_nocase(list.field[i].name, name) &&
            (colon < 0 || str_equal(str_trim(header_unfold(s->c->arena, &list.field[i])), value));
    return found == wanted;
}

static bool check_keyword(const struct scenario *s, struct fct_str word)
{
    const json_t *all = json_object_get(recipient(s), "keywords"), *one;
    size_t i;

    json_array_foreach(all, i,
                       one) if (str_equal(str_from(json_string_value(one)), word)) return true;
    return false;
}

/* False with err: not an `expect` line that there is; else *holds. */
static bool check(const struct scenario *s, size_t at, bool *holds, struct fct_err *err)
{
    struct fct_str rest = s->line[at], word;
    bool wanted;

    (void)first_word(&rest);
    word = first_word(&rest);
    wanted = !str_equal(word, FCT_STR("no"));
    if (!wanted)
        word = first_word(&rest);
    if (str_equal(word, FCT_STR("symbol")))
        *holds = check_symbol(s, rest, wanted);
    else if (str_equal(word, FCT_STR("header")))
        *holds = check_header(s, rest, wanted);
    else if (wanted && str_equal(word, FCT_STR("verdict")))
        *holds = str_equal(str_from(text_of(s->answer, "verdict")), rest);
    else if (wanted && str_equal(word, FCT_STR("reply")))
        *holds = check_reply(s, rest);
    else if (wanted && str_equal(word, FCT_STR("mailbox")))
        *holds = str_equal(str_from(text_of(recipient(s), "mailbox")), rest);
    else if (wanted && str_equal(word, FCT_STR("keyword")))
        *holds = check_keyword(s, rest);
    else
        return fail_line(s, at, err,
                         "expect verdict, reply, [no] symbol, [no] header, mailbox or keyword");
    return true;
}

static bool is_expectation(struct fct_str line)
{
    return str_equal(first_word(&line), FCT_STR("expect"));
}

/* ---- one scenario, all scenarios ---- */

static bool holds_all(struct scenario *s, struct buf *out, struct fct_err *err)
{
    bool all = true, holds = false;
    size_t expectations = 0;

    for (size_t i = 0; i < s->lines; i++) {
        if (!is_expectation(s->line[i]))
            continue;
        if (!check(s, i, &holds, err))
            return false;
        expectations++;
        if (!holds)
            buf_printf(out, "    %s:%zu: %.*s: no\n", s->name, i + 1, FCT_FMT(s->line[i]));
        all = all && holds;
    }
    if (expectations == 0)
        return fct_fail(err, FCT_SYNTAX, "%s: expects nothing, so it proves nothing", s->name);
    if (!all)
        buf_printf(out, "    it was %s, score %.3f\n", text_of(s->answer, "verdict"),
                   json_number_value(json_object_get(s->answer, "score")));
    return true;
}

static bool run_one(struct ctl *c, const char *folder, const char *name, const char *plugin,
                    const char *work, struct buf *out)
{
    struct scenario *s = ARENA_NEW(c->arena, struct scenario);
    struct buf text = {0}, said = BUF_INIT(SCENARIO_MAX);
    struct fct_err err = {0};
    bool ok;

    *s = (struct scenario){.c = c,
                           .folder = folder,
                           .name = name,
                           .conf = BUF_INIT(SCENARIO_MAX),
                           .include = BUF_INIT(SCENARIO_MAX)};
    (void)(add_arg(s, "facteurctl") && add_arg(s, "scan"));
    ok = read_file(beside(s, str_from(name)), SCENARIO_MAX, &text, &err) &&
         parse(s, arena_str(c->arena, buf_str(&text)), &err) && scan(s, plugin, work, &err) &&
         holds_all(s, &said, &err);
    if (!ok)
        buf_printf(&said, "    %s\n", err.text);
    ok = said.n == 0;
    buf_printf(out, "%s %s%s%s\n%.*s", ok ? "ok  " : "FAIL", name, s->about ? ": " : "",
               s->about ? s->about : "", FCT_FMT(buf_str(&said)));
    json_decref(s->answer);
    buf_free(&s->conf);
    buf_free(&s->include);
    buf_free(&text);
    buf_free(&said);
    return ok;
}

static int is_scenario(const struct dirent *e)
{
    size_t n = strlen(e->d_name);

    return n > 5 && strcmp(e->d_name + n - 5, ".test") == 0;
}

static bool make_work_folder(char *work, struct fct_err *err)
{
    return mkdtemp(work) || fct_fail(err, FCT_TEMP, "a folder in /tmp: %s", strerror(errno));
}

int ctl_plugin_test(struct ctl *c)
{
    const char *plugin = ctl_option(c, "--plugin");
    char work[] = "/tmp/facteur-plugin-test.XXXXXX", path[4096], folder[4096];
    struct buf out = BUF_INIT(ANSWER_MAX);
    struct dirent **entry = NULL;
    unsigned passed = 0, failed = 0;
    struct fct_err err = {0};
    int n;

    if (!plugin || !realpath(plugin, path)) {
        (void)fct_fail(&err, FCT_SYNTAX,
                       plugin ? "%s: there is no such file"
                              : "--plugin FILE is wanted, a .so or a .lua%s",
                       plugin ? plugin : "");
        return ctl_error(&err);
    }
    n = realpath(c->word[0], folder) ? scandir(folder, &entry, is_scenario, alphasort) : -1;
    if (n <= 0) {
        (void)fct_fail(&err, FCT_SYNTAX, "%s: no *.test there", c->word[0]);
        return ctl_error(&err);
    }
    if (!make_work_folder(work, &err))
        return ctl_error(&err);
    for (int i = 0; i < n; i++) {
        if (run_one(c, folder, entry[i]->d_name, path, work, &out))
            passed++;
        else
            failed++;
        free(entry[i]);
    }
    free(entry);
    (void)unlink(arena_printf(c->arena, "%s/test.conf", work).p);
    (void)rmdir(work);
    if (c->json)
        ctl_print_json(json_pack("{s:i, s:i, s:o}", "passed", (int)passed, "failed", (int)failed,
                                 "text", ctl_json_str(buf_str(&out))));
    else
        ctl_print(&out);
    if (!c->json)
        printf("%u passed, %u failed\n", passed, failed);
    buf_free(&out);
    return failed ? CTL_NO : CTL_OK;
}
