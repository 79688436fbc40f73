/* fuzz_header.c - any bytes as a header; a field that may be added is found again with its value.
 */
#include "core/base/err.h"
#include "core/message/rfc5322.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(struct arena *arena, struct fct_str message)
{
    static const struct header_limits limits = {100, 4096};
    struct header_list list;

    header_list_parse(arena, message, &limits, &list);
    FCT_ASSERT(list.end <= message.n && list.n <= limits.max_fields);
    for (size_t i = 0; i < list.n; i++) {
        const struct fct_header *h = &list.field[i];

        FCT_ASSERT(h->raw.p == message.p + h->offset && h->offset + h->raw.n <= list.end);
        FCT_ASSERT(h->value.p >= h->raw.p && h->value.p + h->value.n <= h->raw.p + h->raw.n);
        (void)header_unfold(arena, h);
        (void)header_text(arena, h);
    }
}

static void check_added(struct arena *arena, struct fct_str value)
{
    static const struct header_limits limits = {100, 1 << 20};
    struct buf out = BUF_INIT(2 * value.n + 64);
    struct header_list list;
    struct fct_err err;

    if (header_field_format(FCT_STR("X-Test"), value, &out, &err)) {
        header_list_parse(arena, buf_str(&out), &limits, &list);
        FCT_ASSERT(list.n == 1 && list.field[0].raw.n == out.n && !list.has_separator);
    }
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str bytes = {(const char *)data, size};
    struct arena *arena = arena_new(NULL);

    check_list(arena, bytes);
    check_added(arena, bytes);
    arena_free(&arena);
    return 0;
}
