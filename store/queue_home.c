/* queue_home.c - see queue_home.h. */
#include "store/queue_home.h"

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"

#include <stdlib.h>

/* ---- the table: open addressing, at most seven eighths full ---- */

static size_t place_of(const struct queue_homes *t, struct fct_str domain)
{
    size_t at = str_hash(domain) & (t->room - 1);

    while (t->home[at] && !str_equal(queue_home_domain(t->home[at]), domain))
        at = (at + 1) & (t->room - 1);
    return at;
}

static void resize(struct queue_homes *t, size_t room)
{
    struct queue_homes old = *t;

    t->home = calloc(room, sizeof(struct queue_home *));
    FCT_ASSERT(t->home);
    t->room = room;
    for (size_t i = 0; i < old.room; i++)
        if (old.home[i])
            t->home[place_of(t, queue_home_domain(old.home[i]))] = old.home[i];
    free(old.home);
}

struct queue_home *queue_home_of(struct queue_index *q, struct fct_str domain)
{
    struct queue_homes *t = &q->homes;
    struct queue_home *h;
    uint64_t ruled;
    size_t at;

    FCT_ASSERT(domain.n <= UINT16_MAX);
    if (8 * (t->n + 1) > 7 * t->room)
        resize(t, t->room ? 2 * t->room : 16);
    at = place_of(t, domain);
    if (t->home[at])
        return t->home[at];
    h = calloc(1, offsetof(struct queue_home, name) + domain.n);
    FCT_ASSERT(h);
    h->n = (uint16_t)domain.n;
    if (domain.n > 0)
        memcpy(h->name, domain.p, domain.n);
    t->home[at] = h;
    t->n++;
    ruled = q->rule ? q->rule(q->rule_arg, domain) : 0;
    if (ruled > 0)
        queue_home_busy(h)->ruled_ms = ruled;
    return h;
}

/* Those behind it move up, so that no chain is broken. */
static void leave_table(struct queue_homes *t, const struct queue_home *h)
{
    size_t mask = t->room - 1, hole = place_of(t, queue_home_domain(h));

    for (size_t at = (hole + 1) & mask; t->home[at]; at = (at + 1) & mask) {
        size_t wanted = str_hash(queue_home_domain(t->home[at])) & mask;

        if (((at - wanted) & mask) < ((at - hole) & mask))
            continue;
        t->home[hole] = t->home[at];
        hole = at;
    }
    t->home[hole] = NULL;
    t->n--;
    if (t->room > 1024 && t->n < t->room / 8)
        resize(t, t->room / 4);
}

struct queue_home *queue_home_next(const struct queue_index *q, size_t *at)
{
    while (*at < q->homes.room)
        if (q->homes.home[(*at)++])
            return q->homes.home[*at - 1];
    return NULL;
}

/* ---- busy ones ---- */

struct queue_busy *queue_home_busy(struct queue_home *h)
{
    if (!h->busy) {
        h->busy = calloc(1, sizeof *h->busy);
        FCT_ASSERT(h->busy);
    }
    return h->busy;
}

static void ring_leave(struct queue_index *q, struct queue_home *h)
{
    struct queue_busy *b = h->busy;

    if (!b || !b->behind)
        return;
    if (q->ring == h)
        q->ring = b->behind == h ? NULL : b->behind;
    b->before->busy->behind = b->behind;
    b->behind->busy->before = b->before;
    b->before = b->behind = NULL;
    q->in_ring--;
}

/* Behind all others. */
static void ring_join(struct queue_index *q, struct queue_home *h)
{
    struct queue_busy *b = h->busy, *first;

    if (b->behind)
        return;
    q->in_ring++;
    if (!q->ring) {
        b->before = b->behind = q->ring = h;
        return;
    }
    first = q->ring->busy;
    b->behind = q->ring;
    b->before = first->before;
    first->before->busy->behind = h;
    first->before = h;
}

uint64_t queue_home_blocked_until(const struct queue_home *h)
{
    const struct queue_busy *b = h->busy;

    if (!b)
        return 0;
    return b->ruled_ms > b->not_before_ms ? b->ruled_ms : b->not_before_ms;
}

static void block(struct queue_index *q, struct queue_home *h)
{
    uint64_t until = queue_home_blocked_until(h);

    if (q->nblocked == 0 || until < q->unblock_ms)
        q->unblock_ms = until;
    if (h->busy->blocked)
        return;
    if (q->nblocked == q->blocked_room) {
        q->blocked_room = q->blocked_room ? 2 * q->blocked_room : 16;
        q->blocked = realloc(q->blocked, q->blocked_room * sizeof(struct queue_home *));
        FCT_ASSERT(q->blocked);
    }
    h->busy->blocked = true;
    q->blocked[q->nblocked++] = h;
}

void queue_home_settle(struct queue_index *q, struct queue_home *h)
{
    struct queue_busy *b = h->busy;

    if (!b)
        return;
    if (queue_home_blocked_until(h) > clock_ms()) {
        ring_leave(q, h);
        block(q, h);
    } else if (b->ready.n > 0 && b->active < (b->jobs ? b->jobs : q->jobs)) {
        ring_join(q, h);
    } else {
        ring_leave(q, h);
    }
}

#define HOMES_KEPT 10000u /* with nothing but what was said about them */

void queue_home_rest(struct queue_index *q, struct queue_home *h)
{
    struct queue_busy *b = h->busy;
    bool known = b && b->jobs > 0 && (h->items > 0 || q->homes.n < HOMES_KEPT);

    if (b && !known && b->ready.n == 0 && b->active == 0 && !b->blocked) {
        ring_leave(q, h);
        free(b->ready.item);
        free(b);
        h->busy = NULL;
    }
    if (h->items > 0 || h->busy)
        return;
    leave_table(&q->homes, h);
    free(h);
}

void queue_index_set(struct queue_index *q, struct fct_str domain, uint32_t jobs,
                     uint64_t not_before_ms)
{
    struct queue_home *h = queue_home_of(q, domain);
    struct queue_busy *b = queue_home_busy(h);

    b->jobs = jobs == q->jobs ? 0 : jobs;
    b->not_before_ms = not_before_ms ? clock_ms() + not_before_ms : 0;
    queue_home_settle(q, h);
    queue_home_rest(q, h);
}

void queue_index_rules(struct queue_index *q, uint64_t (*rule)(void *arg, struct fct_str domain),
                       void *arg)
{
    struct queue_home *h;

    q->rule = rule;
    q->rule_arg = arg;
    q->unblock_ms = 0; /* whom a rule no longer blocks is found by the next turn */
    for (size_t at = 0; (h = queue_home_next(q, &at));) {
        uint64_t ruled = rule(arg, queue_home_domain(h));

        if (ruled > 0 || h->busy)
            queue_home_busy(h)->ruled_ms = ruled;
        queue_home_settle(q, h);
    }
}

uint64_t queue_home_unblock(struct queue_index *q)
{
    uint64_t now = clock_ms(), next = CLOCK_NEVER;

    if (q->nblocked == 0 || now < q->unblock_ms)
        return q->nblocked == 0 ? CLOCK_NEVER : q->unblock_ms - now;
    for (size_t i = 0; i < q->nblocked;) {
        struct queue_home *h = q->blocked[i];
        uint64_t until = queue_home_blocked_until(h);

        if (until > now) {
            next = until < next ? until : next;
            i++;
            continue;
        }
        h->busy->blocked = false;
        h->busy->not_before_ms = h->busy->ruled_ms = 0;
        q->blocked[i] = q->blocked[--q->nblocked];
        queue_home_settle(q, h);
        queue_home_rest(q, h);
    }
    q->unblock_ms = next;
    return next == CLOCK_NEVER ? next : next - now;
}

void queue_homes_free(struct queue_index *q)
{
    struct queue_home *h;

    for (size_t at = 0; (h = queue_home_next(q, &at));) {
        if (h->busy)
            free(h->busy->ready.item);
        free(h->busy);
        free(h);
    }
    free(q->homes.home);
    free(q->blocked);
}
