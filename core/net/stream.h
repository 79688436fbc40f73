/* stream.h - one accepted connection, plain or TLS: bounded input, back-pressure on output, one
 * read deadline.
 *
 * The owner is a session. It gets `readable` when bytes arrived (in the loop, not in a fiber) and
 * `closed` once, when the peer has gone, the deadline passed or a write failed; after `closed` it
 * must call stream_free. The session never touches the socket. All functions are for the loop's
 * thread. A peer that has closed its sending side gets its answers first: `closed` with STREAM_EOF
 * waits while the stream is held. */
#ifndef CORE_NET_STREAM_H
#define CORE_NET_STREAM_H

#include "core/fiber/fiber.h"
#include "core/net/tls.h"

struct evbuffer;
struct event_base;
struct ssl_st;
struct stream;

struct stream_address {
    char text[48]; /* IPv6 without brackets; v4-mapped shown as IPv4 */
    uint16_t port;
};

enum stream_end { STREAM_EOF, STREAM_TIMEOUT, STREAM_ERROR };

struct stream_owner {
    void (*readable)(void *owner);
    void (*closed)(void *owner, enum stream_end why);
    void (*tls_ready)(
        void *owner); /* handshake done, or, without TLS, the PROXY header read; may be NULL */
    void *owner;
};

struct stream_limits {
    size_t input_max;   /* reading pauses above this many unread bytes */
    size_t output_high; /* stream_write waits above this many unsent bytes */
};

/* Takes fd (non-blocking). With `tls` the handshake comes first. */
struct stream *stream_new(struct event_base *base, int fd, struct tls_context *tls,
                          const struct stream_limits *limits, const struct stream_owner *owner);
void stream_free(struct stream **s); /* at once; unsent output is dropped */
/* Send what is queued, then close; at most until grace_ms. `closed` is called at the end. No more
 * readable. */
void stream_finish(struct stream *s, uint64_t grace_ms);

struct evbuffer *stream_input(struct stream *s); /* read and drain it; never add to it */
/* Take one line up to LF out of the input. 1: *line is set (line end kept; lives until the next
 * stream call that reads), 0: not complete yet, -1: no LF within max bytes. */
int stream_line(struct stream *s, size_t max, struct fct_str *line);
/* After consuming input: reading that was paused continues. */
void stream_consumed(struct stream *s);

/* Queue bytes; flushed at the end of the loop turn. Inside a fiber, waits while more than
 * output_high is unsent. False: the peer is gone or the wait was cancelled. Outside a fiber it
 * never waits. */
FCT_MAY_WAIT bool stream_write(struct stream *s, struct fct_str bytes);
FCT_MAY_WAIT bool stream_printf(struct stream *s, const char *fmt, ...) FCT_PRINTF(2, 3);
/* As stream_write, but takes the contents of `from` without copying. */
FCT_MAY_WAIT bool stream_write_buffer(struct stream *s, struct evbuffer *from);

/* The peer must send something before now + ms; 0 = no deadline. Counts from the last call, not
 * from the last byte. While the stream is held the peer owes nothing but to take what is unsent:
 * then every byte it takes starts the time anew. */
void stream_deadline(struct stream *s, uint64_t ms);
/* Stop calling readable until resumed (a command is running). Input up to input_max is still
 * buffered. */
void stream_hold(struct stream *s);
void stream_resume(struct stream *s); /* calls readable from the loop if there is input */

/* Drop all unread plain input (RFC 3207 4.2), send what is queued, start the handshake. tls_ready
 * follows. */
FCT_MUST_CHECK bool stream_starttls(struct stream *s, struct tls_context *tls, struct fct_err *err);
/* The client's side, after the server's 220, or at once where TLS comes first: `tls` is of
 * tls_client_new. `prepare` may be NULL; it sets names and the like before the handshake; false
 * with err: nothing is started. */
FCT_MUST_CHECK bool stream_connect_tls(struct stream *s, struct tls_context *tls,
                                       bool (*prepare)(void *arg, struct ssl_st *ssl,
                                                       struct fct_err *err),
                                       void *arg, struct fct_err *err);
struct ssl_st *stream_ssl(const struct stream *s); /* NULL without TLS: what the peer showed */
bool stream_has_tls(const struct stream *s);
const char *stream_tls_version(const struct stream *s); /* "" without */
const char *stream_tls_cipher(const struct stream *s);
const char *stream_tls_server_name(const struct stream *s); /* SNI (RFC 6066 3), or "" */

/* Addresses as seen on the socket, or as given by the PROXY line. */
const struct stream_address *stream_peer(const struct stream *s);
const struct stream_address *stream_local(const struct stream *s);
uint64_t stream_bytes_in(const struct stream *s);
uint64_t stream_bytes_out(const struct stream *s);

/* PROXY protocol v1 and v2: call right after stream_new; readable and the handshake come after the
 * header was read, and so does what is written before. tls_ready follows with or without TLS.
 * Anything else than a valid header closes the stream. */
void stream_expect_proxy(struct stream *s);

#endif
