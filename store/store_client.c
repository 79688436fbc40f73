/* store_client.c - asking the store: one function per request, each encodes, waits, decodes.
 *
 * Replies come from another process and are checked like anything else. A handle given out carries the generation of the
 * connection in its upper bits: after the store restarted, old handles lead nowhere. */
#include "store/store_client.h"

#include "core/base/map.h"
#include "core/base/str.h"
#include "store/store_codec.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CALL_MS 60000u
#define LONG_MS 3600000u /* check, removal of an account, loading of many */

struct watcher {
    store_changed_fn fn;
    void *arg;
};

struct store {
    struct event_base *base;
    struct ipc_conn *conn;
    uint32_t generation;  /* of the connection, 8 bits */
    struct map *watchers; /* handle → struct watcher */
};

#define HANDLE_MASK ((1u << STORE_HANDLE_BITS) - 1)

/* ---- connection ---- */

static uint32_t handle_out(const struct store *st, uint32_t handle)
{
    return handle ? (handle & HANDLE_MASK) | st->generation << STORE_HANDLE_BITS : 0;
}

static bool handle_in(const struct store *st, uint32_t principal, uint32_t *handle, struct fct_err *err)
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

static void on_notice(void *owner, struct ipc_in *in)
{
    struct store *st = owner;
    struct ipc_reader r = ipc_reader(in->payload);
    uint32_t principal = handle_out(st, ipc_get_u32(&r));
    uint64_t mailbox = ipc_get_u64(&r), mod_seq = ipc_get_u64(&r);
    const struct watcher *w = map_get(st->watchers, handle_key(&principal));

    if (in->kind == STORE_NOTICE_CHANGED && ipc_reader_ok(&r) && w)
        w->fn(w->arg, principal, mailbox, mod_seq);
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

static void forget_watchers(struct store *st)
{
    struct fct_str key;
    size_t at = 0;
    void *value;

    while (map_next(st->watchers, &at, &key, &value))
        free(value);
    map_free(&st->watchers);
}

void store_client_free(struct store **p)
{
    struct store *st = *p;

    *p = NULL;
    if (!st)
        return;
    if (st->conn)
        ipc_conn_free(&st->conn);
    forget_watchers(st);
    free(st);
}

void store_client_peer(struct store *st, int fd)
{
    struct ipc_handler handler = {on_request, on_notice, on_closed, st};

    if (st->conn)
        ipc_conn_free(&st->conn);
    forget_watchers(st);
    st->watchers = map_new();
    st->generation = (st->generation + 1) & 0xff;
    st->conn = ipc_conn_new(st->base, fd, &handler);
}

bool store_is_up(const struct store *st)
{
    return st->conn != NULL;
}

/* ---- one call ---- */

struct call {
    struct store *st;
    enum store_request kind;
    struct buf out, in;
    struct ipc_reader reply;
    const int *send;  /* descriptors to send */
    unsigned nsend;
    int fd;           /* that came back, or -1 */
    uint64_t deadline_ms;
    struct fct_err *err;
    bool ok;          /* so far */
};

static struct call call_begin(struct store *st, enum store_request kind, struct fct_err *err)
{
    return (struct call){.st = st, .kind = kind, .out = BUF_INIT(IPC_MAX_MESSAGE - 64), .in = BUF_INIT(IPC_MAX_MESSAGE), .fd = -1,
                         .deadline_ms = CALL_MS, .err = err, .ok = true};
}

/* A call on behalf of a login: its handle comes first. */
static struct call call_as(struct store *st, enum store_request kind, uint32_t principal, struct fct_err *err)
{
    struct call c = call_begin(st, kind, err);
    uint32_t handle;

    c.ok = handle_in(st, principal, &handle, err);
    ipc_put_u32(&c.out, handle);
    return c;
}

static FCT_MAY_WAIT bool call_send(struct call *c)
{
    struct ipc_out out = {.kind = (uint16_t)c->kind, .payload = buf_str(&c->out), .fd = c->send, .fds = c->nsend};
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
        if (c->fd < 0)
            c->fd = fd[i];
        else
            close(fd[i]);
    }
    c->reply = ipc_reader(buf_str(&c->in));
    return c->ok;
}

/* Ends the call: false with err when anything was wrong, the reply included. */
static bool call_end(struct call *c)
{
    if (c->ok && !ipc_reader_ok(&c->reply))
        c->ok = fct_fail(c->err, FCT_BUG, "the store's answer is malformed");
    if (c->fd >= 0)
        close(c->fd);
    buf_free(&c->out);
    buf_free(&c->in);
    return c->ok;
}

static struct fct_str get_copy(struct call *c, struct arena *arena)
{
    return arena_str(arena, ipc_get_str(&c->reply));
}

static const struct fct_str *get_copies(struct call *c, struct arena *arena, size_t *n)
{
    const struct fct_str *view = store_get_strs(&c->reply, arena, n);
    struct fct_str *s = ARENA_ARRAY(arena, struct fct_str, *n + 1);

    for (size_t i = 0; i < *n; i++)
        s[i] = arena_str(arena, view[i]);
    return s;
}

/* One that needs no answer. */
static void notify(struct store *st, enum store_request kind, uint32_t principal, const uint64_t *mailbox, const bool *on)
{
    struct buf out = BUF_INIT(64);
    uint32_t handle;

    if (!st->conn || !handle_in(st, principal, &handle, NULL))
        return;
    ipc_put_u32(&out, handle);
    if (mailbox)
        ipc_put_u64(&out, *mailbox);
    if (on)
        ipc_put_bool(&out, *on);
    ipc_notify(st->conn, &(struct ipc_out){.kind = (uint16_t)kind, .payload = buf_str(&out)});
    buf_free(&out);
}

/* ---- directory, login ---- */

bool store_resolve(struct store *st, struct fct_str address, struct arena *arena, struct store_resolution *out, struct fct_err *err)
{
    struct call c = call_begin(st, STORE_RESOLVE, err);
    struct store_target *target;

    *out = (struct store_resolution){.what = RESOLVED_NOT_LOCAL};
    ipc_put_str(&c.out, address);
    if (call_send(&c)) {
        uint8_t what = ipc_get_u8(&c.reply);

        out->what = what <= RESOLVED_NOT_LOCAL ? (enum store_resolved)what : RESOLVED_NOT_LOCAL;
        out->n = ipc_get_count(&c.reply, 16);
        target = ARENA_ARRAY(arena, struct store_target, out->n + 1);
        for (size_t i = 0; i < out->n; i++) {
            target[i].account = ipc_get_u64(&c.reply);
            target[i].name = get_copy(&c, arena);
            target[i].detail = get_copy(&c, arena);
        }
        out->target = target;
    }
    return call_end(&c);
}

static void get_principal(struct call *c, struct arena *arena, struct store_principal *out)
{
    out->handle = handle_out(c->st, ipc_get_u32(&c->reply));
    out->name = get_copy(c, arena);
}

bool store_login(struct store *st, struct fct_str user, struct fct_str password, struct arena *arena, struct store_principal *out,
                 struct fct_err *err)
{
    struct call c = call_begin(st, STORE_LOGIN, err);

    *out = (struct store_principal){0};
    ipc_put_str(&c.out, user);
    ipc_put_str(&c.out, password);
    if (call_send(&c))
        get_principal(&c, arena, out);
    if (c.out.p)
        explicit_bzero(c.out.p, c.out.n);
    return call_end(&c);
}

bool store_scram_salt(struct store *st, struct fct_str user, struct arena *arena, struct fct_str *salt, uint32_t *iterations, struct fct_err *err)
{
    struct call c = call_begin(st, STORE_SCRAM_SALT, err);

    ipc_put_str(&c.out, user);
    if (call_send(&c)) {
        *salt = get_copy(&c, arena);
        *iterations = ipc_get_u32(&c.reply);
    }
    return call_end(&c);
}

bool store_scram_login(struct store *st, struct fct_str user, struct fct_str auth_message, struct fct_str client_proof, struct arena *arena,
                       struct fct_str *server_signature, struct store_principal *out, struct fct_err *err)
{
    struct call c = call_begin(st, STORE_SCRAM_LOGIN, err);

    *out = (struct store_principal){0};
    ipc_put_str(&c.out, user);
    ipc_put_str(&c.out, auth_message);
    ipc_put_str(&c.out, client_proof);
    if (call_send(&c)) {
        *server_signature = get_copy(&c, arena);
        get_principal(&c, arena, out);
    }
    return call_end(&c);
}

void store_logout(struct store *st, struct store_principal *p)
{
    if (p->handle) {
        store_watch(st, p->handle, NULL, NULL);
        notify(st, STORE_LOGOUT, p->handle, NULL, NULL);
    }
    p->handle = 0;
}

bool store_may_send_as(struct store *st, uint32_t principal, struct fct_str address, bool *yes, struct fct_err *err)
{
    struct call c = call_as(st, STORE_MAY_SEND_AS, principal, err);

    *yes = false;
    ipc_put_str(&c.out, address);
    if (call_send(&c))
        *yes = ipc_get_bool(&c.reply);
    return call_end(&c);
}

/* ---- mailboxes ---- */

static void get_info(struct call *c, struct arena *arena, struct mailbox_info *info)
{
    store_get_info(&c->reply, info);
    info->name = arena_str(arena, info->name);
}

bool store_mailboxes(struct store *st, uint32_t principal, struct arena *arena, const struct mailbox_info **out, size_t *n, struct fct_err *err)
{
    struct call c = call_as(st, STORE_MAILBOXES, principal, err);
    struct mailbox_info *info;

    *out = NULL;
    *n = 0;
    if (call_send(&c)) {
        *n = ipc_get_count(&c.reply, 50);
        *out = info = ARENA_ARRAY(arena, struct mailbox_info, *n + 1);
        for (size_t i = 0; i < *n; i++)
            get_info(&c, arena, &info[i]);
    }
    return call_end(&c);
}

bool store_mailbox(struct store *st, uint32_t principal, struct fct_str name, struct arena *arena, struct mailbox_info *out, struct fct_err *err)
{
    struct call c = call_as(st, STORE_MAILBOX, principal, err);

    ipc_put_str(&c.out, name);
    if (call_send(&c))
        get_info(&c, arena, out);
    return call_end(&c);
}

bool store_mailbox_create(struct store *st, uint32_t principal, struct fct_str name, enum mailbox_role role, uint64_t *id, struct fct_err *err)
{
    struct call c = call_as(st, STORE_MAILBOX_CREATE, principal, err);

    ipc_put_str(&c.out, name);
    ipc_put_u8(&c.out, (uint8_t)role);
    if (call_send(&c))
        *id = ipc_get_u64(&c.reply);
    return call_end(&c);
}

bool store_mailbox_delete(struct store *st, uint32_t principal, struct fct_str name, struct fct_err *err)
{
    struct call c = call_as(st, STORE_MAILBOX_DELETE, principal, err);

    ipc_put_str(&c.out, name);
    call_send(&c);
    return call_end(&c);
}

bool store_mailbox_rename(struct store *st, uint32_t principal, struct fct_str from, struct fct_str to, struct fct_err *err)
{
    struct call c = call_as(st, STORE_MAILBOX_RENAME, principal, err);

    ipc_put_str(&c.out, from);
    ipc_put_str(&c.out, to);
    call_send(&c);
    return call_end(&c);
}

bool store_mailbox_subscribe(struct store *st, uint32_t principal, struct fct_str name, bool on, struct fct_err *err)
{
    struct call c = call_as(st, STORE_MAILBOX_SUBSCRIBE, principal, err);

    ipc_put_str(&c.out, name);
    ipc_put_bool(&c.out, on);
    call_send(&c);
    return call_end(&c);
}

/* ---- a selected mailbox ---- */

static bool map_records(struct call *c, uint32_t n, struct store_view *out)
{
    size_t bytes = (size_t)n * sizeof(struct hot_record);
    struct stat st;
    void *p;

    if (fstat(c->fd, &st) != 0 || (uint64_t)st.st_size < bytes)
        return fct_fail(c->err, FCT_BUG, "the store's snapshot is too short");
    p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, c->fd, 0);
    if (p == MAP_FAILED)
        return fct_fail(c->err, FCT_TEMP, "no memory for a mailbox");
    out->record = p;
    out->mapped = bytes;
    return true;
}

/* n records: inline, or as a descriptor. */
static bool get_array(struct call *c, struct arena *arena, struct store_view *out)
{
    uint32_t n = ipc_get_u32(&c->reply);
    size_t inlined;
    const struct hot_record *r = store_get_records(&c->reply, arena, &inlined);

    out->info.exists = n;
    if (c->fd >= 0)
        return map_records(c, n, out);
    if (inlined != n)
        return fct_fail(c->err, FCT_BUG, "the store's answer is malformed");
    out->record = malloc(n * sizeof *out->record + 1);
    FCT_ASSERT(out->record);
    if (n)
        memcpy(out->record, r, n * sizeof *r);
    return true;
}

bool store_select(struct store *st, uint32_t principal, struct fct_str name, bool watch, struct arena *arena, struct store_view *out,
                  struct fct_err *err)
{
    struct call c = call_as(st, STORE_SELECT, principal, err);

    *out = (struct store_view){0};
    ipc_put_str(&c.out, name);
    ipc_put_bool(&c.out, watch);
    if (call_send(&c)) {
        get_info(&c, arena, &out->info);
        out->keyword = get_copies(&c, arena, &out->nkeywords);
        c.ok = get_array(&c, arena, out);
    }
    if (call_end(&c))
        return true;
    store_view_free(out);
    return false;
}

void store_unselect(struct store *st, uint32_t principal, uint64_t mailbox)
{
    notify(st, STORE_UNSELECT, principal, &mailbox, NULL);
}

void store_view_free(struct store_view *view)
{
    if (view->mapped)
        munmap(view->record, view->mapped);
    else
        free(view->record);
    view->record = NULL;
    view->mapped = 0;
}

void store_watch(struct store *st, uint32_t principal, store_changed_fn fn, void *arg)
{
    struct watcher *w = map_remove(st->watchers, handle_key(&principal));
    bool on = fn != NULL;

    if (!fn && !w)
        return;
    free(w);
    if (fn) {
        w = calloc(1, sizeof *w);
        FCT_ASSERT(w);
        *w = (struct watcher){fn, arg};
        map_put(st->watchers, handle_key(&principal), w);
    }
    notify(st, STORE_WATCH, principal, NULL, &on);
}

enum { SYNC_GONE = 1, SYNC_TOO_OLD = 2 };

bool store_sync(struct store *st, uint32_t principal, uint64_t mailbox, uint64_t since, struct arena *arena, struct store_changes *out,
                struct fct_err *err)
{
    struct call c = call_as(st, STORE_SYNC, principal, err);
    uint8_t what;

    *out = (struct store_changes){0};
    ipc_put_u64(&c.out, mailbox);
    ipc_put_u64(&c.out, since);
    if (call_send(&c)) {
        what = ipc_get_u8(&c.reply);
        out->gone = what == SYNC_GONE;
        out->too_old = what == SYNC_TOO_OLD;
        if (what == 0) {
            out->mod_seq = ipc_get_u64(&c.reply);
            out->uid_next = ipc_get_u32(&c.reply);
            out->record = store_get_records(&c.reply, arena, &out->n);
            out->vanished = store_get_numbers(&c.reply, arena, &out->nvanished);
            out->keyword = get_copies(&c, arena, &out->nkeywords);
            if (out->nkeywords == 0)
                out->keyword = NULL;
        }
    }
    return call_end(&c);
}

/* ---- messages ---- */

/* Several messages travel in one descriptor: copied one behind the other. */
static int join_bodies(const struct store_new *m, size_t n)
{
    int fd = memfd_create("append", MFD_CLOEXEC);
    char piece[65536];

    for (size_t i = 0; fd >= 0 && i < n; i++)
        for (uint64_t at = 0; at < m[i].size;) {
            size_t want = m[i].size - at < sizeof piece ? (size_t)(m[i].size - at) : sizeof piece;
            ssize_t got = pread(m[i].fd, piece, want, (off_t)at);

            if (got <= 0 || write(fd, piece, (size_t)got) != got) {
                close(fd);
                return -1;
            }
            at += (uint64_t)got;
        }
    return fd;
}

static void put_new(struct buf *b, const struct store_new *m)
{
    ipc_put_u64(b, m->size);
    ipc_put_u16(b, m->flags);
    ipc_put_u64(b, (uint64_t)m->internal_date);
    ipc_put_str(b, m->summary);
    store_put_strs(b, m->keyword, m->nkeywords);
}

bool store_append(struct store *st, uint32_t principal, struct fct_str mailbox, const struct store_new *message, size_t n,
                  uint32_t *uid_validity, uint32_t *uid, struct fct_err *err)
{
    struct call c = call_as(st, STORE_APPEND, principal, err);
    int fd = n == 1 ? message->fd : join_bodies(message, n);

    ipc_put_str(&c.out, mailbox);
    ipc_put_u32(&c.out, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        put_new(&c.out, &message[i]);
    c.send = &fd;
    c.nsend = fd >= 0;
    if (n > 1 && fd < 0)
        c.ok = fct_fail(err, FCT_TEMP, "no memory for the messages");
    if (call_send(&c)) {
        *uid_validity = ipc_get_u32(&c.reply);
        if (ipc_get_u32(&c.reply) != n)
            c.reply.bad = true;
        for (size_t i = 0; i < n; i++)
            uid[i] = ipc_get_u32(&c.reply);
    }
    if (n != 1 && fd >= 0)
        close(fd);
    return call_end(&c);
}

/* The list of numbers in a reply, in the arena. */
static const uint32_t *get_numbers(struct call *c, struct arena *arena, size_t *n)
{
    return store_get_numbers(&c->reply, arena, n);
}

bool store_flags(struct store *st, uint32_t principal, uint64_t mailbox, struct uid_set uids, enum store_flag_op op, uint16_t flags,
                 const struct fct_str *keyword, size_t nkeywords, uint64_t unchanged_since, struct arena *arena, const uint32_t **failed,
                 size_t *nfailed, uint64_t *mod_seq, struct fct_err *err)
{
    struct call c = call_as(st, STORE_FLAGS, principal, err);

    *failed = NULL;
    *nfailed = 0;
    ipc_put_u64(&c.out, mailbox);
    store_put_uids(&c.out, uids);
    ipc_put_u8(&c.out, (uint8_t)op);
    ipc_put_u16(&c.out, flags);
    ipc_put_u64(&c.out, unchanged_since);
    store_put_strs(&c.out, keyword, nkeywords);
    if (call_send(&c)) {
        *mod_seq = ipc_get_u64(&c.reply);
        *failed = get_numbers(&c, arena, nfailed);
    }
    return call_end(&c);
}

bool store_copy(struct store *st, uint32_t principal, uint64_t mailbox, struct uid_set uids, struct fct_str target, bool move,
                struct arena *arena, struct store_copied *out, struct fct_err *err)
{
    struct call c = call_as(st, STORE_COPY, principal, err);
    size_t n = 0;

    *out = (struct store_copied){0};
    ipc_put_u64(&c.out, mailbox);
    store_put_uids(&c.out, uids);
    ipc_put_str(&c.out, target);
    ipc_put_bool(&c.out, move);
    if (call_send(&c)) {
        out->uid_validity = ipc_get_u32(&c.reply);
        out->source = get_numbers(&c, arena, &out->n);
        out->target = get_numbers(&c, arena, &n);
        if (n != out->n)
            c.reply.bad = true;
    }
    return call_end(&c);
}

bool store_expunge(struct store *st, uint32_t principal, uint64_t mailbox, struct uid_set uids, bool only_deleted, uint64_t *mod_seq,
                   struct fct_err *err)
{
    struct call c = call_as(st, STORE_EXPUNGE, principal, err);

    ipc_put_u64(&c.out, mailbox);
    store_put_uids(&c.out, uids);
    ipc_put_bool(&c.out, only_deleted);
    if (call_send(&c))
        *mod_seq = ipc_get_u64(&c.reply);
    return call_end(&c);
}

bool store_summaries(struct store *st, uint32_t principal, uint64_t mailbox, const uint32_t *uid, size_t n, struct arena *arena,
                     struct fct_str *out, size_t *done, struct fct_err *err)
{
    struct call c = call_as(st, STORE_SUMMARIES, principal, err);

    *done = 0;
    ipc_put_u64(&c.out, mailbox);
    store_put_numbers(&c.out, uid, n);
    if (call_send(&c)) {
        struct fct_str all; /* one copy for all of them */

        *done = ipc_get_count(&c.reply, 4);
        if (*done > n || (*done == 0 && n > 0))
            c.reply.bad = true;
        all = arena_str(arena, str_between(c.reply.p, c.reply.end));
        c.reply.p = c.reply.end;
        if (!c.reply.bad)
            c.reply = ipc_reader(all);
        for (size_t i = 0; i < *done && !c.reply.bad; i++)
            out[i] = ipc_get_str(&c.reply);
    }
    return call_end(&c);
}

struct store_reading store_read_start(struct store *st, uint32_t principal, uint64_t mailbox, uint32_t uid, bool original, uint64_t offset,
                                      uint32_t length)
{
    struct buf out = BUF_INIT(64);
    struct store_reading r = {0};
    uint32_t handle;

    if (!st->conn || !handle_in(st, principal, &handle, NULL))
        return r; /* collecting it says that the store is away */
    ipc_put_u32(&out, handle);
    ipc_put_u64(&out, mailbox);
    ipc_put_u32(&out, uid);
    ipc_put_bool(&out, original);
    ipc_put_u64(&out, offset);
    ipc_put_u32(&out, length);
    r.pending = ipc_start(st->conn, &(struct ipc_out){.kind = STORE_READ, .payload = buf_str(&out)});
    r.started = true;
    buf_free(&out);
    return r;
}

static bool append_bytes(const struct buf *reply, int fd, struct buf *out, struct fct_err *err)
{
    struct ipc_reader r = ipc_reader(buf_str(reply));
    uint32_t n = ipc_get_u32(&r);
    char *to = n <= STORE_READ_MAX ? buf_reserve(out, n) : NULL;

    if (!to)
        return fct_fail(err, FCT_LIMIT, "a piece of a message is too large");
    if (fd < 0 && !r.bad && (size_t)(r.end - r.p) == n)
        memcpy(to, r.p, n);
    else if (fd < 0 || !ipc_reader_ok(&r) || pread(fd, to, n, 0) != (ssize_t)n)
        return fct_fail(err, FCT_BUG, "the store's answer is malformed");
    out->n += n;
    return true;
}

bool store_read_collect(struct store_reading r, struct buf *out, struct fct_err *err)
{
    struct buf reply = BUF_INIT(STORE_READ_INLINE + 64);
    int fd[IPC_MAX_FDS];
    unsigned fds = 0;
    bool ok;

    if (!r.started)
        return fct_fail(err, FCT_TEMP, "the store is away");
    ok = ipc_collect(r.pending, clock_ms() + CALL_MS, &reply, fd, &fds, err);
    if (ok)
        ok = append_bytes(&reply, fds ? fd[0] : -1, out, err);
    for (unsigned i = 0; i < fds; i++)
        close(fd[i]);
    buf_free(&reply);
    return ok;
}

void store_read_drop(struct store_reading r)
{
    if (r.started)
        ipc_drop(r.pending);
}

bool store_read(struct store *st, uint32_t principal, uint64_t mailbox, uint32_t uid, bool original, uint64_t offset, uint32_t length,
                struct buf *out, struct fct_err *err)
{
    return store_read_collect(store_read_start(st, principal, mailbox, uid, original, offset, length), out, err);
}

/* ---- delivery ---- */

bool store_spool(struct store *st, int *fd, struct fct_err *err)
{
    struct call c = call_begin(st, STORE_SPOOL, err);

    *fd = -1;
    if (call_send(&c)) {
        if (c.fd < 0)
            c.ok = fct_fail(err, FCT_BUG, "the store's answer is malformed");
        *fd = c.fd;
        c.fd = -1;
    }
    return call_end(&c);
}

/* Summaries, each once; which[i] is the one of copy i. */
static size_t gather_summaries(const struct store_delivery *d, struct fct_str *summary, uint32_t *which)
{
    size_t n = 0;

    for (size_t i = 0; i < d->n; i++) {
        size_t k = n;

        while (k > 0 && (summary[k - 1].p != d->copy[i].summary.p || summary[k - 1].n != d->copy[i].summary.n))
            k--;
        if (k == 0) {
            summary[n++] = d->copy[i].summary;
            k = n;
        }
        which[i] = (uint32_t)(k - 1);
    }
    return n;
}

static void put_copy(struct buf *b, const struct store_copy_for *copy, uint32_t summary)
{
    ipc_put_u64(b, copy->account);
    ipc_put_str(b, copy->mailbox);
    ipc_put_u16(b, copy->flags);
    store_put_strs(b, copy->keyword, copy->nkeywords);
    ipc_put_str(b, copy->edits);
    ipc_put_str(b, copy->ledger);
    ipc_put_u32(b, summary);
    ipc_put_u32(b, copy->view_size);
}

static void put_delivery(struct call *c, const struct store_delivery *d)
{
    struct fct_str *summary = calloc(d->n + 1, sizeof *summary);
    uint32_t *which = calloc(d->n + 1, sizeof *which);
    size_t n;

    FCT_ASSERT(summary && which);
    n = gather_summaries(d, summary, which);
    ipc_put_str(&c->out, d->id);
    ipc_put_str(&c->out, d->reverse_path);
    ipc_put_u64(&c->out, d->size);
    ipc_put_u64(&c->out, (uint64_t)d->internal_date);
    store_put_strs(&c->out, summary, n);
    ipc_put_u32(&c->out, (uint32_t)d->n);
    for (size_t i = 0; i < d->n; i++)
        put_copy(&c->out, &d->copy[i], which[i]);
    free(summary);
    free(which);
}

bool store_deliver(struct store *st, const struct store_delivery *d, struct arena *arena, struct store_delivered *out, struct fct_err *err)
{
    struct call c = call_begin(st, STORE_DELIVER, err);

    put_delivery(&c, d);
    c.send = &d->fd;
    c.nsend = d->fd >= 0;
    if (call_send(&c)) {
        if (ipc_get_u32(&c.reply) != d->n)
            c.reply.bad = true;
        for (size_t i = 0; i < d->n; i++) {
            uint8_t class = ipc_get_u8(&c.reply);

            out[i].class = class <= FCT_BUG ? (enum fct_class)class : FCT_BUG;
            out[i].text = get_copy(&c, arena);
            out[i].mailbox = get_copy(&c, arena);
            out[i].uid = ipc_get_u32(&c.reply);
        }
    }
    return call_end(&c);
}

/* ---- admin ---- */

static FCT_MAY_WAIT bool call_strings(struct store *st, enum store_request kind, struct fct_str a, const struct fct_str *b, struct fct_err *err)
{
    struct call c = call_begin(st, kind, err);

    c.deadline_ms = LONG_MS;
    ipc_put_str(&c.out, a);
    if (b)
        ipc_put_str(&c.out, *b);
    call_send(&c);
    return call_end(&c);
}

bool store_account_add(struct store *st, struct fct_str address, struct fct_str password, struct fct_err *err)
{
    return call_strings(st, STORE_ACCOUNT_ADD, address, &password, err);
}

bool store_account_load(struct store *st, struct fct_str lines, uint32_t *loaded, struct fct_err *err)
{
    struct call c = call_begin(st, STORE_ACCOUNT_LOAD, err);

    *loaded = 0;
    c.deadline_ms = LONG_MS;
    ipc_put_str(&c.out, lines);
    if (call_send(&c))
        *loaded = ipc_get_u32(&c.reply);
    return call_end(&c);
}

bool store_account_password(struct store *st, struct fct_str address, struct fct_str password, struct fct_err *err)
{
    return call_strings(st, STORE_ACCOUNT_PASSWORD, address, &password, err);
}

bool store_account_remove(struct store *st, struct fct_str address, struct fct_err *err)
{
    return call_strings(st, STORE_ACCOUNT_REMOVE, address, NULL, err);
}

bool store_accounts(struct store *st, struct arena *arena, const struct store_account **out, size_t *n, struct fct_err *err)
{
    struct call c = call_begin(st, STORE_ACCOUNTS, err);
    struct store_account *a;

    *out = NULL;
    *n = 0;
    if (call_send(&c)) {
        *n = ipc_get_count(&c.reply, 36);
        *out = a = ARENA_ARRAY(arena, struct store_account, *n + 1);
        for (size_t i = 0; i < *n; i++) {
            a[i].name = get_copy(&c, arena);
            a[i].id = ipc_get_u64(&c.reply);
            a[i].messages = ipc_get_u64(&c.reply);
            a[i].bytes = ipc_get_u64(&c.reply);
            a[i].quota_bytes = ipc_get_u64(&c.reply);
        }
    }
    return call_end(&c);
}

bool store_alias_set(struct store *st, struct fct_str alias, const struct fct_str *target, size_t n, struct fct_err *err)
{
    struct call c = call_begin(st, STORE_ALIAS_SET, err);

    ipc_put_str(&c.out, alias);
    store_put_strs(&c.out, target, n);
    call_send(&c);
    return call_end(&c);
}

bool store_aliases(struct store *st, struct arena *arena, const struct store_alias **out, size_t *n, struct fct_err *err)
{
    struct call c = call_begin(st, STORE_ALIASES, err);
    struct store_alias *a;

    *out = NULL;
    *n = 0;
    if (call_send(&c)) {
        *n = ipc_get_count(&c.reply, 8);
        *out = a = ARENA_ARRAY(arena, struct store_alias, *n + 1);
        for (size_t i = 0; i < *n; i++) {
            a[i].alias = get_copy(&c, arena);
            a[i].target = get_copies(&c, arena, &a[i].n);
        }
    }
    return call_end(&c);
}

bool store_trace(struct store *st, struct fct_str id, struct arena *arena, const struct store_trace **out, size_t *n, struct fct_err *err)
{
    struct call c = call_begin(st, STORE_TRACE, err);
    struct store_trace *t;

    *out = NULL;
    *n = 0;
    ipc_put_str(&c.out, id);
    if (call_send(&c)) {
        *n = ipc_get_count(&c.reply, 48);
        *out = t = ARENA_ARRAY(arena, struct store_trace, *n + 1);
        for (size_t i = 0; i < *n; i++) {
            t[i].account = get_copy(&c, arena);
            t[i].mailbox = get_copy(&c, arena);
            t[i].uid = ipc_get_u32(&c.reply);
            t[i].received = (int64_t)ipc_get_u64(&c.reply);
            t[i].reverse_path = get_copy(&c, arena);
            t[i].ledger = get_copy(&c, arena);
            t[i].edits = get_copy(&c, arena);
            t[i].original_size = ipc_get_u64(&c.reply);
            t[i].view_size = ipc_get_u64(&c.reply);
        }
    }
    return call_end(&c);
}

bool store_check(struct store *st, struct store_check_result *out, struct buf *report, struct fct_err *err)
{
    struct call c = call_begin(st, STORE_CHECK, err);

    c.deadline_ms = LONG_MS;
    if (call_send(&c)) {
        uint64_t *number[] = {&out->accounts, &out->mailboxes, &out->messages, &out->blobs, &out->bytes, &out->damaged, &out->orphans};

        for (size_t i = 0; i < FCT_COUNT(number); i++)
            *number[i] = ipc_get_u64(&c.reply);
        buf_put_str(report, ipc_get_str(&c.reply));
    }
    return call_end(&c);
}

bool store_statistics(struct store *st, struct buf *out, struct fct_err *err)
{
    struct call c = call_begin(st, STORE_STATISTICS, err);

    if (call_send(&c))
        buf_put_str(out, ipc_get_str(&c.reply));
    return call_end(&c);
}
