/* test_dmarc_message.c - whose domain a message is checked for, and what SPF and DKIM said of it.
 */
#include "plugins/dmarc/dmarc_author.h"
#include "plugins/dmarc/dmarc_facts.h"

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

/* "M" smtp.mailfrom, "H" smtp.helo, "D" header.d */
static const struct {
    const char *text, *what; /* what: NULL, not read */
    const char *result, *domain;
} facts[] = {
    {"spf=pass smtp.mailfrom=example.org", "M", "pass", "example.org"},
    {"spf=pass smtp.mailfrom=a@Example.org", "M", "pass", "example.org"},
    {"spf=pass smtp.mailfrom=\"\\\"a b\\\"@example.org\"", "M", "pass", "example.org"},
    {"spf=fail reason=\"smtp.mailfrom=x.example\" smtp.mailfrom=example.org", "M", "fail",
     "example.org"},
    {"spf=pass smtp.helo=mx.example.org", "H", "pass", "mx.example.org"},
    {"dkim=pass (2048 bits) header.d=example.org header.s=s1 header.b=\"a/b=\"", "D", "pass",
     "example.org"},
    {"dkim=pass (a \\) header.d=x.example (nested)) header.d=example.org", "D", "pass",
     "example.org"},
    {"dkim=temperror header.d=example.org", "D", "temperror", "example.org"},
    {"dkim=pass header.d=\xC3\xBC.example", "D", "pass", "xn--tda.example"},
    {"dkim=none", NULL, NULL, NULL},
    {"spf=none smtp.helo=\"\"", NULL, NULL, NULL},
    {"spf=pass header.d=example.org", NULL, NULL, NULL},
    {"dkim=pass smtp.mailfrom=example.org", NULL, NULL, NULL},
    {"spf=pass smtp.mailfrom=a.example smtp.helo=b.example", NULL, NULL, NULL},
    {"dmarc=pass header.from=example.org", NULL, NULL, NULL},
    {"dkim=pass header.d=example.org (open", NULL, NULL, NULL},
    {"dkim=pass header.d=\"example.org", NULL, NULL, NULL},
    {"dkim=pass header.d=example.org\"x\"", NULL, NULL, NULL},
    {"dkim=pass header.d=a..b", NULL, NULL, NULL},
    {"dkim=pass header.d", NULL, NULL, NULL},
    {"dkim=\"pass\" header.d=example.org", NULL, NULL, NULL},
    {"dkim", NULL, NULL, NULL},
    {"=pass", NULL, NULL, NULL},
    {"", NULL, NULL, NULL},
};

START_TEST(facts_of_spf_and_dkim)
{
    struct dmarc_fact fact;
    const char *text = facts[_i].text, *what = facts[_i].what;
    bool ok = dmarc_fact_parse(str_from(text), &fact);

    ck_assert_msg(ok == (what != NULL), "%s", text);
    if (!ok)
        return;
    ck_assert_msg(str_equal(fact.result, str_from(facts[_i].result)), "%s", text);
    ck_assert_str_eq(fact.domain.text, facts[_i].domain);
    ck_assert(fact.spf_mailfrom == (*what == 'M') && fact.spf_helo == (*what == 'H') &&
              fact.dkim == (*what == 'D'));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dmarc_message");
    TCase *tc = tcase_create("message");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, authors, 0, (int)FCT_COUNT(froms));
    tcase_add_loop_test(tc, facts_of_spf_and_dkim, 0, (int)FCT_COUNT(facts));
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
