/* test_clients.c - networks, and who is in a list of them. */
#include "plugins/lib/clients.h"
#include "plugins/lib/ip_address.h"

#include "core/base/str.h"
#include <check.h>

START_TEST(networks)
{
    static const struct {
        const char *net, *address;
        bool matches;
    } cases[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"0.0.0.0/0", "8.8.8.8", true},
        {"0.0.0.0/0", "::1", false},
        {"192.0.2.128/25", "192.0.2.129", true},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "::ffff:1.2.3.4", false},
        {"1.2.3.4", "::ffff:1.2.3.4", true},
    };
    static const char *const wrong[] = {
        "",       "x",           "10.0.0.0/", "10.0.0.0/33",
        "::/129", "10.0.0.0/8x", "/8",        "10.0.0.0/99999999999",
        "10.0.0", "!10.0.0.0/8"};
    struct ip_address address;
    struct ip_net net;

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        ck_assert(ip_net_parse(str_from(cases[i].net), &net) &&
                  ip_address_parse(str_from(cases[i].address), &address));
        ck_assert_msg(ip_address_matches(&address, &net.address, net.bits) == cases[i].matches,
                      "%s %s", cases[i].net, cases[i].address);
    }
    for (size_t i = 0; i < FCT_COUNT(wrong); i++)
        ck_assert_msg(!ip_net_parse(str_from(wrong[i]), &net), "%s", wrong[i]);
}
END_TEST

#define LIST(...)                                                             \
    {                                                                         \
        (const char *const[]){__VA_ARGS__},                                   \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *) \
    }

static const struct {
    struct fct_strings list;
    const char *ip;
    bool have;
} lists[] = {
    {LIST("10.0.0.0/8", "192.0.2.1"), "10.1.2.3", true},
    {LIST("10.0.0.0/8", "192.0.2.1"), "192.0.2.1", true},
    {LIST("10.0.0.0/8", "192.0.2.1"), "192.0.2.2", false},
    {LIST("10.0.0.0/8", "2001:db8::/32"), "2001:db8::7", true},
    {LIST("10.0.0.0/8", "2001:db8::/32"), "::ffff:10.0.0.1", true},
    /* exceptions: the last that fits decides */
    {LIST("10.0.0.0/8", "!10.0.0.25"), "10.0.0.24", true},
    {LIST("10.0.0.0/8", "!10.0.0.25"), "10.0.0.25", false},
    {LIST("10.0.0.0/8", "!10.1.0.0/16", "10.1.1.0/24"), "10.1.1.1", true},
    {LIST("!10.0.0.0/8"), "10.0.0.1", false},
    {LIST("!10.0.0.0/8"), "192.0.2.1", true},
    {LIST("!10.0.0.0/8"), "2001:db8::1", true},
    /* who has no address is in no list */
    {LIST("!10.0.0.0/8"), "", false},
    {LIST("0.0.0.0/0"), "unknown", false},
    {{NULL, 0}, "10.0.0.1", false},
};

START_TEST(who_is_in_a_list)
{
    ck_assert(clients_have(&lists[_i].list, str_from(lists[_i].ip)) == lists[_i].have);
}
END_TEST

START_TEST(entries_that_are_wrong)
{
    static const char *const wrong[] = {
        "", "!", "!!10.0.0.1", "10.0.0.0/33", "host.example", "! 10.0.0.1"};
    struct fct_strings good = LIST("10.0.0.0/8", "!2001:db8::1");
    struct fct_err err;

    ck_assert(clients_check("skip_net", &good, &err));
    for (size_t i = 0; i < FCT_COUNT(wrong); i++) {
        struct fct_strings list = LIST("192.0.2.1", wrong[i]);

        err = (struct fct_err){0};
        ck_assert_msg(!clients_check("when_net", &list, &err), "%s", wrong[i]);
        ck_assert_int_eq(err.class, FCT_SYNTAX);
        ck_assert_msg(strncmp(err.text, "when_net: ", 10) == 0, "%s", err.text);
    }
}
END_TEST

START_TEST(what_a_customer_has)
{
    static const char *const cases[][2] = {
        {"192.0.2.77", "192.0.2.0"},
        {"::ffff:192.0.2.77", "192.0.2.0"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
    };
    char text[IP_ADDRESS_ROOM];
    struct ip_address address;

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        ck_assert(ip_address_parse(str_from(cases[i][0]), &address));
        (void)ip_address_network(&address, text);
        ck_assert_str_eq(text, cases[i][1]);
    }
}
END_TEST

START_TEST(who_is_a_stranger)
{
    struct fct_strings skip = LIST("10.0.0.0/8");
    struct fct_conn conn = {.size = sizeof conn, .client_ip = FCT_STR("192.0.2.1")};

    ck_assert(clients_are_strangers(&conn, &skip));
    conn.trusted = true;
    ck_assert(!clients_are_strangers(&conn, &skip));
    conn.trusted = false;
    conn.login = FCT_STR("a@example.org");
    ck_assert(!clients_are_strangers(&conn, &skip));
    conn.login.n = 0;
    conn.client_ip = FCT_STR("10.9.9.9");
    ck_assert(!clients_are_strangers(&conn, &skip));
    conn.client_ip = FCT_STR("");
    ck_assert(!clients_are_strangers(&conn, &skip));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clients");
    TCase *tc = tcase_create("clients");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, networks);
    tcase_add_loop_test(tc, who_is_in_a_list, 0, (int)FCT_COUNT(lists));
    tcase_add_test(tc, entries_that_are_wrong);
    tcase_add_test(tc, what_a_customer_has);
    tcase_add_test(tc, who_is_a_stranger);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
