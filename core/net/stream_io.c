/* stream_io.c - a stream's socket: PROXY header, handshake, reading, sending, closing.
 *
 * Bytes are read into one buffer of the process and copied from there, so a connection holds memory
 * only for what its owner has not consumed. Sending is tried at the end of each loop turn; the
 * write event is used only when the socket is full. */
#include "core/net/stream_int.h"

#include "core/base/str.h"
#include "core/log/log.h"
#include "core/net/proxy_protocol.h"
#include "core/net/tls_int.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define CHUNK_BYTES  (64u << 10)
#define RECORD_BYTES (16u << 10) /* of TLS (RFC 8446 5.1) */
#define SEND_VECTORS 32
#define LINGER_MS    2000 /* for the peer's end, once it was sent all and ours */

static char chunk[CHUNK_BYTES];

enum io { IO_MOVED, IO_AGAIN, IO_END, IO_ERROR };

static void await_writable(struct stream *s)
{
    if (s->writing)
        return;
    event_add(&s->write, NULL);
    s->writing = true;
}

static bool wants_input(const struct stream *s)
{
    switch (s->state) {
    case STREAM_PROXY:
    case STREAM_HANDSHAKE:
    case STREAM_LINGERING:
        return true;
    case STREAM_OPEN:
        return !s->eof && evbuffer_get_length(s->in) <= s->limits.input_max;
    case STREAM_FINISHING:
        return !s->eof;
    case STREAM_LAST_PLAIN: /* what comes now belongs to the handshake */
    case STREAM_ENDED:
        break;
    }
    return false;
}

void stream_io_want(struct stream *s)
{
    bool want = wants_input(s);

    if (want == s->reading)
        return;
    if (want)
        event_add(&s->read, NULL);
    else
        event_del(&s->read);
    s->reading = want;
}

void stream_io_start(struct stream *s)
{
    s->state = STREAM_OPEN;
    if (s->tls) {
        s->state = STREAM_HANDSHAKE;
        s->ssl = tls_session_new(s->tls, s->fd);
    }
    if (s->tls && !s->ssl)
        stream_fail(s, STREAM_ERROR);
    else
        stream_io_want(s);
    if (evbuffer_get_length(s->out) > 0) /* a greeting that waited for the PROXY header */
        stream_later(s);
}

/* ---- the PROXY header ---- */

static void refuse_proxy(struct stream *s, const char *why)
{
    log_event(EV_PROXY_REFUSED, FCT_STR(""), F_C("peer", s->peer.text), F_C("why", why));
    stream_fail(s, STREAM_ERROR);
}

/* Keep what came; what is kept is never more than a header may be. */
static struct fct_str keep_proxy(struct stream *s, size_t n)
{
    size_t before = s->proxy ? s->proxy->n : 0;
    struct proxy_start *grown = realloc(s->proxy, sizeof *grown + before + n);

    FCT_ASSERT(grown);
    memcpy(grown->bytes + before, chunk, n);
    grown->n = before + n;
    s->proxy = grown;
    return (struct fct_str){grown->bytes, grown->n};
}

/* Looks first and takes only bytes of the header: what follows may be a TLS handshake, which
 * OpenSSL reads for itself. */
static void read_proxy(struct stream *s)
{
    ssize_t n = recv(s->fd, chunk, PROXY_V2_MAX, MSG_PEEK | MSG_DONTWAIT);
    size_t before = s->proxy ? s->proxy->n : 0, used;
    struct proxy_header header;
    const char *why;
    int result;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        stream_fail(s, n == 0 ? STREAM_EOF : STREAM_ERROR);
        return;
    }
    result = proxy_parse(keep_proxy(s, (size_t)n), &header, &used, &why);
    if (result < 0) {
        refuse_proxy(s, why);
        return;
    }
    if (recv(s->fd, chunk, result ? used - before : (size_t)n, MSG_DONTWAIT) < 0)
        stream_fail(s, STREAM_ERROR);
    if (result == 0 || s->state == STREAM_ENDED)
        return;
    if (header.has_addresses) {
        s->peer = header.peer;
        s->local = header.local;
    }
    free(s->proxy);
    s->proxy = NULL;
    stream_io_start(s);
    if (s->state == STREAM_OPEN)
        stream_tell_tls(s);
}

/* ---- TLS ---- */

static enum io tls_result(struct stream *s, int result)
{
    switch (SSL_get_error(s->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return IO_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        await_writable(s);
        return IO_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return IO_END;
    default:
        return IO_ERROR;
    }
}

static void shake_hands(struct stream *s)
{
    int result;
    enum io io;

    ERR_clear_error();
    result = SSL_do_handshake(s->ssl);
    if (result == 1) {
        s->state = STREAM_OPEN;
        stream_io_want(s);
        stream_later(s);
        if (stream_io_buffered(s))
            event_active(&s->read, EV_READ, 1);
        stream_tell_tls(s);
        return;
    }
    io = tls_result(s, result);
    if (io == IO_AGAIN)
        return;
    const char *reason = tls_error();

    log_event(EV_TLS_FAILED, FCT_STR(""), F_C("peer", s->peer.text),
              F_C("why", *reason ? reason : "the other side went away"));
    stream_fail(s, io == IO_END ? STREAM_EOF : STREAM_ERROR);
}

bool stream_io_buffered(struct stream *s)
{
    return s->ssl && SSL_has_pending(s->ssl);
}

/* ---- reading ---- */

static enum io receive(struct stream *s, size_t *n)
{
    ssize_t got;

    if (s->ssl) {
        int result;

        ERR_clear_error();
        result = SSL_read_ex(s->ssl, chunk, sizeof chunk, n);
        return result == 1 ? IO_MOVED : tls_result(s, result);
    }
    got = recv(s->fd, chunk, sizeof chunk, MSG_DONTWAIT);
    *n = got > 0 ? (size_t)got : 0;
    if (got > 0)
        return IO_MOVED;
    if (got == 0)
        return IO_END;
    return errno == EAGAIN || errno == EINTR ? IO_AGAIN : IO_ERROR;
}

static void read_input(struct stream *s)
{
    size_t total = 0, n = 0;
    enum io io;

    while ((io = receive(s, &n)) == IO_MOVED) {
        evbuffer_add(s->in, chunk, n);
        s->bytes_in += n;
        total += n;
        /* A plain socket tells again when there is more; OpenSSL gives a record at a time. */
        if (!s->ssl || total >= CHUNK_BYTES || evbuffer_get_length(s->in) > s->limits.input_max)
            break;
    }
    if (io == IO_ERROR) {
        stream_fail(s, STREAM_ERROR);
        return;
    }
    if (io == IO_END) {
        s->eof = true;
        stream_later(s);
    }
    stream_io_want(s);
    if (io == IO_MOVED && s->reading && stream_io_buffered(s))
        event_active(&s->read, EV_READ, 1);
    if (total > 0)
        stream_tell_readable(s);
}

/* Whatever still comes is thrown away: unread bytes would turn our close into a reset that may
 * destroy our last reply; and a peer that sends on before it reads is not kept waiting. */
static void await_end(struct stream *s)
{
    ssize_t n = recv(s->fd, chunk, sizeof chunk, MSG_DONTWAIT);

    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    if (n < 0 || s->state == STREAM_LINGERING) {
        stream_fail(s, n < 0 ? STREAM_ERROR : STREAM_EOF);
        return;
    }
    s->eof = true;
    stream_io_want(s);
}

void stream_io_read(struct stream *s)
{
    switch (s->state) {
    case STREAM_PROXY:
        read_proxy(s);
        break;
    case STREAM_HANDSHAKE:
        shake_hands(s);
        break;
    case STREAM_OPEN:
        if (wants_input(s))
            read_input(s);
        break;
    case STREAM_FINISHING:
    case STREAM_LINGERING:
        await_end(s);
        break;
    case STREAM_LAST_PLAIN:
    case STREAM_ENDED:
        break;
    }
}

/* ---- sending ---- */

static enum io send_plain(struct stream *s, size_t limit, size_t *sent)
{
    struct evbuffer_iovec v[SEND_VECTORS];
    int found = evbuffer_peek(s->out, (ev_ssize_t)limit, NULL, v, SEND_VECTORS);
    struct msghdr m = {.msg_iov = (struct iovec *)v};
    size_t total = 0;
    ssize_t n;

    for (int i = 0; i < found && i < SEND_VECTORS && total < limit; i++) {
        if (v[i].iov_len > limit - total)
            v[i].iov_len = limit - total;
        total += v[i].iov_len;
        m.msg_iovlen++;
    }
    n = sendmsg(s->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? IO_AGAIN : IO_ERROR;
    *sent = (size_t)n;
    return IO_MOVED;
}

static enum io send_tls(struct stream *s, size_t limit, size_t *sent)
{
    size_t n = limit < RECORD_BYTES ? limit : RECORD_BYTES;
    int result;

    if (evbuffer_get_contiguous_space(s->out) >= n)
        n = evbuffer_get_contiguous_space(s->out) < limit ? evbuffer_get_contiguous_space(s->out)
                                                          : limit;
    ERR_clear_error();
    result = SSL_write_ex(s->ssl, evbuffer_pullup(s->out, (ev_ssize_t)n), n, sent);
    return result == 1 ? IO_MOVED : tls_result(s, result);
}

static enum io send_some(struct stream *s, size_t limit, size_t *sent)
{
    enum io io = s->ssl && s->state != STREAM_LAST_PLAIN ? send_tls(s, limit, sent)
                                                         : send_plain(s, limit, sent);

    if (io == IO_AGAIN)
        await_writable(s);
    return io;
}

static enum io send_all(struct stream *s)
{
    enum io io = IO_MOVED;
    size_t left, sent = 0;

    for (;;) {
        left = s->state == STREAM_LAST_PLAIN ? s->plain_left : evbuffer_get_length(s->out);
        if (left == 0)
            return IO_MOVED;
        io = send_some(s, left, &sent);
        if (io != IO_MOVED)
            return io;
        evbuffer_drain(s->out, sent);
        s->bytes_out += sent;
        if (s->state == STREAM_LAST_PLAIN)
            s->plain_left -= sent;
    }
}

/* Our direction is done. */
static void half_close(struct stream *s)
{
    if (s->ssl) {
        ERR_clear_error();
        SSL_shutdown(s->ssl);
    }
    if (s->eof || shutdown(s->fd, SHUT_WR) != 0) {
        stream_fail(s, STREAM_EOF);
        return;
    }
    s->state = STREAM_LINGERING;
    stream_io_want(s);
    stream_hurry(s, LINGER_MS);
}

void stream_io_flush(struct stream *s)
{
    enum io io;

    if (s->state != STREAM_LAST_PLAIN && s->state != STREAM_OPEN && s->state != STREAM_FINISHING)
        return;
    if (s->writing) /* the socket is full */
        return;
    io = send_all(s);
    if (io == IO_ERROR || io == IO_END) {
        stream_fail(s, STREAM_ERROR);
        return;
    }
    if (io == IO_MOVED && s->state == STREAM_LAST_PLAIN) {
        s->state = STREAM_HANDSHAKE;
        stream_io_want(s);
        if (!SSL_is_server(s->ssl)) /* who speaks first */
            event_active(&s->read, EV_READ, 1);
    } else if (io == IO_MOVED && s->state == STREAM_FINISHING) {
        half_close(s);
    }
    if (evbuffer_get_length(s->out) <= s->limits.output_high / 2)
        stream_wake_writers(s);
}
