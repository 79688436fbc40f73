/* test_iprev.c - names of addresses, confirmed or not, against a DNS in memory. */
#include "plugins/iprev/iprev.h"

#include <check.h>
#include <stdlib.h>
#include <strings.h>

/* ---- the DNS ---- */

static const struct row {
    const char *name;
    enum fct_dns_type type;
    const char *data; /* NULL: no answer from anybody */
} zone[] = {
    {"1.2.0.192.in-addr.arpa", FCT_DNS_PTR, "mx.good.example"},
    {"mx.good.example", FCT_DNS_A, "192.0.2.9"},
    {"mx.good.example", FCT_DNS_A, "192.0.2.1"},
    {"2.2.0.192.in-addr.arpa", FCT_DNS_PTR, "liar.example"},
    {"liar.example", FCT_DNS_A, "192.0.2.99"},
    {"3.2.0.192.in-addr.arpa", FCT_DNS_PTR, "nowhere.example"},
    {"4.2.0.192.in-addr.arpa", FCT_DNS_PTR, NULL},
    {"5.2.0.192.in-addr.arpa", FCT_DNS_PTR, "silent.example"},
    {"silent.example", FCT_DNS_A, NULL},
    {"6.2.0.192.in-addr.arpa", FCT_DNS_PTR, "zeta.example"},
    {"6.2.0.192.in-addr.arpa", FCT_DNS_PTR, "liar.example"},
    {"6.2.0.192.in-addr.arpa", FCT_DNS_PTR, "Alpha.example"},
    {"zeta.example", FCT_DNS_A, "192.0.2.6"},
    {"Alpha.example", FCT_DNS_A, "192.0.2.6"},
    {"7.2.0.192.in-addr.arpa", FCT_DNS_PTR, "silent.example"},
    {"7.2.0.192.in-addr.arpa", FCT_DNS_PTR, "seven.example"},
    {"seven.example", FCT_DNS_A, "192.0.2.7"},
    {"8.2.0.192.in-addr.arpa", FCT_DNS_PTR, "evil\\013\\010name.example"},
    {"8.2.0.192.in-addr.arpa", FCT_DNS_PTR, "192.0.2.8"},
    {"10.2.0.192.in-addr.arpa", FCT_DNS_PTR, "one.example"},
    {"10.2.0.192.in-addr.arpa", FCT_DNS_PTR, "two.example"},
    {"10.2.0.192.in-addr.arpa", FCT_DNS_PTR, "three.example"},
    {"three.example", FCT_DNS_A, "192.0.2.10"},
    {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", FCT_DNS_PTR,
     "six.example"},
    {"six.example", FCT_DNS_AAAA, "2001:DB8:0::1"},
    {"six.example", FCT_DNS_A, "192.0.2.1"},
};

struct dns {
    unsigned questions, rounds;
    struct fct_dns_record record[200];
    size_t used;
};

static void answer_one(struct dns *dns, enum fct_dns_type type, struct fct_str name,
                       struct fct_dns_answer *out)
{
    *out = (struct fct_dns_answer){.status = FCT_DNS_NO_NAME, .record = dns->record + dns->used};
    for (size_t i = 0; i < FCT_COUNT(zone); i++) {
        if (zone[i].type != type || strlen(zone[i].name) != name.n ||
            strncasecmp(zone[i].name, name.p, name.n) != 0)
            continue;
        out->status = zone[i].data ? FCT_DNS_OK : FCT_DNS_FAILED;
        out->why = zone[i].data ? FCT_STR("") : FCT_STR("as the test says");
        if (!zone[i].data)
            return;
        dns->record[dns->used++].data = (struct fct_str){zone[i].data, strlen(zone[i].data)};
        out->n++;
    }
}

static void ask(void *ctx, enum fct_dns_type type, const struct fct_str *name, size_t n,
                struct fct_dns_answer *answer)
{
    struct dns *dns = ctx;

    dns->rounds++;
    for (size_t i = 0; i < n; i++, dns->questions++)
        answer_one(dns, type, name[i], &answer[i]);
}

/* ---- results ---- */

static const struct {
    const char *client;
    enum iprev_result result;
    const char *name, *why;
    uint32_t max_names; /* 0: as configured at first */
} cases[] = {
    {"192.0.2.1", IPREV_PASS, "mx.good.example", "", 0},
    {"::ffff:192.0.2.1", IPREV_PASS, "mx.good.example", "", 0},
    {"2001:db8::1", IPREV_PASS, "six.example", "", 0},
    {"192.0.2.2", IPREV_FAIL, "", "liar.example has no such address", 0},
    {"192.0.2.3", IPREV_FAIL, "", "nowhere.example has no such address", 0},
    {"192.0.2.4", IPREV_TEMPERROR, "", "4.2.0.192.in-addr.arpa: as the test says", 0},
    {"192.0.2.5", IPREV_TEMPERROR, "", "silent.example: as the test says", 0},
    {"192.0.2.6", IPREV_PASS, "Alpha.example", "", 0},
    {"192.0.2.7", IPREV_PASS, "seven.example", "", 0},
    {"192.0.2.8", IPREV_FAIL, "", "the address has names that no host can have", 0},
    {"192.0.2.10", IPREV_PASS, "three.example", "", 0},
    {"192.0.2.10", IPREV_FAIL, "", "one.example and others have no such address", 2},
    {"192.0.2.11", IPREV_PERMERROR, "", "the address has no name", 0},
    {"2001:db8::2", IPREV_PERMERROR, "", "the address has no name", 0},
};

START_TEST(results)
{
    struct dns dns = {0};
    struct iprev_query query = {
        .max_names = cases[_i].max_names ? cases[_i].max_names : IPREV_NAMES, .dns = {ask, &dns}};
    struct iprev_outcome out;

    ck_assert(ip_address_parse((struct fct_str){cases[_i].client, strlen(cases[_i].client)},
                               &query.client));
    iprev_check(&query, &out);
    ck_assert_msg(out.result == cases[_i].result, "%s: %s (%s)", cases[_i].client,
                  iprev_result_word(out.result), out.why);
    ck_assert_str_eq(out.name, cases[_i].name);
    ck_assert_str_eq(out.why, cases[_i].why);
    ck_assert_uint_le(dns.rounds, 2);
    if (cases[_i].max_names)
        ck_assert_uint_eq(dns.questions, 1 + cases[_i].max_names);
}
END_TEST

/* ---- names ---- */

static const struct {
    const char *name;
    bool host;
} names[] = {
    {"a.example", true},
    {"a_b-c.example", true},
    {"localhost", true},
    {"1.2.3.4.isp.net", true},
    {"", false},
    {".", false},
    {"a..example", false},
    {"a.example.", false},
    {".a.example", false},
    {"192.0.2.1", false},
    {"a b.example", false},
    {"a\\046b.example", false},
    {"a\nb.example", false},
    {"a(b).example", false},
    {"a.example.7", false},
};

START_TEST(hosts)
{
    char text[300];

    for (size_t i = 0; i < FCT_COUNT(names); i++)
        ck_assert_msg(iprev_is_host((struct fct_str){names[i].name, strlen(names[i].name)}) ==
                          names[i].host,
                      "%s", names[i].name);
    memset(text, 'x', sizeof text);
    ck_assert(!iprev_is_host((struct fct_str){text, IPREV_NAME_MAX + 1}));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("iprev");
    TCase *tc = tcase_create("iprev");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, results, 0, (int)FCT_COUNT(cases));
    tcase_add_test(tc, hosts);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
