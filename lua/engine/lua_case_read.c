/* lua_case_read.c - what a case of a test says comes in. */
#include "lua_case_int.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

/* A text of the case; the case keeps it alive. fallback when it is not there. */
struct fct_str lua_case_text(struct lua_case_run *r, const char *name, const char *fallback)
{
    struct fct_str s = {fallback, strlen(fallback)};

    if (lua_getfield(r->L, CASE, name) == LUA_TSTRING)
        s = lua_str_check(r->L, -1);
    lua_pop(r->L, 1);
    return s;
}

const char *lua_case_word(struct lua_case_run *r, const char *name, const char *fallback)
{
    return lua_case_text(r, name, fallback).p;
}

static const char *const known[] = {
    "message",  "text",     "ip",      "port",    "rdns",  "helo", "role",
    "frontend", "tls",      "auth",    "from",    "rcpts", "has",  "config",
    "settings", "now",      "dns",     "redis",   "http",  "kv",   "limits",
    "at",       "event",    "finds",   "verdict", "reply", "adds", "edits",
    "mailbox",  "keywords", "changes", "forces",  "log",
};

bool lua_case_check_names(struct lua_case_run *r)
{
    for (lua_pushnil(r->L); lua_next(r->L, CASE); lua_pop(r->L, 1)) {
        size_t i = 0;

        if (lua_isinteger(r->L, -2) && lua_tointeger(r->L, -2) == 1)
            continue;
        while (i < FCT_COUNT(known) &&
               (lua_type(r->L, -2) != LUA_TSTRING || strcmp(known[i], lua_tostring(r->L, -2)) != 0))
            i++;
        if (i == FCT_COUNT(known))
            return lua_case_fail(r, "a case has no field '%s'", luaL_tolstring(r->L, -2, NULL));
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
bool lua_case_read_message(struct lua_case_run *r, struct fct_str *out)
{
    struct fct_str inside = lua_case_text(r, "text", "\r\n");
    const char *file = lua_case_word(r, "message", ""), *slash = strrchr(r->test, '/');
    char path[PATH_MAX];

    if (*file) {
        snprintf(path, sizeof path, "%.*s%s", slash ? (int)(slash + 1 - r->test) : 0, r->test,
                 file);
        r->message = lua_message_read(path, &out->n);
        if (!r->message)
            return lua_case_fail(r, "%s: %s", path, strerror(errno));
    } else {
        char *copy = malloc(inside.n + 1);

        if (copy)
            memcpy(copy, inside.p, inside.n);
        r->message = copy ? with_crlf(copy, inside.n, &out->n) : NULL;
        if (!r->message)
            return lua_case_fail(r, "not enough memory");
    }
    out->p = r->message;
    return true;
}

static struct fct_str inner(struct lua_case_run *r, const char *table, const char *name)
{
    struct fct_str s = {"", 0};

    if (lua_getfield(r->L, CASE, table) == LUA_TTABLE &&
        lua_getfield(r->L, -1, name) == LUA_TSTRING)
        s = lua_str_check(r->L, -1);
    lua_settop(r->L, CASE);
    return s;
}

bool lua_case_read_connection(struct lua_case_run *r)
{
    struct fct_conn *c = &r->trial->conn;
    const char *role = lua_case_word(r, "role", "mx");

    c->client_ip = lua_case_text(r, "ip", "192.0.2.1");
    c->helo = lua_case_text(r, "helo", "client.example");
    c->client_name = lua_case_text(r, "rdns", "");
    c->frontend = lua_case_text(r, "frontend", "smtp");
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
    return lua_case_fail(r, "there is no role '%s'", role);
}

void lua_case_read_envelope(struct lua_case_run *r)
{
    struct fct_envelope *e = &r->trial->envelope;
    static const struct fct_str one = FCT_STR_INIT("user@example.net");
    struct fct_str *rcpt;
    size_t n;

    e->reverse_path = lua_case_text(r, "from", "sender@example.org");
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
void lua_case_read_options(struct lua_case_run *r, const char **item, size_t most)
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
void lua_case_give_symbols(struct lua_case_run *r)
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
