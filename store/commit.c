/* commit.c - group commit: a queue, a thread, and waiters in the loop. */
#include "store/commit.h"

#include "core/base/clock.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define GROUP_BYTES \
    (32u << 20) /* of one group: bounds the memory of a write and the wait of the first in it */
#define GROUP_UNITS 1024

/* Under load the thread waits a moment for company: a sync costs the same for one as for many. Only
 * when batches have been arriving so fast that at least GATHER_WORTH more will come in that time; a
 * few sessions that wait for their answers never reach that rate, so they are not held up. */
#define GATHER_US    400u
#define GATHER_WORTH 3u
#define GATHER_UNITS 8u /* enough: go */

/* One batch on its way. */
struct unit {
    struct unit *next;
    uint64_t seq;
    struct batch batch;
    struct touch *touch;
    size_t ntouch, bytes;
    bool ok;
    struct thread_wait *thread; /* another thread waits for it */
};

struct thread_wait {
    pthread_cond_t done;
    bool over, ok;
    struct fct_err err;
};

struct list {
    struct unit *first, **last;
};

struct waiter {
    struct waiter *next;
    uint64_t seq;
    struct fiber_token token;
    bool over;
};

struct commit {
    struct driver *driver;
    struct commit_owner owner;
    struct event *event;
    int wake;
    pthread_t thread;
    bool running;

    /* the loop's own */
    uint64_t handed, done;              /* sequence numbers */
    uint64_t failed_first, failed_last; /* the latest failure */
    struct fct_err failed_why;
    struct waiter *waiters;

    /* shared, under the lock */
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct list queue, finished;
    size_t queued;
    bool gathering;
    uint64_t last_us, interval_us; /* arrivals: the last one, smoothed distance */
    bool stopping, halted;         /* halted: a group failed, the loop has not dealt with it yet */
    struct fct_err why;
};

static void list_clear(struct list *l)
{
    l->first = NULL;
    l->last = &l->first;
}

static void list_add(struct list *l, struct unit *u)
{
    u->next = NULL;
    *l->last = u;
    l->last = &u->next;
}

static void list_move(struct list *from, struct list *to)
{
    if (!from->first)
        return;
    *to->last = from->first;
    to->last = from->last;
    list_clear(from);
}

/* ---- the thread ---- */

/* Take from the queue what makes one group; at least one. */
static size_t take_group(struct commit *c, struct unit *group[GROUP_UNITS])
{
    size_t n = 0, bytes = 0;

    while (c->queue.first && n < GROUP_UNITS &&
           (n == 0 || bytes + c->queue.first->bytes <= GROUP_BYTES)) {
        group[n] = c->queue.first;
        bytes += group[n]->bytes;
        c->queue.first = group[n++]->next;
    }
    if (!c->queue.first)
        list_clear(&c->queue);
    c->queued -= n;
    return n;
}

static bool write_group(struct commit *c, struct unit *const *group, size_t n, struct fct_err *err)
{
    struct batch *batch[GROUP_UNITS];

    for (size_t i = 0; i < n; i++)
        batch[i] = &group[i]->batch;
    return c->driver->ops->commit(c->driver, batch, n, err);
}

static void finish_group(struct commit *c, struct unit *const *group, size_t n, bool ok,
                         const struct fct_err *err)
{
    uint64_t one = 1;

    for (size_t i = 0; i < n; i++) {
        group[i]->ok = ok;
        if (group[i]->thread) {
            group[i]->thread->over = true;
            group[i]->thread->ok = ok;
            group[i]->thread->err = *err;
            pthread_cond_signal(&group[i]->thread->done);
        }
        list_add(&c->finished, group[i]);
    }
    if (!ok) {
        c->halted = true;
        c->why = *err;
    }
    if (write(c->wake, &one, sizeof one) != sizeof one)
        return; /* the counter is full: the loop is woken already */
}

static void gather(struct commit *c)
{
    uint64_t until = clock_us() + GATHER_US;
    struct timespec end = {(time_t)(until / 1000000), (long)(until % 1000000) * 1000};

    if (c->queued >= GATHER_UNITS || c->interval_us * GATHER_WORTH > GATHER_US)
        return;
    c->gathering = true;
    while (c->queued < GATHER_UNITS && !c->stopping)
        if (pthread_cond_timedwait(&c->work, &c->lock, &end) != 0)
            break;
    c->gathering = false;
}

static void *committer(void *arg)
{
    struct unit *group[GROUP_UNITS];
    struct commit *c = arg;

    pthread_mutex_lock(&c->lock);
    for (;;) {
        struct fct_err err = {0};
        size_t n;
        bool ok;

        while ((!c->queue.first || c->halted) && !c->stopping)
            pthread_cond_wait(&c->work, &c->lock);
        if (!c->queue.first || c->halted)
            break;
        gather(c);
        n = take_group(c, group);
        pthread_mutex_unlock(&c->lock);
#ifdef FCT_PLANT_EARLY_ANSWER /* a slow disk, or the gap would rarely be hit; see store/client.c \
                               */
        usleep(100000);
#endif
        ok = write_group(c, group, n, &err);
        pthread_mutex_lock(&c->lock);
        finish_group(c, group, n, ok, &err);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* ---- the loop ---- */

static void unit_free(struct unit *u)
{
    batch_fini(&u->batch);
    free(u->touch);
    free(u);
}

static void wake_waiters(struct commit *c)
{
    struct waiter **at = &c->waiters;

    while (*at) {
        struct waiter *w = *at;

        if (w->seq > c->done) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        w->over = true;
        fiber_wake(w->token);
    }
}

/* Everything handed over behind a failed group was computed on top of it: it fails too, unwritten.
 */
static void deal_with_failure(struct commit *c, struct list *over)
{
    bool broken = c->driver->ops->broken(c->driver);

    pthread_mutex_lock(&c->lock);
    c->failed_why = c->why;
    for (struct unit *u = c->queue.first; u; u = u->next)
        if (u->thread) {
            u->thread->over = true;
            u->thread->err = c->why;
            pthread_cond_signal(&u->thread->done);
        }
    list_move(&c->queue, over);
    c->queued = 0;
    pthread_mutex_unlock(&c->lock);
    c->failed_first = c->done + 1;
    c->failed_last = c->handed;
    c->owner.failed(c->owner.arg, c->failed_first, c->failed_last, &c->failed_why, broken);
    pthread_mutex_lock(&c->lock);
    c->halted = false;
    pthread_mutex_unlock(&c->lock);
}

static void report(struct commit *c)
{
    struct list over;
    bool failed = false;

    list_clear(&over);
    pthread_mutex_lock(&c->lock);
    list_move(&c->finished, &over);
    pthread_mutex_unlock(&c->lock);
    while (over.first) {
        struct unit *u = over.first;

        if (!u->ok &&
            !failed) { /* the first that failed: all later ones are made to fail with it */
            failed = true;
            deal_with_failure(c, &over);
        }
        over.first = u->next;
        if (u->seq > c->done)
            c->done = u->seq;
        c->owner.done(c->owner.arg, &u->batch);
        if (u->ok)
            c->owner.durable(c->owner.arg, u->touch, u->ntouch, &u->batch);
        unit_free(u);
    }
    wake_waiters(c);
}

static void woken(evutil_socket_t fd, short what, void *arg)
{
    struct commit *c = arg;
    uint64_t count;

    (void)what;
    if (read(fd, &count, sizeof count) == sizeof count)
        report(c);
}

bool commit_start(struct event_base *base, struct driver *driver, const struct commit_owner *owner,
                  struct commit **out, struct fct_err *err)
{
    struct commit *c = calloc(1, sizeof *c);
    pthread_condattr_t monotonic;

    FCT_ASSERT(c);
    c->driver = driver;
    c->owner = *owner;
    list_clear(&c->queue);
    list_clear(&c->finished);
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    c->interval_us = 8 * GATHER_US;
    c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    *out = c;
    if (c->wake < 0 || !(c->event = event_new(base, c->wake, EV_READ | EV_PERSIST, woken, c)) ||
        event_add(c->event, NULL) != 0 || pthread_create(&c->thread, NULL, committer, c) != 0) {
        commit_stop(out);
        return fct_fail(err, FCT_TEMP, "the committer cannot start: %s", strerror(errno));
    }
    c->running = true;
    return true;
}

void commit_stop(struct commit **p)
{
    struct commit *c = *p;

    if (!c)
        return;
    *p = NULL;
    if (c->running) {
        pthread_mutex_lock(&c->lock);
        c->stopping = true;
        pthread_cond_signal(&c->work);
        pthread_mutex_unlock(&c->lock);
        pthread_join(c->thread, NULL);
        report(c);
    }
    while (c->queue.first) {
        struct unit *u = c->queue.first;

        c->queue.first = u->next;
        unit_free(u);
    }
    if (c->event)
        event_free(c->event);
    if (c->wake >= 0)
        close(c->wake);
    pthread_cond_destroy(&c->work);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static struct unit *unit_new(struct batch *batch, const struct touch *touch, size_t n)
{
    struct unit *u = calloc(1, sizeof *u);

    FCT_ASSERT(u);
    u->batch = *batch;
    batch_init(batch);
    u->bytes = u->batch.ops.n;
    for (size_t i = 0; i < u->batch.nblobs; i++)
        u->bytes += u->batch.blob[i].size;
    if (n > 0) {
        u->touch = malloc(n * sizeof *touch);
        FCT_ASSERT(u->touch);
        memcpy(u->touch, touch, n * sizeof *touch);
        u->ntouch = n;
    }
    return u;
}

/* Smoothed distance of arrivals; a pause counts as no more than a few milliseconds. */
static void note_arrival(struct commit *c)
{
    uint64_t now = clock_us(), since = now - c->last_us;

    if (since > 8 * GATHER_US)
        since = 8 * GATHER_US;
    c->interval_us = (7 * c->interval_us + since) / 8;
    c->last_us = now;
}

static void enqueue(struct commit *c, struct unit *u)
{
    list_add(&c->queue, u);
    c->queued++;
    note_arrival(c);
    if (!c->gathering || c->queued >= GATHER_UNITS)
        pthread_cond_signal(&c->work);
}

uint64_t commit_submit(struct commit *c, struct batch *batch, const struct touch *touch, size_t n)
{
    struct unit *u = unit_new(batch, touch, n);

    u->seq = ++c->handed;
    pthread_mutex_lock(&c->lock);
    enqueue(c, u);
    pthread_mutex_unlock(&c->lock);
    return c->handed;
}

bool commit_from_thread(struct commit *c, struct batch *batch, struct fct_err *err)
{
    struct thread_wait wait = {.done = PTHREAD_COND_INITIALIZER};
    struct unit *u = unit_new(batch, NULL, 0);

    u->thread = &wait; /* sequence 0: no reply in the loop depends on it */
    pthread_mutex_lock(&c->lock);
    enqueue(c, u);
    while (!wait.over)
        pthread_cond_wait(&wait.done, &c->lock);
    pthread_mutex_unlock(&c->lock);
    pthread_cond_destroy(&wait.done);
    if (!wait.ok)
        *err = wait.err;
    return wait.ok;
}

bool commit_is_done(const struct commit *c, uint64_t seq)
{
    return seq <= c->done;
}

bool commit_is_idle(const struct commit *c)
{
    return c->done == c->handed;
}

bool commit_wait(struct commit *c, uint64_t seq, struct fct_err *err)
{
    struct waiter w = {.seq = seq};

    while (seq > c->done && !w.over) {
        w.token = fiber_token();
        w.next = c->waiters;
        c->waiters = &w;
        fiber_park_fully();
    }
    if (seq != 0 && seq >= c->failed_first && seq <= c->failed_last) {
        *err = c->failed_why;
        return false;
    }
    return true;
}
