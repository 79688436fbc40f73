/* test_dmarc_eval.c - the tree walk, alignment, policies and results, against a zone in a table. */
#include "dmarc_zone.h"

#include <stdlib.h>

static const struct zone_row records[] = {
    {"_dmarc.example.com", V "p=reject"},
    {"example.com", ""},
    {"mail.example.com", ""},
    {"_dmarc.quar.example", V "p=quarantine; sp=none"},
    {"_dmarc.strict.example", V "p=reject; adkim=s; aspf=s"},
    {"_dmarc.spf-strict.example", V "p=reject; aspf=s"},
    {"_dmarc.sp.example", V "p=none; sp=quarantine; np=reject"},
    {"there.sp.example", ""},
    {"_dmarc.sub.sp.example", V "p=quarantine"},
    {"fails.sp.example", NULL},
    {"_dmarc.test.example", V "p=reject; sp=quarantine; t=y"},
    {"_dmarc.test-none.example", V "p=none; t=y"},
    {"_dmarc.two.example", V "p=reject"},
    {"_dmarc.two.example", V "p=none"},
    {"_dmarc.junk.example", "some other text"},
    {"_dmarc.junk.example", V "p=reject"},
    {"_dmarc.order.example", "p=reject; v=DMARC1"},
    {"_dmarc.badp.example", V "p=foo"},
    {"_dmarc.badprua.example", V "p=foo; rua=mailto:x@badprua.example"},
    {"_dmarc.empty.example", "v=DMARC1"},
    {"_dmarc.down.example", NULL},
    {"_dmarc.a.half.example", V "p=reject"},
    {"_dmarc.half.example", NULL},
    /* psd: a suffix, its customer, a part of the customer that stands alone */
    {"_dmarc.psd.example", V "p=reject; psd=y; np=quarantine; sp=none"},
    {"org.psd.example", ""},
    {"_dmarc.with.psd.example", V "p=quarantine"},
    {"_dmarc.alone.with.psd.example", V "p=none; psd=n"},
    /* several on the way up */
    {"_dmarc.mail.up.example", V "p=none"},
    {"_dmarc.up.example", V "p=reject"},
    {"_dmarc.j.mail.long.example", V "p=reject"},
    {"_dmarc.xn--caf-dma.example", V "p=reject"},
    {"_dmarc.co.uk", V "p=reject"},
    {"_dmarc.example.co.uk", V "p=reject"},
};

static struct zone zone = {.row = records, .n = FCT_COUNT(records)};

static void evaluate(enum dmarc_discovery discovery, const char *author, const char *spf,
                     const char *dkim, struct dmarc_outcome *out)
{
    struct dmarc_search *search = calloc(1, sizeof *search);
    struct dmarc_identifier id[2];
    struct dmarc_query query = {.author = str_from(author), .identifier = id};

    search->discovery = discovery;
    search->dns = (struct dmarc_dns){zone_ask, zone_org, &zone};
    if (spf)
        id[query.identifiers++] = (struct dmarc_identifier){.domain = str_from(spf)};
    if (dkim)
        id[query.identifiers++] = (struct dmarc_identifier){.domain = str_from(dkim), .dkim = true};
    zone.asked = 0;
    dmarc_evaluate(search, &query, out);
    free(search);
}

struct row {
    const char *author, *spf, *dkim; /* NULL: no pass */
    enum dmarc_result result;
    enum dmarc_policy policy; /* of a fail */
    const char *found;        /* where the record is, NULL: there is none */
};

static const struct row walk_rows[] = {
    /* alignment */
    {"example.com", "example.com", NULL, DMARC_PASS, 0, "example.com"},
    {"example.com", NULL, "example.com", DMARC_PASS, 0, "example.com"},
    {"EXAMPLE.com.", "Example.COM", NULL, DMARC_PASS, 0, "example.com"},
    {"example.com", "bounce.example.com", NULL, DMARC_PASS, 0, "example.com"},
    {"mail.example.com", "example.com", NULL, DMARC_PASS, 0, "example.com"},
    {"a.example.com", NULL, "b.c.example.com", DMARC_PASS, 0, "example.com"},
    {"example.com", "example.net", "example.org", DMARC_FAIL, DMARC_POLICY_REJECT, "example.com"},
    {"example.com", "notexample.com", NULL, DMARC_FAIL, DMARC_POLICY_REJECT, "example.com"},
    {"example.com", "com", NULL, DMARC_FAIL, DMARC_POLICY_REJECT, "example.com"},
    {"example.com", "", "..", DMARC_FAIL, DMARC_POLICY_REJECT, "example.com"},
    {"example.com", "example.com.evil.example", NULL, DMARC_FAIL, DMARC_POLICY_REJECT,
     "example.com"},
    {"example.com", NULL, NULL, DMARC_FAIL, DMARC_POLICY_REJECT, "example.com"},
    {"example.com", "example.net", "mail.example.com", DMARC_PASS, 0, "example.com"},
    {"strict.example", "strict.example", NULL, DMARC_PASS, 0, "strict.example"},
    {"strict.example", "a.strict.example", "a.strict.example", DMARC_FAIL, DMARC_POLICY_REJECT,
     "strict.example"},
    {"spf-strict.example", "a.spf-strict.example", NULL, DMARC_FAIL, DMARC_POLICY_REJECT,
     "spf-strict.example"},
    {"spf-strict.example", NULL, "a.spf-strict.example", DMARC_PASS, 0, "spf-strict.example"},
    /* policies of subdomains */
    {"quar.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_QUARANTINE, "quar.example"},
    {"a.quar.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_NONE, "quar.example"},
    {"there.sp.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_QUARANTINE, "sp.example"},
    {"nowhere.sp.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_REJECT, "sp.example"},
    {"nowhere.sp.example", "sp.example", NULL, DMARC_PASS, 0, "sp.example"},
    {"fails.sp.example", NULL, NULL, DMARC_TEMPERROR, 0, "sp.example"},
    {"sub.sp.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_QUARANTINE, "sub.sp.example"},
    {"x.sub.sp.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_REJECT, "sp.example"},
    {"mail.up.example", "other.up.example", NULL, DMARC_PASS, 0, "mail.up.example"},
    {"x.mail.up.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_REJECT, "up.example"},
    /* testing: one step milder */
    {"test.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_QUARANTINE, "test.example"},
    {"a.test.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_NONE, "test.example"},
    {"test-none.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_NONE, "test-none.example"},
    /* public suffix domains */
    {"org.psd.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_NONE, "psd.example"},
    {"no.psd.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_QUARANTINE, "psd.example"},
    {"psd.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_REJECT, "psd.example"},
    {"org.psd.example", "a.org.psd.example", NULL, DMARC_PASS, 0, "psd.example"},
    {"org.psd.example", "no.psd.example", NULL, DMARC_FAIL, DMARC_POLICY_NONE, "psd.example"},
    {"org.psd.example", "psd.example", NULL, DMARC_FAIL, DMARC_POLICY_NONE, "psd.example"},
    {"a.with.psd.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_QUARANTINE, "with.psd.example"},
    {"alone.with.psd.example", "with.psd.example", NULL, DMARC_FAIL, DMARC_POLICY_NONE,
     "alone.with.psd.example"},
    {"with.psd.example", "alone.with.psd.example", NULL, DMARC_FAIL, DMARC_POLICY_QUARANTINE,
     "with.psd.example"},
    {"with.psd.example", "b.with.psd.example", NULL, DMARC_PASS, 0, "with.psd.example"},
    /* no record that counts */
    {"nothing.example", "nothing.example", NULL, DMARC_NONE, 0, NULL},
    {"two.example", NULL, NULL, DMARC_NONE, 0, NULL},
    {"order.example", NULL, NULL, DMARC_NONE, 0, NULL},
    {"badp.example", NULL, NULL, DMARC_PERMERROR, 0, "badp.example"},
    {"empty.example", "empty.example", NULL, DMARC_PERMERROR, 0, "empty.example"},
    {"badprua.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_NONE, "badprua.example"},
    {"junk.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_REJECT, "junk.example"},
    /* nobody can say */
    {"down.example", "down.example", NULL, DMARC_TEMPERROR, 0, NULL},
    {"b.half.example", NULL, NULL, DMARC_TEMPERROR, 0, NULL},
    {"a.half.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_REJECT, "a.half.example"},
    {"a.half.example", "a.half.example", NULL, DMARC_PASS, 0, "a.half.example"},
    {"a.half.example", "b.half.example", NULL, DMARC_TEMPERROR, 0, "a.half.example"},
    {"a.half.example", "b.half.example", "a.half.example", DMARC_PASS, 0, "a.half.example"},
    /* names */
    {"caf\xC3\xA9.example", "xn--caf-dma.example", NULL, DMARC_PASS, 0, "xn--caf-dma.example"},
    {"xn--caf-dma.example", "CAF\xC3\x89.example", NULL, DMARC_PASS, 0, "xn--caf-dma.example"},
    {"[192.0.2.1]", NULL, NULL, DMARC_PERMERROR, 0, NULL},
    {"", NULL, NULL, DMARC_PERMERROR, 0, NULL},
    {"a..example.com", NULL, NULL, DMARC_PERMERROR, 0, NULL},
    {"example.com(.evil.example", NULL, NULL, DMARC_PERMERROR, 0, NULL},
    {"caf\xE9.example", NULL, NULL, DMARC_PERMERROR, 0, NULL},
    /* by the list strangers; the walk asks the owner of co.uk, who does not say psd=y */
    {"evil.co.uk", "example.co.uk", NULL, DMARC_PASS, 0, "co.uk"},
};

static const struct row list_rows[] = {
    {"example.com", "bounce.example.com", NULL, DMARC_PASS, 0, "example.com"},
    {"mail.example.com", "example.com", NULL, DMARC_PASS, 0, "example.com"},
    {"x.sub.sp.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_REJECT, "sp.example"},
    {"x.mail.up.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_REJECT, "up.example"},
    {"evil.co.uk", "example.co.uk", NULL, DMARC_NONE, 0, NULL},
    {"a.example.co.uk", "b.example.co.uk", NULL, DMARC_PASS, 0, "example.co.uk"},
    {"down.example", NULL, NULL, DMARC_TEMPERROR, 0, NULL},
    {"nothing.example", NULL, NULL, DMARC_NONE, 0, NULL},
    {"badp.example", NULL, NULL, DMARC_PERMERROR, 0, "badp.example"},
};

static void check(enum dmarc_discovery discovery, const struct row *row)
{
    struct dmarc_outcome out;

    evaluate(discovery, row->author, row->spf, row->dkim, &out);
    ck_assert_msg(out.result == row->result, "%s %s: %s (%s)", row->author, row->spf,
                  dmarc_result_word(out.result), out.why);
    ck_assert_msg(row->result != DMARC_FAIL || out.policy == row->policy, "%s: %s", row->author,
                  dmarc_policy_word(out.policy));
    ck_assert_msg(str_equal(dmarc_domain_str(&out.found), str_from(row->found)), "%s: found at %s",
                  row->author, out.found.text);
    ck_assert((out.why[0] != 0) ==
              (row->result == DMARC_TEMPERROR || row->result == DMARC_PERMERROR));
}

START_TEST(by_the_walk)
{
    check(DMARC_BY_WALK, &walk_rows[_i]);
}
END_TEST

START_TEST(by_the_list)
{
    check(DMARC_BY_LIST, &list_rows[_i]);
}
END_TEST

/* RFC 9989 4.10: eight questions, whatever the number of labels. */
START_TEST(a_walk_asks_at_most_eight_times)
{
    struct dmarc_outcome out;

    evaluate(DMARC_BY_WALK, "a.b.c.d.e.f.g.h.i.j.mail.long.example", NULL, NULL, &out);
    ck_assert_uint_eq(zone.asked, 8);
    ck_assert_int_eq(out.result, DMARC_FAIL); /* by the record of j.mail.long.example */
    ck_assert_str_eq(out.found.text, "j.mail.long.example");
    evaluate(DMARC_BY_WALK, "a.b.c.d.e.f.g.h", NULL, NULL, &out);
    ck_assert_uint_eq(zone.asked, 8);
    evaluate(DMARC_BY_WALK, "a.b.c.d.e.f.g", NULL, NULL, &out);
    ck_assert_uint_eq(zone.asked, 7);
    evaluate(DMARC_BY_WALK, "nothing.example", NULL, NULL, &out);
    ck_assert_uint_eq(zone.asked, 2);
}
END_TEST

/* Who signs with a hundred domains does not make us ask for each: strangers are not walked, and
 * names in common are zone.asked for once. */
START_TEST(floods_of_signatures_cost_little)
{
    static char name[100][64];
    struct dmarc_search *search = calloc(1, sizeof *search);
    struct dmarc_identifier id[100];
    struct dmarc_query query = {FCT_STR("example.com"), id, 100};
    struct dmarc_outcome out;

    search->dns = (struct dmarc_dns){zone_ask, zone_org, &zone};
    for (int i = 0; i < 100; i++) {
        snprintf(name[i], sizeof name[i], "a%d.b.c.d.e.evil%d.example", i, i);
        id[i] = (struct dmarc_identifier){.domain = str_from(name[i]), .dkim = true};
    }
    zone.asked = 0;
    dmarc_evaluate(search, &query, &out);
    ck_assert_int_eq(out.result, DMARC_FAIL);
    ck_assert_uint_eq(zone.asked, 2); /* _dmarc.example.com, _dmarc.com */
    for (int i = 0; i < 100; i++)
        snprintf(name[i], sizeof name[i], "a%d.b.c.d.e.f.strict.alone.with.psd.example", i);
    query.author = FCT_STR("with.psd.example");
    *search = (struct dmarc_search){.dns = search->dns};
    for (int i = 0; i < 100; i++)
        id[i].domain = str_from(name[i]);
    zone.asked = 0;
    dmarc_evaluate(search, &query, &out);
    ck_assert_int_eq(out.result, DMARC_FAIL);
    ck_assert_uint_le(zone.asked, DMARC_NAMES_MAX);
    free(search);
}
END_TEST

/* Whoever forges mail can sign it with a key that nobody can fetch: that must not spare it its
 * fail. Only what would be aligned leaves it open. */
START_TEST(what_could_not_be_checked)
{
    static const struct {
        const char *domain;
        enum dmarc_result result;
    } rows[] = {
        {"evil.example", DMARC_FAIL},
        {"com", DMARC_FAIL},
        {"mail.example.com", DMARC_TEMPERROR},
        {"example.com", DMARC_TEMPERROR},
    };
    struct dmarc_search *search = calloc(1, sizeof *search);

    for (size_t i = 0; i < FCT_COUNT(rows); i++) {
        struct dmarc_identifier id[] = {{str_from(rows[i].domain), true, true},
                                        {FCT_STR("example.com"), true, false}};
        struct dmarc_query query = {FCT_STR("example.com"), id, 1};
        struct dmarc_outcome out;

        *search = (struct dmarc_search){.dns = {zone_ask, zone_org, &zone}};
        dmarc_evaluate(search, &query, &out);
        ck_assert_msg(out.result == rows[i].result, "%s", rows[i].domain);
        query.identifiers = 2; /* a pass is a pass */
        dmarc_evaluate(search, &query, &out);
        ck_assert_int_eq(out.result, DMARC_PASS);
    }
    free(search);
}
END_TEST

static const struct {
    const char *text, *want; /* NULL: refused */
} names[] = {
    {"Example.ORG.", "example.org"},
    {"a_b.example", "a_b.example"},
    {"b\xC3\xBC"
     "cher.example",
     "xn--bcher-kva.example"},
    {"example.org..", NULL},
    {".", NULL},
    {".example", NULL},
    {"a b.example", NULL},
    {"a@b.example", NULL},
    {"a\"b.example", NULL},
    {"\xFF.example", NULL},
    {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk.example",
     "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk.example"},
    {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl.example", NULL},
};

START_TEST(names_in_one_form)
{
    struct dmarc_domain out;
    bool ok = dmarc_domain_parse(str_from(names[_i].text), &out);

    ck_assert_msg(ok == (names[_i].want != NULL), "%s", names[_i].text);
    if (ok)
        ck_assert_str_eq(out.text, names[_i].want);
}
END_TEST

START_TEST(a_nul_is_no_part_of_a_name)
{
    struct dmarc_domain out;

    ck_assert(!dmarc_domain_parse(FCT_STR("example.com\0.evil.example"), &out));
    ck_assert(!dmarc_domain_parse(FCT_STR("caf\xC3\xA9.example\0.evil"), &out));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dmarc_eval");
    TCase *tc = tcase_create("evaluation");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, by_the_walk, 0, (int)FCT_COUNT(walk_rows));
    tcase_add_loop_test(tc, by_the_list, 0, (int)FCT_COUNT(list_rows));
    tcase_add_test(tc, a_walk_asks_at_most_eight_times);
    tcase_add_test(tc, floods_of_signatures_cost_little);
    tcase_add_test(tc, what_could_not_be_checked);
    tcase_add_loop_test(tc, names_in_one_form, 0, (int)FCT_COUNT(names));
    tcase_add_test(tc, a_nul_is_no_part_of_a_name);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
