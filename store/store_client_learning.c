/* store_client_learning.c - telling the store what people say about messages, and asking it whom
 * learners have to hear of. */
#include "store/store_call.h"

#include "core/base/clock.h"

bool store_learn_say(struct store *st, uint32_t principal, const struct store_say *say,
                     struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_LEARN_SAY, principal, err);

    ipc_put_u8(&c.out, (uint8_t)say->why);
    ipc_put_bool(&c.out, say->spam);
    ipc_put_u64(&c.out, say->from);
    ipc_put_str(&c.out, say->to);
    ipc_put_u64(&c.out, say->delay_ms);
    ipc_put_u32(&c.out, (uint32_t)say->n);
    for (size_t i = 0; i < say->n; i++)
        ipc_put_u64(&c.out, say->email[i]);
    (void)store_call_send(&c);
    return store_call_end(&c);
}

static void get_word(struct store_call *c, struct arena *arena, struct store_word *out)
{
    out->account_id = ipc_get_u64(&c->reply);
    out->email_id = ipc_get_u64(&c->reply);
    out->stamp = ipc_get_u64(&c->reply);
    out->account = store_call_copy(c, arena);
    out->spam = ipc_get_bool(&c->reply);
    out->why = (enum store_said)ipc_get_u8(&c->reply);
    out->mailbox = store_call_copy(c, arena);
    out->uid = ipc_get_u32(&c->reply);
    out->size = ipc_get_u64(&c->reply);
    if (!ipc_reader_ok(&c->reply) || c->fd < 0) {
        c->ok = fct_fail(c->err, FCT_BUG, "the store's answer is malformed");
        return;
    }
    out->fd = c->fd;
    c->fd = -1; /* the caller's */
}

bool store_learn_next(struct store *st, struct arena *arena, struct store_word *out,
                      struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_LEARN_NEXT, err);

    *out = (struct store_word){.fd = -1, .wait_ms = CLOCK_NEVER};
    if (store_call_send(&c)) {
        out->any = ipc_get_bool(&c.reply);
        if (out->any)
            get_word(&c, arena, out);
        else
            out->wait_ms = ipc_get_u64(&c.reply);
    }
    return store_call_end(&c);
}

bool store_learn_end(struct store *st, const struct store_word *word, bool told, uint64_t retry_ms,
                     struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_LEARN_END, err);

    ipc_put_u64(&c.out, word->account_id);
    ipc_put_u64(&c.out, word->email_id);
    ipc_put_u64(&c.out, word->stamp);
    ipc_put_bool(&c.out, told);
    ipc_put_u64(&c.out, retry_ms);
    (void)store_call_send(&c);
    return store_call_end(&c);
}
