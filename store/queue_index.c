/* queue_index.c - see queue_index.h. */
#include "store/queue_index.h"

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "store/queue_heap.h"
#include "store/queue_home.h"

#include <stdlib.h>

uint32_t queue_clock(void)
{
    return (uint32_t)(clock_ms() / 1000) + 1;
}

void queue_index_init(struct queue_index *q, uint32_t jobs)
{
    *q = (struct queue_index){
        .logins = map_new(),
        .jobs = jobs,
        .single = {.size = sizeof(struct queue_message) + sizeof(struct queue_item)}};
}

/* ---- order ---- */

static bool is_due_before(const struct queue_item *a, const struct queue_item *b)
{
    return a->due != b->due ? a->due < b->due
                            : queue_item_message(a)->id < queue_item_message(b)->id;
}

static bool is_sent_before(const struct queue_item *a, const struct queue_item *b)
{
    const struct queue_message *x = queue_item_message(a), *y = queue_item_message(b);

    return x->priority != y->priority ? x->priority > y->priority : x->id < y->id;
}

/* ---- where a job is ---- */

static void join_active(struct queue_index *q, struct queue_item *item)
{
    if (q->nactive == q->active_room) {
        q->active_room = q->active_room ? 2 * q->active_room : 64;
        q->active = realloc(q->active, q->active_room * sizeof *q->active);
        FCT_ASSERT(q->active);
    }
    item->at = (uint32_t)q->nactive;
    q->active[q->nactive++] = (struct queue_active){.item = item};
}

static void leave_active(struct queue_index *q, const struct queue_item *item)
{
    q->active[item->at] = q->active[--q->nactive];
    q->active[item->at].item->at = item->at;
}

static void leave_place(struct queue_index *q, struct queue_item *item)
{
    switch ((enum queue_place)item->place) {
    case JOB_WAITING:
        queue_heap_remove(&q->waiting, item, is_due_before);
        break;
    case JOB_READY:
        queue_heap_remove(&item->home->busy->ready, item, is_sent_before);
        q->ready--;
        break;
    case JOB_ACTIVE:
        leave_active(q, item);
        item->home->busy->active--;
        break;
    case JOB_HELD:
        q->held--;
        break;
    case JOB_FRESH:
    case JOB_OVER:
        break;
    }
}

static void take_place(struct queue_index *q, struct queue_item *item, enum queue_place place)
{
    leave_place(q, item);
    item->place = (uint32_t)place & 0xf;
    if (place == JOB_WAITING) {
        queue_heap_add(&q->waiting, item, is_due_before);
    } else if (place == JOB_READY) {
        queue_heap_add(&queue_home_busy(item->home)->ready, item, is_sent_before);
        q->ready++;
    } else if (place == JOB_ACTIVE) {
        join_active(q, item);
        queue_home_busy(item->home)->active++;
    } else if (place == JOB_HELD) {
        q->held++;
    }
    queue_home_settle(q, item->home);
}

#define RING_WIDE 1000u /* domains */

/* Those that have to wait for their turn for long anyway need no place in it yet. */
static bool has_place_in_ring(const struct queue_index *q, const struct queue_item *item)
{
    return item->home->busy || q->in_ring < RING_WIDE;
}

void queue_index_due(struct queue_index *q, struct queue_item *item, uint32_t due)
{
    item->due = due;
    if (queue_item_message(item)->held)
        take_place(q, item, JOB_HELD);
    else if (due > queue_clock() || !has_place_in_ring(q, item))
        take_place(q, item, JOB_WAITING);
    else
        take_place(q, item, JOB_READY);
    queue_home_rest(q, item->home);
}

void queue_index_over(struct queue_index *q, struct queue_item *item)
{
    struct queue_home *h = item->home;

    if (item->place == JOB_OVER)
        return;
    take_place(q, item, JOB_OVER);
    item->home = NULL;
    h->items--;
    queue_home_rest(q, h);
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

static struct queue_message *slot_message(const struct queue_slot *slot)
{
    return slot->what & 1 ? NULL : (struct queue_message *)slot->what;
}

static uint64_t slot_id(const struct queue_slot *slot)
{
    return slot->what & 1 ? slot->what >> 1 : slot_message(slot)->id;
}

static struct queue_slot *slot_above(const struct queue_index *q, uint64_t after)
{
    size_t low = 0, high = q->slots;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (slot_id(&q->slot[middle]) > after)
            high = middle;
        else
            low = middle + 1;
    }
    return &q->slot[low];
}

struct queue_message *queue_index_find(const struct queue_index *q, uint64_t id)
{
    const struct queue_slot *at = id > 0 && q->slots > 0 ? slot_above(q, id - 1) : NULL;

    return at && at < q->slot + q->slots && slot_id(at) == id ? slot_message(at) : NULL;
}

struct queue_message *queue_index_next(const struct queue_index *q, uint64_t after)
{
    if (q->slots == 0)
        return NULL;
    for (struct queue_slot *at = slot_above(q, after); at < q->slot + q->slots; at++)
        if (slot_message(at))
            return slot_message(at);
    return NULL;
}

static void squeeze_slots(struct queue_index *q)
{
    size_t kept = 0;

    for (size_t i = 0; i < q->slots; i++)
        if (slot_message(&q->slot[i]))
            q->slot[kept++] = q->slot[i];
    q->slots = kept;
}

/* Numbers grow, so a new one goes to the end; when the index is built, they come shard by shard. */
static void keep_message(struct queue_index *q, struct queue_message *m)
{
    size_t at;

    if (q->slots == q->slot_room) {
        q->slot_room += q->slot_room / 8 + 64;
        q->slot = realloc(q->slot, q->slot_room * sizeof *q->slot);
        FCT_ASSERT(q->slot);
    }
    at = q->slots > 0 && slot_id(&q->slot[q->slots - 1]) > m->id
             ? (size_t)(slot_above(q, m->id) - q->slot)
             : q->slots;
    memmove(&q->slot[at + 1], &q->slot[at], (q->slots++ - at) * sizeof *q->slot);
    q->slot[at].what = (uintptr_t)m;
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
        h = queue_home_of(q, new->domain[i]);
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
        m->item[i] = (struct queue_item){
            .home = home[i], .due = UINT32_MAX, .nth = i & 0xfffffff, .place = JOB_FRESH};
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

static struct queue_message *new_message(struct queue_index *q, size_t recipients, uint32_t items)
{
    struct queue_message *m;

    if (recipients == 1)
        return queue_pool_take(&q->single);
    m = calloc(1, sizeof *m + items * sizeof m->item[0] + recipients * sizeof(uint32_t));
    FCT_ASSERT(m);
    return m;
}

static void free_message(struct queue_index *q, struct queue_message *m)
{
    if (m->recipients == 1)
        queue_pool_give(&q->single, m);
    else
        free(m);
}

struct queue_message *queue_index_add(struct queue_index *q, const struct queue_new *new)
{
    struct queue_home **home = calloc(new->n + 1, sizeof(struct queue_home *));
    uint32_t *owner = calloc(new->n + 1, sizeof *owner), items;
    struct queue_message *m;

    FCT_ASSERT(home && owner);
    items = group(q, new, owner, home);
    m = new_message(q, new->n, items);
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
        memcpy(queue_owners(m), owner, new->n * sizeof *owner);
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

void queue_index_remove(struct queue_index *q, struct queue_message *m)
{
    for (uint32_t i = 0; i < m->items; i++)
        queue_index_over(q, &m->item[i]);
    slot_above(q, m->id - 1)->what = (uintptr_t)m->id << 1 | 1;
    q->messages--;
    q->recipients -= m->open;
    login_leave(q, m->login);
    free_message(q, m);
    if (q->slots > 1024 && q->messages < q->slots / 2)
        squeeze_slots(q);
    else if (q->messages == 0)
        q->slots = 0;
}

struct queue_item *queue_message_item(struct queue_message *m, uint32_t recipient)
{
    const uint32_t *owner = queue_owners(m);

    if (recipient >= m->recipients)
        return NULL;
    if (!owner)
        return m->open > 0 ? &m->item[0] : NULL;
    return owner[recipient] & OWNER_DONE ? NULL : &m->item[owner[recipient] & OWNER_ITEM];
}

/* ---- time ---- */

uint64_t queue_index_turn(struct queue_index *q)
{
    uint32_t now = queue_clock();
    uint64_t next = queue_home_unblock(q), wait;

    while (q->waiting.n > 0 && q->waiting.item[0]->due <= now &&
           has_place_in_ring(q, q->waiting.item[0]))
        queue_index_due(q, q->waiting.item[0], now);
    if (q->waiting.n == 0 || q->waiting.item[0]->due <= now) /* the next lease makes room */
        return next;
    wait = (q->waiting.item[0]->due - (uint64_t)now) * 1000;
    return wait < next ? wait : next;
}

bool queue_index_has_work(const struct queue_index *q)
{
    return q->ring != NULL;
}

/* ---- leases ---- */

struct queue_active *queue_index_active(struct queue_index *q, const struct queue_item *item)
{
    return item->place == JOB_ACTIVE ? &q->active[item->at] : NULL;
}

void queue_index_lease_item(struct queue_index *q, struct queue_item *item, uint32_t lessee,
                            uint32_t until)
{
    struct queue_active *a;

    take_place(q, item, JOB_ACTIVE);
    a = &q->active[item->at];
    a->lessee = lessee;
    a->until = until;
    a->awaited = item->open;
    item->due = UINT32_MAX; /* the earliest of the results' */
}

struct queue_item *queue_index_lease(struct queue_index *q, uint32_t lessee, uint32_t seconds)
{
    struct queue_home *h = q->ring;
    struct queue_item *item;

    if (!h)
        return NULL;
    q->ring = h->busy->behind; /* its turn is over; settle may take it out */
    item = h->busy->ready.item[0];
    queue_index_lease_item(q, item, lessee, queue_clock() + seconds);
    return item;
}

size_t queue_index_give_up(struct queue_index *q, uint32_t lessee)
{
    uint32_t now = queue_clock();
    size_t ended = 0;

    for (size_t i = q->nactive; i-- > 0;) {
        const struct queue_active *a = &q->active[i];

        if (lessee ? a->lessee != lessee : a->until > now)
            continue;
        queue_index_due(q, a->item, now);
        ended++;
    }
    return ended;
}

/* ---- the end ---- */

void queue_index_free(struct queue_index *q)
{
    for (size_t i = 0; i < q->slots; i++)
        if (slot_message(&q->slot[i])) {
            login_leave(q, slot_message(&q->slot[i])->login);
            free_message(q, slot_message(&q->slot[i]));
        }
    queue_homes_free(q);
    map_free(&q->logins);
    free(q->slot);
    free(q->waiting.item);
    free(q->active);
    *q = (struct queue_index){0};
}
