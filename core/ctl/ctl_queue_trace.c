/* ctl_queue_trace.c - see ctl_queue_trace.h. The lines come from the store's history of the queue
 * (store/queue_history.h); what still waits is asked for besides. */
#include "core/ctl/ctl_queue_trace.h"

#include "core/base/str.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_queue_int.h"

#define WORDS_MAX 40u

/* A line of the history: TIME, number, event, then the words of the event. */
struct event {
    uint64_t when, entry;
    struct fct_str name;
    struct fct_str word[WORDS_MAX];
    size_t words;
};

static bool read_event(struct fct_str line, struct event *e)
{
    *e = (struct event){0};
    if (!str_to_u64(str_split(&line, '\t'), &e->when) || !line.p ||
        !str_to_u64(str_split(&line, '\t'), &e->entry) || !line.p)
        return false;
    e->name = str_split(&line, '\t');
    while (line.p && e->words < WORDS_MAX)
        e->word[e->words++] = str_split(&line, '\t');
    return true;
}

static struct fct_str word(const struct event *e, size_t i)
{
    return i < e->words ? e->word[i] : FCT_STR("");
}

static int64_t number(const struct event *e, size_t i)
{
    uint64_t n;

    return str_to_u64(word(e, i), &n) ? (int64_t)(n & INT64_MAX) : 0;
}

/* ---- queued: trace, sender, login, client, size, recipients, hold until, the first addresses ----
 */

static void put_word(const char *label, struct fct_str w, struct buf *out)
{
    if (w.n == 0)
        return;
    buf_put_c(out, label);
    ctl_put_safe(w, out);
}

static void put_queued(struct ctl *c, const struct event *e, struct buf *out)
{
    buf_printf(out, "queued as %llu from <", (unsigned long long)e->entry);
    ctl_put_safe(word(e, 1), out);
    buf_put_char(out, '>');
    put_word("  login ", word(e, 2), out);
    put_word("  client ", word(e, 3), out);
    buf_printf(out, "  size %s", ctl_bytes(c->arena, (uint64_t)number(e, 4)).p);
    if (number(e, 6) > 0)
        buf_printf(out, "  not before %s", ctl_time(c->arena, number(e, 6)).p);
    for (size_t i = 7; i < e->words; i++)
        put_word(i == 7 ? "  to " : ", ", word(e, i), out);
    if (number(e, 5) > (int64_t)e->words - 7)
        buf_printf(out, " and %lld more", (long long)(number(e, 5) - ((int64_t)e->words - 7)));
}

static json_t *queued_json(const struct event *e)
{
    json_t *to = json_array();

    for (size_t i = 7; i < e->words; i++)
        json_array_append_new(to, ctl_json_str(word(e, i)));
    return json_pack("{s:o, s:o, s:o, s:I, s:I, s:I, s:o}", "from", ctl_json_str(word(e, 1)),
                     "login", ctl_json_str(word(e, 2)), "client", ctl_json_str(word(e, 3)), "size",
                     (json_int_t)number(e, 4), "recipients", (json_int_t)number(e, 5), "hold_until",
                     (json_int_t)number(e, 6), "to", to);
}

/* ---- an attempt: address, status, host, TLS, milliseconds, next try, reply, conversion ---- */

static bool is_attempt(const struct event *e)
{
    return e->words >= 7 && !str_equal(e->name, FCT_STR("queued"));
}

static void put_attempt(struct ctl *c, const struct event *e, struct buf *out)
{
    ctl_put_safe(e->name, out);
    put_word(" ", word(e, 0), out);
    put_word("  ", word(e, 1), out);
    put_word("  by ", word(e, 2), out);
    if (word(e, 2).n > 0)
        put_word("  ", word(e, 3).n > 0 ? word(e, 3) : FCT_STR(""), out);
    put_word("  converted=", word(e, 7), out);
    buf_printf(out, "  after %.1f s", (double)number(e, 4) / 1000);
    if (number(e, 5) > 0)
        buf_printf(out, "  again at %s", ctl_time(c->arena, number(e, 5)).p);
    put_word("\n                       ", word(e, 6), out);
}

static json_t *attempt_json(const struct event *e)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "recipient",
                     ctl_json_str(word(e, 0)), "status", ctl_json_str(word(e, 1)), "host",
                     ctl_json_str(word(e, 2)), "tls", ctl_json_str(word(e, 3)), "took_ms",
                     (json_int_t)number(e, 4), "next_try", (json_int_t)number(e, 5), "reply",
                     ctl_json_str(word(e, 6)), "converted", ctl_json_str(word(e, 7)));
}

/* ---- all of it ---- */

static json_t *event_json(const struct event *e)
{
    json_t *v = str_equal(e->name, FCT_STR("queued")) ? queued_json(e)
                : is_attempt(e)                       ? attempt_json(e)
                                                      : json_object();

    if (str_equal(e->name, FCT_STR("report")))
        json_object_set_new(v, "to", ctl_json_str(word(e, 0)));
    json_object_set_new(v, "time", json_integer((json_int_t)e->when));
    json_object_set_new(v, "entry", json_integer((json_int_t)e->entry));
    json_object_set_new(v, "event", ctl_json_str(e->name));
    return v;
}

static void put_event(struct ctl *c, const struct event *e, struct buf *out)
{
    buf_printf(out, "%s    ", ctl_time(c->arena, (int64_t)e->when).p);
    if (str_equal(e->name, FCT_STR("queued"))) {
        put_queued(c, e, out);
    } else if (is_attempt(e)) {
        put_attempt(c, e, out);
    } else {
        ctl_put_safe(e->name, out);
        put_word(" to ", word(e, 0), out);
    }
    buf_put_char(out, '\n');
}

struct waiting {
    struct ctl *c;
    struct buf *text;
    json_t *json;
    bool any;
};

static void put_waiting(void *arg, const struct queue_row *row)
{
    struct waiting *w = arg;

    w->any = true;
    buf_printf(w->text, "now                    %s in the queue as %llu",
               ctl_queue_state_word[row->state], (unsigned long long)row->entry.id);
    if (row->state == QUEUE_STATE_WAITING)
        buf_printf(w->text, ", next try %s", ctl_time(w->c->arena, row->due).p);
    buf_put_char(w->text, '\n');
    json_array_append_new(w->json, json_pack("{s:s, s:I, s:s, s:I}", "event", "now", "entry",
                                             (json_int_t)row->entry.id, "state",
                                             ctl_queue_state_word[row->state], "next_try",
                                             (json_int_t)row->due));
}

bool ctl_queue_trace(struct ctl *c, struct fct_str id, struct buf *text, json_t **json, bool *any,
                     struct fct_err *err)
{
    struct queue_filter f = {.trace = id};
    struct waiting w = {.c = c, .text = text, .json = json_array()};
    struct fct_str lines;

    *json = w.json;
    *any = false;
    if (!store_queue_history(c->store, id, c->arena, &lines, err))
        return false;
    while (lines.p && lines.n > 0) {
        struct event e;

        if (!read_event(str_split(&lines, '\n'), &e))
            continue;
        *any = true;
        put_event(c, &e, text);
        json_array_append_new(w.json, event_json(&e));
    }
    if (!ctl_queue_each(c, &f, put_waiting, &w, err))
        return false;
    *any = *any || w.any;
    return true;
}
