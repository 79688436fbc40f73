/* ipc_calls.h - the calls of one connection that wait for their answer. For this folder only.
 *
 * A request id is an index and a generation, so an answer that comes too late, or one that a
 * neighbour makes up, finds nothing. */
#ifndef CORE_IPC_IPC_CALLS_H
#define CORE_IPC_IPC_CALLS_H

#include "core/ipc/ipc.h"

/* Where a call's result goes: on the stack of the fiber that collects it. */
struct ipc_answer {
    bool done;
    struct buf *reply; /* NULL: the payload is not wanted */
    int fd[IPC_MAX_FDS];
    unsigned fds;
    struct fct_err err; /* FCT_OK: a reply */
};

struct ipc_call;

struct ipc_calls { /* zeroed: empty */
    struct ipc_call *call;
    uint32_t n;
    uint32_t first_free; /* index + 1; 0: none */
    uint32_t outstanding;
};

void ipc_calls_fini(struct ipc_calls *t); /* nobody waits any more */
uint64_t ipc_calls_add(struct ipc_calls *t);
void ipc_calls_drop(struct ipc_calls *t, uint64_t request); /* an unknown one: nothing */
/* Into the hands of the waiting fiber, or kept until somebody asks; the descriptors change hands.
 * False: nobody wants it. */
bool ipc_calls_answer(struct ipc_calls *t, uint64_t request, struct fct_str payload, const int *fd,
                      unsigned fds, const struct fct_err *err);
void ipc_calls_fail(struct ipc_calls *t, const struct fct_err *err); /* all that wait */

enum ipc_call_state {
    IPC_CALL_UNKNOWN,
    IPC_CALL_ANSWERED, /* *a holds it */
    IPC_CALL_WAITING,  /* *a will hold it: park. If it is not done after that, drop the call before
                        *a goes */
};
enum ipc_call_state ipc_calls_collect(struct ipc_calls *t, uint64_t request, struct ipc_answer *a);
/* The answer leaves for the caller; fd and fds as in ipc_collect. */
bool ipc_answer_take(struct ipc_answer *a, int fd[IPC_MAX_FDS], unsigned *fds, struct fct_err *err);

#endif
