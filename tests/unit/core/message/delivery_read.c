/* delivery_read.c - reads a report that another server made, from standard input, which
 * came from the null reverse-path, for tests/interop/test_relay_mtas.py: a line for each recipient,
 * then the Message-ID of what the report is about. */
#include "core/base/str.h"
#include "core/message/delivery_status.h"

#include <stdio.h>

int main(void)
{
    static char message[8u << 20];
    struct fct_str in = {message, fread(message, 1, sizeof message, stdin)};
    struct arena *arena = arena_new(NULL);
    struct delivery_notice notice;
    struct fct_err err = {0};

    if (!delivery_notice_parse(arena, in, FCT_STR(""), &notice, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    for (size_t i = 0; i < notice.status.recipients; i++) {
        const struct delivery_recipient *r = &notice.status.recipient[i];
        printf("%s %.*s %.*s\n", delivery_action_word(r->action), FCT_FMT(r->status),
               FCT_FMT(r->final));
    }
    printf("%.*s\n", FCT_FMT(notice.original_message_id));
    arena_free(&arena);
    return 0;
}
