/* fuzz_filter_request.c - what a filter process reads from a client; the first byte chooses hook or
 * message. */
#include "core/hook/filter_codec.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read everything that was accepted: a view out of bounds shows. */
static size_t touch(struct fct_str s)
{
    size_t sum = 0;

    for (size_t i = 0; i < s.n; i++)
        sum += (unsigned char)s.p[i];
    return sum;
}

static size_t touch_recipient(const struct filter_recipient *r)
{
    size_t sum = touch(r->account) + touch(r->detail) + touch(r->profile);

    for (size_t i = 0; i < r->setting.n; i++)
        sum += touch(r->setting.item[i]);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(NULL);
    struct filter_hook_request hook;
    struct filter_message_request message;
    struct fct_err err = {0};
    size_t sum = 0;
    struct fct_str bytes = {(const char *)data + (size > 0), size > 0 ? size - 1 : 0};

    if (size > 0 && data[0] == 0 && filter_hook_decode(arena, bytes, &hook, &err)) {
        FCT_CLEANUP(buf_free) struct buf again = BUF_INIT(1u << 24);

        sum += touch(hook.context.carried) + touch(hook.context.conn.auth_mechanism);
        sum += touch(hook.context.conn.id) + touch(hook.context.envelope.reverse_path);
        filter_hook_encode(&hook.context, hook.hook, &hook.event, hook.size, &again);
        if (again.n != bytes.n)
            abort(); /* one value, one encoding */
    } else if (size > 0 && data[0] != 0 && filter_message_decode(arena, bytes, &message, &err)) {
        for (size_t i = 0; i < message.recipients; i++)
            sum += touch_recipient(&message.recipient[i]);
    }
    arena_free(&arena);
    return sum == SIZE_MAX; /* used: the reads above may not be left out */
}
