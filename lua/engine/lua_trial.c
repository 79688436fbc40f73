/* lua_trial.c - see lua_trial.h. */
#include "lua_trial.h"

#include <stdlib.h>

struct lua_trial *lua_trial_now;

void lua_lines_add(struct lua_lines *lines, const char *fmt, ...)
{
    va_list args;
    struct lua_line *line;
    int n;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    line = malloc(sizeof *line + (size_t)n + 1);
    if (!line)
        return;
    line->next = NULL;
    va_start(args, fmt);
    vsnprintf(line->text, (size_t)n + 1, fmt, args);
    va_end(args);
    if (!lines->end)
        lines->end = &lines->first;
    *lines->end = line;
    lines->end = &line->next;
    lines->n++;
}

static void free_lines(struct lua_lines *lines)
{
    struct lua_line *line;

    while ((line = lines->first)) {
        lines->first = line->next;
        free(line);
    }
    *lines = (struct lua_lines){0};
}

/* ---- symbols ---- */

struct lua_trial_symbol *lua_trial_symbol(struct lua_trial *t, const char *name)
{
    for (size_t i = 0; i < t->symbols; i++)
        if (strcmp(t->symbol[i].name, name) == 0)
            return &t->symbol[i];
    return NULL;
}

void lua_trial_give(struct lua_trial *t, const char *name, double score)
{
    struct lua_trial_symbol *s = lua_trial_symbol(t, name);

    if (!s) {
        struct lua_trial_symbol *list =
            lua_trial_room(t->symbol, t->symbols, sizeof *list, LUA_TRIAL_SYMBOLS);

        if (!list)
            return;
        t->symbol = list;
        s = &t->symbol[t->symbols++];
        *s = (struct lua_trial_symbol){.name = lua_keep(t->engine, "%s", name), .score = score};
    }
    s->given = s->found = true;
    s->added = score;
}

/* ---- composites: A & (B | !C) ---- */

static bool parse_or(const char **at, struct lua_trial *t, unsigned depth);

static bool parse_one(const char **at, struct lua_trial *t, unsigned depth)
{
    const struct lua_trial_symbol *s;
    char name[80];
    size_t n;
    bool value;

    *at += strspn(*at, " ");
    if (depth > 50)
        return false;
    if (**at == '!') {
        ++*at;
        return !parse_one(at, t, depth + 1);
    }
    if (**at == '(') {
        ++*at;
        value = parse_or(at, t, depth + 1);
        *at += strspn(*at, " ");
        *at += **at == ')';
        return value;
    }
    n = strcspn(*at, " &|!()?");
    snprintf(name, sizeof name, "%.*s", (int)n, *at);
    *at += n + ((*at)[n] == '?'); /* NAME?: may be nobody's */
    s = lua_trial_symbol(t, name);
    return s && s->found;
}

static bool parse_and(const char **at, struct lua_trial *t, unsigned depth)
{
    bool value = parse_one(at, t, depth);

    while (*at += strspn(*at, " "), **at == '&') {
        *at += 1 + ((*at)[1] == '&');
        value = parse_one(at, t, depth) && value;
    }
    return value;
}

static bool parse_or(const char **at, struct lua_trial *t, unsigned depth)
{
    bool value = parse_and(at, t, depth);

    while (*at += strspn(*at, " "), **at == '|') {
        *at += 1 + ((*at)[1] == '|');
        value = parse_and(at, t, depth) || value;
    }
    return value;
}

/* Composites may name each other: as many turns as there are of them are enough. Groups (g:NAME)
 * are the server's: here they are found where a case says so in `has`. */
void lua_trial_composites(struct lua_trial *t)
{
    bool more = true;

    for (size_t turn = 0; more && turn <= t->composites; turn++) {
        more = false;
        for (size_t i = 0; i < t->composites; i++) {
            struct lua_trial_symbol *s = lua_trial_symbol(t, t->composite[i].symbol.name);
            const char *at = t->composite[i].expression;

            if (s && !s->found && parse_or(&at, t, 0)) {
                s->found = more = true;
                s->added = s->score;
            }
        }
    }
}

/* ---- life ---- */

#define ROOM_FIRST 16

/* It grows when it is full, which its number tells. */
void *lua_trial_room(void *list, size_t n, size_t entry_size, size_t most)
{
    if (n == most)
        return NULL;
    if (list && (n < ROOM_FIRST || (n & (n - 1)) != 0))
        return list;
    return reallocarray(list, n < ROOM_FIRST ? ROOM_FIRST : 2 * n, entry_size);
}

static void introduce(struct lua_trial *t)
{
    t->conn = (struct fct_conn){
        .size = sizeof t->conn,
        .role = FCT_ROLE_MX,
        .id = FCT_STR("trial"),
        .client_ip = FCT_STR("192.0.2.1"),
        .local_ip = FCT_STR("192.0.2.25"),
        .client_port = 40000,
        .local_port = 25,
        .helo = FCT_STR("client.example"),
        .frontend = FCT_STR("smtp"),
    };
    t->envelope = (struct fct_envelope){.size = sizeof t->envelope, .id = FCT_STR("trial.1")};
    lua_trial_now = t;
}

struct lua_trial *lua_trial_new(const struct fct_host *real, struct fct_err *err)
{
    struct lua_trial *t;

    if (!FCT_HAS(real, trial_end) || !real->trial_begin || !real->trial_end) {
        *err = (struct fct_err){FCT_DENIED, "this server is too old to test rules"};
        return NULL;
    }
    t = calloc(1, sizeof *t);
    if (!t) {
        *err = (struct fct_err){FCT_TEMP, "out of memory"};
        return NULL;
    }
    memcpy(&t->host, real, real->size < sizeof t->host ? real->size : sizeof t->host);
    t->host.size = sizeof t->host;
    t->real = real;
    lua_trial_install(&t->host);
    introduce(t);
    return t;
}

static void forget(struct lua_trial *t)
{
    if (t->call)
        t->real->trial_end(t->call);
    t->call = NULL;
    free_lines(&t->added);
    free_lines(&t->edits);
    free_lines(&t->keywords);
    free_lines(&t->changes);
    free_lines(&t->log);
    t->mailbox[0] = t->forced[0] = t->reply[0] = '\0';
}

void lua_trial_reset(struct lua_trial *t)
{
    forget(t);
    for (size_t i = 0; i < t->symbols; i++) {
        t->symbol[i].found = t->symbol[i].given;
        t->symbol[i].detail[0] = '\0';
    }
}

void lua_trial_again(struct lua_trial *t)
{
    t->symbols = t->declared;
    for (size_t i = 0; i < t->symbols; i++)
        t->symbol[i].given = false;
    lua_trial_reset(t);
    free(t->recipient);
    t->recipient = NULL;
    introduce(t);
}

void lua_trial_free(struct lua_trial **trial)
{
    struct lua_trial *t = *trial;

    *trial = NULL;
    if (!t)
        return;
    forget(t);
    free(t->recipient);
    free(t->row);
    free(t->composite);
    free(t->symbol);
    if (lua_trial_now == t)
        lua_trial_now = NULL;
    free(t);
}

bool lua_trial_adopt(struct lua_trial *t, struct lua_engine *e, struct fct_err *err)
{
    static const struct fct_symbol muted = {"RULE_MUTED", 0.0, "lua", ""};

    t->engine = e;
    if (!t->host.add_symbol(NULL, &muted, err) || !lua_rules_register(e, NULL, err) ||
        !lua_patterns_register(e, NULL, err) || !lua_composites_register(e, NULL, err))
        return false;
    t->declared = t->symbols;
    return true;
}

bool lua_trial_message(struct lua_trial *t, struct fct_self *self, struct fct_str message,
                       struct fct_err *err)
{
    const struct fct_trial trial = {
        .size = sizeof trial, .message = message, .conn = &t->conn, .envelope = &t->envelope};

    t->call = t->real->trial_begin(self, &trial, err);
    return t->call != NULL;
}

/* Rows that wait for others come last: among those of one file that is order enough. */
enum fct_verdict lua_trial_run(struct lua_trial *t, enum fct_hook hook, const void *event)
{
    enum fct_verdict strongest = FCT_NEXT;

    t->hook = hook;
    for (size_t i = 0; i < 2 * t->rows; i++) {
        const struct fct_hook_row *row = &t->row[i % t->rows];
        enum fct_verdict v;

        if (row->hook != hook || (row->after != NULL) != (i >= t->rows) ||
            (row->roles && !(row->roles & t->conn.role)))
            continue;
        v = row->fn.any(t->call, hook, event, row->state);
        if (v == FCT_SKIP)
            continue;
        if (v > strongest)
            strongest = v;
        if (v == FCT_ACCEPT)
            break;
    }
    return strongest;
}

/* ---- points with their events ---- */

const enum fct_hook lua_trial_order[8] = {
    FCT_HOOK_connect, FCT_HOOK_helo,    FCT_HOOK_mail, FCT_HOOK_rcpt,
    FCT_HOOK_data,    FCT_HOOK_headers, FCT_HOOK_scan, FCT_HOOK_deliver,
};

enum fct_verdict lua_trial_point(struct lua_trial *t, enum fct_hook hook, struct fct_str recipient,
                                 size_t number)
{
    uint64_t size = t->real->raw(t->call).n;
    const struct fct_ev_helo helo = {t->conn.helo, true};
    const struct fct_ev_mail mail = {.reverse_path = t->envelope.reverse_path};
    const struct fct_ev_rcpt rcpt = {.recipient = recipient, .accepted = number};
    const struct fct_ev_data data = {.recipients = t->envelope.recipients};
    const struct fct_ev_scan scan = {.size = size};
    const struct fct_ev_deliver deliver = {.recipient = recipient, .account = recipient};
    static const uint64_t nothing[LUA_EVENT_BYTES / sizeof(uint64_t)];
    const void *const event[FCT_HOOK_COUNT] = {
        [FCT_HOOK_helo] = &helo,       [FCT_HOOK_mail] = &mail,    [FCT_HOOK_rcpt] = &rcpt,
        [FCT_HOOK_data] = &data,       [FCT_HOOK_headers] = &scan, [FCT_HOOK_scan] = &scan,
        [FCT_HOOK_deliver] = &deliver,
    };

    return lua_trial_run(t, hook, event[hook] ? event[hook] : nothing);
}
