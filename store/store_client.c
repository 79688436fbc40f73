/* store_client.c - the connection to the store, one call on it, and change notices.
 *
 * Replies come from another process and are checked like anything else. A handle given out carries
 * the generation of the connection in its upper bits: after the store restarted, old handles lead
 * nowhere. */
#include "core/base/map.h"
#include "store/store_call.h"

#include <stdlib.h>
#include <unistd.h>

struct store_watcher {
    store_changed_fn fn;
    void *arg;
};

#define HANDLE_MASK ((1u << STORE_HANDLE_BITS) - 1)

/* ---- connection ---- */

uint32_t store_handle_out(const struct store *st, uint32_t handle)
{
    return handle ? (handle & HANDLE_MASK) | st->generation << STORE_HANDLE_BITS : 0;
}

bool store_handle_in(const struct store *st, uint32_t principal, uint32_t *handle,
                     struct fct_err *err)
{
    *handle = principal & HANDLE_MASK;
    if (principal == 0 || principal >> STORE_HANDLE_BITS != st->generation)
        return fct_fail(err, FCT_TEMP, "the store was restarted: log in again");
    return true;
}

static struct fct_str handle_key(const uint32_t *principal)
{
    return (struct fct_str){(const char *)principal, sizeof *principal};
}

static void tell_watcher(struct store *st, struct fct_str payload)
{
    struct ipc_reader r = ipc_reader(payload);
    uint32_t principal = store_handle_out(st, ipc_get_u32(&r));
    uint64_t mailbox = ipc_get_u64(&r), mod_seq = ipc_get_u64(&r);
    const struct store_watcher *w = map_get(st->watchers, handle_key(&principal));

    if (ipc_reader_ok(&r) && w)
        w->fn(w->arg, principal, mailbox, mod_seq);
}

static void on_notice(void *owner, struct ipc_in *in)
{
    struct store *st = owner;

    if (in->kind == STORE_NOTICE_CHANGED)
        tell_watcher(st, in->payload);
    else if (in->kind == STORE_NOTICE_QUEUE && st->queue_fn)
        st->queue_fn(st->queue_arg);
}

static void on_request(void *owner, struct ipc_in *in)
{
    struct fct_err err;

    (void)owner;
    fct_fail(&err, FCT_BUG, "the store asks nothing");
    ipc_fail(in->ticket, &err);
}

static void on_closed(void *owner, struct ipc_conn *conn)
{
    struct store *st = owner;

    if (st->conn == conn)
        st->conn = NULL;
}

struct store *store_client_new(struct event_base *base)
{
    struct store *st = calloc(1, sizeof *st);

    FCT_ASSERT(st);
    st->base = base;
    st->watchers = map_new();
    return st;
}

/* Every watcher leaves the table before it is called: what it does may end other sessions, whose
 * watchers then leave the same table. */
static void dismiss_watchers(struct store *st, bool tell)
{
    struct fct_str key;
    size_t at = 0;
    void *value;

    while (map_next(st->watchers, &at, &key, &value)) {
        struct store_watcher w = *(struct store_watcher *)value;
        uint32_t principal;

        memcpy(&principal, key.p, sizeof principal);
        map_remove(st->watchers, handle_key(&principal));
        free(value);
        if (tell)
            w.fn(w.arg, principal, 0, 0);
        at = 0;
    }
}

void store_client_free(struct store **p)
{
    struct store *st = *p;

    *p = NULL;
    if (!st)
        return;
    if (st->conn)
        ipc_conn_free(&st->conn);
    dismiss_watchers(st, false);
    map_free(&st->watchers);
    free(st);
}

void store_client_peer(struct store *st, int fd)
{
    struct ipc_handler handler = {on_request, on_notice, on_closed, st};

    if (st->conn)
        ipc_conn_free(&st->conn);
    st->generation = (st->generation + 1) & 0xff;
    st->conn = ipc_conn_new(st->base, fd, &handler);
    dismiss_watchers(st, true); /* an IDLE session must not wait for a store that forgot it */
    if (st->queue_fn)
        st->queue_fn(st->queue_arg);
}

bool store_is_up(const struct store *st)
{
    return st->conn != NULL;
}

/* ---- one call ---- */

struct store_call store_call_begin(struct store *st, enum store_request kind, struct fct_err *err)
{
    return (struct store_call){.st = st,
                               .kind = kind,
                               .out = BUF_INIT(IPC_MAX_MESSAGE - 64),
                               .in = BUF_INIT(IPC_MAX_MESSAGE),
                               .fd = -1,
                               .fd_2 = -1,
                               .deadline_ms = STORE_CALL_MS,
                               .err = err,
                               .ok = true};
}

struct store_call store_call_as(struct store *st, enum store_request kind, uint32_t principal,
                                struct fct_err *err)
{
    struct store_call c = store_call_begin(st, kind, err);
    uint32_t handle;

    c.ok = store_handle_in(st, principal, &handle, err);
    ipc_put_u32(&c.out, handle);
    return c;
}

bool store_call_send(struct store_call *c)
{
    struct ipc_out out = {
        .kind = (uint16_t)c->kind, .payload = buf_str(&c->out), .fd = c->send, .fds = c->nsend};
    int fd[IPC_MAX_FDS];
    unsigned fds = 0;

    if (c->ok && c->out.overflow)
        c->ok = fct_fail(c->err, FCT_LIMIT, "a request to the store is too large");
    if (c->ok && !c->st->conn)
        c->ok = fct_fail(c->err, FCT_TEMP, "the store is away");
    if (!c->ok)
        return false;
    c->ok = ipc_call(c->st->conn, &out, clock_ms() + c->deadline_ms, &c->in, fd, &fds, c->err);
    for (unsigned i = 0; c->ok && i < fds; i++) {
        if (i == 0)
            c->fd = fd[i];
        else if (i == 1)
            c->fd_2 = fd[i];
        else
            close(fd[i]);
    }
    c->reply = ipc_reader(buf_str(&c->in));
    return c->ok;
}

bool store_call_end(struct store_call *c)
{
    if (c->ok && !ipc_reader_ok(&c->reply))
        c->ok = fct_fail(c->err, FCT_BUG, "the store's answer is malformed");
    if (c->fd >= 0)
        close(c->fd);
    if (c->fd_2 >= 0)
        close(c->fd_2);
    buf_free(&c->out);
    buf_free(&c->in);
    return c->ok;
}

static void free_reply(void *arg)
{
    struct buf *b = arg;

    buf_free(b);
}

void store_keep_reply(struct buf *takes, struct arena *arena)
{
    struct buf *kept = ARENA_NEW(arena, struct buf);

    *kept = *takes;
    *takes = BUF_INIT(0);
    arena_defer(arena, free_reply, kept);
}

struct fct_str store_call_copy(struct store_call *c, struct arena *arena)
{
    return arena_str(arena, ipc_get_str(&c->reply));
}

const struct fct_str *store_call_copies(struct store_call *c, struct arena *arena, size_t *n)
{
    const struct fct_str *view = store_get_strs(&c->reply, arena, n);
    struct fct_str *s = ARENA_ARRAY(arena, struct fct_str, *n + 1);

    for (size_t i = 0; i < *n; i++)
        s[i] = arena_str(arena, view[i]);
    return s;
}

void store_call_notify(struct store *st, enum store_request kind, uint32_t principal,
                       const uint64_t *mailbox, const bool *on)
{
    struct buf out = BUF_INIT(64);
    uint32_t handle;

    if (!st->conn || !store_handle_in(st, principal, &handle, NULL))
        return;
    ipc_put_u32(&out, handle);
    if (mailbox)
        ipc_put_u64(&out, *mailbox);
    if (on)
        ipc_put_bool(&out, *on);
    ipc_notify(st->conn, &(struct ipc_out){.kind = (uint16_t)kind, .payload = buf_str(&out)});
    buf_free(&out);
}

/* ---- watching ---- */

void store_watch(struct store *st, uint32_t principal, store_changed_fn fn, void *arg)
{
    struct store_watcher *w = map_remove(st->watchers, handle_key(&principal));
    bool on = fn != NULL;

    if (!fn && !w)
        return;
    free(w);
    if (fn) {
        w = calloc(1, sizeof *w);
        FCT_ASSERT(w);
        *w = (struct store_watcher){fn, arg};
        map_put(st->watchers, handle_key(&principal), w);
    }
    store_call_notify(st, STORE_WATCH, principal, NULL, &on);
}
