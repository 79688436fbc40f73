/* fuzz_delivery_status.c - a report of somebody else read; what was read is written and read again:
 * the same recipients. */
#include "core/base/str.h"
#include "core/message/delivery_status.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(struct arena *arena, const struct delivery_status *status)
{
    struct buf out = BUF_INIT(64u << 20);
    struct delivery_status again;
    struct fct_err err = {0};

    if (!delivery_status_write(status, true, &out) ||
        !delivery_status_parse(arena, buf_str(&out), &again, &err) ||
        again.recipients > status->recipients)
        abort();
    buf_free(&out);
}

/* An address of nothing but white space is written as none. */
static bool has_addresses(const struct delivery_status *status)
{
    for (size_t i = 0; i < status->recipients; i++)
        if (str_trim(status->recipient[i].final).n == 0 || status->recipient[i].final.p[0] == '<')
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str in = {(const char *)data, size};
    struct arena *arena = arena_new(NULL);
    struct delivery_notice notice;
    struct fct_err err = {0};
    struct fct_str text;

    if (delivery_notice_parse(arena, in, FCT_STR(""), &notice, &err) &&
        has_addresses(&notice.status))
        write_again(arena, &notice.status);
    if (delivery_status_parse(arena, in, &notice.status, &err) && has_addresses(&notice.status))
        write_again(arena, &notice.status);
    (void)(xtext_decode(arena, in, &text) && text.n > size);
    arena_free(&arena);
    return 0;
}
