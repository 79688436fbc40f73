/* lua_trial.c - see lua_trial.h. */
#include "lua_trial.h"

#include <ctype.h>
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

/* ---- set-up ---- */

static bool full(struct fct_err *err)
{
    *err = (struct fct_err){FCT_LIMIT, "too many rules for a trial"};
    return false;
}

static bool add_hook(struct fct_self *self, const struct fct_hook_row *row, struct fct_err *err)
{
    struct lua_trial *t = lua_trial_now;

    (void)self;
    if (t->rows == LUA_TRIAL_ROWS)
        return full(err);
    t->row[t->rows++] = *row;
    return true;
}

static bool add_symbol(struct fct_self *self, const struct fct_symbol *symbol, struct fct_err *err)
{
    struct lua_trial *t = lua_trial_now;

    (void)self;
    if (t->symbols == LUA_TRIAL_SYMBOLS)
        return full(err);
    t->symbol[t->symbols++] =
        (struct lua_trial_symbol){.name = symbol->name, .score = symbol->score};
    return true;
}

static bool add_composite(struct fct_self *self, const struct fct_composite *composite,
                          struct fct_err *err)
{
    struct lua_trial *t = lua_trial_now;

    if (t->composites == LUA_TRIAL_ROWS)
        return full(err);
    t->composite[t->composites++] = *composite;
    return add_symbol(self, &composite->symbol, err);
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
        if (t->symbols == LUA_TRIAL_SYMBOLS)
            return;
        s = &t->symbol[t->symbols++];
        *s = (struct lua_trial_symbol){.name = lua_keep(t->engine, "%s", name), .score = score};
    }
    s->given = s->found = true;
    s->added = score;
}

static bool symbol(struct fct_call *call, const char *name, double factor, struct fct_str detail)
{
    struct lua_trial_symbol *s = lua_trial_symbol(lua_trial_now, name);

    (void)call;
    if (!s || s->found)
        return s != NULL;
    s->found = true;
    s->added = s->score * factor;
    snprintf(s->detail, sizeof s->detail, "%.*s", FCT_FMT(detail));
    return true;
}

static bool has_symbol(struct fct_call *call, const char *name, double *score)
{
    const struct lua_trial_symbol *s = lua_trial_symbol(lua_trial_now, name);

    (void)call;
    if (!s || !s->found)
        return false;
    if (score)
        *score = s->added;
    return true;
}

static const char *symbol_at(struct fct_call *call, size_t nth, double *score)
{
    const struct lua_trial *t = lua_trial_now;

    (void)call;
    for (size_t i = 0; i < t->symbols; i++)
        if (t->symbol[i].found && nth-- == 0) {
            *score = t->symbol[i].added;
            return t->symbol[i].name;
        }
    return NULL;
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
 * are the server's: here they are never found. */
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

/* ---- what is written down ---- */

static void write_log(struct fct_call *call, enum fct_level level, const char *fmt, ...)
    FCT_PRINTF(3, 4);
static void write_log(struct fct_call *call, enum fct_level level, const char *fmt, ...)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    char text[512];
    va_list args;

    (void)call;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    lua_lines_add(&lua_trial_now->log, "%s: %s", names[level], text);
}

static void count(struct fct_call *call, const char *metric, double by)
{
    (void)call;
    (void)metric;
    (void)by;
}

static void **slot(struct fct_call *call)
{
    static void *place;

    (void)call;
    return &place;
}

static bool reply(struct fct_call *call, unsigned code, const char *enhanced, const char *text)
{
    char number[12] = "";

    (void)call;
    if (code)
        snprintf(number, sizeof number, "%u", code);
    snprintf(lua_trial_now->reply, sizeof lua_trial_now->reply, "%s%s%s%s%s", number,
             code && enhanced ? " " : "", enhanced ? enhanced : "",
             (code || enhanced) && text && *text ? " " : "", text ? text : "");
    return true;
}

static bool mailbox(struct fct_call *call, struct fct_str name)
{
    (void)call;
    snprintf(lua_trial_now->mailbox, sizeof lua_trial_now->mailbox, "%.*s", FCT_FMT(name));
    return name.n > 0;
}

static bool keyword(struct fct_call *call, struct fct_str name)
{
    (void)call;
    lua_lines_add(&lua_trial_now->keywords, "%.*s", FCT_FMT(name));
    return name.n > 0;
}

/* Scan only looks. Names are printable without a colon, values have no bare line end
 * (RFC 5322 2.2). */
static bool may_edit(struct fct_str name, struct fct_str value)
{
    if (lua_trial_now->hook == FCT_HOOK_scan || name.n == 0)
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (!isgraph((unsigned char)name.p[i]) || name.p[i] == ':')
            return false;
    return !memchr(value.p, '\r', value.n) && !memchr(value.p, '\n', value.n) &&
           !memchr(value.p, '\0', value.n);
}

static bool header_add(struct fct_call *call, enum fct_where where, struct fct_str name,
                       struct fct_str value)
{
    (void)call;
    (void)where;
    if (!may_edit(name, value))
        return false;
    lua_lines_add(&lua_trial_now->added, "%.*s: %.*s", FCT_FMT(name), FCT_FMT(value));
    return true;
}

static bool header_insert(struct fct_call *call, enum fct_where where,
                          const struct fct_header *beside, struct fct_str name,
                          struct fct_str value)
{
    (void)beside;
    return header_add(call, where, name, value);
}

static bool header_set(struct fct_call *call, const struct fct_header *header, struct fct_str value)
{
    (void)call;
    if (!may_edit(header->name, value))
        return false;
    lua_lines_add(&lua_trial_now->edits, "set %.*s: %.*s", FCT_FMT(header->name), FCT_FMT(value));
    return true;
}

static bool header_remove(struct fct_call *call, const struct fct_header *header)
{
    (void)call;
    if (!may_edit(header->name, (struct fct_str){"", 0}))
        return false;
    lua_lines_add(&lua_trial_now->edits, "remove %.*s", FCT_FMT(header->name));
    return true;
}

static bool patch(struct fct_call *call, size_t offset, size_t length, struct fct_str with)
{
    (void)call;
    if (lua_trial_now->hook == FCT_HOOK_scan)
        return false;
    lua_lines_add(&lua_trial_now->edits, "patch %zu+%zu: %.*s", offset, length, FCT_FMT(with));
    return true;
}

/* "part 2: OLD -> NEW", the number counting from 1. */
static bool part_patch(struct fct_call *call, const struct fct_part *part, size_t offset,
                       size_t length, struct fct_str with)
{
    const struct fct_host *real = lua_trial_now->real;
    struct fct_str bytes = real->part_bytes(call, part);
    const struct fct_part *first;

    if (lua_trial_now->hook == FCT_HOOK_scan || offset > bytes.n || length > bytes.n - offset)
        return false;
    real->parts(call, &first);
    lua_lines_add(&lua_trial_now->edits, "part %zu: %.*s -> %.*s", (size_t)(part - first) + 1,
                  (int)length, bytes.p + offset, FCT_FMT(with));
    return true;
}

static bool body_replace(struct fct_call *call, struct fct_str body)
{
    (void)call;
    if (lua_trial_now->hook == FCT_HOOK_scan)
        return false;
    lua_lines_add(&lua_trial_now->edits, "body %.*s", FCT_FMT(body));
    return true;
}

static bool set(struct fct_call *call, const char *name, struct fct_str value)
{
    (void)call;
    lua_lines_add(&lua_trial_now->changes, "%s=%.*s", name, FCT_FMT(value));
    return true;
}

static bool force(struct fct_call *call, enum fct_action action, uint32_t rank, struct fct_str why)
{
    static const char *const names[] = {"keep",       "tag",     "greylist", "junk",
                                        "quarantine", "discard", "reject"};

    (void)call;
    (void)rank;
    (void)why;
    snprintf(lua_trial_now->forced, sizeof lua_trial_now->forced, "%s", names[action]);
    return true;
}

/* ---- waiting takes no time ---- */

static bool sleep_ms(struct fct_call *call, uint32_t ms)
{
    (void)call;
    (void)ms;
    return true;
}

static bool offload(struct fct_call *call, void (*work)(void *arg), void *arg)
{
    (void)call;
    work(arg);
    return true;
}

static uint32_t time_left_ms(struct fct_call *call)
{
    (void)call;
    return 5000;
}

static struct fct_token start(struct fct_call *call, void (*work)(struct fct_call *call, void *arg),
                              void *arg)
{
    work(call, arg);
    return (struct fct_token){1, 1};
}

static bool wait_all(struct fct_call *call, const struct fct_token *token, size_t n)
{
    (void)call;
    (void)token;
    (void)n;
    return true;
}

static struct fct_stream *dial(struct fct_call *call, struct fct_str address, struct fct_err *err)
{
    (void)call;
    (void)address;
    *err = (struct fct_err){FCT_TEMP, "no connections in a trial"};
    return NULL;
}

/* ---- life ---- */

static void install(struct fct_host *host)
{
    host->add_hook = add_hook;
    host->add_symbol = add_symbol;
    host->add_composite = add_composite;
    host->slot = slot;
    host->log = write_log;
    host->count = count;
    host->symbol = symbol;
    host->has_symbol = has_symbol;
    host->symbol_at = symbol_at;
    host->reply = reply;
    host->mailbox = mailbox;
    host->keyword = keyword;
    host->header_add = header_add;
    host->header_insert = header_insert;
    host->header_set = header_set;
    host->header_remove = header_remove;
    host->patch = patch;
    host->part_patch = part_patch;
    host->body_replace = body_replace;
    host->set = set;
    host->force = force;
    host->sleep_ms = sleep_ms;
    host->offload = offload;
    host->time_left_ms = time_left_ms;
    host->start = start;
    host->wait_all = wait_all;
    host->dial = dial;
    lua_answers_install(host);
}

struct lua_trial *lua_trial_new(const struct fct_host *real, struct fct_err *err)
{
    struct lua_trial *t;

    if (!FCT_HAS(real, trial_end) || !real->trial_begin || !real->trial_end) {
        *err = (struct fct_err){FCT_DENIED, "this server is too old to test rules"};
        return NULL;
    }
    t = calloc(1, sizeof *t);
    if (t)
        t->symbol = calloc(LUA_TRIAL_SYMBOLS, sizeof *t->symbol);
    if (!t || !t->symbol) {
        free(t);
        *err = (struct fct_err){FCT_TEMP, "out of memory"};
        return NULL;
    }
    memcpy(&t->host, real, real->size < sizeof t->host ? real->size : sizeof t->host);
    t->host.size = sizeof t->host;
    t->real = real;
    install(&t->host);
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

void lua_trial_free(struct lua_trial **trial)
{
    struct lua_trial *t = *trial;

    *trial = NULL;
    if (!t)
        return;
    forget(t);
    free(t->recipient);
    free(t->symbol);
    lua_trial_now = NULL;
    free(t);
}

bool lua_trial_adopt(struct lua_trial *t, struct lua_engine *e, struct fct_err *err)
{
    static const struct fct_symbol muted = {"RULE_MUTED", 0.0, "lua", ""};

    t->engine = e;
    return add_symbol(NULL, &muted, err) && lua_rules_register(e, NULL, err) &&
           lua_patterns_register(e, NULL, err) && lua_composites_register(e, NULL, err);
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
