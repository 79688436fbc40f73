/* ipc_pipe.h - the two directions of a connection as bytes and descriptors: what was received and
 * not read yet, what is to be sent.
 *
 * Descriptors keep their order; one is always sent with or before the last byte of its message, so
 * a receiver that has a whole message has its descriptors too. For this folder only. */
#ifndef CORE_IPC_IPC_PIPE_H
#define CORE_IPC_IPC_PIPE_H

#include <facteur/base.h>

#define PIPE_FDS_PER_CALL 64 /* SCM_RIGHTS in one system call; the kernel allows 253 */

struct pipe_in {
    char *p;
    size_t start, n, cap; /* unread: p[start..n) */
    int *fd;              /* received, not claimed */
    unsigned nfds;
};

enum pipe_result { PIPE_MOVED, PIPE_BLOCKED, PIPE_CLOSED, PIPE_BAD };

/* One recvmsg; `want`: bytes the present message needs in all (0 when unknown). PIPE_BAD: *why. */
enum pipe_result pipe_receive(struct pipe_in *in, int fd, size_t want, const char **why);
static inline struct fct_str pipe_unread(const struct pipe_in *in)
{
    return in->p ? (struct fct_str){in->p + in->start, in->n - in->start} : (struct fct_str){"", 0};
}
void pipe_consume(struct pipe_in *in, size_t n);
/* The oldest n descriptors become the caller's; false: there are not that many. */
bool pipe_claim(struct pipe_in *in, int *fd, unsigned n);
void pipe_in_fini(struct pipe_in *in);

struct pipe_passed {
    int fd;         /* ours: a duplicate */
    uint64_t frame; /* where its message starts, counted from the first byte ever sent */
};

struct pipe_out {
    char *p;
    size_t start, n, cap; /* unsent: p[start..n) */
    uint64_t sent;        /* bytes, ever */
    struct pipe_passed *fd;
    unsigned nfds;
};

static inline size_t pipe_backlog(const struct pipe_out *out)
{
    return out->n - out->start;
}
/* One message; descriptors are duplicated. False: no descriptors left in this process (errno). */
bool pipe_put(struct pipe_out *out, struct fct_str head, struct fct_str payload, const int *fd,
              unsigned fds);
/* sendmsg until all is gone (PIPE_MOVED), the socket is full, or it is dead. */
enum pipe_result pipe_send(struct pipe_out *out, int fd);
void pipe_out_fini(struct pipe_out *out);

#endif
