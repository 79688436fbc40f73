/* plugin_personal.c - see plugin_personal.h. Accounts are few and lists are short: looking through
 * them beats an index. */
#include "core/plugin/plugin_personal.h"

#include "core/base/str.h"
#include "core/plugin/plugin_host.h"
#include <math.h>

#define PERSONAL_MAX                                                             \
    50 /* symbols of one account: with those of all their sum fits, see ledger.c \
        */

const struct fct_recipient *personal_recipient(struct fct_call *call, size_t nth)
{
    return call->live && nth < call->tx->persons ? &call->tx->person[nth].is : NULL;
}

struct fct_str personal_setting(struct fct_call *call, size_t nth, const char *name)
{
    if (!call->live || !name || nth >= call->tx->persons)
        return (struct fct_str){"", 0};
    return setting_value(call->tx->person[nth].setting, str_from(name));
}

static struct personal_hit *find(const struct call_person *p, const struct plugin_symbol *symbol,
                                 bool shadow)
{
    struct personal_hit *h = p->hit;

    while (h && (h->hit.symbol != symbol || h->shadow != shadow))
        h = h->next;
    return h;
}

/* The first hit of a name counts. */
static bool add(struct fct_call *call, struct call_person *p, const struct plugin_symbol *symbol,
                double factor, struct fct_str detail)
{
    unsigned *hits = call->shadow ? &p->shadow_hits : &p->hits;
    struct personal_hit *h;
    struct call_note *note;

    if (find(p, symbol, call->shadow))
        return true;
    if (*hits == PERSONAL_MAX)
        return false;
    ++*hits;
    h = ARENA_NEW(call->tx->arena, struct personal_hit);
    *h = (struct personal_hit){.hit = {symbol, symbol_milli(symbol, factor), factor, NULL},
                               .row = call->row,
                               .hook = call->hook,
                               .shadow = call->shadow,
                               .next = p->hit};
    p->hit = h;
    note = call_note(call, NOTE_PERSONAL, symbol->name, detail, h->hit.score_milli);
    note->symbol = symbol;
    note->personal = h;
    h->detail = note->detail;
    return true;
}

bool personal_symbol(struct fct_call *call, struct fct_str account, const char *name, double factor,
                     struct fct_str detail)
{
    const struct plugin_symbol *symbol;
    struct transaction *tx = call->tx;
    bool any = false;

    if (!call->live || !name || account.n == 0 ||
        (call->hook != FCT_HOOK_headers && call->hook != FCT_HOOK_scan))
        return false;
    symbol = plugin_symbol_find(tx->set, str_from(name));
    for (size_t i = 0; symbol && i < tx->persons; i++)
        if (str_equal(tx->person[i].is.account, account))
            any |= add(call, &tx->person[i], symbol, isfinite(factor) ? factor : 0, detail);
    return any;
}
