/* settle.c - a job whose recipients all have their results: what that means for the queue, for the
 * log and for the sender. */
#include "core/base/clock.h"
#include "core/base/id.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/relay/relay_hooks.h"

#include <stdlib.h>

/* Mail that was held back begins when it may leave (RFC 4865 5). */
static int64_t began(const struct queue_entry *entry)
{
    return entry->envelope.hold_until > entry->arrived ? entry->envelope.hold_until
                                                       : entry->arrived;
}

static bool is_over(const struct relay *relay, const struct queue_entry *entry, int64_t now)
{
    const struct queue_envelope *e = &entry->envelope;

    if (e->deliver_by > 0 && e->deliver_by_return && now >= e->deliver_by)
        return true;
    return schedule_is_over(&relay->schedule, began(entry), now, e->reverse_path.n == 0);
}

static enum queue_outcome outcome_in_queue(const struct relay *relay, const struct job *j, size_t i,
                                           int64_t now)
{
    switch (j->result[i].outcome) {
    case OUTCOME_DELIVERED:
        return QUEUE_OUT_DELIVERED;
    case OUTCOME_FAILED:
        return QUEUE_OUT_FAILED;
    case OUTCOME_NONE:
    case OUTCOME_DEFERRED:
    case OUTCOME_AGAIN:
    case OUTCOME_HOST:
        break;
    }
    return is_over(relay, &j->mail->entry, now) ? QUEUE_OUT_EXPIRED : QUEUE_OUT_DEFERRED;
}

static void fill(const struct relay *relay, const struct job *j, size_t i, int64_t now,
                 struct queue_result *to)
{
    const struct delivery_result *from = &j->result[i];
    const struct queue_entry *entry = &j->mail->entry;
    uint64_t chance;

    *to = (struct queue_result){
        .id = entry->id,
        .recipient = j->recipient[i],
        .outcome = outcome_in_queue(relay, j, i, now),
        .tried = now,
        .reply = str_from(from->text),
        .host = str_from(from->host),
        .address = job_recipient(j, i)->address,
        .status = str_from(from->status),
        .tls = str_from(from->tls),
        .converted = str_from(from->converted),
        .took_ms = (uint32_t)(clock_ms() - j->taken_ms),
    };
    if (to->outcome != QUEUE_OUT_DEFERRED)
        return;
    random_bytes(&chance, sizeof chance);
    to->next_try =
        schedule_next(&relay->schedule, began(entry), now, job_recipient(j, i)->attempts + 1,
                      entry->envelope.reverse_path.n == 0, chance);
    to->warned = schedule_warns(&relay->schedule, began(entry), job_recipient(j, i)->last_try,
                                job_recipient(j, i)->warned, now) &&
                 report_wanted(j, i, QUEUE_OUT_DEFERRED);
}

static void log_result(struct relay *relay, const struct job *j, size_t i,
                       const struct queue_result *r, int64_t now)
{
    static const enum log_event events[QUEUE_OUT_COUNT] = {
        [QUEUE_OUT_DELIVERED] = EV_SENT,       [QUEUE_OUT_FAILED] = EV_SEND_FAILED,
        [QUEUE_OUT_EXPIRED] = EV_SEND_EXPIRED, [QUEUE_OUT_DEFERRED] = EV_SEND_DEFERRED,
        [QUEUE_OUT_RETURNED] = EV_DEBUG,
    };
    const struct queue_entry *entry = &j->mail->entry;

    if (r->outcome == QUEUE_OUT_DELIVERED && j->domain.n == 0)
        return; /* in a mailbox here since it was accepted; only the report is new */
    if (r->outcome == QUEUE_OUT_DELIVERED)
        relay->count.delivered++;
    else if (r->outcome == QUEUE_OUT_DEFERRED)
        relay->count.deferred++;
    else
        relay->count.failed++;
    if (!log_wanted(events[r->outcome]))
        return;
    const struct log_field fields[] = {
        F_U64("queue", entry->id),
        F_STR("from", entry->envelope.reverse_path),
        F_STR("rcpt", job_recipient(j, i)->address),
        F_C("host", j->result[i].host),
        F_C("status", j->result[i].status),
        F_C("reply", j->result[i].text),
        F_I64("age_s", now - entry->arrived),
        F_I64("retry_s", r->next_try > now ? r->next_try - now : 0),
        F_C("converted", j->result[i].converted),
    };
    bool converted = j->result[i].converted != NULL;

    log_write(events[r->outcome], entry->envelope.log_id, fields,
              FCT_COUNT(fields) - (converted ? 0 : 1));
}

void relay_hold(struct relay *relay, struct job *j)
{
    j->held_before = NULL;
    j->held_behind = relay->hand;
    if (relay->hand)
        relay->hand->held_before = j;
    relay->hand = j;
    relay->jobs++;
}

void relay_forget(struct relay *relay, struct job *j)
{
    if (j->held_behind)
        j->held_behind->held_before = j->held_before;
    if (j->held_before)
        j->held_before->held_behind = j->held_behind;
    else
        relay->hand = j->held_behind;
    job_free(&j);
    relay->jobs--;
    if (relay->jobs < relay->conf->max_jobs / 2 && relay->lease_again)
        intake_start(relay);
}

void relay_finish(struct relay *relay, struct job *j)
{
    struct queue_result *result = calloc(j->n + 1, sizeof *result);
    int64_t now = clock_wall();

    FCT_ASSERT(result);
    for (size_t i = 0; i < j->n; i++)
        fill(relay, j, i, now, &result[i]);
    if (!relay_hook_results(relay, j, result))
        relay_conclude(relay, j, result);
}

void relay_conclude(struct relay *relay, struct job *j, struct queue_result *result)
{
    int64_t now = clock_wall();

    for (size_t i = 0; i < j->n; i++)
        log_result(relay, j, i, &result[i], now);
    relay_suppress(relay, j, result);
    if (report_is_due(j, result)) {
        report_start(relay, j, result);
        return;
    }
    for (size_t i = 0; i < j->n; i++)
        results_add(relay->results, &result[i]);
    free(result);
    relay_forget(relay, j);
}

void relay_return(struct relay *relay, struct job *j)
{
    for (size_t i = 0; i < j->n; i++)
        results_add(relay->results, &(struct queue_result){.id = j->mail->entry.id,
                                                           .recipient = j->recipient[i],
                                                           .outcome = QUEUE_OUT_RETURNED});
    relay_forget(relay, j);
}
