/* store_client_privacy.c - asking what was taken out of an account's mail. */
#include "store/store_call.h"

static void get_names(struct store_call *c, struct arena *arena, struct tally_names *out)
{
    size_t n = ipc_get_count(&c->reply, 20);

    for (size_t i = 0; i < n && !c->reply.bad; i++) {
        struct tally_name one = {.name = ipc_get_str(&c->reply)};

        one.messages = ipc_get_u64(&c->reply);
        one.removed = ipc_get_u64(&c->reply);
        if (!c->reply.bad)
            tally_names_add(arena, out, &one, 0);
    }
}

bool store_privacy(struct store *st, uint64_t account_id, uint32_t first_day, uint32_t last_day,
                   struct arena *arena, struct privacy_tally *out, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_PRIVACY, err);

    *out = (struct privacy_tally){.arena = arena};
    ipc_put_u64(&c.out, account_id);
    ipc_put_u32(&c.out, first_day);
    ipc_put_u32(&c.out, last_day);
    if (store_call_send(&c)) {
        out->messages = ipc_get_u64(&c.reply);
        out->removed = ipc_get_u64(&c.reply);
        out->links = ipc_get_u64(&c.reply);
        get_names(&c, arena, &out->company);
        get_names(&c, arena, &out->sender);
    }
    return store_call_end(&c);
}

bool store_digest(struct store *st, struct fct_str address, bool *sent, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_DIGEST, err);

    *sent = false;
    ipc_put_str(&c.out, address);
    if (store_call_send(&c))
        *sent = ipc_get_bool(&c.reply);
    return store_call_end(&c);
}
