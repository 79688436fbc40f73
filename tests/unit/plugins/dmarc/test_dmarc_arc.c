/* test_dmarc_arc.c - whose seals are believed, and of what. */
#include "plugins/dmarc/dmarc_arc.h"

#include "dmarc_zone.h"

#include <stdlib.h>

static const struct zone_row rows[] = {
    {"_dmarc.bank.example", V "p=reject"},
    {"_dmarc.strict.example", V "p=reject; aspf=s; adkim=s"},
};

#define FEW 4

static const struct row {
    const char *name, *author;
    const char *seal[FEW], *result[FEW];
    const char *sealer; /* NULL: nobody vouches */
} cases[] = {
    {"the only sealer saw a pass",
     "bank.example",
     {"i=1 d=lists.example cv=none"},
     {"i=1 dmarc=pass header.from=bank.example"},
     "lists.example"},
    {"below the pattern",
     "bank.example",
     {"i=1 d=a.trusted.example cv=none"},
     {"i=1 dmarc=pass (p=reject) header.from=bank.example"},
     "a.trusted.example"},
    {"a stranger",
     "bank.example",
     {"i=1 d=evil.example cv=none"},
     {"i=1 dmarc=pass header.from=bank.example"},
     NULL},
    {"the pattern does not mean its parent",
     "bank.example",
     {"i=1 d=trusted.example cv=none"},
     {"i=1 dmarc=pass header.from=bank.example"},
     NULL},
    {"it passed for somebody else",
     "bank.example",
     {"i=1 d=lists.example cv=none"},
     {"i=1 dmarc=pass header.from=evil.example"},
     NULL},
    {"it passed for a subdomain",
     "bank.example",
     {"i=1 d=lists.example cv=none"},
     {"i=1 dmarc=pass header.from=mail.bank.example"},
     NULL},
    {"it failed already",
     "bank.example",
     {"i=1 d=lists.example cv=none"},
     {"i=1 dmarc=fail header.from=bank.example"},
     NULL},
    {"what DMARC says counts, not what SPF says",
     "bank.example",
     {"i=1 d=lists.example cv=none"},
     {"i=1 spf=pass smtp.mailfrom=bank.example", "i=1 dmarc=fail header.from=bank.example"},
     NULL},
    {"two sealers, the older one saw it",
     "bank.example",
     {"i=2 d=lists.example cv=pass", "i=1 d=a.trusted.example cv=none"},
     {"i=2 dmarc=fail header.from=bank.example", "i=1 dmarc=pass header.from=bank.example"},
     "a.trusted.example"},
    {"a stranger on top",
     "bank.example",
     {"i=2 d=evil.example cv=pass", "i=1 d=lists.example cv=none"},
     {"i=1 dmarc=pass header.from=bank.example"},
     NULL},
    {"a stranger between",
     "bank.example",
     {"i=3 d=lists.example cv=pass", "i=2 d=evil.example cv=pass", "i=1 d=lists.example cv=none"},
     {"i=1 dmarc=pass header.from=bank.example", "i=3 dmarc=fail header.from=bank.example"},
     NULL},
    {"a stranger below does not matter",
     "bank.example",
     {"i=2 d=lists.example cv=pass", "i=1 d=evil.example cv=none"},
     {"i=2 dmarc=pass header.from=bank.example"},
     "lists.example"},
    {"what a stranger below recorded does not count",
     "bank.example",
     {"i=2 d=lists.example cv=pass", "i=1 d=evil.example cv=none"},
     {"i=1 dmarc=pass header.from=bank.example"},
     NULL},
    {"an instance is missing",
     "bank.example",
     {"i=3 d=lists.example cv=pass", "i=1 d=lists.example cv=none"},
     {"i=1 dmarc=pass header.from=bank.example"},
     NULL},
    {"no DMARC, but aligned SPF",
     "bank.example",
     {"i=1 d=lists.example cv=none"},
     {"i=1 spf=pass smtp.mailfrom=x@bounce.bank.example"},
     "lists.example"},
    {"no DMARC, but an aligned signature",
     "bank.example",
     {"i=1 d=lists.example cv=none"},
     {"i=1 dkim=fail header.d=evil.example", "i=1 dkim=pass header.d=mail.bank.example"},
     "lists.example"},
    {"no DMARC, and another's signature",
     "bank.example",
     {"i=1 d=lists.example cv=none"},
     {"i=1 dkim=pass header.d=evil.example", "i=1 spf=softfail smtp.mailfrom=bank.example"},
     NULL},
    {"the HELO name proves nothing",
     "bank.example",
     {"i=1 d=lists.example cv=none"},
     {"i=1 spf=pass smtp.helo=bank.example"},
     NULL},
    {"strict alignment stays strict",
     "strict.example",
     {"i=1 d=lists.example cv=none"},
     {"i=1 dkim=pass header.d=mail.strict.example"},
     NULL},
    {"nothing was recorded", "bank.example", {"i=1 d=lists.example cv=none"}, {NULL}, NULL},
    {"no seal", "bank.example", {NULL}, {"i=1 dmarc=pass header.from=bank.example"}, NULL},
    {"no seal that can be read",
     "bank.example",
     {"rubbish"},
     {"i=1 dmarc=pass header.from=bank.example"},
     NULL},
};

static size_t take(const char *const from[FEW], struct fct_str to[FEW])
{
    size_t n = 0;

    while (n < FEW && from[n]) {
        to[n] = str_from(from[n]);
        n++;
    }
    return n;
}

START_TEST(sealers)
{
    static const char *const patterns[] = {"lists.example", "*.trusted.example"};
    static struct zone zone = {.row = rows, .n = FCT_COUNT(rows)};
    const struct fct_strings trusted = {patterns, FCT_COUNT(patterns)};
    const struct row *c = &cases[_i];
    struct dmarc_search *search = calloc(1, sizeof *search);
    struct dmarc_query query = {.author = str_from(c->author)};
    struct fct_str seal[FEW], result[FEW];
    struct dmarc_arc arc = {.seal = seal, .result = result, .trusted = &trusted};
    struct dmarc_outcome outcome;
    struct dmarc_domain sealer = {0};
    bool vouches;

    search->dns = (struct dmarc_dns){zone_ask, zone_org, &zone};
    dmarc_evaluate(search, &query, &outcome);
    ck_assert_int_eq(outcome.result, DMARC_FAIL);
    arc.seals = take(c->seal, seal);
    arc.results = take(c->result, result);
    vouches = dmarc_arc_vouches(&arc, search, &outcome, &sealer);
    ck_assert_msg(vouches == (c->sealer != NULL), "%s", c->name);
    if (vouches)
        ck_assert_str_eq(sealer.text, c->sealer);
    free(search);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dmarc_arc");
    TCase *tc = tcase_create("sealers");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, sealers, 0, (int)FCT_COUNT(cases));
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
