/* queue.c - see queue.h. */
#include "store/queue.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "store/blob.h"
#include "store/client.h"
#include "store/directory.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#define NUMBERS       4096u      /* reserved at a time */
#define NOTED_MAX     (1u << 20) /* bytes of changes after which they are not held back */
#define FINISHED_MAX  4096u
#define CHANGE_MAX    (2u * QUEUE_TEXT_MAX + 64u)
#define RELEASE_AGAIN 50u /* ms: a body that another batch names right now */

/* A change of an entry's state that was not handed over yet: this, then its bytes. */
struct noted {
    uint64_t id;
    uint32_t n;
};

/* An entry that is over and still on the disk. */
struct finished {
    uint64_t id;
    struct blob_id blob;
    bool has_state, marked; /* marked: the disk says that it is over */
};

struct queue {
    struct queue_index index;
    struct event *flush, *turn;
    uint64_t next_number, reserved; /* numbers below are on disk as given */
    struct buf noted;
    struct finished *finished;
    size_t nfinished, finished_room;
    uint64_t flushed; /* sequence number of the last hand-over */
    uint64_t failures;
    bool gathering;             /* for a batch at hand: nothing is flushed meanwhile */
    struct fiber_token *waiter; /* for the next one */
    size_t waiters, waiter_room;
    uint64_t next_sweep;
};

const struct queue_index *queue_in_memory(const struct server *s)
{
    return &s->queue->index;
}

/* ---- from the disk ---- */

/* "" for one whose report is due. */
static struct fct_str domain_of(const struct queue_recipient *r, struct arena *arena)
{
    struct fct_str domain = r->status == QUEUE_PENDING ? directory_domain(r->address) : FCT_STR("");
    char *lower = arena_alloc(arena, domain.n + 1);

    if (domain.n > 0)
        memcpy(lower, domain.p, domain.n);
    str_lower(lower, domain.n);
    return (struct fct_str){lower, domain.n};
}

/* A time of the wall clock on the monotonic one. */
static uint32_t due_at(int64_t wall)
{
    int64_t left = wall - clock_wall();

    return left > 0 ? queue_clock() + (left < INT32_MAX ? (uint32_t)left : INT32_MAX) : 0;
}

static struct queue_message *index_entry(struct server *s, const struct queue_record *r,
                                         const struct queue_progress *state, bool has_state,
                                         const struct fct_str *domain, struct arena *arena)
{
    const struct queue_envelope *v = &r->entry.envelope;
    uint32_t *due = ARENA_ARRAY(arena, uint32_t, r->entry.n);
    struct queue_new new = {.id = r->entry.id,
                            .blob = r->blob,
                            .login = v->login,
                            .arrived = r->entry.arrived,
                            .size = r->entry.size,
                            .priority = v->priority,
                            .held = r->entry.held,
                            .has_state = has_state,
                            .count_login = s->conf->queue_per_login > 0,
                            .domain = domain,
                            .done = state ? state->done : NULL,
                            .due = due,
                            .n = r->entry.n};

    for (size_t i = 0; i < r->entry.n; i++) {
        int64_t hold = state && state->hurried ? 0 : v->hold_until;
        int64_t next = r->recipient[i].next_try;

        due[i] = due_at(next > hold ? next : hold);
    }
    return queue_index_add(&s->queue->index, &new);
}

static void finish(struct queue *q, uint64_t id, const struct blob_id *blob, bool has_state,
                   bool marked)
{
    if (q->nfinished == q->finished_room) {
        q->finished_room = q->finished_room ? 2 * q->finished_room : 64;
        q->finished = realloc(q->finished, q->finished_room * sizeof *q->finished);
        FCT_ASSERT(q->finished);
    }
    q->finished[q->nfinished++] = (struct finished){id, *blob, has_state, marked};
}

static bool get_state(struct server *s, uint64_t id, struct buf *value, bool *found,
                      struct fct_err *err)
{
    struct key key = queue_state_key(id);

    return s->driver->ops->get(s->driver, NULL, queue_part(id), key_str(&key), value, found, err);
}

struct load {
    struct server *s;
    struct arena *arena;
    struct buf state;
    uint64_t damaged;
    struct fct_err *err;
    bool ok;
};

static bool load_one(struct load *l, uint64_t id, struct fct_str value)
{
    struct queue *q = l->s->queue;
    struct queue_progress state;
    struct queue_record r;
    struct queue_message *m;
    struct fct_str *domain;
    bool has_state;

    if (!get_state(l->s, id, &l->state, &has_state, l->err))
        return false;
    if (!queue_record_decode(value, l->arena, &r) ||
        !queue_state_apply(has_state ? buf_str(&l->state) : FCT_STR(""), l->arena, &r, &state)) {
        l->damaged++;
        return true;
    }
    r.entry.id = id;
    domain = ARENA_ARRAY(l->arena, struct fct_str, r.entry.n);
    for (size_t i = 0; i < r.entry.n; i++) /* by what it was at first: its work may be done now */
        domain[i] = domain_of(&r.recipient[i], l->arena);
    if (state.over) {
        finish(q, id, &r.blob, true, true);
        return true;
    }
    m = index_entry(l->s, &r, &state, has_state, domain, l->arena);
    if (m->open == 0) { /* its last result came just before the end */
        finish(q, id, &r.blob, has_state, true);
        queue_index_remove(&q->index, m);
        return true;
    }
    queue_index_start(&q->index, m);
    return true;
}

static bool load_entry(void *arg, struct fct_str key, struct fct_str value)
{
    struct load *l = arg;

    arena_reset(l->arena);
    l->ok = key.n != 9 || load_one(l, key_get_u64(key.p + 1), value);
    return l->ok;
}

static bool load_counter(struct server *s, struct fct_err *err)
{
    struct buf value = BUF_INIT(64);
    struct key key = queue_counter_key();
    struct unpack in;
    bool found, ok;

    ok = s->driver->ops->get(s->driver, NULL, queue_part(0), key_str(&key), &value, &found, err);
    s->queue->reserved = 0;
    if (ok && found) {
        ok = record_open(buf_str(&value), 1, &in);
        s->queue->reserved = unpack_uint(&in);
        if (!ok || !unpack_ok(&in))
            ok = fct_fail(err, FCT_TEMP, "the counter of the queue is damaged");
    }
    s->queue->next_number = s->queue->reserved + 1;
    buf_free(&value);
    return ok;
}

static bool load(struct server *s, struct fct_err *err)
{
    struct load l = {.s = s,
                     .arena = arena_new(NULL),
                     .state = BUF_INIT(QUEUE_VALUE_MAX),
                     .err = err,
                     .ok = true};

    for (unsigned shard = 0; l.ok && shard < QUEUE_SHARDS; shard++)
        l.ok = s->driver->ops->scan(s->driver, NULL, PART_QUEUE + shard, FCT_STR("e"), FCT_STR("f"),
                                    load_entry, &l, err) &&
               l.ok;
    if (l.damaged > 0)
        log_event(EV_WARNING, FCT_STR(""),
                  F_C("why", "entries of the queue are damaged: facteurctl store check"),
                  F_U64("entries", l.damaged));
    arena_free(&l.arena);
    buf_free(&l.state);
    return l.ok && load_counter(s, err);
}

bool queue_read(struct server *s, const struct queue_message *m, struct arena *arena,
                struct queue_record *out, struct queue_progress *state, struct fct_err *err)
{
    struct buf value = BUF_INIT(QUEUE_VALUE_MAX);
    struct key key = queue_entry_key(m->id);
    struct fct_str entry, states = FCT_STR("");
    bool found = false, ok;

    ok =
        s->driver->ops->get(s->driver, NULL, queue_part(m->id), key_str(&key), &value, &found, err);
    entry = arena_str(arena, buf_str(&value));
    if (ok && found && m->has_state) {
        ok = get_state(s, m->id, &value, &found, err);
        if (found)
            states = arena_str(arena, buf_str(&value));
        found = true;
    }
    buf_free(&value);
    if (!ok)
        return false;
    if (!found || !queue_record_decode(entry, arena, out) ||
        !queue_state_apply(states, arena, out, state))
        return fct_fail(err, FCT_TEMP, "queue entry %llu is damaged", (unsigned long long)m->id);
    out->entry.id = m->id;
    out->entry.held = m->held;
    return true;
}

/* ---- handing over ---- */

static void put_number(struct server *s, struct batch *b)
{
    struct buf value = BUF_INIT(64);

    s->queue->reserved = s->queue->next_number + NUMBERS;
    record_begin(&value, 1);
    pack_uint(&value, s->queue->reserved);
    record_end(&value);
    batch_part(b, queue_part(0));
    batch_put(b, queue_counter_key(), buf_str(&value));
    buf_free(&value);
}

static void put_noted(struct queue *q, struct batch *b)
{
    for (size_t at = 0; at < q->noted.n;) {
        struct noted head;

        memcpy(&head, q->noted.p + at, sizeof head);
        at += sizeof head;
        batch_part(b, queue_part(head.id));
        batch_append(b, queue_state_key(head.id), (struct fct_str){q->noted.p + at, head.n});
        at += head.n;
    }
    buf_clear(&q->noted);
}

static void mark_over(struct batch *b, struct finished *f)
{
    struct buf piece = BUF_INIT(16);

    if (!f->marked) {
        queue_state_over(&piece);
        batch_part(b, queue_part(f->id));
        batch_append(b, queue_state_key(f->id), buf_str(&piece));
    }
    f->marked = f->has_state = true;
    buf_free(&piece);
}

/* False: its body is in a batch on its way, so that nobody can tell whether this is its last use.
 */
static bool put_removal(struct server *s, struct batch *b, struct finished *f)
{
    struct fct_err err = {0};
    bool now = false;

    if (!blob_release(s, b, &f->blob, &now, &err)) {
        log_event(EV_WARNING, FCT_STR(""), F_C("why", err.text), F_U64("queue", f->id));
        now = false;
    }
    if (!now) {
        mark_over(b, f);
        return false;
    }
    batch_part(b, queue_part(f->id));
    batch_del(b, queue_entry_key(f->id));
    if (f->has_state)
        batch_del(b, queue_state_key(f->id));
    return true;
}

bool queue_ride(struct server *s, struct batch *b)
{
    struct queue *q = s->queue;
    size_t kept = 0;

    if (q->noted.n == 0 && q->nfinished == 0)
        return false;
    put_noted(q, b);
    for (size_t i = 0; i < q->nfinished; i++)
        if (!put_removal(s, b, &q->finished[i]))
            q->finished[kept++] = q->finished[i];
    q->nfinished = kept;
    return true;
}

static void flush_later(struct server *s, uint64_t ms)
{
    struct timeval when = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000) * 1000};

    if (!event_pending(s->queue->flush, EV_TIMEOUT, NULL))
        event_add(s->queue->flush, &when);
}

void queue_rode(struct server *s, uint64_t seq)
{
    struct queue *q = s->queue;

    q->flushed = seq;
    for (size_t i = 0; i < q->waiters; i++)
        fiber_wake(q->waiter[i]);
    q->waiters = 0;
    event_del(q->flush);
    if (q->nfinished > 0)
        flush_later(s, RELEASE_AGAIN);
}

uint64_t queue_flush(struct server *s)
{
    struct batch b;

    batch_init(&b);
    if (queue_ride(s, &b) && !batch_is_empty(&b)) {
        blob_batch_sent(s, &b);
        queue_rode(s, commit_submit(s->commit, &b, NULL, 0));
    } else if (s->queue->nfinished > 0) {
        flush_later(s, RELEASE_AGAIN);
    }
    batch_fini(&b);
    return s->queue->flushed;
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)queue_flush(arg);
}

bool queue_wait(struct server *s, uint64_t *seq, struct fct_err *err)
{
    struct queue *q = s->queue;
    uint64_t failures = q->failures;

    *seq = q->flushed;
    if (q->noted.n == 0 && q->nfinished == 0)
        return true;
    if (q->waiters == q->waiter_room) {
        q->waiter_room = q->waiter_room ? 2 * q->waiter_room : 8;
        q->waiter = realloc(q->waiter, q->waiter_room * sizeof *q->waiter);
        FCT_ASSERT(q->waiter);
    }
    q->waiter[q->waiters++] = fiber_token();
    fiber_park_fully();
    *seq = q->flushed;
    return q->failures == failures || fct_fail(err, FCT_TEMP, "the disk failed: say it again");
}

static void note(struct server *s, struct queue_message *m, const struct buf *change)
{
    struct queue *q = s->queue;
    struct noted head = {m->id, (uint32_t)change->n};

    m->has_state = true;
    buf_put(&q->noted, &head, sizeof head);
    buf_put_str(&q->noted, buf_str(change));
    FCT_ASSERT(!q->noted.overflow);
}

/* Something is to be handed over: soon, or at once when it is much. */
static void noted_something(struct server *s)
{
    bool much = s->queue->noted.n > NOTED_MAX || s->queue->nfinished > FINISHED_MAX;

    if (much && !s->queue->gathering)
        (void)queue_flush(s);
    else
        flush_later(s, s->conf->queue_ack_delay.ms);
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
                   const struct blob_id *blob)
{
    struct buf value = BUF_INIT(QUEUE_VALUE_MAX);
    struct arena *arena = arena_new(NULL);
    struct fct_str *domain = ARENA_ARRAY(arena, struct fct_str, entry->n);
    struct queue_recipient *copy = ARENA_ARRAY(arena, struct queue_recipient, entry->n);
    struct queue_record r = {.entry = *entry, .recipient = copy, .blob = *blob};

    if (s->queue->next_number > s->queue->reserved)
        put_number(s, &c->batch);
    r.entry.id = entry->id = s->queue->next_number++;
    for (size_t i = 0; i < entry->n; i++) {
        copy[i] = entry->recipient[i];
        domain[i] = domain_of(&copy[i], arena);
    }
    queue_record_encode(&r.entry, blob, &value);
    FCT_ASSERT(!value.overflow);
    batch_part(&c->batch, queue_part(entry->id));
    batch_put(&c->batch, queue_entry_key(entry->id), buf_str(&value));
    (void)index_entry(s, &r, NULL, false, domain, arena);
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
    finish(s->queue, m->id, &m->blob, m->has_state, false);
    queue_index_remove(&s->queue->index, m);
}

/* Its work is over. True: that was the message's last. */
static bool recipient_over(struct server *s, struct queue_message *m, struct queue_item *item,
                           uint32_t recipient)
{
    if (m->owner)
        m->owner[recipient] |= OWNER_DONE;
    m->open--;
    s->queue->index.recipients--;
    if (--item->open == 0)
        queue_index_over(&s->queue->index, item);
    return m->open == 0;
}

/* A result of a job on lease: with the last one the lease ends. */
static void answered(struct server *s, struct queue_item *item)
{
    if (item->place != JOB_ACTIVE || item->awaited == 0 || --item->awaited > 0)
        return;
    queue_index_due(&s->queue->index, item, item->due == UINT32_MAX ? 0 : item->due);
}

static void later(struct server *s, struct queue_message *m, struct queue_item *item,
                  const struct queue_result *r, uint32_t lessee)
{
    uint32_t due = due_at(r->next_try);
    bool again = m->owner && (m->owner[r->recipient] & OWNER_ANSWERED);

    if (item->place == JOB_ACTIVE && (item->lessee != lessee || again))
        return;
    if (m->owner && item->place == JOB_ACTIVE)
        m->owner[r->recipient] |= OWNER_ANSWERED;
    if (item->place != JOB_ACTIVE)
        queue_index_due(&s->queue->index, item, due);
    else if (due < item->due)
        item->due = due;
    answered(s, item);
}

void queue_result(struct server *s, const struct queue_result *r, uint32_t lessee)
{
    struct queue_message *m = queue_index_find(&s->queue->index, r->id);
    struct queue_item *item = m ? queue_message_item(m, r->recipient) : NULL;
    struct buf change = BUF_INIT(CHANGE_MAX);
    bool over = r->outcome < QUEUE_OUT_DEFERRED;

    if (!item || item->place == JOB_FRESH)
        return;
    if (over && m->open == 1) { /* the entry goes: what became of it is in the log */
        finish_message(s, m);
        noted_something(s);
        return;
    }
    if (!over && item->place == JOB_ACTIVE && item->lessee != lessee)
        return;
    if (r->outcome != QUEUE_OUT_RETURNED || r->reply.n > 0 || r->next_try > 0) {
        queue_state_result(&change, r, clock_wall());
        note(s, m, &change);
        buf_free(&change);
    }
    if (!over) {
        later(s, m, item, r, lessee);
    } else {
        bool was_answered = m->owner[r->recipient] & OWNER_ANSWERED;

        (void)recipient_over(s, m, item, r->recipient);
        if (!was_answered)
            answered(s, item);
    }
    noted_something(s);
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

struct queue_item *queue_lease(struct server *s, uint32_t lessee)
{
    struct queue_item *item;
    uint32_t seconds = (uint32_t)(s->conf->queue_lease.ms / 1000);

    (void)queue_index_turn(&s->queue->index);
    item = queue_index_lease(&s->queue->index, lessee, seconds);
    if (item && item->of->owner)
        for (uint32_t i = 0; i < item->of->recipients; i++)
            if (queue_message_item(item->of, i) == item)
                item->of->owner[i] &= ~OWNER_ANSWERED;
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
        if (item->place == JOB_READY && item->home->blocked)
            queue_index_set(q, item->home->domain, item->home->jobs, 0);
    }
}

bool queue_act(struct server *s, enum queue_act act, uint64_t id)
{
    struct queue_message *m = queue_index_find(&s->queue->index, id);
    struct buf change = BUF_INIT(CHANGE_MAX);

    if (!m || !m->durable)
        return false;
    if (act == QUEUE_DROP) {
        finish_message(s, m);
        noted_something(s);
        return true;
    }
    if (act == QUEUE_RETRY) {
        queue_state_retry(&change, clock_wall());
        retry(s, m);
    } else {
        queue_state_hold(&change, act == QUEUE_HOLD);
        queue_index_hold(&s->queue->index, m, act == QUEUE_HOLD);
    }
    note(s, m, &change);
    buf_free(&change);
    noted_something(s);
    queue_wake(s);
    return true;
}

/* ---- opening, closing, failing ---- */

static void forget(struct queue *q)
{
    buf_clear(&q->noted);
    q->nfinished = 0;
}

bool queue_open(struct server *s, struct fct_err *err)
{
    struct queue *q = calloc(1, sizeof *q);
    uint64_t before = clock_ms();

    FCT_ASSERT(q);
    s->queue = q;
    q->noted = BUF_INIT(64u << 20);
    queue_index_init(&q->index, s->conf->queue_domain_jobs);
    q->flush = evtimer_new(s->base, on_flush, s);
    q->turn = evtimer_new(s->base, on_turn, s);
    if (!q->flush || !q->turn)
        return fct_fail(err, FCT_TEMP, "no timer");
    if (!load(s, err))
        return fct_fail_in(err, "queue");
    if (q->index.messages > 0)
        log_event(EV_QUEUE_OPEN, FCT_STR(""), F_U64("messages", q->index.messages),
                  F_U64("recipients", q->index.recipients), F_U64("ms", clock_ms() - before));
    if (q->nfinished > 0)
        flush_later(s, RELEASE_AGAIN);
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

/* A lease that outlives the memory it was in. */
struct kept_lease {
    uint64_t id;
    struct fct_str domain;
    uint32_t lessee, until;
};

static struct kept_lease *keep_leases(const struct queue_index *q, struct arena *arena)
{
    struct kept_lease *kept = ARENA_ARRAY(arena, struct kept_lease, q->active.n + 1);

    for (size_t i = 0; i < q->active.n; i++) {
        const struct queue_item *item = q->active.item[i];

        kept[i] = (struct kept_lease){item->of->id, arena_str(arena, item->home->domain),
                                      item->lessee, item->until};
    }
    return kept;
}

static void lease_again(struct queue_index *q, const struct kept_lease *kept)
{
    struct queue_message *m = queue_index_find(q, kept->id);

    for (uint32_t i = 0; m && i < m->items; i++)
        if (m->item[i].home && str_equal(m->item[i].home->domain, kept->domain))
            queue_index_lease_item(q, &m->item[i], kept->lessee, kept->until);
}

/* What is in memory and never became durable cannot be told from the rest: all of it is read again.
 * What is being tried must not be tried twice at a time. */
void queue_failed(struct server *s)
{
    struct queue *q = s->queue;
    struct arena *arena = arena_new(NULL);
    size_t n = q->index.active.n;
    struct kept_lease *kept = keep_leases(&q->index, arena);
    struct fct_err err = {0};

    queue_index_free(&q->index);
    queue_index_init(&q->index, s->conf->queue_domain_jobs);
    q->failures++;
    forget(q);
    if (!load(s, &err)) {
        log_event(EV_STORE_FAILED, FCT_STR(""), F_C("why", err.text), F_BOOL("restart", true));
        log_flush();
        _exit(EXIT_FAILURE);
    }
    for (size_t i = 0; i < n; i++)
        lease_again(&q->index, &kept[i]);
    arena_free(&arena);
    for (size_t i = 0; i < q->waiters; i++)
        fiber_wake(q->waiter[i]);
    q->waiters = 0;
    queue_wake(s);
}
