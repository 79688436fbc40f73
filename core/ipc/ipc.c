/* ipc.c - connections between our processes: requests, replies, notices. Bytes and descriptors are
 * in ipc_pipe.c.
 *
 * Nothing of a connection is pointed to across a wait: tickets and pending calls name it by slot
 * and generation, a call by a request id that is an index with a generation. A connection breaks in
 * one place (conn_break) and is closed and freed from the loop, so no caller finds it gone in the
 * middle of its own statement. */
#include "core/ipc/ipc.h"

#include "core/ipc/ipc_calls.h"
#include "core/ipc/ipc_frame.h"
#include "core/ipc/ipc_pipe.h"
#include "core/log/log.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FLUSH_BYTES  (64u << 10) /* queued: do not wait for the end of the loop turn */
#define BACKLOG_WAIT (4u << 20)  /* unsent: callers wait, and a server reads no further requests */
#define BACKLOG_MAX \
    (256u << 20) /* unsent: the neighbour does not read; the connection is given up */

/* A fiber that waits until the backlog has drained; on its own stack. */
struct blocked {
    struct fiber_token token;
    bool gone; /* the connection is */
    struct blocked *next;
};

struct ipc_conn {
    uint32_t slot, generation;
    int fd;
    struct event *read, *write, *turn; /* turn: end of the loop turn */
    struct ipc_handler handler;
    struct pipe_in in;
    struct pipe_out out;
    bool flushing; /* `turn` or `write` will send */
    bool reading;
    bool broken;   /* `turn` will close */
    unsigned busy; /* handlers on the stack */
    bool doomed;   /* freed when they return */
    struct ipc_calls calls;
    struct blocked *blocked;
};

static struct {
    struct ipc_conn **conn;
    uint32_t *generation;
    uint32_t n;
} table;

/* ---- the table of connections ---- */

static void table_add(struct ipc_conn *c)
{
    uint32_t slot = 0;

    while (slot < table.n && table.conn[slot])
        slot++;
    if (slot == table.n) {
        table.conn = realloc(table.conn, (table.n + 1) * sizeof(*table.conn));
        table.generation = realloc(table.generation, (table.n + 1) * sizeof *table.generation);
        FCT_ASSERT(table.conn && table.generation);
        table.generation[table.n++] = 0;
    }
    table.conn[slot] = c;
    c->slot = slot;
    c->generation = ++table.generation[slot];
}

/* Slots are few (one per neighbour process) and stay; their generations are what makes old tickets
 * dead. */
static void table_remove(struct ipc_conn *c)
{
    table.conn[c->slot] = NULL;
}

static struct ipc_conn *table_find(uint32_t slot, uint32_t generation)
{
    struct ipc_conn *c = slot < table.n ? table.conn[slot] : NULL;

    return c && c->generation == generation ? c : NULL;
}

/* ---- the end of a connection ---- */

static void unblock(struct ipc_conn *c, bool gone)
{
    while (c->blocked) {
        struct blocked *b = c->blocked;

        c->blocked = b->next;
        b->gone = gone;
        b->next = NULL;
        fiber_wake(b->token);
    }
}

static void conn_break(struct ipc_conn *c, const char *bad)
{
    struct fct_err err;

    if (c->broken)
        return;
    c->broken = true;
    if (bad)
        log_event(EV_IPC_BAD, FCT_STR(""), F_C("why", bad));
    fct_fail(&err, FCT_TEMP, "the other process is gone");
    event_del(c->read);
    event_del(c->write);
    ipc_calls_fail(&c->calls, &err);
    unblock(c, true);
    event_active(c->turn, EV_TIMEOUT, 1);
}

static void destroy(struct ipc_conn *c)
{
    struct fct_err err;

    fct_fail(&err, FCT_TEMP, "the connection to the other process was closed");
    ipc_calls_fail(&c->calls, &err);
    unblock(c, true);
    ipc_calls_fini(&c->calls);
    event_free(c->read);
    event_free(c->write);
    event_free(c->turn);
    close(c->fd);
    pipe_in_fini(&c->in);
    pipe_out_fini(&c->out);
    free(c);
}

void ipc_conn_free(struct ipc_conn **conn)
{
    struct ipc_conn *c = *conn;

    *conn = NULL;
    if (!c || c->doomed)
        return;
    table_remove(c);
    if (!c->broken)
        (void)pipe_send(&c->out, c->fd); /* what fits: the last replies of a process that ends */
    c->doomed = c->broken = true;
    if (c->busy == 0)
        destroy(c);
}

static void enter(struct ipc_conn *c)
{
    c->busy++;
}

/* False: c is gone. */
static bool leave(struct ipc_conn *c)
{
    if (--c->busy > 0 || !c->doomed)
        return !c->doomed;
    destroy(c);
    return false;
}

static void conn_closed(struct ipc_conn *c)
{
    enter(c);
    if (c->handler.closed)
        c->handler.closed(c->handler.owner, c);
    if (leave(c))
        ipc_conn_free(&c);
}

/* ---- sending ---- */

static void read_again(struct ipc_conn *c)
{
    if (c->reading || c->broken)
        return;
    event_add(c->read, NULL);
    c->reading = true;
}

/* The log goes first: whoever learns of something by what we send finds it there. */
static void flush(struct ipc_conn *c)
{
    log_flush();
    switch (pipe_send(&c->out, c->fd)) {
    case PIPE_MOVED:
        c->flushing = false;
        break;
    case PIPE_BLOCKED:
        c->flushing = true;
        event_add(c->write, NULL);
        break;
    case PIPE_CLOSED:
    case PIPE_BAD:
        conn_break(c, NULL);
        return;
    }
    if (pipe_backlog(&c->out) < BACKLOG_WAIT / 2) {
        unblock(c, false);
        read_again(c);
    }
}

static void writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    flush(arg);
}

static void turn_ended(evutil_socket_t fd, short what, void *arg)
{
    struct ipc_conn *c = arg;

    (void)fd, (void)what;
    if (c->broken)
        conn_closed(c);
    else if (!event_pending(c->write, EV_WRITE, NULL))
        flush(c);
}

/* False: it cannot be sent (errno). */
static bool put(struct ipc_conn *c, struct ipc_frame *f, struct fct_str payload, const int *fd,
                unsigned fds)
{
    char head[IPC_FRAME_HEAD];

    FCT_ASSERT(fds <= IPC_MAX_FDS);
    if (payload.n > IPC_MAX_MESSAGE) {
        errno = EMSGSIZE;
        return false;
    }
    f->length = (uint32_t)payload.n;
    f->fds = (uint8_t)fds;
    ipc_frame_write(f, head);
    if (!pipe_put(&c->out, (struct fct_str){head, sizeof head}, payload, fd, fds))
        return false;
    if (pipe_backlog(&c->out) > BACKLOG_MAX) {
        conn_break(c, "does not read what it is sent");
    } else if (!c->flushing) {
        c->flushing = true;
        event_active(c->turn, EV_TIMEOUT, 1);
    }
    if (!c->broken && pipe_backlog(&c->out) >= FLUSH_BYTES &&
        !event_pending(c->write, EV_WRITE, NULL))
        flush(c);
    return true;
}

/* ---- receiving ---- */

/* The error reply's payload: u8 class, text. */
static void read_error(struct fct_str payload, struct fct_err *err)
{
    struct ipc_reader r = ipc_reader(payload);
    uint8_t class = ipc_get_u8(&r);
    struct fct_str text = ipc_get_str(&r);

    if (!ipc_reader_ok(&r) || class == FCT_OK || class > FCT_BUG)
        fct_fail(err, FCT_BUG, "the other process sent an error that cannot be read");
    else
        fct_fail(err, (enum fct_class) class, "%.*s", FCT_FMT(text));
}

static void answer_came(struct ipc_conn *c, const struct ipc_frame *f, struct ipc_in *in)
{
    struct fct_err err = {.class = FCT_OK};

    if (f->type == IPC_ERROR) {
        read_error(in->payload, &err);
        in->payload.n = 0;
    }
    /* When nobody waits any more a time-out or ipc_drop came first. */
    if (ipc_calls_answer(&c->calls, f->request, in->payload, in->fd, in->fds, &err))
        in->fds = 0;
}

/* False: a message that this side does not take. */
static bool deliver(struct ipc_conn *c, const struct ipc_frame *f, struct ipc_in *in)
{
    bool taken = true;

    if (f->type == IPC_REPLY || f->type == IPC_ERROR)
        answer_came(c, f, in);
    else if (f->type == IPC_REQUEST && c->handler.request)
        c->handler.request(c->handler.owner, in);
    else if (f->type == IPC_NOTICE && c->handler.notice)
        c->handler.notice(c->handler.owner, in);
    else
        taken = f->type == IPC_NOTICE;
    for (unsigned i = 0; i < in->fds; i++)
        if (in->fd[i] >= 0)
            close(in->fd[i]);
    return taken;
}

/* One message out of the buffer: 1 done, 0 not complete, -1 malformed. */
static int take_message(struct ipc_conn *c, size_t *want, const char **bad)
{
    struct ipc_frame f;
    struct fct_str unread = pipe_unread(&c->in);
    int complete = ipc_frame_parse(unread, &f, bad);
    struct ipc_in in;

    if (complete <= 0)
        return complete;
    *want = IPC_FRAME_HEAD + f.length;
    if (unread.n < *want)
        return 0;
    in = (struct ipc_in){
        .conn = c,
        .ticket = {c->slot, c->generation, f.request, f.kind},
        .kind = f.kind,
        .payload = {unread.p + IPC_FRAME_HEAD, f.length},
        .fds = f.fds,
    };
    if (!pipe_claim(&c->in, in.fd, f.fds)) {
        *bad = "descriptors are missing";
        return -1;
    }
    if (!deliver(c, &f, &in)) {
        *bad = "a request to a process that serves none";
        return -1;
    }
    pipe_consume(&c->in, *want);
    return 1;
}

static void take_messages(struct ipc_conn *c)
{
    const char *bad = NULL;
    size_t want = 0;
    int more = 1;

    while (more > 0 && !c->broken)
        more = take_message(c, &want, &bad);
    if (more < 0)
        conn_break(c, bad);
}

/* The whole length of the message at the front of the buffer, as far as its head is there. */
static size_t wanted(const struct ipc_conn *c)
{
    struct ipc_frame f;
    const char *bad;

    return ipc_frame_parse(pipe_unread(&c->in), &f, &bad) > 0 ? IPC_FRAME_HEAD + f.length : 0;
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
    struct ipc_conn *c = arg;
    const char *bad = NULL;

    (void)what;
    enter(c);
    switch (pipe_receive(&c->in, fd, wanted(c), &bad)) {
    case PIPE_MOVED:
        take_messages(c);
        break;
    case PIPE_BLOCKED:
        break;
    case PIPE_CLOSED:
    case PIPE_BAD:
        conn_break(c, bad);
        break;
    }
    /* A server whose answers are not fetched takes no more questions. A side that has asked itself
     * goes on reading: if both stopped, neither would ever drain. */
    if (!c->broken && c->calls.outstanding == 0 && pipe_backlog(&c->out) > BACKLOG_WAIT) {
        event_del(c->read);
        c->reading = false;
    }
    leave(c);
}

/* ---- connections ---- */

struct ipc_conn *ipc_conn_new(struct event_base *base, int fd, const struct ipc_handler *handler)
{
    struct ipc_conn *c = calloc(1, sizeof *c);

    FCT_ASSERT(c);
    c->fd = fd;
    c->handler = *handler;
    evutil_make_socket_nonblocking(fd);
    c->read = event_new(base, fd, EV_READ | EV_PERSIST, readable, c);
    c->write = event_new(base, fd, EV_WRITE, writable, c);
    c->turn = event_new(base, -1, 0, turn_ended, c);
    FCT_ASSERT(c->read && c->write && c->turn);
    table_add(c);
    read_again(c);
    return c;
}

size_t ipc_conn_backlog(const struct ipc_conn *conn)
{
    return pipe_backlog(&conn->out);
}

/* ---- asking ---- */

struct ipc_pending ipc_start(struct ipc_conn *conn, const struct ipc_out *out)
{
    struct ipc_frame f = {
        .kind = out->kind, .type = IPC_REQUEST, .request = ipc_calls_add(&conn->calls)};
    struct fct_err err = {.class = FCT_OK};

    if (conn->broken)
        fct_fail(&err, FCT_TEMP, "the other process is gone");
    else if (!put(conn, &f, out->payload, out->fd, out->fds))
        fct_fail(&err, FCT_TEMP, "cannot send to the other process: %s", strerror(errno));
    if (err.class != FCT_OK)
        (void)ipc_calls_answer(&conn->calls, f.request, FCT_STR(""), NULL, 0, &err);
    return (struct ipc_pending){conn->slot, conn->generation, f.request};
}

static bool wait_ended(enum fiber_wake why, struct fct_err *err)
{
    return fct_fail(err, FCT_TEMP,
                    why == FIBER_TIMEOUT ? "the other process did not answer in time"
                                         : "cancelled");
}

bool ipc_collect(struct ipc_pending p, uint64_t deadline_ms, struct buf *reply, int fd[IPC_MAX_FDS],
                 unsigned *fds, struct fct_err *err)
{
    struct ipc_conn *c = table_find(p.slot, p.generation);
    struct ipc_answer a = {.reply = reply};
    enum ipc_call_state state;

    if (reply)
        buf_clear(reply);
    if (fds)
        *fds = 0;
    state = c ? ipc_calls_collect(&c->calls, p.request, &a) : IPC_CALL_UNKNOWN;
    if (state == IPC_CALL_UNKNOWN)
        return fct_fail(err, FCT_TEMP, "the other process is gone");
    if (state == IPC_CALL_WAITING) {
        enum fiber_wake why = fiber_park(deadline_ms);

        if (!a.done) { /* it may be, when the answer and the deadline met */
            ipc_drop(p);
            return wait_ended(why, err);
        }
    }
    return ipc_answer_take(&a, fd, fds, err);
}

void ipc_drop(struct ipc_pending p)
{
    struct ipc_conn *c = table_find(p.slot, p.generation);

    if (c)
        ipc_calls_drop(&c->calls, p.request);
}

/* False: the wait ended otherwise; the connection may be gone. */
FCT_MAY_WAIT static bool wait_for_room(struct ipc_conn *c, uint64_t deadline_ms,
                                       struct fct_err *err)
{
    struct blocked b = {.token = fiber_token(), .next = c->blocked};
    enum fiber_wake why;

    c->blocked = &b;
    why = fiber_park(deadline_ms);
    if (b.gone)
        return fct_fail(err, FCT_TEMP, "the other process is gone");
    if (why == FIBER_WOKEN)
        return true;
    for (struct blocked **at = &c->blocked; *at; at = &(*at)->next) {
        if (*at == &b) {
            *at = b.next;
            break;
        }
    }
    return wait_ended(why, err);
}

bool ipc_call(struct ipc_conn *conn, const struct ipc_out *out, uint64_t deadline_ms,
              struct buf *reply, int fd[IPC_MAX_FDS], unsigned *fds, struct fct_err *err)
{
    while (!conn->broken && pipe_backlog(&conn->out) > BACKLOG_WAIT) {
        uint32_t slot = conn->slot, generation = conn->generation;

        if (!wait_for_room(conn, deadline_ms, err))
            return false;
        if (!(conn = table_find(slot, generation)))
            return fct_fail(err, FCT_TEMP, "the other process is gone");
    }
    return ipc_collect(ipc_start(conn, out), deadline_ms, reply, fd, fds, err);
}

/* ---- telling and answering ---- */

void ipc_notify(struct ipc_conn *conn, const struct ipc_out *out)
{
    struct ipc_frame f = {.kind = out->kind, .type = IPC_NOTICE};

    if (!conn->broken && !put(conn, &f, out->payload, out->fd, out->fds))
        log_event(EV_WARNING, FCT_STR(""),
                  F_C("text", "a notice to another process could not be sent"));
}

void ipc_reply(struct ipc_ticket ticket, struct fct_str payload, const int *fd, unsigned fds)
{
    struct ipc_conn *c = table_find(ticket.slot, ticket.generation);
    struct ipc_frame f = {.kind = ticket.kind, .type = IPC_REPLY, .request = ticket.request};
    struct fct_err err;

    if (!c || c->broken || put(c, &f, payload, fd, fds))
        return;
    fct_fail(&err, FCT_TEMP, "cannot send to the other process: %s", strerror(errno));
    ipc_fail(ticket, &err);
}

void ipc_fail(struct ipc_ticket ticket, const struct fct_err *err)
{
    struct ipc_conn *c = table_find(ticket.slot, ticket.generation);
    struct ipc_frame f = {.kind = ticket.kind, .type = IPC_ERROR, .request = ticket.request};
    struct buf payload = BUF_INIT(sizeof *err + 8);

    if (!c || c->broken)
        return;
    ipc_put_u8(&payload, (uint8_t)(err->class == FCT_OK ? FCT_BUG : err->class));
    ipc_put_str(&payload, (struct fct_str){err->text, strnlen(err->text, sizeof err->text)});
    (void)put(c, &f, buf_str(&payload), NULL, 0); /* without descriptors it cannot fail */
    buf_free(&payload);
}

bool ipc_pair(int fd[2], struct fct_err *err)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) != 0)
        return fct_fail(err, FCT_TEMP, "socketpair: %s", strerror(errno));
    return true;
}
