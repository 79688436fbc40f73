/* ctl_scan_show.c - what a scan found, for people: the verdict, the symbols that add up to the
 * score, the edits, the ledger. */
#include "core/base/str.h"
#include "core/ctl/ctl_scan.h"
#include "core/message/rfc5322.h"

#include <inttypes.h>

#define TEXT_MAX (64u << 20)
#define SHOWN    60 /* bytes of an inserted text in the table */

/* ---- for people ---- */

static void put_answer(const char *where, const struct filter_answer *a, struct buf *out)
{
    buf_printf(out, "%s: %s", where, verdict_name(a->verdict));
    if (a->by.n > 0) {
        buf_put_c(out, " by ");
        ctl_put_safe(a->by, out);
    }
    if (a->code > 0)
        buf_printf(out, ", %u", a->code);
    if (a->text.n > 0) {
        buf_put_char(out, ' ');
        ctl_put_safe(a->text, out);
    }
    buf_put_char(out, '\n');
}

static void put_changes(const struct filter_change *change, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        buf_put_c(out, "         ");
        ctl_put_safe(change[i].name, out);
        buf_put_c(out, " = ");
        ctl_put_safe(change[i].value, out);
        buf_put_char(out, '\n');
    }
}

static void put_step(const struct judge_step *step, struct buf *out)
{
    put_answer(hook_name(step->hook), &step->answer, out);
    put_changes(step->answer.change, step->answer.changes, out);
}

static void put_head(const struct scan *s, bool colour, struct buf *out)
{
    enum judge_fate fate = judge_fate(&s->judge);

    buf_printf(out, "verdict  %s%s%s\n",
               !colour              ? ""
               : fate == JUDGE_KEEP ? CTL_GREEN
                                    : CTL_RED,
               judge_fate_name[fate], colour ? CTL_PLAIN : "");
    buf_put_c(out, "score    ");
    ledger_put_milli(s->judge.result.score_milli, out);
    buf_put_c(out, "\nas if    <");
    ctl_put_safe(s->judge.context.envelope.reverse_path, out);
    buf_put_c(out, "> wrote from ");
    ctl_put_safe(s->judge.context.conn.client_ip, out);
    buf_put_c(out, " (");
    ctl_put_safe(s->judge.context.conn.helo, out);
    buf_put_c(out, ")\n");
    for (const struct judge_step *step = s->judge.step; step; step = step->next)
        put_step(step, out);
    if (s->judge.result.answer.verdict != FCT_NEXT)
        put_answer("message", &s->judge.result.answer, out);
    if (s->judge.result.quarantined)
        buf_put_c(out, "the filter died twice over this message: it would be quarantined; the log "
                       "names the plugin\n");
    if (s->judge.result.changes > 0)
        buf_put_c(out, "edit changes the envelope\n");
    put_changes(s->judge.result.change, s->judge.result.changes, out);
}

/* The default's name says nothing. */
static void put_profile(const struct filter_outcome *o, struct buf *out)
{
    if (o->profile.n == 0 || str_equal(o->profile, FCT_STR("default")))
        return;
    buf_put_c(out, "         by profile ");
    ctl_put_safe(o->profile, out);
    buf_put_c(out, ", score ");
    ledger_put_milli(o->score_milli, out);
    buf_put_char(out, '\n');
}

static void put_outcomes(const struct scan *s, struct buf *out)
{
    for (size_t i = 0; i < s->judge.result.outcomes; i++) {
        const struct filter_outcome *o = &s->judge.result.outcome[i];

        buf_put_c(out, "to       <");
        ctl_put_safe(s->judge.recipient[i].recipient, out);
        if (o->answer.verdict == FCT_NEXT || o->answer.verdict == FCT_ACCEPT) {
            buf_put_c(out, "> into ");
            ctl_put_safe(o->mailbox.n > 0 ? o->mailbox : FCT_STR("INBOX"), out);
            for (size_t k = 0; k < o->nkeywords; k++) {
                buf_put_char(out, ' ');
                ctl_put_safe(o->keyword[k], out);
            }
            buf_printf(out, ", %zu edits\n", o->edits.n);
            put_profile(o, out);
        } else {
            put_answer(">", &o->answer, out);
        }
    }
}

static struct fct_str score_text(struct arena *arena, int32_t milli)
{
    int32_t size = milli < 0 ? -milli : milli;

    return arena_printf(arena, "%s%" PRId32 ".%03" PRId32, milli < 0 ? "-" : "", size / 1000,
                        size % 1000);
}

static void put_symbols(const struct scan *s, const struct ledger *l, bool colour, struct buf *out)
{
    struct arena *arena = s->ctl->arena;
    struct ctl_table t = {
        .arena = arena, .column = {"SYMBOL", "SCORE>", "BY", "DETAIL"}, .columns = 4};

    for (size_t i = 0; i < l->n; i++)
        if (l->entry[i].kind == LEDGER_SYMBOL && !l->entry[i].shadow)
            ctl_table_row(&t, (const struct fct_str[]){l->entry[i].name,
                                                       score_text(arena, l->entry[i].score_milli),
                                                       l->entry[i].by, l->entry[i].detail});
    if (t.cells == 0) {
        buf_put_c(out, "\nno symbols\n");
        return;
    }
    buf_put_char(out, '\n');
    ctl_table_print(&t, colour, out);
}

/* "-" what goes, "+" what comes. */
static struct fct_str change(const struct scan *s, const struct edit *e)
{
    struct fct_str goes = str_trim(
                       str_head(str_skip(s->message, (size_t)e->offset), (size_t)e->remove)),
                   comes = str_trim(e->insert);
    const char *minus = goes.n > 0 ? "-" : "", *plus = comes.n > 0 ? "+" : "";

    return arena_printf(s->ctl->arena, "%s%.*s%s%s%.*s", minus, FCT_FMT(str_head(goes, SHOWN)),
                        *minus && *plus ? "  " : "", plus, FCT_FMT(str_head(comes, SHOWN)));
}

static void put_edits(const struct scan *s, const struct edit_list *edits, bool colour,
                      struct buf *out)
{
    struct ctl_table t = {
        .arena = s->ctl->arena, .column = {"EDIT BY", "AT>", "CHANGE"}, .columns = 3};

    for (size_t i = 0; i < edits->n; i++)
        ctl_table_row(&t, (const struct fct_str[]){
                              edits->edit[i].origin,
                              ctl_number(s->ctl->arena, edits->edit[i].offset),
                              change(s, &edits->edit[i]),
                          });
    if (t.cells > 0) {
        buf_put_char(out, '\n');
        ctl_table_print(&t, colour, out);
    }
}

/* ---- --diff: the header before and after ---- */

static void put_lines(struct fct_str text, char mark, bool colour, struct buf *out)
{
    const char *on = !colour || mark == ' ' ? "" : mark == '-' ? CTL_RED : CTL_GREEN;

    while (text.p && text.n > 0) {
        struct fct_str line = str_split(&text, '\n');

        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        buf_printf(out, "%s%c", on, mark);
        ctl_put_safe(line, out);
        buf_put_c(out, *on ? CTL_PLAIN "\n" : "\n");
    }
}

/* Lines that an edit touches are shown before and after; the others once. Edits of a header stand
 * at line starts, as a rule. */
static void put_diff(const struct scan *s, const struct edit_list *edits, bool colour,
                     struct buf *out)
{
    static const struct header_limits whole = {SIZE_MAX, SIZE_MAX};
    struct header_list header;
    size_t at = 0;

    header_list_parse(s->ctl->arena, s->message, &whole, &header);
    buf_put_char(out, '\n');
    for (size_t i = 0; i < edits->n && edits->edit[i].offset <= header.end; i++) {
        const struct edit *e = &edits->edit[i];

        put_lines(str_head(str_skip(s->message, at), (size_t)e->offset - at), ' ', colour, out);
        put_lines(str_head(str_skip(s->message, (size_t)e->offset), (size_t)e->remove), '-', colour,
                  out);
        put_lines(e->insert, '+', colour, out);
        at = (size_t)(e->offset + e->remove);
    }
    if (at < header.end)
        put_lines(str_head(str_skip(s->message, at), header.end - at), ' ', colour, out);
}

static const struct edit_list *first_edits(const struct scan *s)
{
    static const struct edit_list none;

    return s->judge.result.outcomes > 0 ? &s->judge.result.outcome[0].edits : &none;
}

void scan_print(const struct scan *s)
{
    struct buf out = BUF_INIT(TEXT_MAX);
    bool colour = ctl_wants_colour();
    struct ledger ledger = {0};
    json_t *why = scan_explain(s);
    struct fct_err err = {0};

    put_head(s, colour, &out);
    put_outcomes(s, &out);
    if (s->judge.result.ledger.n > 0 &&
        !ledger_decode(s->ctl->arena, s->judge.result.ledger, &ledger, &err))
        buf_printf(&out, "the ledger cannot be read: %s\n", err.text);
    if (why)
        scan_explain_print(why, colour, &out);
    else
        put_symbols(s, &ledger, colour, &out);
    put_edits(s, first_edits(s), colour, &out);
    if (ledger.n > 0) {
        buf_put_c(&out, colour ? "\n" CTL_BOLD "LEDGER" CTL_PLAIN "\n" : "\nLEDGER\n");
        ledger_print(&ledger, false, &out);
    }
    if (ctl_option(s->ctl, "--diff"))
        put_diff(s, first_edits(s), colour, &out);
    ctl_print(&out);
    buf_free(&out);
    json_decref(why);
}
