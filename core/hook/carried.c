/* carried.c - see carried.h. */
#include "core/hook/carried.h"

#include "core/base/str.h"

bool carried_by(enum fct_hook hook)
{
    static const bool by[FCT_HOOK_COUNT] = {
        [FCT_HOOK_connect] = true, [FCT_HOOK_tls] = true,  [FCT_HOOK_helo] = true,
        [FCT_HOOK_auth] = true,    [FCT_HOOK_mail] = true, [FCT_HOOK_rcpt] = true,
        [FCT_HOOK_resolve] = true, [FCT_HOOK_data] = true, [FCT_HOOK_chunk] = true,
        [FCT_HOOK_unknown] = true,
    };

    return by[hook];
}

static void add_hit(struct transaction *tx, const struct plugin_symbol *symbol,
                    const struct ledger_entry *e)
{
    struct symbol_hit *hit = ARENA_NEW(tx->arena, struct symbol_hit);
    struct symbol_hit **list = e->shadow ? &tx->shadow_hit : &tx->hit;
    double factor = e->weight_milli ? (double)e->score_milli / e->weight_milli : 1;

    *hit = (struct symbol_hit){symbol, e->score_milli, factor, *list};
    *list = hit;
    tx->hits += !e->shadow;
}

bool carried_take(struct transaction *tx, struct fct_str bytes, struct fct_err *err)
{
    struct ledger ledger;

    if (bytes.n == 0)
        return true;
    if (!ledger_decode(tx->arena, bytes, &ledger, err))
        return false;
    tx->earlier = ARENA_NEW(tx->arena, struct ledger_log);
    *tx->earlier = (struct ledger_log){.arena = tx->arena};
    for (size_t i = 0; i < ledger.n; i++) {
        const struct ledger_entry *e = &ledger.entry[i];
        const struct plugin_symbol *symbol = NULL;

        if (e->kind == LEDGER_SYMBOL && !(symbol = plugin_symbol_find(tx->set, e->name)))
            continue;
        if (symbol)
            add_hit(tx, symbol, e);
        ledger_log_add(tx->earlier, e);
    }
    return true;
}

#define NOTES_MAX \
    50u /* besides symbols: a client that tries many recipients must not crowd them out */

/* A later point works with it; the rest only explains. */
static bool is_needed(const struct ledger_entry *e)
{
    return e->kind == LEDGER_SYMBOL || e->hook == FCT_HOOK_chunk;
}

static void append(struct ledger_log *all, const struct ledger_log *more, size_t *notes)
{
    for (size_t i = 0; i < more->n; i++)
        if (is_needed(&more->entry[i]) || (*notes)++ < NOTES_MAX)
            ledger_log_add(all, &more->entry[i]);
}

struct fct_str carried_give(struct transaction *tx, const struct ledger_log *log)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(64u << 10);
    struct ledger_log all = {.arena = tx->arena};
    struct ledger view;
    size_t notes = 0;

    if (log->n == 0)
        return (struct fct_str){"", 0};
    if (tx->earlier)
        append(&all, tx->earlier, &notes);
    append(&all, log, &notes);
    view = ledger_log_view(&all);
    ledger_encode(&view, &out);
    return arena_str(tx->arena, buf_str(&out));
}
