/* store_client_history.c - asking the store for originals, and for what was delivered. */
#include "store/store_call.h"

static FCT_MAY_WAIT bool take_original(struct store_call *c, int *fd, uint64_t *size)
{
    *fd = -1;
    *size = 0;
    if (store_call_send(c)) {
        *size = ipc_get_u64(&c->reply);
        if (!ipc_reader_ok(&c->reply) || c->fd < 0)
            c->ok = fct_fail(c->err, FCT_BUG, "the store's answer is malformed");
        else
            *fd = c->fd;
        if (c->ok)
            c->fd = -1; /* the caller's */
    }
    return store_call_end(c);
}

bool store_original(struct store *st, uint32_t principal, uint64_t email_id, int *fd,
                    uint64_t *size, struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_ORIGINAL, principal, err);

    ipc_put_u64(&c.out, email_id);
    return take_original(&c, fd, size);
}

bool store_original_of(struct store *st, uint64_t account_id, uint64_t email_id, int *fd,
                       uint64_t *size, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_ORIGINAL_OF, err);

    ipc_put_u64(&c.out, account_id);
    ipc_put_u64(&c.out, email_id);
    return take_original(&c, fd, size);
}

static void get_item(struct store_call *c, struct arena *arena, struct store_history_item *i)
{
    i->account_id = ipc_get_u64(&c->reply);
    i->email_id = ipc_get_u64(&c->reply);
    i->account = store_call_copy(c, arena);
    i->mailbox = store_call_copy(c, arena);
    i->uid = ipc_get_u32(&c->reply);
    i->received = (int64_t)ipc_get_u64(&c->reply);
    i->size = ipc_get_u64(&c->reply);
    i->log_id = store_call_copy(c, arena);
    i->reverse_path = store_call_copy(c, arena);
    i->recipient = store_call_copy(c, arena);
    i->client_ip = store_call_copy(c, arena);
    i->helo = store_call_copy(c, arena);
    i->login = store_call_copy(c, arena);
    i->role = ipc_get_u32(&c->reply);
    i->ledger = store_call_copy(c, arena);
}

bool store_history(struct store *st, int64_t since, struct store_history_place *at,
                   struct arena *arena, const struct store_history_item **out, size_t *n,
                   struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_HISTORY, err);
    struct store_history_item *item = NULL;
    size_t room = 0;

    *n = 0;
    ipc_put_u64(&c.out, (uint64_t)since);
    ipc_put_u64(&c.out, at->account);
    ipc_put_u64(&c.out, at->email);
    if (store_call_send(&c)) {
        while (ipc_get_bool(&c.reply) && !c.reply.bad) {
            if (*n == room)
                item = arena_grow(arena, item, room * sizeof *item, (room + 64) * sizeof *item);
            room += *n == room ? 64 : 0;
            get_item(&c, arena, &item[(*n)++]);
        }
        at->account = ipc_get_u64(&c.reply);
        at->email = ipc_get_u64(&c.reply);
    }
    *out = item;
    return store_call_end(&c);
}
