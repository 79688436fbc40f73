/* test_ipc.c - both ends of a connection in one process: calls, descriptors, errors, back-pressure,
 * death, hostile bytes. */
#include "core/ipc/ipc.h"

#include "core/ipc/ipc_frame.h"

#include <check.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum kind { KIND_ECHO = 1, KIND_REFUSE, KIND_SILENT, KIND_FD, KIND_BIG, KIND_HANG_UP };

#define BIG_BYTES (3u << 20)

static struct event_base *base;
static int fds[2];
static struct ipc_conn *client, *server;
static unsigned client_closed, server_closed, notices, requests;
static struct ipc_ticket silent; /* the last request that was not answered */

static void serve_fd(struct ipc_in *in)
{
    char text[32] = "";
    ssize_t n = pread(in->fd[0], text, sizeof text - 1, 0);

    ck_assert_uint_eq(in->fds, 1);
    ck_assert_int_gt(n, 0);
    ipc_reply(in->ticket, (struct fct_str){text, (size_t)n}, (int[]){in->fd[0], in->fd[0]}, 2);
}

static void serve(void *owner, struct ipc_in *in)
{
    struct fct_err err;
    char *big;

    (void)owner;
    requests++;
    switch ((enum kind)in->kind) {
    case KIND_ECHO:
        ipc_reply(in->ticket, in->payload, NULL, 0);
        break;
    case KIND_REFUSE:
        fct_fail(&err, FCT_DENIED, "not for %.*s", FCT_FMT(in->payload));
        ipc_fail(in->ticket, &err);
        break;
    case KIND_SILENT:
        silent = in->ticket;
        break;
    case KIND_FD:
        serve_fd(in);
        break;
    case KIND_BIG:
        big = malloc(BIG_BYTES);
        memset(big, 'b', BIG_BYTES);
        ipc_reply(in->ticket, (struct fct_str){big, BIG_BYTES}, NULL, 0);
        free(big);
        break;
    case KIND_HANG_UP:
        ipc_conn_free(&server);
        break;
    }
}

static void take_notice(void *owner, struct ipc_in *in)
{
    (void)owner;
    notices += (unsigned)in->payload.n;
}

static void server_is_closed(void *owner, struct ipc_conn *conn)
{
    (void)owner;
    ck_assert_ptr_eq(conn, server);
    server = NULL;
    server_closed++;
}

static void client_is_closed(void *owner, struct ipc_conn *conn)
{
    (void)owner;
    ck_assert_ptr_eq(conn, client);
    client = NULL;
    client_closed++;
}

static void turns(unsigned n)
{
    while (n-- > 0)
        event_base_loop(base, EVLOOP_NONBLOCK);
}

static void setup_fibers(void)
{
    struct fct_err err = {0};

    client_closed = server_closed = notices = requests = 0;
    base = event_base_new();
    ck_assert_msg(fiber_setup(base, 64u << 10, 16, &err), "%s", err.text);
    ck_assert_msg(ipc_pair(fds, &err), "%s", err.text);
}

static void setup(void)
{
    setup_fibers();
    client = ipc_conn_new(base, fds[0], &(struct ipc_handler){.closed = client_is_closed});
    server = ipc_conn_new(
        base, fds[1],
        &(struct ipc_handler){.request = serve, .notice = take_notice, .closed = server_is_closed});
}

static void teardown(void)
{
    ipc_conn_free(&client);
    ipc_conn_free(&server);
    turns(3);
    fiber_teardown();
    event_base_free(base);
}

struct question {
    enum kind kind;
    const char *text;
    uint64_t deadline;
    size_t reply_max;
    int fd;

    bool done, ok;
    struct buf reply;
    int got[IPC_MAX_FDS];
    unsigned ngot;
    struct fct_err err;
};

static void ask(void *arg)
{
    struct question *q = arg;
    struct ipc_out out = {.kind = (uint16_t)q->kind,
                          .payload = {q->text, q->text ? strlen(q->text) : 0}};

    if (q->fd > 0) {
        out.fd = &q->fd;
        out.fds = 1;
    }
    q->reply = BUF_INIT(q->reply_max ? q->reply_max : IPC_MAX_MESSAGE);
    q->ok = ipc_call(client, &out, q->deadline ? q->deadline : CLOCK_NEVER, &q->reply, q->got,
                     &q->ngot, &q->err);
    q->done = true;
}

static void run_until(const bool *done)
{
    for (unsigned i = 0; !*done && i < 100000; i++)
        event_base_loop(base, EVLOOP_ONCE);
    ck_assert(*done);
}

START_TEST(replies_find_their_callers)
{
    struct question q[100];
    char text[100][16];

    for (unsigned i = 0; i < 100; i++) {
        snprintf(text[i], sizeof text[i], "question %u", i);
        q[i] = (struct question){.kind = i % 3 ? KIND_ECHO : KIND_REFUSE, .text = text[i]};
        fiber_start(ask, &q[i]);
    }
    run_until(&q[99].done);
    for (unsigned i = 0; i < 100; i++) {
        ck_assert(q[i].done);
        ck_assert_int_eq(q[i].ok, i % 3 != 0);
        if (q[i].ok) {
            ck_assert_uint_eq(q[i].reply.n, strlen(text[i]));
            ck_assert_mem_eq(q[i].reply.p, text[i], q[i].reply.n);
        } else {
            char want[64];

            snprintf(want, sizeof want, "not for question %u", i);
            ck_assert_int_eq(q[i].err.class, FCT_DENIED);
            ck_assert_str_eq(q[i].err.text, want);
        }
        buf_free(&q[i].reply);
    }
}
END_TEST

static int temporary_file(const char *content)
{
    int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    return fd;
}

START_TEST(descriptors_arrive_in_order)
{
    struct question q[150]; /* more than go into one system call */
    char text[150][16];

    for (unsigned i = 0; i < FCT_COUNT(q); i++) {
        snprintf(text[i], sizeof text[i], "file %u", i);
        q[i] = (struct question){.kind = KIND_FD, .fd = temporary_file(text[i])};
        fiber_start(ask, &q[i]);
        close(q[i].fd); /* a queued message has its own */
    }
    run_until(&q[FCT_COUNT(q) - 1].done);
    for (unsigned i = 0; i < FCT_COUNT(q); i++) {
        char again[16] = "";

        ck_assert_msg(q[i].ok, "%s", q[i].err.text);
        ck_assert_mem_eq(q[i].reply.p, text[i], q[i].reply.n);
        ck_assert_uint_eq(q[i].ngot, 2);
        ck_assert_int_eq(pread(q[i].got[1], again, sizeof again - 1, 0), (ssize_t)strlen(text[i]));
        ck_assert_str_eq(again, text[i]);
        ck_assert(fcntl(q[i].got[0], F_GETFD) & FD_CLOEXEC);
        close(q[i].got[0]);
        close(q[i].got[1]);
        buf_free(&q[i].reply);
    }
}
END_TEST

START_TEST(descriptors_nobody_asked_for_are_closed)
{
    struct question q = {.kind = KIND_FD, .fd = temporary_file("x")};
    int before = dup(0), after;

    close(before);
    fiber_start(ask, &q);
    run_until(&q.done);
    close(q.got[0]);
    close(q.got[1]);
    close(q.fd);
    buf_free(&q.reply);
    after = dup(0);
    close(after);
    ck_assert_int_le(after, before);
}
END_TEST

START_TEST(big_replies_and_replies_too_big)
{
    struct question big = {.kind = KIND_BIG}, small = {.kind = KIND_BIG, .reply_max = 1000};

    fiber_start(ask, &big);
    fiber_start(ask, &small);
    run_until(&small.done);
    ck_assert(big.ok);
    ck_assert_uint_eq(big.reply.n, BIG_BYTES);
    ck_assert_int_eq(big.reply.p[BIG_BYTES - 1], 'b');
    ck_assert(!small.ok);
    ck_assert_int_eq(small.err.class, FCT_LIMIT);
    buf_free(&big.reply);
    buf_free(&small.reply);
}
END_TEST

START_TEST(a_call_ends_at_its_deadline_and_a_late_reply_is_dropped)
{
    struct question q = {.kind = KIND_SILENT, .deadline = clock_ms() + 5},
                    next = {.kind = KIND_ECHO, .text = "next"};

    fiber_start(ask, &q);
    run_until(&q.done);
    ck_assert(!q.ok);
    ck_assert_int_eq(q.err.class, FCT_TEMP);
    ipc_reply(silent, FCT_STR("too late"), (int[]){0}, 1);
    fiber_start(ask, &next); /* gets the slot of the dead call */
    run_until(&next.done);
    ck_assert(next.ok);
    ck_assert_mem_eq(next.reply.p, "next", 4);
    buf_free(&q.reply);
    buf_free(&next.reply);
}
END_TEST

START_TEST(a_cancelled_call_fails)
{
    struct question q = {.kind = KIND_SILENT};
    struct fiber_id id = fiber_start(ask, &q);

    turns(2);
    fiber_cancel(id);
    turns(1);
    ck_assert(q.done && !q.ok);
    ck_assert_int_eq(q.err.class, FCT_TEMP);
    buf_free(&q.reply);
}
END_TEST

START_TEST(callers_learn_of_their_neighbours_death)
{
    struct question q[3] = {{.kind = KIND_SILENT}, {.kind = KIND_SILENT}, {.kind = KIND_HANG_UP}};
    struct ipc_pending uncollected = ipc_start(client, &(struct ipc_out){.kind = KIND_SILENT});

    for (unsigned i = 0; i < 3; i++)
        fiber_start(ask, &q[i]);
    run_until(&q[2].done);
    turns(2);
    ck_assert_uint_eq(client_closed, 1);
    ck_assert_ptr_null(client);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert(q[i].done && !q[i].ok);
        ck_assert_int_eq(q[i].err.class, FCT_TEMP);
        buf_free(&q[i].reply);
    }
    ipc_drop(uncollected); /* of a connection that is no more */
    ipc_reply(silent, FCT_STR("nobody hears it"), NULL, 0);
}
END_TEST

START_TEST(freeing_fails_the_callers)
{
    struct question q = {.kind = KIND_SILENT};

    fiber_start(ask, &q);
    ipc_conn_free(&client);
    turns(2);
    ck_assert(q.done && !q.ok);
    ck_assert_uint_eq(server_closed, 1);
    ck_assert_uint_eq(client_closed, 0); /* it knows */
    buf_free(&q.reply);
}
END_TEST

struct several {
    bool done;
    unsigned right;
};

static void start_and_collect(void *arg)
{
    struct several *s = arg;
    struct ipc_pending p[8];
    struct buf reply = BUF_INIT(100);

    for (unsigned i = 0; i < 8; i++)
        p[i] = ipc_start(client, &(struct ipc_out){.kind = i == 7 ? KIND_REFUSE : KIND_ECHO,
                                                   .payload = {&"01234567"[i], 1}});
    fiber_sleep(5); /* the answers come before they are asked for */
    for (unsigned i = 8; i-- > 0;) {
        if (i == 3)
            ipc_drop(p[i]);
        bool ok = ipc_collect(p[i], clock_ms() + 1000, &reply, NULL, NULL, NULL);

        ck_assert_int_eq(ok, i != 7 && i != 3);
        s->right += ok && reply.n == 1 && reply.p[0] == (char)('0' + i);
    }
    buf_free(&reply);
    s->done = true;
}

START_TEST(answers_wait_to_be_collected)
{
    struct several s = {0};

    fiber_start(start_and_collect, &s);
    run_until(&s.done);
    ck_assert_uint_eq(s.right, 6);
}
END_TEST

START_TEST(notices_arrive_and_requests_to_a_client_do_not)
{
    ipc_notify(client, &(struct ipc_out){.kind = 9, .payload = FCT_STR("abc")});
    ipc_notify(server, &(struct ipc_out){.kind = 9, .payload = FCT_STR("ignored")});
    turns(3);
    ck_assert_uint_eq(notices, 3);
    ck_assert_ptr_nonnull(client);
    ipc_drop(ipc_start(server, &(struct ipc_out){.kind = KIND_ECHO}));
    turns(3);
    ck_assert_uint_eq(client_closed, 1);
}
END_TEST

static unsigned asked;

static void ask_much(void *arg)
{
    char *payload = arg;
    struct ipc_out out = {.kind = KIND_SILENT, .payload = {payload, 1u << 20}};

    (void)!ipc_call(client, &out, CLOCK_NEVER, NULL, NULL, NULL, NULL);
    asked++;
}

START_TEST(callers_wait_when_the_neighbour_does_not_read)
{
    char *payload = calloc(1, 1u << 20);
    struct fct_err err = {0};

    /* A neighbour that never reads: the raw socket. */
    ipc_conn_free(&server);
    turns(2);
    ck_assert_ptr_null(client);
    ck_assert(ipc_pair(fds, &err));
    client = ipc_conn_new(base, fds[0], &(struct ipc_handler){.closed = client_is_closed});
    for (unsigned i = 0; i < 50; i++)
        fiber_start(ask_much, payload);
    turns(5);
    ck_assert_uint_le(ipc_conn_backlog(client), 6u << 20);
    close(fds[1]);
    turns(5);
    ck_assert_uint_eq(asked, 50);
    free(payload);
}
END_TEST

/* ---- hostile neighbours ---- */

struct attack {
    const char *name;
    struct ipc_frame frame;
    char patch_at, patch; /* one byte of the head is changed */
};

static const struct attack attacks[] = {
    {"longer than allowed", {.length = IPC_MAX_MESSAGE + 1, .type = IPC_REQUEST}, 0, 0},
    {"unknown type", {.type = IPC_TYPES}, 0, 0},
    {"too many descriptors", {.type = IPC_REQUEST, .fds = IPC_MAX_FDS + 1}, 0, 0},
    {"descriptors that are not there", {.type = IPC_REQUEST, .kind = KIND_ECHO, .fds = 1}, 0, 0},
    {"another version", {.type = IPC_REQUEST, .kind = KIND_ECHO}, 4, 9},
    {"reserved bytes", {.type = IPC_REQUEST, .kind = KIND_ECHO}, 19, 1},
};

static void attack(int fd, const struct attack *a)
{
    char head[IPC_FRAME_HEAD];

    ipc_frame_write(&a->frame, head);
    if (a->patch)
        head[(int)a->patch_at] = a->patch;
    ck_assert_int_eq(write(fd, head, sizeof head), sizeof head);
    turns(3);
}

START_TEST(malformed_messages_close_the_connection)
{
    const struct attack *a = &attacks[_i];

    setup_fibers();
    server = ipc_conn_new(base, fds[1],
                          &(struct ipc_handler){.request = serve, .closed = server_is_closed});
    attack(fds[0], a);
    ck_assert_msg(server_closed == 1 && requests == 0, "%s", a->name);
    close(fds[0]);
    teardown();
}
END_TEST

START_TEST(malformed_answers_close_the_connection)
{
    const struct attack *a = &attacks[_i];
    struct question q = {.kind = KIND_SILENT};

    setup_fibers();
    client = ipc_conn_new(base, fds[1], &(struct ipc_handler){.closed = client_is_closed});
    fiber_start(ask, &q);
    turns(1);
    attack(fds[0], a);
    ck_assert_msg(client_closed == 1 && q.done && !q.ok && q.err.class == FCT_TEMP, "%s", a->name);
    buf_free(&q.reply);
    close(fds[0]);
    teardown();
}
END_TEST

START_TEST(forged_answers_are_ignored_and_bad_errors_are_bugs)
{
    struct question q = {.kind = KIND_ECHO, .text = "mine"};
    struct ipc_frame forged = {.type = IPC_REPLY, .request = 77},
                     error = {.type = IPC_ERROR, .length = 3};
    char head[IPC_FRAME_HEAD];
    struct ipc_frame asked_for;
    const char *why;

    setup_fibers();
    client = ipc_conn_new(base, fds[1], &(struct ipc_handler){.closed = client_is_closed});
    fiber_start(ask, &q);
    turns(1);
    ck_assert_int_eq(read(fds[0], head, sizeof head), sizeof head);
    ck_assert_int_eq(ipc_frame_parse((struct fct_str){head, sizeof head}, &asked_for, &why), 1);
    ipc_frame_write(&forged, head);
    ck_assert_int_eq(write(fds[0], head, sizeof head), sizeof head);
    turns(2);
    ck_assert(!q.done);
    error.request = asked_for.request;
    ipc_frame_write(&error, head);
    ck_assert_int_eq(write(fds[0], head, sizeof head), sizeof head);
    ck_assert_int_eq(write(fds[0], "\x09zz", 3), 3);
    turns(2);
    ck_assert(q.done && !q.ok);
    ck_assert_int_eq(q.err.class, FCT_BUG);
    ck_assert_uint_eq(client_closed, 0);
    buf_free(&q.reply);
    close(fds[0]);
    teardown();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ipc");
    TCase *t = tcase_create("neighbours"), *bad = tcase_create("hostile");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, replies_find_their_callers);
    tcase_add_test(t, descriptors_arrive_in_order);
    tcase_add_test(t, descriptors_nobody_asked_for_are_closed);
    tcase_add_test(t, big_replies_and_replies_too_big);
    tcase_add_test(t, a_call_ends_at_its_deadline_and_a_late_reply_is_dropped);
    tcase_add_test(t, a_cancelled_call_fails);
    tcase_add_test(t, callers_learn_of_their_neighbours_death);
    tcase_add_test(t, freeing_fails_the_callers);
    tcase_add_test(t, answers_wait_to_be_collected);
    tcase_add_test(t, notices_arrive_and_requests_to_a_client_do_not);
    tcase_add_test(t, callers_wait_when_the_neighbour_does_not_read);
    tcase_add_loop_test(bad, malformed_messages_close_the_connection, 0, FCT_COUNT(attacks));
    tcase_add_loop_test(bad, malformed_answers_close_the_connection, 0, FCT_COUNT(attacks));
    tcase_add_test(bad, forged_answers_are_ignored_and_bad_errors_are_bugs);
    suite_add_tcase(s, t);
    suite_add_tcase(s, bad);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
