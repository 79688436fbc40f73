/* filter_job.c - see filter_job.h. */
#include "core/hook/filter_job.h"

#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/hook/audience.h"
#include "core/hook/carried.h"
#include "core/hook/filter_describe.h"
#include "core/hook/filter_message.h"
#include "core/hook/hook_edit.h"
#include "core/hook/message_run.h"
#include "core/log/log.h"
#include <unistd.h>

/* ---- jobs ---- */

static struct arena *take_arena(struct filter *f)
{
    return f->spares > 0 ? f->spare[--f->spares] : arena_new(NULL);
}

static void give_arena(struct filter *f, struct arena *arena)
{
    if (f->spares == SPARE_ARENAS) {
        arena_free(&arena);
        return;
    }
    arena_reset(arena);
    f->spare[f->spares++] = arena;
}

static struct filter_job *job_new(struct filter *f, struct ipc_in *in)
{
    struct arena *arena = take_arena(f);
    struct filter_job *job = ARENA_NEW(arena, struct filter_job);

    *job = (struct filter_job){.filter = f,
                               .arena = arena,
                               .ticket = in->ticket,
                               .payload = arena_str(arena, in->payload),
                               .fd = in->fds > 0 ? in->fd[0] : -1};
    if (in->fds > 0)
        in->fd[0] = -1;
    f->running++;
    f->served++;
    return job;
}

static void job_end(struct filter_job *job)
{
    struct filter *f = job->filter;

    if (job->fd >= 0)
        close(job->fd);
    give_arena(f, job->arena);
    f->running--;
    filter_job_ended(f);
}

static void **slot_of(struct transaction *tx, const struct fct_self *self)
{
    struct filter *f = tx->owner;

    return filter_session_slot(&f->sessions, tx->conn->id, self->index);
}

static void begin(struct filter_job *job, struct transaction *tx,
                  const struct filter_context *context, bool again)
{
    hook_transaction_init(&job->filter->engine, tx, job->arena, &context->conn, &context->envelope);
    tx->without_shadows = again;
    tx->slot = slot_of;
    tx->owner = job->filter;
    tx->each_answered = context->each_answered;
}

static void send_answer(struct filter_job *job)
{
    struct buf *answer = &job->filter->answer;
    struct fct_err err = {0};

    if (answer->overflow) {
        fct_fail(&err, FCT_LIMIT, "the answer is larger than a message between processes may be");
        ipc_fail(job->ticket, &err);
    } else {
        ipc_reply(job->ticket, buf_str(answer), NULL, 0);
    }
    buf_clear(answer);
}

/* ---- one point ---- */

/* The stages of a message come as one request; ticks are our own. */
static bool is_asked_alone(enum fct_hook hook)
{
    return hook != FCT_HOOK_tick && (hook < FCT_HOOK_headers || hook > FCT_HOOK_edit) &&
           hook != FCT_HOOK_deliver;
}

static bool has_message(enum fct_hook hook)
{
    return hook == FCT_HOOK_store_append || hook == FCT_HOOK_learn || hook == FCT_HOOK_queue_in;
}

static bool take_request(struct filter_job *job, struct filter_hook_request *req,
                         struct call_message *message, struct fct_err *err)
{
    if (!filter_hook_decode(job->arena, job->payload, req, err))
        return false;
    if (!is_asked_alone(req->hook) || (job->fd >= 0 && !has_message(req->hook)))
        return fct_fail(err, FCT_BUG, "nobody asks for %s like that", hook_name(req->hook));
    return job->fd < 0 || filter_message_open(job->arena, job->fd, req->size, &message->bytes, err);
}

static struct call_message empty_message(const struct filter *f)
{
    return (struct call_message){.header_limits = &f->header_limits,
                                 .mime_limits = &f->mime_limits};
}

static FCT_MAY_WAIT void run_hook(struct filter_job *job, struct transaction *tx,
                                  const struct filter_hook_request *req, struct ledger_log *log,
                                  struct hook_decision *d)
{
    struct filter *f = job->filter;

    fiber_set_deadline(clock_ms() + f->engine.conf->hook_timeout.ms);
    if (req->hook == FCT_HOOK_queue_in)
        audience_of_queue(tx, &req->event.queue_in.remote);
    hook_run(&f->engine, tx, req->hook, &req->event, NULL, log, d);
}

static struct edit_list edits_of(struct transaction *tx)
{
    struct hook_edits edits;

    hook_edits_start(&edits, tx);
    return hook_edits_build(&edits, NULL, NULL);
}

static void encode_answer(struct filter_job *job, struct transaction *tx, enum fct_hook hook,
                          const struct ledger_log *log, const struct hook_decision *d)
{
    struct filter *f = job->filter;
    struct filter_answer answer = {.verdict = d->verdict,
                                   .code = d->code,
                                   .enhanced = d->enhanced,
                                   .text = d->text,
                                   .by = d->by,
                                   .skip = hook == FCT_HOOK_chunk && d->skips == d->asked};

    answer.change = hook_changes(tx, &answer.changes);
    if (hook == FCT_HOOK_queue_in)
        answer.edits = edits_of(tx);
    if (carried_by(hook))
        answer.carried = carried_give(tx, log);
    filter_answer_encode(&answer, filter_session_exists(&f->sessions, tx->conn->id), &f->answer);
}

static FCT_MAY_WAIT bool answer_hook(struct filter_job *job, struct fct_err *err)
{
    struct call_message message = empty_message(job->filter);
    struct ledger_log log = {.arena = job->arena};
    struct filter_hook_request req;
    struct hook_decision d;
    struct transaction tx;

    if (!take_request(job, &req, &message, err))
        return false;
    begin(job, &tx, &req.context, req.again);
    if (!carried_take(&tx, req.context.carried, err))
        return false;
    tx.message = job->fd >= 0 ? &message : NULL;
    run_hook(job, &tx, &req, &log, &d);
    encode_answer(job, &tx, req.hook, &log, &d);
    return true;
}

static void hook_fiber(void *arg)
{
    struct filter_job *job = arg;
    struct fct_err err = {0};

    if (answer_hook(job, &err))
        send_answer(job);
    else
        ipc_fail(job->ticket, &err);
    job_end(job);
}

/* OBSERVE: nobody waits. The end of a connection ends what plugins kept for it, hooked or not. */
static FCT_MAY_WAIT bool hear(struct filter_job *job, struct fct_err *err)
{
    struct call_message message = empty_message(job->filter);
    struct filter_hook_request req;
    struct hook_decision d;
    struct transaction tx;

    if (!take_request(job, &req, &message, err))
        return false;
    if (hook_info[req.hook].kind != HOOK_OBSERVE)
        return fct_fail(err, FCT_BUG, "%s is asked, not told", hook_name(req.hook));
    begin(job, &tx, &req.context, req.again);
    if (!carried_take(&tx, req.context.carried, err))
        return false;
    tx.message = job->fd >= 0 ? &message : NULL;
    run_hook(job, &tx, &req, NULL, &d);
    if (req.hook == FCT_HOOK_disconnect)
        filter_session_forget(&job->filter->sessions, req.context.conn.id);
    return true;
}

static void tell_fiber(void *arg)
{
    struct filter_job *job = arg;
    struct fct_err err = {0};

    if (!hear(job, &err))
        log_event(EV_IPC_BAD, FCT_STR(""), F_C("from", "client"), F_STR("why", str_from(err.text)));
    job_end(job);
}

/* ---- a message ---- */

struct message_work {
    struct filter_message_request req;
    struct filter_result result;
    struct transaction tx;
    struct call_message message;
    uint64_t begun_ms;
};

static FCT_MAY_WAIT bool run_message(struct filter_job *job, struct message_work *w,
                                     struct fct_err *err)
{
    struct filter *f = job->filter;

    w->begun_ms = clock_ms();
    w->message = empty_message(f);
    if (!filter_message_decode(job->arena, job->payload, &w->req, err) ||
        !filter_message_open(job->arena, job->fd, w->req.size, &w->message.bytes, err))
        return false;
    begin(job, &w->tx, &w->req.context, w->req.again);
    if (!carried_take(&w->tx, w->req.context.carried, err))
        return false;
    w->tx.message = &w->message;
    message_run(&f->engine, &w->tx, w->req.recipient, w->req.recipients, &w->result);
    filter_result_encode(&w->result, filter_session_exists(&f->sessions, w->req.context.conn.id),
                         &f->answer);
    return true;
}

static void message_fiber(void *arg)
{
    struct filter_job *job = arg;
    struct message_work work;
    struct fct_err err = {0};

    if (run_message(job, &work, &err)) {
        send_answer(job);
        filter_history_add(&job->filter->history, &work.tx, &work.req, &work.result, work.begun_ms);
    } else {
        ipc_fail(job->ticket, &err);
    }
    job_end(job);
}

/* ---- history ---- */

static void history_fiber(void *arg)
{
    struct filter_job *job = arg;
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(IPC_MAX_MESSAGE);
    struct fct_err err = {0};

    /* It waits while it fills: not in the scratch that others use. */
    if (filter_history_answer(&job->filter->history, job->arena, job->payload, &out, &err) &&
        !out.overflow)
        ipc_reply(job->ticket, buf_str(&out), NULL, 0);
    else
        ipc_fail(job->ticket, &err);
    job_end(job);
}

/* ---- describe ---- */

static void describe_fiber(void *arg)
{
    struct filter_job *job = arg;
    struct filter *f = job->filter;
    struct ipc_reader r = ipc_reader(job->payload);
    struct filter_facts facts = {f->env->index, f->served, clock_ms() - f->born_ms};
    unsigned format = ipc_get_u8(&r);
    struct fct_err err = {0};

    if (!ipc_reader_ok(&r) || format > FILTER_METRICS) {
        fct_fail(&err, FCT_BUG, "a filter describes itself in no such format");
        ipc_fail(job->ticket, &err);
    } else {
        filter_describe_engine(&f->engine, &facts, (enum filter_format)format, &f->answer);
        send_answer(job);
    }
    job_end(job);
}

bool filter_job_start(struct filter *f, struct ipc_in *in)
{
    static void (*const fiber[])(void *arg) = {
        [FILTER_HOOK] = hook_fiber,       [FILTER_MESSAGE] = message_fiber,
        [FILTER_TELL] = tell_fiber,       [FILTER_DESCRIBE] = describe_fiber,
        [FILTER_HISTORY] = history_fiber,
    };

    if (in->kind >= FCT_COUNT(fiber) || !fiber[in->kind])
        return false;
    fiber_start(fiber[in->kind], job_new(f, in));
    return true;
}
