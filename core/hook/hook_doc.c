/* hook_doc.c - the table of hook points as a page for people. */
#include "core/hook/hook_doc.h"

#include "core/hook/hook_plan.h"
#include "core/hook/ledger.h"

struct field_info {
    const char *hook, *name, *type, *doc;
};

static const struct field_info fields[] = {
#define FIELD(hook, name, type, doc) {#hook, #name, #type, doc},
#include <facteur/hooks.def>
};

static const char *const kind_words[] = {
    [HOOK_DECIDE] = "decides: one after the other, the strongest verdict counts",
    [HOOK_SCAN] = "scans: all side by side on one immutable message, adds symbols",
    [HOOK_OBSERVE] = "observes: told afterwards, nobody waits for it",
};

static const char *type_word(const char *type)
{
    return strcmp(type, "STR") == 0 ? "text" : strcmp(type, "U64") == 0 ? "number" : "yes or no";
}

static void print_verdicts(uint32_t verdicts, struct buf *out)
{
    buf_put_c(out, "Verdicts: `next`");
    for (unsigned v = FCT_ACCEPT; v <= FCT_DISCONNECT; v++)
        if (verdicts & (1u << v))
            buf_printf(out, ", `%s`", verdict_name((enum fct_verdict)v));
    buf_put_c(out, ".\n\n");
}

static void print_fields(const char *hook, struct buf *out)
{
    buf_put_c(out, "| field | type | meaning |\n|---|---|---|\n");
    for (size_t i = 0; i < FCT_COUNT(fields); i++)
        if (strcmp(fields[i].hook, hook) == 0)
            buf_printf(out, "| `%s` | %s | %s |\n", fields[i].name, type_word(fields[i].type),
                       fields[i].doc);
    buf_put_c(out, "\n");
}

void hook_print_markdown(struct buf *out)
{
    buf_put_c(
        out,
        "# Hook points\n\n"
        "Generated from `include/facteur/hooks.def`; the names are the same in C "
        "(`FCT_ON(rcpt, …)`, `struct fct_ev_rcpt`) and in Lua. Besides its fields a hook sees "
        "the connection and the envelope, and from `headers` on the message.\n\n"
        "Verdicts in rising strength: `next`, `accept` (ends the chain of its point), "
        "`quarantine`, `discard`, `tempfail`, `reject`, `disconnect`. The strongest of a point "
        "wins; among equals the first in the plan (`facteurctl plugin`).\n\n");
    for (int h = 0; h < FCT_HOOK_COUNT; h++) {
        const struct hook_info *info = &hook_info[h];

        buf_printf(out, "## %s\n\n%s.\n\nIt %s.\n", info->name, info->doc, kind_words[info->kind]);
        if (info->kind == HOOK_DECIDE && info->verdicts)
            print_verdicts(info->verdicts, out);
        else
            buf_put_c(out, "\n");
        print_fields(info->name, out);
    }
}
