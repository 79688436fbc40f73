/* test_destination_key.c - who shares connections with whom: every pair of a list of routes, in
 * both orders, because the one that comes first makes the destination. */
#include "core/base/str.h"
#include "protocols/relay/destination_key.h"

#include <check.h>
#include <stdlib.h>

#define USUAL 20u

static const struct hop both[] = {{FCT_STR_INIT("a.test"), 25, false, 10},
                                  {FCT_STR_INIT("b.test"), 25, false, 20}};
static const struct hop other_port[] = {{FCT_STR_INIT("a.test"), 26, false, 10},
                                        {FCT_STR_INIT("b.test"), 25, false, 20}};
static const char *const one_source[] = {"192.0.2.1"};
static const char *const two_sources[] = {"192.0.2.1", "192.0.2.2"};
static const struct route_host host = {FCT_STR_INIT("a.test"), 25, false};

/* clang-format off */
#define ROUTE(called, wish, most, ...) {.name = (called), .host = &host, .hosts = 1, .tls = (wish), .max_connections = (most), __VA_ARGS__}
#define MX(called, wish, ...)          {.name = (called), .tls = (wish), .max_connections = USUAL, __VA_ARGS__}

static const struct {
    const char *what;
    int group; /* the same number: one destination */
    struct route route;
    const struct hop *hop;
    bool authentic, tls_optional;
    const char *sts; /* the text of its policy */
} cases[] = {
    {"opportunistic",             1, ROUTE("one", RELAY_TLS_MAY, USUAL, .by_plugin = false), both, false, false, NULL},
    {"its neighbour",             1, ROUTE("two", RELAY_TLS_MAY, USUAL, .by_plugin = false), both, false, false, NULL},
    {"in clear",                  2, ROUTE("one", RELAY_TLS_NONE, USUAL, .by_plugin = false), both, false, false, NULL},
    {"required",                  3, ROUTE("one", RELAY_TLS_REQUIRED, USUAL, .by_plugin = false), both, false, false, NULL},
    {"another required",          3, ROUTE("two", RELAY_TLS_REQUIRED, USUAL, .by_plugin = false), both, false, false, NULL},
    {"verified",                  4, ROUTE("one", RELAY_TLS_VERIFIED, USUAL, .by_plugin = false), both, false, false, NULL},
    {"implicit",                  5, ROUTE("one", RELAY_TLS_IMPLICIT, USUAL, .by_plugin = false), both, false, false, NULL},
    {"another port",              6, ROUTE("one", RELAY_TLS_MAY, USUAL, .by_plugin = false), other_port, false, false, NULL},
    {"a login",                   7, ROUTE("one", RELAY_TLS_MAY, USUAL, .user = FCT_STR_INIT("u"), .password = FCT_STR_INIT("p")), both, false, false, NULL},
    {"the same login",            7, ROUTE("two", RELAY_TLS_MAY, USUAL, .user = FCT_STR_INIT("u"), .password = FCT_STR_INIT("p")), both, false, false, NULL},
    {"another user",              8, ROUTE("one", RELAY_TLS_MAY, USUAL, .user = FCT_STR_INIT("v"), .password = FCT_STR_INIT("p")), both, false, false, NULL},
    {"another password",          9, ROUTE("one", RELAY_TLS_MAY, USUAL, .user = FCT_STR_INIT("u"), .password = FCT_STR_INIT("q")), both, false, false, NULL},
    {"a source",                 10, ROUTE("one", RELAY_TLS_MAY, USUAL, .source = {one_source, 1}), both, false, false, NULL},
    {"two sources",              11, ROUTE("one", RELAY_TLS_MAY, USUAL, .source = {two_sources, 2}), both, false, false, NULL},
    {"a gap",                    12, ROUTE("one", RELAY_TLS_MAY, USUAL, .message_gap_ms = 1000), both, false, false, NULL},
    {"another gap",              13, ROUTE("one", RELAY_TLS_MAY, USUAL, .message_gap_ms = 100), both, false, false, NULL},
    {"fewer connections",        14, ROUTE("one", RELAY_TLS_MAY, 2, .by_plugin = false), both, false, false, NULL},
    {"a rule's",                 15, ROUTE("rule *", RELAY_TLS_MAY, USUAL, .by_plugin = true), both, false, false, NULL},
    {"the same rule's, required", 16, ROUTE("rule *", RELAY_TLS_REQUIRED, USUAL, .by_plugin = true), both, false, false, NULL},
    {"the rule after a change",  17, ROUTE("rule *", RELAY_TLS_MAY, USUAL, .by_plugin = true, .message_gap_ms = 60), both, false, false, NULL},
    {"the same rule's, a login", 18, ROUTE("rule *", RELAY_TLS_MAY, USUAL, .by_plugin = true, .user = FCT_STR_INIT("u"), .password = FCT_STR_INIT("p")), both, false, false, NULL},
    {"another rule's",           19, ROUTE("rule .test", RELAY_TLS_MAY, USUAL, .by_plugin = true), both, false, false, NULL},
    {"by MX",                    20, MX("mx", RELAY_TLS_MAY, .is_standing = true), both, false, false, NULL},
    {"by MX, another domain",    20, MX("mx", RELAY_TLS_MAY, .is_standing = true), both, false, false, NULL},
    {"by a proven MX",           21, MX("mx", RELAY_TLS_MAY, .is_standing = true), both, true, false, NULL},
    {"TLS-Required: No",         22, MX("mx", RELAY_TLS_MAY, .is_standing = true), both, false, true, NULL},
    {"a policy",                 23, MX("mx", RELAY_TLS_MAY, .is_standing = true), both, false, false, "mode: enforce"},
    {"the same policy",          23, MX("mx", RELAY_TLS_MAY, .is_standing = true), both, false, false, "mode: enforce"},
    {"another policy",           24, MX("mx", RELAY_TLS_MAY, .is_standing = true), both, false, false, "mode: testing"},
    {"a block for MX",           25, MX("big", RELAY_TLS_MAY, .is_standing = false), both, false, false, NULL},
    {"a block called mx",        26, MX("mx", RELAY_TLS_MAY, .is_standing = false), both, false, false, NULL},
    {"a block called route",     27, MX("route", RELAY_TLS_MAY, .is_standing = false), both, false, false, NULL},
    {"a block for MX, required", 28, MX("big", RELAY_TLS_REQUIRED, .is_standing = false), both, false, false, NULL},
};
/* clang-format on */

static void key_of(size_t i, struct buf *out)
{
    struct target target = {
        .route = &cases[i].route,
        .hops = {.hop = cases[i].hop, .n = 2, .authentic = cases[i].authentic},
        .tls_optional = cases[i].tls_optional,
        .policy = {.has_sts = cases[i].sts != NULL,
                   .sts.text = cases[i].sts ? str_from(cases[i].sts) : FCT_STR("")},
    };

    destination_key(&target, USUAL, out);
    ck_assert(!out->overflow);
}

START_TEST(those_who_want_the_same_share)
{
    FCT_CLEANUP(buf_free) struct buf mine = BUF_INIT(4096);

    key_of((size_t)_i, &mine);
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        FCT_CLEANUP(buf_free) struct buf theirs = BUF_INIT(4096);

        key_of(i, &theirs);
        ck_assert_msg(str_equal(buf_str(&mine), buf_str(&theirs)) ==
                          (cases[i].group == cases[_i].group),
                      "%s and %s: %.*s and %.*s", cases[_i].what, cases[i].what,
                      FCT_FMT(buf_str(&mine)), FCT_FMT(buf_str(&theirs)));
    }
}
END_TEST

START_TEST(people_can_read_it_and_see_no_password)
{
    FCT_CLEANUP(buf_free) struct buf key = BUF_INIT(4096);
    const struct route route = ROUTE("one", RELAY_TLS_VERIFIED, 3, .user = FCT_STR_INIT("me"),
                                     .password = FCT_STR_INIT("opensesame"),
                                     .source = {two_sources, 2}, .message_gap_ms = 50);
    struct target target = {
        .route = &route,
        .hops = {.hop = both, .n = 2},
    };

    destination_key(&target, USUAL, &key);
    ck_assert_msg(str_starts(buf_str(&key), FCT_STR("route a.test:25,b.test:25 tls=verified "
                                                    "user=me/")),
                  "%.*s", FCT_FMT(buf_str(&key)));
    ck_assert(str_ends_nocase(buf_str(&key),
                              FCT_STR(" source=192.0.2.1,192.0.2.2 gap=50ms connections=3")));
    ck_assert_int_lt(str_find(buf_str(&key), FCT_STR("opensesame")), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("destination_key");
    TCase *tc = tcase_create("destination_key");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, those_who_want_the_same_share, 0, (int)FCT_COUNT(cases));
    tcase_add_test(tc, people_can_read_it_and_see_no_password);
    suite_add_tcase(s, tc);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
