/* test_lua_message.c - what a rule reads of a message, its connection and its envelope; one
 * expression per row. */
#include "mock_host.h"

#include <check.h>
#include <stdlib.h>

static const char mail[] = "Received: from client.example ([192.0.2.1]) by mx.example.org; Mon, 5 "
                           "Jan 2026 10:11:12 +0100\r\n"
                           "Received: from b\r\n"
                           "From: =?UTF-8?Q?J=C3=BCrgen_M=C3=BCller?= <Juergen@Example.ORG>\r\n"
                           "To: \"Bloggs, Joe\" <joe@example.net>, (the boss) ann@example.net,\r\n"
                           " Team: one@example.net, two@example.net;\r\n"
                           "Cc: <@relay.example,@b.example:route@example.net>, "
                           "\"a@b\"@example.net, v6@[IPv6:2001:db8::1]\r\n"
                           "Reply-To: answers@free.example\r\n"
                           "Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?= from\r\n home\r\n"
                           "Date: Mon, 5 Jan 2026 10:11:12 +0100\r\n"
                           "Message-ID: <one@example.org>\r\n"
                           "List-Id: The developers <dev.example.org>\r\n"
                           "MIME-Version: 1.0\r\n"
                           "Content-Type: multipart/mixed; boundary=xx\r\n"
                           "\r\n"
                           "--xx\r\n"
                           "Content-Type: text/plain; charset=ISO-8859-1\r\n"
                           "Content-Transfer-Encoding: quoted-printable\r\n"
                           "\r\n"
                           "caf=E9\r\n"
                           "--xx\r\n"
                           "Content-Type: text/html; charset=utf-8\r\n"
                           "Content-ID: <part2@example.org>\r\n"
                           "Content-Disposition: attachment; filename=\"invoice.html\"\r\n"
                           "Content-Transfer-Encoding: base64\r\n"
                           "\r\n"
                           "PGI+aGk8L2I+\r\n"
                           "--xx--\r\n";

/* clang-format off */
static const struct {
    const char *expression, *want;
} reads[] = {
    {"m.from.address", "Juergen@example.org"},
    {"m.from.localpart", "Juergen"},
    {"m.from.domain", "example.org"},
    {"m.from.name", "Jürgen Müller"},
    {"tostring(m.from)", "Juergen@example.org"},
    {"#m.to", "4"},
    {"m.to[1].name", "Bloggs, Joe"},
    {"m.to[1].address", "joe@example.net"},
    {"m.to[2].address", "ann@example.net"},
    {"tostring(m.to[2].name)", "nil"},
    {"m.to[3].address .. ' ' .. m.to[4].address", "one@example.net two@example.net"},
    {"m.cc[1].address", "route@example.net"},
    {"m.cc[2].localpart .. ' ' .. m.cc[2].domain", "a@b example.net"},
    {"m.cc[3].domain", "[ipv6:2001:db8::1]"},
    {"m.reply_to.address", "answers@free.example"},
    {"m.subject", "Grüße from home"},
    {"m.date", "Mon, 5 Jan 2026 10:11:12 +0100"},
    {"m.message_id", "one@example.org"},
    {"m.list_id", "dev.example.org"},
    {"m.size > 500", ""},
    {"m:header('sUbJeCt')", "Grüße from home"},
    {"m:header('Received', 2)", "from b"},
    {"tostring(m:header('X-None'))", "nil"},
    {"#m:headers('Received')", "2"},
    {"m:headers('Received')[2]", "from b"},
    {"#m:headers('X-None')", "0"},
    {"#m:all_headers()", "12"},
    {"m:all_headers()[7].name .. '|' .. m:all_headers()[7].value", "Subject|Grüße from home"},
    {"m:all_headers()[7].raw:find('\\r\\n home', 1, true)", "34"},
    {"m.text", "café"},
    {"#m:parts()", "3"},
    {"m:parts()[1].type .. ' ' .. m:parts()[1].depth", "multipart/mixed 0"},
    {"m:parts()[2].charset .. ' ' .. m:parts()[2].encoding", "iso-8859-1 quoted-printable"},
    {"m:parts()[2].text", "café"},
    {"tostring(m:parts()[1].charset)", "nil"},
    {"#m.attachments", "1"},
    {"m.attachments[1].name .. ' ' .. m.attachments[1].type", "invoice.html text/html"},
    {"m.attachments[1].content_id", "part2@example.org"},
    {"m.attachments[1].bytes", "<b>hi</b>"},
    {"m.attachments[1].size", "12"},
    {"m.conn.ip .. ' ' .. m.conn.port", "192.0.2.1 4025"},
    {"m.conn.local_ip .. ' ' .. m.conn.local_port", "192.0.2.25 25"},
    {"m.conn.id .. ' ' .. m.conn.role .. ' ' .. m.conn.helo", "k3f9 mx client.example"},
    {"tostring(m.conn.tls) .. ' ' .. tostring(m.conn.auth) .. ' ' .. tostring(m.conn.trusted)", "nil nil false"},
    {"m.envelope.id", "k3f9.1"},
    {"m.envelope.from.address", "bounce@example.org"},
    {"#m.envelope.rcpts .. m.envelope.rcpts[2].domain", "2example.net"},
    {"m.conn.envelope.rcpts[1].localpart", "a, b"},
    {"tostring(m.envelope.smtputf8)", "true"},
    {"tostring(m:has('NOT_THERE'))", "false"},
    {"m:hit('first') or m:hit('second')", "first"},
    {"time_left_ms() .. tostring(sleep_ms(5))", "5000true"},
    {"print('a', 1) or log.debug('x') or log.info('%d%%', 5) or log.warning('w') or log.error('e') or 'said'", "said"},
};

static const struct {
    const char *expression, *error;
} misuses[] = {
    {"m.sender", "message has no field 'sender'"},
    {"m.conn.mail", "conn has no field 'mail'"},
    {"m:parts()[1].hash", "part has no field 'hash'"},
    {"m.header('Subject')", "message expected, got string"},
    {"m:header()", "string expected, got no value"},
    {"m:header('Subject', 0)", "the first field has the number 1"},
    {"m:add_header('X-A', 'b')", "scan only looks"},
    {"m:set_header('Subject', 'b')", "scan only looks"},
    {"m:remove_header('Subject')", "scan only looks"},
    {"m:keyword('$A')", "keywords are chosen at deliver"},
    {"setmetatable(m, {})", "table expected"},
    {"setmetatable(m.from, {})", "read-only"},
    {"(function() m.mailbox = 'A' end)()", "the mailbox is chosen at deliver"},
    {"(function() m.subject = 'A' end)()", "message.subject cannot be set"},
    {"reject('no')", "a rule only finds its symbol"},
    {"log.info('%d', 'x')", "number expected, got string"},
    {"rule { 'LATE', function() end }", "rule works only while the file is loaded"},
    {"require('x')", "require works only while the file is loaded"},
};
/* clang-format on */

static void fill_envelope(struct mock *m)
{
    static const struct fct_str rcpts[] = {{"\"a, b\"@example.net", 18}, {"c@Example.net", 13}};

    m->envelope.reverse_path = FCT_STR("bounce@example.org");
    m->envelope.recipient = rcpts;
    m->envelope.recipients = 2;
    m->envelope.smtputf8 = true;
}

START_TEST(reads_message)
{
    struct mock m;
    char body[512], want[512];

    mock_open(&m);
    fill_envelope(&m);
    for (size_t i = 0; i < FCT_COUNT(reads); i++) {
        snprintf(body, sizeof body, "return %s", reads[i].expression);
        snprintf(want, sizeof want, "EVAL=%s", reads[i].want);
        ck_assert_msg(strcmp(mock_eval(&m, mail, body), want) == 0, "%s: got %s, want %s (log %s)",
                      reads[i].expression, mock_eval(&m, mail, body), want, m.log);
    }
    mock_close(&m);
}
END_TEST

START_TEST(refuses_misuse)
{
    struct mock m;
    char body[512];

    mock_open(&m);
    for (size_t i = 0; i < FCT_COUNT(misuses); i++) {
        const char *got;
        snprintf(body, sizeof body, "return %s", misuses[i].expression);
        got = mock_eval(&m, mail, body);
        ck_assert_msg(strncmp(got, "failed: ", 8) == 0 && strstr(got, misuses[i].error),
                      "%s: got %s, want %s", misuses[i].expression, got, misuses[i].error);
    }
    mock_close(&m);
}
END_TEST

/* A bare message has none of it, and nothing fails. */
START_TEST(missing_is_nil)
{
    static const char *const fields[] = {"from",       "reply_to", "subject", "date",
                                         "message_id", "list_id",  "text"};
    struct mock m;
    char body[128];

    mock_open(&m);
    for (size_t i = 0; i < FCT_COUNT(fields); i++) {
        snprintf(body, sizeof body, "return type(m.%s)", fields[i]);
        ck_assert_str_eq(mock_eval(&m, "Content-Type: application/x-none\r\n\r\n", body),
                         "EVAL=nil");
    }
    ck_assert_str_eq(mock_eval(&m, "X: y\r\n\r\n", "return #m.to + #m.cc + #m.attachments"),
                     "EVAL=0");
    ck_assert_str_eq(mock_eval(&m, "X: y\r\n\r\n", "return tostring(m.envelope.from)"), "EVAL=nil");
    mock_close(&m);
}
END_TEST

START_TEST(text_is_cut)
{
    struct mock m;

    mock_open(&m);
    mock_set(&m, "text_limit", "10");
    ck_assert_str_eq(mock_eval(&m, "A: b\r\n\r\n0123456789abcdef\r\n", "return m.text"),
                     "EVAL=0123456789");
    mock_close(&m);
}
END_TEST

/* Hostile address lists end, and none is longer than its limit. */
START_TEST(hostile_addresses)
{
    static const char *const values[] = {"((((((((((((((((",
                                         "\"\"\"\\",
                                         "<<<<>>>>",
                                         "a@b@c@d",
                                         "<",
                                         ">",
                                         "[",
                                         "a@[",
                                         ":;:;,,,",
                                         "\"unclosed",
                                         "=?UTF-8?Q?evil=40example.org=3E?= <a@b>",
                                         "\\"};
    struct mock m;
    char message[256];
    struct buf many = BUF_INIT(1 << 20);

    mock_open(&m);
    for (size_t i = 0; i < FCT_COUNT(values); i++) {
        snprintf(message, sizeof message, "From: %s\r\n\r\n", values[i]);
        ck_assert_msg(strncmp(mock_eval(&m, message, "return type(m.from)"), "EVAL=", 5) == 0, "%s",
                      values[i]);
    }
    ck_assert_str_eq(mock_eval(&m, "From: =?UTF-8?Q?x=40example.org=3E?= <a@b>\r\n\r\n",
                               "return m.from.address"),
                     "EVAL=a@b");
    buf_put_c(&many, "To: a@b");
    for (int i = 0; i < 3000; i++)
        buf_put_c(&many, ", a@b");
    buf_put(&many, "\r\n\r\n", 5);
    ck_assert_str_eq(mock_eval(&m, many.p, "return #m.to"), "EVAL=1000");
    buf_free(&many);
    mock_close(&m);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lua_message");
    TCase *t = tcase_create("message");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_add_test(t, reads_message);
    tcase_add_test(t, refuses_misuse);
    tcase_add_test(t, missing_is_nil);
    tcase_add_test(t, text_is_cut);
    tcase_add_test(t, hostile_addresses);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
