/* test_stream.c - plain streams: lines, holding, limits, waiting writers, deadlines, the end in all
 * its forms, PROXY. */
#include "stream_fixture.h"

#include "core/base/clock.h"

#include <arpa/inet.h>
#include <fcntl.h>

START_TEST(lines_come_whole)
{
    send_text("one\r\ntw");
    ck_assert_text(buf_str(&noted.lines), "one\r\n");
    send_text("o\nthree\n");
    ck_assert_text(buf_str(&noted.lines), "one\r\ntwo\nthree\n");
    ck_assert_uint_eq(stream_bytes_in(stream), 15);
}
END_TEST

START_TEST(a_line_too_long_is_told)
{
    char block[900];
    struct fct_str line;

    noted.keep = true;
    memset(block, 'x', sizeof block);
    ck_assert_int_eq(write(peer, block, sizeof block), sizeof block);
    turns(2);
    ck_assert_int_eq(stream_line(stream, 1000, &line), 0);
    ck_assert_int_eq(stream_line(stream, 900, &line), -1);
    send_text("\n");
    ck_assert_int_eq(stream_line(stream, 900, &line), -1);
    ck_assert_int_eq(stream_line(stream, 901, &line), 1);
    ck_assert_uint_eq(line.n, 901);
    ck_assert_int_eq(stream_line(stream, 901, &line), 0);
}
END_TEST

START_TEST(a_line_outlives_more_input)
{
    struct fct_str line;

    noted.keep = true;
    send_text("first\nsec");
    ck_assert_int_eq(stream_line(stream, 100, &line), 1);
    send_text("ond\n");
    ck_assert_text(line, "first\n");
    ck_assert_int_eq(stream_line(stream, 100, &line), 1);
    ck_assert_text(line, "second\n");
}
END_TEST

START_TEST(a_held_stream_is_silent_until_resumed)
{
    noted.hold_after_line = true;
    send_text("one\ntwo\n");
    ck_assert_text(buf_str(&noted.lines), "one\n");
    send_text("three\n");
    ck_assert_text(buf_str(&noted.lines), "one\n");
    stream_resume(stream);
    ck_assert_text(buf_str(&noted.lines), "one\n"); /* from the loop, not from here */
    turns(2);
    ck_assert_text(buf_str(&noted.lines), "one\ntwo\n");
    noted.hold_after_line = false;
    stream_resume(stream);
    turns(2);
    ck_assert_text(buf_str(&noted.lines), "one\ntwo\nthree\n");
}
END_TEST

START_TEST(reading_pauses_above_input_max)
{
    static char block[64u << 10];
    size_t sent = 0;
    ssize_t n;

    noted.keep = true;
    memset(block, 'x', sizeof block);
    for (unsigned i = 0; i < 50; i++) {
        n = write(peer, block, sizeof block);
        sent += n > 0 ? (size_t)n : 0;
        turns(2);
    }
    ck_assert_uint_le(evbuffer_get_length(stream_input(stream)), 130u << 10);
    ck_assert_uint_lt(evbuffer_get_length(stream_input(stream)), sent);
    size_t got = 0;
    while (got < sent) {
        size_t ready = evbuffer_get_length(stream_input(stream));

        ck_assert_uint_gt(ready, 0);
        got += ready;
        evbuffer_drain(stream_input(stream), ready);
        stream_consumed(stream);
        turns(2);
    }
    ck_assert_uint_eq(got, sent);
}
END_TEST

START_TEST(output_leaves_at_the_end_of_the_turn)
{
    ck_assert(stream_write(stream, FCT_STR("a")));
    ck_assert(stream_printf(stream, "%d", 42));
    struct evbuffer *more = evbuffer_new();

    evbuffer_add(more, "z", 1);
    ck_assert(stream_write_buffer(stream, more));
    evbuffer_free(more);
    ck_assert_text(received(), "");
    turns(1);
    ck_assert_text(received(), "a42z");
    ck_assert_uint_eq(stream_bytes_out(stream), 4);
}
END_TEST

struct writer {
    size_t blocks, written;
    bool done, ok;
};

static void write_much(void *arg)
{
    static char block[32u << 10];
    struct writer *w = arg;

    w->ok = true;
    while (w->ok && w->written < w->blocks) {
        w->ok = stream_write(stream, (struct fct_str){block, sizeof block});
        w->written += w->ok;
    }
    w->done = true;
}

START_TEST(a_writer_waits_for_the_reader)
{
    struct writer w = {.blocks = 200};
    size_t got = 0;

    fiber_start(write_much, &w);
    turns(5);
    ck_assert(!w.done);
    for (unsigned i = 0; i < 100000 && got < 200 * (32u << 10); i++) {
        got += received().n;
        turns(1);
    }
    ck_assert(w.done && w.ok);
    ck_assert_uint_eq(got, 200 * (32u << 10));
}
END_TEST

START_TEST(a_waiting_writer_learns_that_the_peer_has_gone)
{
    struct writer w = {.blocks = 200};

    fiber_start(write_much, &w);
    turns(5);
    ck_assert(!w.done);
    close(peer);
    peer = -1;
    turns(5);
    ck_assert(w.done && !w.ok);
    ck_assert_uint_eq(noted.closed, 1);
    ck_assert(!stream_write(stream, FCT_STR("x")));
}
END_TEST

START_TEST(a_waiting_writer_survives_the_stream)
{
    struct writer w = {.blocks = 200};
    struct writer second = {.blocks = 200};

    fiber_start(write_much, &w);
    fiber_start(write_much, &second);
    turns(5);
    received(); /* wakes them … */
    event_base_loop(base, EVLOOP_ONCE);
    stream_free(&stream); /* … but the stream goes first */
    turns(3);
    ck_assert(w.done && !w.ok);
    ck_assert(second.done && !second.ok);
    ck_assert_uint_eq(noted.closed, 0);
}
END_TEST

START_TEST(cancelling_ends_a_waiting_write)
{
    struct writer w = {.blocks = 200};
    struct fiber_id id = fiber_start(write_much, &w);

    turns(5);
    fiber_cancel(id);
    turns(2);
    ck_assert(w.done && !w.ok);
    ck_assert_uint_eq(noted.closed, 0);
}
END_TEST

START_TEST(outside_a_fiber_writing_never_waits)
{
    struct writer w = {.blocks = 100};

    write_much(&w);
    ck_assert(w.done && w.ok);
}
END_TEST

static void until_closed(void)
{
    while (!noted.closed)
        event_base_loop(base, EVLOOP_ONCE);
}

START_TEST(silence_ends_at_the_deadline)
{
    stream_deadline(stream, 100000);
    stream_deadline(stream, 5);
    until_closed();
    ck_assert_int_eq(noted.why, STREAM_TIMEOUT);
    ck_assert_uint_eq(noted.closed, 1);
}
END_TEST

START_TEST(a_new_deadline_replaces_the_old)
{
    struct fiber_stats before = fiber_stats();
    uint64_t end = clock_ms() + 15;

    (void)before;
    stream_deadline(stream, 3);
    stream_deadline(stream, 0);
    while (clock_ms() < end)
        turns(1);
    ck_assert_uint_eq(noted.closed, 0);
    stream_deadline(stream, 3);
    stream_deadline(stream, 10);
    until_closed();
    ck_assert(clock_ms() >= end + 10);
}
END_TEST

START_TEST(a_held_stream_times_out_only_when_its_output_stands_still)
{
    uint64_t end = clock_ms() + 20;

    stream_hold(stream);
    stream_deadline(stream, 3);
    while (clock_ms() < end)
        turns(1);
    ck_assert_uint_eq(noted.closed, 0);
    struct writer w = {.blocks = 100};

    write_much(&w);
    until_closed();
    ck_assert_int_eq(noted.why, STREAM_TIMEOUT);
}
END_TEST

START_TEST(the_peers_end_comes_after_its_lines)
{
    noted.hold_after_line = true;
    ck_assert_int_eq(write(peer, "one\ntwo\nrest", 12), 12);
    shutdown(peer, SHUT_WR);
    turns(5);
    ck_assert_uint_eq(noted.closed, 0); /* "one" is being worked on */
    stream_write(stream, FCT_STR("reply"));
    stream_resume(stream);
    turns(5);
    ck_assert_text(buf_str(&noted.lines), "one\ntwo\n");
    ck_assert_uint_eq(noted.closed, 0);
    ck_assert_text(received(), "reply");
    noted.hold_after_line = false;
    stream_resume(stream);
    turns(3);
    ck_assert_uint_eq(noted.closed, 1);
    ck_assert_int_eq(noted.why, STREAM_EOF);
    turns(3);
    ck_assert_uint_eq(noted.closed, 1);
}
END_TEST

START_TEST(finish_sends_the_rest_and_waits_for_the_peer)
{
    struct writer w = {.blocks = 20};
    size_t got = 0, n;

    write_much(&w);
    stream_finish(stream, 10000);
    ck_assert(!stream_write(stream, FCT_STR("too late")));
    send_text("no longer read\n");
    for (unsigned i = 0; i < 1000 && got < 20 * (32u << 10); i++) {
        got += received().n;
        turns(1);
    }
    ck_assert_uint_eq(got, 20 * (32u << 10));
    turns(3);
    ck_assert_int_eq(read(peer, &n, 1), 0); /* our end is closed */
    ck_assert_uint_eq(noted.closed, 0);
    close(peer);
    peer = -1;
    turns(3);
    ck_assert_uint_eq(noted.closed, 1);
    ck_assert_uint_eq(noted.readable, 0);
}
END_TEST

START_TEST(finish_gives_up_after_its_grace)
{
    stream_write(stream, FCT_STR("bye"));
    stream_finish(stream, 3);
    until_closed();
    ck_assert_text(received(), "bye");
}
END_TEST

/* The two ends of a connection over loopback: only TCP has resets. */
static void open_tcp(void)
{
    const struct stream_limits limits = {1000, 64u << 10};
    const struct stream_owner owner = {on_readable, on_closed, on_tls, NULL};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int door = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(bind(door, (struct sockaddr *)&at, n), 0);
    ck_assert_int_eq(listen(door, 1), 0);
    ck_assert_int_eq(getsockname(door, (struct sockaddr *)&at, &n), 0);
    stream_free(&stream);
    close(peer);
    peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(peer, (struct sockaddr *)&at, n), 0);
    stream = stream_new(base, accept4(door, NULL, NULL, SOCK_NONBLOCK), NULL, &limits, &owner);
    fcntl(peer, F_SETFL, O_NONBLOCK);
    close(door);
}

/* A client in the middle of a large message hears why it is cut off: what it sends meanwhile is
 * read, for an unread byte would make the kernel reset the connection and drop the reply. */
START_TEST(the_last_reply_reaches_a_peer_that_is_still_sending)
{
    static char data[64u << 10];
    char got[8];
    size_t sent = 0;

    open_tcp();
    noted.keep = true;
    for (unsigned i = 0; i < 50; i++) {
        (void)!write(peer, data, sizeof data);
        turns(1);
    }
    stream_write(stream, FCT_STR("421 bye\r\n"));
    stream_finish(stream, 10000);
    for (unsigned i = 0; i < 500; i++) {
        ssize_t n = write(peer, data, sizeof data);

        ck_assert(n >= 0 || errno == EAGAIN);
        sent += n > 0 ? (size_t)n : 0;
        turns(1);
    }
    ck_assert_uint_gt(sent, 100 * sizeof data); /* far more than the kernel holds */
    shutdown(peer, SHUT_WR);
    until_closed();
    stream_free(&stream);
    ck_assert_int_eq(read(peer, got, sizeof got), 8);
    ck_assert(memcmp(got, "421 bye\r", 8) == 0);
}
END_TEST

/* Sent all, yet the peer neither reads nor sends nor goes: two seconds, not the whole grace. */
START_TEST(a_silent_peer_is_not_waited_for_long)
{
    uint64_t before = clock_ms();

    stream_write(stream, FCT_STR("bye"));
    stream_finish(stream, 600000);
    until_closed();
    ck_assert_uint_lt(clock_ms() - before, 60000);
    ck_assert_int_eq(noted.why, STREAM_TIMEOUT);
    ck_assert_text(received(), "bye");
}
END_TEST

static void free_in_callback(void *owner)
{
    (void)owner;
    noted.readable++;
    stream_free(&stream);
}

START_TEST(an_owner_may_free_in_readable)
{
    const struct stream_limits limits = {1000, 1000};
    const struct stream_owner owner = {free_in_callback, on_closed, NULL, NULL};
    int fd[2];

    stream_free(&stream);
    close(peer);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    peer = fd[0];
    stream = stream_new(base, fd[1], NULL, &limits, &owner);
    send_text("x");
    ck_assert_ptr_null(stream);
    ck_assert_uint_eq(noted.readable, 1);
}
END_TEST

/* ---- PROXY ---- */

START_TEST(a_proxy_header_gives_the_addresses)
{
    stream_expect_proxy(stream);
    stream_write(stream, FCT_STR("220 hello\r\n"));
    send_text("PROXY TCP4 192.0.2.1 198.5");
    ck_assert_uint_eq(noted.readable, 0);
    ck_assert_text(received(), "");
    ck_assert_uint_eq(noted.tls_ready, 0);
    send_text("1.100.7 4000 25\r\nEHLO x\r\n");
    ck_assert_uint_eq(noted.tls_ready, 1); /* the owner may greet */
    ck_assert_str_eq(stream_peer(stream)->text, "192.0.2.1");
    ck_assert_uint_eq(stream_peer(stream)->port, 4000);
    ck_assert_str_eq(stream_local(stream)->text, "198.51.100.7");
    ck_assert_text(received(), "220 hello\r\n");
    ck_assert_text(buf_str(&noted.lines), "EHLO x\r\n");
}
END_TEST

START_TEST(proxy_headers_may_come_byte_by_byte)
{
    const char header[] =
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\7\x0f\xa0\0\x19hello\n";

    stream_expect_proxy(stream);
    for (size_t i = 0; i < sizeof header - 1; i++) {
        ck_assert_int_eq(write(peer, header + i, 1), 1);
        turns(2);
    }
    ck_assert_str_eq(stream_peer(stream)->text, "192.0.2.1");
    ck_assert_text(buf_str(&noted.lines), "hello\n");
}
END_TEST

START_TEST(anything_else_than_a_proxy_header_closes)
{
    stream_expect_proxy(stream);
    send_text("EHLO x\r\n");
    ck_assert_uint_eq(noted.closed, 1);
    ck_assert_uint_eq(noted.readable, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stream");
    TCase *t = tcase_create("stream");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, lines_come_whole);
    tcase_add_test(t, a_line_too_long_is_told);
    tcase_add_test(t, a_line_outlives_more_input);
    tcase_add_test(t, a_held_stream_is_silent_until_resumed);
    tcase_add_test(t, reading_pauses_above_input_max);
    tcase_add_test(t, output_leaves_at_the_end_of_the_turn);
    tcase_add_test(t, a_writer_waits_for_the_reader);
    tcase_add_test(t, a_waiting_writer_learns_that_the_peer_has_gone);
    tcase_add_test(t, a_waiting_writer_survives_the_stream);
    tcase_add_test(t, cancelling_ends_a_waiting_write);
    tcase_add_test(t, outside_a_fiber_writing_never_waits);
    tcase_add_test(t, silence_ends_at_the_deadline);
    tcase_add_test(t, a_new_deadline_replaces_the_old);
    tcase_add_test(t, a_held_stream_times_out_only_when_its_output_stands_still);
    tcase_add_test(t, the_peers_end_comes_after_its_lines);
    tcase_add_test(t, finish_sends_the_rest_and_waits_for_the_peer);
    tcase_add_test(t, finish_gives_up_after_its_grace);
    tcase_add_test(t, the_last_reply_reaches_a_peer_that_is_still_sending);
    tcase_add_test(t, a_silent_peer_is_not_waited_for_long);
    tcase_add_test(t, an_owner_may_free_in_readable);
    tcase_add_test(t, a_proxy_header_gives_the_addresses);
    tcase_add_test(t, proxy_headers_may_come_byte_by_byte);
    tcase_add_test(t, anything_else_than_a_proxy_header_closes);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
