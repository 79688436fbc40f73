/* test_smtp_session.c - whole dialogues with a store and filters that do as the test says. */
#include "session_fixture.h"

#include <check.h>

#define ENVELOPE "MAIL FROM:<a@x.org>\r\nRCPT TO:<user@example.org>\r\n"
#define MESSAGE  "Subject: x\r\n\r\nhello\r\n"

static void set(const char *key, const char *value)
{
    struct smtp_conf *c = (struct smtp_conf *)(uintptr_t)config_get(conf, &smtp_block);
    struct fct_err err = {0};

    for (const struct fct_conf_key *k = smtp_block.keys; k->name; k++)
        if (strcmp(k->name, key) == 0) {
            ck_assert_msg(config_value(conf, k, c, str_from(value), &err), "%s", err.text);
            return;
        }
    ck_abort_msg("no key %s", key);
}

static void begin(void)
{
    dial();
    EXPECT("", "220");
    EXPECT("EHLO client.example\r\n", "250");
}

static void begin_submission(void)
{
    listener.role = FCT_ROLE_SUBMISSION;
    set("auth_failure_delay", "0s");
    begin();
}

/* ---- the way of most mail ---- */

START_TEST(a_message_is_stored_as_it_came)
{
    begin();
    EXPECT(ENVELOPE "DATA\r\n", "250 250 354");
    EXPECT("Subject: x\r\n\r\n..dot\r\nhello\r\n.\r\n", "250");
    ck_assert_uint_eq(store.copies, 1);
    ck_assert(str_starts(buf_str(&store.message),
                         FCT_STR("Return-Path: <a@x.org>\r\nReceived: from client.example "
                                 "([127.0.0.1])\r\n\tby mx.example.org with ESMTP\r\n\tid ")));
    ck_assert(str_find(buf_str(&store.message), FCT_STR(" for <user@example.org>;\r\n")) > 0);
    ck_assert(str_ends_nocase(buf_str(&store.message),
                              FCT_STR("\r\nSubject: x\r\n\r\n.dot\r\nhello\r\n")));
    EXPECT("QUIT\r\n", "221 |");
}
END_TEST

START_TEST(all_in_one_packet)
{
    begin();
    EXPECT(ENVELOPE "DATA\r\n" MESSAGE ".\r\n" ENVELOPE "DATA\r\n" MESSAGE ".\r\nQUIT\r\n",
           "250 250 354 250 250 250 354 250 221 |");
    ck_assert_uint_eq(store.deliveries, 2);
}
END_TEST

START_TEST(one_byte_at_a_time)
{
    static const char all[] = ENVELOPE "DATA\r\n" MESSAGE ".\r\n";

    begin();
    for (size_t i = 0; i + 1 < sizeof all - 1; i++) {
        ck_assert(send(client, all + i, 1, 0) == 1);
        turns(2);
    }
    EXPECT("\n", "250 250 354 250");
    ck_assert_uint_eq(store.copies, 1);
}
END_TEST

START_TEST(chunks)
{
    begin();
    EXPECT(ENVELOPE "BDAT 12\r\nSubject: x\r\nBDAT 7 LAST\r\n\r\n.\r\nhi", "250 250 250 250");
    ck_assert(str_ends_nocase(buf_str(&store.message), FCT_STR("Subject: x\r\n\r\n.\r\nhi")));
    EXPECT(ENVELOPE "BDAT 0\r\nBDAT 0 LAST\r\n", "250 250 250 250");
    EXPECT(ENVELOPE "BDAT 3 last\r\nabc", "250 250 250");
    ck_assert_uint_eq(store.deliveries, 3);
}
END_TEST

START_TEST(ten_thousand_chunks_of_one_byte)
{
    begin();
    EXPECT(ENVELOPE, "250 250");
    for (unsigned i = 0; i < 100; i++) {
        char many[100 * 9 + 1] = "";

        for (unsigned k = 0; k < 100; k++)
            memcpy(many + k * 9, "BDAT 1\r\na", 10);
        ck_assert_uint_eq(strlen(talk(many)), 100 * 4 - 1);
    }
    EXPECT("BDAT 0 LAST\r\n", "250");
    ck_assert(store.message.n > 10000);
}
END_TEST

/* ---- order (RFC 5321 4.1.4; threats: state that survives an error) ---- */

START_TEST(order_of_commands)
{
    static const struct {
        const char *name, *send, *want;
    } cases[] = {
        {"MAIL before EHLO", "MAIL FROM:<a@x.org>\r\n", "503"},
        {"allowed before EHLO", "NOOP\r\nRSET\r\nHELP\r\nVRFY a\r\n", "250 250 214 252"},
        {"RCPT first", "EHLO c\r\nRCPT TO:<user@example.org>\r\n", "250 503"},
        {"DATA first", "EHLO c\r\nDATA\r\n", "250 503"},
        {"DATA without recipients", "EHLO c\r\nMAIL FROM:<>\r\nDATA\r\n", "250 250 503"},
        {"MAIL twice", "EHLO c\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\n", "250 250 503"},
        {"RCPT after RSET", "EHLO c\r\n" ENVELOPE "RSET\r\nRCPT TO:<user@example.org>\r\n",
         "250 250 250 250 503"},
        {"DATA after RSET", "EHLO c\r\n" ENVELOPE "RSET\r\nDATA\r\n", "250 250 250 250 503"},
        {"DATA after EHLO", "EHLO c\r\n" ENVELOPE "EHLO c\r\nDATA\r\n", "250 250 250 250 503"},
        {"DATA after HELO", "EHLO c\r\n" ENVELOPE "HELO c\r\nDATA\r\n", "250 250 250 250 503"},
        {"NOOP and VRFY keep it", "EHLO c\r\n" ENVELOPE "NOOP\r\nVRFY a\r\nHELP\r\nDATA\r\n",
         "250 250 250 250 252 214 354"},
        {"DATA after a refused recipient",
         "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<no@example.org>\r\nDATA\r\n", "250 250 550 503"},
        {"one refused of two", "EHLO c\r\n" ENVELOPE "RCPT TO:<no@example.org>\r\nDATA\r\n",
         "250 250 250 550 354"},
        {"refused MAIL", "EHLO c\r\nMAIL FROM:<a>\r\nRCPT TO:<user@example.org>\r\n",
         "250 501 503"},
        {"second message starts anew",
         "EHLO c\r\n" ENVELOPE "DATA\r\n" MESSAGE ".\r\nRCPT TO:<user@example.org>\r\nDATA\r\n",
         "250 250 250 354 250 503 503"},
        {"after a mail loop refused",
         "EHLO c\r\n" ENVELOPE "BDAT 1 LAST\r\n\nDATA\r\nRCPT TO:<user@example.org>\r\n",
         "250 250 250 550 503 503"},
        {"DATA between chunks",
         "EHLO c\r\n" ENVELOPE "BDAT 1\r\naDATA\r\nMAIL FROM:<>\r\nRCPT TO:<user@example.org>\r\n",
         "250 250 250 250 503 503 503"},
        {"RSET between chunks", "EHLO c\r\n" ENVELOPE "BDAT 1\r\naRSET\r\nBDAT 1 LAST\r\na",
         "250 250 250 250 250 503"},
        {"BDAT too early eats its chunk", "EHLO c\r\nBDAT 6\r\nQUIT\r\nNOOP\r\n", "250 503 250"},
        {"BDAT without recipients",
         "EHLO c\r\nMAIL FROM:<>\r\nBDAT 6\r\nQUIT\r\nRCPT TO:<user@example.org>\r\n",
         "250 250 503 503"},
        {"AUTH on mx", "EHLO c\r\nAUTH PLAIN AHVzZXIA\r\n", "250 502"},
        {"STARTTLS not offered", "EHLO c\r\nSTARTTLS\r\n", "250 502"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        const char *got;

        dial();
        EXPECT("", "220");
        got = talk(cases[i].send);
        ck_assert_msg(strcmp(got, cases[i].want) == 0, "%s: got %s, want %s\n%s", cases[i].name,
                      got, cases[i].want, heard);
        hang_up();
    }
}
END_TEST

START_TEST(lines_that_are_no_commands)
{
    static const struct {
        const char *name;
        struct fct_str send;
        const char *want;
    } cases[] = {
        {"unknown", {"XJUNK\r\n", 7}, "500"},
        {"empty", {"\r\n", 2}, "500"},
        {"8 bit", {"\xfe\xffNOOP\r\n", 8}, "500"},
        {"lone LF", {"NOOP\n", 5}, "500"},
        {"lone CR", {"NOOP a\rb\r\n", 10}, "500"},
        {"NUL", {"NOOP a\0b\r\n", 10}, "500"},
        {"NUL in an address", {"MAIL FROM:<a\0@x.org>\r\n", 22}, "500"},
        {"space before CRLF", {"NOOP  \r\n", 8}, "250"},
        {"any case", {"nOoP\r\n", 6}, "250"},
        {"argument for RSET", {"RSET x\r\n", 8}, "501"},
        {"argument for DATA", {"DATA x\r\n", 8}, "503"},
        {"no EHLO name", {"EHLO\r\n", 6}, "501"},
        {"EHLO with shell", {"EHLO $(x)\r\n", 11}, "501"},
        {"EXPN", {"EXPN list\r\n", 11}, "502"},
        {"unknown parameter", {"MAIL FROM:<> X=1\r\n", 18}, "555"},
        {"DSN is not offered", {"MAIL FROM:<> RET=FULL\r\n", 23}, "555"},
        {"too large", {"MAIL FROM:<> SIZE=99999999999\r\n", 31}, "552"},
        {"UTF-8 without SMTPUTF8", {"MAIL FROM:<\xc3\xa9@x.org>\r\n", 22}, "553"},
        {"UTF-8", {"MAIL FROM:<\xc3\xa9@x.org> SMTPUTF8\r\n", 31}, "250"},
        {"space behind the colon", {"MAIL FROM: <a@x.org>\r\n", 22}, "250"},
        {"postmaster as sender", {"MAIL FROM:<postmaster>\r\n", 24}, "501"},
        {"BDAT without a number ends it", {"BDAT LAST\r\n", 11}, "501 |"},
        {"BDAT with a sign ends it", {"BDAT -1\r\n", 9}, "501 |"},
        {"BDAT of 20 digits ends it", {"BDAT 99999999999999999999\r\n", 27}, "501 |"},
        {"BDAT too large ends it", {"BDAT 9999999999999999999\r\n", 26}, "552 |"},
        {"BDAT with junk ends it", {"BDAT 1 LAST x\r\n", 15}, "501 |"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        const char *got;

        begin();
        got = talk_bytes(cases[i].send);
        ck_assert_msg(strcmp(got, cases[i].want) == 0, "%s: got %s, want %s\n%s", cases[i].name,
                      got, cases[i].want, heard);
        hang_up();
    }
}
END_TEST

START_TEST(a_long_line_is_answered_once)
{
    char line[5000];

    memset(line, 'A', sizeof line);
    begin();
    ck_assert_str_eq(talk_bytes((struct fct_str){line, sizeof line}), "500");
    ck_assert_str_eq(talk_bytes((struct fct_str){line, sizeof line}), "");
    EXPECT("\r\nNOOP\r\n", "250");
}
END_TEST

START_TEST(too_many_errors)
{
    set("error_delay", "0s");
    set("max_errors", "3");
    begin();
    EXPECT("X\r\nX\r\nX\r\nX\r\nNOOP\r\n", "500 500 500 421 |");
    hang_up();
    set("max_errors", "20");
    set("max_unknown_recipients", "2");
    begin();
    EXPECT("MAIL FROM:<>\r\nRCPT TO:<b@example.org>\r\nRCPT TO:<c@example.org>\r\nRCPT "
           "TO:<d@example.org>\r\n",
           "250 550 550 421 |");
}
END_TEST

/* ---- recipients ---- */

START_TEST(recipients)
{
    set("max_recipients", "3");
    begin();
    EXPECT("MAIL FROM:<a@x.org>\r\n", "250");
    EXPECT("RCPT TO:<nobody@example.org>\r\n", "550");
    ck_assert(strstr(heard, "550 5.1.1 "));
    EXPECT("RCPT TO:<someone@elsewhere.example>\r\n", "550");
    ck_assert(strstr(heard, "550 5.7.1 "));
    EXPECT("RCPT TO:<@example.org:someone@elsewhere.example>\r\n", "550");
    EXPECT("RCPT TO:<>\r\n", "501");
    EXPECT(
        "RCPT TO:<postmaster>\r\nRCPT TO:<pair@example.org>\r\nRCPT TO:<\"user\"@example.org>\r\n",
        "250 250 250");
    EXPECT("RCPT TO:<user+box@example.org>\r\n", "452");
    EXPECT("DATA\r\n" MESSAGE ".\r\n", "354 250");
    ck_assert_uint_eq(store.copies, 2); /* three recipients, two accounts */
    ck_assert(str_find(buf_str(&store.message), FCT_STR(" for <")) < 0);
    store.away = true;
    EXPECT("MAIL FROM:<a@x.org>\r\nRCPT TO:<user@example.org>\r\n", "250 451");
}
END_TEST

START_TEST(one_answer_for_several_copies)
{
    static const struct {
        const char *name, *rcpt, *want;
        unsigned copies;
    } cases[] = {
        {"one full of two", "RCPT TO:<user@example.org>\r\nRCPT TO:<full@example.org>\r\nDATA\r\n",
         "250 250 354 452", 1},
        {"full alone", "RCPT TO:<full@example.org>\r\nDATA\r\n", "250 354 552", 0},
        {"one sick of two", "RCPT TO:<user@example.org>\r\nRCPT TO:<sick@example.org>\r\nDATA\r\n",
         "250 250 354 451", 1},
        {"full and sick", "RCPT TO:<full@example.org>\r\nRCPT TO:<sick@example.org>\r\nDATA\r\n",
         "250 250 354 451", 0},
    };

    begin();
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        const char *got;

        store.copies = 0;
        EXPECT("MAIL FROM:<a@x.org>\r\n", "250");
        got = talk(arena_cstr(arena, arena_printf(arena, "%s" MESSAGE ".\r\n", cases[i].rcpt)));
        ck_assert_msg(strcmp(got, cases[i].want) == 0, "%s: got %s, want %s", cases[i].name, got,
                      cases[i].want);
        ck_assert_uint_eq(store.copies, cases[i].copies);
    }
}
END_TEST

/* ---- data that is refused ---- */

START_TEST(smuggling_ends_the_connection_and_nothing_is_stored)
{
    static const char *const ends[] = {"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r",        "\r\n.\r",
                                       "\n.\r", "\r.\n",   "\r.\r\n", "\r\r\n.\r\r\n"};

    for (size_t i = 0; i < FCT_COUNT(ends); i++) {
        begin();
        EXPECT(ENVELOPE "DATA\r\n", "250 250 354");
        EXPECT(arena_cstr(arena,
                          arena_printf(arena,
                                       "Subject: x\r\n\r\nx%sMAIL FROM:<evil@x.org>\r\nRCPT "
                                       "TO:<user@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\n",
                                       ends[i])),
               "550");
        ck_assert(strstr(heard, "550 5.5.2 ") && strstr(heard, "<"));
        EXPECT("x\r\n.\r\n", "|");
        hang_up();
    }
    ck_assert_uint_eq(store.deliveries, 0);
}
END_TEST

START_TEST(submission_mends_a_lone_lf_in_the_body)
{
    begin_submission();
    EXPECT("AUTH PLAIN AHVzZXJAZXhhbXBsZS5vcmcAcGFzcw==\r\n", "235");
    EXPECT("MAIL FROM:<user@example.org>\r\nRCPT TO:<user@example.org>\r\nDATA\r\n", "250 250 354");
    EXPECT("Subject: x\r\n\r\na\nb\r\n.\r\n", "250");
    ck_assert(str_ends_nocase(buf_str(&store.message), FCT_STR("\r\na\r\nb\r\n")));
    EXPECT("MAIL FROM:<user@example.org>\r\nRCPT TO:<user@example.org>\r\nDATA\r\n", "250 250 354");
    EXPECT("Subject: x\r\n\r\na\n.\nb\r\n.\r\n", "550 |");
    ck_assert_uint_eq(store.deliveries, 1);
}
END_TEST

START_TEST(too_large)
{
    static char line[1002];

    memset(line, 'x', 1000);
    memcpy(line + 1000, "\r", 2);
    set("max_message", "4K");
    begin();
    EXPECT("MAIL FROM:<> SIZE=4097\r\n", "552");
    EXPECT(ENVELOPE "DATA\r\n", "250 250 354");
    for (unsigned i = 0; i < 6; i++)
        ck_assert_str_eq(talk_bytes(arena_printf(arena, "%s\n", line)), "");
    EXPECT(".\r\nNOOP\r\n", "552 250");
    EXPECT(ENVELOPE "BDAT 5000 LAST\r\n", "250 250");
    for (unsigned i = 0; i < 5; i++)
        ck_assert_str_eq(talk_bytes((struct fct_str){line, 1000}), i == 4 ? "552" : "");
    EXPECT(ENVELOPE "DATA\r\n", "250 250 354");
    for (unsigned i = 0; i < 8; i++)
        ck_assert_str_eq(talk_bytes(arena_printf(arena, "%s\n", line)), "");
    ck_assert_str_eq(talk_bytes(arena_printf(arena, "%s\n", line)),
                     "552"); /* twice the maximum: no end in sight */
    EXPECT("\r\n.\r\n", "|");
    ck_assert_uint_eq(store.deliveries, 0);
}
END_TEST

START_TEST(a_large_message_goes_to_a_file)
{
    static char line[1003];
    size_t got;

    memset(line, 'x', 1000);
    memcpy(line + 1000, "\r\n", 3);
    set("spool_memory", "128K");
    begin();
    EXPECT(ENVELOPE "DATA\r\n", "250 250 354");
    for (unsigned i = 0; i < 500; i++)
        (void)!talk_bytes((struct fct_str){line, 1002})[0];
    EXPECT(".\r\n", "250");
    ck_assert_uint_eq(store.spools, 1);
    got = store.message.n;
    ck_assert(got > 501000 && got < 502000);
    ck_assert(str_ends_nocase(buf_str(&store.message), (struct fct_str){line, 1002}));
}
END_TEST

START_TEST(mail_loops)
{
    struct buf text = BUF_INIT(1 << 16);

    begin();
    EXPECT(ENVELOPE "DATA\r\n", "250 250 354");
    for (unsigned i = 0; i < 100; i++)
        buf_put_c(&text, "Received: from a by b; Mon, 5 Jan 2026 10:11:12 +0000\r\n");
    buf_put_c(&text, "\r\n.\r\n");
    ck_assert_str_eq(talk_bytes(buf_str(&text)), "554");
    ck_assert(strstr(heard, "5.4.6"));
    buf_free(&text);
}
END_TEST

START_TEST(a_store_that_fails_is_a_temporary_failure)
{
    begin();
    EXPECT(ENVELOPE "DATA\r\n", "250 250 354");
    store.away = true;
    EXPECT(MESSAGE ".\r\n", "451");
    store.away = false;
    EXPECT(ENVELOPE "DATA\r\n" MESSAGE ".\r\n", "250 250 354 250");
}
END_TEST

/* ---- plugins ---- */

START_TEST(verdicts_of_the_dialogue)
{
    static const struct {
        enum fct_hook hook;
        const char *send, *want;
    } cases[] = {
        {FCT_HOOK_helo, "EHLO c\r\nMAIL FROM:<>\r\n", "550 503"},
        {FCT_HOOK_mail, "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<user@example.org>\r\n", "250 550 503"},
        {FCT_HOOK_rcpt, "EHLO c\r\n" ENVELOPE "DATA\r\n", "250 250 550 503"},
        {FCT_HOOK_data, "EHLO c\r\n" ENVELOPE "DATA\r\nDATA\r\n", "250 250 250 554 503"},
        {FCT_HOOK_data,
         "EHLO c\r\n" ENVELOPE "BDAT 6 LAST\r\nQUIT\r\nRCPT TO:<user@example.org>\r\n",
         "250 250 250 554 503"},
        {FCT_HOOK_verdict, "EHLO c\r\n" ENVELOPE "DATA\r\n" MESSAGE ".\r\nDATA\r\n",
         "250 250 250 354 550 503"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        const char *got;

        memset(filter.answer, 0, sizeof filter.answer);
        filter.wants[cases[i].hook] = true;
        filter.answer[cases[i].hook].verdict = FCT_REJECT;
        dial();
        EXPECT("", "220");
        got = talk(cases[i].send);
        ck_assert_msg(strcmp(got, cases[i].want) == 0, "case %zu: got %s, want %s\n%s", i, got,
                      cases[i].want, heard);
        hang_up();
    }
    ck_assert_uint_eq(store.deliveries, 0);
}
END_TEST

START_TEST(a_refusal_waits_for_its_chunk)
{
    filter.wants[FCT_HOOK_data] = true;
    filter.answer[FCT_HOOK_data] = (struct filter_answer){
        .verdict = FCT_REJECT, .enhanced = FCT_STR("5.7.26"), .text = FCT_STR("not in pieces")};
    begin();
    EXPECT(ENVELOPE "BDAT 4 LAST\r\nab", "250 250");
    turns(5);
    EXPECT("\r\nNOOP\r\n", "554 250");
    ck_assert(strstr(heard, "554 5.7.26 not in pieces\r\n"));
}
END_TEST

START_TEST(a_plugin_refuses_the_connection)
{
    filter.wants[FCT_HOOK_connect] = true;
    filter.answer[FCT_HOOK_connect] =
        (struct filter_answer){.verdict = FCT_REJECT, .code = 554, .text = FCT_STR("go away")};
    dial();
    EXPECT("", "554 |");
    ck_assert(strstr(heard, "554 5.7.1 go away\r\n"));
}
END_TEST

START_TEST(discarded_mail_looks_accepted)
{
    static const enum fct_hook hooks[] = {FCT_HOOK_mail, FCT_HOOK_rcpt, FCT_HOOK_data,
                                          FCT_HOOK_verdict};

    for (size_t i = 0; i < FCT_COUNT(hooks); i++) {
        memset(filter.answer, 0, sizeof filter.answer);
        filter.wants[hooks[i]] = true;
        filter.answer[hooks[i]].verdict = FCT_DISCARD;
        begin();
        EXPECT(ENVELOPE "DATA\r\n" MESSAGE ".\r\n", "250 250 354 250");
        hang_up();
    }
    ck_assert_uint_eq(store.deliveries, 0);
}
END_TEST

START_TEST(outcomes_of_recipients)
{
    static const struct fct_str keywords[] = {{"\\Seen", 5}, {"$Label", 6}};
    static const struct edit edits[] = {
        {.offset = 0, .insert = {"X-Test: 1\r\n", 11}, .origin = {"test", 4}}};

    filter.outcome = (struct filter_outcome){.mailbox = FCT_STR("Box"),
                                             .keyword = keywords,
                                             .nkeywords = 2,
                                             .edits = {edits, 1},
                                             .ledger = FCT_STR("ledger")};
    filter.has_own[1] = true;
    filter.of[1].answer =
        (struct filter_answer){.verdict = FCT_REJECT, .text = FCT_STR("not for me")};
    begin();
    EXPECT(ENVELOPE "RCPT TO:<other@example.org>\r\nDATA\r\n" MESSAGE ".\r\n",
           "250 250 250 354 250");
    ck_assert(str_equal(buf_str(&store.all), FCT_STR("1:Box 2:Junk")));
    ck_assert(str_equal(buf_str(&store.mailbox), FCT_STR("Box")));
    ck_assert(str_equal(buf_str(&store.keywords), FCT_STR("$Label")));
    ck_assert_uint_eq(store.flags, FLAG_SEEN);
    ck_assert(str_equal(buf_str(&store.ledger), FCT_STR("ledger")));
    ck_assert(str_starts(buf_str(&store.message),
                         FCT_STR("Return-Path: <a@x.org>\r\nX-Test: 1\r\nReceived: ")));
    EXPECT("MAIL FROM:<>\r\nRCPT TO:<other@example.org>\r\nDATA\r\n" MESSAGE ".\r\n",
           "250 250 354 550");
    ck_assert(strstr(heard, "not for me"));
    filter.outcome.answer.verdict = FCT_QUARANTINE;
    EXPECT("MAIL FROM:<>\r\nRCPT TO:<user@example.org>\r\nDATA\r\n" MESSAGE ".\r\n",
           "250 250 354 250");
    ck_assert(str_equal(buf_str(&store.mailbox), FCT_STR("Quarantine")));
}
END_TEST

START_TEST(plugins_are_told)
{
    for (unsigned i = 0; i < FCT_HOOK_COUNT; i++)
        filter.wants[i] = true;
    begin();
    EXPECT(ENVELOPE "DATA\r\n" MESSAGE ".\r\n" ENVELOPE "RSET\r\n", "250 250 354 250 250 250 250");
    ck_assert_uint_eq(filter.told[FCT_HOOK_accepted], 1);
    ck_assert_uint_eq(filter.told[FCT_HOOK_stored], 1);
    ck_assert_uint_eq(filter.told[FCT_HOOK_abort], 1);
    ck_assert_str_eq(filter.last_reason, "rset");
    EXPECT(ENVELOPE, "250 250");
    hang_up();
    ck_assert_str_eq(filter.last_reason, "lost");
    ck_assert_uint_eq(filter.told[FCT_HOOK_disconnect], 1);
}
END_TEST

/* ---- submission ---- */

START_TEST(submission_needs_a_login)
{
    begin_submission();
    EXPECT("MAIL FROM:<user@example.org>\r\nRCPT TO:<user@example.org>\r\n", "530 503");
    EXPECT("AUTH PLAIN AHVzZXJAZXhhbXBsZS5vcmcAcGFzcw==\r\n", "235");
    EXPECT("AUTH PLAIN AHVzZXJAZXhhbXBsZS5vcmcAcGFzcw==\r\n", "503");
    EXPECT("MAIL FROM:<root@example.org>\r\nMAIL FROM:<user@example.org> AUTH=<>\r\n", "553 250");
    EXPECT("RCPT TO:<someone@elsewhere.example>\r\nRCPT TO:<user@example.org>\r\n", "250 250");
    EXPECT("AUTH PLAIN\r\n", "503");
    EXPECT("DATA\r\n" MESSAGE ".\r\n", "354 250");
    ck_assert(str_find(buf_str(&store.message), FCT_STR(" with ESMTPA\r\n")) > 0);
    EXPECT("MAIL FROM:<>\r\n", "250");
    hang_up();
    ck_assert_uint_eq(store.logouts, 1);
}
END_TEST

#define LOGIN "AUTH PLAIN AHVzZXJAZXhhbXBsZS5vcmcAcGFzcw==\r\n"
#define SENT(want)                                                        \
    ck_assert_msg(str_equal(buf_str(&store.sent), FCT_STR(want)), "%.*s", \
                  FCT_FMT(buf_str(&store.sent)))

START_TEST(mail_for_elsewhere)
{
    begin_submission();
    EXPECT("EHLO client.example\r\n" LOGIN, "250 235");
    /* Alone: queued, and not a byte of a view in it. */
    EXPECT("MAIL FROM:<user@example.org> RET=HDRS ENVID=q+2B1 MT-PRIORITY=3 BODY=8BITMIME\r\n"
           "RCPT TO:<a@elsewhere.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;A@b\r\n"
           "RCPT TO:<a@elsewhere.example>\r\nRCPT TO:<\"x y\"@[192.0.2.1]>\r\nDATA\r\n" MESSAGE
           ".\r\n",
           "250 250 250 250 354 250");
    ck_assert(strstr(heard, "queued as"));
    SENT("a@elsewhere.example rfc822;A@b 10 0, \"x y\"@[192.0.2.1]  0 0 reports");
    ck_assert(store.envelope.ret == QUEUE_RET_HDRS && store.envelope.body == QUEUE_8BIT &&
              store.envelope.priority == 3 && store.envelope.may_bounce &&
              strcmp(store.envid, "q+2B1") == 0);
    /* Beside local ones; one of them turns out full: that is reported, not refused. */
    EXPECT("MAIL FROM:<user@example.org>\r\nRCPT TO:<user@example.org>\r\n"
           "RCPT TO:<full@example.org>\r\nRCPT TO:<b@elsewhere.example>\r\nDATA\r\n" MESSAGE
           ".\r\n",
           "250 250 250 250 354 250");
    SENT("b@elsewhere.example  0 0 reports");
    ck_assert(strstr(heard, "stored as"));
    EXPECT("MAIL FROM:<user@example.org>\r\nRCPT TO:<full@example.org>\r\nDATA\r\n" MESSAGE ".\r\n",
           "250 250 354 552");
    /* A null sender has nobody to be told. */
    EXPECT("MAIL FROM:<>\r\nRCPT TO:<b@elsewhere.example>\r\nDATA\r\n" MESSAGE ".\r\n",
           "250 250 354 250");
    SENT("b@elsewhere.example  0 0");
    ck_assert(!store.envelope.may_bounce);
}
END_TEST

START_TEST(strangers_send_nothing_elsewhere)
{
    begin();
    EXPECT("EHLO client.example\r\nMAIL FROM:<user@example.org> RET=FULL\r\n", "250 555");
    ck_assert(!strstr(heard, "DSN"));
    EXPECT("MAIL FROM:<user@example.org>\r\nRCPT TO:<a@elsewhere.example>\r\n", "250 550");
    ck_assert(strstr(heard, "5.7.1 relaying denied"));
    EXPECT("RCPT TO:<user@example.org> NOTIFY=NEVER\r\n", "555");
    hang_up();
    /* Machines of ours need no login. */
    set("relay_networks", "[\"192.0.2.0/24\", \"127.0.0.1\"]");
    dial();
    EXPECT("EHLO client.example\r\n", "220 250");
    ck_assert(strstr(heard, "250-DSN\r\n"));
    EXPECT("MAIL FROM:<x@elsewhere.example>\r\nRCPT TO:<a@elsewhere.example>\r\n", "250 250");
    hang_up();
    set("relay_networks", "[\"127.0.0.0/8\", \"!127.0.0.1\"]");
    dial();
    EXPECT("HELO client.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@elsewhere.example>\r\n",
           "220 250 250 550");
}
END_TEST

START_TEST(scheduled_mail)
{
    set("max_hold", "0s");
    begin_submission();
    EXPECT("EHLO client.example\r\n" LOGIN, "250 235");
    ck_assert(!strstr(heard, "FUTURERELEASE"));
    EXPECT("MAIL FROM:<user@example.org> HOLDFOR=60\r\n", "555");
    hang_up();
    set("max_hold", "1h");
    dial();
    EXPECT("EHLO client.example\r\n" LOGIN, "220 250 235");
    ck_assert(strstr(heard, "250-FUTURERELEASE 3600 20"));
    EXPECT("MAIL FROM:<user@example.org> HOLDFOR=3700\r\n", "501");
    EXPECT("MAIL FROM:<user@example.org> HOLDFOR=60\r\nRCPT TO:<a@elsewhere.example>\r\n"
           "DATA\r\n" MESSAGE ".\r\n",
           "250 250 354 250");
    ck_assert_int_ge(store.envelope.hold_until, clock_wall() + 50);
    ck_assert_int_le(store.envelope.hold_until, clock_wall() + 60);
}
END_TEST

START_TEST(auth)
{
    static const struct {
        const char *name, *send, *want;
    } cases[] = {
        {"unknown mechanism", "AUTH FOOBAR\r\n", "504"},
        {"nothing", "AUTH\r\n", "501"},
        {"empty initial", "AUTH PLAIN =\r\n", "501"},
        {"NULs", "AUTH PLAIN AAAAAAAAAAAAAA==\r\n", "501"},
        {"no base64", "AUTH PLAIN !!\r\n", "501"},
        {"two arguments", "AUTH PLAIN a b\r\n", "501"},
        {"cancelled", "AUTH PLAIN\r\n*\r\nNOOP\r\n", "334 501 250"},
        {"wrong", "AUTH PLAIN AHVzZXJAZXhhbXBsZS5vcmcAbm8=\r\nNOOP\r\n", "535 250"},
        {"login", "AUTH LOGIN\r\ndXNlckBleGFtcGxlLm9yZw==\r\ncGFzcw==\r\nNOOP\r\n",
         "334 334 235 250"},
        {"store away", "AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9YWJj\r\n", "454"},
        {"before EHLO", "RSET\r\nEHLO c\r\nMAIL FROM:<>\r\n", "250 250 530"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        const char *got;

        begin_submission();
        got = talk(cases[i].send);
        ck_assert_msg(strcmp(got, cases[i].want) == 0, "%s: got %s, want %s\n%s", cases[i].name,
                      got, cases[i].want, heard);
        hang_up();
    }
}
END_TEST

START_TEST(auth_needs_encryption)
{
    listener_conf.plain_login = false;
    begin_submission();
    ck_assert(!strstr(heard, "AUTH"));
    EXPECT("AUTH PLAIN AHVzZXJAZXhhbXBsZS5vcmcAcGFzcw==\r\n", "538");
}
END_TEST

START_TEST(wrong_passwords_end_the_connection)
{
    set("max_auth_failures", "2");
    begin_submission();
    EXPECT("AUTH PLAIN AHVzZXJAZXhhbXBsZS5vcmcAbm8=\r\nAUTH PLAIN AHVzZXJAZXhhbXBsZS5vcmcAbm8=\r\n",
           "535 421 |");
}
END_TEST

START_TEST(a_long_auth_line)
{
    char line[13000];

    memset(line, 'A', sizeof line);
    begin_submission();
    EXPECT("AUTH PLAIN\r\n", "334");
    ck_assert_str_eq(talk_bytes((struct fct_str){line, sizeof line}), "500");
    EXPECT("\r\nNOOP\r\n", "250");
    memcpy(line, "AUTH PLAIN ", 11);
    memcpy(line + 8000, "\r\n", 2);
    ck_assert_str_eq(talk_bytes((struct fct_str){line, 8002}),
                     "501"); /* all NULs: read, and no PLAIN message */
}
END_TEST

/* ---- LMTP ---- */

static void begin_lmtp(void)
{
    listener.protocol = &lmtp_protocol;
    listener.role = FCT_ROLE_LMTP;
    dial();
    EXPECT("", "220");
    EXPECT("EHLO c\r\nHELO c\r\nLHLO c\r\n", "500 500 250");
}

START_TEST(lmtp_answers_for_every_recipient)
{
    begin_lmtp();
    EXPECT("MAIL FROM:<a@x.org>\r\nRCPT TO:<user@example.org>\r\nRCPT TO:<no@example.org>\r\nRCPT "
           "TO:<full@example.org>\r\nRCPT TO:<pair@example.org>\r\n"
           "RCPT TO:<sick@example.org>\r\nDATA\r\n" MESSAGE ".\r\nNOOP\r\n",
           "250 250 550 250 250 250 354 250 552 250 451 250");
    ck_assert(str_find(buf_str(&store.message), FCT_STR(" with LMTP\r\n")) > 0);
    EXPECT("MAIL FROM:<a@x.org>\r\nRCPT TO:<user@example.org>\r\nRCPT "
           "TO:<other@example.org>\r\nBDAT 2\r\n\r\nBDAT 1 LAST\r\na",
           "250 250 250 250 250 250");
    filter.answer[FCT_HOOK_verdict].verdict = FCT_REJECT;
    EXPECT("MAIL FROM:<a@x.org>\r\nRCPT TO:<user@example.org>\r\nRCPT "
           "TO:<other@example.org>\r\nDATA\r\n" MESSAGE ".\r\n",
           "250 250 250 354 550 550");
}
END_TEST

/* ---- the end of the process ---- */

START_TEST(drain_says_421_at_the_next_boundary)
{
    begin();
    EXPECT(ENVELOPE "DATA\r\nSubject: x\r\n", "250 250 354");
    edge.sessions->drain(edge.sessions);
    EXPECT("\r\nx\r\n.\r\nNOOP\r\n", "250 421 |");
    ck_assert_uint_eq(store.copies, 1);
    hang_up();
    begin();
    edge.sessions->drain(edge.sessions);
    EXPECT("", "421 |");
}
END_TEST

/* threats: a client that goes at every byte. Whatever was cut, no session and no fiber is left
 * (teardown_edge looks). */
START_TEST(the_client_vanishes_at_every_byte)
{
    static const char all[] =
        ENVELOPE "DATA\r\n" MESSAGE ".\r\n" ENVELOPE "BDAT 3 LAST\r\na\r\nQUIT\r\n";

    static const size_t first_dot = sizeof ENVELOPE "DATA\r\n" MESSAGE ".\r\n" - 1;
    static const size_t last_chunk = sizeof all - sizeof "QUIT\r\n";

    for (size_t n = 0; n < sizeof all; n++) {
        unsigned want = n >= first_dot;

        want += n >= last_chunk;
        store.deliveries = 0;
        begin();
        (void)!talk_bytes((struct fct_str){all, n})[0];
        hang_up();
        ck_assert_uint_eq(edge.session_count, 0);
        ck_assert_msg(store.deliveries == want, "at %zu: %u", n, store.deliveries);
    }
}
END_TEST

START_TEST(too_many_connections_of_one_client)
{
    struct stream_address address = {.text = "192.0.2.1"}, other = {.text = "2001:db8::1"},
                          neighbour = {.text = "2001:db8::2"};
    struct edge_session s[3] = {{0}};

    for (size_t i = 0; i < 3; i++)
        edge_session_add(&s[i], &listener, NULL);
    ck_assert(edge_client_enter(&s[0], &address, 1));
    ck_assert(!edge_client_enter(&s[1], &address, 1));
    ck_assert(edge_client_enter(&s[1], &other, 1));
    ck_assert(!edge_client_enter(&s[2], &neighbour, 1)); /* the same /64 */
    edge_session_remove(&s[0]);
    edge_session_remove(&s[0]);
    ck_assert(edge_client_enter(&s[2], &address, 1));
    edge_session_remove(&s[1]);
    edge_session_remove(&s[2]);
    map_free(&listener.clients);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smtp_session");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup_edge, teardown_edge);
    tcase_add_test(tc, a_message_is_stored_as_it_came);
    tcase_add_test(tc, all_in_one_packet);
    tcase_add_test(tc, one_byte_at_a_time);
    tcase_add_test(tc, chunks);
    tcase_add_test(tc, ten_thousand_chunks_of_one_byte);
    tcase_add_test(tc, order_of_commands);
    tcase_add_test(tc, lines_that_are_no_commands);
    tcase_add_test(tc, a_long_line_is_answered_once);
    tcase_add_test(tc, too_many_errors);
    tcase_add_test(tc, recipients);
    tcase_add_test(tc, one_answer_for_several_copies);
    tcase_add_test(tc, smuggling_ends_the_connection_and_nothing_is_stored);
    tcase_add_test(tc, submission_mends_a_lone_lf_in_the_body);
    tcase_add_test(tc, too_large);
    tcase_add_test(tc, a_large_message_goes_to_a_file);
    tcase_add_test(tc, mail_loops);
    tcase_add_test(tc, a_store_that_fails_is_a_temporary_failure);
    tcase_add_test(tc, verdicts_of_the_dialogue);
    tcase_add_test(tc, a_refusal_waits_for_its_chunk);
    tcase_add_test(tc, a_plugin_refuses_the_connection);
    tcase_add_test(tc, discarded_mail_looks_accepted);
    tcase_add_test(tc, outcomes_of_recipients);
    tcase_add_test(tc, plugins_are_told);
    tcase_add_test(tc, submission_needs_a_login);
    tcase_add_test(tc, mail_for_elsewhere);
    tcase_add_test(tc, strangers_send_nothing_elsewhere);
    tcase_add_test(tc, scheduled_mail);
    tcase_add_test(tc, auth);
    tcase_add_test(tc, auth_needs_encryption);
    tcase_add_test(tc, wrong_passwords_end_the_connection);
    tcase_add_test(tc, a_long_auth_line);
    tcase_add_test(tc, lmtp_answers_for_every_recipient);
    tcase_add_test(tc, drain_says_421_at_the_next_boundary);
    tcase_add_test(tc, the_client_vanishes_at_every_byte);
    tcase_add_test(tc, too_many_connections_of_one_client);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
