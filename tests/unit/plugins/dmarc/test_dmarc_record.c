/* test_dmarc_record.c - what is a DMARC record, and what it asks for. */
#include "plugins/dmarc/dmarc_record.h"

#include "core/base/str.h"
#include <check.h>

#define N DMARC_POLICY_NONE
#define Q DMARC_POLICY_QUARANTINE
#define R DMARC_POLICY_REJECT

static const struct {
    const char *text;
    bool is;
} records[] = {
    {"v=DMARC1", true},
    {"v=DMARC1;", true},
    {"v=DMARC1;p=none", true},
    {"V=DMARC1; p=none", true},
    {"v = DMARC1 ; p=none", true},
    {"  v=DMARC1; p=none", true},
    {"v=dmarc1; p=none", false},
    {"v=Dmarc1; p=none", false},
    {"v=DMARC10; p=none", false},
    {"v=DMARC1 p=none", false},
    {"v=DMARC; p=none", false},
    {"v=; p=none", false},
    {"v", false},
    {"", false},
    {";v=DMARC1", false},
    {"p=none; v=DMARC1", false},
    {"x=y; v=DMARC1; p=none", false},
    {"v=spf1 -all", false},
};

START_TEST(only_what_begins_with_the_version_is_one)
{
    ck_assert_msg(dmarc_record_is(str_from(records[_i].text)) == records[_i].is, "%s",
                  records[_i].text);
}
END_TEST

static const struct {
    const char *tags;
    bool usable;
    enum dmarc_policy p, sp, np;
    const char *mistake; /* "" for none */
} policies[] = {
    {"p=none", true, N, N, N, ""},
    {"p=quarantine", true, Q, Q, Q, ""},
    {"p=reject", true, R, R, R, ""},
    {"P=REJECT", true, R, R, R, ""},
    {" p = reject ", true, R, R, R, ""},
    {"p=reject;", true, R, R, R, ""},
    {";;p=reject; ;", true, R, R, R, ""},
    {"sp=none; p=reject", true, R, N, N, ""},
    {"p=none; sp=reject", true, N, R, R, ""},
    {"p=none; np=reject", true, N, N, R, ""},
    {"p=none; sp=quarantine; np=reject", true, N, Q, R, ""},
    {"p=reject; foo=bar; x=", true, R, R, R, ""},
    {"p=reject; pct=0; ri=1; rf=x", true, R, R, R, ""},
    {"p=reject; adkim=x", true, R, R, R, "adkim=x is not r or s"},
    {"p=reject; rubbish", true, R, R, R, "\"rubbish\" is no tag"},
    {"p=reject; =x", true, R, R, R, "\"=x\" is no tag"},
    {"p=reject; p=none", true, R, R, R, "p= stands there twice: the first counts"},
    {"", false, N, N, N, "p= is missing"},
    {"p=", false, N, N, N, "p= is not none, quarantine or reject"},
    {"p=foo", false, N, N, N, "p=foo is not none, quarantine or reject"},
    {"p=rejected", false, N, N, N, "p=rejected is not none, quarantine or reject"},
    {"p=rej", false, N, N, N, "p=rej is not none, quarantine or reject"},
    {"p=reject none", false, N, N, N, "p=reject none is not none, quarantine or reject"},
    {"p=reject; sp=foo", false, N, N, N, "sp=foo is not none, quarantine or reject"},
    {"p=reject; np=foo", false, N, N, N, "np=foo is not none, quarantine or reject"},
    {"rua=mailto:a@b.example", true, N, N, N, "p= is missing"},
    {"p=foo; rua=mailto:a@b.example", true, N, N, N, "p=foo is not none, quarantine or reject"},
    {"p=reject; sp=foo; rua=mailto:a@b.example", true, N, N, N,
     "sp=foo is not none, quarantine or reject"},
    {"p=foo; rua=rubbish", false, N, N, N, "p=foo is not none, quarantine or reject"},
    {"p=\x01", false, N, N, N, "p=? is not none, quarantine or reject"},
};

static void parse(const char *tags, struct dmarc_record *out)
{
    char text[600];

    snprintf(text, sizeof text, "v=DMARC1;%s", tags);
    ck_assert(dmarc_record_is(str_from(text)));
    dmarc_record_parse(str_from(text), out);
}

START_TEST(policies_and_what_becomes_of_mistakes)
{
    struct dmarc_record r;

    parse(policies[_i].tags, &r);
    ck_assert_msg(r.usable == policies[_i].usable, "%s", policies[_i].tags);
    ck_assert_msg(r.p == policies[_i].p && r.sp == policies[_i].sp && r.np == policies[_i].np,
                  "%s: %d %d %d", policies[_i].tags, r.p, r.sp, r.np);
    ck_assert_str_eq(r.mistake, policies[_i].mistake);
}
END_TEST

static const struct {
    const char *uri;
    bool good;
} uris[] = {
    {"mailto:a@b.example", true},
    {"MAILTO:a@b.example", true},
    {"mailto:a@b.example!10m", true},
    {" mailto:a@b.example , mailto:c@d.example ", true},
    {"rubbish, mailto:a@b.example", true},
    {"https://b.example/report", true},
    {"mailto:", false},
    {"mailto:nobody", false},
    {"mailto:@b.example", false},
    {"mailto:a@", false},
    {"mailto:a b@c.example", false},
    {"a@b.example", false},
    {"1x:a@b", false},
    {":a@b", false},
    {"", false},
    {",", false},
    {"mailto:a\x80@b.example", false},
};

START_TEST(addresses_for_reports)
{
    struct dmarc_record r;
    char tags[300];

    snprintf(tags, sizeof tags, "p=foo; rua=%s", uris[_i].uri);
    parse(tags, &r);
    ck_assert_msg(r.has_rua == uris[_i].good && r.usable == uris[_i].good, "%s", uris[_i].uri);
}
END_TEST

START_TEST(the_other_tags)
{
    struct dmarc_record r;

    parse("p=none", &r);
    ck_assert(!r.strict_dkim && !r.strict_spf && !r.testing && r.psd == DMARC_PSD_UNKNOWN);
    parse("p=none; adkim=s; aspf=S; t=y; psd=y", &r);
    ck_assert(r.strict_dkim && r.strict_spf && r.testing && r.psd == DMARC_PSD_YES);
    parse("p=none; adkim=r; aspf=r; t=n; psd=n", &r);
    ck_assert(!r.strict_dkim && !r.strict_spf && !r.testing && r.psd == DMARC_PSD_NO);
    parse("p=none; adkim=strict; aspf=; t=yes; psd=x", &r); /* defaults in place of mistakes */
    ck_assert(!r.strict_dkim && !r.strict_spf && !r.testing && r.psd == DMARC_PSD_UNKNOWN);
}
END_TEST

START_TEST(bytes_of_any_kind)
{
    static const char text[] = "v=DMARC1; p=rej\0ect; \0=\0; rua=\0:\0";
    struct dmarc_record r;

    dmarc_record_parse((struct fct_str){text, sizeof text - 1}, &r);
    ck_assert(!r.usable && !r.has_rua);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dmarc_record");
    TCase *tc = tcase_create("records");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, only_what_begins_with_the_version_is_one, 0, (int)FCT_COUNT(records));
    tcase_add_loop_test(tc, policies_and_what_becomes_of_mistakes, 0, (int)FCT_COUNT(policies));
    tcase_add_loop_test(tc, addresses_for_reports, 0, (int)FCT_COUNT(uris));
    tcase_add_test(tc, the_other_tags);
    tcase_add_test(tc, bytes_of_any_kind);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
