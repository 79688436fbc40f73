/* ctl_trace.c - why a message was treated so: every copy of it, its ledger, and its way out. */
#include "core/ctl/ctl_trace.h"

#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_history.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_queue_trace.h"
#include "core/hook/ledger.h"
#include "core/message/edit_list.h"
#include "store/store_client.h"

#define TEXT_MAX (16u << 20)

/* A ledger that cannot be read is said so, not hidden. */
static void put_ledger(struct ctl *c, struct fct_str bytes, struct buf *out)
{
    struct fct_err err = {0};
    struct ledger ledger;

    if (bytes.n == 0)
        buf_put_c(out, "no plugin or rule had anything to say\n");
    else if (ledger_decode(c->arena, bytes, &ledger, &err))
        ledger_print(&ledger, false, out);
    else
        buf_printf(out, "the ledger cannot be read: %s\n", err.text);
}

static void put_copy(struct ctl *c, const struct store_trace *t, struct buf *out)
{
    const char *bold = ctl_wants_colour() ? CTL_BOLD : "", *plain = *bold ? CTL_PLAIN : "";

    buf_put_c(out, bold);
    ctl_put_safe(t->account, out);
    buf_put_c(out, "  ");
    ctl_put_safe(t->mailbox.n > 0 ? t->mailbox : FCT_STR("expunged"), out);
    if (t->uid > 0)
        buf_printf(out, "  UID %u", t->uid);
    buf_printf(out, "%s%s\n", t->shown_anew ? "  shown anew (facteurctl mail, or a copy)" : "",
               plain);
    buf_printf(out, "received %s  from <", ctl_time(c->arena, t->received).p);
    ctl_put_safe(t->reverse_path, out);
    buf_printf(out, ">  size %llu", (unsigned long long)t->original_size);
    if (t->view_size != t->original_size || t->edits.n > 0)
        buf_printf(out, ", as shown %llu", (unsigned long long)t->view_size);
    buf_put_char(out, '\n');
    put_ledger(c, t->ledger, out);
}

static json_t *ledger_json(struct ctl *c, struct fct_str bytes)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    struct fct_err err = {0};
    struct ledger ledger;
    json_t *v = NULL;

    if (bytes.n > 0 && ledger_decode(c->arena, bytes, &ledger, &err)) {
        ledger_print(&ledger, true, &text);
        v = json_loadb(text.p, text.n, 0, NULL);
    }
    buf_free(&text);
    return v ? v : json_null();
}

static json_t *copy_json(struct ctl *c, const struct store_trace *t)
{
    return json_pack("{s:o, s:o, s:I, s:I, s:o, s:I, s:I, s:b, s:o}", "account",
                     ctl_json_str(t->account), "mailbox", ctl_json_str(t->mailbox), "uid",
                     (json_int_t)t->uid, "received", (json_int_t)t->received, "reverse_path",
                     ctl_json_str(t->reverse_path), "original_size", (json_int_t)t->original_size,
                     "view_size", (json_int_t)t->view_size, "shown_anew", t->shown_anew, "ledger",
                     ledger_json(c, t->ledger));
}

/* ---- the whole ---- */

struct tracing {
    struct ctl *c;
    struct fct_str id;
    struct buf text;
    json_t *copies, *history, *queue;
    bool left; /* something of it went into the queue */
};

/* Refused, discarded or deleted since, or never for anybody here: the history knows what was
 * decided. */
static bool trace_history(struct tracing *t, struct fct_err *err)
{
    struct history_entry entry;

    if (!ctl_history_find(t->c, t->id, &entry))
        return t->left ||
               fct_fail(err, FCT_DENIED,
                        "no stored message has the id %.*s, nor does the history; the log says "
                        "what became of others",
                        FCT_FMT(str_head(t->id, 80)));
    t->history = ctl_history_json(&entry);
    if (!t->left)
        buf_put_c(&t->text, "not stored, or deleted since; what the history says:\n");
    ctl_history_put(t->c, &entry, &t->text);
    return true;
}

static FCT_MAY_WAIT bool trace_copies(struct tracing *t, size_t *n, struct fct_err *err)
{
    const struct store_trace *copy;

    if (!store_trace(t->c->store, t->id, t->c->arena, &copy, n, err))
        return false;
    for (size_t i = 0; i < *n; i++) {
        if (i > 0)
            buf_put_char(&t->text, '\n');
        put_copy(t->c, &copy[i], &t->text);
        json_array_append_new(t->copies, copy_json(t->c, &copy[i]));
    }
    return true;
}

static FCT_MAY_WAIT bool trace_all(struct tracing *t, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf way = BUF_INIT(TEXT_MAX);
    size_t n;

    if (!trace_copies(t, &n, err) ||
        !ctl_queue_trace(t->c, t->id, &way, &t->queue, &t->left, err) ||
        (n == 0 && !trace_history(t, err)))
        return false;
    if (t->left && t->text.n > 0)
        buf_put_char(&t->text, '\n');
    buf_put_str(&t->text, buf_str(&way));
    return true;
}

/* As it was before mail left: the copies alone; else an object with all. */
static void print_json(struct tracing *t)
{
    if (t->left)
        ctl_print_json(json_pack("{s:O, s:O, s:O?}", "copies", t->copies, "queue", t->queue,
                                 "history", t->history));
    else if (t->history)
        ctl_print_json(json_pack("{s:O}", "history", t->history));
    else
        ctl_print_json(json_incref(t->copies));
}

int ctl_trace(struct ctl *c)
{
    struct tracing t = {
        .c = c, .id = str_from(c->word[0]), .text = BUF_INIT(TEXT_MAX), .copies = json_array()};
    struct fct_err err = {0};
    bool ok = trace_all(&t, &err);

    if (ok && c->json)
        print_json(&t);
    else if (ok)
        ctl_print(&t.text);
    json_decref(t.copies);
    json_decref(t.queue);
    json_decref(t.history);
    buf_free(&t.text);
    return ok ? CTL_OK : ctl_error(&err);
}
