/* hook_edit.c - edit logs → edit lists, one for all recipients that share their edits. */
#include "core/hook/hook_edit.h"

#include "core/ipc/ipc.h"

#define REMEMBERED 32 /* distinct lists that are looked through for a recipient */

void hook_edits_start(struct hook_edits *edits, struct transaction *tx)
{
    *edits = (struct hook_edits){.tx = tx};
}

static bool is_empty(const struct edit_log *log)
{
    return !log || log->n == 0;
}

static bool same_log(const struct edit_log *a, const struct edit_log *b)
{
    return a == b || (is_empty(a) && is_empty(b)) ||
           (!is_empty(a) && !is_empty(b) && edit_log_equals(a, b));
}

bool hook_edits_are_too_many(const struct hook_edits *edits)
{
    return edits->bytes > IPC_MAX_MESSAGE;
}

static void build(struct hook_edits *edits, struct hook_edit *e)
{
    edit_log_build(edits->tx,
                   (const struct edit_log *const[]){&edits->tx->edits, e->profile, e->own}, 3,
                   &e->list);
    for (size_t i = 0; i < e->list.n; i++)
        edits->bytes += e->list.edit[i].insert.n;
}

struct edit_list hook_edits_build(struct hook_edits *edits, const struct edit_log *profile,
                                  const struct edit_log *own)
{
    struct hook_edit *e;

    for (e = edits->first; e; e = e->next)
        if (same_log(e->profile, profile) && same_log(e->own, own))
            return e->list;
    e = ARENA_NEW(edits->tx->arena, struct hook_edit);
    *e = (struct hook_edit){.profile = profile, .own = own, .next = edits->first};
    if (!hook_edits_are_too_many(edits))
        build(edits, e);
    if (edits->n++ < REMEMBERED)
        edits->first = e;
    return e->list;
}
