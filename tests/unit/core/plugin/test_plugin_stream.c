/* test_plugin_stream.c - streams of plugins: dialling, bytes both ways, whose they are, how they
 * end. */
#include "tests/unit/core/plugin/service_rig.h"

#include "core/base/str.h"
#include "core/net/dial.h"
#include "core/plugin/cassette.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#define host plugin_host
#define call service_rig.call

static int listening = -1;
static char inet[64], inet6[64], local[64], folder[40];

/* ---- a listener of the test ---- */

static void listen_inet(int family, char *address, size_t size)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr *a = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t n = family == AF_INET ? sizeof v4 : sizeof v6;

    listening = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listening, a, n) != 0) {
        address[0] = '\0'; /* no IPv6 here */
        return;
    }
    ck_assert_int_eq(listen(listening, 8), 0);
    ck_assert_int_eq(getsockname(listening, a, &n), 0);
    if (family == AF_INET)
        snprintf(address, size, "inet:127.0.0.1:%u", ntohs(v4.sin_port));
    else
        snprintf(address, size, "inet:[::1]:%u", ntohs(v6.sin6_port));
}

static void listen_local(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    snprintf(folder, sizeof folder, "/tmp/facteur-dial.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(a.sun_path, sizeof a.sun_path, "%s/s", folder);
    snprintf(local, sizeof local, "unix:%s/s", folder);
    listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listening, (struct sockaddr *)&a, sizeof a), 0);
    ck_assert_int_eq(listen(listening, 8), 0);
}

static void setup(void)
{
    service_rig_start();
    listen_inet(AF_INET, inet, sizeof inet);
}

static void teardown(void)
{
    service_rig_stop();
    close(listening);
}

static struct fct_stream *dial(struct fct_err *err)
{
    return host.dial(call, str_from(inet), err);
}

/* ---- there and back ---- */

static void echo(void *arg)
{
    const char *address = arg;
    struct fct_err err = {0};
    struct fct_stream *s = host.dial(call, str_from(address), &err);
    char got[64] = "";
    int peer;

    ck_assert_msg(s != NULL, "%s: %s", address, err.text);
    peer = accept(listening, NULL, NULL);
    ck_assert(host.stream_write(call, s, FCT_STR("hello")));
    ck_assert_int_eq(fiber_sleep(1), FIBER_TIMEOUT);
    ck_assert_int_eq(read(peer, got, sizeof got), 5);
    ck_assert_mem_eq(got, "hello", 5);
    ck_assert_int_eq(write(peer, "world", 5), 5);
    ck_assert_int_eq(host.stream_read(call, s, got, 3), 3);
    ck_assert_int_eq(host.stream_read(call, s, got + 3, 60), 2);
    ck_assert_mem_eq(got, "world", 5);
    ck_assert_int_eq(write(peer, "end", 3), 3);
    close(peer);
    ck_assert_int_eq(fiber_sleep(1), FIBER_TIMEOUT);
    ck_assert_int_eq(host.stream_read(call, s, got, 60), 3);
    ck_assert_int_eq(host.stream_read(call, s, got, 60), 0);
    ck_assert_int_eq(host.stream_read(call, s, got, 60), 0);
    ck_assert(!host.stream_write(call, s, FCT_STR("too late")));
    host.stream_close(s);
    ck_assert(service_rig_counted(&service_rig.self, "stream_bytes_in") == 8);
    ck_assert(service_rig_counted(&service_rig.self, "stream_bytes_out") == 5);
    ck_assert(service_rig_counted(&service_rig.self, "streams_dialled") == 1);
    ck_assert_uint_eq(plugin_streams_open(), 0);
}

START_TEST(test_inet)
{
    service_rig_run(echo, inet);
}
END_TEST

START_TEST(test_inet6)
{
    close(listening);
    listen_inet(AF_INET6, inet6, sizeof inet6);
    if (inet6[0])
        service_rig_run(echo, inet6);
}
END_TEST

START_TEST(test_unix)
{
    close(listening);
    listen_local();
    service_rig_run(echo, local);
    unlink(local + 5);
    rmdir(folder);
}
END_TEST

/* ---- more than fits ---- */

static char block[1u << 20];

static void drain(void *arg)
{
    int peer = *(int *)arg;
    static char sink[65536];
    size_t total = 0;
    ssize_t n;

    while (total < sizeof block) {
        n = recv(peer, sink, sizeof sink, MSG_DONTWAIT);
        if (n > 0)
            total += (size_t)n;
        else
            fiber_sleep(1);
    }
    (void)!write(peer, "k", 1);
}

static void write_much(void *arg)
{
    struct fct_stream *s = dial(NULL);
    int peer = accept(listening, NULL, NULL);
    char got;

    (void)arg;
    fiber_start(drain, &peer);
    for (unsigned i = 0; i < 4; i++)
        ck_assert(host.stream_write(call, s, (struct fct_str){block, sizeof block / 4}));
    ck_assert_int_eq(host.stream_read(call, s, &got, 1), 1);
    close(peer);
}

START_TEST(test_writing_waits)
{
    service_rig_run(write_much, NULL);
}
END_TEST

/* Nobody reads: the deadline ends it. */
static void write_too_much(void *arg)
{
    struct fct_stream *s = dial(NULL);
    int peer = accept(listening, NULL, NULL);
    bool ok = true;

    (void)arg;
    call->deadline_ms = clock_ms() + 60;
    for (unsigned i = 0; ok && i < 64; i++)
        ok = host.stream_write(call, s, (struct fct_str){block, sizeof block});
    ck_assert(!ok);
    ck_assert(!call->live);
    close(peer);
}

START_TEST(test_writing_ends_at_the_deadline)
{
    service_rig_run(write_too_much, NULL);
}
END_TEST

/* ---- silence ---- */

static void read_nothing(void *arg)
{
    struct fct_stream *s = dial(NULL);
    char got;

    (void)arg;
    call->deadline_ms = clock_ms() + 30;
    ck_assert_int_eq(host.stream_read(call, s, &got, 1), -1);
    ck_assert(!call->live);
    ck_assert_ptr_null(dial(NULL)); /* a call that is over dials nobody */
}

START_TEST(test_reading_ends_at_the_deadline)
{
    service_rig_run(read_nothing, NULL);
}
END_TEST

START_TEST(test_reading_ends_when_the_client_leaves)
{
    struct fiber_id id = fiber_start(read_nothing, NULL);

    for (unsigned i = 0; i < 3; i++)
        event_base_loop(service_rig.base, EVLOOP_NONBLOCK);
    call->deadline_ms = clock_ms() + 60000;
    fiber_cancel(id);
    while (fiber_is_alive(id))
        event_base_loop(service_rig.base, EVLOOP_ONCE);
}
END_TEST

/* The stream's own patience: the call goes on, and so may the stream. */
static void read_impatiently(void *arg)
{
    struct fct_stream *s = dial(NULL);
    int peer = accept(listening, NULL, NULL);
    char got;

    (void)arg;
    host.stream_timeout(s, 20);
    ck_assert_int_eq(host.stream_read(call, s, &got, 1), -1);
    ck_assert_int_eq(errno, ETIMEDOUT);
    ck_assert(call->live);
    ck_assert_int_eq(write(peer, "x", 1), 1);
    ck_assert_int_eq(host.stream_read(call, s, &got, 1), 1);
    host.stream_timeout(s, 0);
    call->deadline_ms = clock_ms() + 60;
    ck_assert_int_eq(host.stream_read(call, s, &got, 1), -1);
    ck_assert(!call->live);
    close(peer);
    host.stream_timeout(NULL, 1);
}

START_TEST(test_timeout_of_a_stream)
{
    service_rig_run(read_impatiently, NULL);
}
END_TEST

static void write_impatiently(void *arg)
{
    struct fct_stream *s = dial(NULL);
    int peer = accept(listening, NULL, NULL);
    bool ok = true;

    (void)arg;
    host.stream_timeout(s, 30);
    for (unsigned i = 0; ok && i < 64; i++)
        ok = host.stream_write(call, s, (struct fct_str){block, sizeof block});
    ck_assert(!ok);
    ck_assert(call->live);
    close(peer);
}

START_TEST(test_timeout_of_a_write)
{
    service_rig_run(write_impatiently, NULL);
}
END_TEST

/* ---- broken off ---- */

static void read_after_reset(void *arg)
{
    const struct linger at_once = {.l_onoff = 1};
    struct fct_stream *s = dial(NULL);
    int peer = accept(listening, NULL, NULL);
    char got;

    (void)arg;
    ck_assert_int_eq(setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    ck_assert_int_eq(write(peer, "x", 1), 1);
    ck_assert_int_eq(host.stream_read(call, s, &got, 1), 1);
    close(peer);
    for (unsigned i = 0; i < 2; i++) {
        errno = 0;
        ck_assert_int_eq(host.stream_read(call, s, &got, 1), -1);
        ck_assert_int_eq(errno, ECONNRESET);
    }
}

START_TEST(test_reset)
{
    service_rig_run(read_after_reset, NULL);
}
END_TEST

/* ---- whose it is ---- */

static void misuse(void *arg)
{
    struct fct_stream *s = dial(NULL), *again;
    char got;

    (void)arg;
    ck_assert_int_eq(host.stream_read(service_rig.other_call, s, &got, 1), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert(!host.stream_write(service_rig.other_call, s, FCT_STR("x")));
    ck_assert_int_eq(host.stream_read(call, s, &got, 0), -1);
    host.stream_close(s);
    host.stream_close(s);
    ck_assert(!host.stream_write(call, s, FCT_STR("x")));
    again = dial(NULL); /* the same place, another handle */
    ck_assert_ptr_ne(again, s);
    ck_assert_int_eq(host.stream_read(call, s, &got, 1), -1);
    host.stream_close(s);
    ck_assert(host.stream_write(call, again, FCT_STR("x")));
    host.stream_close(NULL);
    host.stream_close((struct fct_stream *)&got);
    ck_assert_uint_eq(plugin_streams_open(), 1);
}

START_TEST(test_misuse)
{
    service_rig_run(misuse, NULL);
}
END_TEST

static struct fct_stream *shared;

static void read_shared(void *arg)
{
    char got;

    *(ssize_t *)arg = host.stream_read(call, shared, &got, 1);
}

static void close_under_a_reader(void *arg)
{
    ssize_t first = 7, second = 7;

    (void)arg;
    shared = dial(NULL);
    fiber_start(read_shared, &first);
    fiber_start(read_shared, &second);
    ck_assert_int_eq(second, -1); /* one at a time */
    host.stream_close(shared);
    fiber_sleep(5);
    ck_assert_int_eq(first, -1);
}

START_TEST(test_closed_under_a_reader)
{
    service_rig_run(close_under_a_reader, NULL);
}
END_TEST

static void dial_many(void *arg)
{
    struct fct_err err = {0};

    (void)arg;
    for (unsigned i = 0; i < 4; i++)
        ck_assert_ptr_nonnull(dial(&err));
    ck_assert_ptr_null(dial(&err));
    ck_assert_int_eq(err.class, FCT_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.text, "filter.max_streams"));
    ck_assert(service_rig_counted(&service_rig.self, "streams_refused") == 1);
    plugin_streams_close(&service_rig.other);
    ck_assert_uint_eq(plugin_streams_open(), 4);
    plugin_streams_close(&service_rig.self);
    ck_assert_uint_eq(plugin_streams_open(), 0);
    ck_assert_ptr_nonnull(dial(&err));
}

START_TEST(test_limit)
{
    service_rig_run(dial_many, NULL);
}
END_TEST

/* ---- addresses ---- */

static const struct {
    struct fct_str address;
    const char *want;
    enum fct_class class;
} bad[] = {
    {FCT_STR_INIT(""), "is no address", FCT_SYNTAX},
    {FCT_STR_INIT("127.0.0.1:25"), "is no address", FCT_SYNTAX},
    {FCT_STR_INIT("inet:127.0.0.1"), "is no address", FCT_SYNTAX},
    {FCT_STR_INIT("inet:127.0.0.1:0"), "is no address", FCT_SYNTAX},
    {FCT_STR_INIT("inet:127.0.0.1:65536"), "is no address", FCT_SYNTAX},
    {FCT_STR_INIT("inet:127.0.0.1:25x"), "is no address", FCT_SYNTAX},
    {FCT_STR_INIT("inet::25"), "is no address", FCT_SYNTAX},
    {FCT_STR_INIT("inet:[]:25"), "is no address", FCT_SYNTAX},
    {FCT_STR_INIT("inet:::1:25"), "is no address", FCT_SYNTAX},
    {FCT_STR_INIT("unix:"), "is no address", FCT_SYNTAX},
    {FCT_STR_INIT("unix:relative"), "is no address", FCT_SYNTAX},
    {FCT_STR_INIT("unix:/a\0b"), "is no address", FCT_SYNTAX},
    {FCT_STR_INIT("unix:/does/not/exist"), "No such file", FCT_TEMP},
    {FCT_STR_INIT("inet:name.example:25"), "no address", FCT_TEMP}, /* there is no resolver */
};

static void dial_bad(void *arg)
{
    struct fct_err err = {0};
    int i = *(int *)arg;

    ck_assert_ptr_null(host.dial(call, bad[i].address, &err));
    ck_assert_msg(strstr(err.text, bad[i].want) != NULL, "%s", err.text);
    ck_assert_int_eq(err.class, bad[i].class);
}

START_TEST(test_bad_address)
{
    service_rig_run(dial_bad, &(int){_i});
}
END_TEST

static void dial_refused(void *arg)
{
    struct fct_err err = {0};

    (void)arg;
    close(listening);
    ck_assert_ptr_null(dial(&err));
    ck_assert_int_eq(err.class, FCT_TEMP);
    ck_assert_ptr_nonnull(strstr(err.text, "refused"));
    ck_assert(service_rig_counted(&service_rig.self, "streams_failed") == 1);
}

START_TEST(test_refused)
{
    service_rig_run(dial_refused, NULL);
    listening = -1;
}
END_TEST

START_TEST(test_outside_a_fiber)
{
    struct fct_err err = {0};

    ck_assert_ptr_null(dial(&err));
    ck_assert_ptr_nonnull(strstr(err.text, "over"));
    service_rig.set.services = NULL;
    ck_assert_ptr_null(dial(&err));
    ck_assert_ptr_nonnull(strstr(err.text, "no network"));
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("plugin_stream");
    Suite *suite = suite_create("plugin_stream");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_inet);
    tcase_add_test(tc, test_inet6);
    tcase_add_test(tc, test_unix);
    tcase_add_test(tc, test_writing_waits);
    tcase_add_test(tc, test_writing_ends_at_the_deadline);
    tcase_add_test(tc, test_reading_ends_at_the_deadline);
    tcase_add_test(tc, test_reading_ends_when_the_client_leaves);
    tcase_add_test(tc, test_timeout_of_a_stream);
    tcase_add_test(tc, test_timeout_of_a_write);
    tcase_add_test(tc, test_reset);
    tcase_add_test(tc, test_misuse);
    tcase_add_test(tc, test_closed_under_a_reader);
    tcase_add_test(tc, test_limit);
    tcase_add_loop_test(tc, test_bad_address, 0, FCT_COUNT(bad));
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_outside_a_fiber);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
