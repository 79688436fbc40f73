/* test_tls_report.c - counted, written, read again; reports and records of others (RFC 8460). */
#include "core/message/gzip.h"
#include "protocols/relay/policy/tls_report.h"
#include "tests/unit/core/message/message_test.h"

#define DOMAIN FCT_STR("example.org")

static const struct tls_report_limits limits = {3, 2, 3};
static const struct fct_str lines[] = {FCT_STR_INIT("version: STSv1"),
                                       FCT_STR_INIT("mode: testing")};
static const struct fct_str patterns[] = {FCT_STR_INIT("*.example.org")};
static const struct tls_report_policy sts = {
    TLS_POLICY_STS, FCT_STR_INIT("example.org"), lines, 2, patterns, 1};
static const struct tls_report_policy none = {.type = TLS_POLICY_NONE,
                                              .domain = FCT_STR_INIT("example.org")};
static const struct tls_report_failure expired = {.result = TLS_RESULT_EXPIRED,
                                                  .sending_ip = FCT_STR_INIT("192.0.2.1"),
                                                  .receiving_host = FCT_STR_INIT("mx.example.org"),
                                                  .receiving_ip = FCT_STR_INIT("2001:db8::1"),
                                                  .reason = FCT_STR_INIT("10")};
static const struct tls_report_head head = {
    FCT_STR_INIT("Example \"Inc\""), FCT_STR_INIT("postmaster@sender.example"),
    FCT_STR_INIT("20260105.example.org.tlsrpt@sender.example"), 1767571200, 1767657599};

/* ---- our own ---- */

static void read_back(struct arena *arena, const struct tls_report *t, struct tls_report_read *out)
{
    struct buf json = BUF_INIT(1u << 20);
    struct fct_err err = {0};

    ck_assert(tls_report_write(t, DOMAIN, &head, &json));
    ck_assert_msg(tls_report_parse(arena, buf_str(&json), out, &err), "%s", err.text);
    buf_free(&json);
}

START_TEST(counted_and_written)
{
    struct tls_report *t = tls_report_new(&limits);
    struct arena *arena = arena_new(NULL);
    struct tls_report_read r;
    struct tls_report_failure other = expired;

    other.receiving_ip = FCT_STR("2001:db8::2");
    for (int i = 0; i < 5; i++)
        tls_report_count(t, DOMAIN, &sts, NULL);
    tls_report_count(t, DOMAIN, &sts, &expired);
    tls_report_count(t, DOMAIN, &sts, &expired);
    tls_report_count(t, DOMAIN, &sts, &other);
    tls_report_count(t, DOMAIN, &none, NULL);
    read_back(arena, t, &r);
    assert_text("organization", r.head.organization, head.organization);
    assert_text("contact", r.head.contact, head.contact);
    assert_text("id", r.head.id, head.id);
    ck_assert_int_eq(r.head.begin, head.begin);
    ck_assert_int_eq(r.head.end, head.end);
    ck_assert_uint_eq(r.policies, 2);
    ck_assert_int_eq(r.policy[0].policy.type, TLS_POLICY_STS);
    ck_assert_uint_eq(r.policy[0].successful, 5);
    ck_assert_uint_eq(r.policy[0].failed, 3);
    ck_assert_uint_eq(r.policy[0].failures, 2);
    ck_assert_uint_eq(r.policy[0].policy.strings, 2);
    assert_text("line", r.policy[0].policy.string[1], lines[1]);
    assert_text("mx", r.policy[0].policy.mx[0], patterns[0]);
    ck_assert_int_eq(r.policy[0].failure[0].is.result, TLS_RESULT_EXPIRED);
    ck_assert_uint_eq(r.policy[0].failure[0].sessions, 2);
    assert_text("ip", r.policy[0].failure[1].is.receiving_ip, other.receiving_ip);
    ck_assert_int_eq(r.policy[1].policy.type, TLS_POLICY_NONE);
    ck_assert_uint_eq(r.policy[1].successful, 1);
    tls_report_free(&t);
    arena_free(&arena);
}
END_TEST

START_TEST(it_goes_on_after_a_restart)
{
    struct tls_report *t = tls_report_new(&limits), *again = tls_report_new(&limits);
    struct arena *arena = arena_new(NULL);
    struct tls_report_read r;

    tls_report_count(t, DOMAIN, &sts, NULL);
    tls_report_count(t, DOMAIN, &sts, &expired);
    read_back(arena, t, &r);
    tls_report_add(again, DOMAIN, &r);
    tls_report_count(again, DOMAIN, &sts, &expired);
    read_back(arena, again, &r);
    ck_assert_uint_eq(r.policies, 1);
    ck_assert_uint_eq(r.policy[0].successful, 1);
    ck_assert_uint_eq(r.policy[0].failed, 2);
    ck_assert_uint_eq(r.policy[0].failures, 1);
    ck_assert_uint_eq(r.policy[0].failure[0].sessions, 2);
    tls_report_free(&t);
    tls_report_free(&again);
    arena_free(&arena);
}
END_TEST

START_TEST(a_day_ends)
{
    struct tls_report *t = tls_report_new(&limits), *day;
    struct arena *arena = arena_new(NULL);
    struct tls_report_read r;

    tls_report_count(t, DOMAIN, &sts, NULL);
    day = tls_report_take(t);
    tls_report_count(t, DOMAIN, &sts, &expired);
    read_back(arena, day, &r);
    ck_assert(r.policy[0].successful == 1 && r.policy[0].failed == 0);
    tls_report_free(&day);
    read_back(arena, t, &r);
    ck_assert(r.policy[0].successful == 0 && r.policy[0].failed == 1);
    tls_report_free(&t);
    arena_free(&arena);
}
END_TEST

START_TEST(nothing_grows_without_end)
{
    struct tls_report *t = tls_report_new(&limits);
    struct arena *arena = arena_new(NULL);
    struct tls_report_read r;
    struct fct_str domain;
    size_t at = 0, domains = 0;

    for (int i = 0; i < 1000; i++) {
        struct tls_report_failure f = expired;
        struct tls_report_policy p = sts;

        f.receiving_ip = arena_printf(arena, "192.0.2.%d", i);
        tls_report_count(t, DOMAIN, &sts, &f);
        tls_report_count(t, arena_printf(arena, "d%d.example", i), &sts, NULL);
        p.domain = arena_printf(arena, "d%d.example", i);
        tls_report_count(t, DOMAIN, &p, NULL);
    }
    while (tls_report_next(t, &at, &domain))
        domains++;
    ck_assert_uint_eq(domains, limits.domains);
    ck_assert_uint_eq(tls_report_left_out(t), 998 + 999);
    read_back(arena, t, &r);
    ck_assert_uint_eq(r.policies, limits.policies);
    ck_assert_uint_eq(r.policy[0].failed, 1000); /* the sum is right all the same */
    ck_assert_uint_eq(r.policy[0].failures, limits.failures);
    tls_report_free(&t);
    arena_free(&arena);
}
END_TEST

START_TEST(names_and_mail)
{
    struct arena *arena = arena_new(NULL);
    struct buf packed = BUF_INIT(1000), out = BUF_INIT(65536);
    struct tls_report_mail mail = {.from = FCT_STR("tlsrpt@sender.example"),
                                   .to = FCT_STR("reports@example.org"),
                                   .domain = DOMAIN,
                                   .sender = FCT_STR("sender.example"),
                                   .message_id = FCT_STR("1@sender.example"),
                                   .head = &head,
                                   .now = 1767657600};

    assert_text("id", tls_report_id(arena, head.begin, DOMAIN, mail.sender), head.id);
    assert_text("file", tls_report_file_name(arena, &head, DOMAIN, mail.sender),
                FCT_STR("sender.example!example.org!1767571200!1767657599.json.gz"));
    ck_assert(gzip_pack(FCT_STR("{}"), &packed));
    mail.gzip = buf_str(&packed);
    ck_assert(tls_report_mail_write(&mail, &out));
    ck_assert_int_ge(str_find(buf_str(&out), FCT_STR("\r\nTLS-Report-Domain: example.org\r\n")), 0);
    out.max = 600;
    buf_clear(&out);
    ck_assert(!tls_report_mail_write(&mail, &out));
    buf_free(&out);
    buf_free(&packed);
    arena_free(&arena);
}
END_TEST

/* ---- of others ---- */

/* RFC 8460 appendix B. */
static const char rfc_example[] =
    "{\"organization-name\": \"Company-X\",\"date-range\": {\"start-datetime\": "
    "\"2016-04-01T00:00:00Z\",\"end-datetime\": \"2016-04-01T23:59:59Z\"},\"contact-info\": "
    "\"sts-reporting@company-x.example\",\"report-id\": "
    "\"5065427c-23d3-47ca-b6e0-946ea0e8c4be\",\"policies\": [{\"policy\": {\"policy-type\": "
    "\"sts\",\"policy-string\": [\"version: STSv1\",\"mode: testing\",\"mx: "
    "*.mail.company-y.example\",\"max_age: 86400\"],\"policy-domain\": "
    "\"company-y.example\",\"mx-host\": [\"*.mail.company-y.example\"]},\"summary\": "
    "{\"total-successful-session-count\": 5326,\"total-failure-session-count\": 303},"
    "\"failure-details\": [{\"result-type\": \"certificate-expired\",\"sending-mta-ip\": "
    "\"2001:db8:abcd:0012::1\",\"receiving-mx-hostname\": "
    "\"mx1.mail.company-y.example\",\"failed-session-count\": 100}, {\"result-type\": "
    "\"starttls-not-supported\",\"sending-mta-ip\": "
    "\"2001:db8:abcd:0013::1\",\"receiving-mx-hostname\": "
    "\"mx2.mail.company-y.example\",\"receiving-ip\": "
    "\"203.0.113.56\",\"failed-session-count\": 200,\"additional-information\": "
    "\"https://reports.company-x.example/report_info?id=5065427c-23d3#StarttlsNotSupported\"}, "
    "{\"result-type\": \"validation-failure\",\"sending-mta-ip\": "
    "\"198.51.100.62\",\"receiving-ip\": \"203.0.113.58\",\"receiving-mx-hostname\": "
    "\"mx-backup.mail.company-y.example\",\"failed-session-count\": 3,\"failure-reason-code\": "
    "\"X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED\"}]}]}";

static void check_example(const struct tls_report_read *r)
{
    assert_text("organization", r->head.organization, FCT_STR("Company-X"));
    ck_assert_int_eq(r->head.begin, 1459468800);
    ck_assert_uint_eq(r->policies, 1);
    ck_assert_uint_eq(r->policy[0].successful, 5326);
    ck_assert_uint_eq(r->policy[0].failures, 3);
    ck_assert_int_eq(r->policy[0].failure[1].is.result, TLS_RESULT_STARTTLS_NOT_SUPPORTED);
    ck_assert_uint_eq(r->policy[0].failure[1].sessions, 200);
    assert_text("reason", r->policy[0].failure[2].is.reason,
                FCT_STR("X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"));
}

START_TEST(the_example_of_the_rfc)
{
    struct arena *arena = arena_new(NULL);
    struct tls_report_read r;
    struct buf packed = BUF_INIT(65536);
    struct fct_err err = {0};

    ck_assert_msg(tls_report_parse(arena, str_from(rfc_example), &r, &err), "%s", err.text);
    check_example(&r);
    ck_assert(gzip_pack(str_from(rfc_example), &packed));
    ck_assert_msg(tls_report_parse(arena, buf_str(&packed), &r, &err), "%s", err.text);
    check_example(&r);
    ck_assert(!tls_report_parse(arena, str_head(buf_str(&packed), packed.n / 2), &r, &err));
    buf_free(&packed);
    arena_free(&arena);
}
END_TEST

/* clang-format off */
static const struct {
    const char *name, *json;
    bool ok;
} reports[] = {
    {"little is needed", "{\"policies\":[]}", true},
    {"wrong kinds are passed over", "{\"policies\":[1,{\"policy\":[],\"summary\":3,\"failure-details\":[null,\"x\"]}],\"date-range\":7,\"report-id\":{}}", true},
    {"a single text as policy-string", "{\"policies\":[{\"policy\":{\"policy-string\":\"a\",\"mx-host\":\"b\"}}]}", true},
    {"negative counts", "{\"policies\":[{\"summary\":{\"total-successful-session-count\":-5}}]}", true},
    {"no policies", "{}", false}, {"an array", "[]", false}, {"not JSON", "hello", false}, {"nothing", "", false}, {"cut off", "{\"policies\":[", false},
    {"a key twice", "{\"policies\":[],\"policies\":[]}", false},
};
/* clang-format on */

START_TEST(strange_reports)
{
    for (size_t i = 0; i < FCT_COUNT(reports); i++) {
        struct arena *arena = arena_new(NULL);
        struct tls_report *t = tls_report_new(&limits);
        struct tls_report_read r;
        struct fct_err err = {0};

        ck_assert_msg(tls_report_parse(arena, str_from(reports[i].json), &r, &err) == reports[i].ok,
                      "%s: %s", reports[i].name, err.text);
        ck_assert_msg(reports[i].ok || err.class == FCT_SYNTAX, "%s", reports[i].name);
        if (reports[i].ok)
            tls_report_add(t, DOMAIN, &r);
        tls_report_free(&t);
        arena_free(&arena);
    }
}
END_TEST

START_TEST(reports_are_bounded)
{
    struct arena *arena = arena_new(NULL);
    struct buf json = BUF_INIT(8u << 20), packed = BUF_INIT(8u << 20);
    struct tls_report_read r;
    struct fct_err err = {0};

    buf_put_c(&json, "{\"policies\":[{}");
    put_times(&json, ",{}", TLS_REPORT_POLICIES_MAX);
    buf_put_c(&json, "]}");
    ck_assert(!tls_report_parse(arena, buf_str(&json), &r, &err));
    ck_assert_int_eq(err.class, FCT_LIMIT);
    buf_clear(&json);
    buf_put_c(&json, "{\"policies\":[{\"failure-details\":[{}");
    put_times(&json, ",{}", TLS_REPORT_FAILURES_MAX);
    buf_put_c(&json, "]}]}");
    ck_assert(!tls_report_parse(arena, buf_str(&json), &r, &err));
    ck_assert_int_eq(err.class, FCT_LIMIT);
    put_times(&json, "          ", TLS_REPORT_JSON_MAX / 10);
    ck_assert(!tls_report_parse(arena, buf_str(&json), &r, &err));
    ck_assert_int_eq(err.class, FCT_LIMIT);
    ck_assert(gzip_pack(buf_str(&json), &packed)); /* a bomb */
    ck_assert(!tls_report_parse(arena, buf_str(&packed), &r, &err));
    ck_assert_int_eq(err.class, FCT_LIMIT);
    buf_free(&json);
    buf_free(&packed);
    arena_free(&arena);
}
END_TEST

/* ---- records ---- */

/* clang-format off */
static const struct {
    const char *name, *text[2], *want; /* joined by a bar */
} records[] = {
    {"RFC 8460 3", {"v=TLSRPTv1;rua=mailto:reports@example.com"}, "mailto:reports@example.com"},
    {"several", {"v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt , MAILTO:a@b;"}, "https://reporting.example.com/v1/tlsrpt|MAILTO:a@b"},
    {"strange keys and ways", {"v=TLSRPTv1; x=y; rua = ftp://x,mailto:a@b"}, "mailto:a@b"},
    {"beside others", {"v=spf1", "v=TLSRPTv1;rua=mailto:a@b"}, "mailto:a@b"},
    {"two", {"v=TLSRPTv1;rua=mailto:a@b", "v=TLSRPTv1;rua=mailto:c@d"}, ""}, {"none", {"v=spf1 -all"}, ""}, {"no rua", {"v=TLSRPTv1;"}, ""},
    {"lower case", {"v=tlsrptv1;rua=mailto:a@b"}, ""}, {"another version", {"v=TLSRPTv2;rua=mailto:a@b"}, ""},
    {"more than we ask", {"v=TLSRPTv1;rua=mailto:1,mailto:2,mailto:3,mailto:4,mailto:5,mailto:6,mailto:7,mailto:8,mailto:9,mailto:10,mailto:11"},
     "mailto:1|mailto:2|mailto:3|mailto:4|mailto:5|mailto:6|mailto:7|mailto:8|mailto:9|mailto:10"},
};
static const struct {
    const char *uri, *want; /* NULL: refused */
} mailtos[] = {
    {"mailto:a@b.example", "a@b.example"}, {"MAILTO:a%2bx@b?subject=c", "a+x@b"}, {"mailto:a", NULL}, {"mailto:@b", NULL}, {"mailto:a@", NULL}, {"https://a@b", NULL},
    {"mailto:a%0ab@c", NULL}, {"mailto:a%zz@c", NULL}, {"mailto:a%2@c", NULL}, {"mailto:a%3e@c", NULL}, {"mailto:a@b,c@d", NULL}, {"mailto:a%20b@c", NULL}, {"mailto:a%00@c", NULL},
};
/* clang-format on */

START_TEST(who_wants_reports)
{
    for (size_t i = 0; i < FCT_COUNT(records); i++) {
        struct fct_dns_record record[2];
        struct fct_dns_answer answer = {.record = record};
        struct fct_str out[TLS_REPORT_RUA_MAX];
        struct buf got = BUF_INIT(1000);
        const char *why = NULL;
        size_t n;

        for (; answer.n < 2 && records[i].text[answer.n]; answer.n++)
            record[answer.n].data = str_from(records[i].text[answer.n]);
        n = tls_report_addresses(&answer, out, &why);
        for (size_t k = 0; k < n; k++)
            buf_printf(&got, "%s%.*s", k ? "|" : "", FCT_FMT(out[k]));
        assert_text(records[i].name, buf_str(&got), str_from(records[i].want));
        ck_assert_msg(n > 0 || why, "%s", records[i].name);
        buf_free(&got);
    }
}
END_TEST

START_TEST(addresses_of_mailto)
{
    for (size_t i = 0; i < FCT_COUNT(mailtos); i++) {
        struct arena *arena = arena_new(NULL);
        struct fct_str address;
        bool ok = tls_report_mailto(arena, str_from(mailtos[i].uri), &address);

        ck_assert_msg(ok == (mailtos[i].want != NULL), "%s", mailtos[i].uri);
        if (ok)
            assert_text(mailtos[i].uri, address, str_from(mailtos[i].want));
        arena_free(&arena);
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, counted_and_written);
    tcase_add_test(tc, it_goes_on_after_a_restart);
    tcase_add_test(tc, a_day_ends);
    tcase_add_test(tc, nothing_grows_without_end);
    tcase_add_test(tc, names_and_mail);
    tcase_add_test(tc, the_example_of_the_rfc);
    tcase_add_test(tc, strange_reports);
    tcase_add_test(tc, reports_are_bounded);
    tcase_add_test(tc, who_wants_reports);
    tcase_add_test(tc, addresses_of_mailto);
}

int main(void)
{
    return run_suite("tls_report", add);
}
