/* test_lint.c - each finding: a message that has it, and one nearly the same that has not. */
#include "plugins/headers_lint/lint.h"
#include "plugins/headers_lint/lint_text.h"

#include "core/base/str.h"
#include "core/dns/psl.h"
#include "core/plugin/plugin_host.h"
#include <check.h>

#define NOW 1767268800 /* 2026-01-01 12:00 UTC */

#define GOOD_DATE "Date: Thu, 1 Jan 2026 11:00:00 +0000\r\n"
#define GOOD_FROM "From: Ann <ann@remote.example>\r\n"
#define GOOD_TO   "To: <bob@example.test>\r\n"
#define GOOD_ID   "Message-ID: <1.2@remote.example>\r\n"
#define GOOD_SUBJ "Subject: tomorrow\r\n"
#define GOOD_REST GOOD_FROM GOOD_TO GOOD_ID
#define GOOD      GOOD_DATE GOOD_REST GOOD_SUBJ
#define HOP(by)   "Received: from pc by " by "; 1 Jan 2026 12:00:00 +0000\r\n"
#define TEXT      "\r\nThe meeting is at noon, as it always is.\r\n"
#define TYPE      "MIME-Version: 1.0\r\nContent-Type: "
#define MIXED     TYPE "multipart/mixed; boundary=\"b 1\"\r\n"
#define PART      "--b 1\r\nContent-Type: text/plain\r\n\r\nThe meeting is at noon.\r\n"

static void read_message(struct fct_str message, const struct fct_conn *conn, struct lint *l)
{
    struct fct_trial trial = {.size = sizeof trial, .message = message, .conn = conn};
    struct fct_err err = {0};

    psl_setup();
    *l = (struct lint){.host = &plugin_host,
                       .call = plugin_host.trial_begin(NULL, &trial, &err),
                       .now = NOW,
                       .us = FCT_STR("ours.example"),
                       .future_s = 12 * 3600,
                       .past_s = 5 * 86400,
                       .recipients = 3};
    ck_assert_msg(l->call, "%s", err.text);
    lint_message(l);
    plugin_host.trial_end(l->call);
}

/* `have` has it and `lacks` has not. */
static const struct {
    enum lint_finding what;
    const char *have, *lacks;
} cases[] = {
    {LINT_NO_DATE, GOOD_REST GOOD_SUBJ TEXT, GOOD TEXT},
    {LINT_NO_FROM, GOOD_DATE GOOD_TO TEXT, GOOD TEXT},
    {LINT_NO_MESSAGE_ID, GOOD_DATE GOOD_FROM TEXT, GOOD TEXT},
    {LINT_NO_SUBJECT, GOOD_DATE "Subject: \r\n" TEXT, GOOD TEXT},
    {LINT_NO_TO, GOOD_DATE GOOD_FROM TEXT, GOOD_DATE "Cc: <x@y.example>\r\n" TEXT},
    {LINT_TWO_FROM, GOOD GOOD_FROM TEXT, GOOD TEXT},
    {LINT_DUPLICATE_FIELD, GOOD GOOD_TO TEXT, GOOD "Received: x\r\nReceived: y\r\n" TEXT},
    {LINT_BAD_DATE, "Date: soon\r\n" GOOD_REST TEXT, GOOD TEXT},
    {LINT_DATE_ZONE, "Date: 1 Jan 2026 12:00:00 -1700\r\n" TEXT,
     "Date: 1 Jan 2026 12:00:00 +1245\r\n" TEXT},
    {LINT_DATE_ZONE, "Date: 1 Jan 2026 12:00:00 +0323\r\n" TEXT,
     "Date: 1 Jan 2026 12:00:00 PST\r\n" TEXT},
    {LINT_DATE_FUTURE, "Date: 3 Jan 2026 12:00:00 +0000\r\n" TEXT, GOOD TEXT},
    {LINT_DATE_FUTURE, "Received: by x; 1 Jan 2025 12:00 +0000\r\n" GOOD TEXT,
     "Received: by x; 1 Jan 2026 03:00:00 -0800\r\n" GOOD TEXT},
    {LINT_DATE_PAST, "Date: 1 Dec 2025 12:00:00 +0000\r\n" TEXT,
     "Date: 29 Dec 2025 12:00:00 +0000\r\n" TEXT},
    {LINT_BAD_MESSAGE_ID, "Message-ID: 12@x\r\n" TEXT, GOOD TEXT},
    {LINT_BAD_MESSAGE_ID, "Message-ID: <a b@x>\r\n" TEXT, "Message-ID: <a@[1.2.3.4]>\r\n" TEXT},
    {LINT_FIELD_8BIT, GOOD_REST "Subject: gr\xc3\xbc\xc3\x9f\r\n" TEXT,
     GOOD_REST "Subject: =?utf-8?Q?gr=C3=BC=C3=9F?=\r\n" TEXT},
    {LINT_UNDISCLOSED, "To: undisclosed-recipients:;\r\n" TEXT, GOOD TEXT},
    {LINT_MANY_RECIPIENTS, "To: <a@x.y>, <b@x.y>\r\nCc: <c@x.y>, <d@x.y>\r\n" TEXT,
     "To: <a@x.y>, <b@x.y>\r\nCc: <c@x.y>\r\n" TEXT},
    {LINT_FROM_IS_TO, "From: <bob@Example.test>\r\n" GOOD_TO TEXT, GOOD TEXT},
    {LINT_FREEMAIL_ELSEWHERE, HOP("pc") "From: <ann@Hotmail.co.uk>\r\n" TEXT,
     HOP("x.prod.OUTLOOK.com") "From: <ann@hotmail.co.uk>\r\n" TEXT},
    {LINT_FREEMAIL_ELSEWHERE, HOP("pc") "From: <ann@gmail.com>\r\nMessage-ID: <1@x>\r\n" TEXT,
     HOP("pc") "From: <ann@gmail.com>\r\nMessage-ID: <1@mail.gmail.com>\r\n" TEXT},
    {LINT_FREEMAIL_ELSEWHERE, HOP("mail.example") "From: <ann@gmx.de>\r\n" TEXT,
     HOP("mail.example") "From: <ann@gmx.de>\r\nList-Id: <x.y>\r\n" TEXT},
    {LINT_FREEMAIL_ELSEWHERE, HOP("pc") "From: <ann@yahoo.com>\r\n" TEXT,
     HOP("pc") "From: <ann@notyahoo.com>\r\n" TEXT},
    {LINT_FREEMAIL_ELSEWHERE, HOP("pc") "From: <ann@msn.com>\r\n" TEXT,
     "From: <ann@msn.com>\r\n" TEXT},
    {LINT_SENDER_RANDOM, "From: <r3kx82v@x.example>\r\n" TEXT,
     "From: <ann1970@x.example>\r\n" TEXT},
    {LINT_SENDER_RANDOM, "From: <a1b2@x.example>\r\n" TEXT,
     "From: <reply+4f6a2c@x.example>\r\n" TEXT},
    {LINT_REPLY_ELSEWHERE, GOOD "Reply-To: <x@other.example>\r\n" TEXT,
     GOOD "Reply-To: <x@sub.remote.example>\r\n" TEXT},
    {LINT_REPLY_ELSEWHERE, GOOD "Reply-To: <x@other.example>\r\n" TEXT,
     GOOD "Reply-To: <x@other.example>\r\nList-Id: <x.y>\r\n" TEXT},
    {LINT_SUBJECT_ENCODED, "Subject: =?utf-8?B?YnV5IG5vdw==?=\r\n" TEXT,
     "Subject: =?utf-8?B?w7xiZXI=?=\r\n" TEXT},
    {LINT_SUBJECT_CAPS, "Subject: URGENT BUSINESS OFFER\r\n" TEXT, "Subject: RFC 5322\r\n" TEXT},
    {LINT_SUBJECT_GAPS, "Subject: V I A G R A now\r\n" TEXT, "Subject: plan a b c\r\n" TEXT},
    {LINT_SUBJECT_HIDDEN, "Subject: =?utf-8?B?UGF54oCLUGFs?=\r\n" TEXT,
     "Subject: =?utf-8?B?UGF5UGFs?=\r\n" TEXT},
    {LINT_FAKED_REPLY, "Subject: Re: your order\r\n" TEXT,
     "Subject: Re: your order\r\nIn-Reply-To: <1@x.y>\r\n" TEXT},
    {LINT_FAKED_REPLY, "Subject: AW: Ihre Rechnung\r\n" TEXT, "Subject: Regarding x\r\n" TEXT},
    {LINT_BULK_NO_UNSUBSCRIBE, "Precedence: bulk\r\n" TEXT,
     "Precedence: bulk\r\nList-Unsubscribe: <mailto:x@y.example>\r\n" TEXT},
    {LINT_TRACE_ORDER,
     "Received: by a; 1 Jan 2026 12:00:00 +0000\r\nReceived: by b; 3 Jan 2026 12:00:00 "
     "+0000\r\n" TEXT,
     "Received: by a; 1 Jan 2026 12:00:00 +0000\r\nReceived: by b; 1 Jan 2026 12:30:00 "
     "+0000\r\n" TEXT},
    {LINT_TRACE_DATE, "Received: by a; 1 Jan 2026 12:00:00 +0000\r\nReceived: by b\r\n" TEXT,
     "Received: by a; 1 Jan 2026 12:00:00 +0000\r\n" TEXT},
    {LINT_MIME_NO_VERSION, "Content-Type: text/html\r\n\r\n<p>hello there you</p>\r\n",
     TYPE "text/html\r\n\r\n<p>hello there you</p>\r\n"},
    {LINT_MIME_NO_BOUNDARY, TYPE "multipart/mixed\r\n" TEXT, MIXED "\r\n" PART "--b 1--\r\n"},
    {LINT_MIME_NO_END, MIXED "\r\n" PART, MIXED "\r\n" PART "--b 1--\r\n"},
    {LINT_MIME_DUPLICATE, TYPE "text/plain\r\nContent-Type: text/html\r\n" TEXT,
     TYPE "text/plain\r\n" TEXT},
    {LINT_MIME_BAD_BASE64,
     TYPE "text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8*gdGhlcmU=\r\n",
     TYPE "text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8gdGhlcmU=\r\n"},
    {LINT_CHARSET_UNKNOWN, TYPE "text/plain; charset=martian\r\n" TEXT,
     TYPE "text/plain; charset=Windows-1252\r\n" TEXT},
    {LINT_TEXT_BASE64,
     TYPE "text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8gdGhlcmU=\r\n",
     TYPE "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nZ3LDvMOf\r\n"},
    {LINT_EMPTY, GOOD "\r\n \r\n", GOOD TEXT},
    {LINT_ONLY_IMAGE,
     TYPE "text/html\r\n\r\n<a href=http://x.example/><img src=http://x.example/1></a>",
     TYPE "text/html\r\n\r\n<p>A text that is long enough to be read by somebody.</p><img "
          "src=http://x.example/1>"},
    {LINT_HTML_ONLY, TYPE "text/html\r\n\r\n<p>hello there you</p>", GOOD TEXT},
    {LINT_FORGED_CLIENT, "X-Mailer: Microsoft Outlook Express 6\r\nMessage-ID: <abc@x.y>\r\n" TEXT,
     "X-Mailer: Microsoft Outlook Express 6\r\n"
     "Message-ID: <000c01c7a1b2$1234abcd$0100a8c0@pc>\r\n" TEXT},
    {LINT_FORGED_CLIENT, "User-Agent: Mozilla Thunderbird\r\nMessage-ID: <lottery@x.y>\r\n" TEXT,
     "User-Agent: Mozilla Thunderbird\r\n"
     "Message-ID: <3f1c1f0e-8d2b-4b6e-9a55-0d4c0b4e1f2a@x.y>\r\n" TEXT},
    {LINT_FORGED_CLIENT, GOOD "X-MimeOLE: Produced By Microsoft MimeOLE V6\r\n" TEXT,
     GOOD
     "X-MimeOLE: Produced By Microsoft MimeOLE V6\r\nX-OriginalArrivalTime: 08 Aug 2002\r\n" TEXT},
    {LINT_BAD_MESSAGE_ID, "X-Mailer: Microsoft Outlook\r\nMessage-ID: @\r\n" TEXT, GOOD TEXT},
    {LINT_PRIORITY, GOOD "X-Priority: 1\r\n" TEXT,
     GOOD "X-Priority: 1\r\nX-Mailer: PHPMailer 6\r\n" TEXT},
    {LINT_PRIORITY, GOOD "X-MSMail-Priority: High\r\n" TEXT, GOOD TEXT},
    {LINT_PHP_SCRIPT, "X-PHP-Originating-Script: 33:mail.php\r\n" TEXT, GOOD TEXT},
};

START_TEST(findings)
{
    struct lint l;

    read_message(str_from(cases[_i].have), NULL, &l);
    ck_assert_msg(l.of[cases[_i].what].yes, "not found in %s", cases[_i].have);
    read_message(str_from(cases[_i].lacks), NULL, &l);
    ck_assert_msg(!l.of[cases[_i].what].yes, "found in %s", cases[_i].lacks);
}
END_TEST

START_TEST(nothing_in_a_good_message)
{
    struct lint l;

    read_message(FCT_STR(GOOD TEXT), NULL, &l);
    for (size_t i = 0; i < LINT_FINDINGS; i++)
        ck_assert_msg(!l.of[i].yes, "finding %zu", i);
}
END_TEST

START_TEST(zero_bytes)
{
    struct lint l;

    read_message(FCT_STR(GOOD "\r\nThe meeting\0 is at noon\r\n"), NULL, &l);
    ck_assert(l.of[LINT_MIME_NUL].yes);
}
END_TEST

/* ---- trace in our name ---- */

static void read_from(const char *ip, const char *helo, const char *second, struct lint *l)
{
    struct fct_conn conn = {.size = sizeof conn, .client_ip = str_from(ip), .helo = str_from(helo)};
    char text[600];
    int n = snprintf(text, sizeof text,
                     "Received: from x by ours.example; 1 Jan 2026 12:00:00 +0000\r\n"
                     "Received: from y\r\n\tby %s; 1 Jan 2026 12:00:00 +0000\r\n%s",
                     second, GOOD TEXT);

    read_message((struct fct_str){text, (size_t)n}, &conn, l);
}

START_TEST(our_name)
{
    static const struct {
        const char *ip, *helo, *second;
        bool is_us, forged;
    } mails[] = {
        {"192.0.2.1", "Ours.example", "a.example", true, false},
        {"192.0.2.1", "a.example", "OURS.example", false, true},
        {"192.0.2.1", "a.example", "ours.example.net", false, false},
        {"127.0.0.1", "ours.example", "ours.example", false, false},
        {"::1", "ours.example", "ours.example", false, false},
    };
    struct lint l;

    for (size_t i = 0; i < FCT_COUNT(mails); i++) {
        read_from(mails[i].ip, mails[i].helo, mails[i].second, &l);
        ck_assert_msg(l.of[LINT_HELO_IS_US].yes == mails[i].is_us, "%zu", i);
        ck_assert_msg(l.of[LINT_FORGED_TRACE].yes == mails[i].forged, "%zu", i);
    }
}
END_TEST

/* ---- readers ---- */

START_TEST(dates_read)
{
    static const struct {
        const char *text;
        int64_t at; /* -1: none */
    } dates[] = {
        {"Thu, 1 Jan 1970 00:00:00 +0000", 0},
        {"Thu, 01 Jan 2026 12:00:00 +0000", NOW},
        {"1 Jan 2026 13:00 +0100 (CET)", NOW},
        {"Thu,1 jan 2026 04:00:00 PST", NOW},
        {"Thu, 1 Jan 26 12:00:00 GMT", NOW},
        {"29 Feb 2024 00:00:00 -0000", 1709164800},
        {"1 Mar 2100 00:00:00 UT", 4107542400},
        {"", -1},
        {"tomorrow", -1},
        {"Thu, 1 Jan 2026", -1},
        {"Thu, 1 Foo 2026 12:00:00 +0000", -1},
        {"Thu, 0 Jan 2026 12:00:00 +0000", -1},
        {"Thu, 32 Jan 2026 12:00:00 +0000", -1},
        {"Thu, 1 Jan 2026 25:00:00 +0000", -1},
        {"Thu, 1 Jan 2026 12:00:00 +0099", -1},
        {"Thu, 1 Jan 2026 12:00:00", -1},
        {"Thu, 1 Jan 99999999999 12:00:00 +0000", -1},
    };
    int64_t at;

    for (size_t i = 0; i < FCT_COUNT(dates); i++) {
        bool is = lint_date(str_from(dates[i].text), &at);

        ck_assert_msg(is == (dates[i].at >= 0) && (!is || at == dates[i].at), "%s: %lld",
                      dates[i].text, is ? (long long)at : -1LL);
    }
}
END_TEST

START_TEST(parameters_read)
{
    static const struct {
        const char *value, *boundary;
    } given[] = {
        {" multipart/mixed; boundary=abc", "abc"},
        {" multipart/mixed;\r\n\tboundary=\"a b;c\"; charset=x", "a b;c"},
        {" multipart/mixed; BOUNDARY = \"x\"", "x"},
        {" multipart/mixed; xboundary=abc", ""},
        {" multipart/mixed; boundary", ""},
        {" multipart/mixed; boundary=\"abc", "abc"},
        {"", ""},
    };

    for (size_t i = 0; i < FCT_COUNT(given); i++) {
        struct fct_str got = lint_parameter(str_from(given[i].value), "boundary");

        ck_assert_msg(got.n == strlen(given[i].boundary) &&
                          memcmp(got.p, given[i].boundary, got.n) == 0,
                      "%s: %.*s", given[i].value, FCT_FMT(got));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("headers_lint");
    TCase *tc = tcase_create("headers_lint");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, findings, 0, FCT_COUNT(cases));
    tcase_add_test(tc, nothing_in_a_good_message);
    tcase_add_test(tc, zero_bytes);
    tcase_add_test(tc, our_name);
    tcase_add_test(tc, dates_read);
    tcase_add_test(tc, parameters_read);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
