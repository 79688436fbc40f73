/* store_client_show.c - asking the store what a message is made of, and to show it otherwise. */
#include "core/message/privacy_note.h"
#include "store/store_call.h"

static FCT_MAY_WAIT bool take_source(struct store_call *c, struct arena *arena,
                                     struct store_source *out)
{
    *out = (struct store_source){.fd = -1};
    if (store_call_send(c)) {
        out->size = ipc_get_u64(&c->reply);
        out->edits = store_call_copy(c, arena);
        out->shown_anew = ipc_get_bool(&c->reply);
        out->aside = store_call_copy(c, arena);
        if (!ipc_reader_ok(&c->reply) || c->fd < 0) {
            c->ok = fct_fail(c->err, FCT_BUG, "the store's answer is malformed");
        } else {
            out->fd = c->fd;
            c->fd = -1; /* the caller's */
        }
    }
    return store_call_end(c);
}

bool store_source(struct store *st, uint32_t principal, uint64_t email_id, struct arena *arena,
                  struct store_source *out, struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_VIEW, principal, err);

    ipc_put_u64(&c.out, email_id);
    return take_source(&c, arena, out);
}

bool store_source_of(struct store *st, uint64_t account_id, uint64_t email_id, struct arena *arena,
                     struct store_source *out, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_VIEW_OF, err);

    ipc_put_u64(&c.out, account_id);
    ipc_put_u64(&c.out, email_id);
    return take_source(&c, arena, out);
}

static void put_show(struct buf *out, const struct store_show *show, size_t n,
                     struct fct_str target, bool move)
{
    ipc_put_str(out, target);
    ipc_put_str(out, FCT_STR(PRIVACY_KEYWORD));
    ipc_put_bool(out, move);
    ipc_put_u32(out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        ipc_put_u32(out, show[i].uid);
        ipc_put_u32(out, show[i].view_size);
        ipc_put_bool(out, show[i].cleaned);
        ipc_put_str(out, show[i].edits);
        ipc_put_str(out, show[i].summary);
    }
}

static const uint32_t *take_numbers(struct store_call *c, struct arena *arena, size_t *n)
{
    const uint32_t *in = store_get_numbers(&c->reply, arena, n);

    return in;
}

static FCT_MAY_WAIT bool take_copied(struct store_call *c, struct arena *arena,
                                     struct store_copied *out)
{
    size_t n = 0;

    *out = (struct store_copied){0};
    if (store_call_send(c)) {
        out->uid_validity = ipc_get_u32(&c->reply);
        out->source = take_numbers(c, arena, &out->n);
        out->target = take_numbers(c, arena, &n);
        if (n != out->n)
            c->reply.bad = true;
    }
    return store_call_end(c);
}

bool store_show(struct store *st, uint32_t principal, uint64_t mailbox,
                const struct store_show *show, size_t n, struct fct_str target, bool move,
                struct arena *arena, struct store_copied *out, struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_SHOW, principal, err);

    ipc_put_u64(&c.out, mailbox);
    put_show(&c.out, show, n, target, move);
    return take_copied(&c, arena, out);
}

bool store_show_of(struct store *st, uint64_t account_id, struct fct_str mailbox,
                   const struct store_show *show, size_t n, struct arena *arena,
                   struct store_copied *out, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_SHOW_OF, err);

    ipc_put_u64(&c.out, account_id);
    ipc_put_str(&c.out, mailbox);
    put_show(&c.out, show, n, mailbox, true);
    return take_copied(&c, arena, out);
}
