/* fuzz_queue_later.c - what waits in the queue for people here, as any bytes: read or refused, with
 * recipients that the entry has; what was read is written and reads the same. */
#include "core/base/str.h"
#include "store/queue_later.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct queue_later_copy *a, const struct queue_later_copy *b)
{
    bool ok = a->recipient == b->recipient && a->account == b->account && a->flags == b->flags &&
              a->view_size == b->view_size && a->nkeywords == b->nkeywords &&
              str_equal(a->mailbox, b->mailbox) && str_equal(a->edits, b->edits) &&
              str_equal(a->summary, b->summary) && str_equal(a->ledger, b->ledger) &&
              str_equal(a->to, b->to);

    for (size_t i = 0; ok && i < a->nkeywords; i++)
        ok = str_equal(a->keyword[i], b->keyword[i]);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(64u << 20);
    struct queue_later later, again;
    struct arena *arena;
    size_t recipients;

    if (size == 0)
        return 0;
    arena = arena_new(NULL);
    recipients = data[0];
    if (queue_later_decode((struct fct_str){(const char *)data + 1, size - 1}, recipients, arena,
                           &later)) {
        queue_later_encode(&later, &out);
        if (out.overflow || !queue_later_decode(buf_str(&out), recipients, arena, &again) ||
            again.n != later.n || again.role != later.role ||
            !str_equal(again.reverse_path, later.reverse_path))
            abort();
        for (size_t i = 0; i < later.n; i++)
            if (later.copy[i].recipient >= recipients || !same(&later.copy[i], &again.copy[i]))
                abort();
    }
    arena_free(&arena);
    return 0;
}
