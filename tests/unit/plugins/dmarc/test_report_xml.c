/* test_report_xml.c - reports written and read back; what a schema says of them; the message that
 * carries one; reports of others. */
#include "plugins/dmarc/report_mail.h"
#include "plugins/dmarc/report_unpack.h"
#include "plugins/dmarc/report_write.h"

#include "core/base/str.h"
#include "core/message/gzip.h"
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#define A(k, d, s, r)                                                           \
    {                                                                           \
        .method = DMARC_AUTH_##k, .domain = FCT_STR(d), .selector = FCT_STR(s), \
        .result = FCT_STR(r)                                                    \
    }
#define POLICY "v=DMARC1; p=reject; sp=none; adkim=s; t=y; fo=1:s; rua=mailto:a@example.org"

static const struct report_head head = {
    .org = "Ex & Söhne <x>",
    .email = "postmaster@mx.example",
    .contact = "https://mx.example/dmarc?a=1&b=2",
    .generator = "Facteur",
    .receiver = "mx.example",
    .id = "1.2.example.org@mx.example",
    .begin = 1767571200,
    .end = 1767657599,
    .domain = FCT_STR_INIT("example.org"),
    .policy_text = FCT_STR_INIT(POLICY),
    .left_out = 3,
};

/* ---- writing ---- */

struct text {
    char *p;
    size_t n;
};

static struct text write_report(const struct report_head *about, const struct dmarc_row *row,
                                const uint64_t *count, size_t n)
{
    struct text t = {0};
    FILE *out = open_memstream(&t.p, &t.n);

    ck_assert_ptr_nonnull(out);
    report_write_begin(out, about);
    for (size_t i = 0; i < n; i++)
        report_write_row(out, &row[i], count[i]);
    report_write_end(out);
    ck_assert_int_eq(fclose(out), 0);
    return t;
}

/* Exit status of xmllint; 0: the schema finds it valid. */
static int validate(const struct text *xml)
{
    char command[4096];
    FILE *pipe;

    (void)snprintf(
        command, sizeof command,
        "xmllint --noout --nonet --schema %s/tests/data/dmarc/aggregate.xsd - >/dev/null 2>&1",
        getenv("FCT_SOURCE"));
    pipe = popen(command, "w");
    ck_assert_ptr_nonnull(pipe);
    ck_assert_uint_eq(fwrite(xml->p, 1, xml->n, pipe), xml->n);
    return pclose(pipe);
}

static struct dmarc_row a_row(void)
{
    return (struct dmarc_row){
        .source_ip = FCT_STR("2001:db8::1"),
        .disposition = DMARC_DONE_NONE,
        .spf_aligned = true,
        .reason = {{DMARC_LOCAL_POLICY, FCT_STR("a <b> & \x01\xff")},
                   {DMARC_MAILING_LIST, FCT_STR("")}},
        .reasons = 2,
        .header_from = FCT_STR("news.example.org"),
        .envelope_from = FCT_STR("example.org"),
        .envelope_to = FCT_STR("here.example"),
        .auth = {A(DKIM, "other.example", "s", "fail"), A(DKIM, "example.org", "s", "pass"),
                 A(DKIM, "news.example.org", "", "pass"), A(DKIM, "x.example", "s", "softfail"),
                 A(SPF, "example.org", "", "softfail")},
        .auths = 5};
}

START_TEST(what_is_written)
{
    static const char *const wanted[] = {
        "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">",
        "<org_name>Ex &amp; Söhne &lt;x&gt;</org_name>",
        "<extra_contact_info>https://mx.example/dmarc?a=1&amp;b=2</extra_contact_info>",
        "<begin>1767571200</begin>",
        "<end>1767657599</end>",
        "<error>3 more messages are not listed",
        "<p>reject</p>\n    <sp>none</sp>\n    <np>none</np>\n    <fo>1:s</fo>",
        "<adkim>s</adkim>\n    <aspf>r</aspf>\n    <testing>y</testing>",
        "<discovery_method>treewalk</discovery_method>",
        "<source_ip>2001:db8::1</source_ip>\n      <count>42</count>",
        "<disposition>none</disposition>\n        <dkim>fail</dkim>\n        <spf>pass</spf>",
        "<comment>a &lt;b&gt; &amp; ?\?</comment>",
        "<envelope_to>here.example</envelope_to>",
        "<scope>mfrom</scope>\n        <result>softfail</result>",
    };
    struct dmarc_row row = a_row();
    struct text xml = write_report(&head, &row, (const uint64_t[]){42}, 1);
    const char *strict, *relaxed, *failed;

    for (size_t i = 0; i < FCT_COUNT(wanted); i++)
        ck_assert_msg(strstr(xml.p, wanted[i]) != NULL, "%s\nin\n%s", wanted[i], xml.p);
    strict = strstr(xml.p, "<domain>news.example.org</domain>");
    relaxed = strstr(xml.p, "<domain>example.org</domain>\n        <selector>s");
    failed = strstr(xml.p, "<domain>other.example</domain>");
    ck_assert_msg(strict && relaxed && failed && strict < relaxed && relaxed < failed, "%s", xml.p);
    ck_assert_ptr_null(strstr(xml.p, "<domain>x.example<")); /* no result that DKIM has */
    ck_assert_int_eq(validate(&xml), 0);
    free(xml.p);
}
END_TEST

START_TEST(the_schema_can_say_no)
{
    struct dmarc_row row = a_row();
    struct text xml = write_report(&head, NULL, NULL, 0); /* no record */

    ck_assert_int_ne(validate(&xml), 0);
    free(xml.p);
    row.source_ip = FCT_STR("localhost");
    xml = write_report(&head, &row, (const uint64_t[]){1}, 1);
    ck_assert_int_ne(validate(&xml), 0);
    free(xml.p);
}
END_TEST

/* An empty MAIL FROM is postmaster at the HELO name (RFC 7208 2.4). */
START_TEST(the_identity_of_spf)
{
    struct dmarc_row row = a_row();
    struct text xml;

    row.auth[0] = (struct dmarc_auth){.method = DMARC_AUTH_SPF,
                                      .helo = true,
                                      .domain = FCT_STR("helo.example"),
                                      .selector = FCT_STR(""),
                                      .result = FCT_STR("pass")};
    xml = write_report(&head, &row, (const uint64_t[]){1}, 1);
    ck_assert_ptr_null(strstr(xml.p, "helo.example"));
    free(xml.p);
    row.envelope_from = FCT_STR("");
    xml = write_report(&head, &row, (const uint64_t[]){1}, 1);
    ck_assert_ptr_nonnull(
        strstr(xml.p, "<domain>helo.example</domain>\n        <scope>mfrom</scope>"));
    ck_assert_int_eq(validate(&xml), 0);
    free(xml.p);
}
END_TEST

static const struct {
    const char *text, *wanted;
} policies[] = {
    {"v=DMARC1; p=none", "<p>none</p>\n    <sp>none</sp>\n    <np>none</np>\n    <adkim>r</adkim>"},
    {"v=DMARC1; p=reject; np=quarantine",
     "<p>reject</p>\n    <sp>reject</sp>\n    <np>quarantine</np>"},
    {"v=DMARC1; p=often; rua=mailto:a@b.example",
     "<error>the DMARC record: p=often is not none, quarantine or reject</error>"},
    {"v=DMARC1; p=none; fo=<&", "<fo>&lt;&amp;</fo>"},
};

START_TEST(what_was_published)
{
    struct report_head about = head;
    struct dmarc_row row = a_row();
    struct text xml;

    about.policy_text = str_from(policies[_i].text);
    about.discovery = DMARC_BY_LIST;
    xml = write_report(&about, &row, (const uint64_t[]){1}, 1);
    ck_assert_msg(strstr(xml.p, policies[_i].wanted) && strstr(xml.p, "<discovery_method>psl<"),
                  "%s", xml.p);
    ck_assert_int_eq(validate(&xml), 0);
    free(xml.p);
}
END_TEST

/* ---- there and back ---- */

struct sums {
    uint64_t records, messages, by[4], dkim, spf, reasons;
};

static void add(struct sums *s, enum dmarc_disposition done, bool dkim, bool spf, bool reason,
                uint64_t count)
{
    s->records++;
    s->messages += count;
    s->by[done] += count;
    s->dkim += dkim ? count : 0;
    s->spf += spf ? count : 0;
    s->reasons += reason ? count : 0;
}

static void take(void *ctx, const struct report_record *r)
{
    enum dmarc_disposition done = DMARC_DONE_NONE;

    while (strcmp(r->disposition, dmarc_disposition_word(done)) != 0)
        ck_assert_int_lt(++done, 4);
    add(ctx, done, strcmp(r->dkim, "pass") == 0, strcmp(r->spf, "pass") == 0, r->reason[0] != 0,
        r->count);
}

/* The same report in pieces of `step`, or whole and packed. */
static void read_back(const struct text *xml, size_t step, struct sums *out)
{
    struct report_reader *reader = report_reader_new(take, out);
    struct fct_err err = {0};

    for (size_t at = 0; at < xml->n; at += step)
        ck_assert_msg(report_reader_feed(
                          reader,
                          (struct fct_str){xml->p + at, xml->n - at < step ? xml->n - at : step},
                          &err),
                      "%s", err.text);
    ck_assert_msg(report_reader_end(reader, &err), "%s", err.text);
    ck_assert_str_eq(report_reader_about(reader)->org, "Ex & Söhne <x>");
    ck_assert_str_eq(report_reader_about(reader)->domain, "example.org");
    ck_assert(report_reader_about(reader)->rfc9990);
    report_reader_free(&reader);
}

START_TEST(any_report_there_and_back)
{
    static struct dmarc_row row[40];
    static uint64_t count[40];
    struct sums sent = {0}, got = {0}, packed = {0};
    size_t n = 1 + (size_t)rand() % 40;
    struct report_reader *reader = report_reader_new(take, &packed);
    struct fct_err err = {0};
    struct buf gzip = BUF_INIT(1u << 20);
    struct text xml;

    srand((unsigned)_i);
    for (size_t i = 0; i < n; i++) {
        row[i] = a_row();
        row[i].disposition = (enum dmarc_disposition)(rand() % 4);
        row[i].dkim_aligned = rand() % 2;
        row[i].spf_aligned = rand() % 2;
        row[i].reasons = (size_t)rand() % 3;
        row[i].auths = (size_t)rand() % 6;
        count[i] = 1 + (uint64_t)rand();
        add(&sent, row[i].disposition, row[i].dkim_aligned, row[i].spf_aligned, row[i].reasons > 0,
            count[i]);
    }
    xml = write_report(&head, row, count, n);
    read_back(&xml, 1 + (size_t)rand() % 200, &got);
    ck_assert_mem_eq(&sent, &got, sizeof sent);
    ck_assert(gzip_pack((struct fct_str){xml.p, xml.n}, &gzip));
    ck_assert_msg(report_unpack(buf_str(&gzip), reader, &err), "%s", err.text);
    ck_assert_mem_eq(&sent, &packed, sizeof sent);
    if (_i < 10)
        ck_assert_int_eq(validate(&xml), 0);
    report_reader_free(&reader);
    buf_free(&gzip);
    free(xml.p);
}
END_TEST

/* ---- names and the message ---- */

START_TEST(names)
{
    char id[REPORT_ID_MAX], name[REPORT_NAME_MAX];

    report_id(id, head.begin, head.end, head.domain, head.receiver);
    ck_assert_str_eq(id, "1767571200.1767657599.example.org@mx.example");
    report_file_name(name, &head, "xml.gz");
    ck_assert_str_eq(name, "mx.example!example.org!1767571200!1767657599.xml.gz");
}
END_TEST

static const struct {
    const char *in, *base64;
} pieces[] = {
    {"", "\r\n\r\n--="},
    {"f", "\r\n\r\nZg==\r\n--="},
    {"fo", "\r\n\r\nZm8=\r\n--="},
    {"foo", "\r\n\r\nZm9v\r\n--="},
    {"foobarfoobarfoobarfoobarfoobarfoobarfoobarfoobarfoobarfoo",
     "\r\n\r\nZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9v\r\n--="},
    {"foobarfoobarfoobarfoobarfoobarfoobarfoobarfoobarfoobarfoob", "Zm9v\r\nYg==\r\n--="},
};

START_TEST(the_message)
{
    static const char *const to[] = {"a@example.org", "b@example.net"};
    struct report_head about = head;
    struct text t = {0};
    FILE *out = open_memstream(&t.p, &t.n);

    about.org = _i % 2 ? "Plain Org" : about.org;
    report_mail_write(out, &(struct report_mail){&about, "dmarc@mx.example", to, 2,
                                                 "Mon, 5 Jan 2026 10:11:12 +0000",
                                                 str_from(pieces[_i].in)});
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_msg(strstr(t.p, pieces[_i].base64) != NULL, "%s", t.p);
    ck_assert_ptr_nonnull(strstr(t.p, _i % 2 ? "From: \"Plain Org\"\r\n <dmarc@mx.example>\r\n"
                                             : "From: <dmarc@mx.example>\r\n"));
    ck_assert_ptr_nonnull(strstr(t.p, "To: <a@example.org>,\r\n <b@example.net>\r\n"));
    ck_assert_ptr_nonnull(
        strstr(t.p, "Subject: Report Domain: example.org\r\n Submitter: mx.example\r\n Report-ID: "
                    "<1.2.example.org@mx.example>\r\n"));
    ck_assert_ptr_nonnull(
        strstr(t.p, " filename=\"mx.example!example.org!1767571200!1767657599.xml.gz\"\r\n"));
    for (size_t i = 0; i < t.n; i++)
        ck_assert(t.p[i] != '\n' || (i > 0 && t.p[i - 1] == '\r'));
    free(t.p);
}
END_TEST

/* ---- reports of others ---- */

#define META      "<report_metadata><org_name>o</org_name></report_metadata>"
#define PUBLISHED "<policy_published><domain>d.example</domain></policy_published>"
#define ROW       "<record><row><source_ip>192.0.2.1</source_ip><count>3</count></row></record>"

static const struct {
    const char *xml;
    uint64_t records, bad;
    const char *why; /* NULL: it is one */
} others[] = {
    {"<feedback>" META PUBLISHED ROW ROW "</feedback>", 2, 0, NULL},
    {"<feedback>" ROW PUBLISHED "</feedback>", 1, 0, NULL},
    {"<feedback>" PUBLISHED "</feedback>", 0, 0, NULL},
    {"  \n<feedback>" PUBLISHED ROW "</feedback>\n ", 1, 0, NULL},
    {"<!DOCTYPE feedback><feedback>" PUBLISHED "</feedback>", 0, 0, NULL},
    {"<feedback>" PUBLISHED "<record><row><source_ip>x</source_ip></row></record></feedback>", 0, 1,
     NULL},
    {"<feedback>" PUBLISHED "<record><row><count>1</count></row></record></feedback>", 0, 1, NULL},
    {"<feedback>" PUBLISHED
     "<record><row><source_ip>x</source_ip><count>1.5</count></row></record></feedback>",
     0, 1, NULL},
    {"<feedback>" PUBLISHED
     "<record><row><source_ip>x</source_ip><count>9999999999999</count></row></record></feedback>",
     0, 1, NULL},
    {"<feedback>" PUBLISHED
     "<record><x><source_ip>x</source_ip><count>1</count></x></record></feedback>",
     0, 1, NULL},
    {"<feedback>" ROW "</feedback>", 1, 0, "names no domain"},
    {"<feedback>" PUBLISHED ROW, 1, 0, "line 1:"},
    {"<feedback>" PUBLISHED ROW "</feedback><feedback/>", 1, 0, "line 1:"},
    {"<record>" ROW "</record>", 0, 0, "not <feedback>"},
    {"<!DOCTYPE a [<!ENTITY b \"c\">]><feedback>" PUBLISHED "</feedback>", 0, 0,
     "declares entities"},
    {"<!DOCTYPE a [<!ENTITY % b SYSTEM \"file:///etc/passwd\">%b;]><feedback>" PUBLISHED
     "</feedback>",
     0, 0, "declares entities"},
    {"<feedback>&b;" PUBLISHED "</feedback>", 0, 0, "line 1:"},
    {"<feedback>" PUBLISHED "\xff</feedback>", 0, 0, "line 1:"},
    {"", 0, 0, "XML"},
    {"text", 0, 0, "XML"},
};

static void count_only(void *ctx, const struct report_record *r)
{
    (void)ctx;
    ck_assert_uint_eq(r->count, 3);
}

START_TEST(every_kind)
{
    struct report_reader *reader = report_reader_new(count_only, NULL);
    struct fct_err err = {0};
    bool ok = report_unpack(str_from(others[_i].xml), reader, &err);

    ck_assert_msg(ok == !others[_i].why, "%s: %s", others[_i].xml, err.text);
    ck_assert_msg(ok || strstr(err.text, others[_i].why), "%s: %s", others[_i].xml, err.text);
    if (ok) {
        ck_assert_uint_eq(report_reader_records(reader), others[_i].records);
        ck_assert_uint_eq(report_reader_bad(reader), others[_i].bad);
    }
    report_reader_free(&reader);
}
END_TEST

/* What is longer than its limit is cut, and never inside a character. */
START_TEST(long_text)
{
    struct report_reader *reader = report_reader_new(count_only, NULL);
    struct fct_err err = {0};
    const char *org;

    ck_assert(report_reader_feed(
        reader, FCT_STR("<feedback>" PUBLISHED "<report_metadata><org_name>x"), &err));
    for (int i = 0; i < 10000; i++)
        ck_assert(report_reader_feed(reader, FCT_STR("\xc3\xb6"), &err));
    ck_assert(
        report_reader_feed(reader, FCT_STR("</org_name></report_metadata></feedback>"), &err));
    ck_assert(report_reader_end(reader, &err));
    org = report_reader_about(reader)->org;
    ck_assert_uint_eq(strlen(org), REPORT_TEXT_MAX - 1);
    ck_assert_str_eq(org + strlen(org) - 2, "\xc3\xb6");
    report_reader_free(&reader);
}
END_TEST

START_TEST(deep_elements)
{
    struct report_reader *reader = report_reader_new(count_only, NULL);
    struct fct_err err = {0};
    bool ok = report_reader_feed(reader, FCT_STR("<feedback>"), &err);

    for (unsigned i = 1; ok && i < REPORT_DEPTH_MAX; i++)
        ok = report_reader_feed(reader, FCT_STR("<a>"), &err);
    ck_assert_msg(ok, "%s", err.text);
    ck_assert(!report_reader_feed(reader, FCT_STR("<a>"), &err));
    ck_assert_msg(strstr(err.text, "too deep") != NULL, "%s", err.text);
    ck_assert(!report_reader_feed(reader, FCT_STR("<a>"), &err)); /* and so it stays */
    report_reader_free(&reader);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report_xml");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, what_is_written);
    tcase_add_test(tc, the_schema_can_say_no);
    tcase_add_test(tc, the_identity_of_spf);
    tcase_add_loop_test(tc, what_was_published, 0, (int)FCT_COUNT(policies));
    tcase_add_loop_test(tc, any_report_there_and_back, 0, 200);
    tcase_add_test(tc, names);
    tcase_add_loop_test(tc, the_message, 0, (int)FCT_COUNT(pieces));
    tcase_add_loop_test(tc, every_kind, 0, (int)FCT_COUNT(others));
    tcase_add_test(tc, long_text);
    tcase_add_test(tc, deep_elements);
    tcase_set_timeout(tc, 120);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
