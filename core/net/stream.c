/* stream.c - what a session sees of its connection: lines, writing that waits, deadlines, one
 * `closed`. The socket: stream_io.c.
 *
 * Work that would call the owner is done at the end of the loop turn (`later`), so that no owner is
 * called from inside its own call. A callback may free the stream: code that goes on afterwards
 * asks the `freed` flag. */
#include "core/net/stream_int.h"

#include "core/net/tls_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define STALL_MS                                                                                \
    300000 /* a peer that takes no byte for this long while a fiber waits to write is gone (RFC \
              5321 4.5.3.2) */

/* ---- telling the owner ---- */

void stream_later(struct stream *s)
{
    if (s->later_queued)
        return;
    s->later_queued = true;
    event_active(&s->later, EV_TIMEOUT, 1);
}

/* True: the owner has freed s in its callback. */
static bool call_owner(struct stream *s, void (*callback)(void *owner))
{
    bool freed = false;

    s->freed = &freed;
    callback(s->owner.owner);
    if (!freed)
        s->freed = NULL;
    return freed;
}

void stream_tell_readable(struct stream *s)
{
    if (s->held || s->state != STREAM_OPEN)
        return; /* stream_resume asks again */
    s->wants_readable = false;
    call_owner(s, s->owner.readable);
}

void stream_tell_tls(struct stream *s)
{
    if (s->owner.tls_ready)
        call_owner(s, s->owner.tls_ready);
}

/* They take themselves off the list when they run, so that one that was woken still learns when the
 * stream goes before that. */
void stream_wake_writers(struct stream *s)
{
    for (struct stream_waiter *w = s->waiters; w; w = w->next)
        if (!w->woken)
            w->woken = fiber_wake(w->token);
}

static void dismiss_writers(struct stream *s)
{
    for (struct stream_waiter *w = s->waiters; w; w = w->next)
        w->gone = true;
    stream_wake_writers(s);
    s->waiters = NULL;
}

void stream_fail(struct stream *s, enum stream_end why)
{
    if (s->state == STREAM_ENDED)
        return;
    s->state = STREAM_ENDED;
    s->end = why;
    event_del(&s->read);
    event_del(&s->write);
    event_del(&s->timer);
    s->reading = s->writing = false;
    dismiss_writers(s);
    stream_later(s);
}

static void tell_closed(struct stream *s)
{
    if (s->told_closed)
        return;
    s->told_closed = true;
    s->owner.closed(s->owner.owner, s->end);
}

static void turn_ended(evutil_socket_t fd, short what, void *arg)
{
    struct stream *s = arg;
    bool freed = false;

    (void)fd, (void)what;
    s->later_queued = false;
    if (s->state != STREAM_ENDED)
        stream_io_flush(s);
    if (s->state == STREAM_OPEN && s->wants_readable && !s->held) {
        s->wants_readable = false;
        if (evbuffer_get_length(s->in) > 0)
            freed = call_owner(s, s->owner.readable);
    }
    if (freed)
        return;
    if (s->state == STREAM_OPEN && s->eof && !s->held)
        stream_fail(s, STREAM_EOF);
    if (s->state == STREAM_ENDED)
        tell_closed(s);
}

/* ---- deadlines ---- */

static void arm(struct stream *s, uint64_t now)
{
    uint64_t ms = s->deadline > now ? s->deadline - now : 0;

    /* An earlier timer stays: nearly every deadline is replaced before it comes. */
    if (s->deadline >= s->armed)
        return;
    s->armed = s->deadline;
    event_add(&s->timer, &(struct timeval){.tv_sec = (time_t)(ms / 1000),
                                           .tv_usec = (suseconds_t)(ms % 1000 * 1000)});
}

static void deadline_came(evutil_socket_t fd, short what, void *arg)
{
    struct stream *s = arg;
    uint64_t now = clock_ms();

    (void)fd, (void)what;
    s->armed = CLOCK_NEVER;
    if (now < s->deadline) {
        arm(s, now);
        return;
    }
    /* While a command runs the peer owes us no bytes, only that it takes ours. */
    if (s->held && s->state == STREAM_OPEN &&
        (evbuffer_get_length(s->out) == 0 || s->bytes_out != s->out_before)) {
        s->out_before = s->bytes_out;
        s->deadline = now + s->interval;
        arm(s, now);
        return;
    }
    stream_fail(s, STREAM_TIMEOUT);
}

void stream_hurry(struct stream *s, uint64_t ms)
{
    uint64_t now = clock_ms();

    if (s->deadline > now + ms)
        s->deadline = now + ms;
    arm(s, now);
}

void stream_deadline(struct stream *s, uint64_t ms)
{
    uint64_t now = clock_ms();

    if (s->state >= STREAM_FINISHING)
        return; /* the end has its own */
    s->interval = ms;
    s->out_before = s->bytes_out;
    s->deadline = ms ? now + ms : CLOCK_NEVER;
    arm(s, now);
}

/* ---- beginning and end ---- */

static void show_address(const struct sockaddr_storage *a, struct stream_address *out)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;

    if (a->ss_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, out->text, sizeof out->text);
        out->port = ntohs(v4->sin_port);
    } else if (a->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], out->text, sizeof out->text);
        out->port = ntohs(v6->sin6_port);
    } else if (a->ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &v6->sin6_addr, out->text, sizeof out->text);
        out->port = ntohs(v6->sin6_port);
    } else {
        snprintf(out->text, sizeof out->text, "local");
    }
}

static void learn_addresses(struct stream *s)
{
    struct sockaddr_storage a = {0};
    socklen_t n = sizeof a;

    getpeername(s->fd, (struct sockaddr *)&a, &n);
    show_address(&a, &s->peer);
    memset(&a, 0, sizeof a);
    n = sizeof a;
    getsockname(s->fd, (struct sockaddr *)&a, &n);
    show_address(&a, &s->local);
}

static void socket_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    stream_io_read(arg);
}

static void socket_writable(evutil_socket_t fd, short what, void *arg)
{
    struct stream *s = arg;

    (void)fd, (void)what;
    s->writing = false;
    if (s->state == STREAM_HANDSHAKE)
        stream_io_read(s);
    else
        stream_io_flush(s);
}

struct stream *stream_new(struct event_base *base, int fd, struct tls_context *tls,
                          const struct stream_limits *limits, const struct stream_owner *owner)
{
    static bool no_sigpipe; /* OpenSSL writes with write(2) */
    struct stream *s = calloc(1, sizeof *s);
    int on = 1;

    FCT_ASSERT(s);
    if (!no_sigpipe)
        no_sigpipe = signal(SIGPIPE, SIG_IGN) != SIG_ERR;
    s->fd = fd;
    s->owner = *owner;
    s->limits = *limits;
    s->deadline = s->armed = CLOCK_NEVER;
    s->in = evbuffer_new();
    s->out = evbuffer_new();
    FCT_ASSERT(s->in && s->out);
    event_assign(&s->read, base, fd, EV_READ | EV_PERSIST, socket_readable, s);
    event_assign(&s->write, base, fd, EV_WRITE, socket_writable, s);
    event_assign(&s->timer, base, -1, 0, deadline_came, s);
    event_assign(&s->later, base, -1, 0, turn_ended, s);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
               sizeof on); /* we collect what belongs together ourselves */
    learn_addresses(s);
    s->tls = tls ? tls_context_ref(tls) : NULL;
    stream_io_start(s);
    return s;
}

void stream_expect_proxy(struct stream *s)
{
    SSL_free(s->ssl);
    s->ssl = NULL;
    if (s->state != STREAM_ENDED)
        s->state = STREAM_PROXY;
}

void stream_free(struct stream **stream)
{
    struct stream *s = *stream;

    *stream = NULL;
    if (!s)
        return;
    if (s->freed)
        *s->freed = true;
    dismiss_writers(s);
    event_del(&s->read);
    event_del(&s->write);
    event_del(&s->timer);
    event_del(&s->later);
    SSL_free(s->ssl);
    tls_context_unref(&s->tls);
    close(s->fd);
    evbuffer_free(s->in);
    evbuffer_free(s->out);
    free(s->proxy);
    free(s->line);
    free(s);
}

void stream_finish(struct stream *s, uint64_t grace_ms)
{
    uint64_t now = clock_ms();

    if (s->state >= STREAM_FINISHING)
        return;
    if (s->state != STREAM_OPEN) { /* nobody can read what is queued */
        stream_fail(s, STREAM_EOF);
        return;
    }
    s->state = STREAM_FINISHING;
    stream_io_want(s);
    evbuffer_drain(s->in, evbuffer_get_length(s->in));
    s->deadline = now + grace_ms;
    arm(s, now);
    stream_later(s);
}

/* ---- input ---- */

struct evbuffer *stream_input(struct stream *s)
{
    s->scanned = 0; /* whoever asks may drain it */
    return s->in;
}

/* Copied: memory of an evbuffer may move when more bytes arrive, and a line must last while its
 * command runs. */
static void take_line(struct stream *s, size_t n)
{
    s->line = malloc(n);
    FCT_ASSERT(s->line);
    evbuffer_remove(s->in, s->line, n);
    s->scanned = 0;
}

int stream_line(struct stream *s, size_t max, struct fct_str *line)
{
    struct evbuffer_ptr from, lf;
    size_t length = evbuffer_get_length(s->in);

    free(s->line);
    s->line = NULL;
    if (s->state == STREAM_ENDED || length == 0)
        return 0;
    evbuffer_ptr_set(s->in, &from, s->scanned, EVBUFFER_PTR_SET);
    lf = s->scanned < length ? evbuffer_search(s->in, "\n", 1, &from)
                             : (struct evbuffer_ptr){.pos = -1};
    if (lf.pos < 0) {
        s->scanned = length;
        return length >= max ? -1 : 0;
    }
    if ((size_t)lf.pos + 1 > max)
        return -1;
    *line = (struct fct_str){NULL, (size_t)lf.pos + 1};
    take_line(s, line->n);
    line->p = s->line;
    return 1;
}

void stream_consumed(struct stream *s)
{
    if (s->state != STREAM_OPEN)
        return;
    stream_io_want(s);
    if (s->reading && stream_io_buffered(s))
        event_active(&s->read, EV_READ, 1);
}

void stream_hold(struct stream *s)
{
    s->held = true;
}

void stream_resume(struct stream *s)
{
    s->held = false;
    s->wants_readable = true;
    if (s->state == STREAM_OPEN)
        stream_consumed(s);
    if (s->eof || evbuffer_get_length(s->in) > 0)
        stream_later(s);
}

/* ---- output ---- */

static bool may_write(const struct stream *s)
{
    return s->state < STREAM_FINISHING;
}

static void forget_waiter(struct stream *s, const struct stream_waiter *w)
{
    struct stream_waiter **at = &s->waiters;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
}

/* False: the wait was cancelled or the stream has ended, and then it may not even be there any
 * more. */
FCT_MAY_WAIT static bool wait_for_room(struct stream *s)
{
    struct stream_waiter w = {.token = fiber_token(), .next = s->waiters};
    uint64_t before = s->bytes_out;
    enum fiber_wake why;

    s->waiters = &w;
    why = fiber_park(clock_ms() + STALL_MS);
    if (w.gone)
        return false;
    forget_waiter(s, &w);
    if (why != FIBER_TIMEOUT)
        return why == FIBER_WOKEN;
    if (s->bytes_out != before && clock_ms() < fiber_deadline())
        return true; /* slow, but alive */
    stream_fail(s, STREAM_TIMEOUT);
    return false;
}

/* After something was added to `out`. */
FCT_MAY_WAIT static bool queued(struct stream *s)
{
    stream_later(s);
    if (!fiber_inside() || evbuffer_get_length(s->out) <= s->limits.output_high)
        return true;
    stream_io_flush(s);
    while (may_write(s) && evbuffer_get_length(s->out) > s->limits.output_high / 2)
        if (!wait_for_room(s))
            return false;
    return may_write(s);
}

bool stream_write(struct stream *s, struct fct_str bytes)
{
    if (!may_write(s))
        return false;
    evbuffer_add(s->out, bytes.p, bytes.n);
    return queued(s);
}

bool stream_printf(struct stream *s, const char *fmt, ...)
{
    va_list args;

    if (!may_write(s))
        return false;
    va_start(args, fmt);
    evbuffer_add_vprintf(s->out, fmt, args);
    va_end(args);
    return queued(s);
}

bool stream_write_buffer(struct stream *s, struct evbuffer *from)
{
    if (!may_write(s))
        return false;
    evbuffer_add_buffer(s->out, from);
    return queued(s);
}

/* ---- TLS and facts ---- */

bool stream_starttls(struct stream *s, struct tls_context *tls, struct fct_err *err)
{
    return stream_connect_tls(s, tls, NULL, NULL, err);
}

bool stream_connect_tls(struct stream *s, struct tls_context *tls,
                        bool (*prepare)(void *arg, struct ssl_st *ssl, struct fct_err *err),
                        void *arg, struct fct_err *err)
{
    if (s->state != STREAM_OPEN || s->ssl)
        return fct_fail(err, FCT_BUG, "TLS cannot start now");
    s->ssl = tls_session_new(tls, s->fd);
    if (!s->ssl)
        return fct_fail(err, FCT_TEMP, "TLS cannot start: %s", tls_error());
    if (prepare && !prepare(arg, s->ssl, err)) {
        SSL_free(s->ssl);
        s->ssl = NULL;
        return false;
    }
    s->tls = tls_context_ref(tls);
    evbuffer_drain(s->in, evbuffer_get_length(s->in));
    s->scanned = 0;
    s->plain_left = evbuffer_get_length(s->out);
    s->state = STREAM_LAST_PLAIN;
    stream_io_want(s);
    stream_later(s);
    return true;
}

struct ssl_st *stream_ssl(const struct stream *s)
{
    return stream_has_tls(s) ? s->ssl : NULL;
}

bool stream_has_tls(const struct stream *s)
{
    return s->ssl && SSL_is_init_finished(s->ssl);
}

const char *stream_tls_version(const struct stream *s)
{
    return stream_has_tls(s) ? SSL_get_version(s->ssl) : "";
}

const char *stream_tls_cipher(const struct stream *s)
{
    return stream_has_tls(s) ? SSL_get_cipher_name(s->ssl) : "";
}

const char *stream_tls_server_name(const struct stream *s)
{
    const char *name =
        stream_has_tls(s) ? SSL_get_servername(s->ssl, TLSEXT_NAMETYPE_host_name) : NULL;

    return name ? name : "";
}

const struct stream_address *stream_peer(const struct stream *s)
{
    return &s->peer;
}

const struct stream_address *stream_local(const struct stream *s)
{
    return &s->local;
}

uint64_t stream_bytes_in(const struct stream *s)
{
    return s->bytes_in;
}

uint64_t stream_bytes_out(const struct stream *s)
{
    return s->bytes_out;
}
