/* plugin_current.c - the message as the edits so far make it. */
#include "core/plugin/plugin_host.h"

/* The common edits, then this recipient's own. */
struct fct_str message_current(struct fct_call *call)
{
    struct transaction *tx = call->tx;
    const struct edit_log *own = call->recipient ? &call->recipient->edits : NULL;
    struct edit_list list;
    struct fct_str original;
    struct buf out;

    if (!call->live || !tx->message)
        return (struct fct_str){"", 0};
    original = tx->message->bytes;
    edit_log_build(tx, (const struct edit_log *const[]){&tx->edits, own}, 2, &list);
    if (list.n == 0)
        return original;
    out = BUF_INIT(edit_list_size(&list, original.n));
    if (edit_list_apply(&list, original, 0, out.max, &out))
        original = arena_str(tx->arena, buf_str(&out));
    buf_free(&out);
    return original;
}
