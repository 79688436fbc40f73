/* home.c - mail of the queue whose recipients are here: it was scheduled (FUTURERELEASE, RFC 4865),
 * or its sender had asked for a moment for second thoughts. It was judged when it came, and the
 * store keeps what came of that: it delivers it. Only an address that was not here at that time
 * has nothing kept, and a report of this server (report_queue.c): that goes into INBOX as it is. */
#include "core/base/clock.h"
#include "core/base/memory_file.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/message/edit_list.h"
#include "core/message/summary.h"
#include "protocols/relay/destination.h"
#include "protocols/relay/relay.h"

#include <stdlib.h>
#include <unistd.h>

#define SUMMARY_MAX (2u << 20)
#define PIECE       (4u << 20)
#define AGAIN_MS    100u

struct coming {
    struct relay *relay;
    struct job *job;
    struct arena *arena;
    struct fct_str message;
    struct fct_str edits, summary;
    uint32_t view_size;
};

bool home_takes(const struct job *j)
{
    return j->mail->entry.envelope.hold_until > 0;
}

/* ---- the message ---- */

FCT_MAY_WAIT static bool read_whole(struct coming *c, struct fct_err *err)
{
    const struct queue_entry *e = &c->job->mail->entry;
    FCT_CLEANUP(buf_free) struct buf bytes = BUF_INIT(e->size + 1);

    c->message = c->job->mail->body;
    if (c->message.p)
        return true;
    while (bytes.n < e->size) {
        size_t before = bytes.n;

        if (!store_queue_read(c->relay->store, e->id, bytes.n, PIECE, &bytes, err))
            return false;
        if (bytes.n == before)
            return fct_fail(err, FCT_TEMP, "the message ends too soon");
    }
    c->message = arena_str(c->arena, buf_str(&bytes));
    return true;
}

/* Return-Path goes above it (RFC 5321 4.4). */
static bool make_view(struct coming *c, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf summary = BUF_INIT(SUMMARY_MAX);
    FCT_CLEANUP(buf_free) struct buf encoded = BUF_INIT(64u << 10);
    struct edit edit = {
        .insert = arena_printf(c->arena, "Return-Path: <%.*s>\r\n",
                               FCT_FMT(c->job->mail->entry.envelope.reverse_path)),
        .origin = FCT_STR("smtp"),
    };
    struct edit_list edits;
    struct mime_tree tree;

    if (!edit_list_build(c->arena, &edit, 1, c->message.n, &edits, NULL, NULL, err))
        return false;
    mime_scan(c->arena, c->message, &mime_default_limits, &tree);
    (void)summary_build(c->arena, c->message, &tree, &edits, &summary);
    edit_list_encode(&edits, &encoded);
    c->summary = arena_str(c->arena, buf_str(&summary));
    c->edits = arena_str(c->arena, buf_str(&encoded));
    c->view_size = (uint32_t)edit_list_size(&edits, c->message.n);
    return true;
}

/* ---- one recipient ---- */

static void settle(struct coming *c, size_t i, enum outcome outcome, const char *status,
                   struct fct_str text)
{
    struct delivery_result result = {0};

    outcome_without_reply(&result, outcome, status, arena_cstr(c->arena, text));
    result.reports = outcome == OUTCOME_DELIVERED; /* the store has seen to that */
    str_copy_c(result.host, sizeof result.host, str_from(c->relay->env->server_name));
    job_settle_one(c->job, i, &result);
}

static void settle_copy(struct coming *c, size_t i, enum fct_class class, struct fct_str text)
{
    if (class == FCT_OK)
        settle(c, i, OUTCOME_DELIVERED, "2.0.0", FCT_STR("delivered here"));
    else if (class == FCT_LIMIT || class == FCT_DENIED)
        settle(c, i, OUTCOME_FAILED, class == FCT_LIMIT ? "5.2.2" : "5.2.1", text);
    else
        settle(c, i, OUTCOME_DEFERRED, "4.3.0", text);
}

/* ---- what the store keeps ---- */

/* As long as the store is away the job stays in hand. False: we are to end. */
FCT_MAY_WAIT static bool ask_store(struct coming *c, struct queue_home_result *out)
{
    struct relay *relay = c->relay;
    const struct job *j = c->job;
    struct fct_err err = {0};

    while (!store_queue_home(relay->store, j->mail->entry.id, j->recipient, j->n, c->arena, out,
                             &err)) {
        if (err.class != FCT_TEMP) { /* DENIED: the entry is gone, nothing is left to do */
            for (size_t i = 0; i < j->n; i++)
                out[i] =
                    (struct queue_home_result){.kept = true,
                                               .class = err.class == FCT_DENIED ? FCT_OK : FCT_TEMP,
                                               .text = arena_str(c->arena, str_from(err.text))};
            return true;
        }
        if (relay->draining)
            return false;
        (void)fiber_sleep(AGAIN_MS);
    }
    return true;
}

FCT_MAY_WAIT static bool take_kept(struct coming *c)
{
    struct queue_home_result *out = ARENA_ARRAY(c->arena, struct queue_home_result, c->job->n + 1);

    if (!ask_store(c, out))
        return false;
    for (size_t i = 0; i < c->job->n; i++)
        if (out[i].kept && c->job->result[i].outcome == OUTCOME_NONE)
            settle_copy(c, i, out[i].class, out[i].text);
    return true;
}

/* ---- what it does not ---- */

/* Its accounts, and where its alias leads elsewhere, in one commit with its end in the queue. The
 * worst of the copies counts. */
FCT_MAY_WAIT static void deliver_to(struct coming *c, size_t i, const struct store_resolution *to)
{
    const struct queue_envelope *e = &c->job->mail->entry.envelope;
    struct store_copy_for *copy = ARENA_ARRAY(c->arena, struct store_copy_for, to->n + 1);
    struct queue_recipient *away = ARENA_ARRAY(c->arena, struct queue_recipient, to->n + 1);
    struct store_delivered *done = ARENA_ARRAY(c->arena, struct store_delivered, to->n + 1);
    const struct queue_recipient *r = job_recipient(c->job, i);
    struct queue_send send = {.envelope = *e, .recipient = away};
    struct queue_result over = {.id = c->job->mail->entry.id,
                                .recipient = c->job->recipient[i],
                                .outcome = QUEUE_OUT_DELIVERED,
                                .reply = FCT_STR("delivered here"),
                                .address = r->address,
                                .status = FCT_STR("2.0.0")};
    struct store_delivery d = {.id = e->log_id,
                               .reverse_path = e->reverse_path,
                               .client_ip = e->client_ip,
                               .login = e->login,
                               .size = c->message.n,
                               .copy = copy,
                               .send = e->may_bounce ? &send : NULL,
                               .result = &over,
                               .nresults = 1};
    struct fct_err err = {0};
    size_t worst = 0;

    for (size_t k = 0; k < to->n; k++)
        if (to->target[k].account != 0)
            copy[d.n++] = (struct store_copy_for){.account = to->target[k].account,
                                                  .edits = c->edits,
                                                  .summary = c->summary,
                                                  .view_size = c->view_size,
                                                  .recipient = r->address,
                                                  .notify = k == 0 ? r->notify : 0,
                                                  .orcpt = r->orcpt,
                                                  .settles = 1};
        else
            away[send.n++] = (struct queue_recipient){.address = to->target[k].name};
    send.envelope.hold_until = 0;
    if (send.n > 0)
        d.send = &send;
    d.fd = memory_file("scheduled", c->message);
    if (d.fd < 0 || !store_deliver(c->relay->store, &d, c->arena, done, &err)) {
        settle(c, i, OUTCOME_DEFERRED, "4.3.0", str_from(d.fd < 0 ? "no memory" : err.text));
    } else if (d.n == 0) {
        settle(c, i, OUTCOME_DELIVERED, "2.0.0", FCT_STR("sent on"));
    } else {
        for (size_t k = 1; k < d.n; k++)
            if (done[k].class != FCT_OK)
                worst = k;
        settle_copy(c, i, done[worst].class, done[worst].text);
    }
    if (d.fd >= 0)
        close(d.fd);
}

FCT_MAY_WAIT static void one_recipient(struct coming *c, size_t i)
{
    struct store_resolution to;
    struct fct_err err = {0};

    if (!store_resolve(c->relay->store, job_recipient(c->job, i)->address, c->arena, &to, &err))
        settle(c, i, OUTCOME_DEFERRED, "4.3.0", str_from(err.text));
    else if (to.what == RESOLVED_UNKNOWN_USER)
        settle(c, i, OUTCOME_FAILED, "5.1.1", FCT_STR("no such user here"));
    else if (to.what == RESOLVED_LOCAL && !c->message.p && !read_whole(c, &err))
        settle(c, i, OUTCOME_DEFERRED, "4.3.0", str_from(err.text));
    else if (to.what == RESOLVED_LOCAL && !c->edits.p && !make_view(c, &err))
        settle(c, i, OUTCOME_FAILED, "5.6.0", str_from(err.text));
    else if (to.what == RESOLVED_LOCAL)
        deliver_to(c, i, &to);
}

FCT_MAY_WAIT static void come_home(void *arg)
{
    struct coming *c = arg;

    bool goes_on;

    c->arena = arena_new(NULL);
    goes_on = take_kept(c);
    for (size_t i = 0; goes_on && i < c->job->n; i++)
        if (c->job->result[i].outcome == OUTCOME_NONE)
            one_recipient(c, i);
    if (!goes_on)
        relay_return(c->relay, c->job);
    else if (c->job->left > 0)
        destinations_take(c->relay->destinations, c->job);
    else
        relay_finish(c->relay, c->job);
    arena_free(&c->arena);
    free(c);
}

void home_take(struct relay *relay, struct job *j)
{
    struct coming *c = calloc(1, sizeof *c);

    FCT_ASSERT(c);
    c->relay = relay;
    c->job = j;
    (void)fiber_start(come_home, c);
}
