/* queue_index.c - see queue_index.h. */
#include "store/queue_index.h"

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "store/queue_heap.h"

#include <stdlib.h>

uint32_t queue_clock(void)
{
    return (uint32_t)(clock_ms() / 1000) + 1;
}

void queue_index_init(struct queue_index *q, uint32_t jobs)
{
    *q = (struct queue_index){.homes = map_new(), .logins = map_new(), .jobs = jobs};
}

/* ---- order ---- */

static bool is_due_before(const struct queue_item *a, const struct queue_item *b)
{
    return a->due != b->due ? a->due < b->due : a->of->id < b->of->id;
}

static bool is_sent_before(const struct queue_item *a, const struct queue_item *b)
{
    return a->of->priority != b->of->priority ? a->of->priority > b->of->priority
                                              : a->of->id < b->of->id;
}

/* ---- domains ---- */

static struct queue_home *home_of(struct queue_index *q, struct fct_str domain)
{
    struct queue_home *h = map_get(q->homes, domain);

    if (h)
        return h;
    h = calloc(1, sizeof *h);
    FCT_ASSERT(h);
    h->domain = (struct fct_str){str_dup_c(domain), domain.n};
    map_put(q->homes, domain, h);
    return h;
}

static void ring_leave(struct queue_index *q, struct queue_home *h)
{
    if (!h->behind)
        return;
    if (q->ring == h)
        q->ring = h->behind == h ? NULL : h->behind;
    h->before->behind = h->behind;
    h->behind->before = h->before;
    h->before = h->behind = NULL;
}

/* Behind all others. */
static void ring_join(struct queue_index *q, struct queue_home *h)
{
    if (h->behind)
        return;
    if (!q->ring) {
        h->before = h->behind = q->ring = h;
        return;
    }
    h->behind = q->ring;
    h->before = q->ring->before;
    h->before->behind = h->behind->before = h;
}

static void block(struct queue_index *q, struct queue_home *h)
{
    if (q->nblocked == 0 || h->not_before_ms < q->unblock_ms)
        q->unblock_ms = h->not_before_ms;
    if (h->blocked)
        return;
    if (q->nblocked == q->blocked_room) {
        q->blocked_room = q->blocked_room ? 2 * q->blocked_room : 16;
        q->blocked = realloc(q->blocked, q->blocked_room * sizeof *q->blocked);
        FCT_ASSERT(q->blocked);
    }
    h->blocked = true;
    q->blocked[q->nblocked++] = h;
}

#define HOMES_KEPT 10000u /* with nothing but what was said about them */

/* Nothing is left in it and nothing is known about it. */
static void forget_home(struct queue_index *q, struct queue_home *h)
{
    struct fct_str name = h->domain;

    if (h->items > 0 || h->blocked || (h->jobs > 0 && map_count(q->homes) < HOMES_KEPT))
        return;
    ring_leave(q, h);
    map_remove(q->homes, name);
    free(h->ready.item);
    free(h);
    free((void *)(uintptr_t)name.p);
}

/* Does it belong into the ring now? */
static void settle(struct queue_index *q, struct queue_home *h)
{
    uint32_t jobs = h->jobs ? h->jobs : q->jobs;

    if (h->not_before_ms > clock_ms()) {
        ring_leave(q, h);
        block(q, h);
    } else if (h->ready.n > 0 && h->active < jobs) {
        ring_join(q, h);
    } else {
        ring_leave(q, h);
    }
}

void queue_index_set(struct queue_index *q, struct fct_str domain, uint32_t jobs,
                     uint64_t not_before_ms)
{
    struct queue_home *h = home_of(q, domain);

    h->jobs = jobs == q->jobs ? 0 : jobs;
    h->not_before_ms = not_before_ms ? clock_ms() + not_before_ms : 0;
    settle(q, h);
    forget_home(q, h);
}

/* ---- where a job is ---- */

static void leave_place(struct queue_index *q, struct queue_item *item)
{
    switch ((enum queue_place)item->place) {
    case JOB_WAITING:
        queue_heap_remove(&q->waiting, item, is_due_before);
        break;
    case JOB_READY:
        queue_heap_remove(&item->home->ready, item, is_sent_before);
        q->ready--;
        break;
    case JOB_ACTIVE:
        queue_heap_remove(&q->active, item, NULL);
        item->home->active--;
        break;
    case JOB_HELD:
        q->held--;
        break;
    case JOB_FRESH:
    case JOB_OVER:
        break;
    }
    item->lessee = item->awaited = 0;
}

static void take_place(struct queue_index *q, struct queue_item *item, enum queue_place place)
{
    leave_place(q, item);
    item->place = (uint8_t)place;
    if (place == JOB_WAITING) {
        queue_heap_add(&q->waiting, item, is_due_before);
    } else if (place == JOB_READY) {
        queue_heap_add(&item->home->ready, item, is_sent_before);
        q->ready++;
    } else if (place == JOB_ACTIVE) {
        queue_heap_add(&q->active, item, NULL);
        item->home->active++;
    } else if (place == JOB_HELD) {
        q->held++;
    }
    settle(q, item->home);
}

void queue_index_due(struct queue_index *q, struct queue_item *item, uint32_t due)
{
    item->due = due;
    if (item->of->held)
        take_place(q, item, JOB_HELD);
    else
        take_place(q, item, due > queue_clock() ? JOB_WAITING : JOB_READY);
}

void queue_index_over(struct queue_index *q, struct queue_item *item)
{
    struct queue_home *h = item->home;

    if (item->place == JOB_OVER)
        return;
    take_place(q, item, JOB_OVER);
    item->home = NULL;
    h->items--;
    forget_home(q, h);
}

void queue_index_hold(struct queue_index *q, struct queue_message *m, bool held)
{
    m->held = held;
    for (uint32_t i = 0; i < m->items; i++)
        if (m->item[i].place == JOB_WAITING || m->item[i].place == JOB_READY ||
            m->item[i].place == JOB_HELD)
            queue_index_due(q, &m->item[i], m->item[i].due);
}

/* ---- messages ---- */

static struct queue_slot *slot_above(const struct queue_index *q, uint64_t after)
{
    size_t low = 0, high = q->slots;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (q->slot[middle].id > after)
            high = middle;
        else
            low = middle + 1;
    }
    return &q->slot[low];
}

struct queue_message *queue_index_find(const struct queue_index *q, uint64_t id)
{
    const struct queue_slot *at = id > 0 && q->slots > 0 ? slot_above(q, id - 1) : NULL;

    return at && at < q->slot + q->slots && at->id == id ? at->message : NULL;
}

struct queue_message *queue_index_next(const struct queue_index *q, uint64_t after)
{
    if (q->slots == 0)
        return NULL;
    for (struct queue_slot *at = slot_above(q, after); at < q->slot + q->slots; at++)
        if (at->message)
            return at->message;
    return NULL;
}

static void squeeze_slots(struct queue_index *q)
{
    size_t kept = 0;

    for (size_t i = 0; i < q->slots; i++)
        if (q->slot[i].message)
            q->slot[kept++] = q->slot[i];
    q->slots = kept;
}

/* Numbers grow, so a new one goes to the end; when the index is built, they come shard by shard. */
static void keep_message(struct queue_index *q, struct queue_message *m)
{
    size_t at;

    if (q->slots == q->slot_room) {
        q->slot_room = q->slot_room ? 2 * q->slot_room : 64;
        q->slot = realloc(q->slot, q->slot_room * sizeof *q->slot);
        FCT_ASSERT(q->slot);
    }
    at = q->slots > 0 && q->slot[q->slots - 1].id > m->id ? (size_t)(slot_above(q, m->id) - q->slot)
                                                          : q->slots;
    memmove(&q->slot[at + 1], &q->slot[at], (q->slots++ - at) * sizeof *q->slot);
    q->slot[at] = (struct queue_slot){m->id, m};
    q->messages++;
}

static struct queue_login *login_of(struct queue_index *q, struct fct_str name)
{
    struct queue_login *l = map_get(q->logins, name);

    if (!l) {
        l = calloc(1, sizeof *l);
        FCT_ASSERT(l);
        l->name = (struct fct_str){str_dup_c(name), name.n};
        map_put(q->logins, name, l);
    }
    l->messages++;
    return l;
}

static void login_leave(struct queue_index *q, struct queue_login *l)
{
    if (!l || --l->messages > 0)
        return;
    map_remove(q->logins, l->name);
    free((void *)(uintptr_t)l->name.p);
    free(l);
}

uint64_t queue_index_login(const struct queue_index *q, struct fct_str login)
{
    const struct queue_login *l = map_get(q->logins, login);

    return l ? l->messages : 0;
}

/* Which item each recipient belongs to: one per domain. owner[i] OWNER_DONE: to none. */
static uint32_t group(struct queue_index *q, const struct queue_new *new, uint32_t *owner,
                      struct queue_home **home)
{
    uint32_t items = 0;

    for (size_t i = 0; i < new->n; i++) {
        struct queue_home *h;

        owner[i] = OWNER_DONE;
        if (new->done &&new->done[i])
            continue;
        h = home_of(q, new->domain[i]);
        if (!h->marked) {
            h->marked = true;
            h->mark = items;
            home[items++] = h;
        }
        owner[i] = h->mark;
    }
    for (uint32_t i = 0; i < items; i++)
        home[i]->marked = false;
    return items;
}

static void fill_items(struct queue_message *m, const struct queue_new *new, const uint32_t *owner,
                       struct queue_home **home)
{
    for (uint32_t i = 0; i < m->items; i++) {
        m->item[i] =
            (struct queue_item){.of = m, .home = home[i], .due = UINT32_MAX, .place = JOB_FRESH};
        home[i]->items++;
    }
    for (size_t i = 0; i < new->n; i++) {
        struct queue_item *item = &m->item[owner[i] & OWNER_ITEM];

        if (owner[i] & OWNER_DONE)
            continue;
        item->open++;
        m->open++;
        if (new->due[i] < item->due)
            item->due = new->due[i];
    }
}

struct queue_message *queue_index_add(struct queue_index *q, const struct queue_new *new)
{
    struct queue_home **home = calloc(new->n + 1, sizeof(struct queue_home *));
    uint32_t *owner = calloc(new->n + 1, sizeof *owner), items;
    struct queue_message *m;

    FCT_ASSERT(home && owner);
    items = group(q, new, owner, home);
    m = calloc(1, sizeof *m + items * sizeof m->item[0]);
    FCT_ASSERT(m);
    m->id = new->id;
    m->blob = new->blob;
    m->arrived = new->arrived;
    m->size = new->size;
    m->priority = new->priority;
    m->held = new->held;
    m->has_state = new->has_state;
    m->recipients = (uint32_t) new->n;
    m->items = items;
    fill_items(m, new, owner, home);
    if (new->n > 1)
        m->owner = owner;
    else
        free(owner);
    free(home);
    if (new->count_login &&new->login.n > 0)
        m->login = login_of(q, new->login);
    q->recipients += m->open;
    keep_message(q, m);
    return m;
}

void queue_index_start(struct queue_index *q, struct queue_message *m)
{
    m->durable = true;
    for (uint32_t i = 0; i < m->items; i++)
        if (m->item[i].place == JOB_FRESH)
            queue_index_due(q, &m->item[i], m->item[i].due);
}

static void free_message(struct queue_message *m)
{
    free(m->owner);
    free(m);
}

void queue_index_remove(struct queue_index *q, struct queue_message *m)
{
    for (uint32_t i = 0; i < m->items; i++)
        queue_index_over(q, &m->item[i]);
    slot_above(q, m->id - 1)->message = NULL;
    q->messages--;
    q->recipients -= m->open;
    login_leave(q, m->login);
    free_message(m);
    if (q->slots > 1024 && q->messages < q->slots / 2)
        squeeze_slots(q);
    else if (q->messages == 0)
        q->slots = 0;
}

struct queue_item *queue_message_item(struct queue_message *m, uint32_t recipient)
{
    if (recipient >= m->recipients)
        return NULL;
    if (!m->owner)
        return m->open > 0 ? &m->item[0] : NULL;
    return m->owner[recipient] & OWNER_DONE ? NULL : &m->item[m->owner[recipient] & OWNER_ITEM];
}

/* ---- time ---- */

static uint64_t unblock(struct queue_index *q)
{
    uint64_t now = clock_ms(), next = CLOCK_NEVER;

    if (q->nblocked == 0 || now < q->unblock_ms)
        return q->nblocked == 0 ? CLOCK_NEVER : q->unblock_ms - now;
    for (size_t i = 0; i < q->nblocked;) {
        struct queue_home *h = q->blocked[i];

        if (h->not_before_ms > now) {
            next = h->not_before_ms < next ? h->not_before_ms : next;
            i++;
            continue;
        }
        h->blocked = false;
        h->not_before_ms = 0;
        q->blocked[i] = q->blocked[--q->nblocked];
        settle(q, h);
        forget_home(q, h);
    }
    q->unblock_ms = next;
    return next == CLOCK_NEVER ? next : next - now;
}

uint64_t queue_index_turn(struct queue_index *q)
{
    uint32_t now = queue_clock();
    uint64_t next = unblock(q), wait;

    while (q->waiting.n > 0 && q->waiting.item[0]->due <= now)
        queue_index_due(q, q->waiting.item[0], now);
    if (q->waiting.n == 0)
        return next;
    wait = (q->waiting.item[0]->due - (uint64_t)now) * 1000;
    return wait < next ? wait : next;
}

bool queue_index_has_work(const struct queue_index *q)
{
    return q->ring != NULL;
}

/* ---- leases ---- */

void queue_index_lease_item(struct queue_index *q, struct queue_item *item, uint32_t lessee,
                            uint32_t until)
{
    take_place(q, item, JOB_ACTIVE);
    item->lessee = lessee;
    item->until = until;
    item->awaited = item->open;
    item->due = UINT32_MAX; /* the earliest of the results' */
}

struct queue_item *queue_index_lease(struct queue_index *q, uint32_t lessee, uint32_t seconds)
{
    struct queue_home *h = q->ring;
    struct queue_item *item;

    if (!h)
        return NULL;
    q->ring = h->behind; /* its turn is over; settle may take it out */
    item = h->ready.item[0];
    queue_index_lease_item(q, item, lessee, queue_clock() + seconds);
    return item;
}

size_t queue_index_give_up(struct queue_index *q, uint32_t lessee)
{
    uint32_t now = queue_clock();
    size_t ended = 0;

    for (size_t i = q->active.n; i-- > 0;) {
        struct queue_item *item = q->active.item[i];

        if (lessee ? item->lessee != lessee : item->until > now)
            continue;
        queue_index_due(q, item, now);
        ended++;
    }
    return ended;
}

/* ---- the end ---- */

static void free_homes(struct queue_index *q)
{
    struct fct_str key;
    size_t at = 0;
    void *value;

    while (map_next(q->homes, &at, &key, &value)) {
        struct queue_home *h = value;

        free((void *)(uintptr_t)h->domain.p);
        free(h->ready.item);
        free(h);
    }
    map_free(&q->homes);
}

void queue_index_free(struct queue_index *q)
{
    for (size_t i = 0; i < q->slots; i++)
        if (q->slot[i].message) {
            login_leave(q, q->slot[i].message->login);
            free_message(q->slot[i].message);
        }
    free_homes(q);
    map_free(&q->logins);
    free(q->slot);
    free(q->waiting.item);
    free(q->active.item);
    free(q->blocked);
    *q = (struct queue_index){0};
}
