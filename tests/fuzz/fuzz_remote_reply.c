/* fuzz_remote_reply.c - any bytes as the answers of a foreign server, also to EHLO: bounded, and
 * what is kept is fit for a log. */
#include "core/base/str.h"
#include "protocols/relay/remote_extensions.h"
#include "protocols/relay/remote_reply.h"

#include <stdlib.h>

static void check(const struct remote_reply *reply)
{
    if (reply->n > REPLY_TEXT_MAX || reply->lines > REPLY_LINES_MAX + 1 || reply->code > 599 ||
        strlen(reply->status) >= sizeof reply->status)
        abort();
    for (size_t i = 0; i < reply->n; i++)
        if ((unsigned char)reply->text[i] < 0x20 || reply->text[i] == 0x7f)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str rest = {(const char *)data, size};
    struct remote_extensions ext = {0};
    struct remote_reply reply = {0};

    while (rest.n > 0) {
        ptrdiff_t lf = str_find_char(rest, '\n');
        size_t n = lf >= 0 ? (size_t)lf + 1 : rest.n;
        struct fct_err err = {0};
        struct fct_str words;
        enum reply_state state = reply_line(&reply, str_head(rest, n), &words, &err);

        rest = str_skip(rest, n);
        check(&reply);
        if (state == REPLY_BAD && err.class != FCT_TEMP)
            abort();
        remote_extension_line(&ext, words);
        if (state != REPLY_MORE)
            reply = (struct remote_reply){0};
    }
    return 0;
}
