/* plugin_judge.c - forced actions, composites and the recipient's settings: what a plugin adds to
 * the judgement besides symbols. */
#include "core/plugin/plugin_host.h"

#include "core/base/str.h"

#define FORCE_RANK_MAX 1000000u

static const char *const action_names[] = {
    [FCT_KEEP] = "keep",     [FCT_TAG] = "tag",         [FCT_GREYLIST] = "greylist",
    [FCT_JUNK] = "junk",     [FCT_HOLD] = "quarantine", [FCT_DROP] = "discard",
    [FCT_REFUSE] = "reject",
};

const char *action_name(enum fct_action action)
{
    return (unsigned)action < FCT_COUNT(action_names) ? action_names[action] : "unknown";
}

bool action_parse(struct fct_str word, enum fct_action *out)
{
    for (size_t i = 0; i < FCT_COUNT(action_names); i++)
        if (str_equal(word, str_from(action_names[i]))) {
            *out = (enum fct_action)i;
            return true;
        }
    return false;
}

/* ---- force ---- */

/* The highest rank wins, ties go to the stricter: the order of calls changes nothing. */
bool force_is_stronger(const struct call_force *a, enum fct_action action, uint32_t rank)
{
    return !a->any || rank > a->rank || (rank == a->rank && action > a->action);
}

bool judge_force(struct fct_call *call, enum fct_action action, uint32_t rank, struct fct_str why)
{
    struct transaction *tx = call->tx;

    if (!call->live || !tx->message || (unsigned)action > FCT_REFUSE || rank > FORCE_RANK_MAX ||
        (call->hook != FCT_HOOK_headers && call->hook != FCT_HOOK_scan &&
         call->hook != FCT_HOOK_verdict))
        return false;
    call_note(call, NOTE_FORCE, action_name(action),
              arena_printf(tx->arena, "rank %u: %.*s", rank, FCT_FMT(str_head(why, 180))), 0);
    if (!call->shadow && force_is_stronger(&tx->forced, action, rank))
        tx->forced = (struct call_force){true, action, rank, str_from(call->row->label),
                                         arena_str(tx->arena, why)};
    return true;
}

/* ---- composites ---- */

bool judge_add_composite(struct fct_self *self, const struct fct_composite *composite,
                         struct fct_err *err)
{
    struct plugin_symbol *symbol;

    if (composite->size < sizeof *composite)
        return fct_fail(err, FCT_BUG, "add_composite: struct fct_composite without its size");
    if (!composite->expression)
        return fct_fail(err, FCT_DENIED, "composite %s has no expression",
                        composite->symbol.name ? composite->symbol.name : "");
    if (!plugin_host.add_symbol(self, &composite->symbol, err))
        return false;
    symbol = self->symbol;
    while (symbol->next)
        symbol = symbol->next;
    symbol->expression = composite->expression;
    symbol->consume = composite->consume;
    return true;
}

/* ---- settings ---- */

struct fct_str setting_value(struct fct_list setting, struct fct_str name)
{
    for (size_t i = 0; i < setting.n; i++) {
        struct fct_str rest = setting.item[i], key = str_split(&rest, '=');

        if (rest.p && str_equal(key, name))
            return rest;
    }
    return (struct fct_str){"", 0};
}

struct fct_str judge_setting(struct fct_call *call, const char *name)
{
    if (!call->live || !call->recipient || !name)
        return (struct fct_str){"", 0};
    return setting_value(call->recipient->setting, str_from(name));
}
