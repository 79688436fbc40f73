/* queue_flush.c - changes of the queue on their way to the committer: noted, collected for a
 * moment, handed over alone or with a delivery. */
#include "store/queue_inside.h"

#include "core/log/log.h"
#include "store/blob.h"

#include <event2/event.h>
#include <stdlib.h>

#define NUMBERS      4096u      /* reserved at a time */
#define NOTED_MAX    (1u << 20) /* bytes of changes after which they are not held back */
#define FINISHED_MAX 4096u

/* A change of an entry's state that was not handed over yet: this, then its bytes. */
struct noted {
    uint64_t id;
    uint32_t n;
};

void queue_finish(struct queue *q, uint64_t id, const struct blob_id *blob, bool has_state,
                  bool marked)
{
    if (q->nfinished == q->finished_room) {
        q->finished_room = q->finished_room ? 2 * q->finished_room : 64;
        q->finished = realloc(q->finished, q->finished_room * sizeof *q->finished);
        FCT_ASSERT(q->finished);
    }
    q->finished[q->nfinished++] = (struct queue_finished){id, *blob, has_state, marked};
}

void queue_put_number(struct server *s, struct batch *b)
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

static void mark_over(struct batch *b, struct queue_finished *f)
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
static bool put_removal(struct server *s, struct batch *b, struct queue_finished *f)
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

void queue_flush_later(struct server *s, uint64_t ms)
{
    struct timeval when = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000) * 1000};

    if (!event_pending(s->queue->flush, EV_TIMEOUT, NULL))
        event_add(s->queue->flush, &when);
}

static void wake_waiters(struct queue *q)
{
    for (size_t i = 0; i < q->waiters; i++)
        fiber_wake(q->waiter[i]);
    q->waiters = 0;
}

void queue_rode(struct server *s, uint64_t seq)
{
    struct queue *q = s->queue;

    q->flushed = seq;
    wake_waiters(q);
    event_del(q->flush);
    if (q->nfinished > 0)
        queue_flush_later(s, QUEUE_RELEASE_MS);
}

uint64_t queue_flush(struct server *s)
{
    struct batch b;

    batch_init(&b);
    if (queue_ride(s, &b) && !batch_is_empty(&b)) {
        blob_batch_sent(s, &b);
        queue_rode(s, commit_submit(s->commit, &b, NULL, 0));
    } else if (s->queue->nfinished > 0) {
        queue_flush_later(s, QUEUE_RELEASE_MS);
    }
    batch_fini(&b);
    return s->queue->flushed;
}

void queue_on_flush(evutil_socket_t fd, short what, void *arg)
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

void queue_note(struct server *s, struct queue_message *m, const struct buf *change)
{
    struct queue *q = s->queue;
    struct noted head = {m->id, (uint32_t)change->n};

    m->has_state = true;
    buf_put(&q->noted, &head, sizeof head);
    buf_put_str(&q->noted, buf_str(change));
    FCT_ASSERT(!q->noted.overflow);
}

/* Something is to be handed over: soon, or at once when it is much. */
void queue_flush_soon(struct server *s)
{
    bool much = s->queue->noted.n > NOTED_MAX || s->queue->nfinished > FINISHED_MAX;

    if (much && !s->queue->gathering)
        (void)queue_flush(s);
    else
        queue_flush_later(s, s->conf->queue_ack_delay.ms);
}

void queue_forget_noted(struct server *s)
{
    struct queue *q = s->queue;

    buf_clear(&q->noted);
    q->nfinished = 0;
    q->flushed = 0;
    q->failures++;
    wake_waiters(q);
}
