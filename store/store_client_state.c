/* store_client_state.c - see store_state.h. Larger things go in pieces. */
#include "store/store_state.h"

#include "core/base/str.h"
#include "store/store_call.h"

#define PIECE (1u << 20)

static FCT_MAY_WAIT bool save_piece(struct store *st, struct fct_str name, uint32_t piece,
                                    struct fct_str bytes, bool last, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_STATE_SAVE, err);

    ipc_put_str(&c.out, name);
    ipc_put_u32(&c.out, piece);
    ipc_put_bool(&c.out, last);
    ipc_put_str(&c.out, bytes);
    store_call_send(&c);
    return store_call_end(&c);
}

bool store_state_save(struct store *st, struct fct_str name, struct fct_str bytes,
                      struct fct_err *err)
{
    uint32_t piece = 0;

    if (bytes.n > STATE_BYTES_MAX)
        return fct_fail(err, FCT_LIMIT, "a state may have %u bytes", STATE_BYTES_MAX);
    do {
        struct fct_str one = str_head(bytes, PIECE);

        bytes = str_skip(bytes, one.n);
        if (!save_piece(st, name, piece++, one, bytes.n == 0, err))
            return false;
    } while (bytes.n > 0);
    return true;
}

bool store_state_load(struct store *st, struct fct_str name, struct buf *out, struct fct_err *err)
{
    for (uint32_t piece = 0;; piece++) {
        struct store_call c = store_call_begin(st, STORE_STATE_LOAD, err);
        size_t n = 0;

        ipc_put_str(&c.out, name);
        ipc_put_u32(&c.out, piece);
        if (store_call_send(&c)) {
            struct fct_str bytes = ipc_get_str(&c.reply);

            n = bytes.n;
            buf_put_str(out, bytes);
        }
        if (!store_call_end(&c))
            return false;
        if (n < PIECE)
            return true;
    }
}
