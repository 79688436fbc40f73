/* test_spf_eval.c - check_host() over zones in memory: what decides, what counts as a lookup, what
 * is an error and of which kind. */
#include "spf_zone.h"

#include <stdlib.h>

static void check(struct zone *zone, const char *ip, const char *helo, const char *sender,
                  struct spf_outcome *out)
{
    struct spf_query query = {
        .helo = str(helo),
        .sender = str(sender),
        .receiver = str("here.example.net"),
        .now = 1234567890,
        .explain = true,
        .limits = {SPF_LOOKUPS, SPF_VOID_LOOKUPS, SPF_NAMES},
        .dns = {zone_ask, zone},
    };

    ck_assert(ip_address_parse(str(ip), &query.client));
    spf_check(&query, out);
}

/* ---- cases ---- */

/* clang-format off */
static const struct row zone_rows[] = {
    T("pass.example", "v=spf1 +all"), T("fail.example", "v=spf1 -all exp=why.example"), T("soft.example", "v=spf1 ~all"), T("neutral.example", "v=spf1 ?all"),
    T("empty.example", "v=spf1"), T("none.example", "v=spf10 -all"), T("none.example", "something else"), T("two.example", "v=spf1 -all"), T("two.example", "V=SPF1 +all"),
    T("odd.example", "v=spf1 -all"), T("odd.example", "\x96 v=spf1"), {"broken.example", 0, NULL, SERVFAIL}, {"forged.example", 0, NULL, BOGUS},
    T("wrong.example", "v=spf1 ip4:192.0.2.1 -all moo"), T("why.example", "%{i} may not, says %{o}"),
    A("a.example", "192.0.2.1"), A6("a.example", "2001:db8::1"), T("a.example", "v=spf1 a -all"), T("a24.example", "v=spf1 a:a.example/24//64 -all"),
    A("v4.example", "192.0.2.1"), T("v4.example", "v=spf1 a//0 -all"), A6("v6.example", "2001:db8::1"), T("v6.example", "v=spf1 a/0 -all"), T("v60.example", "v=spf1 a:v6.example//0 -all"),
    {"afail.example", FCT_DNS_A, NULL, SERVFAIL}, T("afail.example", "v=spf1 a +all"), T("nx.example", "v=spf1 a:missing.example -all"),
    T("label.example", "v=spf1 a:a..example -all"), T("helo.example", "v=spf1 a:%{h} -all"),
    MX("mx.example", "a.example"), MX("mx.example", "other.example"), T("mx.example", "v=spf1 mx -all"), A("other.example", "198.51.100.1"),
    MX("null.example", ""), T("null.example", "v=spf1 mx -all"), MX("mxfail.example", "afail.example"), T("mxfail.example", "v=spf1 mx -all"),
    T("inc.example", "v=spf1 include:a.example ~all"), T("incfail.example", "v=spf1 include:fail.example ~all"), T("incsoft.example", "v=spf1 include:soft.example -all"),
    T("incneutral.example", "v=spf1 include:neutral.example -all"), T("incnone.example", "v=spf1 include:none.example -all"), T("incbroken.example", "v=spf1 include:broken.example -all"),
    T("incwrong.example", "v=spf1 include:wrong.example -all"), T("incdots.example", "v=spf1 include:a..example -all"), T("quali.example", "v=spf1 -include:pass.example +all"),
    T("red.example", "v=spf1 redirect=fail.example exp=never.example"), T("never.example", "not this one"), T("rednone.example", "v=spf1 redirect=none.example"), T("redloop.example", "v=spf1 redirect=redloop.example"),
    T("redall.example", "v=spf1 redirect=fail.example ~all"), T("loop.example", "v=spf1 include:loop.example"), T("reddots.example", "v=spf1 redirect=a..example"),
    T("incexp.example", "v=spf1 include:fail.example -all exp=own.example"), T("own.example", "our own"), T("twoexp.example", "v=spf1 -all exp=texts.example"), T("texts.example", "one"), T("texts.example", "two"),
    T("noexp.example", "v=spf1 -all exp=missing.example"), T("badexp.example", "v=spf1 -all exp=bad.example"), T("bad.example", "%{x}"), T("sfexp.example", "v=spf1 -all exp=broken.example"),
    T("ex.example", "v=spf1 exists:%{i}.%{l}.x.example -all"), A("192.0.2.1.joe.x.example", "127.0.0.2"), A("ip.x.example", "127.0.0.2"), T("ex6.example", "v=spf1 exists:ip.x.example -all"),
    T("exfail.example", "v=spf1 exists:broken.example -all"), T("ptr.example", "v=spf1 ptr -all"), A("mail.ptr.example", "192.0.2.1"), A6("mail.ptr.example", "2001:db8::1"),
    PTR("1.2.0.192.in-addr.arpa", "liar.ptr.example"), PTR("1.2.0.192.in-addr.arpa", "mail.PTR.example"), A("liar.ptr.example", "203.0.113.1"),
    PTR("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "mail.ptr.example"), {"9.2.0.192.in-addr.arpa", FCT_DNS_PTR, NULL, SERVFAIL},
    T("p.example", "v=spf1 exists:%{p}.ok.example -all"), A("mail.ptr.example.ok.example", "127.0.0.2"), A("unknown.ok.example", "127.0.0.2"), T("ptrother.example", "v=spf1 ptr:tr.example -all"),
    T("map.example", "v=spf1 ip6:::ffff:192.0.2.1 ip4:192.0.2.1 -all"), T("ip6zero.example", "v=spf1 ip6:::/0 ?all"),
    T("void2.example", "v=spf1 a:m1.example a:m2.example ?all"), T("void3.example", "v=spf1 a:m1.example mx:m2.example exists:m3.example ?all"), T("voidexp.example", "v=spf1 a:m1.example a:m2.example -all exp=m3.example"),
    T("ten.example", "v=spf1 a:a.example a:a.example a:a.example a:a.example a:a.example mx:mx.example mx:mx.example ptr exists:ip.x.example include:pass.example -all"),
    T("eleven.example", "v=spf1 a:other.example a:other.example a:other.example a:other.example a:other.example a:other.example a:other.example a:other.example a:other.example a:other.example a:other.example +all"),
    T("exact.example", "v=spf1 a:other.example a:other.example a:other.example a:other.example a:other.example a:other.example a:other.example a:other.example a:other.example a:other.example ip4:192.0.2.1 -all"),
    T("incten.example", "v=spf1 a:other.example include:nine.example ~all"), T("nine.example", "v=spf1 a:other.example a:other.example a:other.example a:other.example a:other.example a:other.example a:other.example a:other.example ?all"),
    T("inceleven.example", "v=spf1 a:other.example a:other.example include:nine.example ~all"),
    MX("many.example", "1.example"), MX("many.example", "2.example"), MX("many.example", "3.example"), MX("many.example", "4.example"), MX("many.example", "5.example"), MX("many.example", "6.example"),
    MX("many.example", "7.example"), MX("many.example", "8.example"), MX("many.example", "9.example"), MX("many.example", "10.example"), T("many.example", "v=spf1 mx ip4:192.0.2.1 -all"),
    MX("toomany.example", "1.example"), MX("toomany.example", "2.example"), MX("toomany.example", "3.example"), MX("toomany.example", "4.example"), MX("toomany.example", "5.example"), MX("toomany.example", "6.example"),
    MX("toomany.example", "7.example"), MX("toomany.example", "8.example"), MX("toomany.example", "9.example"), MX("toomany.example", "10.example"), MX("toomany.example", "11.example"), T("toomany.example", "v=spf1 mx ip4:192.0.2.1 -all"),
    T("xn--bcher-kva.example", "v=spf1 include:%{d} exists:%{o}.idn.example -all"), T("idn.example", "v=spf1 exists:%{l}.x.example include:%{l}.x.example redirect=pass.example"),
    T("postmaster.example", "v=spf1 -all exp=local.example"), T("local.example", "%{l}|%{s}|%{h}"),
};

static const struct {
    const char *ip, *helo, *sender;
    enum spf_result want;
    const char *explanation, *term; /* NULL: not looked at */
} cases[] = {
    {"192.0.2.1", "h.example", "x@pass.example", SPF_PASS, "", "+all"},
    {"192.0.2.1", "h.example", "x@fail.example", SPF_FAIL, "192.0.2.1 may not, says fail.example", "-all"},
    {"192.0.2.1", "h.example", "x@soft.example", SPF_SOFTFAIL, "", NULL},
    {"192.0.2.1", "h.example", "x@neutral.example", SPF_NEUTRAL, "", "?all"},
    {"192.0.2.1", "h.example", "x@empty.example", SPF_NEUTRAL, "", "default"},
    {"192.0.2.1", "h.example", "x@none.example", SPF_NONE, "", ""},
    {"192.0.2.1", "h.example", "x@missing.example", SPF_NONE, NULL, NULL},
    {"192.0.2.1", "h.example", "x@two.example", SPF_PERMERROR, NULL, NULL},
    {"192.0.2.1", "h.example", "x@odd.example", SPF_FAIL, NULL, NULL},
    {"192.0.2.1", "h.example", "x@broken.example", SPF_TEMPERROR, NULL, NULL},
    {"192.0.2.1", "h.example", "x@forged.example", SPF_TEMPERROR, NULL, NULL},
    {"192.0.2.1", "h.example", "x@wrong.example", SPF_PERMERROR, NULL, NULL},
    /* who is asked about */
    {"192.0.2.1", "h.example", "x@pass.example.", SPF_PASS, NULL, NULL},
    {"192.0.2.1", "h.example", "a@b@pass.example", SPF_PASS, NULL, NULL},
    {"192.0.2.1", "h.example", "@postmaster.example", SPF_FAIL, "postmaster|postmaster@postmaster.example|h.example", NULL},
    {"192.0.2.1", "postmaster.example", "", SPF_FAIL, "postmaster|postmaster@postmaster.example|postmaster.example", NULL},
    {"192.0.2.1", "pass", "", SPF_NONE, NULL, NULL},
    {"192.0.2.1", "[192.0.2.1]", "", SPF_NONE, NULL, NULL},
    {"192.0.2.1", "", "", SPF_NONE, NULL, NULL},
    {"192.0.2.1", "pass.example", "x@localhost", SPF_NONE, NULL, NULL},
    {"192.0.2.1", "pass.example", "x@[192.0.2.1]", SPF_NONE, NULL, NULL},
    {"192.0.2.1", "pass.example", "x@a..example", SPF_NONE, NULL, NULL},
    {"192.0.2.1", "pass.example", "x@a234567890123456789012345678901234567890123456789012345678901234.example", SPF_NONE, NULL, NULL},
    /* a */
    {"192.0.2.1", "h.example", "x@a.example", SPF_PASS, "", "a"},
    {"192.0.2.2", "h.example", "x@a.example", SPF_FAIL, NULL, "-all"},
    {"2001:db8::1", "h.example", "x@a.example", SPF_PASS, NULL, NULL},
    {"::ffff:192.0.2.1", "h.example", "x@a.example", SPF_PASS, NULL, NULL},
    {"192.0.2.200", "h.example", "x@a24.example", SPF_PASS, NULL, "a:a.example/24//64"},
    {"2001:db8::ffff", "h.example", "x@a24.example", SPF_PASS, NULL, NULL},
    {"2001:db8:0:1::1", "h.example", "x@a24.example", SPF_FAIL, NULL, NULL},
    {"192.0.2.9", "h.example", "x@v4.example", SPF_FAIL, NULL, NULL},
    {"2001:db8::9", "h.example", "x@v6.example", SPF_FAIL, NULL, NULL},
    {"2001:db8::9", "h.example", "x@v60.example", SPF_PASS, NULL, NULL},
    {"192.0.2.1", "h.example", "x@v60.example", SPF_FAIL, NULL, NULL},
    {"192.0.2.1", "h.example", "x@afail.example", SPF_TEMPERROR, NULL, "a"},
    {"192.0.2.1", "h.example", "x@nx.example", SPF_FAIL, NULL, NULL},
    {"192.0.2.1", "h.example", "x@label.example", SPF_FAIL, NULL, NULL},
    {"192.0.2.1", "a.example", "x@helo.example", SPF_PASS, NULL, "a:%{h}"},
    {"192.0.2.1", "not a..name", "x@helo.example", SPF_FAIL, NULL, NULL},
    /* mx */
    {"192.0.2.1", "h.example", "x@mx.example", SPF_PASS, NULL, "mx"},
    {"198.51.100.1", "h.example", "x@mx.example", SPF_PASS, NULL, NULL},
    {"203.0.113.1", "h.example", "x@mx.example", SPF_FAIL, NULL, NULL},
    {"192.0.2.1", "h.example", "x@null.example", SPF_FAIL, NULL, NULL},
    {"192.0.2.1", "h.example", "x@mxfail.example", SPF_TEMPERROR, NULL, NULL},
    {"192.0.2.1", "h.example", "x@many.example", SPF_PASS, NULL, "ip4:192.0.2.1"},
    {"192.0.2.1", "h.example", "x@toomany.example", SPF_PERMERROR, NULL, NULL},
    /* include and redirect */
    {"192.0.2.1", "h.example", "x@inc.example", SPF_PASS, "", "include:a.example"},
    {"192.0.2.2", "h.example", "x@inc.example", SPF_SOFTFAIL, "", "~all"},
    {"192.0.2.1", "h.example", "x@incfail.example", SPF_SOFTFAIL, "", NULL},
    {"192.0.2.1", "h.example", "x@incsoft.example", SPF_FAIL, "", NULL},
    {"192.0.2.1", "h.example", "x@incneutral.example", SPF_FAIL, NULL, NULL},
    {"192.0.2.1", "h.example", "x@incnone.example", SPF_PERMERROR, NULL, "include:none.example"},
    {"192.0.2.1", "h.example", "x@incbroken.example", SPF_TEMPERROR, NULL, NULL},
    {"192.0.2.1", "h.example", "x@incwrong.example", SPF_PERMERROR, NULL, NULL},
    {"192.0.2.1", "h.example", "x@incdots.example", SPF_PERMERROR, NULL, NULL},
    {"192.0.2.1", "h.example", "x@quali.example", SPF_FAIL, NULL, "-include:pass.example"},
    {"192.0.2.1", "h.example", "x@red.example", SPF_FAIL, "192.0.2.1 may not, says red.example", "-all"},
    {"192.0.2.1", "h.example", "x@rednone.example", SPF_PERMERROR, NULL, NULL},
    {"192.0.2.1", "h.example", "x@reddots.example", SPF_PERMERROR, NULL, NULL},
    {"192.0.2.1", "h.example", "x@redloop.example", SPF_PERMERROR, NULL, NULL},
    {"192.0.2.1", "h.example", "x@redall.example", SPF_SOFTFAIL, NULL, NULL},
    {"192.0.2.1", "h.example", "x@loop.example", SPF_PERMERROR, NULL, NULL},
    /* explanations */
    {"192.0.2.1", "h.example", "x@incexp.example", SPF_FAIL, "our own", NULL},
    {"192.0.2.1", "h.example", "x@twoexp.example", SPF_FAIL, "", NULL},
    {"192.0.2.1", "h.example", "x@noexp.example", SPF_FAIL, "", NULL},
    {"192.0.2.1", "h.example", "x@badexp.example", SPF_FAIL, "", NULL},
    {"192.0.2.1", "h.example", "x@sfexp.example", SPF_FAIL, "", NULL},
    /* exists, ptr, ip4, ip6 */
    {"192.0.2.1", "h.example", "joe@ex.example", SPF_PASS, NULL, NULL},
    {"192.0.2.1", "h.example", "bob@ex.example", SPF_FAIL, NULL, NULL},
    {"2001:db8::5", "h.example", "x@ex6.example", SPF_PASS, NULL, NULL},
    {"192.0.2.1", "h.example", "x@exfail.example", SPF_TEMPERROR, NULL, NULL},
    {"192.0.2.1", "h.example", "x@ptr.example", SPF_PASS, NULL, "ptr"},
    {"2001:db8::1", "h.example", "x@ptr.example", SPF_PASS, NULL, NULL},
    {"203.0.113.1", "h.example", "x@ptr.example", SPF_FAIL, NULL, NULL},
    {"192.0.2.9", "h.example", "x@ptr.example", SPF_FAIL, NULL, NULL},
    {"192.0.2.1", "h.example", "x@ptrother.example", SPF_FAIL, NULL, NULL},
    {"192.0.2.1", "h.example", "x@p.example", SPF_PASS, NULL, NULL},
    {"192.0.2.9", "h.example", "x@p.example", SPF_PASS, NULL, NULL}, /* "unknown" */
    {"::ffff:192.0.2.1", "h.example", "x@map.example", SPF_PASS, NULL, "ip4:192.0.2.1"},
    {"192.0.2.1", "h.example", "x@ip6zero.example", SPF_NEUTRAL, NULL, "?all"},
    {"::ffff:192.0.2.1", "h.example", "x@ip6zero.example", SPF_NEUTRAL, NULL, "?all"},
    {"2001:db8::1", "h.example", "x@ip6zero.example", SPF_PASS, NULL, NULL},
    /* limits */
    {"192.0.2.77", "h.example", "x@void2.example", SPF_NEUTRAL, NULL, NULL},
    {"192.0.2.77", "h.example", "x@void3.example", SPF_PERMERROR, NULL, NULL},
    {"192.0.2.77", "h.example", "x@voidexp.example", SPF_FAIL, "", NULL},
    {"2001:db8::7", "h.example", "x@ten.example", SPF_PASS, NULL, "exists:ip.x.example"}, /* of hosts without AAAA none is void */
    {"192.0.2.1", "h.example", "x@exact.example", SPF_PASS, NULL, NULL},
    {"192.0.2.1", "h.example", "x@eleven.example", SPF_PERMERROR, NULL, NULL},
    {"192.0.2.1", "h.example", "x@incten.example", SPF_SOFTFAIL, NULL, NULL},
    {"192.0.2.1", "h.example", "x@inceleven.example", SPF_PERMERROR, NULL, NULL},
    /* other scripts */
    {"192.0.2.1", "h.example", "x@b\xc3\xbc" "cher.example", SPF_PERMERROR, NULL, NULL},
    {"192.0.2.1", "h.example", "m\xc3\xbcller@idn.example", SPF_PASS, NULL, NULL},
    {"192.0.2.1", "h.example", "x@\xff.example", SPF_NONE, NULL, NULL},
};
/* clang-format on */

START_TEST(results)
{
    struct zone zone = {.row = zone_rows, .n = FCT_COUNT(zone_rows)};
    struct spf_outcome out;

    check(&zone, cases[_i].ip, cases[_i].helo, cases[_i].sender, &out);
    ck_assert_msg(out.result == cases[_i].want, "%s %s (%s): %s (%s), not %s", cases[_i].ip,
                  cases[_i].sender, cases[_i].helo, spf_result_word(out.result), out.why,
                  spf_result_word(cases[_i].want));
    if (cases[_i].explanation)
        ck_assert_str_eq(out.explanation, cases[_i].explanation);
    if (cases[_i].term)
        ck_assert_str_eq(out.term, cases[_i].term);
    ck_assert_msg((out.why[0] != '\0') == (out.result == SPF_NONE || out.result == SPF_TEMPERROR ||
                                           out.result == SPF_PERMERROR),
                  "%s: \"%s\"", cases[_i].sender, out.why);
    ck_assert_uint_le(out.lookups, SPF_LOOKUPS + 1);
}
END_TEST

START_TEST(the_domain_asked_about)
{
    struct zone zone = {.row = zone_rows, .n = FCT_COUNT(zone_rows)};
    struct spf_outcome out;

    check(&zone, "192.0.2.1", "h.example",
          "x@b\xc3\xbc"
          "cher.example",
          &out);
    ck_assert_str_eq(out.domain, "xn--bcher-kva.example");
    check(&zone, "192.0.2.1", "Pass.example", "", &out);
    ck_assert_str_eq(out.domain, "Pass.example");
    check(&zone, "192.0.2.1", "h.example", "x@red.example", &out);
    ck_assert_str_eq(out.domain, "red.example");
}
END_TEST

/* ---- limits that the asker sets ---- */

START_TEST(limits_are_those_of_the_query)
{
    static const struct row rows[] = {
        T("d.example", "v=spf1 a:m1.example a:m2.example a:m3.example mx ip4:192.0.2.1 -all"),
        MX("d.example", "m1.example"),
        MX("d.example", "m2.example"),
    };
    static const struct {
        struct spf_limits limits;
        enum spf_result want;
    } limits[] = {
        {{10, 2, 10}, SPF_PERMERROR}, {{10, 3, 10}, SPF_PASS}, {{10, 3, 2}, SPF_PASS},
        {{10, 3, 1}, SPF_PERMERROR},  {{4, 3, 2}, SPF_PASS},   {{3, 3, 2}, SPF_PERMERROR},
    };

    for (size_t i = 0; i < FCT_COUNT(limits); i++) {
        struct zone zone = {.row = rows, .n = FCT_COUNT(rows)};
        struct spf_query query = {
            .sender = str("x@d.example"), .limits = limits[i].limits, .dns = {zone_ask, &zone}};
        struct spf_outcome out;

        ck_assert(ip_address_parse(str("192.0.2.1"), &query.client));
        spf_check(&query, &out);
        ck_assert_msg(out.result == limits[i].want, "%zu: %s", i, out.why);
    }
}
END_TEST

START_TEST(no_explanation_is_looked_for_unless_wanted)
{
    struct zone zone = {.row = zone_rows, .n = FCT_COUNT(zone_rows)};
    struct spf_query query = {
        .sender = str("x@fail.example"), .limits = {10, 2, 10}, .dns = {zone_ask, &zone}};
    struct spf_outcome out;

    ck_assert(ip_address_parse(str("192.0.2.1"), &query.client));
    spf_check(&query, &out);
    ck_assert_int_eq(out.result, SPF_FAIL);
    ck_assert_str_eq(out.explanation, "");
    ck_assert_uint_eq(zone.questions, 1);
}
END_TEST

/* ---- names of the client ---- */

/* The domain itself is preferred, then a name below it, then any (RFC 7208 7.3). */
START_TEST(which_name_p_is)
{
    static const struct {
        const char *domain, *want;
    } wanted[] = {
        {"two.example", "deep.two.example."},
        {"deep.two.example", "deep.two.example."},
        {"else.example", "first.one.example."},
    };

    for (size_t i = 0; i < FCT_COUNT(wanted); i++) {
        const struct row rows[] = {
            PTR("1.2.0.192.in-addr.arpa", "first.one.example"),
            PTR("1.2.0.192.in-addr.arpa", "deep.two.example"),
            A("first.one.example", "192.0.2.1"),
            A("deep.two.example", "192.0.2.1"),
            T(wanted[i].domain, "v=spf1 -all exp=e.example"),
            T("e.example", "%{p}."),
        };
        struct zone zone = {.row = rows, .n = FCT_COUNT(rows)};
        char sender[64];
        struct spf_outcome out;

        (void)snprintf(sender, sizeof sender, "x@%s", wanted[i].domain);
        check(&zone, "192.0.2.1", "h.example", sender, &out);
        ck_assert_str_eq(out.explanation, wanted[i].want);
    }
}
END_TEST

/* Ten names of a client that has more, each asked about once, however often %{p} stands there. */
START_TEST(a_client_with_many_names)
{
    struct row rows[48] = {
        T("d.example", "v=spf1 exists:%{p}.a.x exists:%{p}%{p}%{p}.b.x ptr ptr:y.example ?all")};
    char name[20][32];
    struct zone zone = {.row = rows, .n = 1};
    struct spf_outcome out;

    for (size_t i = 0; i < 20; i++) {
        (void)snprintf(name[i], sizeof name[i], "n%zu.d.example", i);
        rows[zone.n++] = (struct row)PTR("1.2.0.192.in-addr.arpa", name[i]);
        rows[zone.n++] = (struct row)A(name[i], i == 10 ? "192.0.2.1" : "198.51.100.1");
    }
    check(&zone, "192.0.2.1", "h.example", "x@d.example", &out);
    ck_assert_msg(out.result == SPF_NEUTRAL, "%s %s", spf_result_word(out.result),
                  out.why); /* the eleventh is right and not looked at */
    ck_assert_uint_eq(zone.questions, 1 + 1 + 10 + 2);
}
END_TEST

/* ---- hostile records ---- */

static unsigned next_random(unsigned *state)
{
    *state = *state * 1103515245u + 12345u;
    return *state >> 16;
}

/* Whatever a record says, the number of questions has a bound: the record, ten terms of which each
 * asks for at most one name and ten hosts, and those ten of the client; records of what is
 * included; the explanation. */
START_TEST(random_records_end)
{
    static const char *const terms[] = {
        "a",
        "mx",
        "ptr",
        "include:d.example",
        "include:e.example",
        "exists:%{p}.%{d}",
        "exists:%{ir}.%{v}.%{l1r-}",
        "a:%{h}",
        "mx:%{d2}",
        "redirect=e.example",
        "exp=d.example",
        "ip4:192.0.2.9",
        "ip6:::2",
        "~all",
        "x=%{s}",
        "a:%{o}/24",
        "ptr:%{p}",
        "-include:%{d}",
        "redirect=d.example",
    };
    unsigned state = (unsigned)_i + 1;
    char text[2][400];
    struct row rows[40] = {T("d.example", text[0]), T("e.example", text[1]),
                           A("d.example", "192.0.2.7"), A("e.example", "192.0.2.8")};
    struct zone zone = {.row = rows, .n = 4};
    struct spf_outcome out;

    for (size_t i = 0; i < 10; i++) {
        rows[zone.n++] = (struct row)MX("d.example", i % 2 ? "e.example" : "d.example");
        rows[zone.n++] = (struct row)PTR("1.2.0.192.in-addr.arpa", "d.example");
    }
    for (size_t r = 0; r < 2; r++) {
        size_t n = (size_t)snprintf(text[r], sizeof text[r], "v=spf1");

        for (unsigned i = 0, count = next_random(&state) % 16; i < count; i++)
            n += (size_t)snprintf(text[r] + n, sizeof text[r] - n, " %s",
                                  terms[next_random(&state) % FCT_COUNT(terms)]);
    }
    check(&zone, "192.0.2.1", "d.example", "some-body@d.example", &out);
    ck_assert_uint_le(zone.questions, 1 + 10 * 11 + 11 + 1);
    ck_assert_int_lt(out.result, SPF_RESULTS);
}
END_TEST

static void quiet(void *ctx, unsigned depth, const char *text)
{
    unsigned *most = ctx;

    ck_assert_uint_le(depth, SPF_LOOKUPS);
    ck_assert_uint_lt(strlen(text), 400);
    if (depth > *most)
        *most = depth;
}

START_TEST(steps_are_told)
{
    struct zone zone = {.row = zone_rows, .n = FCT_COUNT(zone_rows)};
    unsigned most = 0;
    struct spf_query query = {.sender = str("x@loop.example"),
                              .limits = {10, 2, 10},
                              .dns = {zone_ask, &zone},
                              .watch = {quiet, &most}};
    struct spf_outcome out;

    ck_assert(ip_address_parse(str("192.0.2.1"), &query.client));
    spf_check(&query, &out);
    ck_assert_int_eq(out.result, SPF_PERMERROR);
    ck_assert_uint_eq(most, 10);
    ck_assert_uint_eq(zone.questions, 11);
}
END_TEST

START_TEST(a_sender_that_is_too_long)
{
    struct zone zone = {.row = zone_rows, .n = FCT_COUNT(zone_rows)};
    char sender[3000];
    struct spf_outcome out;

    memset(sender, 'a', sizeof sender);
    memcpy(sender + 2900, "@fail.example", 14);
    check(&zone, "192.0.2.1", "h.example", sender, &out);
    ck_assert_int_eq(out.result, SPF_NONE);
    memset(sender, 'a', sizeof sender);
    sender[0] = '@';
    sender[sizeof sender - 1] = '\0';
    check(&zone, "192.0.2.1", "h.example", sender, &out);
    ck_assert_int_eq(out.result, SPF_NONE);
    ck_assert_uint_eq(zone.questions, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spf_eval");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, results, 0, FCT_COUNT(cases));
    tcase_add_test(tc, the_domain_asked_about);
    tcase_add_test(tc, limits_are_those_of_the_query);
    tcase_add_test(tc, no_explanation_is_looked_for_unless_wanted);
    tcase_add_test(tc, which_name_p_is);
    tcase_add_test(tc, a_client_with_many_names);
    tcase_add_loop_test(tc, random_records_end, 0, 500);
    tcase_add_test(tc, steps_are_told);
    tcase_add_test(tc, a_sender_that_is_too_long);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
