/* relay_hooks.c - see relay_hooks.h: the connection to the filters, queue.send and queue.in. */
#include "protocols/relay/relay_hooks.h"

#include "core/base/clock.h"
#include "core/base/id.h"
#include "core/base/map.h"
#include "core/base/memory_file.h"
#include "core/base/str.h"
#include "core/hook/filter_client.h"
#include "core/log/log.h"

#include <stdlib.h>
#include <unistd.h>

struct relay_hooks *relay_hooks_new(struct role_env *env)
{
    struct relay_hooks *h = calloc(1, sizeof *h);

    FCT_ASSERT(h);
    h->filter = filter_client_new(env);
    h->arena = arena_new(NULL);
    h->routes = map_new();
    return h;
}

void relay_hooks_peer(struct relay_hooks *h, unsigned index, int fd)
{
    filter_client_peer(h->filter, index, fd);
}

bool relay_hooked(const struct relay *relay, enum fct_hook hook)
{
    return filter_wants(relay->hooks->filter, hook, FCT_ROLE_LOCAL);
}

bool relay_hook_unanswered(const struct filter_answer *answer)
{
    return answer->verdict == FCT_TEMPFAIL && str_equal(answer->by, FCT_STR("filter"));
}

struct filter_context relay_hook_context(const struct queue_entry *entry,
                                         const struct fct_str *recipient, size_t n)
{
    const struct queue_envelope *e = &entry->envelope;

    return (struct filter_context){
        .conn = {.size = sizeof(struct fct_conn),
                 .role = FCT_ROLE_LOCAL,
                 .id = e->log_id,
                 .client_ip = e->client_ip.n > 0 ? e->client_ip : FCT_STR("127.0.0.1"),
                 .local_ip = FCT_STR("127.0.0.1"),
                 .login = e->login,
                 .frontend = FCT_STR("relay")},
        .envelope = {.size = sizeof(struct fct_envelope),
                     .id = e->log_id,
                     .reverse_path = e->reverse_path,
                     .smtputf8 = e->smtputf8,
                     .recipient = recipient,
                     .recipients = n,
                     .body = e->body == QUEUE_7BIT ? FCT_STR("7BIT") : FCT_STR("8BITMIME")},
    };
}

struct fct_list relay_hook_recipients(struct arena *arena, const struct job *j)
{
    struct fct_str *address = ARENA_ARRAY(arena, struct fct_str, j->n + 1);

    for (size_t i = 0; i < j->n; i++)
        address[i] = job_recipient(j, i)->address;
    return (struct fct_list){address, j->n};
}

uint64_t relay_hook_age_ms(const struct queue_entry *entry)
{
    int64_t now = clock_wall();

    return now > entry->arrived ? (uint64_t)(now - entry->arrived) * 1000 : 0;
}

/* ---- queue.send ---- */

struct asking {
    struct destination *d;
    struct job *j;
};

static int64_t later(const struct relay *relay, const struct job *j,
                     const struct filter_answer *answer, int64_t now)
{
    const struct queue_entry *entry = &j->mail->entry;
    struct fct_str text;
    uint64_t ms, chance;

    if (filter_changed(answer, "delay_ms", 0, &text) && str_to_u64(text, &ms) &&
        ms < (uint64_t)INT32_MAX * 1000)
        return now + (int64_t)(ms + 999) / 1000;
    random_bytes(&chance, sizeof chance);
    return schedule_next(&relay->schedule, entry->arrived, now, job_recipient(j, 0)->attempts + 1,
                         entry->envelope.reverse_path.n == 0, chance);
}

/* Back to the store, untried; unless its time is over. */
static void postpone(struct relay *relay, struct job *j, const struct filter_answer *answer)
{
    const struct queue_entry *entry = &j->mail->entry;
    struct fct_str why = answer->text.n > 0 ? answer->text : FCT_STR("postponed");
    int64_t now = clock_wall(), next = later(relay, j, answer, now);
    struct delivery_result result = {0};
    char text[sizeof result.text];

    if (schedule_is_over(&relay->schedule, entry->arrived, now,
                         entry->envelope.reverse_path.n == 0)) {
        str_copy_c(text, sizeof text, why);
        outcome_without_reply(&result, OUTCOME_DEFERRED, "4.7.1", text);
        job_settle(j, &result);
        relay_finish(relay, j);
        return;
    }
    log_event(EV_SEND_POSTPONED, entry->envelope.log_id, F_U64("queue", entry->id),
              F_STR("domain", j->domain), F_STR("by", answer->by), F_STR("why", why),
              F_I64("retry_s", next - now));
    for (size_t i = 0; i < j->n; i++)
        results_add(relay->results, &(struct queue_result){.id = entry->id,
                                                           .recipient = j->recipient[i],
                                                           .outcome = QUEUE_OUT_RETURNED,
                                                           .next_try = next,
                                                           .reply = why});
    relay_forget(relay, j);
}

static void go(struct destination *d, struct job *j)
{
    if (d->relay->draining) {
        relay_return(d->relay, j);
        return;
    }
    job_list_add(&d->waiting, j);
    destination_press(d);
}

FCT_MAY_WAIT static void ask_send(void *arg)
{
    struct asking *a = arg;
    struct destination *d = a->d;
    struct job *j = a->j;
    const struct queue_entry *entry = &j->mail->entry;
    struct arena *arena = arena_new(NULL);
    struct fct_list to = relay_hook_recipients(arena, j);
    struct filter_context ctx = relay_hook_context(entry, to.item, to.n);
    struct fct_ev_queue_send ev = {
        .host = d->hops.n > 0 ? d->hops.hop[0].name : FCT_STR(""),
        .attempt = job_recipient(j, 0)->attempts + 1,
        .recipients = j->n,
        .domain = j->domain,
        .age_ms = relay_hook_age_ms(entry),
        .class = entry->envelope.class,
        .size = entry->size,
    };
    struct filter_answer answer;

    filter_hook(d->relay->hooks->filter, &ctx, FCT_HOOK_queue_send, &ev, arena, &answer);
    d->sessions--;
    if (answer.verdict == FCT_TEMPFAIL && !relay_hook_unanswered(&answer))
        postpone(d->relay, j, &answer);
    else
        go(d, j);
    arena_free(&arena);
    free(a);
}

bool relay_hook_send(struct destination *d, struct job *j)
{
    struct asking *a;

    if (!relay_hooked(d->relay, FCT_HOOK_queue_send))
        return false;
    a = calloc(1, sizeof *a);
    FCT_ASSERT(a);
    *a = (struct asking){d, j};
    d->sessions++; /* it is in use */
    (void)fiber_start(ask_send, a);
    return true;
}

/* ---- queue.in ---- */

static void edit(struct arena *arena, const struct edit_list *edits, struct fct_str *message)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(edit_list_size(edits, message->n));

    if (edits->n > 0 && edit_list_apply(edits, *message, 0, UINT64_MAX, &out))
        *message = arena_str(arena, buf_str(&out));
}

/* Reports are made when nobody is there who could be told of a refusal: only DISCARD ends one. */
enum hooked_report relay_hook_report(struct relay *relay, const struct relay_hooked_report *report,
                                     struct arena *arena, struct fct_str *message)
{
    const struct queue_entry entry = {
        .envelope = {.log_id = report->id, .reverse_path = report->from}};
    struct filter_context ctx = relay_hook_context(&entry, report->to.item, report->to.n);
    struct fct_ev_queue_in ev = {.recipients = report->to.n,
                                 .size = message->n,
                                 .remote = report->to,
                                 .origin = FCT_STR("report"),
                                 .score = FCT_STR("0.00"),
                                 .action = FCT_STR("keep")};
    struct filter_answer answer;
    int fd;

    if (!relay_hooked(relay, FCT_HOOK_queue_in))
        return HOOKED_GOES;
    fd = memory_file("report", *message);
    if (fd < 0)
        return HOOKED_UNASKED;
    filter_hook_message(relay->hooks->filter, &ctx, FCT_HOOK_queue_in, &ev, fd, message->n, arena,
                        &answer);
    close(fd);
    if (relay_hook_unanswered(&answer))
        return HOOKED_UNASKED;
    if (answer.verdict == FCT_DISCARD)
        return HOOKED_DROPPED;
    edit(arena, &answer.edits, message);
    return HOOKED_GOES;
}
