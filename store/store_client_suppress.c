/* store_client_suppress.c - see store_suppress.h. */
#include "store/store_suppress.h"

#include "store/store_call.h"

bool store_suppress(struct store *st, const struct suppressed *one, size_t n, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_SUPPRESS, err);

    ipc_put_u32(&c.out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        ipc_put_str(&c.out, one[i].address);
        ipc_put_u64(&c.out, (uint64_t)one[i].until);
        ipc_put_str(&c.out, one[i].reason);
    }
    store_call_send(&c);
    return store_call_end(&c);
}

bool store_unsuppress(struct store *st, struct fct_str address, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_UNSUPPRESS, err);

    ipc_put_str(&c.out, address);
    store_call_send(&c);
    return store_call_end(&c);
}

bool store_suppressions(struct store *st, struct fct_str *after, struct arena *arena,
                        const struct suppressed **out, size_t *n, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_SUPPRESSIONS, err);
    struct suppressed *list;

    *n = 0;
    *out = NULL;
    ipc_put_str(&c.out, *after);
    if (store_call_send(&c)) {
        *n = ipc_get_count(&c.reply, 24);
        *out = list = ARENA_ARRAY(arena, struct suppressed, *n + 1);
        for (size_t i = 0; i < *n; i++) {
            list[i].address = store_call_copy(&c, arena);
            list[i].since = (int64_t)ipc_get_u64(&c.reply);
            list[i].until = (int64_t)ipc_get_u64(&c.reply);
            list[i].reason = store_call_copy(&c, arena);
        }
        if (*n > 0)
            *after = list[*n - 1].address;
    }
    return store_call_end(&c);
}
