/* test_plugin_dns.c - the host function dns(): limits of a message, calls that are over, recording
 * and replaying; and dialling a name. */
#include "tests/unit/core/plugin/service_rig.h"

#include "core/base/str.h"
#include "core/dns/dns_conf.h"
#include "core/dns/resolver.h"
#include "core/plugin/cassette.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define host plugin_host
#define call service_rig.call

static struct dns_conf conf;
static int silent = -1; /* nobody answers on it */
static char path[40];

static void setup(void)
{
    struct sockaddr_in me = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static const char *item[1];
    static char server[40];
    socklen_t n = sizeof me;
    struct fct_err err = {0};

    service_rig_start();
    silent = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(silent, (struct sockaddr *)&me, sizeof me), 0);
    ck_assert_int_eq(getsockname(silent, (struct sockaddr *)&me, &n), 0);
    snprintf(server, sizeof server, "127.0.0.1@%u", ntohs(me.sin_port));
    item[0] = server;
    conf = (struct dns_conf){.mode = "forward",
                             .server = {item, 1},
                             .dnssec = "no",
                             .timeout = {40},
                             .message_timeout = {60000},
                             .max_queries = 4,
                             .max_records = 100,
                             .max_in_flight = 100,
                             .cache_size = {3u << 20},
                             .max_ttl = {60000}};
    service_rig.services.dns = dns_resolver_new(service_rig.base, &conf, &err);
    ck_assert_msg(service_rig.services.dns != NULL, "%s", err.text);
    snprintf(path, sizeof path, "/tmp/facteur-dns-cassette.XXXXXX");
    close(mkstemp(path));
}

static void teardown(void)
{
    cassette_free(&service_rig.services.cassette);
    dns_resolver_free(&service_rig.services.dns);
    service_rig_stop();
    close(silent);
    unlink(path);
}

static struct fct_dns_answer ask(const char *name)
{
    struct fct_dns_answer answer;
    bool found = host.dns(call, FCT_DNS_A, str_from(name), &answer);

    ck_assert_uint_eq(answer.size, sizeof answer);
    ck_assert_int_eq(found, answer.status == FCT_DNS_OK && answer.n > 0);
    return answer;
}

static bool says(const struct fct_dns_answer *answer, const char *text)
{
    return str_find(answer->why, str_from(text)) >= 0;
}

/* localhost is answered by libunbound itself. */
static void ask_too_often(void *arg)
{
    struct fct_dns_answer answer;

    (void)arg;
    for (unsigned i = 0; i < 4; i++) {
        answer = ask("localhost");
        ck_assert_uint_eq(answer.status, FCT_DNS_OK);
        ck_assert(str_equal(answer.record[0].data, FCT_STR("127.0.0.1")));
    }
    answer = ask("localhost");
    ck_assert_uint_eq(answer.status, FCT_DNS_REFUSED);
    ck_assert(says(&answer, "dns.max_queries"));
    ck_assert(service_rig_counted(&service_rig.self, "dns_questions") == 5);
    service_rig.tx.dns = (struct dns_budget){0}; /* the next message */
    answer = ask("localhost");
    ck_assert_uint_eq(answer.status, FCT_DNS_OK);
}

START_TEST(test_max_queries)
{
    service_rig_run(ask_too_often, NULL);
}
END_TEST

static void ask_too_long(void *arg)
{
    struct fct_dns_answer answer;

    (void)arg;
    conf.timeout.ms = conf.message_timeout.ms = 60000;
    service_rig.tx.dns.used_ms = 59980; /* by earlier questions */
    answer = ask("a.silent.example");
    ck_assert_uint_eq(answer.status, FCT_DNS_FAILED);
    ck_assert(says(&answer, "in time"));
    ck_assert_uint_ge(service_rig.tx.dns.used_ms, 60000);
    answer = ask("localhost");
    ck_assert_uint_eq(answer.status, FCT_DNS_FAILED);
    ck_assert(says(&answer, "dns.message_timeout"));
    ck_assert(service_rig_counted(&service_rig.self, "dns_failures") == 2);
    ck_assert(call->live);
}

START_TEST(test_message_timeout)
{
    service_rig_run(ask_too_long, NULL);
}
END_TEST

static void ask_silent(void *arg)
{
    struct fct_dns_answer *answer = arg;

    *answer = ask("a.silent.example");
}

/* Time that several wait together counts once. */
START_TEST(test_together)
{
    struct fct_dns_answer answer[3] = {0};
    struct fiber_id id[3];

    for (unsigned i = 0; i < 3; i++)
        id[i] = fiber_start(ask_silent, &answer[i]);
    for (unsigned i = 0; i < 3; i++)
        while (fiber_is_alive(id[i]))
            event_base_loop(service_rig.base, EVLOOP_ONCE);
    ck_assert_uint_eq(service_rig.tx.dns.asked, 3);
    ck_assert_uint_eq(service_rig.tx.dns.waiting, 0);
    ck_assert_uint_ge(service_rig.tx.dns.used_ms, 40);
    ck_assert_uint_eq(dns_resolver_stats(service_rig.services.dns).joined, 2);
}
END_TEST

static void ask_late(void *arg)
{
    struct fct_dns_answer answer;

    (void)arg;
    call->deadline_ms = clock_ms() + 10;
    answer = ask("a.silent.example");
    ck_assert_uint_eq(answer.status, FCT_DNS_FAILED);
    ck_assert(!call->live);
    answer = ask("localhost");
    ck_assert(says(&answer, "over"));
}

START_TEST(test_deadline_of_the_call)
{
    service_rig_run(ask_late, NULL);
}
END_TEST

static void ask_alone(void *arg)
{
    struct fct_dns_answer answer;

    (void)arg;
    service_rig.set.services = NULL;
    answer = ask("localhost");
    ck_assert(says(&answer, "no resolver"));
    service_rig.set.services = &service_rig.services;
}

START_TEST(test_without_services)
{
    service_rig_run(ask_alone, NULL);
}
END_TEST

static void ask_without_memory(void *arg)
{
    struct fct_dns_answer answer;

    (void)arg;
    service_rig.self.memory_bytes = 10;
    answer = ask("localhost");
    ck_assert_uint_eq(answer.status, FCT_DNS_FAILED);
    ck_assert_uint_eq(answer.n, 0);
    ck_assert(says(&answer, "memory"));
}

START_TEST(test_memory)
{
    service_rig_run(ask_without_memory, NULL);
}
END_TEST

/* ---- the cassette ---- */

static void ask_some(void *arg)
{
    struct fct_dns_answer answer = ask("LocalHost.");

    (void)arg;
    ck_assert_uint_eq(answer.status, FCT_DNS_OK);
    ck_assert_uint_eq(answer.n, 1);
    ck_assert(str_equal(answer.record[0].data, FCT_STR("127.0.0.1")));
    ck_assert(str_equal(answer.canonical, FCT_STR("localhost")));
    answer = ask("a.silent.example");
    ck_assert_uint_eq(answer.status, FCT_DNS_FAILED);
    ck_assert(says(&answer, "in time"));
    answer = ask("a..b");
    ck_assert_uint_eq(answer.status, FCT_DNS_REFUSED);
}

static void ask_something_else(void *arg)
{
    struct fct_dns_answer answer = ask("other.example");
    struct fct_err err = {0};

    (void)arg;
    ck_assert_uint_eq(answer.status, FCT_DNS_FAILED);
    ck_assert(says(&answer, "other.example"));
    ck_assert_ptr_null(host.dial(call, FCT_STR("inet:127.0.0.1:9"), &err));
    ck_assert_ptr_nonnull(strstr(err.text, "cassette"));
}

START_TEST(test_record_and_replay)
{
    struct fct_err err = {0};

    service_rig.services.cassette = cassette_record(path, &err);
    service_rig_run(ask_some, NULL);
    cassette_free(&service_rig.services.cassette);
    dns_resolver_free(&service_rig.services.dns);
    service_rig.services.cassette = cassette_replay(path, &err);
    ck_assert_msg(service_rig.services.cassette != NULL, "%s", err.text);
    service_rig_run(ask_some, NULL);
    service_rig_run(ask_something_else, NULL);
}
END_TEST

static void ask_damaged(void *arg)
{
    struct fct_dns_answer answer = ask("other.example");

    (void)arg;
    ck_assert_uint_eq(answer.status, FCT_DNS_FAILED);
    ck_assert(says(&answer, "malformed"));
}

START_TEST(test_damaged_answer)
{
    static const char text[] =
        "{\"cassette\":1}\n{\"kind\":\"dns\",\"question\":{\"type\":\"A\",\"name\":"
        "\"other.example\"},\"answer\":{\"status\":\"perhaps\"}}\n";
    FILE *f = fopen(path, "we");
    struct fct_err err = {0};

    fputs(text, f);
    fclose(f);
    service_rig.services.cassette = cassette_replay(path, &err);
    ck_assert_msg(service_rig.services.cassette != NULL, "%s", err.text);
    service_rig_run(ask_damaged, NULL);
}
END_TEST

/* ---- a name to dial ---- */

static void dial_localhost(void *arg)
{
    struct sockaddr_in me = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t n = sizeof me;
    struct fct_stream *s;
    char address[40];
    struct fct_err err = {0};

    (void)arg;
    ck_assert_int_eq(bind(listening, (struct sockaddr *)&me, sizeof me), 0);
    ck_assert_int_eq(listen(listening, 1), 0);
    ck_assert_int_eq(getsockname(listening, (struct sockaddr *)&me, &n), 0);
    snprintf(address, sizeof address, "inet:localhost:%u", ntohs(me.sin_port));
    s = host.dial(call, str_from(address), &err);
    ck_assert_msg(s != NULL, "%s", err.text);
    ck_assert_uint_eq(service_rig.tx.dns.asked, 0); /* no question about the message */
    host.stream_close(s);
    close(listening);
    ck_assert_ptr_null(host.dial(call, FCT_STR("inet:a.silent.example:25"), &err));
    ck_assert_ptr_nonnull(strstr(err.text, "a.silent.example"));
}

START_TEST(test_dial_a_name)
{
    service_rig_run(dial_localhost, NULL);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("plugin_dns");
    Suite *suite = suite_create("plugin_dns");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_max_queries);
    tcase_add_test(tc, test_message_timeout);
    tcase_add_test(tc, test_together);
    tcase_add_test(tc, test_deadline_of_the_call);
    tcase_add_test(tc, test_without_services);
    tcase_add_test(tc, test_memory);
    tcase_add_test(tc, test_record_and_replay);
    tcase_add_test(tc, test_damaged_answer);
    tcase_add_test(tc, test_dial_a_name);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
