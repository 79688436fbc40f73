/* test_mta_sts_fetch.c - policies asked for over HTTPS, from a server that has good and bad ones
 * (RFC 8461 3.3). */
#include "protocols/relay/policy/mta_sts_fetch.h"
#include "protocols/relay/policy/tls_policy.h"
#include "tests/unit/core/dns/dns_rig.h"

#include <signal.h>
#include <sys/wait.h>

#define LOOPBACK FCT_STR_INIT("\177\0\0\1")

/* clang-format off */
static const struct dns_row zone[] = {
    {"mta-sts.good.example", FCT_DNS_A, ANSWER, LOOPBACK}, {"mta-sts.redirect.example", FCT_DNS_A, ANSWER, LOOPBACK},
    {"mta-sts.html.example", FCT_DNS_A, ANSWER, LOOPBACK}, {"mta-sts.missing.example", FCT_DNS_A, ANSWER, LOOPBACK},
    {"mta-sts.large.example", FCT_DNS_A, ANSWER, LOOPBACK}, {"mta-sts.slow.example", FCT_DNS_A, ANSWER, LOOPBACK},
    {"mta-sts.broken.example", FCT_DNS_A, ANSWER, LOOPBACK}, {"mta-sts.nothing.example", FCT_DNS_A, ANSWER, LOOPBACK},
    {"mta-sts.private.example", FCT_DNS_A, ANSWER, LOOPBACK}, {"mta-sts.name.example", FCT_DNS_A, ANSWER, LOOPBACK},
    {"_mta-sts.good.example", FCT_DNS_TXT, ANSWER, FCT_STR_INIT("\15v=STSv1; id=1")},
    {"_mta-sts.broken.example", FCT_DNS_TXT, ANSWER, FCT_STR_INIT("\15v=STSv1; id=1")},
    {0},
};
static const char *const private_hosts[] = {
    "mta-sts.good.example", "mta-sts.redirect.example", "mta-sts.html.example", "mta-sts.missing.example", "mta-sts.large.example",
    "mta-sts.slow.example", "mta-sts.broken.example", "mta-sts.nothing.example", "mta-sts.name.example",
};
static const struct {
    const char *domain;
    enum fct_class class; /* FCT_OK: it is had */
    const char *why;
    bool certificate;
} cases[] = {
    {"good.example", FCT_OK, "", false},
    {"redirect.example", FCT_TEMP, "the web server answered 302", false},
    {"missing.example", FCT_TEMP, "the web server answered 404", false},
    {"html.example", FCT_SYNTAX, "the policy is not text/plain", false},
    {"nothing.example", FCT_SYNTAX, "the policy is not text/plain", false},
    {"broken.example", FCT_SYNTAX, "mode is \"perhaps\"", false},
    {"large.example", FCT_LIMIT, "larger than", false},
    {"slow.example", FCT_TEMP, "no answer in time", false},
    {"name.example", FCT_TEMP, "certificate", true},
    {"private.example", FCT_DENIED, "no public address", false},
    {"nowhere.example", FCT_TEMP, "", false},
};
/* clang-format on */

static struct {
    pid_t pid;
    int input;
    char folder[64], ca[96];
    struct mta_sts_fetch_conf conf;
    struct mta_sts_fetcher *fetcher;
} web;

static void start_server(void)
{
    int in[2], out[2];
    char script[512], line[64] = "";

    snprintf(script, sizeof script, "%s/tests/unit/protocols/relay/policy/mta_sts_server.py",
             getenv("FCT_SOURCE"));
    ck_assert_int_eq(pipe(in) | pipe(out), 0);
    web.pid = fork();
    if (web.pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        execlp("python3", "python3", script, web.folder, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    web.input = in[1];
    for (size_t n = 0; !strchr(line, '\n'); n++)
        ck_assert(n < sizeof line - 1 && read(out[0], line + n, 1) == 1);
    ck_assert_int_eq(sscanf(line, "%u", &web.conf.port), 1);
    close(out[0]);
}

static void setup(void)
{
    struct fct_err err = {0};

    memset(&web, 0, sizeof web);
    signal(SIGPIPE, SIG_IGN);
    snprintf(web.folder, sizeof web.folder, "/tmp/fct-sts.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(web.folder));
    start_server();
    dns_rig_start(zone);
    dns_rig_resolver("");
    snprintf(web.ca, sizeof web.ca, "%s/cert.pem", web.folder);
    web.conf.ca_file = web.ca;
    web.conf.timeout.ms = 1500;
    web.conf.max_at_once = 4;
    web.conf.private_hosts = (struct fct_strings){private_hosts, FCT_COUNT(private_hosts)};
    ck_assert_msg(
        mta_sts_fetcher_new(dns_rig.base, &web.conf, dns_rig.resolver, &web.fetcher, &err), "%s",
        err.text);
}

static void teardown(void)
{
    char key[96];

    mta_sts_fetcher_free(&web.fetcher);
    dns_rig_stop();
    close(web.input);
    waitpid(web.pid, NULL, 0);
    snprintf(key, sizeof key, "%s/key.pem", web.folder);
    unlink(key);
    unlink(web.ca);
    rmdir(web.folder);
}

struct job {
    const char *domain;
    struct mta_sts_policy policy;
    struct fct_err err;
    bool ok, certificate, done;
};

static void fetch_fiber(void *arg)
{
    struct job *j = arg;

    j->ok = mta_sts_fetch(web.fetcher, dns_rig.arena, str_from(j->domain), &j->policy,
                          &j->certificate, &j->err);
    j->done = true;
}

START_TEST(good_and_bad_policies)
{
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct job j = {.domain = cases[i].domain};

        fiber_start(fetch_fiber, &j);
        while (!j.done)
            event_base_loop(dns_rig.base, EVLOOP_ONCE);
        ck_assert_msg(j.ok == (cases[i].class == FCT_OK), "%s: %s", j.domain, j.err.text);
        ck_assert_msg(j.err.class == cases[i].class, "%s: %s", j.domain, j.err.text);
        ck_assert_msg(strstr(j.err.text, cases[i].why) != NULL, "%s: %s", j.domain, j.err.text);
        ck_assert_msg(j.certificate == cases[i].certificate, "%s: %s", j.domain, j.err.text);
        if (j.ok)
            ck_assert(mta_sts_names(&j.policy, FCT_STR("mx.good.example")));
    }
}
END_TEST

/* ---- with the record, the memory and the report ---- */

static FCT_MAY_WAIT bool ask(void *ctx, enum fct_dns_type type, struct fct_str name,
                             struct fct_dns_answer *out)
{
    (void)ctx;
    return dns_resolve(dns_rig.resolver, dns_rig.arena, type, name, CLOCK_NEVER, out);
}

static struct {
    struct tls_policy_service service;
    const char *domain;
    int64_t now;
    struct tls_domain_policy policy;
    bool done;
} find;

static void find_fiber(void *arg)
{
    (void)arg;
    tls_policy_find_domain(&find.service, dns_rig.arena, str_from(find.domain), find.now,
                           &find.policy);
    find.done = true;
}

static const struct tls_domain_policy *policy_of(const char *domain, int64_t now)
{
    find.domain = domain;
    find.now = now;
    find.done = false;
    fiber_start(find_fiber, NULL);
    while (!find.done)
        event_base_loop(dns_rig.base, EVLOOP_ONCE);
    return &find.policy;
}

static bool is_counted(const char *word)
{
    static const struct tls_report_head head = {{0}, {0}, {0}, 0, 1};
    FCT_CLEANUP(buf_free) struct buf json = BUF_INIT(65536);

    ck_assert(tls_report_write(find.service.report, str_from(find.domain), &head, &json));
    return str_find(buf_str(&json), str_from(word)) >= 0;
}

START_TEST(a_policy_of_a_domain)
{
    static const struct tls_report_limits limits = {10, 10, 10};

    find.service = (struct tls_policy_service){.dns = {ask, NULL},
                                               .cache = mta_sts_cache_new(10),
                                               .fetcher = web.fetcher,
                                               .report = tls_report_new(&limits)};
    ck_assert(!policy_of("html.example", 1000)->has_sts); /* no record: nobody is asked */
    ck_assert_uint_eq(find.policy.problem.n, 0);
    ck_assert(policy_of("good.example", 1000)->has_sts);
    ck_assert_int_eq(find.policy.sts.mode, MTA_STS_ENFORCE);
    close(web.input); /* the web server goes, and is not missed */
    waitpid(web.pid, NULL, 0);
    web.input = dup(0);
    ck_assert(policy_of("good.example", 2000)->has_sts);
    ck_assert_uint_eq(find.policy.problem.n, 0);
    ck_assert(policy_of("good.example", 1000 + 50000)->has_sts); /* half its life: asked in vain */
    ck_assert_uint_gt(find.policy.problem.n, 0);
    ck_assert(is_counted("sts-policy-fetch-error"));
    ck_assert(!policy_of("good.example", 1000 + 86400)->has_sts);
    tls_report_free(&find.service.report);
    mta_sts_cache_free(&find.service.cache);
}
END_TEST

START_TEST(a_broken_policy_is_reported)
{
    static const struct tls_report_limits limits = {10, 10, 10};

    find.service = (struct tls_policy_service){.dns = {ask, NULL},
                                               .cache = mta_sts_cache_new(10),
                                               .fetcher = web.fetcher,
                                               .report = tls_report_new(&limits)};
    ck_assert(!policy_of("broken.example", 1000)->has_sts);
    ck_assert_uint_gt(find.policy.problem.n, 0);
    ck_assert(is_counted("sts-policy-invalid"));
    ck_assert(!policy_of("broken.example", 1001)->has_sts);
    ck_assert_uint_eq(find.policy.problem.n, 0); /* not asked again so soon */
    tls_report_free(&find.service.report);
    mta_sts_cache_free(&find.service.cache);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mta_sts_fetch");
    TCase *tc = tcase_create("fetch");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 0);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, good_and_bad_policies);
    tcase_add_test(tc, a_policy_of_a_domain);
    tcase_add_test(tc, a_broken_policy_is_reported);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
