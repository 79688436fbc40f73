/* hook_edit.c - edit logs → edit list. */
#include "core/hook/hook_edit.h"

#include "core/log/log.h"

void hook_edit_build(struct transaction *tx, const struct edit_log *own, struct edit_list *out)
{
    size_t nown = own ? own->n : 0, n = tx->edits.n + nown, nlost = 0;
    struct edit *all;
    struct fct_err err = {0};

    *out = (struct edit_list){0};
    if (n == 0)
        return;
    all = ARENA_ARRAY(tx->arena, struct edit, n);
    if (tx->edits.n > 0)
        memcpy(all, tx->edits.edit, sizeof *all * tx->edits.n);
    if (nown > 0)
        memcpy(all + tx->edits.n, own->edit, sizeof *all * nown);
    if (!edit_list_build(tx->arena, all, n, tx->message->bytes.n, out, NULL, &nlost, &err)) {
        log_event(EV_BUG, tx->id, F_C("what", "edits"),
                  F_STR("why", ((struct fct_str){err.text, strlen(err.text)})));
        *out = (struct edit_list){0};
    } else if (nlost > 0) {
        log_event(EV_BUG, tx->id, F_C("what", "edits overlap"), F_U64("lost", nlost));
    }
}
