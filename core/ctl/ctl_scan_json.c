/* ctl_scan_json.c - what a scan found, for programs. */
#include "core/base/str.h"
#include "core/ctl/ctl_scan.h"
#include "core/plugin/plugin_host.h"

#define TEXT_MAX (64u << 20)

static json_t *answer_json(const struct filter_answer *a)
{
    return json_pack("{s:s, s:i, s:o, s:o, s:o}", "verdict", verdict_name(a->verdict), "code",
                     (int)a->code, "enhanced", ctl_json_str(a->enhanced), "text",
                     ctl_json_str(a->text), "by", ctl_json_str(a->by));
}

static json_t *ledger_json(const struct scan *s, struct fct_str bytes)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    struct fct_err err = {0};
    struct ledger ledger;
    json_t *v = NULL;

    if (bytes.n > 0 && ledger_decode(s->ctl->arena, bytes, &ledger, &err)) {
        ledger_print(&ledger, true, &text);
        v = json_loadb(text.p, text.n, 0, NULL);
    }
    buf_free(&text);
    return v ? v : json_null();
}

static json_t *symbols_json(const struct scan *s)
{
    json_t *all = json_array();
    struct fct_err err = {0};
    struct ledger l = {0};

    if (s->judge.result.ledger.n > 0 &&
        !ledger_decode(s->ctl->arena, s->judge.result.ledger, &l, &err))
        return all;
    for (size_t i = 0; i < l.n; i++)
        if (l.entry[i].kind == LEDGER_SYMBOL && !l.entry[i].shadow)
            json_array_append_new(all, json_pack("{s:o, s:f, s:o, s:o}", "name",
                                                 ctl_json_str(l.entry[i].name), "score",
                                                 (double)l.entry[i].score_milli / 1000, "by",
                                                 ctl_json_str(l.entry[i].by), "detail",
                                                 ctl_json_str(l.entry[i].detail)));
    return all;
}

static json_t *edits_json(const struct edit_list *edits)
{
    json_t *all = json_array();

    for (size_t i = 0; i < edits->n; i++)
        json_array_append_new(all, json_pack("{s:I, s:I, s:o, s:o}", "offset",
                                             (json_int_t)edits->edit[i].offset, "remove",
                                             (json_int_t)edits->edit[i].remove, "insert",
                                             ctl_json_str(edits->edit[i].insert), "by",
                                             ctl_json_str(edits->edit[i].origin)));
    return all;
}

/* As this recipient will see it. */
static json_t *header_json(const struct scan *s, const struct edit_list *edits)
{
    struct buf view = BUF_INIT(TEXT_MAX);
    json_t *header;
    ptrdiff_t end;

    (void)edit_list_apply(edits, s->message, 0, edit_list_size(edits, s->message.n), &view);
    end = str_find(buf_str(&view), FCT_STR("\r\n\r\n"));
    header = ctl_json_str(end < 0 ? buf_str(&view) : str_head(buf_str(&view), (size_t)end + 2));
    buf_free(&view);
    return header;
}

static json_t *outcomes_json(const struct scan *s)
{
    json_t *all = json_array();

    for (size_t i = 0; i < s->judge.result.outcomes; i++) {
        const struct filter_outcome *o = &s->judge.result.outcome[i];
        json_t *keywords = json_array();

        for (size_t k = 0; k < o->nkeywords; k++)
            json_array_append_new(keywords, ctl_json_str(o->keyword[k]));
        json_array_append_new(
            all, json_pack("{s:o, s:o, s:o, s:f, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "recipient",
                           ctl_json_str(s->judge.recipient[i].recipient), "account",
                           ctl_json_str(s->judge.recipient[i].account), "profile",
                           ctl_json_str(o->profile), "score", (double)o->score_milli / 1000,
                           "action", action_name(o->action), "answer", answer_json(&o->answer),
                           "header", header_json(s, &o->edits), "mailbox",
                           ctl_json_str(o->mailbox.n > 0 ? o->mailbox : FCT_STR("INBOX")),
                           "keywords", keywords, "edits", edits_json(&o->edits), "ledger",
                           ledger_json(s, o->ledger)));
    }
    return all;
}

static json_t *changes_json(const struct filter_change *change, size_t n)
{
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, json_pack("{s:o, s:o}", "name", ctl_json_str(change[i].name),
                                             "value", ctl_json_str(change[i].value)));
    return all;
}

static json_t *dialogue_json(const struct scan *s)
{
    json_t *all = json_array();

    for (const struct judge_step *step = s->judge.step; step; step = step->next) {
        json_t *one = answer_json(&step->answer);

        json_object_set_new(one, "hook", json_string(hook_name(step->hook)));
        json_object_set_new(one, "changes",
                            changes_json(step->answer.change, step->answer.changes));
        json_array_append_new(all, one);
    }
    return all;
}

json_t *scan_json(const struct scan *s)
{
    const struct filter_result *r = &s->judge.result;
    json_t *why = scan_explain(s), *all;

    all = json_pack("{s:s, s:f, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "verdict",
                    judge_fate_name[judge_fate(&s->judge)], "score", (double)r->score_milli / 1000,
                    "quarantined", r->quarantined, "dialogue", dialogue_json(s), "message",
                    answer_json(&r->answer), "changes", changes_json(r->change, r->changes),
                    "symbols", symbols_json(s), "recipients", outcomes_json(s), "ledger",
                    ledger_json(s, r->ledger));
    if (why)
        json_object_set_new(all, "explain", why);
    return all;
}
