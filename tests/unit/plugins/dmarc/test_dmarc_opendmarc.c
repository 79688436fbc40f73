/* test_dmarc_opendmarc.c - libopendmarc fed with what we find, and both engines on random records
 * and identifiers that both understand alike. */
#include "plugins/dmarc/dmarc_opendmarc.h"

#include "dmarc_zone.h"

#include <stdlib.h>
#include <unistd.h>

/* The library finds organizations by a file. */
static const char suffixes[] = "// a comment\ncom\nexample\nuk\nco.uk\n";

static void write_suffixes(char path[64])
{
    FILE *f;
    int fd;

    (void)snprintf(path, 64, "/tmp/fct-suffixes-XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    f = fdopen(fd, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert(fputs(suffixes, f) >= 0 && fclose(f) == 0);
}

static void set_up(void)
{
    struct fct_err err;
    char path[64];

    write_suffixes(path);
    ck_assert(dmarc_opendmarc_open(path, &err));
    ck_assert(dmarc_opendmarc_open("/nowhere", &err)); /* there is one list already */
    dmarc_opendmarc_close();
    (void)unlink(path);
}

static void tear_down(void)
{
    dmarc_opendmarc_close();
}

START_TEST(a_list_that_is_not_there)
{
    struct fct_err err = {0};

    ck_assert(!dmarc_opendmarc_open("/nowhere/public_suffix_list.dat", &err));
    ck_assert_ptr_nonnull(strstr(err.text, "/nowhere/public_suffix_list.dat: No such file"));
}
END_TEST

static void ask_both(struct zone *zone, const struct dmarc_query *query, struct dmarc_outcome *ours,
                     struct dmarc_outcome *theirs)
{
    struct dmarc_search *search = calloc(1, sizeof *search);

    search->dns = (struct dmarc_dns){zone_ask, zone_org, zone};
    dmarc_evaluate(search, query, ours);
    *search = (struct dmarc_search){.dns = search->dns};
    dmarc_evaluate_opendmarc(search, query, theirs);
    ours->record = theirs->record = NULL; /* of a search that is gone */
    free(search);
}

/* ---- cases ---- */

static const struct zone_row rows[] = {
    {"_dmarc.example.com", V "p=reject"},
    {"_dmarc.sp.example", V "p=none; sp=quarantine"},
    {"x.sp.example", ""},
    {"_dmarc.np.example", V "p=none; np=reject"},
    {"_dmarc.test.example", V "p=reject; t=y"},
    {"_dmarc.strict.example", V "p=reject; adkim=s; aspf=s"},
    {"_dmarc.badp.example", V "p=foo"},
    {"_dmarc.badprua.example", V "p=foo; rua=mailto:x@badprua.example"},
    {"_dmarc.twice.example", V "p=reject; p=none"},
    {"_dmarc.down.example", NULL},
    {"_dmarc.o.example", V "p=reject"},
};

static const struct {
    const char *author, *spf, *dkim;
    enum dmarc_result result;
    enum dmarc_policy policy;
    bool same; /* as ours */
} cases[] = {
    {"example.com", "example.com", NULL, DMARC_PASS, 0, true},
    {"example.com", NULL, "mail.example.com", DMARC_PASS, 0, true},
    {"mail.example.com", "example.com", NULL, DMARC_PASS, 0, true},
    {"example.com", "example.net", "example.org", DMARC_FAIL, DMARC_POLICY_REJECT, true},
    {"example.com", NULL, NULL, DMARC_FAIL, DMARC_POLICY_REJECT, true},
    {"EXAMPLE.com", "Example.Com", NULL, DMARC_PASS, 0, true},
    {"x.sp.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_QUARANTINE, true},
    {"strict.example", "strict.example.net", "other.example", DMARC_FAIL, DMARC_POLICY_REJECT,
     true},
    {"strict.example", NULL, "strict.example", DMARC_PASS, 0, true},
    {"nothing.example", "nothing.example", NULL, DMARC_NONE, 0, true},
    {"down.example", "down.example", NULL, DMARC_TEMPERROR, 0, true},
    {"badp.example", NULL, NULL, DMARC_PERMERROR, 0, true},
    {"a..b", NULL, NULL, DMARC_PERMERROR, 0, true},
    /* what it does not know */
    {"x.np.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_NONE, false},
    {"test.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_REJECT, false},
    {"badprua.example", NULL, NULL, DMARC_PERMERROR, 0, false},
    {"twice.example", NULL, NULL, DMARC_FAIL, DMARC_POLICY_NONE, false},
    /* strict is not strict for what is below the author */
    {"strict.example", "aa.strict.example", NULL, DMARC_PASS, 0, false},
    {"strict.example", NULL, "aa.strict.example", DMARC_PASS, 0, false},
    /* it loses a first label of one letter, so that all names beside it look aligned */
    {"o.example", "evil.example", NULL, DMARC_PASS, 0, false},
    {"example.com", "com", NULL, DMARC_PASS, 0, false}, /* what is above the author */
};

static bool agree(const struct dmarc_outcome *a, const struct dmarc_outcome *b)
{
    return a->result == b->result && (a->result != DMARC_FAIL || a->policy == b->policy);
}

START_TEST(results)
{
    struct zone zone = {.row = rows, .n = FCT_COUNT(rows)};
    struct dmarc_identifier id[2];
    struct dmarc_query query = {.author = str_from(cases[_i].author), .identifier = id};
    struct dmarc_outcome ours, theirs;

    if (cases[_i].spf)
        id[query.identifiers++] = (struct dmarc_identifier){str_from(cases[_i].spf), false, false};
    if (cases[_i].dkim)
        id[query.identifiers++] = (struct dmarc_identifier){str_from(cases[_i].dkim), true, false};
    ask_both(&zone, &query, &ours, &theirs);
    ck_assert_msg(theirs.result == cases[_i].result, "%s: %s (%s)", cases[_i].author,
                  dmarc_result_word(theirs.result), theirs.why);
    ck_assert(theirs.result != DMARC_FAIL || theirs.policy == cases[_i].policy);
    ck_assert_msg(agree(&ours, &theirs) == cases[_i].same, "%s", cases[_i].author);
    if (theirs.result == DMARC_PASS && cases[_i].same) {
        ck_assert_str_eq(theirs.aligned.text, ours.aligned.text);
        ck_assert(theirs.by_dkim == ours.by_dkim && theirs.dkim_aligned == ours.dkim_aligned &&
                  theirs.spf_aligned == ours.spf_aligned);
    }
}
END_TEST

/* Whether SPF or DKIM could not say makes no difference to it: that is a fail. */
START_TEST(what_is_unsure)
{
    struct zone zone = {.row = rows, .n = FCT_COUNT(rows)};
    struct dmarc_identifier id = {FCT_STR("example.com"), true, true};
    struct dmarc_query query = {FCT_STR("example.com"), &id, 1};
    struct dmarc_outcome ours, theirs;

    ask_both(&zone, &query, &ours, &theirs);
    ck_assert_int_eq(ours.result, DMARC_TEMPERROR);
    ck_assert_int_eq(theirs.result, DMARC_FAIL);
}
END_TEST

START_TEST(a_record_that_is_too_long)
{
    static char text[6000] = V "p=reject; x=";
    struct zone_row row = {"_dmarc.long.example", text};
    struct zone zone = {.row = &row, .n = 1};
    struct dmarc_query query = {FCT_STR("long.example"), NULL, 0};
    struct dmarc_outcome ours, theirs;

    memset(text + strlen(text), 'x', sizeof text - strlen(text) - 1);
    ask_both(&zone, &query, &ours, &theirs);
    ck_assert_int_eq(ours.result, DMARC_FAIL);
    ck_assert_int_eq(theirs.result, DMARC_PERMERROR);
}
END_TEST

/* ---- both ---- */

static unsigned next_random(unsigned *state)
{
    *state = *state * 1103515245u + 12345u;
    return *state >> 16;
}

#define ANY(list, state) (list)[next_random(state) % FCT_COUNT(list)]

static const char *const policies[] = {"none", "quarantine", "reject", "REJECT"};
static const char *const subs[] = {"", "; sp=none", "; sp=quarantine", "; sp=reject"};
static const char *const dkims[] = {"", "; adkim=r", "; ADKIM = R"};
static const char *const spfs[] = {"", "; aspf=r", " ; ASPF=r ;"};
static const char *const others[] = {"", "; foo=bar", "; ruf=mailto:a@b.example; fo=1",
                                     "; rua=mailto:a@b.example!10m"};
static const char *const domains[] = {
    "dom.example",  "aa.dom.example", "bb.aa.dom.example", "notdom.example",   "dom.example.com",
    "xx.dom.co.uk", "dom.co.uk",      "other.co.uk",       "dom.example.evil", "Dom.Example"};
static const char *const authors[] = {"dom.example", "aa.dom.example", "bb.aa.dom.example",
                                      "dom.co.uk", "xx.dom.co.uk"};

START_TEST(both_engines_say_the_same)
{
    unsigned state = (unsigned)_i * 7919u + 1;
    char text[300];
    struct zone_row both[] = {
        {"_dmarc.dom.example", text}, {"_dmarc.dom.co.uk", text}, {"aa.dom.example", ""},
        {"bb.aa.dom.example", ""},    {"xx.dom.co.uk", ""},
    };
    struct zone zone = {.row = both, .n = FCT_COUNT(both)};
    struct dmarc_identifier id[5];
    struct dmarc_query query = {.author = str_from(ANY(authors, &state)), .identifier = id};
    struct dmarc_outcome ours, theirs;

    (void)snprintf(text, sizeof text, "v=DMARC1; p=%s%s%s%s%s", ANY(policies, &state),
                   ANY(subs, &state), ANY(dkims, &state), ANY(spfs, &state), ANY(others, &state));
    if (next_random(&state) % 2)
        id[query.identifiers++] =
            (struct dmarc_identifier){str_from(ANY(domains, &state)), false, false};
    for (unsigned n = next_random(&state) % 4; n > 0; n--)
        id[query.identifiers++] =
            (struct dmarc_identifier){str_from(ANY(domains, &state)), true, false};
    ask_both(&zone, &query, &ours, &theirs);
    ck_assert_msg(agree(&ours, &theirs), "%.*s, \"%s\": %s %s by us, %s %s by libopendmarc (%s)",
                  FCT_FMT(query.author), text, dmarc_result_word(ours.result),
                  dmarc_policy_word(ours.policy), dmarc_result_word(theirs.result),
                  dmarc_policy_word(theirs.policy), theirs.why);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dmarc_opendmarc");
    TCase *alone = tcase_create("alone"), *tc = tcase_create("engine");
    SRunner *runner;
    int failed;

    tcase_add_test(alone, a_list_that_is_not_there);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, results, 0, (int)FCT_COUNT(cases));
    tcase_add_test(tc, what_is_unsure);
    tcase_add_test(tc, a_record_that_is_too_long);
    tcase_add_loop_test(tc, both_engines_say_the_same, 0, 1000);
    suite_add_tcase(suite, alone);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
