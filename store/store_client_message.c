/* store_client_message.c - adding, changing, reading and delivering messages. */
#include "core/base/str.h"
#include "store/queue_codec.h"
#include "store/store_call.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- messages ---- */

#define PIECE 65536u

static bool copy_body(int to, const struct store_new *m, char *piece)
{
    for (uint64_t at = 0; at < m->size;) {
        size_t want = m->size - at < PIECE ? (size_t)(m->size - at) : PIECE;
        ssize_t got = pread(m->fd, piece, want, (off_t)at);

        if (got <= 0 || write(to, piece, (size_t)got) != got)
            return false;
        at += (uint64_t)got;
    }
    return true;
}

/* Several messages travel in one descriptor: copied one behind the other. -1: no memory. */
static int join_bodies(const struct store_new *m, size_t n)
{
    int fd = memfd_create("append", MFD_CLOEXEC);
    char *piece = malloc(PIECE);
    bool ok = fd >= 0 && piece;

    for (size_t i = 0; ok && i < n; i++)
        ok = copy_body(fd, &m[i], piece);
    free(piece);
    if (!ok && fd >= 0)
        close(fd);
    return ok ? fd : -1;
}

static void put_new(struct buf *b, const struct store_new *m)
{
    ipc_put_u64(b, m->size);
    ipc_put_u16(b, m->flags);
    ipc_put_u64(b, (uint64_t)m->internal_date);
    ipc_put_str(b, m->summary);
    store_put_strs(b, m->keyword, m->nkeywords);
}

bool store_append(struct store *st, uint32_t principal, struct fct_str mailbox,
                  const struct store_new *message, size_t n, uint32_t *uid_validity, uint32_t *uid,
                  struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_APPEND, principal, err);
    int fd = n == 1 ? message->fd : join_bodies(message, n);

    ipc_put_str(&c.out, mailbox);
    ipc_put_u32(&c.out, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        put_new(&c.out, &message[i]);
    c.send = &fd;
    c.nsend = fd >= 0;
    if (n > 1 && fd < 0)
        c.ok = fct_fail(err, FCT_TEMP, "no memory for the messages");
    if (store_call_send(&c)) {
        *uid_validity = ipc_get_u32(&c.reply);
        if (ipc_get_u32(&c.reply) != n)
            c.reply.bad = true;
        for (size_t i = 0; i < n; i++)
            uid[i] = ipc_get_u32(&c.reply);
    }
    if (n != 1 && fd >= 0)
        close(fd);
    return store_call_end(&c);
}

/* The list of numbers in a reply, in the arena. */
static const uint32_t *get_numbers(struct store_call *c, struct arena *arena, size_t *n)
{
    return store_get_numbers(&c->reply, arena, n);
}

bool store_flags(struct store *st, uint32_t principal, uint64_t mailbox, struct uid_set uids,
                 enum store_flag_op op, uint16_t flags, const struct fct_str *keyword,
                 size_t nkeywords, uint64_t unchanged_since, struct arena *arena,
                 const uint32_t **failed, size_t *nfailed, uint64_t *mod_seq, struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_FLAGS, principal, err);

    *failed = NULL;
    *nfailed = 0;
    ipc_put_u64(&c.out, mailbox);
    store_put_uids(&c.out, uids);
    ipc_put_u8(&c.out, (uint8_t)op);
    ipc_put_u16(&c.out, flags);
    ipc_put_u64(&c.out, unchanged_since);
    store_put_strs(&c.out, keyword, nkeywords);
    if (store_call_send(&c)) {
        *mod_seq = ipc_get_u64(&c.reply);
        *failed = get_numbers(&c, arena, nfailed);
    }
    return store_call_end(&c);
}

bool store_copy(struct store *st, uint32_t principal, uint64_t mailbox, struct uid_set uids,
                struct fct_str target, bool move, struct arena *arena, struct store_copied *out,
                struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_COPY, principal, err);
    size_t n = 0;

    *out = (struct store_copied){0};
    ipc_put_u64(&c.out, mailbox);
    store_put_uids(&c.out, uids);
    ipc_put_str(&c.out, target);
    ipc_put_bool(&c.out, move);
    if (store_call_send(&c)) {
        out->uid_validity = ipc_get_u32(&c.reply);
        out->source = get_numbers(&c, arena, &out->n);
        out->target = get_numbers(&c, arena, &n);
        out->shows_originals = ipc_get_bool(&c.reply);
        if (n != out->n)
            c.reply.bad = true;
    }
    return store_call_end(&c);
}

bool store_expunge(struct store *st, uint32_t principal, uint64_t mailbox, struct uid_set uids,
                   bool only_deleted, uint64_t *mod_seq, struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_EXPUNGE, principal, err);

    ipc_put_u64(&c.out, mailbox);
    store_put_uids(&c.out, uids);
    ipc_put_bool(&c.out, only_deleted);
    if (store_call_send(&c))
        *mod_seq = ipc_get_u64(&c.reply);
    return store_call_end(&c);
}

bool store_summaries(struct store *st, uint32_t principal, uint64_t mailbox, const uint32_t *uid,
                     size_t n, struct arena *arena, struct fct_str *out, size_t *done,
                     struct fct_err *err)
{
    struct store_call c = store_call_as(st, STORE_SUMMARIES, principal, err);

    *done = 0;
    ipc_put_u64(&c.out, mailbox);
    store_put_numbers(&c.out, uid, n);
    if (store_call_send(&c)) {
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
    return store_call_end(&c);
}

struct store_reading store_read_start(struct store *st, uint32_t principal, uint64_t mailbox,
                                      uint32_t uid, bool original, uint64_t offset, uint32_t length)
{
    struct buf out = BUF_INIT(64);
    struct store_reading r = {0};
    uint32_t handle;

    if (!st->conn || !store_handle_in(st, principal, &handle, NULL))
        return r; /* collecting it says that the store is away */
    ipc_put_u32(&out, handle);
    ipc_put_u64(&out, mailbox);
    ipc_put_u32(&out, uid);
    ipc_put_bool(&out, original);
    ipc_put_u64(&out, offset);
    ipc_put_u32(&out, length);
    r.pending =
        ipc_start(st->conn, &(struct ipc_out){.kind = STORE_READ, .payload = buf_str(&out)});
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
    ok = ipc_collect(r.pending, clock_ms() + STORE_CALL_MS, &reply, fd, &fds, err);
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

bool store_read(struct store *st, uint32_t principal, uint64_t mailbox, uint32_t uid, bool original,
                uint64_t offset, uint32_t length, struct buf *out, struct fct_err *err)
{
    return store_read_collect(
        store_read_start(st, principal, mailbox, uid, original, offset, length), out, err);
}

/* ---- pieces of many ---- */

struct store_reading store_read_many_start(struct store *st, uint32_t principal, uint64_t mailbox,
                                           const struct store_piece *piece, size_t n)
{
    struct buf out = BUF_INIT(64 + 16 * STORE_MANY);
    struct store_reading r = {0};
    uint32_t handle;

    if (!st->conn || !store_handle_in(st, principal, &handle, NULL))
        return r;
    ipc_put_u32(&out, handle);
    ipc_put_u64(&out, mailbox);
    ipc_put_u32(&out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        ipc_put_u32(&out, piece[i].uid);
        ipc_put_u64(&out, piece[i].offset);
        ipc_put_u32(&out, piece[i].length);
    }
    r.pending =
        ipc_start(st->conn, &(struct ipc_out){.kind = STORE_READ_MANY, .payload = buf_str(&out)});
    r.started = true;
    buf_free(&out);
    return r;
}

bool store_read_many_collect(struct store_reading r, struct store_pieces *out, struct fct_err *err)
{
    int fd[IPC_MAX_FDS];
    unsigned fds = 0;
    bool ok;

    *out = (struct store_pieces){.bytes = BUF_INIT(IPC_MAX_MESSAGE)};
    if (!r.started)
        return fct_fail(err, FCT_TEMP, "the store is away");
    ok = ipc_collect(r.pending, clock_ms() + STORE_CALL_MS, &out->bytes, fd, &fds, err);
    for (unsigned i = 0; i < fds; i++)
        close(fd[i]);
    out->at = ipc_reader(buf_str(&out->bytes));
    if (ok)
        ipc_get_u32(&out->at); /* their number, which we know */
    return ok;
}

bool store_pieces_next(struct store_pieces *p, struct fct_str *bytes, struct fct_err *err)
{
    uint8_t class = ipc_get_u8(&p->at);

    *bytes = ipc_get_str(&p->at);
    if (p->at.bad || class > FCT_BUG)
        return fct_fail(err, FCT_BUG, "the store's answer is malformed");
    return class == FCT_OK || fct_fail(err, (enum fct_class) class, "%.*s", FCT_FMT(*bytes));
}

void store_pieces_free(struct store_pieces *p)
{
    buf_free(&p->bytes);
}

/* ---- delivery ---- */

bool store_spool_pair(struct store *st, int *fd, int *reader, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_SPOOL, err);

    *fd = *reader = -1;
    if (store_call_send(&c) && ipc_reader_ok(&c.reply) && c.fd_2 >= 0) {
        *fd = c.fd;
        *reader = c.fd_2;
        c.fd = c.fd_2 = -1; /* the caller's */
    } else if (c.ok) {
        c.ok = fct_fail(err, FCT_BUG, "the store's answer is malformed");
    }
    return store_call_end(&c);
}

/* Summaries, each once; which[i] is the one of copy i. */
static size_t gather_summaries(const struct store_delivery *d, struct fct_str *summary,
                               uint32_t *which)
{
    size_t n = 0;

    for (size_t i = 0; i < d->n; i++) {
        size_t k = n;

        while (k > 0 && (summary[k - 1].p != d->copy[i].summary.p ||
                         summary[k - 1].n != d->copy[i].summary.n))
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
    ipc_put_str(b, copy->recipient);
    ipc_put_u8(b, copy->notify);
    ipc_put_str(b, copy->orcpt);
    ipc_put_u32(b, copy->waits);
    ipc_put_u32(b, copy->settles);
}

static void put_delivery(struct store_call *c, const struct store_delivery *d)
{
    struct fct_str *summary = calloc(d->n + 1, sizeof *summary);
    uint32_t *which = calloc(d->n + 1, sizeof *which);
    size_t n;

    FCT_ASSERT(summary && which);
    n = gather_summaries(d, summary, which);
    ipc_put_str(&c->out, d->id);
    ipc_put_str(&c->out, d->reverse_path);
    ipc_put_str(&c->out, d->client_ip);
    ipc_put_str(&c->out, d->helo);
    ipc_put_str(&c->out, d->login);
    ipc_put_u32(&c->out, d->role);
    ipc_put_u64(&c->out, d->size);
    ipc_put_u64(&c->out, (uint64_t)d->internal_date);
    store_put_strs(&c->out, summary, n);
    ipc_put_u32(&c->out, (uint32_t)d->n);
    for (size_t i = 0; i < d->n; i++)
        put_copy(&c->out, &d->copy[i], which[i]);
    queue_put_send(&c->out, d->send);
    queue_put_results(&c->out, d->result, d->nresults);
    free(summary);
    free(which);
}

bool store_deliver(struct store *st, const struct store_delivery *d, struct arena *arena,
                   struct store_delivered *out, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_DELIVER, err);
    uint64_t queue_id;

    put_delivery(&c, d);
    c.send = &d->fd;
    c.nsend = d->fd >= 0;
    if (store_call_send(&c)) {
        if (ipc_get_u32(&c.reply) != d->n)
            c.reply.bad = true;
        for (size_t i = 0; i < d->n; i++) {
            uint8_t class = ipc_get_u8(&c.reply);

            out[i].class = class <= FCT_BUG ? (enum fct_class) class : FCT_BUG;
            out[i].text = store_call_copy(&c, arena);
            out[i].mailbox = store_call_copy(&c, arena);
            out[i].uid = ipc_get_u32(&c.reply);
        }
        queue_id = ipc_get_u64(&c.reply);
        if (d->queue_id)
            *d->queue_id = queue_id;
    }
    return store_call_end(&c);
}
