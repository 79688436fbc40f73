/* lua_case.c - see lua_case.h. */
#include "lua_case.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#define CASES "facteur.cases" /* registry of the test's state: the list of cases */

/* One case while it runs. Its table is at index CASE of L. */
struct run {
    struct lua_case_job *job;
    lua_State *L;
    struct lua_settings conf;
    struct lua_trial *trial;
    struct lua_engine *engine;
    const char *test; /* path of the test file */
    char *message;
    enum fct_verdict verdict;
    char why[600];
};
#define CASE 2

static bool fail(struct run *r, const char *fmt, ...) FCT_PRINTF(2, 3);
static bool fail(struct run *r, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(r->why, sizeof r->why, fmt, args);
    va_end(args);
    return false;
}

/* ---- reading the case ---- */

/* A text of the case; the case keeps it alive. fallback when it is not there. */
static struct fct_str text(struct run *r, const char *name, const char *fallback)
{
    struct fct_str s = {fallback, strlen(fallback)};

    if (lua_getfield(r->L, CASE, name) == LUA_TSTRING)
        s = lua_str_check(r->L, -1);
    lua_pop(r->L, 1);
    return s;
}

static const char *word(struct run *r, const char *name, const char *fallback)
{
    return text(r, name, fallback).p;
}

static const char *const known[] = {
    "message",  "text",     "ip",      "port",    "rdns",  "helo", "role",
    "frontend", "tls",      "auth",    "from",    "rcpts", "has",  "config",
    "settings", "now",      "dns",     "redis",   "http",  "kv",   "limits",
    "at",       "event",    "finds",   "verdict", "reply", "adds", "edits",
    "mailbox",  "keywords", "changes", "forces",  "log",
};

static bool check_names(struct run *r)
{
    for (lua_pushnil(r->L); lua_next(r->L, CASE); lua_pop(r->L, 1)) {
        size_t i = 0;

        if (lua_isinteger(r->L, -2) && lua_tointeger(r->L, -2) == 1)
            continue;
        while (i < FCT_COUNT(known) &&
               (lua_type(r->L, -2) != LUA_TSTRING || strcmp(known[i], lua_tostring(r->L, -2)) != 0))
            i++;
        if (i == FCT_COUNT(known))
            return fail(r, "a case has no field '%s'", luaL_tolstring(r->L, -2, NULL));
    }
    return true;
}

static char *with_crlf(char *text, size_t n, size_t *out_n)
{
    char *out = malloc(2 * n + 1);
    size_t k = 0;

    for (size_t i = 0; out && i < n; i++) {
        if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
            out[k++] = '\r';
        out[k++] = text[i];
    }
    free(text);
    *out_n = k;
    return out;
}

char *lua_message_read(const char *path, size_t *n)
{
    FILE *f = fopen(path, "re");
    char *text = NULL;
    size_t size = 0, used = 0;

    if (!f)
        return NULL;
    do {
        char *bigger = used == size ? realloc(text, size = 2 * size + 65536) : text;

        if (!bigger) {
            free(text);
            fclose(f);
            return NULL;
        }
        text = bigger;
        used += fread(text + used, 1, size - used, f);
    } while (used == size);
    fclose(f);
    return with_crlf(text, used, n);
}

/* message = FILE beside the test, or text = the message itself; without both an empty one. */
static bool read_message(struct run *r, struct fct_str *out)
{
    struct fct_str inside = text(r, "text", "\r\n");
    const char *file = word(r, "message", ""), *slash = strrchr(r->test, '/');
    char path[PATH_MAX];

    if (*file) {
        snprintf(path, sizeof path, "%.*s%s", slash ? (int)(slash + 1 - r->test) : 0, r->test,
                 file);
        r->message = lua_message_read(path, &out->n);
        if (!r->message)
            return fail(r, "%s: %s", path, strerror(errno));
    } else {
        char *copy = malloc(inside.n + 1);

        if (copy)
            memcpy(copy, inside.p, inside.n);
        r->message = copy ? with_crlf(copy, inside.n, &out->n) : NULL;
        if (!r->message)
            return fail(r, "not enough memory");
    }
    out->p = r->message;
    return true;
}

static struct fct_str inner(struct run *r, const char *table, const char *name)
{
    struct fct_str s = {"", 0};

    if (lua_getfield(r->L, CASE, table) == LUA_TTABLE &&
        lua_getfield(r->L, -1, name) == LUA_TSTRING)
        s = lua_str_check(r->L, -1);
    lua_settop(r->L, CASE);
    return s;
}

static bool read_connection(struct run *r)
{
    struct fct_conn *c = &r->trial->conn;
    const char *role = word(r, "role", "mx");

    c->client_ip = text(r, "ip", "192.0.2.1");
    c->helo = text(r, "helo", "client.example");
    c->client_name = text(r, "rdns", "");
    c->frontend = text(r, "frontend", "smtp");
    c->tls_version = inner(r, "tls", "version");
    c->tls_cipher = inner(r, "tls", "cipher");
    c->tls_server_name = inner(r, "tls", "server_name");
    c->login = inner(r, "auth", "user");
    c->auth_mechanism = inner(r, "auth", "mechanism");
    if (lua_getfield(r->L, CASE, "port") == LUA_TNUMBER)
        c->client_port = (uint32_t)lua_tointeger(r->L, -1);
    lua_settop(r->L, CASE);
    for (size_t i = 0; lua_roles[i].name; i++)
        if (strcmp(lua_roles[i].name, role) == 0) {
            c->role = lua_roles[i].bit;
            return true;
        }
    return fail(r, "there is no role '%s'", role);
}

static void read_envelope(struct run *r)
{
    struct fct_envelope *e = &r->trial->envelope;
    static const struct fct_str one = FCT_STR_INIT("user@example.net");
    struct fct_str *rcpt;
    size_t n;

    e->reverse_path = text(r, "from", "sender@example.org");
    e->recipient = &one;
    e->recipients = 1;
    if (lua_getfield(r->L, CASE, "rcpts") != LUA_TTABLE) {
        lua_settop(r->L, CASE);
        return;
    }
    n = (size_t)lua_rawlen(r->L, -1);
    rcpt = calloc(n + 1, sizeof *rcpt);
    for (size_t i = 0; rcpt && i < n; i++) {
        lua_rawgeti(r->L, -1, (lua_Integer)i + 1);
        if (lua_type(r->L, -1) == LUA_TSTRING)
            rcpt[i] = lua_str_check(r->L, -1);
        lua_pop(r->L, 1);
    }
    r->trial->recipient = rcpt;
    e->recipient = rcpt;
    e->recipients = rcpt ? n : 0;
    lua_settop(r->L, CASE);
}

/* config = { zone = "x", zones = { "a", "b" } } as the lines that the server would write. */
static void read_options(struct run *r, const char **item, size_t most)
{
    lua_State *L = r->L;
    size_t n = 0;

    if (lua_getfield(L, CASE, "config") != LUA_TTABLE) {
        lua_settop(L, CASE);
        return;
    }
    for (lua_pushnil(L); lua_next(L, CASE + 1); lua_pop(L, 1)) {
        bool list = lua_istable(L, -1);
        const char *value;

        for (lua_Integer i = 1; n < most && lua_type(L, -2) == LUA_TSTRING; i++) {
            if (list)
                lua_rawgeti(L, -1, i);
            else
                lua_pushvalue(L, -1);
            if (lua_isnil(L, -1) || (!list && i > 1)) {
                lua_pop(L, 1);
                break;
            }
            value = lua_isboolean(L, -1) ? (lua_toboolean(L, -1) ? "yes" : "no")
                                         : luaL_tolstring(L, -1, NULL);
            item[n++] = lua_keep(lua_engine_of(L), "%s\n%s\n%s\n%s", r->job->rule,
                                 lua_tostring(L, CASE + 2), r->test, value);
            lua_settop(L, CASE + 3);
        }
    }
    lua_settop(L, CASE);
    r->conf.option = (struct fct_strings){item, n};
}

/* has = { "A", B = 2.5 } */
static void give_symbols(struct run *r)
{
    lua_State *L = r->L;

    if (lua_getfield(L, CASE, "has") == LUA_TTABLE)
        for (lua_pushnil(L); lua_next(L, CASE + 1); lua_pop(L, 1)) {
            if (lua_type(L, -2) == LUA_TSTRING)
                lua_trial_give(r->trial, lua_tostring(L, -2), lua_tonumber(L, -1));
            else if (lua_type(L, -1) == LUA_TSTRING)
                lua_trial_give(r->trial, lua_tostring(L, -1), 1.0);
        }
    lua_settop(L, CASE);
}

/* ---- the points, one after the other ---- */

static void set_text(lua_State *L, const char *name, struct fct_str value)
{
    lua_str_push(L, value);
    lua_setfield(L, -2, name);
}

static void set_number(lua_State *L, const char *name, size_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

/* The event's table is on top: what the case says of it wins. Pops it. False: the mail ends here.
 */
static bool run_point(struct run *r, enum fct_hook hook)
{
    lua_State *L = r->L;
    uint64_t event[LUA_EVENT_BYTES / sizeof(uint64_t)] = {0};
    int table = lua_gettop(L);
    enum fct_verdict v;

    if (lua_getfield(L, CASE, "event") == LUA_TTABLE)
        for (lua_pushnil(L); lua_next(L, table + 1); lua_pop(L, 1)) {
            lua_pushvalue(L, -2);
            lua_pushvalue(L, -2);
            lua_rawset(L, table);
        }
    lua_settop(L, table);
    lua_event_fill(L, table, hook, event);
    v = lua_trial_run(r->trial, hook, event);
    lua_settop(L, table - 1);
    if (v > r->verdict && v != FCT_ACCEPT)
        r->verdict = v;
    else if (v == FCT_ACCEPT && r->verdict == FCT_NEXT)
        r->verdict = v;
    return v < FCT_DISCARD;
}

static bool run_dialogue(struct run *r)
{
    const struct fct_conn *c = &r->trial->conn;
    const struct fct_envelope *e = &r->trial->envelope;
    lua_State *L = r->L;

    lua_newtable(L);
    if (!run_point(r, FCT_HOOK_connect))
        return false;
    lua_newtable(L);
    set_text(L, "name", c->helo);
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "extended");
    if (!run_point(r, FCT_HOOK_helo))
        return false;
    lua_newtable(L);
    set_text(L, "user", c->login);
    set_text(L, "mechanism", c->auth_mechanism);
    set_text(L, "protocol", c->frontend);
    if (c->login.n == 0)
        lua_pop(L, 1);
    else if (!run_point(r, FCT_HOOK_auth))
        return false;
    lua_newtable(L);
    set_text(L, "reverse_path", e->reverse_path);
    if (!run_point(r, FCT_HOOK_mail))
        return false;
    for (size_t i = 0; i < e->recipients; i++) {
        lua_newtable(L);
        set_text(L, "recipient", e->recipient[i]);
        set_number(L, "accepted", i);
        if (!run_point(r, FCT_HOOK_rcpt))
            return false;
    }
    lua_newtable(L);
    set_number(L, "recipients", e->recipients);
    return run_point(r, FCT_HOOK_data);
}

static void push_verdict(struct run *r)
{
    double sum = 0;
    size_t n = 0;
    char score[32];

    for (size_t i = 0; i < r->trial->symbols; i++)
        if (r->trial->symbol[i].found) {
            sum += r->trial->symbol[i].added;
            n++;
        }
    snprintf(score, sizeof score, "%.2f", sum);
    lua_newtable(r->L);
    set_number(r->L, "score_milli", sum > 0 ? (size_t)(sum * 1000) : 0);
    set_number(r->L, "symbols", n);
    set_text(r->L, "profile", FCT_STR("default"));
    set_text(r->L, "action", FCT_STR("keep"));
    set_text(r->L, "score", (struct fct_str){score, strlen(score)});
}

static void push_deliver(struct run *r, struct fct_str recipient)
{
    lua_State *L = r->L;
    const char *plus = memchr(recipient.p, '+', recipient.n),
               *at = memrchr(recipient.p, '@', recipient.n);
    lua_Integer n = 0;

    lua_newtable(L);
    set_text(L, "recipient", recipient);
    set_text(L, "profile", FCT_STR("default"));
    set_text(L, "action", FCT_STR("keep"));
    if (plus && at && plus < at) {
        set_text(L, "detail", (struct fct_str){plus + 1, (size_t)(at - plus - 1)});
        lua_pushlstring(L, recipient.p, (size_t)(plus - recipient.p));
        lua_pushlstring(L, at, recipient.n - (size_t)(at - recipient.p));
        lua_concat(L, 2);
        lua_setfield(L, -2, "account");
    } else {
        set_text(L, "account", recipient);
    }
    lua_newtable(L);
    if (lua_getfield(L, CASE, "settings") == LUA_TTABLE)
        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
            if (lua_type(L, -2) == LUA_TSTRING && lua_isstring(L, -1)) {
                lua_pushfstring(L, "%s=%s", lua_tostring(L, -2), lua_tostring(L, -1));
                lua_rawseti(L, -5, ++n);
            }
    lua_pop(L, 1);
    lua_setfield(L, -2, "settings");
}

static bool run_message(struct run *r)
{
    static const enum fct_hook judge[] = {FCT_HOOK_headers, FCT_HOOK_scan};
    const struct fct_envelope *e = &r->trial->envelope;
    lua_State *L = r->L;
    size_t size = r->trial->real->raw(r->trial->call).n;

    for (size_t i = 0; i < FCT_COUNT(judge); i++) {
        lua_newtable(L);
        set_number(L, "size", size);
        if (!run_point(r, judge[i]))
            return false;
    }
    lua_trial_composites(r->trial);
    push_verdict(r);
    if (!run_point(r, FCT_HOOK_verdict))
        return false;
    lua_newtable(L);
    set_number(L, "size", size);
    if (!run_point(r, FCT_HOOK_edit))
        return false;
    for (size_t i = 0; i < e->recipients; i++) {
        push_deliver(r, e->recipient[i]);
        if (!run_point(r, FCT_HOOK_deliver))
            return false;
    }
    return true;
}

/* at = HOOK: that one alone. */
static bool run_hooks(struct run *r)
{
    const char *at = word(r, "at", "");

    if (!*at) {
        (void)(run_dialogue(r) && run_message(r));
        return true;
    }
    for (int i = 0; lua_hook_names[i]; i++)
        if (strcmp(lua_hook_names[i], at) == 0) {
            if (i == FCT_HOOK_deliver && r->trial->envelope.recipients > 0)
                push_deliver(r, r->trial->envelope.recipient[0]);
            else
                lua_newtable(r->L);
            (void)run_point(r, (enum fct_hook)i);
            return true;
        }
    return fail(r, "there is no hook '%s'", at);
}

/* ---- comparing ---- */

/* Is the text in the list `name` of the case? */
static bool wanted(struct run *r, const char *name, const char *line)
{
    bool found = false;

    if (lua_getfield(r->L, CASE, name) == LUA_TTABLE)
        for (lua_Integer i = 1; lua_rawgeti(r->L, CASE + 1, i) != LUA_TNIL && !found; i++) {
            found = lua_type(r->L, -1) == LUA_TSTRING && strcmp(lua_tostring(r->L, -1), line) == 0;
            lua_pop(r->L, 1);
        }
    lua_settop(r->L, CASE);
    return found;
}

static bool is_line(const struct lua_lines *lines, const char *text, bool part)
{
    for (const struct lua_line *l = lines->first; l; l = l->next)
        if (part ? strstr(l->text, text) != NULL : strcmp(l->text, text) == 0)
            return true;
    return false;
}

/* Every entry of the list is there; the first that is not, else NULL. */
static const char *missing(struct run *r, const char *name, const struct lua_lines *lines,
                           bool part)
{
    const char *gone = NULL;

    if (lua_getfield(r->L, CASE, name) == LUA_TTABLE)
        for (lua_Integer i = 1; !gone && lua_rawgeti(r->L, CASE + 1, i) == LUA_TSTRING; i++) {
            if (!is_line(lines, lua_tostring(r->L, -1), part))
                gone = lua_tostring(r->L, -1);
            lua_pop(r->L, 1);
        }
    lua_settop(r->L, CASE);
    return gone;
}

/* What happened is what the list says, no more and no less, in any order. */
static bool same_lines(struct run *r, const char *name, const struct lua_lines *lines)
{
    const char *gone = missing(r, name, lines, false);

    if (gone)
        return fail(r, "%s: \"%s\" is wanted, but %s%s%s", name, gone,
                    lines->n ? "there is \"" : "",
                    lines->n ? lines->first->text : "there is nothing", lines->n ? "\"" : "");
    for (const struct lua_line *l = lines->first; l; l = l->next)
        if (!wanted(r, name, l->text))
            return fail(r, "%s: \"%s\" is not wanted", name, l->text);
    return true;
}

/* finds = { "A", "B=detail" }: of this file's symbols exactly these. */
static bool same_symbols(struct run *r)
{
    struct lua_trial *t = r->trial;
    lua_State *L = r->L;

    for (size_t i = 0; i < t->symbols; i++) {
        const struct lua_trial_symbol *s = &t->symbol[i];
        char line[300];

        snprintf(line, sizeof line, "%s=%s", s->name, s->detail);
        if (s->found && !s->given && !wanted(r, "finds", s->name) && !wanted(r, "finds", line))
            return fail(r, "it finds %s%s%s, which is not wanted", s->name, *s->detail ? "=" : "",
                        s->detail);
    }
    if (lua_getfield(L, CASE, "finds") == LUA_TTABLE)
        for (lua_Integer i = 1; lua_rawgeti(L, CASE + 1, i) == LUA_TSTRING; i++) {
            const char *want = lua_tostring(L, -1);
            char name[80];
            const struct lua_trial_symbol *s;

            snprintf(name, sizeof name, "%.*s", (int)strcspn(want, "="), want);
            s = lua_trial_symbol(t, name);
            if (!s || !s->found)
                return fail(r, "%s is wanted, but not found", want);
            lua_pop(L, 1);
        }
    lua_settop(L, CASE);
    return true;
}

static bool same_text(struct run *r, const char *name, const char *got)
{
    const char *want = word(r, name, "");

    if (strcmp(want, got) == 0)
        return true;
    return fail(r, "%s: %s%s%s is wanted, got %s%s%s", name, *want ? "\"" : "",
                *want ? want : "nothing", *want ? "\"" : "", *got ? "\"" : "",
                *got ? got : "nothing", *got ? "\"" : "");
}

/* A callback that fails is a failure of the test, unless its log line is asked for. */
static bool same_log(struct run *r)
{
    const char *gone = missing(r, "log", &r->trial->log, true);
    bool asked = lua_getfield(r->L, CASE, "log") == LUA_TTABLE;

    lua_settop(r->L, CASE);
    if (gone)
        return fail(r, "log: no line has \"%s\"%s%s", gone,
                    r->trial->log.n ? "; the first is " : "",
                    r->trial->log.n ? r->trial->log.first->text : "");
    for (const struct lua_line *l = r->trial->log.first; l && !asked; l = l->next)
        if (strstr(l->text, "rule_failed"))
            return fail(r, "%s", l->text);
    return true;
}

static bool compare(struct run *r)
{
    static const char *const verdicts[] = {"",         "accept", "quarantine", "discard",
                                           "tempfail", "reject", "disconnect", "skip"};

    return same_log(r) && same_symbols(r) && same_text(r, "verdict", verdicts[r->verdict]) &&
           (word(r, "reply", "")[0] == '\0' || same_text(r, "reply", r->trial->reply)) &&
           same_lines(r, "adds", &r->trial->added) && same_lines(r, "edits", &r->trial->edits) &&
           same_text(r, "mailbox", r->trial->mailbox) &&
           same_lines(r, "keywords", &r->trial->keywords) &&
           same_lines(r, "changes", &r->trial->changes) && same_text(r, "forces", r->trial->forced);
}

/* ---- one case ---- */

static bool load_rules(struct run *r)
{
    struct fct_err err = {0};

    r->engine = lua_engine_open(&r->trial->host, &r->conf, &err);
    if (!r->engine || !lua_trial_adopt(r->trial, r->engine, &err))
        return fail(r, "%s", err.text);
    if (lua_getfield(r->L, CASE, "now") == LUA_TNUMBER)
        r->engine->now = lua_tonumber(r->L, -1);
    lua_settop(r->L, CASE);
    return true;
}

static bool prepare(struct run *r)
{
    struct fct_err err = {0};
    struct fct_str message;

    r->trial = lua_trial_new(r->job->host, &err);
    if (!r->trial)
        return fail(r, "%s", err.text);
    r->trial->L = r->L;
    r->trial->answers = CASE;
    if (!check_names(r) || !read_connection(r) || !read_message(r, &message) || !load_rules(r))
        return false;
    read_envelope(r);
    if (!lua_trial_message(r->trial, r->job->self, message, &err))
        return fail(r, "%s", err.text);
    give_symbols(r);
    return true;
}

static void clean_up(struct run *r)
{
    lua_running = NULL;
    lua_engine_close(&r->engine);
    lua_trial_free(&r->trial);
    free(r->message);
    r->message = NULL;
}

/* run, case → whether it passed */
static int run_case(lua_State *L)
{
    struct run *r = lua_touserdata(L, 1);
    const char *options[64];

    luaL_checktype(L, CASE, LUA_TTABLE);
    read_options(r, options, FCT_COUNT(options));
    lua_pushboolean(L, prepare(r) && run_hooks(r) && compare(r));
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
static void run_one(struct lua_case_job *job, struct lua_engine *test, const char *path)
{
    struct run r = {.job = job, .L = test->L, .conf = *job->conf, .test = path};
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
        fail(&r, "%s", lua_isstring(L, -1) ? lua_tostring(L, -1) : "it cannot be run");
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
    struct lua_engine *test;
    bool ok;

    conf.file = conf.shadow = conf.option = (struct fct_strings){NULL, 0};
    test = lua_engine_open(job->host, &conf, err);
    if (!test)
        return false;
    ok = load_file(test, path, err);
    if (ok) {
        lua_settop(test->L, 0);
        lua_getfield(test->L, LUA_REGISTRYINDEX, CASES);
        for (lua_Integer i = 1; lua_rawgeti(test->L, 1, i) != LUA_TNIL; i++)
            run_one(job, test, path);
    }
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
