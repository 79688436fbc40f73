/* plugin_current.c - the message as the edits so far make it. */
#include "core/plugin/plugin_host.h"

#include "core/log/log.h"

/* The common edits, then this recipient's own. */
static bool edits_so_far(struct fct_call *call, struct edit_list *out)
{
    struct transaction *tx = call->tx;
    const struct edit_log *own = call->recipient ? &call->recipient->edits : NULL;
    size_t nown = own ? own->n : 0, n = tx->edits.n + nown, lost = 0;
    struct edit *all = ARENA_ARRAY(tx->arena, struct edit, n + 1);
    struct fct_err err = {0};

    if (tx->edits.n > 0)
        memcpy(all, tx->edits.edit, sizeof *all * tx->edits.n);
    if (nown > 0)
        memcpy(all + tx->edits.n, own->edit, sizeof *all * nown);
    if (edit_list_build(tx->arena, all, n, tx->message->bytes.n, out, NULL, &lost, &err))
        return true;
    log_event(EV_BUG, tx->id, F_C("what", "edits"), F_C("why", err.text));
    return false;
}

struct fct_str message_current(struct fct_call *call)
{
    struct transaction *tx = call->tx;
    struct fct_str original;
    struct edit_list list;
    struct buf out;

    if (!call->live || !tx->message)
        return (struct fct_str){"", 0};
    original = tx->message->bytes;
    if ((tx->edits.n == 0 && !(call->recipient && call->recipient->edits.n > 0)) ||
        !edits_so_far(call, &list))
        return original;
    out = BUF_INIT(edit_list_size(&list, original.n));
    if (edit_list_apply(&list, original, 0, out.max, &out))
        original = arena_str(tx->arena, buf_str(&out));
    buf_free(&out);
    return original;
}
