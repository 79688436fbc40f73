/* status.c - what facteurctl status shows: the table of processes and what each role says of
 * itself. */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/supervisor/companion_int.h"
#include "core/supervisor/control.h"

#include <event2/event.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#define ANSWER_LIMIT_MS 500
#define STATUS_TEXT_MAX (1u << 20)

/* One round of questions; those who ask while it runs get its answer too. */
struct status_waiter {
    struct status_waiter *next;
    void (*done)(void *arg, struct fct_str text);
    void *arg;
    bool json;
};
struct status_round {
    struct status_waiter *waiters;
    struct event *timer;
};

static const char *const state_names[] = {
    [PROCESS_NONE] = "none",         [PROCESS_STARTING] = "starting",  [PROCESS_READY] = "ready",
    [PROCESS_DRAINING] = "draining", [PROCESS_WAITING] = "restarting",
};

/* Resident memory in bytes; 0 without /proc. */
static uint64_t resident(pid_t pid)
{
    char path[64];
    unsigned long pages = 0;
    FILE *f;

    (void)snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    f = fopen(path, "re");
    if (!f)
        return 0;
    if (fscanf(f, "%*u %lu", &pages) != 1)
        pages = 0;
    (void)fclose(f);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t seconds_since(uint64_t ms)
{
    return (clock_ms() - ms) / 1000;
}

/* ---- text ---- */

static void put_lines(struct buf *out, struct fct_str lines, const char *indent)
{
    while (lines.p && lines.n) {
        struct fct_str line = str_split(&lines, '\n');

        if (line.n)
            buf_printf(out, "%s%.*s\n", indent, FCT_FMT(line));
    }
}

static void print_companion(struct supervisor *sup, struct buf *out)
{
    struct companion_status c;

    if (companion_status(sup, &c))
        buf_printf(out, "%-9s   0 pid %d  %s  up %llus  restarts %u  rss %lluK\n", c.name,
                   (int)c.pid, state_names[c.state], (unsigned long long)seconds_since(c.born_ms),
                   c.restarts, (unsigned long long)(c.pid ? resident(c.pid) >> 10 : 0));
}

static void print_text(struct supervisor *sup, struct buf *out)
{
    buf_printf(out, "supervisor    pid %d  up %llus  rss %lluK  listeners %zu%s\n", (int)sup->pid,
               (unsigned long long)seconds_since(sup->born_ms),
               (unsigned long long)(resident(sup->pid) >> 10), sup->now.listeners,
               sup->reload ? "  reloading" : "");
    for (struct process *p = NULL; (p = process_next(sup, p));) {
        buf_printf(out, "%-9s %3u pid %d  %s  up %llus  restarts %u  rss %lluK\n", p->role->name,
                   p->index, (int)p->pid, state_names[p->state],
                   (unsigned long long)seconds_since(p->born_ms), p->restarts,
                   (unsigned long long)(p->pid ? resident(p->pid) >> 10 : 0));
        put_lines(out, buf_str(&p->status), "    ");
    }
    print_companion(sup, out);
}

/* ---- json ---- */

static json_t *text_json(struct fct_str s)
{
    json_t *j = json_stringn(s.p ? s.p : "", s.n);

    return j ? j : json_string(""); /* not UTF-8 */
}

/* `name value` lines as an object; numbers stay numbers. */
static json_t *lines_json(struct fct_str lines)
{
    json_t *object = json_object();

    while (lines.p && lines.n) {
        struct fct_str value = str_split(&lines, '\n');
        struct fct_str name = str_split(&value, ' ');
        char key[64];
        uint64_t n;

        if (!name.n || !value.p)
            continue;
        str_copy_c(key, sizeof key, name);
        value = str_trim(value);
        json_object_set_new(object, key,
                            str_to_u64(value, &n) && n <= INT64_MAX ? json_integer((json_int_t)n)
                                                                    : text_json(value));
    }
    return object;
}

static json_t *life_json(const char *name, unsigned index, pid_t pid, enum process_state state,
                         uint64_t born_ms, unsigned restarts)
{
    json_t *j = json_object();

    json_object_set_new(j, "role", json_string(name));
    json_object_set_new(j, "index", json_integer(index));
    json_object_set_new(j, "pid", json_integer(pid));
    json_object_set_new(j, "state", json_string(state_names[state]));
    json_object_set_new(j, "uptime_s", json_integer((json_int_t)seconds_since(born_ms)));
    json_object_set_new(j, "restarts", json_integer(restarts));
    json_object_set_new(j, "rss_bytes", json_integer(pid ? (json_int_t)resident(pid) : 0));
    return j;
}

static json_t *process_json(const struct process *p)
{
    return life_json(p->role->name, p->index, p->pid, p->state, p->born_ms, p->restarts);
}

/* Its member `about` holds what `text` says; none when there is no companion. */
static void append_companion(const struct supervisor *sup, json_t *list, const char *about,
                             json_t *(*text)(struct fct_str), bool sandbox)
{
    struct companion_status c;
    json_t *j;

    if (!companion_status(sup, &c))
        return;
    j = life_json(c.name, 0, c.pid, c.state, c.born_ms, c.restarts);
    json_object_set_new(j, about, text(sandbox ? c.sandbox : FCT_STR("")));
    json_array_append_new(list, j);
}

static void put_json(struct buf *out, json_t *root)
{
    char *text = json_dumps(root, JSON_INDENT(2));

    if (text)
        buf_printf(out, "%s\n", text);
    free(text);
    json_decref(root);
}

static void print_json(struct supervisor *sup, struct buf *out)
{
    json_t *root = json_object(), *list = json_array();

    json_object_set_new(root, "pid", json_integer(sup->pid));
    json_object_set_new(root, "uptime_s", json_integer((json_int_t)seconds_since(sup->born_ms)));
    json_object_set_new(root, "rss_bytes", json_integer((json_int_t)resident(sup->pid)));
    json_object_set_new(root, "listeners", json_integer((json_int_t)sup->now.listeners));
    json_object_set_new(root, "reloading", json_boolean(sup->reload != NULL));
    json_object_set_new(root, "processes", list);
    for (struct process *p = NULL; (p = process_next(sup, p));) {
        json_t *j = process_json(p);

        json_object_set_new(j, "status", lines_json(buf_str(&p->status)));
        json_array_append_new(list, j);
    }
    append_companion(sup, list, "status", lines_json, false);
    put_json(out, root);
}

/* "user=kept landlock=7 …" as an object. */
static json_t *words_json(struct fct_str words)
{
    json_t *object = json_object();

    while (words.p && words.n) {
        struct fct_str value = str_split(&words, ' ');
        struct fct_str name = str_split(&value, '=');
        char key[64];

        str_copy_c(key, sizeof key, name);
        if (name.n && value.p)
            json_object_set_new(object, key, text_json(value));
    }
    return object;
}

void supervisor_sandbox(struct supervisor *sup, bool json, struct buf *out)
{
    struct companion_status c;
    json_t *list;

    if (!json) {
        for (struct process *p = NULL; (p = process_next(sup, p));)
            buf_printf(out, "%-9s %3u pid %d  %.*s\n", p->role->name, p->index, (int)p->pid,
                       FCT_FMT(buf_str(&p->sandbox)));
        if (companion_status(sup, &c))
            buf_printf(out, "%-9s   0 pid %d  %.*s\n", c.name, (int)c.pid, FCT_FMT(c.sandbox));
        return;
    }
    list = json_array();
    for (struct process *p = NULL; (p = process_next(sup, p));) {
        json_t *j = process_json(p);

        json_object_set_new(j, "sandbox", words_json(buf_str(&p->sandbox)));
        json_array_append_new(list, j);
    }
    append_companion(sup, list, "sandbox", words_json, true);
    put_json(out, list);
}

/* ---- the round of questions ---- */

static void end_round(struct supervisor *sup)
{
    struct status_round *round = sup->status;

    sup->status = NULL;
    for (struct process *p = NULL; (p = process_next(sup, p));)
        p->status_wanted = false;
    while (round->waiters) {
        FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(STATUS_TEXT_MAX);
        struct status_waiter *w = round->waiters;

        round->waiters = w->next;
        if (w->json)
            print_json(sup, &text);
        else
            print_text(sup, &text);
        w->done(w->arg, buf_str(&text));
        free(w);
    }
    if (round->timer)
        event_free(round->timer);
    free(round);
}

static void too_late(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    end_round(arg);
}

void status_arrived(struct supervisor *sup, struct process *p)
{
    p->status_wanted = false;
    if (!sup->status)
        return;
    for (struct process *other = NULL; (other = process_next(sup, other));)
        if (other->status_wanted)
            return;
    end_round(sup);
}

static void ask_all(struct supervisor *sup)
{
    struct timeval limit = {.tv_usec = ANSWER_LIMIT_MS * 1000};

    for (struct process *p = NULL; (p = process_next(sup, p));) {
        if (!p->control || (p->state != PROCESS_READY && p->state != PROCESS_DRAINING))
            continue;
        p->status_wanted = true;
        process_tell(p, CONTROL_STATUS, FCT_STR(""), -1);
    }
    sup->status->timer = evtimer_new(sup->base, too_late, sup);
    if (sup->status->timer)
        evtimer_add(sup->status->timer, &limit);
}

void supervisor_status(struct supervisor *sup, bool json,
                       void (*done)(void *arg, struct fct_str text), void *arg)
{
    struct status_waiter *w = calloc(1, sizeof *w);
    bool fresh = !sup->status;

    if (fresh)
        sup->status = calloc(1, sizeof *sup->status);
    FCT_ASSERT(w && sup->status);
    *w = (struct status_waiter){sup->status->waiters, done, arg, json};
    sup->status->waiters = w;
    if (fresh)
        ask_all(sup);
}
