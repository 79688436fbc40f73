/* ipc_pipe.c - see ipc_pipe.h. unix(7), SCM_RIGHTS. */
#include "core/ipc/ipc_pipe.h"

#include "core/base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES (64u << 10)  /* room for each recvmsg, at least */
#define KEEP_BYTES (512u << 10) /* an empty buffer above this is given back */
#define SEND_BYTES \
    (256u << 10) /* per sendmsg: bounds how far descriptors run ahead of their message */
#define FDS_UNCLAIMED \
    1024u /* more received than this without their messages: the neighbour misbehaves */

union control {
    char bytes[CMSG_SPACE(sizeof(int) * PIPE_FDS_PER_CALL)];
    struct cmsghdr align;
};

static void *grow(void *p, size_t bytes)
{
    p = realloc(p, bytes);
    FCT_ASSERT(p);
    return p;
}

/* ---- receiving ---- */

static void make_room(struct pipe_in *in, size_t want)
{
    size_t unread = in->n - in->start;
    size_t need = unread + READ_BYTES > want ? unread + READ_BYTES : want;

    if (in->start > 0) {
        memmove(in->p, in->p + in->start, unread);
        in->start = 0;
        in->n = unread;
    }
    if (in->cap < need) {
        in->p = grow(in->p, need);
        in->cap = need;
    }
}

static bool keep_descriptors(struct pipe_in *in, struct msghdr *m)
{
    bool all = !(m->msg_flags & MSG_CTRUNC);

    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        unsigned n = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        in->fd = grow(in->fd, (in->nfds + n) * sizeof *in->fd);
        memcpy(in->fd + in->nfds, CMSG_DATA(c), n * sizeof *in->fd);
        in->nfds += n;
    }
    return all && in->nfds <= FDS_UNCLAIMED;
}

enum pipe_result pipe_receive(struct pipe_in *in, int fd, size_t want, const char **why)
{
    union control control;
    struct iovec v;
    struct msghdr m = {.msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    ssize_t n;

    make_room(in, want);
    v.iov_base = in->p + in->n;
    v.iov_len = in->cap - in->n;
    n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? PIPE_BLOCKED : PIPE_CLOSED;
    if (!keep_descriptors(in, &m)) {
        *why = "descriptors lost";
        return PIPE_BAD;
    }
    if (n == 0)
        return PIPE_CLOSED;
    in->n += (size_t)n;
    return PIPE_MOVED;
}

void pipe_consume(struct pipe_in *in, size_t n)
{
    in->start += n;
    if (in->start < in->n)
        return;
    in->start = in->n = 0;
    if (in->cap > KEEP_BYTES) {
        free(in->p);
        in->p = NULL;
        in->cap = 0;
    }
}

bool pipe_claim(struct pipe_in *in, int *fd, unsigned n)
{
    if (n > in->nfds)
        return false;
    if (n == 0)
        return true;
    memcpy(fd, in->fd, n * sizeof *fd);
    in->nfds -= n;
    memmove(in->fd, in->fd + n, in->nfds * sizeof *fd);
    return true;
}

void pipe_in_fini(struct pipe_in *in)
{
    for (unsigned i = 0; i < in->nfds; i++)
        close(in->fd[i]);
    free(in->fd);
    free(in->p);
    *in = (struct pipe_in){0};
}

/* ---- sending ---- */

static void put_bytes(struct pipe_out *out, struct fct_str s)
{
    if (out->n + s.n > out->cap) {
        size_t unsent = out->n - out->start;
        size_t cap = out->cap ? out->cap : 4096;

        if (out->start > 0)
            memmove(out->p, out->p + out->start, unsent);
        out->start = 0;
        out->n = unsent;
        while (cap < unsent + s.n)
            cap *= 2;
        out->p = cap > out->cap ? grow(out->p, cap) : out->p;
        out->cap = cap;
    }
    if (s.n > 0)
        memcpy(out->p + out->n, s.p, s.n);
    out->n += s.n;
}

bool pipe_put(struct pipe_out *out, struct fct_str head, struct fct_str payload, const int *fd,
              unsigned fds)
{
    uint64_t frame = out->sent + pipe_backlog(out);
    unsigned before = out->nfds;

    if (fds > 0)
        out->fd = grow(out->fd, (out->nfds + fds) * sizeof *out->fd);
    for (unsigned i = 0; i < fds; i++) {
        int copy = fcntl(fd[i], F_DUPFD_CLOEXEC, 0);

        if (copy < 0) {
            int saved = errno;

            while (out->nfds > before)
                close(out->fd[--out->nfds].fd);
            errno = saved;
            return false;
        }
        out->fd[out->nfds++] = (struct pipe_passed){copy, frame};
    }
    put_bytes(out, head);
    put_bytes(out, payload);
    return true;
}

/* How many descriptors go with the next bytes; *bytes is cut so that none of the others is
 * overtaken by its message. */
static unsigned descriptors_for(const struct pipe_out *out, size_t *bytes)
{
    unsigned n = 0;

    while (n < out->nfds && out->fd[n].frame < out->sent + *bytes) {
        if (n == PIPE_FDS_PER_CALL) {
            *bytes = (size_t)(out->fd[n].frame - out->sent);
            break;
        }
        n++;
    }
    return n;
}

static void attach(const struct pipe_out *out, unsigned n, struct msghdr *m, union control *control)
{
    struct cmsghdr *c;

    if (n == 0)
        return;
    memset(control, 0, sizeof *control);
    m->msg_control = control->bytes;
    m->msg_controllen = CMSG_SPACE(sizeof(int) * n);
    c = CMSG_FIRSTHDR(m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * n);
    for (unsigned i = 0; i < n; i++)
        memcpy(CMSG_DATA(c) + i * sizeof(int), &out->fd[i].fd, sizeof(int));
}

static void moved(struct pipe_out *out, size_t bytes, unsigned fds)
{
    for (unsigned i = 0; i < fds; i++)
        close(out->fd[i].fd);
    out->nfds -= fds;
    if (fds > 0)
        memmove(out->fd, out->fd + fds, out->nfds * sizeof *out->fd);
    out->start += bytes;
    out->sent += bytes;
    if (out->start < out->n)
        return;
    out->start = out->n = 0;
    if (out->cap > KEEP_BYTES) {
        free(out->p);
        out->p = NULL;
        out->cap = 0;
    }
}

enum pipe_result pipe_send(struct pipe_out *out, int fd)
{
    while (out->n > out->start) {
        size_t bytes = pipe_backlog(out) < SEND_BYTES ? pipe_backlog(out) : SEND_BYTES;
        unsigned fds = descriptors_for(out, &bytes);
        struct iovec v = {out->p + out->start, bytes};
        struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
        union control control;
        ssize_t n;

        attach(out, fds, &m, &control);
        n = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? PIPE_BLOCKED : PIPE_CLOSED;
        moved(out, (size_t)n, fds);
    }
    return PIPE_MOVED;
}

void pipe_out_fini(struct pipe_out *out)
{
    for (unsigned i = 0; i < out->nfds; i++)
        close(out->fd[i].fd);
    free(out->fd);
    free(out->p);
    *out = (struct pipe_out){0};
}
