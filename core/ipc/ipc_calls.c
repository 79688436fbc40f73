/* ipc_calls.c - see ipc_calls.h. */
#include "core/ipc/ipc_calls.h"

#include <stdlib.h>
#include <unistd.h>

/* An answer that came before somebody asked for it. */
struct early {
    struct ipc_answer answer;
    struct buf payload;
};

struct ipc_call {
    bool used;
    uint32_t generation;
    struct fiber_token waiter; /* of the collecting fiber … */
    struct ipc_answer *answer; /* … and its answer; NULL: nobody collects yet */
    struct early *early;
    uint32_t next_free; /* index + 1 */
};

static struct ipc_call *find(struct ipc_calls *t, uint64_t request)
{
    uint32_t index = (uint32_t)request;

    if (index >= t->n || !t->call[index].used || t->call[index].generation != request >> 32)
        return NULL;
    return &t->call[index];
}

static void grow(struct ipc_calls *t)
{
    uint32_t n = t->n ? t->n * 2 : 16;

    t->call = realloc(t->call, n * sizeof *t->call);
    FCT_ASSERT(t->call);
    for (uint32_t i = n; i-- > t->n;) {
        t->call[i] = (struct ipc_call){.next_free = t->first_free};
        t->first_free = i + 1;
    }
    t->n = n;
}

uint64_t ipc_calls_add(struct ipc_calls *t)
{
    uint32_t index;

    if (t->first_free == 0)
        grow(t);
    index = t->first_free - 1;
    t->first_free = t->call[index].next_free;
    t->call[index].used = true;
    t->outstanding++;
    return (uint64_t)++t->call[index].generation << 32 | index;
}

static void free_early(struct early *e)
{
    if (!e)
        return;
    for (unsigned i = 0; i < e->answer.fds; i++)
        close(e->answer.fd[i]);
    buf_free(&e->payload);
    free(e);
}

static void end(struct ipc_calls *t, struct ipc_call *call)
{
    free_early(call->early);
    *call = (struct ipc_call){.generation = call->generation, .next_free = t->first_free};
    t->first_free = (uint32_t)(call - t->call) + 1;
    t->outstanding--;
}

void ipc_calls_drop(struct ipc_calls *t, uint64_t request)
{
    struct ipc_call *call = find(t, request);

    if (call)
        end(t, call);
}

void ipc_calls_fini(struct ipc_calls *t)
{
    for (uint32_t i = 0; i < t->n; i++)
        free_early(t->call[i].early);
    free(t->call);
    *t = (struct ipc_calls){0};
}

/* ---- answers ---- */

static bool put_payload(struct ipc_answer *a, struct fct_str payload)
{
    if (!a->reply || buf_put_str(a->reply, payload))
        return true;
    return fct_fail(&a->err, FCT_LIMIT, "the reply of %zu bytes is longer than expected",
                    payload.n);
}

static struct ipc_answer *keep(struct ipc_call *call)
{
    call->early = calloc(1, sizeof *call->early);
    FCT_ASSERT(call->early);
    call->early->payload = BUF_INIT(IPC_MAX_MESSAGE);
    call->early->answer.reply = &call->early->payload;
    return &call->early->answer;
}

bool ipc_calls_answer(struct ipc_calls *t, uint64_t request, struct fct_str payload, const int *fd,
                      unsigned fds, const struct fct_err *err)
{
    struct ipc_call *call = find(t, request);
    struct ipc_answer *a;

    if (!call || call->early)
        return false;
    a = call->answer ? call->answer : keep(call);
    a->done = true;
    a->err = *err;
    a->fds = fds;
    for (unsigned i = 0; i < fds; i++)
        a->fd[i] = fd[i];
    (void)put_payload(a, payload);
    if (!call->early) {
        fiber_wake(call->waiter);
        end(t, call);
    }
    return true;
}

void ipc_calls_fail(struct ipc_calls *t, const struct fct_err *err)
{
    for (uint32_t i = 0; i < t->n; i++)
        if (t->call[i].used)
            (void)ipc_calls_answer(t, (uint64_t)t->call[i].generation << 32 | i, FCT_STR(""), NULL,
                                   0, err);
}

/* A payload that lies here already changes hands without a copy where it fits. */
static void take_payload(struct ipc_answer *a, struct buf *payload)
{
    struct buf *reply = a->reply;

    if (reply && !reply->p && payload->p && payload->n <= reply->max) {
        size_t max = reply->max;

        *reply = *payload;
        reply->max = max;
        *payload = BUF_INIT(0);
    } else {
        (void)put_payload(a, buf_str(payload));
    }
}

static void take_early(struct early *e, struct ipc_answer *a)
{
    struct buf *reply = a->reply;

    *a = e->answer;
    a->reply = reply;
    e->answer.fds = 0;
    if (a->err.class == FCT_OK)
        take_payload(a, &e->payload);
}

enum ipc_call_state ipc_calls_collect(struct ipc_calls *t, uint64_t request, struct ipc_answer *a)
{
    struct ipc_call *call = find(t, request);

    if (!call)
        return IPC_CALL_UNKNOWN;
    if (!call->early) {
        call->waiter = fiber_token();
        call->answer = a;
        return IPC_CALL_WAITING;
    }
    take_early(call->early, a);
    end(t, call);
    return IPC_CALL_ANSWERED;
}

bool ipc_answer_take(struct ipc_answer *a, int fd[IPC_MAX_FDS], unsigned *fds, struct fct_err *err)
{
    bool ok = a->err.class == FCT_OK;

    for (unsigned i = 0; i < a->fds; i++) {
        if (ok && fd && fds)
            fd[(*fds)++] = a->fd[i];
        else
            close(a->fd[i]);
    }
    a->fds = 0;
    if (!ok && err)
        *err = a->err;
    return ok;
}
