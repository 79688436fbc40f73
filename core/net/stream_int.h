/* stream_int.h - a stream's inside, shared by stream.c (what the owner sees) and stream_io.c (what
 * happens on the socket). */
#ifndef CORE_NET_STREAM_INT_H
#define CORE_NET_STREAM_INT_H

#include "core/net/stream.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/ssl.h>

enum stream_state {
    STREAM_PROXY,      /* the PROXY header comes first */
    STREAM_LAST_PLAIN, /* STARTTLS: what was queued before it still leaves in plain text */
    STREAM_HANDSHAKE,
    STREAM_OPEN,
    STREAM_FINISHING, /* sending the rest */
    STREAM_LINGERING, /* all sent, our direction closed; waiting for the peer's end so that it reads
                         our last bytes */
    STREAM_ENDED,     /* `closed` will be or was called */
};

/* A fiber in stream_write; on its own stack. */
struct stream_waiter {
    struct fiber_token token;
    bool woken;
    bool gone; /* the stream has ended or was freed: do not touch it */
    struct stream_waiter *next;
};

struct proxy_start { /* only while the header is being read */
    size_t n;
    char bytes[];
};

struct stream {
    int fd;
    enum stream_state state;
    enum stream_end end; /* STREAM_ENDED: why */
    bool held;           /* by its owner */
    bool told_closed;
    bool eof;            /* the peer sends no more; told when the owner has done what came before */
    bool wants_readable; /* call it at the end of the turn */
    bool later_queued;
    bool reading, writing; /* the events are pending */
    bool *freed;           /* set while a callback of the owner runs */

    struct stream_owner owner;
    struct stream_limits limits;
    struct event read, write, timer, later;
    struct evbuffer *in, *out;
    size_t plain_left; /* STREAM_LAST_PLAIN: bytes of `out` that go before the handshake */

    struct tls_context *tls; /* of the handshake to come or done */
    SSL *ssl;
    struct proxy_start *proxy;

    char *line;     /* what stream_line gave last */
    size_t scanned; /* bytes at the front of `in` known to hold no LF */

    uint64_t deadline, interval, armed; /* armed: when the timer fires */
    uint64_t out_before;                /* bytes_out when the deadline was set */
    uint64_t bytes_in, bytes_out;
    struct stream_waiter *waiters;
    struct stream_address peer, local;
};

/* ---- stream.c ---- */
void stream_fail(struct stream *s,
                 enum stream_end why);       /* the end; `closed` follows from the loop */
void stream_later(struct stream *s);         /* visit it at the end of this turn */
void stream_tell_readable(struct stream *s); /* the owner may free s in it: last statement */
void stream_tell_tls(struct stream *s);      /* the same */

void stream_wake_writers(struct stream *s);       /* there is room */
void stream_hurry(struct stream *s, uint64_t ms); /* the deadline comes no later than this */

/* ---- stream_io.c ---- */
void stream_io_start(struct stream *s); /* enter OPEN, or the handshake */
void stream_io_read(struct stream *s);  /* the socket is readable; may free s */
void stream_io_flush(struct stream *s); /* send what can be sent; never calls the owner */
void stream_io_want(struct stream *s);  /* set the read event as state and limits ask */
bool stream_io_buffered(
    struct stream *s); /* TLS holds bytes that the socket will not announce again */

#endif
