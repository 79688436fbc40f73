/* ipc.h - requests, replies and notices between our processes over a Unix stream socket, with
 * descriptors.
 *
 * Wire: u32 length, u16 protocol version, u16 kind, u64 request id, u8 type (request, reply, error,
 * notice), u8 descriptors, u16 zero, payload. Descriptors travel with SCM_RIGHTS in order. Messages
 * queued in one loop turn leave in one system call. Both directions are hostile input: lengths over
 * max_message, unknown types, missing descriptors close the connection. */
#ifndef CORE_IPC_IPC_H
#define CORE_IPC_IPC_H

#include "core/fiber/fiber.h"
#include "core/ipc/ipc_codec.h"

struct event_base;
struct ipc_conn;

#define IPC_VERSION     1
#define IPC_MAX_FDS     4
#define IPC_MAX_MESSAGE (8u << 20) /* larger things travel as descriptors */

/* A request being served. Keep `ticket` to answer later; the struct itself is gone when the handler
 * returns. */
struct ipc_ticket {
    uint32_t slot, generation; /* of the connection */
    uint64_t request;
    uint16_t kind;
};

struct ipc_in {
    struct ipc_conn *conn;
    struct ipc_ticket ticket;
    uint16_t kind;
    struct fct_str payload; /* until the handler returns */
    int fd[IPC_MAX_FDS];    /* the handler's: set an entry to -1 to keep that descriptor, the others
                               are closed afterwards */
    unsigned fds;
};

struct ipc_handler {
    void (*request)(void *owner,
                    struct ipc_in *in); /* serve: answer now or later with ipc_reply / ipc_fail */
    void (*notice)(void *owner, struct ipc_in *in); /* one-way; may be NULL */
    void (*closed)(
        void *owner,
        struct ipc_conn *conn); /* the other side is gone; conn is freed after this returns */
    void *owner;
};

/* Takes fd. */
struct ipc_conn *ipc_conn_new(struct event_base *base, int fd, const struct ipc_handler *handler);
void ipc_conn_free(struct ipc_conn **conn); /* waiting callers get FCT_TEMP "process … is gone" */
size_t ipc_conn_backlog(
    const struct ipc_conn *conn); /* unsent bytes: notices may be skipped above a limit */

/* Ask and wait. The reply's payload is copied into `reply` (cleared first; give it its maximum);
 * its descriptors go to fd[0..*fds) and are the caller's. `deadline_ms` is monotonic. Fails with
 * the class and text the other side gave, or FCT_TEMP for time-out, cancellation and a dead
 * neighbour. fd/fds may be NULL when no descriptor is expected. */
struct ipc_out {
    uint16_t kind;
    struct fct_str payload;
    const int *fd; /* not taken: duplicated by the kernel at sending, the caller keeps them open
                      until the call returns */
    unsigned fds;
};
FCT_MAY_WAIT FCT_MUST_CHECK bool ipc_call(struct ipc_conn *conn, const struct ipc_out *out,
                                          uint64_t deadline_ms, struct buf *reply,
                                          int fd[IPC_MAX_FDS], unsigned *fds, struct fct_err *err);

/* Several calls at once: start each, then collect each. A started call that is never collected must
 * be dropped. */
struct ipc_pending {
    uint32_t slot, generation;
    uint64_t request;
};
struct ipc_pending ipc_start(struct ipc_conn *conn, const struct ipc_out *out);
FCT_MAY_WAIT FCT_MUST_CHECK bool ipc_collect(struct ipc_pending p, uint64_t deadline_ms,
                                             struct buf *reply, int fd[IPC_MAX_FDS], unsigned *fds,
                                             struct fct_err *err);
void ipc_drop(struct ipc_pending p);

void ipc_notify(struct ipc_conn *conn, const struct ipc_out *out);
/* Answer; a ticket whose connection is gone is ignored. Descriptors are duplicated, the caller
 * keeps its own. */
void ipc_reply(struct ipc_ticket ticket, struct fct_str payload, const int *fd, unsigned fds);
void ipc_fail(struct ipc_ticket ticket, const struct fct_err *err);

/* A connected pair for two processes. Close-on-exec, non-blocking. */
FCT_MUST_CHECK bool ipc_pair(int fd[2], struct fct_err *err);

#endif
