/* serve_original.c - requests for the original of an e-mail as a descriptor: what was received,
 * before anybody's edits. */
#include "store/mail_cache.h"
#include "store/mail_record.h"
#include "store/original.h"
#include "store/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define IN_MEMORY_MAX (1u << 20) /* a sealed memfd; larger ones go through a file on the disk */
#define PIECE         (1u << 20)

static bool write_all(int fd, const struct buf *bytes, struct fct_err *err)
{
    for (size_t at = 0; at < bytes->n;) {
        ssize_t n = write(fd, bytes->p + at, bytes->n - at);

        if (n <= 0)
            return fct_fail(err, FCT_TEMP, "spool file: %s", strerror(errno));
        at += (size_t)n;
    }
    return true;
}

static bool copy_to(struct request *rq, uint64_t account, uint64_t email, uint64_t size, int fd)
{
    struct buf piece = BUF_INIT(PIECE);
    bool ok = true;

    for (uint64_t at = 0; ok && at < size; at += piece.n) {
        buf_clear(&piece);
        ok = mail_read(rq->s, account, email, true, at, PIECE, &piece, rq->err) &&
             (piece.n > 0 || fct_fail(rq->err, FCT_TEMP, "a message is cut short")) &&
             write_all(fd, &piece, rq->err);
    }
    buf_free(&piece);
    return ok;
}

/* What leaves is rq->reply_fd. *writer: by which it is filled, -1 for the same. */
static bool make_file(struct request *rq, uint64_t size, int *writer)
{
    if (size > IN_MEMORY_MAX)
        return spool_open(rq->s->dir, writer, &rq->reply_fd, rq->err);
    rq->reply_fd = memfd_create("original", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    *writer = -1;
    return rq->reply_fd >= 0 || fct_fail(rq->err, FCT_TEMP, "no memory for a message");
}

static bool seal(struct request *rq, int fd)
{
    return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0 ||
           fct_fail(rq->err, FCT_TEMP, "sealing: %s", strerror(errno));
}

bool original_give(struct request *rq, uint64_t account, uint64_t email)
{
    struct cached_mail *mail;
    uint64_t size;
    int writer;
    bool ok;

    if (!mail_cache_get(rq->s, account, email, &mail, rq->err))
        return false;
    size = mail->size;
    if (!make_file(rq, size, &writer))
        return false;
    ok = copy_to(rq, account, email, size, writer >= 0 ? writer : rq->reply_fd) &&
         (writer >= 0 || seal(rq, rq->reply_fd));
    if (writer >= 0)
        close(writer);
    ipc_put_u64(&rq->out, size);
    return ok;
}

bool serve_original(struct request *rq)
{
    uint64_t email = ipc_get_u64(&rq->in);
    struct account *a;

    return request_read_all(rq) && request_account(rq, &a) &&
           commit_wait(rq->s->commit, a->seq, rq->err) && /* what came just now is readable */
           original_give(rq, rq->account, email);
}

bool serve_original_of(struct request *rq)
{
    uint64_t account = ipc_get_u64(&rq->in), email = ipc_get_u64(&rq->in);
    struct account *a;

    return request_read_all(rq) && account_find(rq->s, account, &a, rq->err) &&
           original_give(rq, account, email);
}
