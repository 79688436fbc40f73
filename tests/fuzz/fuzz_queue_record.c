/* fuzz_queue_record.c - stored queue entries and the folding of their states: any bytes are read or
 * refused; what is read and written again reads the same. */
#include "core/base/arena.h"
#include "core/base/str.h"
#include "store/queue_later.h"
#include "store/queue_record.h"

#include <stdlib.h>

/* Damage that has the right checksum: only the body of a record is the fuzzer's. */
static struct fct_str framed(uint8_t version, struct fct_str body, struct buf *out)
{
    buf_clear(out);
    record_begin(out, version);
    buf_put_str(out, body);
    record_end(out);
    return buf_str(out);
}

static void try_later(struct arena *arena, struct fct_str bytes, size_t recipients)
{
    struct buf once = BUF_INIT(16u << 20), twice = BUF_INIT(16u << 20);
    struct queue_later later;

    if (queue_later_decode(bytes, recipients, arena, &later) && bytes.n > 0) {
        queue_later_encode(&later, &once);
        if (!queue_later_decode(buf_str(&once), recipients, arena, &later))
            abort();
        queue_later_encode(&later, &twice);
        if (!str_equal(buf_str(&once), buf_str(&twice)))
            abort();
    }
    buf_free(&once);
    buf_free(&twice);
}

static void try_entry(struct arena *arena, struct fct_str value, struct fct_str state)
{
    struct buf again = BUF_INIT(16u << 20);
    struct queue_record r, r2;
    struct queue_progress progress;

    if (queue_record_decode(value, arena, &r)) {
        queue_record_encode(&r, &again);
        if (!queue_record_decode(buf_str(&again), arena, &r2) || r2.entry.n != r.entry.n ||
            r2.entry.arrived != r.entry.arrived || r2.entry.size != r.entry.size ||
            r2.later.n != r.later.n)
            abort();
        try_later(arena, r.later, r.entry.n);
        if (queue_state_apply(state, arena, &r, &progress) && !progress.done)
            abort();
    }
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t cut = size > 0 ? data[0] % size : 0;
    struct fct_str a = {(const char *)data, cut}, b = {(const char *)data + cut, size - cut};
    struct buf value = BUF_INIT(16u << 20), state = BUF_INIT(16u << 20), old = BUF_INIT(16u << 20);
    struct arena *arena = arena_new(NULL);

    try_entry(arena, (struct fct_str){(const char *)data, size}, b);
    /* The rest as changes, folded into what the first part says. */
    if (queue_state_fold(FCT_STR(""), &b, 1, &state)) {
        struct buf twice = BUF_INIT(16u << 20);

        if (!queue_state_fold(buf_str(&state), NULL, 0, &twice) || twice.n != state.n)
            abort();
        buf_free(&twice);
    } else {
        buf_clear(&state);
    }
    (void)queue_state_fold(framed(1, a, &old), &b, 1, &value);
    try_entry(arena, framed(1, a, &old), buf_str(&state));
    try_entry(arena, framed(2, a, &old), buf_str(&state));
    try_later(arena, b, cut);
    arena_free(&arena);
    buf_free(&value);
    buf_free(&state);
    buf_free(&old);
    return 0;
}
