/* ctl_scan_show.c - what a scan found: the verdict, the symbols that add up to the score, the
 * edits, the ledger. */
#include "core/base/str.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_scan.h"
#include "core/message/rfc5322.h"

#include <inttypes.h>

#define TEXT_MAX (64u << 20)
#define SHOWN    60 /* bytes of an inserted text in the table */

/* ---- the verdict in one word ---- */

static enum scan_exit of_answer(enum fct_verdict verdict)
{
    switch (verdict) {
    case FCT_REJECT:
    case FCT_DISCONNECT:
        return SCAN_REJECT;
    case FCT_TEMPFAIL:
        return SCAN_TEMPFAIL;
    case FCT_QUARANTINE:
    case FCT_DISCARD:
        return SCAN_JUNK;
    case FCT_NEXT:
    case FCT_ACCEPT:
    case FCT_SKIP:
        break;
    }
    return SCAN_KEEP;
}

static enum scan_exit of_outcome(const struct filter_outcome *o)
{
    if (of_answer(o->answer.verdict) != SCAN_KEEP)
        return of_answer(o->answer.verdict);
    return str_equal_nocase(o->mailbox, FCT_STR("Junk")) ||
                   str_equal_nocase(o->mailbox, FCT_STR("Quarantine"))
               ? SCAN_JUNK
               : SCAN_KEEP;
}

/* Of several recipients the first one speaks. */
enum scan_exit scan_verdict(const struct scan *s, const char **word)
{
    static const char *const words[] = {[SCAN_KEEP] = "keep",
                                        [SCAN_JUNK] = "junk",
                                        [SCAN_REJECT] = "reject",
                                        [SCAN_TEMPFAIL] = "tempfail"};
    enum scan_exit v = SCAN_KEEP;

    for (size_t i = 0; i < s->steps && v == SCAN_KEEP; i++)
        v = of_answer(s->step[i].answer.verdict);
    if (v == SCAN_KEEP && s->result.quarantined)
        v = SCAN_JUNK;
    if (v == SCAN_KEEP)
        v = of_answer(s->result.answer.verdict);
    if (v == SCAN_KEEP && s->result.outcomes > 0)
        v = of_outcome(&s->result.outcome[0]);
    *word = words[v];
    return v;
}

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

static void put_head(const struct scan *s, bool colour, struct buf *out)
{
    const char *word;
    enum scan_exit v = scan_verdict(s, &word);
    int32_t score = s->result.score_milli, size = score < 0 ? -score : score;

    buf_printf(out, "verdict  %s%s%s\n",
               !colour          ? ""
               : v == SCAN_KEEP ? CTL_GREEN
                                : CTL_RED,
               word, colour ? CTL_PLAIN : "");
    buf_printf(out, "score    %s%" PRId32 ".%03" PRId32 "\n", score < 0 ? "-" : "", size / 1000,
               size % 1000);
    buf_put_c(out, "as if    <");
    ctl_put_safe(s->context.envelope.reverse_path, out);
    buf_put_c(out, "> wrote from ");
    ctl_put_safe(s->context.conn.client_ip, out);
    buf_put_c(out, " (");
    ctl_put_safe(s->context.conn.helo, out);
    buf_put_c(out, ")\n");
    for (size_t i = 0; i < s->steps; i++)
        put_answer(hook_name(s->step[i].hook), &s->step[i].answer, out);
    if (s->result.answer.verdict != FCT_NEXT)
        put_answer("message", &s->result.answer, out);
    if (s->result.quarantined)
        buf_put_c(out, "the filter died twice over this message: it would be quarantined; the log "
                       "names the plugin\n");
}

static void put_outcomes(const struct scan *s, struct buf *out)
{
    for (size_t i = 0; i < s->result.outcomes; i++) {
        const struct filter_outcome *o = &s->result.outcome[i];

        buf_put_c(out, "to       <");
        ctl_put_safe(s->recipient[i].recipient, out);
        if (o->answer.verdict == FCT_NEXT || o->answer.verdict == FCT_ACCEPT) {
            buf_put_c(out, "> into ");
            ctl_put_safe(o->mailbox.n > 0 ? o->mailbox : FCT_STR("INBOX"), out);
            for (size_t k = 0; k < o->nkeywords; k++) {
                buf_put_char(out, ' ');
                ctl_put_safe(o->keyword[k], out);
            }
            buf_printf(out, ", %zu edits\n", o->edits.n);
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
        if (l->entry[i].kind == LEDGER_SYMBOL)
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

    return s->result.outcomes > 0 ? &s->result.outcome[0].edits : &none;
}

static void show_text(const struct scan *s)
{
    struct buf out = BUF_INIT(TEXT_MAX);
    bool colour = ctl_wants_colour();
    struct ledger ledger = {0};
    struct fct_err err = {0};

    put_head(s, colour, &out);
    put_outcomes(s, &out);
    if (s->result.ledger.n > 0 && !ledger_decode(s->ctl->arena, s->result.ledger, &ledger, &err))
        buf_printf(&out, "the ledger cannot be read: %s\n", err.text);
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
}

/* ---- for programs ---- */

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

    if (s->result.ledger.n > 0 && !ledger_decode(s->ctl->arena, s->result.ledger, &l, &err))
        return all;
    for (size_t i = 0; i < l.n; i++)
        if (l.entry[i].kind == LEDGER_SYMBOL)
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

    for (size_t i = 0; i < s->result.outcomes; i++) {
        const struct filter_outcome *o = &s->result.outcome[i];
        json_t *keywords = json_array();

        for (size_t k = 0; k < o->nkeywords; k++)
            json_array_append_new(keywords, ctl_json_str(o->keyword[k]));
        json_array_append_new(
            all, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "recipient",
                           ctl_json_str(s->recipient[i].recipient), "answer",
                           answer_json(&o->answer), "header", header_json(s, &o->edits), "mailbox",
                           ctl_json_str(o->mailbox.n > 0 ? o->mailbox : FCT_STR("INBOX")),
                           "keywords", keywords, "edits", edits_json(&o->edits), "ledger",
                           ledger_json(s, o->ledger)));
    }
    return all;
}

static void show_json(const struct scan *s)
{
    json_t *steps = json_array();
    const char *word;

    (void)scan_verdict(s, &word);
    for (size_t i = 0; i < s->steps; i++) {
        json_t *one = answer_json(&s->step[i].answer);

        json_object_set_new(one, "hook", json_string(hook_name(s->step[i].hook)));
        json_array_append_new(steps, one);
    }
    ctl_print_json(json_pack(
        "{s:s, s:f, s:b, s:o, s:o, s:o, s:o, s:o}", "verdict", word, "score",
        (double)s->result.score_milli / 1000, "quarantined", s->result.quarantined, "dialogue",
        steps, "message", answer_json(&s->result.answer), "symbols", symbols_json(s), "recipients",
        outcomes_json(s), "ledger", ledger_json(s, s->result.ledger)));
}

void scan_show(const struct scan *s)
{
    if (s->ctl->json)
        show_json(s);
    else
        show_text(s);
}
