/* delivery_dump.c - writes a report for tests/interop/test_delivery_report.py: language, RET,
 * action and recipient are its arguments, the original message comes from standard input. */
#include "core/base/str.h"
#include "core/message/delivery_report.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    static char original[1u << 20];
    struct buf out = BUF_INIT(4u << 20);
    struct delivery_report_made made;
    struct delivery_recipient recipient = {
        .diagnostic = FCT_STR("550-5.1.1 <bob@example.net>: user unknown\n550 5.1.1 sorry"),
        .remote_mta = FCT_STR("mx.example.net"),
        .last_attempt = 1767604273,
        .will_retry_until = 1767690672,
    };
    struct delivery_report r = {
        .from = FCT_STR("MAILER-DAEMON@mx.example.org"),
        .to = FCT_STR("alice@example.org"),
        .message_id = FCT_STR("2@mx.example.org"),
        .now = 1767604273,
        .original_is_whole = true,
        .max_original = sizeof original,
    };
    struct fct_err err = {0};

    if (argc != 6 || !delivery_action_from_word(str_from(argv[3]), &recipient.action)) {
        fprintf(stderr, "usage: delivery_dump LANGUAGE full|hdrs ACTION STATUS RECIPIENT\n");
        return 64;
    }
    recipient.status = str_from(argv[4]);
    recipient.final = recipient.original = str_from(argv[5]);
    r.language = language_choose(str_from(argv[1]));
    r.return_full = strcmp(argv[2], "full") == 0;
    r.accepts_utf8 = getenv("ACCEPTS_UTF8") != NULL;
    r.original = (struct fct_str){original, fread(original, 1, sizeof original, stdin)};
    r.status = (struct delivery_status){.reporting_mta = FCT_STR("mx.example.org"),
                                        .envelope_id = FCT_STR("QQ314159"),
                                        .arrival = 1767604272,
                                        .recipient = &recipient,
                                        .recipients = 1};
    if (!delivery_report_write(&r, &out, &made, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    fwrite(out.p, 1, out.n, stdout);
    buf_free(&out);
    return 0;
}
