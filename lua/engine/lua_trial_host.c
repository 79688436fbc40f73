/* lua_trial_host.c - the functions of a trial's host: what rules do is written down. */
#include "lua_trial.h"

#include <ctype.h>

/* ---- set-up ---- */

static bool full(struct fct_err *err)
{
    *err = (struct fct_err){FCT_LIMIT, "too many rules for a trial"};
    return false;
}

static bool add_hook(struct fct_self *self, const struct fct_hook_row *row, struct fct_err *err)
{
    struct lua_trial *t = lua_trial_now;
    struct fct_hook_row *list = lua_trial_room(t->row, t->rows, sizeof *list, LUA_TRIAL_ROWS);

    (void)self;
    if (!list)
        return full(err);
    t->row = list;
    t->row[t->rows++] = *row;
    return true;
}

static bool add_symbol(struct fct_self *self, const struct fct_symbol *symbol, struct fct_err *err)
{
    struct lua_trial *t = lua_trial_now;
    struct lua_trial_symbol *list =
        lua_trial_room(t->symbol, t->symbols, sizeof *list, LUA_TRIAL_SYMBOLS);

    (void)self;
    if (!list)
        return full(err);
    t->symbol = list;
    t->symbol[t->symbols++] =
        (struct lua_trial_symbol){.name = symbol->name, .score = symbol->score};
    return true;
}

static bool add_composite(struct fct_self *self, const struct fct_composite *composite,
                          struct fct_err *err)
{
    struct lua_trial *t = lua_trial_now;
    struct fct_composite *list =
        lua_trial_room(t->composite, t->composites, sizeof *list, LUA_TRIAL_ROWS);

    if (!list)
        return full(err);
    t->composite = list;
    t->composite[t->composites++] = *composite;
    return add_symbol(self, &composite->symbol, err);
}

/* ---- symbols ---- */

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

/* ---- all of them ---- */

void lua_trial_install(struct fct_host *host)
{
    host->add_hook = add_hook;
    host->add_symbol = add_symbol;
    host->symbol_origin = NULL;
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
