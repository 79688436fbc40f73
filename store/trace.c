/* trace.c - from the id of a log line to the stored copies of that message: ledger, edits, delivery
 * facts. */
#include "store/client.h"
#include "store/mailbox_index.h"
#include "store/message.h"
#include "store/places.h"

#include "core/base/str.h"

#include <stdlib.h>

#define COPIES_MAX 1000
#define VALUE_MAX  (8u << 20)

struct copy {
    uint64_t account, email;
};

struct copies {
    struct arena *arena;
    struct copy *copy;
    size_t n, room, head;
};

static bool found_copy(void *arg, struct fct_str key, struct fct_str value)
{
    struct copies *c = arg;

    (void)value;
    if (key.n != c->head + 16 || c->n == COPIES_MAX)
        return c->n < COPIES_MAX;
    if (c->n == c->room) {
        size_t room = c->room ? 2 * c->room : 8;

        c->copy = arena_grow(c->arena, c->copy, c->room * sizeof *c->copy, room * sizeof *c->copy);
        c->room = room;
    }
    c->copy[c->n++] = (struct copy){key_get_u64(key.p + c->head), key_get_u64(key.p + c->head + 8)};
    return true;
}

static void put_copy(struct buf *out, struct request *rq, const struct account *a, struct place p,
                     const struct mail_view *view, uint64_t email, uint64_t size)
{
    const struct mailbox *m = p.mailbox ? account_mailbox(a, p.mailbox) : NULL;

    ipc_put_str(out, str_from(a->name));
    ipc_put_str(out, m ? mailbox_path(a, m, rq->arena) : FCT_STR(""));
    ipc_put_u32(out, m ? p.uid : 0);
    ipc_put_u64(out, (uint64_t)view->received);
    ipc_put_str(out, view->reverse_path);
    ipc_put_str(out, view->ledger);
    ipc_put_str(out, view->edits);
    ipc_put_u64(out, size);
    ipc_put_u64(out, view->size);
    ipc_put_u64(out, a->id);
    ipc_put_u64(out, email);
    ipc_put_bool(out, view->shown_anew);
}

/* A copy that is gone meanwhile is left out. */
static bool trace_copy(struct request *rq, const struct copy *c, struct buf *out, uint32_t *n)
{
    struct buf cold = BUF_INIT(VALUE_MAX), warm = BUF_INIT(VALUE_MAX);
    struct mail_record record;
    struct mail_view view;
    struct fct_err ignored;
    struct account *a;
    struct place p;
    bool there = false, viewed = false;
    bool ok =
        mail_record_get(rq->s->driver, NULL, c->account, c->email, &cold, &record, &there,
                        rq->err) &&
        mail_view_get(rq->s->driver, NULL, c->account, c->email, &warm, &view, &viewed, rq->err);

    if (ok && there && viewed && account_find(rq->s, c->account, &a, &ignored)) {
        ok = mail_place_now(rq->s->driver, c->account, c->email, &record, 0, &p, rq->err);
        if (ok) {
            put_copy(out, rq, a, p, &view, c->email, record.size);
            ++*n;
        }
    }
    buf_free(&cold);
    buf_free(&warm);
    return ok;
}

bool serve_trace(struct request *rq)
{
    struct fct_str id = ipc_get_str(&rq->in);
    struct key from = trace_key(id, 0, 0), to = key_after(&from);
    struct copies c = {.arena = rq->arena, .head = from.n};
    struct buf out = BUF_INIT(IPC_MAX_MESSAGE - 8192);
    uint32_t n = 0;
    bool ok;

    if (!request_read_all(rq))
        return false;
    ok = rq->s->driver->ops->scan(rq->s->driver, NULL, PART_DIRECTORY, key_str(&from), key_str(&to),
                                  found_copy, &c, rq->err);
    for (size_t i = 0; ok && i < c.n; i++)
        ok = trace_copy(rq, &c.copy[i], &out, &n);
    ipc_put_u32(&rq->out, n);
    buf_put_str(&rq->out, buf_str(&out));
    rq->out.overflow |= out.overflow;
    buf_free(&out);
    return ok;
}
