/* test_report_address.c - URIs of rua, and whether a destination elsewhere agrees. */
#include "plugins/dmarc/report_address.h"

#include "dmarc_zone.h"
#include "plugins/dmarc/report_destination.h"

static const struct {
    const char *uri, *address; /* NULL: refused, and `why` is in the reason */
    uint64_t max;
    const char *why;
} uris[] = {
    {"mailto:a@example.org", "a@example.org", 0, ""},
    {"MAILTO:A.b+c@Example.ORG", "A.b+c@example.org", 0, ""},
    {"mailto:a@example.org!10m", "a@example.org", 10u << 20, ""},
    {"mailto:a@example.org!10M", "a@example.org", 10u << 20, ""},
    {"mailto:a@example.org!512", "a@example.org", 512, ""},
    {"mailto:a@example.org!1k", "a@example.org", 1024, ""},
    {"mailto:a@example.org!2g", "a@example.org", (uint64_t)2 << 30, ""},
    {"mailto:a@example.org!1t", "a@example.org", (uint64_t)1 << 40, ""},
    {"mailto:a@example.org!999999999t", "a@example.org", (uint64_t)999999999 << 40, ""},
    {"mailto:a%21b@example.org!5k", "a!b@example.org", 5120, ""},
    {"mailto:a%2Bb@example.org", "a+b@example.org", 0, ""},
    {"mailto:a@example.org?subject=x", "a@example.org", 0, ""},
    {"mailto:a@b\xc3\xbc"
     "cher.example",
     "a@xn--bcher-kva.example", 0, ""},
    {"mailto:a@example.org!", NULL, 0, "no size"},
    {"mailto:a@example.org!m", NULL, 0, "no size"},
    {"mailto:a@example.org!10x", NULL, 0, "no size"},
    {"mailto:a@example.org!-1", NULL, 0, "no size"},
    {"mailto:a@example.org!1234567890", NULL, 0, "no size"},
    {"mailto:example.org", NULL, 0, "no @"},
    {"mailto:", NULL, 0, "no @"},
    {"mailto:@example.org", NULL, 0, "local part"},
    {"mailto:a..b@example.org", NULL, 0, "local part"},
    {"mailto:.a@example.org", NULL, 0, "local part"},
    {"mailto:a.@example.org", NULL, 0, "local part"},
    {"mailto:a%20b@example.org", NULL, 0, "local part"},
    {"mailto:a%0d%0aBcc:x@example.org", NULL, 0, "local part"},
    {"mailto:a%00@example.org", NULL, 0, "local part"},
    {"mailto:a%3e@example.org", NULL, 0, "local part"},
    {"mailto:\"a\"@example.org", NULL, 0, "local part"},
    {"mailto:a@b@example.org", NULL, 0, "local part"},
    {"mailto:a%@example.org", NULL, 0, "%-sequence"},
    {"mailto:a%2@example.org", NULL, 0, "%-sequence"},
    {"mailto:a%2g@example.org", NULL, 0, "%-sequence"},
    {"mailto:a@", NULL, 0, "domain"},
    {"mailto:a@exa mple.org", NULL, 0, "domain"},
    {"mailto:a@[192.0.2.1]", NULL, 0, "domain"},
    {"mailto:a@example..org", NULL, 0, "domain"},
    {"mailto:a@../../etc", NULL, 0, "domain"},
    {"https://example.org/dmarc", NULL, 0, "only mailto:"},
    {"a@example.org", NULL, 0, "only mailto:"},
    {"", NULL, 0, "only mailto:"},
};

START_TEST(one_uri)
{
    struct report_address a;
    bool ok = report_address_parse(str_from(uris[_i].uri), &a);

    ck_assert_msg(ok == (uris[_i].address != NULL), "%s: %s", uris[_i].uri,
                  ok ? a.text : a.refused);
    if (ok) {
        ck_assert_str_eq(a.text, uris[_i].address);
        ck_assert_uint_eq(a.max_bytes, uris[_i].max);
        ck_assert_ptr_null(a.refused);
    } else {
        ck_assert_msg(strstr(a.refused, uris[_i].why) != NULL, "%s: %s", uris[_i].uri, a.refused);
    }
}
END_TEST

START_TEST(a_long_local_part)
{
    struct report_address a;
    char uri[200];

    (void)snprintf(uri, sizeof uri, "mailto:%064d@example.org", 1);
    ck_assert(report_address_parse(str_from(uri), &a));
    (void)snprintf(uri, sizeof uri, "mailto:%065d@example.org", 1);
    ck_assert(!report_address_parse(str_from(uri), &a));
}
END_TEST

START_TEST(those_of_a_record)
{
    struct report_address a[REPORT_ADDRESSES_MAX];
    size_t left;

    ck_assert_uint_eq(report_addresses(FCT_STR("v=DMARC1; p=none"), a, &left), 0);
    ck_assert_uint_eq(report_addresses(FCT_STR("v=DMARC1; rua="), a, &left), 0);
    ck_assert_uint_eq(report_addresses(FCT_STR("v=DMARC1; ruf=mailto:a@b.example"), a, &left), 0);
    ck_assert_uint_eq(
        report_addresses(FCT_STR("v=DMARC1;RUA = mailto:a@b.example , mailto:c@d.example!1k,,x ; "
                                 "rua=mailto:no@b.example"),
                         a, &left),
        3);
    ck_assert_str_eq(a[0].text, "a@b.example");
    ck_assert_str_eq(a[1].text, "c@d.example");
    ck_assert_uint_eq(a[1].max_bytes, 1024);
    ck_assert_ptr_nonnull(a[2].refused);
    ck_assert_uint_eq(left, 0);
    ck_assert_uint_eq(report_addresses(FCT_STR("v=DMARC1; rua=a,b,c,d,e,f,g,h,i,j,k,l"), a, &left),
                      REPORT_ADDRESSES_MAX);
    ck_assert_uint_eq(left, 2);
}
END_TEST

/* ---- consent ---- */

static const struct zone_row zone[] = {
    {"_dmarc.example.org", "v=DMARC1; p=none"},
    {"example.org._report._dmarc.yes.example", "v=DMARC1"},
    {"example.org._report._dmarc.two.example", "v=spf1 -all"},
    {"example.org._report._dmarc.two.example", "v=DMARC1;"},
    {"example.org._report._dmarc.spf.example", "v=spf1 -all"},
    {"example.org._report._dmarc.here.example", "v=DMARC1; rua=mailto:box@here.example!1m"},
    {"example.org._report._dmarc.there.example", "v=DMARC1; rua=mailto:box@elsewhere.example"},
    {"example.org._report._dmarc.wrong.example", "v=DMARC1; rua=https://wrong.example/"},
    {"example.org._report._dmarc.down.example", NULL},
};

static const struct {
    const char *uri;
    enum report_consent consent;
    const char *address, *why;
} destinations[] = {
    {"mailto:a@example.org", REPORT_OWN, "a@example.org", "same organization"},
    {"mailto:a@mail.example.org", REPORT_OWN, "a@mail.example.org", "same organization"},
    {"mailto:a@yes.example", REPORT_AGREES, "a@yes.example", "yes.example agrees"},
    {"mailto:a@two.example", REPORT_AGREES, "a@two.example", "two.example agrees"},
    {"mailto:a@no.example", REPORT_REFUSES, "a@no.example",
     "nothing at example.org._report._dmarc.no.example"},
    {"mailto:a@spf.example", REPORT_REFUSES, "a@spf.example", "no record of DMARC"},
    {"mailto:a@here.example", REPORT_AGREES, "box@here.example", "at box@here.example"},
    {"mailto:a@there.example", REPORT_REFUSES, "a@there.example", "not at the same host"},
    {"mailto:a@wrong.example", REPORT_REFUSES, "a@wrong.example", "cannot be read"},
    {"mailto:a@down.example", REPORT_UNKNOWN, "a@down.example", "no answer for now"},
    {"ftp://example.org", REPORT_REFUSES, "", "only mailto:"},
};

START_TEST(does_it_agree)
{
    static struct dmarc_search search;
    struct zone dns = {.row = zone, .n = FCT_COUNT(zone)};
    struct report_address address;
    struct report_destination d;

    search = (struct dmarc_search){.dns = {zone_ask, zone_org, &dns}};
    (void)report_address_parse(str_from(destinations[_i].uri), &address);
    report_destination_check(&search, FCT_STR("example.org"), &address, &d);
    ck_assert_msg(d.consent == destinations[_i].consent, "%s: %s", destinations[_i].uri, d.why);
    ck_assert_str_eq(d.address.text, destinations[_i].address);
    ck_assert_msg(strstr(d.why, destinations[_i].why) != NULL, "%s: %s", destinations[_i].uri,
                  d.why);
}
END_TEST

START_TEST(a_name_too_long_to_ask_for)
{
    static struct dmarc_search search;
    struct zone dns = {.row = zone, .n = FCT_COUNT(zone)};
    struct report_address address;
    struct report_destination d;
    char uri[300], label[64];

    memset(label, 'a', 60);
    label[60] = 0;
    (void)snprintf(uri, sizeof uri, "mailto:x@%s.%s.%s.%s.example", label, label, label, label);
    ck_assert(report_address_parse(str_from(uri), &address));
    search = (struct dmarc_search){.dns = {zone_ask, zone_org, &dns}};
    report_destination_check(&search, FCT_STR("example.org"), &address, &d);
    ck_assert_int_eq(d.consent, REPORT_REFUSES);
    ck_assert_msg(strstr(d.why, "too long") != NULL, "%s", d.why);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report_address");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, one_uri, 0, (int)FCT_COUNT(uris));
    tcase_add_test(tc, a_long_local_part);
    tcase_add_test(tc, those_of_a_record);
    tcase_add_loop_test(tc, does_it_agree, 0, (int)FCT_COUNT(destinations));
    tcase_add_test(tc, a_name_too_long_to_ask_for);
    suite_add_tcase(suite, tc);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
