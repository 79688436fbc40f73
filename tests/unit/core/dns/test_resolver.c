/* test_resolver.c - questions through libunbound: answers, joins, limits, silence, cancellation. */
#include "tests/unit/core/dns/dns_rig.h"

#include "core/dns/dns_setup.h"

static const struct dns_row zone[] = {
    {"mx.example", FCT_DNS_A, ANSWER, FCT_STR_INIT("\300\0\2\1")},
    {"spf.example", FCT_DNS_TXT, ANSWER, FCT_STR_INIT("\6v=spf1\5 -all")},
    {"xn--bcher-kva.example", FCT_DNS_A, ANSWER, FCT_STR_INIT("\300\0\2\7")},
    {"name.test", FCT_DNS_A, ANSWER, FCT_STR_INIT("\300\0\2\2")},
    {"1.0.0.10.in-addr.arpa", FCT_DNS_PTR, ANSWER, FCT_STR_INIT("\4host\7example\0")},
    {"gone.example", FCT_DNS_A, NXDOMAIN, FCT_STR_INIT("")},
    {"empty.example", FCT_DNS_A, EMPTY, FCT_STR_INIT("")},
    {"broken.example", FCT_DNS_A, SERVFAIL, FCT_STR_INIT("")},
    {"malformed.example", FCT_DNS_TXT, ANSWER, FCT_STR_INIT("\7v=spf1")},
    {"silent.example", FCT_DNS_A, SILENCE, FCT_STR_INIT("")},
    {"silent.example", FCT_DNS_TXT, SILENCE, FCT_STR_INIT("")},
    {0},
};

static void setup(void)
{
    dns_rig_start(zone);
}

/* ---- one question ---- */

struct job {
    const char *name;
    enum fct_dns_type type;
    uint64_t patience_ms;
    struct fct_dns_answer answer;
    bool found, done;
    struct fiber_id fiber;
};

static void ask(void *arg)
{
    struct job *job = arg;

    job->fiber = fiber_self();
    job->found = dns_resolve(dns_rig.resolver, dns_rig.arena, job->type, str_from(job->name),
                             clock_ms() + job->patience_ms, &job->answer);
    job->done = true;
}

static void run(struct job *job)
{
    while (!job->done)
        event_base_loop(dns_rig.base, EVLOOP_ONCE);
}

static struct job resolve(enum fct_dns_type type, const char *name)
{
    struct job job = {name, type, 5000, .done = false};

    fiber_start(ask, &job);
    run(&job);
    return job;
}

static void resolve_briefly(enum fct_dns_type type, const char *name)
{
    struct job job = {name, type, 10, .done = false};

    fiber_start(ask, &job);
    run(&job);
    ck_assert_uint_eq(job.answer.status, FCT_DNS_FAILED);
}

static const struct {
    const char *name;
    unsigned type, status;
    const char *data;
} cases[] = {
    {"mx.example", FCT_DNS_A, FCT_DNS_OK, "192.0.2.1"},
    {"MX.Example.", FCT_DNS_A, FCT_DNS_OK, "192.0.2.1"},
    {"spf.example", FCT_DNS_TXT, FCT_DNS_OK, "v=spf1 -all"},
    {"b\xc3\xbc"
     "cher.example",
     FCT_DNS_A, FCT_DNS_OK, "192.0.2.7"},
    {"name.test", FCT_DNS_A, FCT_DNS_OK, "192.0.2.2"}, /* libunbound keeps test. to itself */
    {"1.0.0.10.in-addr.arpa", FCT_DNS_PTR, FCT_DNS_OK, "host.example"}, /* and this */
    {"localhost", FCT_DNS_A, FCT_DNS_OK, "127.0.0.1"},
    {"gone.example", FCT_DNS_A, FCT_DNS_NO_NAME, ""},
    {"empty.example", FCT_DNS_A, FCT_DNS_NO_DATA, ""},
    {"broken.example", FCT_DNS_A, FCT_DNS_FAILED, ""},
    {"malformed.example", FCT_DNS_TXT, FCT_DNS_FAILED, ""},
    {"a..example", FCT_DNS_A, FCT_DNS_REFUSED, ""},
    {"mx.example", 255, FCT_DNS_REFUSED, ""}, /* ANY (RFC 8482) */
    {"mx.example", 41, FCT_DNS_REFUSED, ""},
};

START_TEST(test_status)
{
    struct job job;

    dns_rig_resolver("");
    job = resolve((enum fct_dns_type)cases[_i].type, cases[_i].name);
    ck_assert_msg(job.answer.status == cases[_i].status, "%s: status %u (%.*s)", cases[_i].name,
                  job.answer.status, FCT_FMT(job.answer.why));
    ck_assert_int_eq(job.found, cases[_i].status == FCT_DNS_OK);
    ck_assert(!job.answer.authentic);
    ck_assert_uint_eq(job.answer.size, sizeof job.answer);
    if (job.found)
        ck_assert_msg(str_equal(job.answer.record[0].data, str_from(cases[_i].data)), "%s: %.*s",
                      cases[_i].name, FCT_FMT(job.answer.record[0].data));
    else
        ck_assert_uint_eq(job.answer.n, 0);
    if (cases[_i].status >= FCT_DNS_FAILED)
        ck_assert_uint_gt(job.answer.why.n, 0);
    ck_assert_uint_eq(dns_resolver_stats(dns_rig.resolver).status[cases[_i].status], 1);
}
END_TEST

START_TEST(test_cache)
{
    struct dns_stats stats;

    dns_rig_resolver("");
    (void)resolve(FCT_DNS_A, "mx.example");
    ck_assert(resolve(FCT_DNS_A, "mx.EXAMPLE").found);
    stats = dns_resolver_stats(dns_rig.resolver);
    ck_assert_uint_eq(dns_rig.asked, 1);
    ck_assert_uint_eq(stats.questions, 2);
    ck_assert_uint_eq(stats.at_once, 1);
}
END_TEST

/* ---- many at once ---- */

START_TEST(test_equal_questions_are_joined)
{
    struct job job[50];

    dns_rig_resolver("");
    for (unsigned i = 0; i < 50; i++) {
        job[i] = (struct job){"mx.example", FCT_DNS_A, 5000, .done = false};
        fiber_start(ask, &job[i]);
    }
    for (unsigned i = 0; i < 50; i++) {
        run(&job[i]);
        ck_assert(job[i].found);
    }
    ck_assert_uint_eq(dns_rig.asked, 1);
    ck_assert_uint_eq(dns_resolver_stats(dns_rig.resolver).joined, 49);
    ck_assert_uint_eq(dns_resolver_stats(dns_rig.resolver).in_flight, 0);
}
END_TEST

START_TEST(test_too_many_in_flight)
{
    struct job first = {"silent.example", FCT_DNS_A, 60000, .done = false}, second;

    dns_rig_resolver("max_in_flight = 1\ntimeout = 100ms");
    fiber_start(ask, &first);
    second = resolve(FCT_DNS_A, "mx.example");
    ck_assert_uint_eq(second.answer.status, FCT_DNS_FAILED);
    ck_assert_ptr_nonnull(strstr(second.answer.why.p, "dns.max_in_flight"));
    run(&first);
}
END_TEST

/* Those that gave up leave their room to others. */
START_TEST(test_abandoned_questions)
{
    dns_rig_resolver("max_in_flight = 1");
    resolve_briefly(FCT_DNS_A, "silent.example");
    resolve_briefly(FCT_DNS_TXT, "silent.example");
    ck_assert_uint_eq(dns_resolver_stats(dns_rig.resolver).in_flight, 2);
    ck_assert(resolve(FCT_DNS_A, "mx.example").found);
}
END_TEST

/* ---- nobody answers ---- */

START_TEST(test_silence)
{
    dns_rig_resolver("");
    resolve_briefly(FCT_DNS_A, "silent.example");
    ck_assert_uint_eq(dns_resolver_stats(dns_rig.resolver).timeouts, 1);
    /* libunbound goes on asking: others are not held up by it */
    ck_assert_uint_eq(dns_resolver_stats(dns_rig.resolver).in_flight, 1);
    ck_assert(resolve(FCT_DNS_A, "mx.example").found);
}
END_TEST

START_TEST(test_timeout)
{
    struct job job = {"silent.example", FCT_DNS_A, 3600000, .done = false};

    dns_rig_resolver("timeout = 20ms");
    fiber_start(ask, &job);
    run(&job);
    ck_assert_uint_eq(job.answer.status, FCT_DNS_FAILED);
    ck_assert_ptr_nonnull(strstr(job.answer.why.p, "in time"));
}
END_TEST

START_TEST(test_cancelled)
{
    struct job job = {"silent.example", FCT_DNS_A, 60000, .done = false};

    dns_rig_resolver("timeout = 1h");
    fiber_start(ask, &job);
    event_base_loop(dns_rig.base, EVLOOP_NONBLOCK);
    ck_assert(!job.done);
    fiber_cancel(job.fiber);
    run(&job);
    ck_assert_uint_eq(job.answer.status, FCT_DNS_FAILED);
    ck_assert_ptr_nonnull(strstr(job.answer.why.p, "nobody waits"));
}
END_TEST

/* The asker has given up, libunbound has not. */
START_TEST(test_freed_while_in_flight)
{
    struct job job = {"silent.example", FCT_DNS_A, 10, .done = false};

    dns_rig_resolver("");
    fiber_start(ask, &job);
    run(&job);
    ck_assert_uint_eq(dns_resolver_stats(dns_rig.resolver).in_flight, 1);
    dns_resolver_free(&dns_rig.resolver);
}
END_TEST

/* ---- configuration ---- */

static const struct {
    const char *more, *want;
} bad[] = {
    {"mode = guess", "dns.mode must be"},
    {"mode = recurse", "dns.server is for"},
    {"server = [\"localhost\"]", "must be ADDRESS"},
    {"server = [\"127.0.0.1@0\"]", "must be ADDRESS"},
    {"server = [\"127.0.0.1:53\"]", "must be ADDRESS"},
    {"dnssec = perhaps", "dns.dnssec must be"},
    {"dnssec = yes\ntrust_anchor = \"/does/not/exist\"", "/does/not/exist"},
    {"timeout = 0s", "must be above 0"},
    {"max_in_flight = 0", "must be above 0"},
};

START_TEST(test_bad_configuration)
{
    struct fct_err err = {0};
    char more[200];
    /* a later line of the same key would be an error: leave ours out */
    bool own_server = strncmp(bad[_i].more, "server", 6) == 0;

    if (own_server)
        snprintf(dns_rig.server, sizeof dns_rig.server, "%.*s", (int)strlen(bad[_i].more) - 13,
                 bad[_i].more + 11);
    snprintf(more, sizeof more, "%s", own_server ? "" : bad[_i].more);
    dns_rig.resolver = dns_resolver_new(dns_rig.base, dns_rig_conf(more), &err);
    ck_assert_msg(!dns_rig.resolver, "%s", bad[_i].more);
    ck_assert_msg(strstr(err.text, bad[_i].want) != NULL, "%s: %s", bad[_i].more, err.text);
}
END_TEST

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

/* Where the anchor is no anchor, it is said at the start. */
START_TEST(test_bad_anchor)
{
    char path[] = "/tmp/dns-anchor.XXXXXX", more[100];
    struct fct_err err = {0};

    close(mkstemp(path));
    write_file(path, "example. IN DNSKEY nonsense\n");
    snprintf(more, sizeof more, "dnssec = yes\ntrust_anchor = \"%s\"", path);
    dns_rig.resolver = dns_resolver_new(dns_rig.base, dns_rig_conf(more), &err);
    unlink(path);
    ck_assert(!dns_rig.resolver);
    ck_assert_msg(strstr(err.text, "is dns.trust_anchor right?") != NULL, "%s", err.text);
}
END_TEST

/* Port 53 is not ours to serve on: it is enough that the file is read and nothing is asked yet. */
START_TEST(test_resolv_conf)
{
    static const char *const texts[] = {
        "",
        "# nothing\nsearch example\n",
        "nameserver 192.0.2.53\nnameserver 2001:db8::53\n",
        "nameserver nonsense\nnameserver\t192.0.2.53\noptions edns0\n",
        "nameserverless 1\n",
    };
    char path[] = "/tmp/dns-resolv.XXXXXX";
    struct fct_err err = {0};

    close(mkstemp(path));
    for (size_t i = 0; i < FCT_COUNT(texts); i++) {
        struct dns_conf conf = *dns_rig_conf("");

        write_file(path, texts[i]);
        conf.server.n = 0;
        conf.resolv_conf = path;
        dns_rig.resolver = dns_resolver_new(dns_rig.base, &conf, &err);
        ck_assert_msg(dns_rig.resolver != NULL, "%zu: %s", i, err.text);
        ck_assert(resolve(FCT_DNS_A, "localhost").found);
        dns_resolver_free(&dns_rig.resolver);
        config_free(&dns_rig.config);
    }
    unlink(path);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("resolver");
    Suite *suite = suite_create("resolver");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, dns_rig_stop);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, test_status, 0, FCT_COUNT(cases));
    tcase_add_test(tc, test_cache);
    tcase_add_test(tc, test_equal_questions_are_joined);
    tcase_add_test(tc, test_too_many_in_flight);
    tcase_add_test(tc, test_abandoned_questions);
    tcase_add_test(tc, test_silence);
    tcase_add_test(tc, test_timeout);
    tcase_add_test(tc, test_cancelled);
    tcase_add_test(tc, test_freed_while_in_flight);
    tcase_add_loop_test(tc, test_bad_configuration, 0, FCT_COUNT(bad));
    tcase_add_test(tc, test_bad_anchor);
    tcase_add_test(tc, test_resolv_conf);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
