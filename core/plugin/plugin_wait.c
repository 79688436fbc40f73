/* plugin_wait.c - see plugin_wait.h. A task's place in the call's list never moves and is used
 * again only after its end was collected. */
#include "core/plugin/plugin_wait.h"

#include "core/base/err.h"
#include "core/fiber/fiber.h"

struct call_task {
    struct fct_call *call;
    void (*work)(struct fct_call *call, void *arg);
    void *arg;
    struct fiber_id fiber;
    uint32_t slot;
    bool ended;
    struct call_task *next;
};

/* A fiber of the call that waits for tasks; on its stack. */
struct call_wait {
    struct fiber_token token;
    struct call_wait *next;
};

static void wake_waiters(struct fct_call *call)
{
    struct call_wait *w = call->waiting;

    call->waiting = NULL;
    for (struct call_wait *next; w; w = next) {
        next = w->next;
        fiber_wake(w->token);
    }
}

static void unlink_wait(struct fct_call *call, const struct call_wait *gone)
{
    struct call_wait **at = &call->waiting;

    while (*at && *at != gone)
        at = &(*at)->next;
    if (*at)
        *at = gone->next;
}

static void task_fiber(void *arg)
{
    struct call_task *task = arg;
    struct fct_call *call = task->call;

    fiber_set_deadline(call->deadline_ms);
    task->fiber = fiber_self();
    call->tx->watch->enter(call);
    task->work(call, task->arg);
    call->tx->watch->leave(call);
    task->ended = true;
    call->tasks--;
    wake_waiters(call);
}

static struct call_task *task_new(struct fct_call *call)
{
    struct call_task *task = ARENA_NEW(call->tx->arena, struct call_task);

    *task = (struct call_task){.call = call, .slot = call->task ? call->task->slot + 1 : 1};
    task->next = call->task;
    call->task = task;
    call->tasks++;
    return task;
}

struct fct_token wait_start(struct fct_call *call, void (*work)(struct fct_call *call, void *arg),
                            void *arg)
{
    struct fct_token token = {0, 0};
    struct call_task *task;

    if (!work || !call_has_time(call) || !fiber_inside() || call->tasks >= call->tx->max_tasks)
        return token;
    task = task_new(call);
    task->work = work;
    task->arg = arg;
    token = (struct fct_token){task->slot, call->birth};
    call->tx->watch->leave(call);
    fiber_start(task_fiber, task);
    call->tx->watch->enter(call);
    return token;
}

static const struct call_task *task_of(const struct fct_call *call, struct fct_token token)
{
    const struct call_task *task = token.generation == call->birth ? call->task : NULL;

    while (task && task->slot != token.slot)
        task = task->next;
    return task;
}

/* One turn of waiting until some task of the call ends. */
static FCT_MAY_WAIT enum fiber_wake wait_once(struct fct_call *call, uint64_t deadline_ms)
{
    struct call_wait self = {fiber_token(), call->waiting};
    enum fiber_wake why;

    call->waiting = &self;
    why = fiber_park(deadline_ms);
    if (why != FIBER_WOKEN)
        unlink_wait(call, &self);
    return why;
}

static FCT_MAY_WAIT bool wait_for(struct fct_call *call, const struct call_task *task)
{
    while (!task->ended)
        if (wait_once(call, call->deadline_ms) != FIBER_WOKEN)
            return task->ended;
    return true;
}

bool wait_all(struct fct_call *call, const struct fct_token *token, size_t n)
{
    bool all = true;

    if (!call_has_time(call) || !fiber_inside())
        return false;
    call->tx->watch->leave(call);
    for (size_t i = 0; i < n; i++) {
        const struct call_task *task = task_of(call, token[i]);

        all = task && wait_for(call, task) && all;
    }
    call->tx->watch->enter(call);
    return call_has_time(call) && all;
}

void wait_end(struct fct_call *call)
{
    while (call->tasks > 0 && wait_once(call, call->deadline_ms) == FIBER_WOKEN)
        ;
    if (call->tasks == 0)
        return;
    call_end(call);
    for (struct call_task *t = call->task; t; t = t->next)
        if (!t->ended)
            fiber_cancel(t->fiber);
    while (call->tasks > 0) {
        struct call_wait self = {fiber_token(), call->waiting};

        call->waiting = &self;
        fiber_park_fully();
    }
}
