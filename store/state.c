/* state.c - bytes under a name, for store_state.h: partition PART_STATE, key `s` name NUL piece. */
#include "core/base/str.h"
#include "store/client.h"
#include "store/store_state.h"

#define VERSION   1
#define VALUE_MAX (2u << 20)

static struct key key_for(struct fct_str name, uint32_t piece)
{
    struct key k = key_of('s');

    memcpy(k.p + 1, name.p, name.n);
    k.n += name.n;
    k.p[k.n++] = '\0';
    key_u32(&k, piece);
    return k;
}

static bool is_name(struct request *rq, struct fct_str name)
{
    return (name.n > 0 && name.n <= STATE_NAME_MAX && !memchr(name.p, 0, name.n)) ||
           fct_fail(rq->err, FCT_SYNTAX, "no name of a state");
}

/* One piece; with the last one those behind it go. */
bool serve_state_save(struct request *rq)
{
    FCT_CLEANUP(buf_free) struct buf value = BUF_INIT(VALUE_MAX);
    struct fct_str name = ipc_get_str(&rq->in), bytes;
    uint32_t piece = ipc_get_u32(&rq->in);
    bool last = ipc_get_bool(&rq->in);
    struct batch b;

    bytes = ipc_get_str(&rq->in);
    if (!request_read_all(rq) || !is_name(rq, name))
        return false;
    record_begin(&value, VERSION);
    pack_str(&value, bytes);
    record_end(&value);
    if (value.overflow)
        return fct_fail(rq->err, FCT_LIMIT, "a piece of a state is too large");
    batch_init(&b);
    batch_part(&b, PART_STATE);
    if (bytes.n > 0)
        batch_put(&b, key_for(name, piece), buf_str(&value));
    if (last)
        batch_del_range(&b, key_for(name, piece + (bytes.n > 0)), key_for(name, UINT32_MAX));
    return commit_wait(rq->s->commit, commit_submit(rq->s->commit, &b, NULL, 0), rq->err);
}

bool serve_state_load(struct request *rq)
{
    FCT_CLEANUP(buf_free) struct buf value = BUF_INIT(VALUE_MAX);
    struct fct_str name = ipc_get_str(&rq->in), bytes = FCT_STR("");
    uint32_t piece = ipc_get_u32(&rq->in);
    struct unpack u;
    struct key key;
    bool found;

    if (!request_read_all(rq) || !is_name(rq, name))
        return false;
    key = key_for(name, piece);
    if (!rq->s->driver->ops->get(rq->s->driver, NULL, PART_STATE, key_str(&key), &value, &found,
                                 rq->err))
        return false;
    if (found && record_open(buf_str(&value), VERSION, &u))
        bytes = unpack_str(&u);
    ipc_put_str(&rq->out, bytes);
    return true;
}
