/* ctl_scan_explain.c - the ledger retold: which symbols, found by whom, count how much; what
 * changed their sum; which threshold it reached; what was forced, and what others would have done.
 * Text is made from the JSON, so both say the same. */
#include "core/base/str.h"
#include "core/ctl/ctl_scan.h"

#include <stdlib.h>

/* ---- what the filter declares ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static const json_t *find_declared(const json_t *described, struct fct_str name)
{
    const json_t *filter, *symbol;
    size_t i, k;

    json_array_foreach(described, i, filter) json_array_foreach(
        json_object_get(filter, "symbols"), k,
        symbol) if (str_equal(str_from(text_of(symbol, "name")), name)) return symbol;
    return NULL;
}

/* ---- entries ---- */

static double thousandths(int32_t milli)
{
    return (double)milli / 1000;
}

static json_t *symbol_json(const struct ledger_entry *e, const json_t *described)
{
    const json_t *declared = find_declared(described, e->name);
    json_t *one =
        json_pack("{s:o, s:f, s:f, s:o, s:o, s:o, s:s}", "name", ctl_json_str(e->name), "score",
                  thousandths(e->score_milli), "weight", thousandths(e->weight_milli), "group",
                  ctl_json_str(e->group), "by", ctl_json_str(e->by), "detail",
                  ctl_json_str(e->detail), "about", text_of(declared, "doc"));

    if (e->weight_milli != 0)
        json_object_set_new(one, "factor",
                            json_real((double)e->score_milli / (double)e->weight_milli));
    if (*text_of(declared, "expression"))
        json_object_set_new(one, "expression", json_string(text_of(declared, "expression")));
    return one;
}

static json_t *entry_json(const struct ledger_entry *e)
{
    json_t *one =
        json_pack("{s:s, s:o, s:o, s:o}", "hook", hook_name(e->hook), "by", ctl_json_str(e->by),
                  "name", ctl_json_str(e->name), "detail", ctl_json_str(e->detail));

    if (e->score_milli != 0 || e->kind == LEDGER_ADJUST || e->kind == LEDGER_PROFILE)
        json_object_set_new(one, "score", json_real(thousandths(e->score_milli)));
    return one;
}

/* ---- the profile: its entry's detail is "tag 3, junk 6" ---- */

static json_t *thresholds_json(struct arena *arena, struct fct_str list, int32_t score_milli)
{
    json_t *all = json_array();

    while (list.p && list.n > 0) {
        struct fct_str one = str_trim(str_split(&list, ','));
        ptrdiff_t space = str_find_char(one, ' ');
        double at;

        if (space < 0)
            continue;
        at = strtod(arena_cstr(arena, str_skip(one, (size_t)space + 1)), NULL);
        if (at > 0)
            json_array_append_new(all, json_pack("{s:o, s:f, s:b}", "action",
                                                 ctl_json_str(str_head(one, (size_t)space)), "at",
                                                 at, "reached", thousandths(score_milli) >= at));
    }
    return all;
}

static void take_profile(json_t *why, struct arena *arena, const struct ledger_entry *e)
{
    json_object_set_new(why, "profile", ctl_json_str(e->by));
    json_object_set_new(why, "score", json_real(thousandths(e->score_milli)));
    json_object_set_new(why, "action", ctl_json_str(e->name));
    json_object_set_new(why, "thresholds", thresholds_json(arena, e->detail, e->score_milli));
}

/* ---- one ledger ---- */

/* Where the entries of a kind go. */
static const char *const list_names[] = {
    [LEDGER_SYMBOL] = "symbols", [LEDGER_VERDICT] = "verdicts", [LEDGER_EDIT] = "edits",
    [LEDGER_FAULT] = "faults",   [LEDGER_DELIVER] = "deliver",  [LEDGER_ADJUST] = "adjustments",
    [LEDGER_FORCE] = "forced",   [LEDGER_PROFILE] = NULL,       [LEDGER_CHANGE] = "changes",
};
static const char *const kind_words[] = {
    [LEDGER_SYMBOL] = "find",     [LEDGER_VERDICT] = "answer", [LEDGER_EDIT] = "edit",
    [LEDGER_FAULT] = "fail with", [LEDGER_DELIVER] = "set",    [LEDGER_ADJUST] = "adjust",
    [LEDGER_FORCE] = "force",     [LEDGER_PROFILE] = "choose", [LEDGER_CHANGE] = "change",
};

static void take_entry(json_t *why, struct arena *arena, const struct ledger_entry *e,
                       const json_t *described)
{
    json_t *one;

    if (e->shadow) {
        one = entry_json(e);
        json_object_set_new(one, "would", json_string(kind_words[e->kind]));
        json_array_append_new(json_object_get(why, "shadow"), one);
    } else if (e->kind == LEDGER_PROFILE) {
        take_profile(why, arena, e);
    } else {
        one = e->kind == LEDGER_SYMBOL ? symbol_json(e, described) : entry_json(e);
        json_array_append_new(json_object_get(why, list_names[e->kind]), one);
    }
}

json_t *ledger_explain(struct fct_str bytes, const json_t *described)
{
    struct arena *arena = arena_new(NULL);
    struct ledger ledger = {0};
    struct fct_err err = {0};
    json_t *why = NULL;

    if (bytes.n == 0 || ledger_decode(arena, bytes, &ledger, &err)) {
        why = json_pack("{s:s, s:f, s:s, s:[], s:[]}", "profile", "", "score",
                        thousandths(ledger.score_milli), "action", "keep", "thresholds", "shadow");
        for (size_t k = 0; k < FCT_COUNT(list_names); k++)
            if (list_names[k])
                json_object_set_new(why, list_names[k], json_array());
        for (size_t i = 0; i < ledger.n; i++)
            take_entry(why, arena, &ledger.entry[i], described);
    }
    arena_free(&arena);
    return why;
}

/* ---- a scan ---- */

static bool judged_before(const struct filter_result *r, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (str_equal(r->outcome[k].profile, r->outcome[i].profile))
            return true;
    return false;
}

json_t *scan_explain(const struct scan *s)
{
    const struct filter_result *r = &s->judge.result;
    json_t *all, *one;

    if (!ctl_option(s->ctl, "--explain"))
        return NULL;
    all = json_array();
    for (size_t i = 0; i < r->outcomes; i++) {
        if (judged_before(r, i))
            continue;
        one = ledger_explain(judge_ledger(&s->judge, i), s->described);
        if (one)
            json_object_set_new(one, "recipient", ctl_json_str(s->judge.recipient[i].recipient));
        json_array_append_new(all, one ? one : json_null());
    }
    if (r->outcomes == 0 && (one = ledger_explain(r->ledger, s->described)))
        json_array_append_new(all, one);
    return all;
}

/* ---- for people ---- */

static void put_c_safe(const char *text, struct buf *out)
{
    ctl_put_safe(str_from(text), out);
}

static void put_title(const char *title, bool colour, struct buf *out)
{
    buf_printf(out, "%s%s%s\n", colour ? CTL_BOLD : "", title, colour ? CTL_PLAIN : "");
}

/* "+1.500  NAME  1.5 × 1  content, found by headers", then what it means. */
static void put_symbol(const json_t *one, struct buf *out)
{
    const json_t *factor = json_object_get(one, "factor");

    buf_printf(out, "  %+8.3f  %-24s ", number_of(one, "score"), text_of(one, "name"));
    if (*text_of(one, "expression"))
        buf_put_c(out, "composite");
    else if (factor)
        buf_printf(out, "%g × %g", number_of(one, "weight"), json_number_value(factor));
    if (*text_of(one, "group")) {
        buf_put_c(out, ", group ");
        put_c_safe(text_of(one, "group"), out);
    }
    buf_put_c(out, ", by ");
    put_c_safe(text_of(one, "by"), out);
    buf_put_char(out, '\n');
    if (!*text_of(one, "about") && !*text_of(one, "detail"))
        return;
    buf_put_c(out, "            ");
    put_c_safe(text_of(one, "about"), out);
    if (*text_of(one, "detail")) {
        buf_put_c(out, *text_of(one, "about") ? ": \"" : "\"");
        put_c_safe(text_of(one, "detail"), out);
        buf_put_char(out, '"');
    }
    buf_put_char(out, '\n');
}

static void put_adjustment(const json_t *one, struct buf *out)
{
    buf_printf(out, "  %+8.3f  %-24s ", number_of(one, "score"), text_of(one, "name"));
    put_c_safe(text_of(one, "detail"), out);
    buf_put_c(out, ", by ");
    put_c_safe(text_of(one, "by"), out);
    buf_put_char(out, '\n');
}

static void put_line(const json_t *one, struct buf *out)
{
    buf_printf(out, "  %-10s", text_of(one, "hook"));
    put_c_safe(text_of(one, "by"), out);
    if (*text_of(one, "would"))
        buf_printf(out, " would %s", text_of(one, "would"));
    buf_put_char(out, ' ');
    put_c_safe(text_of(one, "name"), out);
    if (json_object_get(one, "score"))
        buf_printf(out, " %+.3f", number_of(one, "score"));
    if (*text_of(one, "detail")) {
        buf_put_c(out, ": ");
        put_c_safe(text_of(one, "detail"), out);
    }
    buf_put_char(out, '\n');
}

static void put_list(const json_t *why, const char *key, const char *title,
                     void (*put)(const json_t *one, struct buf *out), bool colour, struct buf *out)
{
    const json_t *list = json_object_get(why, key), *one;
    size_t i;

    if (json_array_size(list) == 0)
        return;
    put_title(title, colour, out);
    json_array_foreach(list, i, one) put(one, out);
}

/* The threshold that decided is the action's own; without one somebody else did. */
static void put_profile(const json_t *why, bool colour, struct buf *out)
{
    const char *action = text_of(why, "action");
    const json_t *list = json_object_get(why, "thresholds"), *one;
    bool by_score = strcmp(action, "keep") == 0;
    size_t i;

    if (!*text_of(why, "profile")) /* the dialogue ended it, or nobody scores */
        return;
    buf_printf(out, "%sscore %.3f: profile ", colour ? CTL_BOLD : "", number_of(why, "score"));
    put_c_safe(text_of(why, "profile"), out);
    buf_printf(out, " says %s%s\n", action, colour ? CTL_PLAIN : "");
    json_array_foreach(list, i, one)
    {
        bool decides = strcmp(text_of(one, "action"), action) == 0 &&
                       json_is_true(json_object_get(one, "reached"));

        by_score = by_score || decides;
        buf_printf(out, "  %-10s at %g%s\n", text_of(one, "action"), number_of(one, "at"),
                   decides                                         ? "  <- decides"
                   : json_is_true(json_object_get(one, "reached")) ? "  reached"
                                                                   : "");
    }
    if (json_array_size(list) == 0)
        buf_put_c(out, "  it has no thresholds\n");
    if (!by_score)
        buf_put_c(out, "  not by the score: see what was forced, answered or changed\n");
}

static void put_why(const json_t *why, bool colour, struct buf *out)
{
    buf_put_char(out, '\n');
    if (*text_of(why, "recipient")) {
        buf_put_c(out, "why, for <");
        put_c_safe(text_of(why, "recipient"), out);
        buf_put_c(out, ">\n");
    }
    if (json_array_size(json_object_get(why, "symbols")) == 0)
        buf_put_c(out, "no symbols\n");
    put_list(why, "symbols", "found", put_symbol, colour, out);
    put_list(why, "adjustments", "what changes the sum", put_adjustment, colour, out);
    put_profile(why, colour, out);
    put_list(why, "forced", "forced", put_line, colour, out);
    put_list(why, "verdicts", "answered", put_line, colour, out);
    put_list(why, "changes", "changed", put_line, colour, out);
    put_list(why, "deliver", "at delivery", put_line, colour, out);
    put_list(why, "faults", "went wrong", put_line, colour, out);
    put_list(why, "shadow", "in shadow, counts nowhere", put_line, colour, out);
}

void scan_explain_print(const json_t *why, bool colour, struct buf *out)
{
    const json_t *one;
    size_t i;

    json_array_foreach(why, i, one) put_why(one, colour, out);
}
