/* test_listener.c - addresses read and refused; connections arrive; no descriptors left is
 * survived. */
#include "core/net/listener.h"

#include <check.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int connect_to(int listening)
{
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(getsockname(listening, (struct sockaddr *)&a, &n), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, n), 0);
    return fd;
}

START_TEST(bad_addresses_are_refused)
{
    static const struct {
        const char *address, *why;
    } cases[] = {
        {"127.0.0.1", "no port"},
        {"127.0.0.1:", "not a number"},
        {"127.0.0.1:65536", "not a number"},
        {"127.0.0.1:-1", "not a number"},
        {"::1:25", "brackets"},
        {":25", "cannot be read"},
        {"[]:25", "cannot be read"},
        {"mail.example.org:25", "mail.example.org"}, /* names are not looked up */
        {"192.0.2.1:1", "listen on 192.0.2.1:1"},    /* not ours */
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_err err = {0};
        unsigned count = 9;
        int fds[2];

        ck_assert_msg(!listener_open(cases[i].address, fds, &count, &err), "%s", cases[i].address);
        ck_assert_msg(strstr(err.text, cases[i].why), "%s: %s", cases[i].address, err.text);
        ck_assert_uint_eq(count, 0);
    }
}
END_TEST

START_TEST(a_star_is_every_address)
{
    struct fct_err err = {0};
    unsigned count;
    int fds[2];

    ck_assert_msg(listener_open("*:0", fds, &count, &err), "%s", err.text);
    ck_assert_uint_ge(count, 1);
    ck_assert_uint_le(count, 2);
    while (count > 0)
        close(fds[--count]);
}
END_TEST

static struct listener *listener;
static int accepted[64];
static unsigned naccepted;
static bool stop_at_once;

static void on_accept(void *arg, int fd)
{
    (void)arg;
    accepted[naccepted++] = fd;
    if (stop_at_once)
        listener_stop(&listener);
}

START_TEST(connections_arrive_and_stopping_stops)
{
    struct event_base *base = event_base_new();
    struct fct_err err = {0};
    unsigned count;
    int fds[2], clients[3];

    naccepted = 0;
    stop_at_once = false;
    ck_assert_msg(listener_open("127.0.0.1:0", fds, &count, &err), "%s", err.text);
    ck_assert_uint_eq(count, 1);
    listener = listener_start(base, fds[0], on_accept, NULL);
    for (unsigned i = 0; i < 2; i++)
        clients[i] = connect_to(fds[0]);
    event_base_loop(base, EVLOOP_ONCE);
    ck_assert_uint_eq(naccepted, 2);
    stop_at_once = true;
    clients[2] = connect_to(fds[0]);
    event_base_loop(base, EVLOOP_ONCE);
    ck_assert_uint_eq(naccepted, 3);
    ck_assert_ptr_null(listener);
    for (unsigned i = 0; i < 3; i++) {
        close(clients[i]);
        close(accepted[i]);
    }
    close(fds[0]);
    event_base_free(base);
}
END_TEST

START_TEST(running_out_of_descriptors_pauses)
{
    struct event_base *base = event_base_new();
    struct rlimit before, few;
    struct fct_err err = {0};
    unsigned count, wakeups = 0;
    int fds[2], client, probe;

    naccepted = 0;
    stop_at_once = false;
    ck_assert_msg(listener_open("127.0.0.1:0", fds, &count, &err), "%s", err.text);
    listener = listener_start(base, fds[0], on_accept, NULL);
    client = connect_to(fds[0]);
    probe = dup(0);
    close(probe);
    getrlimit(RLIMIT_NOFILE, &before);
    few = before;
    few.rlim_cur = (rlim_t)probe;
    setrlimit(RLIMIT_NOFILE, &few);
    event_base_loop(base, EVLOOP_NONBLOCK);
    ck_assert_uint_eq(naccepted, 0);
    setrlimit(RLIMIT_NOFILE, &before);
    while (naccepted == 0 && wakeups++ < 10)
        event_base_loop(base, EVLOOP_ONCE);
    ck_assert_uint_eq(naccepted, 1); /* it slept instead of spinning */
    listener_stop(&listener);
    close(accepted[0]);
    close(client);
    close(fds[0]);
    event_base_free(base);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("listener");
    TCase *t = tcase_create("listener");
    SRunner *r;
    int failed;

    tcase_add_test(t, bad_addresses_are_refused);
    tcase_add_test(t, a_star_is_every_address);
    tcase_add_test(t, connections_arrive_and_stopping_stops);
    tcase_add_test(t, running_out_of_descriptors_pauses);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
