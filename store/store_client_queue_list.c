/* store_client_queue_list.c - what is in the queue, page by page. */
#include "core/base/clock.h"
#include "store/queue_codec.h"
#include "store/store_call.h"

static void put_question(struct buf *out, const struct queue_filter *filter, uint64_t after)
{
    queue_put_filter(out, filter);
    ipc_put_u64(out, after);
}

#define ROW_MIN 60u /* bytes */

static struct queue_row *get_rows(struct ipc_reader *r, struct arena *arena, size_t *n)
{
    struct queue_row *row;

    *n = ipc_get_count(r, ROW_MIN);
    row = ARENA_ARRAY(arena, struct queue_row, *n + 1);
    for (size_t i = 0; i < *n; i++) {
        uint8_t state;

        queue_get_entry(r, arena, &row[i].entry);
        state = ipc_get_u8(r);
        row[i].due = (int64_t)ipc_get_u64(r);
        row[i].state = state <= QUEUE_STATE_HELD ? (enum queue_state)state : QUEUE_STATE_HELD;
    }
    return row;
}

bool store_queue_list(struct store *st, const struct queue_filter *filter, uint64_t *after,
                      struct arena *arena, const struct queue_row **out, size_t *n, bool *done,
                      struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_QUEUE_LIST, err);

    *n = 0;
    *out = NULL;
    put_question(&c.out, filter, *after);
    if (store_call_send(&c)) {
        *after = ipc_get_u64(&c.reply);
        *done = ipc_get_bool(&c.reply);
        *out = get_rows(&c.reply, arena, n);
        store_keep_reply(&c.in, arena);
    }
    return store_call_end(&c);
}

/* ---- all pages ---- */

void store_queue_pages_start(struct queue_pages *p, struct store *st,
                             const struct queue_filter *filter)
{
    *p = (struct queue_pages){.st = st, .filter = *filter};
}

static bool ask(struct queue_pages *p, struct fct_err *err)
{
    struct buf out = BUF_INIT(IPC_MAX_MESSAGE);

    if (!p->st->conn)
        return fct_fail(err, FCT_TEMP, "the store is away");
    put_question(&out, &p->filter, p->after);
    p->pending = ipc_start(p->st->conn,
                           &(struct ipc_out){.kind = STORE_QUEUE_LIST, .payload = buf_str(&out)});
    p->asked = true;
    buf_free(&out);
    return true;
}

FCT_MAY_WAIT static bool collect(struct queue_pages *p, struct arena *arena, struct ipc_reader *in,
                                 struct fct_err *err)
{
    struct buf reply = BUF_INIT(IPC_MAX_MESSAGE);
    bool ok = ipc_collect(p->pending, clock_ms() + STORE_CALL_MS, &reply, NULL, NULL, err);

    p->asked = false;
    *in = ipc_reader(buf_str(&reply));
    store_keep_reply(&reply, arena);
    return ok;
}

bool store_queue_pages_next(struct queue_pages *p, struct arena *arena,
                            const struct queue_row **row, size_t *n, struct fct_err *err)
{
    struct ipc_reader in;

    *n = 0;
    *row = NULL;
    if (p->done)
        return true;
    if ((!p->asked && !ask(p, err)) || !collect(p, arena, &in, err))
        return false;
    p->after = ipc_get_u64(&in);
    p->done = ipc_get_bool(&in);
    if (!in.bad && !p->done) {
        if (!ask(p, err))
            return false;
        (void)fiber_sleep(0); /* it leaves now */
    }
    *row = get_rows(&in, arena, n);
    return ipc_reader_ok(&in) || fct_fail(err, FCT_BUG, "the store's answer is malformed");
}

void store_queue_pages_end(struct queue_pages *p)
{
    if (p->asked)
        ipc_drop(p->pending);
    p->asked = false;
}
