/* test_dmarc_message.c - whose domain a message is checked for, what other plugins said of it, and
 * what marks mail of lists. */
#include "plugins/dmarc/dmarc_author.h"
#include "plugins/dmarc/dmarc_facts.h"
#include "plugins/dmarc/dmarc_list.h"

#include "core/base/str.h"
#include "core/message/address.h"
#include <check.h>

#define MANY_ADDRESSES 50

/* Fields are read by the server's parser, as in production. */
static const struct {
    const char *first, *second; /* NULL: there is no such field */
    enum dmarc_author_kind kind;
    const char *domain; /* of DMARC_ONE_DOMAIN */
} froms[] = {
    {"a@example.org", NULL, DMARC_ONE_DOMAIN, "example.org"},
    {"A <a@EXAMPLE.org>", NULL, DMARC_ONE_DOMAIN, "example.org"},
    {"a@example.org, b@Example.ORG", NULL, DMARC_ONE_DOMAIN, "example.org"},
    {"<a@b\xC3\xBC"
     "cher.example>",
     NULL, DMARC_ONE_DOMAIN, "xn--bcher-kva.example"},
    {"a@b\xC3\xBC"
     "cher.example, b@xn--bcher-kva.example",
     NULL, DMARC_ONE_DOMAIN, "xn--bcher-kva.example"},
    {"\"boss@bank.example\" <a@evil.example>", NULL, DMARC_ONE_DOMAIN, "evil.example"},
    {"=?utf-8?q?boss=40bank.example?= <a@evil.example>", NULL, DMARC_ONE_DOMAIN, "evil.example"},
    {"boss@bank.example <a@evil.example>", NULL, DMARC_ONE_DOMAIN, "evil.example"},
    {"(boss@bank.example) a@evil.example", NULL, DMARC_ONE_DOMAIN, "evil.example"},
    {"\"a@bank.example\"@evil.example", NULL, DMARC_ONE_DOMAIN, "evil.example"},
    {"friends: a@example.org, b@example.org;", NULL, DMARC_ONE_DOMAIN, "example.org"},
    {"root, a@example.org", NULL, DMARC_ONE_DOMAIN, "example.org"},
    /* none */
    {NULL, NULL, DMARC_NO_FIELD, NULL},
    {"", NULL, DMARC_NO_DOMAIN, NULL},
    {"undisclosed:;", NULL, DMARC_NO_DOMAIN, NULL},
    {"root", NULL, DMARC_NO_DOMAIN, NULL},
    {"a@[192.0.2.1]", NULL, DMARC_NO_DOMAIN, NULL},
    /* several */
    {"a@example.org", "a@example.org", DMARC_MANY_FIELDS, NULL},
    {"a@bank.example", "a@evil.example", DMARC_MANY_FIELDS, NULL},
    {"a@bank.example", "", DMARC_MANY_FIELDS, NULL},
    {"a@bank.example, b@evil.example", NULL, DMARC_MANY_DOMAINS, NULL},
    {"a@evil.example, friends: b@bank.example;", NULL, DMARC_MANY_DOMAINS, NULL},
    {"a@bank.example, b@mail.bank.example", NULL, DMARC_MANY_DOMAINS, NULL},
    /* unreadable */
    {"<a@bank.example", NULL, DMARC_BROKEN, NULL},
    {"a@bank_example..org", NULL, DMARC_BROKEN, NULL},
    {"a@evil.example, <b@", NULL, DMARC_BROKEN, NULL},
    {"a@bank.example a@evil.example", NULL, DMARC_BROKEN, NULL},
    {"a@bank.example; a@evil.example", NULL, DMARC_BROKEN, NULL},
    {"<a@bank.example> <a@evil.example>", NULL, DMARC_BROKEN, NULL},
};

static void add_field(struct arena *arena, struct dmarc_author *author, const char *value)
{
    static const uint32_t kinds[] = {[ADDRESS_MAILBOX] = FCT_ADDRESS_MAILBOX,
                                     [ADDRESS_GROUP_START] = FCT_ADDRESS_GROUP_START,
                                     [ADDRESS_GROUP_END] = FCT_ADDRESS_GROUP_END};
    struct address found[MANY_ADDRESSES];
    struct fct_address list[MANY_ADDRESSES];
    size_t n = address_list_parse(arena, str_from(value), found, MANY_ADDRESSES);

    for (size_t i = 0; i < n; i++)
        list[i] = (struct fct_address){.local = found[i].local,
                                       .domain = found[i].domain,
                                       .kind = kinds[found[i].kind],
                                       .broken = found[i].broken || found[i].garbage};
    dmarc_author_add(author, list, n);
}

START_TEST(authors)
{
    struct arena *arena = arena_new(NULL);
    struct dmarc_author author = {0};

    if (froms[_i].first)
        add_field(arena, &author, froms[_i].first);
    if (froms[_i].second)
        add_field(arena, &author, froms[_i].second);
    dmarc_author_finish(&author);
    ck_assert_msg(author.kind == froms[_i].kind, "%s: %s, %s", froms[_i].first,
                  dmarc_author_text(author.kind), author.domain.text);
    if (froms[_i].domain)
        ck_assert_str_eq(author.domain.text, froms[_i].domain);
    arena_free(&arena);
}
END_TEST

static const struct {
    const char *text;
    enum dmarc_property property;
    const char *result, *domain; /* result: NULL, not read */
} facts[] = {
    {"spf=pass smtp.mailfrom=example.org", DMARC_MAILFROM, "pass", "example.org"},
    {"spf=pass smtp.mailfrom=a@Example.org", DMARC_MAILFROM, "pass", "example.org"},
    {"spf=pass smtp.mailfrom=\"\\\"a b\\\"@example.org\"", DMARC_MAILFROM, "pass", "example.org"},
    {"spf=fail reason=\"smtp.mailfrom=x.example\" smtp.mailfrom=example.org", DMARC_MAILFROM,
     "fail", "example.org"},
    {"spf=pass smtp.helo=mx.example.org", DMARC_HELO, "pass", "mx.example.org"},
    {"dkim=pass (2048 bits) header.d=example.org header.s=s1 header.b=\"a/b=\"", DMARC_SIGNER,
     "pass", "example.org"},
    {"dkim=pass (a \\) header.d=x.example (nested)) header.d=example.org", DMARC_SIGNER, "pass",
     "example.org"},
    {"dkim=temperror header.d=example.org", DMARC_SIGNER, "temperror", "example.org"},
    {"dkim=pass header.d=\xC3\xBC.example", DMARC_SIGNER, "pass", "xn--tda.example"},
    {"dkim=none", DMARC_NOBODY, "none", ""},
    {"spf=none smtp.helo=\"\"", DMARC_NOBODY, NULL, NULL},
    {"spf=pass header.d=example.org", DMARC_NOBODY, "pass", ""},
    {"dkim=pass smtp.mailfrom=example.org", DMARC_NOBODY, "pass", ""},
    {"spf=pass smtp.mailfrom=a.example smtp.helo=b.example", DMARC_NOBODY, NULL, NULL},
    {"dmarc=pass header.from=Example.org", DMARC_AUTHOR, "pass", "example.org"},
    {"dmarc=fail (p=none \"sp\") header.from=example.org policy.dmarc=none", DMARC_AUTHOR, "fail",
     "example.org"},
    {"arc=pass (i=2)", DMARC_NOBODY, "pass", ""},
    {"dkim=pass header.d=example.org (open", DMARC_NOBODY, NULL, NULL},
    {"dkim=pass header.d=\"example.org", DMARC_NOBODY, NULL, NULL},
    {"dkim=pass header.d=example.org\"x\"", DMARC_NOBODY, NULL, NULL},
    {"dkim=pass header.d=a..b", DMARC_NOBODY, NULL, NULL},
    {"dkim=pass header.d", DMARC_NOBODY, NULL, NULL},
    {"dkim=\"pass\" header.d=example.org", DMARC_NOBODY, NULL, NULL},
    {"dkim", DMARC_NOBODY, NULL, NULL},
    {"=pass", DMARC_NOBODY, NULL, NULL},
    {"", DMARC_NOBODY, NULL, NULL},
};

START_TEST(facts_of_plugins)
{
    struct dmarc_fact fact;
    const char *text = facts[_i].text;
    bool ok = dmarc_fact_parse(str_from(text), &fact);

    ck_assert_msg(ok == (facts[_i].result != NULL), "%s", text);
    if (!ok)
        return;
    ck_assert_msg(str_equal(fact.result, str_from(facts[_i].result)), "%s", text);
    ck_assert_str_eq(fact.domain.text, facts[_i].domain);
    ck_assert_msg(fact.property == facts[_i].property, "%s: %d", text, (int)fact.property);
}
END_TEST

START_TEST(the_selector_of_a_signature)
{
    struct dmarc_fact fact;

    ck_assert(
        dmarc_fact_parse(FCT_STR("dkim=fail (x) header.d=a.example header.s=\"s 1\""), &fact));
    ck_assert_str_eq(fact.selector, "s 1");
    ck_assert(dmarc_fact_parse(FCT_STR("dkim=fail header.d=a.example"), &fact));
    ck_assert_str_eq(fact.selector, "");
}
END_TEST

/* ---- ARC ---- */

static const struct {
    const char *text;
    unsigned instance; /* 0: not read */
    const char *domain;
} seals[] = {
    {"i=3 d=lists.example.org cv=pass", 3, "lists.example.org"},
    {"i=50 d=Lists.Example.org", 50, "lists.example.org"},
    {"i=1 d=a.example cv=none", 1, "a.example"},
    {"i=0 d=a.example cv=none", 0, NULL},
    {"i=111 d=a.example cv=none", 0, NULL},
    {"i=x d=a.example cv=none", 0, NULL},
    {"i=\"1\" d=a.example", 0, NULL},
    {"i=1", 0, NULL},
    {"i=1 d=", 0, NULL},
    {"i=1 d=a..b", 0, NULL},
    {"i=1 cv=pass d=a.example", 0, NULL},
    {"d=a.example i=1", 0, NULL},
    {"", 0, NULL},
};

START_TEST(seals_of_a_chain)
{
    struct dmarc_seal seal;
    bool ok = dmarc_seal_parse(str_from(seals[_i].text), &seal);

    ck_assert_msg(ok == (seals[_i].instance > 0), "%s", seals[_i].text);
    if (!ok)
        return;
    ck_assert_uint_eq(seal.instance, seals[_i].instance);
    ck_assert_str_eq(seal.domain.text, seals[_i].domain);
}
END_TEST

START_TEST(results_of_a_chain)
{
    struct dmarc_fact fact;
    unsigned instance;

    ck_assert(
        dmarc_recorded_parse(FCT_STR("i=2 dmarc=pass header.from=example.org"), &instance, &fact));
    ck_assert_uint_eq(instance, 2);
    ck_assert_int_eq(fact.property, DMARC_AUTHOR);
    ck_assert(
        !dmarc_recorded_parse(FCT_STR("dmarc=pass header.from=example.org"), &instance, &fact));
    ck_assert(!dmarc_recorded_parse(FCT_STR("i=2 dmarc"), &instance, &fact));
    ck_assert(!dmarc_recorded_parse(FCT_STR("i=2"), &instance, &fact));
}
END_TEST

/* ---- mailing lists ---- */

static const struct {
    const char *value, *id; /* NULL: refused */
} lists[] = {
    {" <dev.lists.example.org>", "dev.lists.example.org"},
    {" Developers <dev.Lists.Example.org>\r\n", "dev.lists.example.org"},
    {" \"a <b> c\"\r\n <dev.example.org> ", "dev.example.org"},
    {" =?utf-8?q?x?= <da+x.da.example.org>", "da.example.org"},
    {" < dev.example.org >", "dev.example.org"},
    {" dev.example.org", NULL},
    {" <dev.example.org> x", NULL},
    {" <dev", NULL},
    {" <>", NULL},
    {" <+>", NULL},
    {" <+.a..b>", NULL},
    {"", NULL},
};

START_TEST(names_of_lists)
{
    struct dmarc_domain id;
    bool ok = dmarc_list_id(str_from(lists[_i].value), &id);

    ck_assert_msg(ok == (lists[_i].id != NULL), "%s", lists[_i].value);
    if (ok)
        ck_assert_str_eq(id.text, lists[_i].id);
}
END_TEST

START_TEST(precedence_of_lists)
{
    ck_assert(dmarc_list_precedence(FCT_STR(" List\r\n")));
    ck_assert(!dmarc_list_precedence(FCT_STR(" bulk")));
    ck_assert(!dmarc_list_precedence(FCT_STR(" list x")));
    ck_assert(!dmarc_list_precedence(FCT_STR("")));
}
END_TEST

/* ---- patterns ---- */

static const struct {
    const char *pattern, *name;
    bool fits;
} patterns[] = {
    {"example.org", "example.org", true},
    {"Example.ORG", "example.org", true},
    {"example.org", "a.example.org", false},
    {"*.example.org", "a.example.org", true},
    {"*.example.org", "a.b.example.org", true},
    {"*.example.org", "example.org", false},
    {"*.example.org", "notexample.org", false},
    {"b\xC3\xBC"
     "cher.example",
     "xn--bcher-kva.example", true},
};

START_TEST(patterns_of_domains)
{
    ck_assert(dmarc_pattern_is(patterns[_i].pattern));
    ck_assert(dmarc_pattern_fits(patterns[_i].pattern, str_from(patterns[_i].name)) ==
              patterns[_i].fits);
}
END_TEST

START_TEST(patterns_that_are_none)
{
    static const char *const wrong[] = {"",    "*",           "*.",          "*.*.org",
                                        "a b", "a@b.example", "*example.org"};

    for (size_t i = 0; i < FCT_COUNT(wrong); i++)
        ck_assert_msg(!dmarc_pattern_is(wrong[i]) &&
                          !dmarc_pattern_fits(wrong[i], FCT_STR("example.org")),
                      "%s", wrong[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dmarc_message");
    TCase *tc = tcase_create("message");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, authors, 0, (int)FCT_COUNT(froms));
    tcase_add_loop_test(tc, facts_of_plugins, 0, (int)FCT_COUNT(facts));
    tcase_add_test(tc, the_selector_of_a_signature);
    tcase_add_loop_test(tc, seals_of_a_chain, 0, (int)FCT_COUNT(seals));
    tcase_add_test(tc, results_of_a_chain);
    tcase_add_loop_test(tc, names_of_lists, 0, (int)FCT_COUNT(lists));
    tcase_add_test(tc, precedence_of_lists);
    tcase_add_loop_test(tc, patterns_of_domains, 0, (int)FCT_COUNT(patterns));
    tcase_add_test(tc, patterns_that_are_none);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
