/* serve_read.c - requests that read messages: cold records, bytes of one, pieces of many. */
#include "store/client.h"
#include "store/mail_cache.h"
#include "store/message.h"

#include "core/base/str.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- cold records ---- */

struct summaries {
    const uint64_t *email;
    struct buf found;
    size_t done;
    bool damaged;
};

static bool summary_found(void *arg, size_t i, const struct fct_str *value)
{
    struct summaries *f = arg;
    struct mail_record record = {0};

    if (f->email[i] && value && !mail_record_decode(*value, &record)) {
        f->damaged = true;
        return false;
    }
    ipc_put_str(&f->found, record.summary);
    f->done = i + 1;
    return f->found.n < STORE_SUMMARY_ROOM;
}

/* E-mail numbers of the UIDs; 0 for those that are not there. Found before waiting: the index may
 * be another one then. */
static const uint64_t *emails_of(struct request *rq, const struct mailbox *m, const uint32_t *uid,
                                 size_t n)
{
    uint64_t *email = ARENA_ARRAY(rq->arena, uint64_t, n + 1);

    for (size_t i = 0; i < n; i++) {
        const struct hot_record *r = mailbox_index_find(&m->index, uid[i]);

        email[i] = r ? r->email_id : 0;
    }
    return email;
}

bool serve_summaries(struct request *rq)
{
    uint64_t mailbox = ipc_get_u64(&rq->in);
    size_t n;
    const uint32_t *uid = store_get_numbers(&rq->in, rq->arena, &n);
    struct summaries f = {.found = BUF_INIT(IPC_MAX_MESSAGE - 8192)};
    struct account *a;
    struct mailbox *m;
    bool ok;

    if (!request_read_all(rq) || !request_index(rq, mailbox, &a, &m))
        return false;
    f.email = emails_of(rq, m, uid, n);
    ok = commit_wait(rq->s->commit, m->seq, rq->err) && /* what was put in just now is readable */
         mail_get_many(rq->s->driver, rq->account, MAIL_RECORD_KEY, f.email, n, summary_found, &f,
                       rq->err);
    if (f.damaged)
        ok = fct_fail(rq->err, FCT_TEMP, "the record of a message is damaged");
    ipc_put_u32(&rq->out, (uint32_t)f.done);
    buf_put_str(&rq->out, buf_str(&f.found));
    rq->out.overflow |= f.found.overflow;
    buf_free(&f.found);
    return ok;
}

/* ---- bytes ---- */

static int memfd_of(const struct buf *b)
{
    int fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0 &&
        (write(fd, b->p, b->n) != (ssize_t)b->n ||
         fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

bool request_put_bytes(struct request *rq, struct buf *bytes)
{
    ipc_put_u32(&rq->out, (uint32_t)bytes->n);
    if (bytes->n <= STORE_READ_INLINE)
        return buf_put_str(&rq->out, buf_str(bytes));
    rq->reply_fd = memfd_of(bytes);
    return rq->reply_fd >= 0 || fct_fail(rq->err, FCT_TEMP, "no memory for a message");
}

bool serve_read(struct request *rq)
{
    uint64_t mailbox = ipc_get_u64(&rq->in);
    uint32_t uid = ipc_get_u32(&rq->in);
    bool original = ipc_get_bool(&rq->in);
    uint64_t offset = ipc_get_u64(&rq->in);
    uint32_t length = ipc_get_u32(&rq->in);
    struct buf bytes = BUF_INIT(STORE_READ_MAX);
    const struct hot_record *r;
    struct account *a;
    struct mailbox *m;
    bool ok;

    if (!request_read_all(rq) || !request_index(rq, mailbox, &a, &m))
        return false;
    r = mailbox_index_find(&m->index, uid);
    if (!r)
        return fct_fail(rq->err, FCT_DENIED, "no such message");
    if (length > STORE_READ_MAX)
        length = STORE_READ_MAX;
    {
        uint64_t email = r->email_id; /* the record may move while we wait */

        ok = commit_wait(rq->s->commit, m->seq, rq->err) &&
             mail_read(rq->s, rq->account, email, original, offset, length, &bytes, rq->err) &&
             request_put_bytes(rq, &bytes);
    }
    buf_free(&bytes);
    return ok;
}

/* ---- pieces of many ---- */

struct piece {
    uint32_t uid, length;
    uint64_t offset;
};

/* Bounded in number and in sum, so that the answer is one message. */
static const struct piece *read_pieces(struct request *rq, size_t *n)
{
    uint64_t bytes = 0;
    struct piece *piece;

    *n = ipc_get_count(&rq->in, 16);
    if (*n > STORE_MANY)
        rq->in.bad = true;
    if (rq->in.bad)
        *n = 0;
    piece = ARENA_ARRAY(rq->arena, struct piece, *n + 1);
    for (size_t i = 0; i < *n; i++) {
        piece[i].uid = ipc_get_u32(&rq->in);
        piece[i].offset = ipc_get_u64(&rq->in);
        piece[i].length = ipc_get_u32(&rq->in);
        bytes += piece[i].length;
    }
    if (bytes > STORE_MANY_BYTES)
        rq->in.bad = true;
    return piece;
}

/* u8 class of the failure or FCT_OK, then the bytes or the reason. */
static void put_piece(struct request *rq, uint64_t email, const struct piece *piece,
                      struct buf *bytes)
{
    struct fct_err err = {0};
    bool ok = email ? mail_read(rq->s, rq->account, email, false, piece->offset, piece->length,
                                bytes, &err)
                    : fct_fail(&err, FCT_DENIED, "no such message");

    ipc_put_u8(&rq->out, (uint8_t)(ok ? FCT_OK : err.class));
    ipc_put_str(&rq->out, ok ? buf_str(bytes) : str_from(err.text));
    buf_clear(bytes);
}

bool serve_read_many(struct request *rq)
{
    uint64_t mailbox = ipc_get_u64(&rq->in);
    size_t n;
    const struct piece *piece = read_pieces(rq, &n);
    struct buf bytes = BUF_INIT(STORE_MANY_BYTES);
    const uint64_t *email;
    uint32_t *uid;
    struct account *a;
    struct mailbox *m;

    if (!request_read_all(rq) || !request_index(rq, mailbox, &a, &m))
        return false;
    uid = ARENA_ARRAY(rq->arena, uint32_t, n + 1);
    for (size_t i = 0; i < n; i++)
        uid[i] = piece[i].uid;
    email = emails_of(rq, m, uid, n);
    if (!commit_wait(rq->s->commit, m->seq, rq->err))
        return false;
    mail_cache_fill(rq->s, rq->account, email, n);
    ipc_put_u32(&rq->out, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        put_piece(rq, email[i], &piece[i], &bytes);
    buf_free(&bytes);
    return true;
}
