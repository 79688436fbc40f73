/* test_smtp_received.c - the Received field: every form, and that it stays one field whatever is in
 * its parts. */
#include "core/base/arena.h"
#include "core/base/str.h"
#include "core/message/rfc5322.h"
#include "protocols/smtp/smtp_received.h"

#include <check.h>
#include <stdlib.h>

static const struct smtp_received plain = {
    .helo = {"client.example", 14},
    .client_ip = {"192.0.2.1", 9},
    .by = {"mx.example.org", 14},
    .id = {"k3f9x0c2m1ab.1", 14},
    .recipient = {"user@example.org", 16},
    .extended = true,
    .when = 1767607872,
};

static struct fct_str format(const struct smtp_received *r, struct buf *out)
{
    buf_clear(out);
    smtp_received_format(r, out);
    return buf_str(out);
}

START_TEST(forms)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(4096);
    struct smtp_received r = plain;

    ck_assert_msg(
        str_starts(format(&r, &out), FCT_STR("Received: from client.example ([192.0.2.1])\r\n"
                                             "\tby mx.example.org with ESMTP\r\n"
                                             "\tid k3f9x0c2m1ab.1 for <user@example.org>;\r\n\t")),
        "%.*s", FCT_FMT(buf_str(&out)));
    r.recipient = FCT_STR("");
    ck_assert(str_find(format(&r, &out), FCT_STR(" for ")) < 0);
    r.client_ip = FCT_STR("2001:db8::7");
    ck_assert(str_find(format(&r, &out), FCT_STR("([IPv6:2001:db8::7])")) > 0);
    r.client_name = FCT_STR("mx.client.example");
    ck_assert(str_find(format(&r, &out), FCT_STR("(mx.client.example [IPv6:2001:db8::7])")) > 0);
    r.helo = FCT_STR("");
    ck_assert(str_starts(format(&r, &out), FCT_STR("Received: from unknown (")));
}
END_TEST

/* RFC 3848, RFC 6531 4.3 */
START_TEST(protocol_words)
{
    static const struct {
        bool lmtp, extended, tls, auth, utf8;
        const char *want;
    } cases[] = {
        {false, false, false, false, false, " with SMTP\r\n"},
        {false, true, false, false, false, " with ESMTP\r\n"},
        {false, true, true, false, false, " with ESMTPS (TLSv1.3 X)\r\n"},
        {false, true, false, true, false, " with ESMTPA\r\n"},
        {false, true, true, true, false, " with ESMTPSA (TLSv1.3 X)\r\n"},
        {false, true, true, true, true, " with UTF8SMTPSA (TLSv1.3 X)\r\n"},
        {true, true, false, false, false, " with LMTP\r\n"},
        {true, true, true, false, false, " with LMTPS (TLSv1.3 X)\r\n"},
        {true, true, false, false, true, " with UTF8LMTP\r\n"},
    };
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(4096);

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct smtp_received r = plain;

        r.lmtp = cases[i].lmtp;
        r.extended = cases[i].extended;
        r.authenticated = cases[i].auth;
        r.smtputf8 = cases[i].utf8;
        if (cases[i].tls) {
            r.tls_version = FCT_STR("TLSv1.3");
            r.tls_cipher = FCT_STR("X");
        }
        ck_assert_msg(str_find(format(&r, &out), str_from(cases[i].want)) > 0, "%s: %.*s",
                      cases[i].want, FCT_FMT(buf_str(&out)));
    }
}
END_TEST

START_TEST(it_is_one_field_with_lines_that_fit)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(8192);
    struct arena *arena = arena_new(NULL);
    struct smtp_received r = plain;
    struct header_list list;
    char name[256];

    memset(name, 'x', sizeof name);
    r.helo = r.by = r.client_name = (struct fct_str){name, 255};
    r.recipient = (struct fct_str){name, 254};
    (void)format(&r, &out);
    buf_put_c(&out, "Subject: next\r\n\r\n");
    header_list_parse(arena, buf_str(&out), &(struct header_limits){10, 8192}, &list);
    ck_assert_uint_eq(list.n, 2);
    ck_assert(str_equal(list.field[1].name, FCT_STR("Subject")));
    for (const char *line = out.p, *end; line < out.p + out.n; line = end + 1) {
        end = memchr(line, '\n', (size_t)(out.p + out.n - line));
        ck_assert(end && end[-1] == '\r' && end - line < 998);
    }
    arena_free(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smtp_received");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_test(tc, forms);
    tcase_add_test(tc, protocol_words);
    tcase_add_test(tc, it_is_one_field_with_lines_that_fit);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
