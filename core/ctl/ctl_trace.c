/* ctl_trace.c - why a message was treated so: every copy of it, and its ledger. */
#include "core/ctl/ctl_trace.h"

#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_history.h"
#include "core/ctl/ctl_output.h"
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

/* Refused, discarded or deleted since: the history knows what was decided. */
static int trace_history(struct ctl *c, struct fct_str id)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);
    struct history_entry entry;
    struct fct_err err = {0};

    if (!ctl_history_find(c, id, &entry)) {
        (void)fct_fail(&err, FCT_DENIED,
                       "no stored message has the id %.*s, nor does the history; the log says what "
                       "became of others",
                       FCT_FMT(str_head(id, 80)));
        return ctl_error(&err);
    }
    if (c->json) {
        ctl_print_json(json_pack("{s:o}", "history", ctl_history_json(&entry)));
        return CTL_OK;
    }
    buf_put_c(&text, "not stored, or deleted since; what the history says:\n");
    ctl_history_put(c, &entry, &text);
    ctl_print(&text);
    return CTL_OK;
}

int ctl_trace(struct ctl *c)
{
    struct fct_str id = str_from(c->word[0]);
    struct buf text = BUF_INIT(TEXT_MAX);
    const struct store_trace *copy;
    struct fct_err err = {0};
    json_t *all;
    size_t n;

    if (!store_trace(c->store, id, c->arena, &copy, &n, &err))
        return ctl_error(&err);
    if (n == 0)
        return trace_history(c, id);
    all = json_array();
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_put_char(&text, '\n');
        put_copy(c, &copy[i], &text);
        json_array_append_new(all, copy_json(c, &copy[i]));
    }
    if (c->json)
        ctl_print_json(json_incref(all));
    else
        ctl_print(&text);
    json_decref(all);
    buf_free(&text);
    return CTL_OK;
}
