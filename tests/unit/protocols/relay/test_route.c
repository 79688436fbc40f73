/* test_route.c - where mail goes: routes, the MX of a domain, addresses that are never asked; and
 * what replies mean. */
#include "core/base/str.h"
#include "protocols/relay/address_guard.h"
#include "protocols/relay/connect.h"
#include "protocols/relay/host_status.h"
#include "protocols/relay/mx.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- hosts ---- */

static const struct {
    const char *in;
    bool ok;
    const char *name;
    unsigned port;
    bool is_address;
} hosts[] = {
    {"mx.example.org", true, "mx.example.org", 25, false},
    {"mx.example.org:587", true, "mx.example.org", 587, false},
    {"192.0.2.1", true, "192.0.2.1", 25, true},
    {"192.0.2.1:2525", true, "192.0.2.1", 2525, true},
    {"[2001:db8::1]:25", true, "2001:db8::1", 25, true},
    {"[2001:db8::1]", true, "2001:db8::1", 25, true},
    {"2001:db8::1", true, "2001:db8::1", 25, true},
    {"", false, NULL, 0, false},
    {":25", false, NULL, 0, false},
    {"mx:", false, NULL, 0, false},
    {"mx:0", false, NULL, 0, false},
    {"mx:65536", false, NULL, 0, false},
    {"mx:25x", false, NULL, 0, false},
    {"[mx]:25", false, NULL, 0, false},
    {"[2001:db8::1", false, NULL, 0, false},
    {"[2001:db8::1]25", false, NULL, 0, false},
    {"m x", false, NULL, 0, false},
    {"mx/25", false, NULL, 0, false},
};

/* What stands behind a NUL is part of it. */
START_TEST(refuses_hosts_with_nul)
{
    static const char text[] = "192.0.2.1\0.evil.test";
    struct fct_str all = {text, sizeof text - 1};
    struct connect_address a;
    struct route_host host;
    struct fct_err err = {0};

    ck_assert(!route_host_read(all, &host, &err));
    ck_assert(!connect_address_read(all, 25, &a));
    ck_assert(!route_host_read((struct fct_str){text, sizeof "192.0.2.1"}, &host, &err));
}
END_TEST

START_TEST(reads_hosts)
{
    struct route_host host;
    struct fct_err err = {0};

    ck_assert_int_eq(route_host_read(str_from(hosts[_i].in), &host, &err), hosts[_i].ok);
    if (!hosts[_i].ok) {
        ck_assert_int_eq(err.class, FCT_SYNTAX);
        return;
    }
    ck_assert(str_equal(host.name, str_from(hosts[_i].name)));
    ck_assert_uint_eq(host.port, hosts[_i].port);
    ck_assert_int_eq(host.is_address, hosts[_i].is_address);
}
END_TEST

/* ---- routes ---- */

static char folder[] = "/tmp/facteur-route.XXXXXX";

static struct config *load(const char *text, struct fct_err *err)
{
    static const struct conf_block *const blocks[] = {&relay_block, &route_block, NULL};
    FCT_CLEANUP(buf_free) struct buf errors = BUF_INIT(4096);
    struct config *conf = NULL;
    char path[100];
    const char *file = path;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/conf", folder);
    f = fopen(path, "w");
    ck_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
    if (!config_load(&file, 1, blocks, &conf, &errors, err))
        return NULL;
    return conf;
}

static const struct {
    const char *domain, *sender, *want;
} finds[] = {
    {"example.org", "a@x.test", "one"},
    {"sub.example.org", "a@x.test", "mx"},
    {"a.below.test", "a@x.test", "below"},
    {"below.test", "a@x.test", "mx"},
    {"other.test", "boss@big.test", "sender"},
    {"example.org", "boss@big.test", "sender"},
    {"other.test", "a@small.test", "domain_of_sender"},
    {"other.test", "", "mx"},
    {"other.test", "a@x.test", "mx"},
};

START_TEST(finds_routes)
{
    struct fct_err err = {0};
    struct config *conf =
        load("route one { domain = [\"example.org\"]  host = [\"192.0.2.1:26\"] }\n"
             "route below { domain = [\".below.test\"]  host = [\"in.test\"]  tls = none }\n"
             "route sender { sender = [\"boss@big.test\"]  host = [\"s.test:587\"]\n"
             "    user = u  password = p  max_connections = 3 }\n"
             "route domain_of_sender { sender = [\"small.test\"]  host = [\"t.test\"] }\n",
             &err);
    struct routes *r;

    ck_assert_msg(conf != NULL, "%s", err.text);
    ck_assert(routes_load(conf, &r, &err));
    const struct route *found =
        routes_find(r, str_from(finds[_i].domain), str_from(finds[_i].sender), FCT_STR(""));

    ck_assert_str_eq(found->name, finds[_i].want);
    if (strcmp(found->name, "sender") == 0) {
        ck_assert_uint_eq(found->max_connections, 3);
        ck_assert(str_equal(found->user, FCT_STR("u")));
    } else {
        ck_assert_uint_eq(found->max_connections, 20);
    }
    ck_assert_int_eq(found->tls,
                     strcmp(found->name, "below") == 0 ? RELAY_TLS_NONE : RELAY_TLS_MAY);
    routes_free(&r);
    config_free(&conf);
}
END_TEST

START_TEST(reads_a_file_of_routes)
{
    struct fct_err err = {0};
    char path[100], text[200];
    struct config *conf;
    struct routes *r;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/routes", folder);
    f = fopen(path, "w");
    ck_assert(f && fputs("# comment\n\nA.test 127.0.0.1:34001\n b.test\t[::1]:34002\n", f) >= 0);
    ck_assert(fclose(f) == 0);
    (void)snprintf(text, sizeof text, "relay { routes = \"%s\" }\n", path);
    conf = load(text, &err);
    ck_assert(conf && routes_load(conf, &r, &err));
    ck_assert_uint_eq(routes_count(r), 2);
    ck_assert_uint_eq(routes_find(r, FCT_STR("a.test"), FCT_STR(""), FCT_STR(""))->host[0].port,
                      34001);
    ck_assert_uint_eq(routes_find(r, FCT_STR("b.test"), FCT_STR(""), FCT_STR(""))->host[0].port,
                      34002);
    ck_assert_uint_eq(routes_find(r, FCT_STR("c.test"), FCT_STR(""), FCT_STR(""))->hosts, 0);
    routes_free(&r);
    f = fopen(path, "w");
    ck_assert(f && fputs("a.test 127.0.0.1:1\nb.test\n", f) >= 0 && fclose(f) == 0);
    ck_assert(!routes_load(conf, &r, &err));
    ck_assert_msg(strstr(err.text, "routes:2: must be DOMAIN HOST:PORT"), "%s", err.text);
    config_free(&conf);
}
END_TEST

static const char *const bad_conf[] = {
    "relay { tls = maybe }",
    "relay { tls = implicit }",
    "relay { ip = ipv5 }",
    "relay { port = 0 }",
    "relay { retry = [] }",
    "relay { retry_jitter = 0.6 }",
    "relay { unproven_connections = 0 }",
    "relay { source = [\"localhost\"] }",
    "relay { dead_first = 1h }",
    "route x { }",
    "route x { domain = [\"*\"]  host = [\"a b\"] }",
    "route x { domain = [\"*\"]  user = u }",
    "route x { domain = [\"*\"]  tls = x }",
};

START_TEST(refuses_conf)
{
    struct fct_err err = {0};

    ck_assert(!load(bad_conf[_i], &err));
    ck_assert_int_eq(err.class, FCT_SYNTAX);
}
END_TEST

/* ---- MX ---- */

static const struct fct_str self_names[] = {FCT_STR_INIT("me.test")};
static const struct mx_self self = {self_names, 1, 25};

/* clang-format off */
static const struct {
    const char *what;
    struct fct_dns_record record[4];
    unsigned n;
    enum fct_dns_status status;
    enum outcome want; /* NONE: hosts */
    const char *answer; /* hosts in order, or the status */
} answers[] = {
    {"two", {{FCT_STR_INIT("b.test"), 20}, {FCT_STR_INIT("a.test"), 10}}, 2, FCT_DNS_OK, OUTCOME_NONE, "a.test b.test"},
    {"implicit", {{{0}, 0}}, 0, FCT_DNS_NO_DATA, OUTCOME_NONE, "dest.test"},
    {"null", {{FCT_STR_INIT(""), 0}}, 1, FCT_DNS_OK, OUTCOME_FAILED, "5.1.10"},
    {"none", {{{0}, 0}}, 0, FCT_DNS_NO_NAME, OUTCOME_FAILED, "5.1.2"},
    {"broken", {{{0}, 0}}, 0, FCT_DNS_FAILED, OUTCOME_DEFERRED, "4.4.3"},
    {"bogus", {{{0}, 0}}, 0, FCT_DNS_BOGUS, OUTCOME_DEFERRED, "4.4.3"},
    {"illegal", {{{0}, 0}}, 0, FCT_DNS_REFUSED, OUTCOME_FAILED, "5.1.2"},
    {"loop", {{FCT_STR_INIT("me.test"), 10}}, 1, FCT_DNS_OK, OUTCOME_FAILED, "5.4.6"},
    {"better than us", {{FCT_STR_INIT("a.test"), 5}, {FCT_STR_INIT("me.test"), 10}, {FCT_STR_INIT("b.test"), 20}}, 3, FCT_DNS_OK, OUTCOME_NONE, "a.test"},
    {"as good as us", {{FCT_STR_INIT("a.test"), 10}, {FCT_STR_INIT("me.test"), 10}}, 2, FCT_DNS_OK, OUTCOME_FAILED, "5.4.6"},
    {"null beside others", {{FCT_STR_INIT(""), 0}, {FCT_STR_INIT("a.test"), 10}}, 2, FCT_DNS_OK, OUTCOME_NONE, "a.test"},
};
/* clang-format on */

START_TEST(judges_mx)
{
    struct fct_dns_answer answer = {
        .status = answers[_i].status, .record = answers[_i].record, .n = answers[_i].n, .ttl = 60};
    FCT_CLEANUP(buf_free) struct buf got = BUF_INIT(1000);
    struct arena *arena = arena_new(NULL);
    struct delivery_result result = {0};
    struct hops hops = {0};
    bool ok = mx_judge(arena, FCT_STR("dest.test"), &answer, &self, &hops, &result);

    for (size_t i = 0; ok && i < hops.n; i++)
        buf_printf(&got, "%s%.*s", i ? " " : "", FCT_FMT(hops.hop[i].name));
    if (!ok)
        buf_put_c(&got, result.status);
    ck_assert_msg(str_equal(buf_str(&got), str_from(answers[_i].answer)), "%s: %.*s",
                  answers[_i].what, FCT_FMT(buf_str(&got)));
    ck_assert_int_eq(ok ? OUTCOME_NONE : result.outcome, answers[_i].want);
    arena_free(&arena);
}
END_TEST

/* ---- addresses ---- */

static const struct {
    const char *address;
    bool special;
} addresses[] = {
    {"8.8.8.8", false},
    {"127.0.0.1", true},
    {"127.1.2.3", true},
    {"10.0.0.1", true},
    {"172.15.0.1", false},
    {"172.16.0.1", true},
    {"172.31.255.1", true},
    {"172.32.0.1", false},
    {"192.168.1.1", true},
    {"169.254.169.254", true},
    {"100.64.0.1", true},
    {"100.128.0.1", false},
    {"0.0.0.0", true},
    {"224.0.0.1", true},
    {"255.255.255.255", true},
    {"198.18.0.1", true},
    {"198.20.0.1", false},
    {"192.0.2.1", true},
    {"::1", true},
    {"::", true},
    {"2a00:1450::1", false},
    {"fc00::1", true},
    {"fd12::1", true},
    {"fe80::1", true},
    {"ff02::1", true},
    {"2001:db8::1", true},
    {"::ffff:127.0.0.1", true},
    {"::ffff:8.8.8.8", false},
    {"64:ff9b::a00:1", true},
    {"64:ff9b::808:808", false},
    {"2002:7f00:1::", true},
    {"2002:808:808::", false},
    {"2001::1", true},
    {"0.1.2.3", true},
    {"192.88.99.1", true},
    {"192.0.0.170", true},
    {"169.253.255.255", false},
    {"169.255.0.0", false},
    {"11.0.0.0", false},
    {"126.255.255.255", false},
    {"128.0.0.0", false},
    {"223.255.255.255", false},
    {"240.0.0.0", true},
    {"::ffff:10.0.0.1", true},
    {"::ffff:169.254.169.254", true},
    {"::ffff:0.0.0.0", true},
    {"::ffff:0:7f00:1", true}, /* RFC 2765 */
    {"::127.0.0.1", true},     /* RFC 4291 2.5.5.1 */
    {"::8.8.8.8", true},
    {"64:ff9b::7f00:1", true},
    {"64:ff9b::a9fe:a9fe", true},
    {"64:ff9b:1::808:808", true}, /* RFC 8215: whose network it is nobody knows */
    {"2002:a00:1::1", true},
    {"2002:a9fe:a9fe::1", true},
    {"2001:0:808:808::1", true}, /* Teredo, RFC 4380 */
    {"2001:10::1", true},        /* ORCHID */
    {"2001:200::1", false},
    {"2000::1", false},
    {"3ffe::1", false},
    {"3fff:fff::1", true},
    {"3fff:1000::1", false},
    {"4000::1", true},
    {"5f00::1", true}, /* RFC 9602 */
    {"100::1", true},
    {"fe80::a00:1", true},
    {"febf::1", true},
    {"fec0::1", true},
    {"fdff::1", true},
    {"ff0e::1", true},
};

START_TEST(knows_special_addresses)
{
    struct connect_address a;

    ck_assert(connect_address_read(str_from(addresses[_i].address), 25, &a));
    ck_assert_msg((address_special(&a.address) != NULL) == addresses[_i].special, "%s",
                  addresses[_i].address);
}
END_TEST

/* This machine's addresses, also inside IPv6. */
static const char *const ours[] = {"8.8.4.4", "2a00:1450::5"};
static const struct {
    const char *address;
    bool ours;
} own[] = {
    {"8.8.4.4", true},         {"::ffff:8.8.4.4", true}, {"64:ff9b::808:404", true},
    {"2002:808:404::1", true}, {"2a00:1450::5", true},   {"8.8.4.5", false},
    {"::ffff:8.8.4.5", false}, {"2a00:1450::6", false},  {"2002:808:405::1", false},
    {"::808:404", false},
};

START_TEST(knows_its_own_addresses)
{
    struct sockaddr_storage list[FCT_COUNT(ours)];
    const struct own_addresses all = {list, FCT_COUNT(ours)};
    struct connect_address a;

    for (size_t i = 0; i < FCT_COUNT(ours); i++) {
        ck_assert(connect_address_read(str_from(ours[i]), 25, &a));
        list[i] = a.address;
    }
    ck_assert(connect_address_read(str_from(own[_i].address), 25, &a));
    ck_assert_msg(own_addresses_have(&all, &a.address) == own[_i].ours, "%s", own[_i].address);
}
END_TEST

START_TEST(takes_families_in_turn)
{
    static const char *const in[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1"};
    static const char *const want[] = {"[2001:db8::1]:25", "192.0.2.1:25", "192.0.2.2:25",
                                       "192.0.2.3:25"};
    struct connect_address a[4];
    char text[64];

    for (size_t i = 0; i < 4; i++)
        ck_assert(connect_address_read(str_from(in[i]), 25, &a[i]));
    connect_interleave(a, 4);
    for (size_t i = 0; i < 4; i++) {
        connect_address_show(&a[i], text);
        ck_assert_str_eq(text, want[i]);
    }
}
END_TEST

START_TEST(remembers_hosts)
{
    struct host_table *t = host_table_new(1000, 3000);
    struct fct_str h = FCT_STR("192.0.2.1:25");

    ck_assert(!host_is_dead(t, h, 0));
    host_failed(t, h, 0);
    ck_assert(host_is_dead(t, h, 999));
    ck_assert(!host_is_dead(t, h, 1000));
    host_failed(t, h, 1000);
    ck_assert(host_is_dead(t, h, 2999));
    host_failed(t, h, 3000);
    ck_assert(host_is_dead(t, h, 5999));
    ck_assert_uint_eq(host_table_dead(t, 5999), 1);
    host_answered(t, h);
    ck_assert(!host_is_dead(t, h, 5999));
    host_trying(t, h, 1);
    host_table_sweep(t, 100000);
    ck_assert_uint_eq(host_tried(t, h), 1);
    host_trying(t, h, -1);
    host_table_sweep(t, 100000);
    ck_assert_uint_eq(host_tried(t, h), 0);
    host_table_free(&t);
}
END_TEST

/* ---- replies ---- */

static const struct {
    enum outcome_step step;
    unsigned code, accepted;
    enum outcome want;
    bool pushes_back;
} replies[] = {
    {STEP_RCPT, 250, 0, OUTCOME_DELIVERED, false}, {STEP_RCPT, 251, 0, OUTCOME_DELIVERED, false},
    {STEP_RCPT, 450, 0, OUTCOME_DEFERRED, false},  {STEP_RCPT, 550, 0, OUTCOME_FAILED, false},
    {STEP_RCPT, 452, 0, OUTCOME_DEFERRED, false},  {STEP_RCPT, 452, 3, OUTCOME_AGAIN, false},
    {STEP_RCPT, 552, 3, OUTCOME_AGAIN, false},     {STEP_RCPT, 552, 0, OUTCOME_DEFERRED, false},
    {STEP_RCPT, 421, 1, OUTCOME_HOST, true},       {STEP_RCPT, 354, 1, OUTCOME_HOST, false},
    {STEP_MAIL, 250, 0, OUTCOME_DELIVERED, false}, {STEP_MAIL, 451, 0, OUTCOME_DEFERRED, true},
    {STEP_MAIL, 550, 0, OUTCOME_FAILED, false},    {STEP_MAIL, 552, 0, OUTCOME_FAILED, false},
    {STEP_DATA, 354, 1, OUTCOME_DELIVERED, false}, {STEP_DATA, 250, 1, OUTCOME_HOST, false},
    {STEP_DATA, 554, 1, OUTCOME_FAILED, false},    {STEP_DATA, 451, 1, OUTCOME_DEFERRED, true},
    {STEP_DOT, 250, 1, OUTCOME_DELIVERED, false},  {STEP_DOT, 554, 1, OUTCOME_FAILED, false},
    {STEP_DOT, 421, 1, OUTCOME_HOST, true},        {STEP_DOT, 552, 1, OUTCOME_FAILED, false},
    {STEP_GREETING, 554, 0, OUTCOME_HOST, false},  {STEP_GREETING, 421, 0, OUTCOME_HOST, true},
    {STEP_EHLO, 550, 0, OUTCOME_HOST, false},
};

START_TEST(replies_mean)
{
    struct remote_reply reply = {.code = (uint16_t)replies[_i].code};

    ck_assert_int_eq(outcome_of(replies[_i].step, &reply, replies[_i].accepted), replies[_i].want);
    ck_assert_int_eq(outcome_pushes_back(replies[_i].step, &reply), replies[_i].pushes_back);
}
END_TEST

static void clean_up(void)
{
    static const char *const names[] = {"conf", "routes"};
    char path[100];

    for (size_t i = 0; i < FCT_COUNT(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

int main(void)
{
    Suite *s = suite_create("route");
    TCase *tc = tcase_create("route");
    SRunner *runner;
    int failed;

    if (!mkdtemp(folder))
        return EXIT_FAILURE;
    tcase_add_test(tc, refuses_hosts_with_nul);
    tcase_add_loop_test(tc, reads_hosts, 0, (int)FCT_COUNT(hosts));
    tcase_add_loop_test(tc, finds_routes, 0, (int)FCT_COUNT(finds));
    tcase_add_test(tc, reads_a_file_of_routes);
    tcase_add_loop_test(tc, refuses_conf, 0, (int)FCT_COUNT(bad_conf));
    tcase_add_loop_test(tc, judges_mx, 0, (int)FCT_COUNT(answers));
    tcase_add_loop_test(tc, knows_special_addresses, 0, (int)FCT_COUNT(addresses));
    tcase_add_loop_test(tc, knows_its_own_addresses, 0, (int)FCT_COUNT(own));
    tcase_add_test(tc, takes_families_in_turn);
    tcase_add_test(tc, remembers_hosts);
    tcase_add_loop_test(tc, replies_mean, 0, (int)FCT_COUNT(replies));
    suite_add_tcase(s, tc);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    clean_up();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
