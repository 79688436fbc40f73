/* test_guard.c - who is told to try later, and who never is. */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "protocols/guard.h"

#include <check.h>

#define LIMIT 3u

static struct guard_conf conf;
static struct guard *g;

static void setup(void)
{
    static const char *exempt[] = {"198.51.100.0/24"};

    conf = (struct guard_conf){.max_failures = LIMIT,
                               .max_account_failures = 5,
                               .max_unknown_recipients = 4,
                               .max_entries = 1000,
                               .window.ms = 3600000,
                               .remember.ms = 3600000,
                               .exempt = {exempt, 1}};
    g = guard_new(&conf, 1);
}

static void teardown(void)
{
    guard_free(&g);
}

static struct stream_address at(const char *ip)
{
    struct stream_address a = {.port = 4711};

    str_copy_c(a.text, sizeof a.text, str_from(ip));
    return a;
}

static bool admits(const char *ip)
{
    struct stream_address a = at(ip);

    return guard_admits(g, &a);
}

static bool try(const char *ip, const char *account, bool right)
{
    struct stream_address a = at(ip);
    uint32_t times;

    return guard_checked(g, &a, str_from(account), right, &times);
}

static void miss(const char *ip, const char *account, unsigned n)
{
    while (n-- > 0)
        (void)try(ip, account, false);
}

/* clang-format off */
static const struct {
    const char *name, *fails, *asks;
    bool admitted;
} networks[] = {
    {"the same address",       "192.0.2.1",          "192.0.2.1",          false},
    {"the same /24",           "192.0.2.1",          "192.0.2.250",        false},
    {"another /24",            "192.0.2.1",          "192.0.3.1",          true},
    {"the same /64",           "2001:db8:1:2::1",    "2001:db8:1:2:f::9",  false},
    {"another /64",            "2001:db8:1:2::1",    "2001:db8:1:3::1",    true},
    {"this machine",           "127.0.0.1",          "127.0.0.1",          true},
    {"this machine by IPv6",   "::1",                "::1",                true},
    {"an exempt network",      "198.51.100.9",       "198.51.100.9",       true},
    {"no address",             "",                   "",                   true},
};
/* clang-format on */

START_TEST(by_network)
{
    for (size_t i = 0; i < FCT_COUNT(networks); i++) {
        teardown();
        setup();
        miss(networks[i].fails, "a@example.org", LIMIT - 1);
        ck_assert_msg(admits(networks[i].asks), "%s: too early", networks[i].name);
        miss(networks[i].fails, "b@example.org", 1);
        ck_assert_msg(admits(networks[i].asks) == networks[i].admitted, "%s", networks[i].name);
    }
}
END_TEST

START_TEST(growing_delay)
{
    struct stream_address a = at("192.0.2.1");
    static const uint32_t want[] = {1, 2, 3, 4, 5, 5};
    uint32_t times;

    conf.max_failures = conf.max_account_failures = 100;
    for (size_t i = 0; i < FCT_COUNT(want); i++) {
        ck_assert(guard_checked(g, &a, FCT_STR("a@example.org"), false, &times));
        ck_assert_uint_eq(times, want[i]);
    }
}
END_TEST

/* From many networks: those the account knows go on, strangers are not told even that it is right.
 */
START_TEST(by_account)
{
    char ip[32];

    ck_assert(try("203.0.113.5", "Anna@example.org", true));
    for (unsigned i = 0; i < 5; i++) {
        (void)snprintf(ip, sizeof ip, "10.0.%u.1", i);
        ck_assert(try(ip, "anna@example.org", false));
    }
    ck_assert(!try("10.9.9.1", "anna@example.org", false));
    ck_assert(!try("10.9.8.1", "anna@example.org", true));
    ck_assert(try("203.0.113.77", "anna@EXAMPLE.org", true)); /* the /24 she was in */
    ck_assert(try("10.9.7.1", "joe@example.org", true));
    ck_assert_uint_eq(guard_refused(g), 2);
}
END_TEST

/* A network that is barred still lets in who has been there, and only that account. */
START_TEST(known_in_a_barred_network)
{
    ck_assert(try("192.0.2.1", "anna@example.org", true));
    miss("192.0.2.2", "joe@example.org", LIMIT);
    ck_assert(admits("192.0.2.1"));
    ck_assert(try("192.0.2.1", "anna@example.org", true));
    ck_assert(!try("192.0.2.1", "joe@example.org", true));
    miss("192.0.2.1", "anna@example.org", LIMIT); /* her neighbour guesses */
    ck_assert(!try("192.0.2.1", "anna@example.org", true));
    ck_assert(try("192.0.3.1", "anna@example.org", true));
}
END_TEST

START_TEST(ends)
{
    conf.window.ms = 1;
    miss("192.0.2.1", "a@example.org", LIMIT);
    for (uint64_t end = clock_ms() + 3; clock_ms() < end;)
        ;
    ck_assert(admits("192.0.2.1"));
    ck_assert(try("192.0.2.1", "a@example.org", true));
}
END_TEST

START_TEST(no_limits)
{
    struct stream_address a = at("192.0.2.1");
    uint32_t times;

    conf.max_failures = conf.max_account_failures = conf.max_unknown_recipients = 0;
    miss("192.0.2.1", "a@example.org", 100);
    ck_assert(admits("192.0.2.1") && try("192.0.2.1", "a@example.org", true));
    for (int i = 0; i < 100; i++)
        guard_unknown(g, &a);
    ck_assert(guard_may_name(g, &a));
    ck_assert(guard_admits(NULL, &a) && guard_may_name(NULL, &a) &&
              guard_checked(NULL, &a, FCT_STR("a"), false, &times) && times == 1);
}
END_TEST

START_TEST(shared_by_processes)
{
    conf.max_failures = 10;
    guard_free(&g);
    g = guard_new(&conf, 4);
    miss("192.0.2.1", "a@example.org", 2);
    ck_assert(admits("192.0.2.1"));
    miss("192.0.2.1", "b@example.org", 1);
    ck_assert(!admits("192.0.2.1"));
}
END_TEST

START_TEST(harvest)
{
    struct stream_address a = at("192.0.2.1"), near = at("192.0.2.2"), far = at("192.0.3.1"),
                          own = at("127.0.0.1");

    for (int i = 0; i < 4; i++) {
        ck_assert(guard_may_name(g, &a));
        guard_unknown(g, &a);
        guard_unknown(g, &own);
    }
    ck_assert(!guard_may_name(g, &a) && !guard_may_name(g, &near));
    ck_assert(guard_may_name(g, &far) && guard_may_name(g, &own));
    ck_assert(guard_admits(g, &a)); /* another count */
}
END_TEST

/* Ten thousand networks fit into a table of one thousand; who is known stays known. */
START_TEST(bounded)
{
    char ip[32];

    ck_assert(try("203.0.113.5", "anna@example.org", true));
    for (unsigned i = 0; i < 10000; i++) {
        (void)snprintf(ip, sizeof ip, "10.%u.%u.1", i / 250, i % 250);
        (void)try(ip, "anna@example.org", false);
    }
    ck_assert(try("203.0.113.5", "anna@example.org", true));
    ck_assert(!try("10.200.1.1", "anna@example.org", true));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("guard");
    TCase *tc = tcase_create("guard");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, by_network);
    tcase_add_test(tc, growing_delay);
    tcase_add_test(tc, by_account);
    tcase_add_test(tc, known_in_a_barred_network);
    tcase_add_test(tc, ends);
    tcase_add_test(tc, no_limits);
    tcase_add_test(tc, shared_by_processes);
    tcase_add_test(tc, harvest);
    tcase_add_test(tc, bounded);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
