/* queue.c - see queue.h. */
#include "store/queue_inside.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "store/client.h"
#include "store/queue_history.h"
#include "store/queue_rules.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

const struct queue_index *queue_in_memory(const struct server *s)
{
    return &s->queue->index;
}

/* ---- adding ---- */

bool queue_has_room(const struct server *s, struct fct_str login, struct fct_err *err)
{
    const struct queue_index *q = &s->queue->index;

    if (q->messages >= s->conf->queue_messages)
        return fct_fail(err, FCT_LIMIT, "the queue is full");
    if (s->conf->queue_per_login > 0 && login.n > 0 &&
        queue_index_login(q, login) >= s->conf->queue_per_login)
        return fct_fail(err, FCT_LIMIT, "too many messages of this login wait to be sent");
    return true;
}

uint64_t queue_add(struct server *s, struct change *c, struct queue_entry *entry,
                   struct fct_str later, const struct blob_id *blob)
{
    struct buf value = BUF_INIT(QUEUE_VALUE_MAX);
    struct arena *arena = arena_new(NULL);
    struct fct_str *domain = ARENA_ARRAY(arena, struct fct_str, entry->n);
    struct queue_recipient *copy = ARENA_ARRAY(arena, struct queue_recipient, entry->n);
    struct queue_record r = {.entry = *entry, .recipient = copy, .blob = *blob, .later = later};

    if (s->queue->next_number > s->queue->reserved)
        queue_put_number(s, &c->batch);
    r.entry.id = entry->id = s->queue->next_number++;
    for (size_t i = 0; i < entry->n; i++) {
        copy[i] = entry->recipient[i];
        domain[i] = queue_domain_of(&copy[i], arena);
    }
    queue_record_encode(&r, &value);
    FCT_ASSERT(!value.overflow);
    batch_part(&c->batch, queue_part(entry->id));
    batch_put(&c->batch, queue_entry_key(entry->id), buf_str(&value));
    if (entry->held) {
        buf_clear(&value);
        queue_state_hold(&value, true);
        batch_append(&c->batch, queue_state_key(entry->id), buf_str(&value));
    }
    (void)queue_index_entry(s, &r, NULL, entry->held, domain, arena);
    queue_history_queued(s, entry);
    change_touch(c, (struct touch){PART_QUEUE, 0, entry->id});
    buf_free(&value);
    arena_free(&arena);
    return entry->id;
}

void queue_durable(struct server *s, const struct touch *touch, size_t n)
{
    bool any = false;

    for (size_t i = 0; i < n; i++) {
        struct queue_message *m = touch[i].account == PART_QUEUE
                                      ? queue_index_find(&s->queue->index, touch[i].mod_seq)
                                      : NULL;

        if (m && !m->durable) {
            queue_index_start(&s->queue->index, m);
            any = true;
        }
    }
    if (any)
        queue_wake(s);
}

/* ---- results ---- */

static void finish_message(struct server *s, struct queue_message *m)
{
    queue_finish(s->queue, m->id, &m->blob, m->has_state, false);
    queue_index_remove(&s->queue->index, m);
}

/* Its work is over. True: that was the message's last. */
static bool recipient_over(struct server *s, struct queue_message *m, struct queue_item *item,
                           uint32_t recipient)
{
    uint32_t *owner = queue_owners(m);

    if (owner)
        owner[recipient] |= OWNER_DONE;
    m->open--;
    s->queue->index.recipients--;
    if (--item->open == 0)
        queue_index_over(&s->queue->index, item);
    return m->open == 0;
}

/* A result of a job on lease: with the last one the lease ends. */
static void answered(struct server *s, struct queue_item *item)
{
    struct queue_active *a = queue_index_active(&s->queue->index, item);

    if (!a || a->awaited == 0 || --a->awaited > 0)
        return;
    queue_index_due(&s->queue->index, item, item->due == UINT32_MAX ? 0 : item->due);
}

static void later(struct server *s, struct queue_message *m, struct queue_item *item,
                  const struct queue_result *r, uint32_t lessee)
{
    uint32_t due = queue_due_at(r->next_try);
    const struct queue_active *a = queue_index_active(&s->queue->index, item);
    uint32_t *owner = queue_owners(m);
    bool again = owner && (owner[r->recipient] & OWNER_ANSWERED);

    if (a && (a->lessee != lessee || again))
        return;
    if (owner && a)
        owner[r->recipient] |= OWNER_ANSWERED;
    if (!a)
        queue_index_due(&s->queue->index, item, due);
    else if (due < item->due)
        item->due = due;
    answered(s, item);
}

void queue_result(struct server *s, const struct queue_result *r, uint32_t lessee)
{
    struct queue_message *m = queue_index_find(&s->queue->index, r->id);
    struct queue_item *item = m ? queue_message_item(m, r->recipient) : NULL;
    struct buf change = BUF_INIT(QUEUE_CHANGE_MAX);
    const struct queue_active *a;
    bool over = r->outcome < QUEUE_OUT_DEFERRED;

    if (!item || item->place == JOB_FRESH)
        return;
    queue_history_result(s, r);
    if (over && m->open == 1) { /* the entry goes: what became of it is in the log */
        finish_message(s, m);
        queue_flush_soon(s);
        queue_wake(s); /* its domain has room again */
        return;
    }
    a = queue_index_active(&s->queue->index, item);
    if (!over && a && a->lessee != lessee)
        return;
    if (r->outcome != QUEUE_OUT_RETURNED || r->reply.n > 0 || r->next_try > 0) {
        queue_state_result(&change, r, r->tried > 0 ? r->tried : clock_wall());
        queue_note(s, m, &change);
        buf_free(&change);
    }
    if (!over) {
        later(s, m, item, r, lessee);
    } else {
        bool was_answered = queue_owners(m)[r->recipient] & OWNER_ANSWERED;

        (void)recipient_over(s, m, item, r->recipient);
        if (!was_answered)
            answered(s, item);
    }
    queue_flush_soon(s);
    queue_wake(s);
}

bool queue_ride_with(struct server *s, struct batch *b, const struct queue_result *result, size_t n,
                     uint32_t lessee)
{
    s->queue->gathering = true;
    for (size_t i = 0; i < n; i++)
        queue_result(s, &result[i], lessee);
    s->queue->gathering = false;
    return queue_ride(s, b);
}

/* ---- leases ---- */

static uint32_t lease_seconds(const struct server *s)
{
    return (uint32_t)(s->conf->queue_lease.ms / 1000);
}

/* Results are awaited of the recipients that are claimed, not of others of the same job. */
static void lease_again(struct server *s, struct queue_item *item, uint32_t lessee)
{
    struct queue_message *m = queue_item_message(item);
    uint32_t *owner = queue_owners(m);

    queue_index_lease_item(&s->queue->index, item, lessee, queue_clock() + lease_seconds(s));
    queue_index_active(&s->queue->index, item)->awaited = owner ? 0 : 1;
    for (uint32_t i = 0; owner && i < m->recipients; i++)
        if (queue_message_item(m, i) == item)
            owner[i] |= OWNER_ANSWERED;
}

void queue_claim(struct server *s, const struct queue_claim *claim, uint32_t lessee)
{
    struct queue_message *m = queue_index_find(&s->queue->index, claim->id);
    struct queue_item *item = m && m->durable ? queue_message_item(m, claim->recipient) : NULL;
    const struct queue_active *a;
    uint32_t *owner;

    if (!item)
        return;
    a = queue_index_active(&s->queue->index, item);
    if (!a || a->lessee != lessee)
        lease_again(s, item, lessee);
    owner = queue_owners(m);
    if (owner && (owner[claim->recipient] & OWNER_ANSWERED)) {
        owner[claim->recipient] &= ~OWNER_ANSWERED;
        queue_index_active(&s->queue->index, item)->awaited++;
    }
}

struct queue_item *queue_lease(struct server *s, uint32_t lessee)
{
    struct queue_item *item;
    struct queue_message *m;
    uint32_t *owner;

    (void)queue_index_turn(&s->queue->index);
    item = queue_index_lease(&s->queue->index, lessee, lease_seconds(s));
    m = item ? queue_item_message(item) : NULL;
    owner = m ? queue_owners(m) : NULL;
    for (uint32_t i = 0; owner && i < m->recipients; i++)
        if (queue_message_item(m, i) == item)
            owner[i] &= ~OWNER_ANSWERED;
    return item;
}

void queue_unlease(struct server *s, struct queue_item *item, uint32_t seconds)
{
    queue_index_due(&s->queue->index, item, seconds ? queue_clock() + seconds : 0);
}

void queue_give_up(struct server *s, uint32_t lessee)
{
    if (s->queue && queue_index_give_up(&s->queue->index, lessee) > 0)
        queue_wake(s);
}

void queue_set_domain(struct server *s, const struct queue_domain *domain)
{
    queue_index_set(&s->queue->index, domain->domain, domain->jobs, domain->not_before_ms);
    queue_wake(s);
}

/* ---- time ---- */

static void turn_later(struct server *s, uint64_t ms)
{
    struct timeval when = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000) * 1000};

    event_add(s->queue->turn, &when);
}

void queue_wake(struct server *s)
{
    uint64_t wait = queue_index_turn(&s->queue->index);

    if (wait != CLOCK_NEVER)
        turn_later(s, wait < 3600000 ? wait + 1 : 3600000);
    if (queue_index_has_work(&s->queue->index))
        clients_tell_queue(s);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    queue_wake(arg);
}

#define LEASES_EVERY_MS 10000u

void queue_tick(struct server *s)
{
    uint64_t now = clock_ms();

    if (now < s->queue->next_sweep)
        return;
    s->queue->next_sweep = now + LEASES_EVERY_MS;
    queue_give_up(s, 0);
}

/* ---- admin ---- */

static void retry(struct server *s, struct queue_message *m)
{
    struct queue_index *q = &s->queue->index;

    for (uint32_t i = 0; i < m->items; i++) {
        struct queue_item *item = &m->item[i];

        if (item->place == JOB_WAITING || item->place == JOB_HELD)
            queue_index_due(q, item, 0);
        if (item->place == JOB_READY && item->home->busy->blocked)
            queue_index_set(q, queue_home_domain(item->home), item->home->busy->jobs, 0);
    }
}

/* Nobody has tried it, and nobody may yet. */
static bool may_undo(struct server *s, const struct queue_message *m)
{
    struct arena *arena = arena_new(NULL);
    struct queue_progress state;
    struct queue_record r;
    struct fct_err err = {0};
    bool yes = queue_read(s, m, arena, &r, &state, &err) &&
               r.entry.envelope.hold_until > clock_wall() && !state.hurried;

    for (size_t i = 0; yes && i < r.entry.n; i++)
        yes = r.entry.recipient[i].last_try == 0;
    for (uint32_t i = 0; yes && i < m->items; i++)
        yes = m->item[i].place == JOB_WAITING || m->item[i].place == JOB_HELD;
    arena_free(&arena);
    return yes;
}

bool queue_act(struct server *s, enum queue_act act, uint64_t id)
{
    struct queue_message *m = queue_index_find(&s->queue->index, id);
    struct buf change = BUF_INIT(QUEUE_CHANGE_MAX);

    if (!m || !m->durable || (act == QUEUE_UNDO && !may_undo(s, m)))
        return false;
    queue_history_act(s, id, act);
    if (act == QUEUE_DROP || act == QUEUE_UNDO) {
        finish_message(s, m);
        queue_flush_soon(s);
        return true;
    }
    if (act == QUEUE_RETRY) {
        queue_state_retry(&change, clock_wall());
        retry(s, m);
    } else {
        queue_state_hold(&change, act == QUEUE_HOLD);
        queue_index_hold(&s->queue->index, m, act == QUEUE_HOLD);
    }
    queue_note(s, m, &change);
    buf_free(&change);
    queue_flush_soon(s);
    queue_wake(s);
    return true;
}

/* ---- opening, closing, failing ---- */

bool queue_open(struct server *s, struct fct_err *err)
{
    struct queue *q = calloc(1, sizeof *q);
    uint64_t before = clock_ms();

    FCT_ASSERT(q);
    s->queue = q;
    queue_history_open(s);
    q->noted = BUF_INIT(64u << 20);
    queue_index_init(&q->index, s->conf->queue_domain_jobs);
    q->flush = evtimer_new(s->base, queue_on_flush, s);
    q->turn = evtimer_new(s->base, on_turn, s);
    if (!q->flush || !q->turn)
        return fct_fail(err, FCT_TEMP, "no timer");
    if (!queue_load(s, err))
        return fct_fail_in(err, "queue");
    if (q->index.messages > 0)
        log_event(EV_QUEUE_OPEN, FCT_STR(""), F_U64("messages", q->index.messages),
                  F_U64("recipients", q->index.recipients), F_U64("ms", clock_ms() - before));
    if (q->nfinished > 0)
        queue_flush_later(s, QUEUE_RELEASE_MS);
    queue_wake(s);
    return true;
}

void queue_close(struct server *s)
{
    struct queue *q = s->queue;

    if (!q)
        return;
    s->queue = NULL;
    if (q->flush)
        event_free(q->flush);
    if (q->turn)
        event_free(q->turn);
    queue_index_free(&q->index);
    buf_free(&q->noted);
    free(q->finished);
    free(q->waiter);
    free(q);
}

#define SAY_AGAIN_S 60u /* whoever said that a job is over has so long to say it again */

static const struct queue_item *item_before(const struct queue_index *before,
                                            const struct queue_item *item)
{
    struct queue_message *m = queue_index_find(before, queue_item_message(item)->id);

    for (uint32_t i = 0; m && i < m->items; i++)
        if (m->item[i].home &&
            str_equal(queue_home_domain(m->item[i].home), queue_home_domain(item->home)))
            return &m->item[i];
    return NULL;
}

/* What is on lease stays there, what waits goes on waiting. What was over in memory alone was sent,
 * perhaps: it is not tried at once. */
static void take_over(struct queue_index *q, struct queue_index *before, struct queue_item *item)
{
    const struct queue_item *old = item_before(before, item);
    const struct queue_active *lease = old ? queue_index_active(before, old) : NULL;

    if (!old)
        queue_index_due(q, item, queue_clock() + SAY_AGAIN_S);
    else if (lease)
        queue_index_lease_item(q, item, lease->lessee, lease->until);
    else if (old->place == JOB_WAITING || old->place == JOB_READY)
        queue_index_due(q, item, old->due);
}

/* What is in memory and never became durable cannot be told from the rest: all of it is read again.
 */
void queue_failed(struct server *s)
{
    struct queue *q = s->queue;
    struct queue_index before = q->index;
    struct fct_err err = {0};

    queue_index_init(&q->index, s->conf->queue_domain_jobs);
    queue_forget_noted(s);
    if (!queue_load(s, &err)) {
        log_event(EV_STORE_FAILED, FCT_STR(""), F_C("why", err.text), F_BOOL("restart", true));
        log_flush();
        _exit(EXIT_FAILURE);
    }
    for (struct queue_message *m = NULL; (m = queue_index_next(&q->index, m ? m->id : 0));)
        for (uint32_t i = 0; i < m->items; i++)
            if (m->item[i].home)
                take_over(&q->index, &before, &m->item[i]);
    queue_index_free(&before);
    queue_wake(s);
}
