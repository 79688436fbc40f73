/* test_delivery_status.c - reports about delivery, of others and our own (RFC 3464). */
#include "core/message/delivery_report.h"
#include "message_test.h"

/* ---- xtext ---- */

/* clang-format off */
static const struct {
    const char *in, *want; /* NULL: refused */
} xtexts[] = {
    {"abc", "abc"}, {"a+2Bb+3Dc", "a+b=c"}, {"+20", " "}, {"", ""}, {"a@b.c!d", "a@b.c!d"}, {"\xC3\xA9", "\xC3\xA9"},
    {"+", NULL}, {"+2", NULL}, {"+2b", NULL}, {"+G0", NULL}, {"a=b", NULL}, {"a b", NULL}, {"+0A", NULL}, {"+00", NULL}, {"+7F", NULL},
    {"a\tb", NULL}, {"\xC3", NULL}, {"+FF", NULL},
};
/* clang-format on */

START_TEST(xtext)
{
    for (size_t i = 0; i < FCT_COUNT(xtexts); i++) {
        struct arena *arena = arena_new(NULL);
        struct fct_str got;
        bool ok = xtext_decode(arena, str_from(xtexts[i].in), &got);

        ck_assert_msg(ok == (xtexts[i].want != NULL), "%s", xtexts[i].in);
        if (ok)
            assert_text(xtexts[i].in, got, str_from(xtexts[i].want));
        arena_free(&arena);
    }
}
END_TEST

START_TEST(xtext_there_and_back)
{
    struct arena *arena = arena_new(NULL);
    struct fct_str in = FCT_STR("a+b=c d!~\xC3\xA9"), got;
    struct buf out = BUF_INIT(100), small = BUF_INIT(5);

    ck_assert(xtext_encode(in, &out));
    assert_text("encoded", buf_str(&out), FCT_STR("a+2Bb+3Dc+20d!~+C3+A9"));
    ck_assert(xtext_decode(arena, buf_str(&out), &got));
    assert_text("back", got, in);
    ck_assert(!xtext_encode(in, &small));
    buf_free(&out);
    buf_free(&small);
    arena_free(&arena);
}
END_TEST

/* ---- fields of others ---- */

static void show(struct arena *arena, const struct delivery_status *s, struct buf *out)
{
    (void)arena;
    buf_printf(out, "%.*s|%.*s|%lld", FCT_FMT(s->reporting_mta), FCT_FMT(s->envelope_id),
               (long long)s->arrival);
    for (size_t i = 0; i < s->recipients; i++) {
        const struct delivery_recipient *r = &s->recipient[i];

        buf_printf(out, "\n%s <%.*s> %.*s:%.*s %.*s mta=%.*s %.*s:%.*s until=%lld",
                   delivery_action_word(r->action), FCT_FMT(r->final), FCT_FMT(r->original_type),
                   FCT_FMT(r->original), FCT_FMT(r->status), FCT_FMT(r->remote_mta),
                   FCT_FMT(r->diagnostic_type), FCT_FMT(r->diagnostic),
                   (long long)r->will_retry_until);
    }
}

/* clang-format off */
static const struct {
    const char *name, *body, *want; /* NULL: refused */
} bodies[] = {
    {"RFC 3464 E.1",
     "Reporting-MTA: dns; cs.utk.edu\r\n\r\nOriginal-Recipient: rfc822;louisl@larry.slip.umd.edu\r\n"
     "Final-Recipient: rfc822;louisl@larry.slip.umd.edu\r\nAction: failed\r\nStatus: 4.0.0\r\n"
     "Diagnostic-Code: smtp; 426 connection timed out\r\nLast-Attempt-Date: Thu, 7 Jul 1994 17:15:49 -0400\r\n",
     "cs.utk.edu||0\nfailed <louisl@larry.slip.umd.edu> rfc822:louisl@larry.slip.umd.edu 4.0.0 mta= smtp:426 connection timed out until=0"},
    {"all of it",
     "Reporting-MTA: dns; mx.example.org\r\nOriginal-Envelope-Id: QQ314159\r\nArrival-Date: Mon, 5 Jan 2026 10:11:12 +0100\r\n\r\n"
     "Final-Recipient: RFC822; bob@example.net\r\nAction: Delayed\r\nStatus: 4.4.1 (no answer)\r\nRemote-MTA: dns; mail.example.net\r\n"
     "Diagnostic-Code: smtp; 451 first\r\n line two\r\nWill-Retry-Until: Mon, 5 Jan 2026 10:11:13 +0100\r\n",
     "mx.example.org|QQ314159|1767604272\ndelayed <bob@example.net> : 4.4.1 mta=mail.example.net smtp:451 first line two until=1767604273"},
    {"bare line feeds, several recipients",
     "Reporting-MTA: dns;a\n\nFinal-Recipient: rfc822;x@y\nAction: delivered\nStatus: 2.1.5\n\n\n"
     "Final-Recipient: rfc822;z@y\nAction: expanded\nStatus: 2.0.0\n",
     "a||0\ndelivered <x@y> : 2.1.5 mta= : until=0\nexpanded <z@y> : 2.0.0 mta= : until=0"},
    {"no empty line between", "Reporting-MTA: dns;a\r\nFinal-Recipient: rfc822;x@y\r\nAction: failed\r\n",
     "a||0\nfailed <x@y> :  mta= : until=0"},
    {"no action: the status tells", "\r\n\r\nReporting-MTA: dns;a\r\n\r\nFinal-Recipient: <x@y>\r\nStatus: 5.1.1\r\n",
     "a||0\nfailed <x@y> : 5.1.1 mta= : until=0"},
    {"original recipient only", "Reporting-MTA: dns;a\r\n\r\nOriginal-Recipient: rfc822;x@y\r\nAction: relayed\r\n",
     "a||0\nrelayed <x@y> rfc822:x@y  mta= : until=0"},
    {"UTF-8 addresses (RFC 6533 3)", "Reporting-MTA: dns;a\r\n\r\nFinal-Recipient: utf-8;p\\x{E9}re\\x{2B}x@\\x{1F600}.example\r\nAction: failed\r\n",
     "a||0\nfailed <p\xC3\xA9re+x@\xF0\x9F\x98\x80.example> :  mta= : until=0"},
    {"broken escapes stay", "Reporting-MTA: dns;a\r\n\r\nFinal-Recipient: utf-8;\\x{}\\x{A}\\x{110000000}\\x{41@y\r\nAction: failed\r\n",
     "a||0\nfailed <\\x{}\\x{A}\\x{110000000}\\x{41@y> :  mta= : until=0"},
    {"statuses that are none", "Reporting-MTA: dns;a\r\n\r\nFinal-Recipient: rfc822;x@y\r\nAction: failed\r\nStatus: 3.1.1\r\n",
     "a||0\nfailed <x@y> :  mta= : until=0"},
    {"no recipient", "Reporting-MTA: dns;a\r\n", NULL},
    {"no action, no status", "Reporting-MTA: dns;a\r\n\r\nFinal-Recipient: rfc822;x@y\r\n", NULL},
    {"an unknown action", "Reporting-MTA: dns;a\r\n\r\nFinal-Recipient: rfc822;x@y\r\nAction: eaten\r\n", NULL},
    {"nothing", "", NULL},
    {"no fields", "hello\r\n\r\nworld\r\n", NULL},
};
/* clang-format on */

START_TEST(fields_of_others)
{
    for (size_t i = 0; i < FCT_COUNT(bodies); i++) {
        struct arena *arena = arena_new(NULL);
        struct delivery_status status;
        struct buf got = BUF_INIT(65536);
        struct fct_err err = {0};
        bool ok = delivery_status_parse(arena, str_from(bodies[i].body), &status, &err);

        ck_assert_msg(ok == (bodies[i].want != NULL), "%s: %s", bodies[i].name, err.text);
        ck_assert_msg(ok || err.class == FCT_SYNTAX, "%s", bodies[i].name);
        if (ok) {
            show(arena, &status, &got);
            assert_text(bodies[i].name, buf_str(&got), str_from(bodies[i].want));
        }
        buf_free(&got);
        arena_free(&arena);
    }
}
END_TEST

START_TEST(a_hostile_report_is_cut)
{
    struct arena *arena = arena_new(NULL);
    struct delivery_status status;
    struct buf body = BUF_INIT(4u << 20);
    struct fct_err err = {0};

    buf_put_c(&body, "Reporting-MTA: dns;a\r\n\r\nFinal-Recipient: rfc822;");
    put_times(&body, "x", 50000);
    buf_put_c(&body, "\r\nAction: failed\r\n");
    put_times(&body, "\r\nFinal-Recipient: rfc822;x@y\r\nAction: failed\r\n", 20000);
    ck_assert(delivery_status_parse(arena, buf_str(&body), &status, &err));
    ck_assert_uint_eq(status.recipients, DELIVERY_RECIPIENTS_MAX);
    ck_assert_uint_le(status.recipient[0].final.n, DELIVERY_VALUE_MAX);
    buf_free(&body);
    arena_free(&arena);
}
END_TEST

/* ---- our own ---- */

static const struct delivery_recipient two[] = {
    {.action = DELIVERY_FAILED,
     .final = FCT_STR_INIT("bob@example.net"),
     .original_type = FCT_STR_INIT("rfc822"),
     .original = FCT_STR_INIT("Bob+tag@Example.net"),
     .status = FCT_STR_INIT("5.1.1"),
     .remote_mta = FCT_STR_INIT("mx.example.net"),
     .diagnostic = FCT_STR_INIT("550-5.1.1 no such user\n550 5.1.1 here\r\nBcc: x@y")},
    {.action = DELIVERY_DELAYED,
     .final = FCT_STR_INIT("eve@example.com"),
     .status = FCT_STR_INIT("4.4.1"),
     .will_retry_until = 1767690672},
};
static const char original[] = "From: Alice <alice@example.org>\r\nMessage-ID: <1@example.org>\r\n"
                               "Subject: hello\r\n\r\nbody of it\r\n";

static struct delivery_report a_report(void)
{
    return (struct delivery_report){
        .status = {.reporting_mta = FCT_STR("mx.example.org"),
                   .envelope_id = FCT_STR("QQ=1"),
                   .arrival = 1767604272,
                   .recipient = two,
                   .recipients = 2},
        .from = FCT_STR("MAILER-DAEMON@mx.example.org"),
        .to = FCT_STR("alice@example.org"),
        .message_id = FCT_STR("2@mx.example.org"),
        .now = 1767604273,
        .original = str_from(original),
        .original_is_whole = true,
        .return_full = true,
        .max_original = 1000,
    };
}

static bool holds(const struct buf *b, const char *text)
{
    return str_find(buf_str(b), str_from(text)) >= 0;
}

START_TEST(ours_can_be_read)
{
    struct delivery_report r = a_report();
    struct arena *arena = arena_new(NULL);
    struct delivery_report_made made;
    struct delivery_notice notice;
    struct buf out = BUF_INIT(65536), got = BUF_INIT(65536);
    struct fct_err err = {0};

    ck_assert_msg(delivery_report_write(&r, &out, &made, &err), "%s", err.text);
    ck_assert_msg(delivery_notice_parse(arena, buf_str(&out), FCT_STR("a@b"), &notice, &err), "%s",
                  err.text);
    show(arena, &notice.status, &got);
    assert_text(
        "status", buf_str(&got),
        FCT_STR("mx.example.org|QQ=1|1767604272\n"
                "failed <bob@example.net> rfc822:Bob+tag@Example.net 5.1.1 mta=mx.example.net "
                "smtp:550-5.1.1 no such user 550 5.1.1 here Bcc: x@y until=0\n"
                "delayed <eve@example.com> : 4.4.1 mta= : until=1767690672"));
    assert_text("id", notice.original_message_id, FCT_STR("<1@example.org>"));
    assert_text("from", notice.original_from, FCT_STR("Alice <alice@example.org>"));
    assert_text("whole", notice.original, str_from(original));
    ck_assert(made.has_full && !made.needs_8bit && !made.needs_utf8);
    ck_assert(holds(&out, "\r\nAuto-Submitted: auto-replied\r\n"));
    ck_assert(holds(&out, "\r\nIn-Reply-To: <1@example.org>\r\n"));
    ck_assert(holds(&out, "\r\nSubject: Your message could not be delivered\r\n"));
    ck_assert(holds(&out, "This address does not exist."));
    ck_assert(holds(&out, "The server mx.example.net answered:"));
    ck_assert(!holds(&out, "\nBcc:")); /* a server's answer adds no line to the header */
    buf_free(&out);
    buf_free(&got);
    arena_free(&arena);
}
END_TEST

START_TEST(nobody_is_told_about_reports)
{
    struct delivery_report r = a_report();
    struct delivery_report_made made;
    struct buf out = BUF_INIT(65536);
    struct fct_err err = {0};

    r.to = FCT_STR("");
    ck_assert(!delivery_report_write(&r, &out, &made, &err));
    ck_assert_int_eq(err.class, FCT_DENIED);
    r.to = FCT_STR("a@b>\r\nBcc: <x@y");
    ck_assert(!delivery_report_write(&r, &out, &made, &err));
    ck_assert_int_eq(err.class, FCT_SYNTAX);
    r = a_report();
    r.status.recipients = 0;
    ck_assert(!delivery_report_write(&r, &out, &made, &err));
    r = a_report();
    out.max = 500;
    ck_assert(!delivery_report_write(&r, &out, &made, &err));
    ck_assert_int_eq(err.class, FCT_LIMIT);
    buf_free(&out);
}
END_TEST

/* clang-format off */
static const struct {
    const char *name, *original;
    bool full, whole, accepts_utf8; size_t max;
    const char *type, *holds, *lacks;
    bool has_full, needs_8bit;
} returns[] = {
    {"header asked for", original, false, true, false, 1000, "text/rfc822-headers", "Subject: hello", "body of it", false, false},
    {"too large", original, true, true, false, 20, "text/rfc822-headers", "Subject: hello", "body of it", false, false},
    {"only the header is there", original, true, false, false, 1000, "text/rfc822-headers", "Subject: hello", "\nbody of it", false, false},
    {"8bit body", "Subject: a\r\n\r\n\xC3\xA9\r\n", true, true, false, 1000, "message/rfc822", "\xC3\xA9", "global", true, true},
    {"8bit body, header only", "Subject: a\r\n\r\n\xC3\xA9\r\n", false, true, false, 1000, "text/rfc822-headers", "Subject: a", "\xC3\xA9", false, false},
    {"UTF-8 header", "Subject: \xC3\xA9\r\n\r\nx\r\n", true, true, true, 1000, "message/global\r\n", "\xC3\xA9", "rfc822\r\n", true, true},
    {"UTF-8 header only", "Subject: \xC3\xA9\r\n\r\nx\r\n", false, true, true, 1000, "message/global-headers", "\xC3\xA9", "rfc822\r\n", false, true},
    {"a bare line feed", "Subject: a\r\n\r\nx\ny\r\n", true, true, false, 1000, "text/rfc822-headers", "Subject: a", "x\ny", false, false},
    {"a bare carriage return", "Subject: a\r\n\r\nx\ry\r\n", true, true, false, 1000, "text/rfc822-headers", "Subject: a", "x\ry", false, false},
    {"no original", "", true, true, false, 1000, "message/delivery-status", "Status: 5.1.1", "rfc822-headers", false, false},
};
/* clang-format on */

START_TEST(what_comes_back)
{
    for (size_t i = 0; i < FCT_COUNT(returns); i++) {
        struct delivery_report r = a_report();
        struct delivery_report_made made;
        struct buf out = BUF_INIT(65536);
        struct fct_err err = {0};

        r.original = str_from(returns[i].original);
        r.return_full = returns[i].full;
        r.original_is_whole = returns[i].whole;
        r.accepts_utf8 = returns[i].accepts_utf8;
        r.max_original = returns[i].max;
        ck_assert_msg(delivery_report_write(&r, &out, &made, &err), "%s: %s", returns[i].name,
                      err.text);
        ck_assert_msg(holds(&out, returns[i].type), "%s: %s", returns[i].name, out.p);
        ck_assert_msg(holds(&out, returns[i].holds), "%s", returns[i].name);
        ck_assert_msg(!holds(&out, returns[i].lacks), "%s", returns[i].name);
        ck_assert_msg(made.has_full == returns[i].has_full, "%s", returns[i].name);
        ck_assert_msg(made.needs_8bit == returns[i].needs_8bit, "%s", returns[i].name);
        ck_assert_msg(holds(&out, "Content-Transfer-Encoding: 8bit") == returns[i].needs_8bit, "%s",
                      returns[i].name);
        buf_free(&out);
    }
}
END_TEST

START_TEST(success_never_returns_the_body)
{
    struct delivery_recipient one = two[0];
    struct delivery_report r = a_report();
    struct delivery_report_made made;
    struct buf out = BUF_INIT(65536);
    struct fct_err err = {0};

    one.action = DELIVERY_RELAYED;
    r.status.recipient = &one;
    r.status.recipients = 1;
    ck_assert(delivery_report_write(&r, &out, &made, &err));
    ck_assert(!made.has_full && !holds(&out, "body of it"));
    buf_free(&out);
}
END_TEST

START_TEST(in_french)
{
    struct delivery_report r = a_report();
    struct delivery_report_made made;
    struct buf out = BUF_INIT(65536);
    struct fct_err err = {0};

    r.language = LANGUAGE_FRENCH;
    ck_assert(delivery_report_write(&r, &out, &made, &err));
    ck_assert(holds(&out, "Subject: =?utf-8?q?Votre_message_n=27a_pas_pu_=C3=AAtre_remis?=\r\n"));
    ck_assert(holds(&out, "Content-Language: fr\r\n"));
    ck_assert(holds(&out, "Cette adresse n'existe pas."));
    for (size_t i = 0; i < out.n; i++)
        ck_assert((unsigned char)out.p[i] < 0x80);
    buf_free(&out);
}
END_TEST

START_TEST(addresses_in_utf8)
{
    struct delivery_recipient one = {.action = DELIVERY_FAILED,
                                     .final = FCT_STR("p\xC3\xA9re@ex\xC3\xA4mple.net"),
                                     .status = FCT_STR("5.6.7")};
    struct delivery_report r = a_report();
    struct delivery_report_made made;
    struct buf out = BUF_INIT(65536);
    struct fct_err err = {0};

    r.status.recipient = &one;
    r.status.recipients = 1;
    r.accepts_utf8 = true;
    ck_assert(delivery_report_write(&r, &out, &made, &err));
    ck_assert(holds(&out, "message/global-delivery-status"));
    ck_assert(holds(&out, "Final-Recipient: utf-8; p\xC3\xA9re@ex\xC3\xA4mple.net\r\n"));
    ck_assert(made.needs_8bit);
    buf_clear(&out);
    r.accepts_utf8 = false;
    ck_assert(delivery_report_write(&r, &out, &made, &err));
    ck_assert(holds(&out, "Content-Type: message/delivery-status\r\n"));
    ck_assert(holds(&out, "Final-Recipient: utf-8; p\\x{E9}re@ex\\x{E4}mple.net\r\n"));
    ck_assert(!made.needs_8bit && !made.needs_utf8);
    buf_free(&out);
}
END_TEST

/* clang-format off */
static const struct {
    const char *header;
    enum language want;
} languages[] = {
    {"Accept-Language: fr-FR, en;q=0.5\r\n\r\n", LANGUAGE_FRENCH}, {"Content-Language: FR\r\n\r\n", LANGUAGE_FRENCH},
    {"Accept-Language: en-GB\r\nContent-Language: fr\r\n\r\n", LANGUAGE_ENGLISH}, {"Content-Language: fro\r\n\r\n", LANGUAGE_ENGLISH},
    {"Accept-Language: de\r\nContent-Language: fr\r\n\r\n", LANGUAGE_FRENCH}, {"Subject: x\r\n\r\n", LANGUAGE_ENGLISH}, {"", LANGUAGE_ENGLISH},
};
/* clang-format on */

START_TEST(language_of_the_sender)
{
    for (size_t i = 0; i < FCT_COUNT(languages); i++)
        ck_assert_msg(delivery_language_of_message(str_from(languages[i].header),
                                                   LANGUAGE_ENGLISH) == languages[i].want,
                      "%s", languages[i].header);
    ck_assert_int_eq(delivery_language_of_message(FCT_STR("Subject: x\r\n\r\n"), LANGUAGE_FRENCH),
                     LANGUAGE_FRENCH);
}
END_TEST

START_TEST(lines_are_short_enough)
{
    struct delivery_recipient one = two[0];
    struct delivery_report r = a_report();
    struct delivery_report_made made;
    struct buf out = BUF_INIT(1u << 20), answer = BUF_INIT(100000), header = BUF_INIT(100000);
    struct fct_err err = {0};
    size_t line = 0;

    put_times(&answer, "550 no\r\n.\r\n", 1000);
    put_times(&answer, "x", 9000);
    buf_put_c(&header, "Subject: hello\r\nX-Long: ");
    put_times(&header, "y", 3000);
    buf_put_c(&header, "\r\n\r\n");
    one.diagnostic = buf_str(&answer);
    r.status.recipient = &one;
    r.status.recipients = 1;
    r.original = buf_str(&header);
    ck_assert(delivery_report_write(&r, &out, &made, &err));
    for (size_t i = 0; i < out.n; i++) {
        line = out.p[i] == '\n' ? 0 : line + 1;
        ck_assert_uint_le(line, 999);
        ck_assert(out.p[i] != '\n' || out.p[i - 1] == '\r');
    }
    ck_assert(holds(&out, "Subject: hello") && !holds(&out, "X-Long"));
    buf_free(&out);
    buf_free(&answer);
    buf_free(&header);
}
END_TEST

START_TEST(no_reports)
{
    static const struct {
        const char *name, *message;
    } messages[] = {
        {"mail", "Subject: x\r\n\r\nhello\r\n"},
        {"about being read",
         "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n"
         "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns;a\r\n\r\n"
         "Final-Recipient: rfc822;x@y\r\nAction: failed\r\n--b--\r\n"},
        {"without fields",
         "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n"
         "\r\nhello\r\n--b--\r\n"},
    };
    for (size_t i = 0; i < FCT_COUNT(messages); i++) {
        struct arena *arena = arena_new(NULL);
        struct delivery_notice notice;
        struct fct_err err = {0};

        ck_assert_msg(!delivery_notice_parse(arena, str_from(messages[i].message), FCT_STR(""),
                                             &notice, &err),
                      "%s", messages[i].name);
        ck_assert_int_eq(err.class, FCT_SYNTAX);
        arena_free(&arena);
    }
}
END_TEST

#define STATUS                                                                                \
    "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\n" \
    "Final-Recipient: rfc822; bob@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n"
#define CAME_BACK "Content-Type: message/rfc822\r\n\r\nMessage-ID: <1@example.org>\r\n\r\nhello\r\n"

/* As OpenSMTPD writes them; as a mailing list forwards them. */
#define MIXED                                                                           \
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHi!\r\n--b\r\n" STATUS \
    "--b\r\n" CAME_BACK "--b--\r\n"
#define WRAPPED                                                                                \
    "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/report; " \
    "boundary=b\r\n\r\n--b\r\n\r\nHi!\r\n--b\r\n" STATUS "--b\r\n" CAME_BACK                   \
    "--b--\r\n--a\r\n\r\nfooter\r\n--a--\r\n"
/* A report that came back is not the one to read. */
#define ENCLOSED                                                             \
    "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: " \
    "message/rfc822\r\n\r\n" MIXED "--a--\r\n"

START_TEST(reports_by_other_names)
{
    static const struct {
        const char *name, *message, *reverse_path;
        bool is;
    } cases[] = {
        {"mixed", MIXED, "", true},
        {"mixed, from a person", MIXED, "ann@example.org", false},
        {"a report within", WRAPPED, "", true},
        {"a report within, from a list", WRAPPED, "list@example.org", false},
        {"enclosed", ENCLOSED, "", false},
        {"no multipart", STATUS, "", false},
    };
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct arena *arena = arena_new(NULL);
        struct delivery_notice notice;
        struct fct_err err = {0};
        bool is = delivery_notice_parse(arena, str_from(cases[i].message),
                                        str_from(cases[i].reverse_path), &notice, &err);

        ck_assert_msg(is == cases[i].is, "%s: %s", cases[i].name, err.text);
        if (is) {
            ck_assert_uint_eq(notice.status.recipients, 1);
            assert_text(cases[i].name, notice.status.recipient[0].final,
                        FCT_STR("bob@example.net"));
            assert_text(cases[i].name, notice.original_message_id, FCT_STR("<1@example.org>"));
        } else {
            ck_assert_int_eq(err.class, FCT_SYNTAX);
        }
        arena_free(&arena);
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, reports_by_other_names);
    tcase_add_test(tc, xtext);
    tcase_add_test(tc, xtext_there_and_back);
    tcase_add_test(tc, fields_of_others);
    tcase_add_test(tc, a_hostile_report_is_cut);
    tcase_add_test(tc, ours_can_be_read);
    tcase_add_test(tc, nobody_is_told_about_reports);
    tcase_add_test(tc, what_comes_back);
    tcase_add_test(tc, success_never_returns_the_body);
    tcase_add_test(tc, in_french);
    tcase_add_test(tc, addresses_in_utf8);
    tcase_add_test(tc, language_of_the_sender);
    tcase_add_test(tc, lines_are_short_enough);
    tcase_add_test(tc, no_reports);
}

int main(void)
{
    return run_suite("delivery_status", add);
}
