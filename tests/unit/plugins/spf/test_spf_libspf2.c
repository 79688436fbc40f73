/* test_spf_libspf2.c - libspf2 over the same DNS, and both engines on random records made of what
 * both understand alike. */
#include "plugins/spf/spf_libspf2.h"
#include "spf_zone.h"

#include <stdlib.h>

static struct spf_query query_of(struct zone *zone, const char *ip, const char *sender)
{
    struct spf_query query = {
        .helo = str("h.example"),
        .sender = str(sender),
        .receiver = str("here.example.net"),
        .limits = {SPF_LOOKUPS, SPF_VOID_LOOKUPS, SPF_NAMES},
        .dns = {zone_ask, zone},
    };

    ck_assert(ip_address_parse(str(ip), &query.client));
    return query;
}

static const struct row rows[] = {
    T("pass.example", "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all"),
    T("soft.example", "v=spf1 ~all"),
    T("neutral.example", "v=spf1 ?all"),
    T("other.example", "something else"),
    {"broken.example", 0, NULL, SERVFAIL},
    T("wrong.example", "v=spf1 ip4:999 -all"),
    T("h.example", "v=spf1 -all"),
    T("inc.example", "v=spf1 include:pass.example -all"),
};

static const struct {
    const char *ip, *sender;
    enum spf_result want;
} cases[] = {
    {"192.0.2.1", "x@pass.example", SPF_PASS},
    {"2001:db8::1", "x@pass.example", SPF_PASS},
    {"198.51.100.1", "x@pass.example", SPF_FAIL},
    {"198.51.100.1", "x@soft.example", SPF_SOFTFAIL},
    {"198.51.100.1", "x@neutral.example", SPF_NEUTRAL},
    {"192.0.2.1", "x@inc.example", SPF_PASS},
    {"192.0.2.1", "x@other.example", SPF_NONE},
    {"192.0.2.1", "x@missing.example", SPF_NONE},
    {"192.0.2.1", "x@broken.example", SPF_TEMPERROR},
    {"192.0.2.1", "x@wrong.example", SPF_PERMERROR},
    {"192.0.2.1", "", SPF_FAIL}, /* the HELO name */
};

START_TEST(results)
{
    struct zone zone = {.row = rows, .n = FCT_COUNT(rows)};
    struct spf_query query = query_of(&zone, cases[_i].ip, cases[_i].sender);
    struct spf_outcome out;

    spf_check_libspf2(&query, &out);
    ck_assert_msg(out.result == cases[_i].want, "%s: %s (%s)", cases[_i].sender,
                  spf_result_word(out.result), out.why);
    ck_assert((out.why[0] != '\0') == (out.result == SPF_NONE || out.result == SPF_TEMPERROR ||
                                       out.result == SPF_PERMERROR));
    ck_assert_str_eq(out.domain, cases[_i].sender[0] ? cases[_i].sender + 2 : "h.example");
}
END_TEST

/* ---- both ---- */

static unsigned next_random(unsigned *state)
{
    *state = *state * 1103515245u + 12345u;
    return *state >> 16;
}

/* At most six of them: within the limits of both. */
static const char *const terms[] = {
    "a",
    "-a:one.example",
    "mx",
    "~mx:one.example",
    "?a:one.example/24",
    "mx/28",
    "ip4:192.0.2.7",
    "-ip4:192.0.2.0/29",
    "~ip4:198.51.100.0/25",
    "ip6:2001:db8::/64",
    "?ip6:2001:db8:1::1",
    "include:two.example",
    "-include:three.example",
    "exists:%{ir}.list.example",
    "~exists:%{l}.%{d}.users.example",
    "?exists:%{l1r-}.%{o}.users.example",
    "-exists:%{i}.%{v}.list.example",
};
static const char *const ends[] = {
    "", " -all", " ~all", " ?all", " redirect=two.example", " redirect=three.example"};
static const char *const clients[] = {"192.0.2.1",     "192.0.2.7",    "192.0.2.9",
                                      "198.51.100.77", "203.0.113.1",  "2001:db8::5",
                                      "2001:db8:1::1", "2001:db8:2::2"};

static void make_record(unsigned *state, char *text, size_t room)
{
    size_t n = (size_t)snprintf(text, room, "v=spf1");

    for (unsigned i = 0, count = next_random(state) % 6; i < count; i++)
        n += (size_t)snprintf(text + n, room - n, " %s",
                              terms[next_random(state) % FCT_COUNT(terms)]);
    (void)snprintf(text + n, room - n, "%s", ends[next_random(state) % FCT_COUNT(ends)]);
}

START_TEST(both_engines_say_the_same)
{
    unsigned state = (unsigned)_i * 7919u + 1;
    char text[600];
    struct row both[] = {
        T("d.example", text),
        A("d.example", "192.0.2.7"),
        A6("d.example", "2001:db8::5"),
        MX("d.example", "one.example"),
        MX("d.example", "d.example"),
        A("one.example", "192.0.2.9"),
        A6("one.example", "2001:db8:1::1"),
        MX("one.example", "d.example"),
        T("two.example", "v=spf1 ip4:192.0.2.1 ip6:2001:db8:1::/48 ~all"),
        T("three.example", "v=spf1 ip4:203.0.113.0/24 ?all"),
        A("1.2.0.192.list.example", "127.0.0.2"),
        A("192.0.2.9.in-addr.list.example", "127.0.0.2"),
        A("some-body.d.example.users.example", "127.0.0.2"),
        A("some.d.example.users.example", "127.0.0.2"),
    };
    struct zone zone = {.row = both, .n = FCT_COUNT(both)};
    struct spf_query query =
        query_of(&zone, clients[next_random(&state) % FCT_COUNT(clients)], "some-body@d.example");
    struct spf_outcome ours, theirs;

    make_record(&state, text, sizeof text);
    query.limits.void_lookups = 10; /* they know no such limit */
    both[0].data = text;
    spf_check(&query, &ours);
    spf_check_libspf2(&query, &theirs);
    ck_assert_msg(ours.result == theirs.result, "seed %d, %s: %s by us (%s), %s by libspf2 (%s)",
                  _i, text, spf_result_word(ours.result), ours.why, spf_result_word(theirs.result),
                  theirs.why);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spf_libspf2");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, results, 0, FCT_COUNT(cases));
    tcase_add_loop_test(tc, both_engines_say_the_same, 0, 1000);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
