/* hook_doc.c - the table of hook points as a page for people. */
#include "core/hook/hook_doc.h"

#include "core/hook/hook_plan.h"
#include "core/hook/ledger.h"
#include "core/plugin/plugin_change.h"
#include "core/plugin/plugin_host.h"

struct field_info {
    enum fct_hook hook;
    const char *name, *type, *doc;
};

static const struct field_info fields[] = {
#define FIELD(hook, name, type, doc) {FCT_HOOK_##hook, #name, #type, doc},
#include <facteur/hooks.def>
};

static const char *const c_names[FCT_HOOK_COUNT] = {
#define HOOK(name, text, kind, verdicts, doc) [FCT_HOOK_##name] = #name,
#include <facteur/hooks.def>
};

static const char *const kind_words[] = {
    [HOOK_DECIDE] = "decides: one after the other, the strongest verdict counts",
    [HOOK_SCAN] = "scans: all side by side on one immutable message, adds symbols",
    [HOOK_OBSERVE] = "observes: told afterwards, nobody waits for it",
};

static const char *type_word(const char *type)
{
    static const char *const words[][2] = {
        {"STR", "text"}, {"U64", "number"}, {"BOOL", "yes or no"}, {"LIST", "list of texts"}};

    for (size_t i = 0; i < FCT_COUNT(words); i++)
        if (strcmp(type, words[i][0]) == 0)
            return words[i][1];
    return type;
}

static const char *const change_words[] = {
    [CHANGE_STR] = "text",
    [CHANGE_U64] = "number",
    [CHANGE_BOOL] = "yes or no",
    [CHANGE_LIST] = "list: each call adds one",
};

static void print_verdicts(uint32_t verdicts, struct buf *out)
{
    buf_put_c(out, "Verdicts: `next`");
    for (unsigned v = FCT_ACCEPT; v <= FCT_SKIP; v++)
        if (verdicts & (1u << v))
            buf_printf(out, ", `%s`", verdict_name((enum fct_verdict)v));
    buf_put_c(out, ".\n\n");
}

static void print_fields(enum fct_hook hook, struct buf *out)
{
    buf_put_c(out, "| field | type | meaning |\n|---|---|---|\n");
    for (size_t i = 0; i < FCT_COUNT(fields); i++)
        if (fields[i].hook == hook)
            buf_printf(out, "| `%s` | %s | %s |\n", fields[i].name, type_word(fields[i].type),
                       fields[i].doc);
    buf_put_c(out, "\n");
}

static void print_changes(enum fct_hook hook, struct buf *out)
{
    const struct change_info *c;
    bool any = false;

    for (size_t i = 0; (c = change_row(i)); i++) {
        if (c->hook != hook)
            continue;
        if (!any)
            buf_put_c(out, "| may change | type | meaning |\n|---|---|---|\n");
        any = true;
        buf_printf(out, "| `%s` | %s | %s |\n", c->name, change_words[c->type], c->doc);
    }
    if (any)
        buf_put_c(out, "\n");
}

static void print_point(enum fct_hook hook, struct buf *out)
{
    const struct hook_info *info = &hook_info[hook];

    buf_printf(out, "## %s\n\n%s.\n\nIt %s.", info->name, info->doc, kind_words[info->kind]);
    if (strcmp(info->name, c_names[hook]) != 0)
        buf_printf(out, " In C: `%s`.", c_names[hook]);
    if (hook_takes_symbols(hook))
        buf_put_c(out, " Symbols may be added.");
    buf_put_c(out, "\n");
    if (info->kind == HOOK_DECIDE && info->verdicts)
        print_verdicts(info->verdicts, out);
    else
        buf_put_c(out, "\n");
    print_fields(hook, out);
    print_changes(hook, out);
}

void hook_print_markdown(struct buf *out)
{
    buf_put_c(
        out,
        "# Hook points\n\n"
        "Generated from `include/facteur/hooks.def`; the names are the same in C "
        "(`FCT_ON(rcpt, …)`, `struct fct_ev_rcpt`) and in Lua, but that C writes `_` for a dot. "
        "Besides its fields a hook sees the connection and the envelope, and from `headers` on, at "
        "`store.append` and at `learn` the message.\n\n"
        "Verdicts in rising strength: `next`, `accept` (ends the chain of its point), "
        "`quarantine`, `discard`, `tempfail`, `reject`, `disconnect`. The strongest of a point "
        "wins; among equals the first in the plan. `skip` is no judgement.\n\n"
        "What may be changed is set by `host->set(call, \"name\", value)` in C and `ev.name = "
        "value` "
        "in Lua: text of one line and at most 1000 bytes, numbers in decimal, `yes` or `no`. A "
        "later row of the plan wins.\n\n"
        "A symbol found before the message is here counts for every message of the connection "
        "(up to `auth`) or for this one (`mail` to `chunk`).\n\n");
    for (int h = 0; h < FCT_HOOK_COUNT; h++)
        print_point((enum fct_hook)h, out);
}
