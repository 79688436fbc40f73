/* stream_fixture.h - a stream whose owner notes what it is told, and the other end of its socket.
 */
#ifndef TESTS_STREAM_FIXTURE_H
#define TESTS_STREAM_FIXTURE_H

#include "core/base/buf.h"
#include "core/net/stream.h"

#include <check.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct event_base *base;
static struct stream *stream;
static int peer = -1;

static struct noted {
    unsigned readable, closed, tls_ready;
    enum stream_end why;
    struct buf lines;           /* every complete line, in order */
    bool hold_after_line, keep; /* keep: leave the input alone */
} noted;

static inline void take_lines(void)
{
    struct fct_str line;

    while (!noted.keep && stream_line(stream, 1000, &line) == 1) {
        buf_put_str(&noted.lines, line);
        if (noted.hold_after_line) {
            stream_hold(stream);
            return;
        }
    }
    stream_consumed(stream);
}

static inline void on_readable(void *owner)
{
    (void)owner;
    noted.readable++;
    take_lines();
}

static inline void on_closed(void *owner, enum stream_end why)
{
    (void)owner;
    noted.closed++;
    noted.why = why;
}

static inline void on_tls(void *owner)
{
    (void)owner;
    noted.tls_ready++;
}

static inline void turns(unsigned n)
{
    while (n-- > 0)
        event_base_loop(base, EVLOOP_NONBLOCK);
}

static inline void open_stream(struct tls_context *tls, size_t input_max, size_t output_high)
{
    const struct stream_limits limits = {input_max, output_high};
    const struct stream_owner owner = {on_readable, on_closed, on_tls, NULL};
    int fd[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    peer = fd[0];
    stream = stream_new(base, fd[1], tls, &limits, &owner);
}

static inline void setup_base(void)
{
    struct fct_err err = {0};

    memset(&noted, 0, sizeof noted);
    noted.lines = BUF_INIT(1u << 20);
    base = event_base_new();
    ck_assert_msg(fiber_setup(base, 64u << 10, 4, &err), "%s", err.text);
}

static inline void setup(void)
{
    setup_base();
    open_stream(NULL, 64u << 10, 64u << 10);
}

static inline void teardown(void)
{
    stream_free(&stream);
    if (peer >= 0)
        close(peer);
    peer = -1;
    turns(3);
    buf_free(&noted.lines);
    fiber_teardown();
    event_base_free(base);
}

static inline void send_text(const char *text)
{
    ck_assert_int_eq(write(peer, text, strlen(text)), (ssize_t)strlen(text));
    turns(3);
}

/* What the peer has received by now. */
static inline struct fct_str received(void)
{
    static char bytes[256u << 10];
    ssize_t n = read(peer, bytes, sizeof bytes);

    return (struct fct_str){bytes, n > 0 ? (size_t)n : 0};
}

#define ck_assert_text(got, want)                                                            \
    do {                                                                                     \
        struct fct_str g_ = (got);                                                           \
        ck_assert_msg(g_.n == strlen(want) && memcmp(g_.p, want, g_.n) == 0, "got \"%.*s\"", \
                      FCT_FMT(g_));                                                          \
    } while (0)

#endif
