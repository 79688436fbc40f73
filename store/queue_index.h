/* queue_index.h - the queue in memory: what is due when, in which domain, and who has it on lease.
 * Less than 200 bytes a message of one recipient, its domain included; built anew from the disk at
 * every start.
 *
 * A job (recipients of one message in one domain) is in exactly one place: fresh (not durable yet),
 * waiting (one heap by due time), ready (a heap of its domain: higher priority first, then older),
 * active (on lease), held, or over. Domains with something ready and room stand in a ring, from
 * which leases take in turn: a domain that is blocked or full is not in it and costs nothing. When
 * very many domains stand there, jobs of others go on waiting although they are due.
 *
 * Times here are seconds of the monotonic clock: a step of the wall clock moves no retry. */
#ifndef STORE_QUEUE_INDEX_H
#define STORE_QUEUE_INDEX_H

#include "core/base/map.h"
#include "store/batch.h"
#include "store/queue_pool.h"

#include <stddef.h>

struct queue_message;
struct queue_home;

enum queue_place { JOB_FRESH, JOB_WAITING, JOB_READY, JOB_ACTIVE, JOB_HELD, JOB_OVER };

struct queue_item { /* a job */
    struct queue_home *home;
    uint32_t at; /* in its heap, or among the active */
    uint32_t due;
    uint32_t open;      /* recipients with work left */
    uint32_t nth : 28;  /* of its message's */
    uint32_t place : 4; /* of enum queue_place */
};

struct queue_active { /* a lease */
    struct queue_item *item;
    uint32_t until; /* it ends */
    uint32_t lessee;
    uint32_t awaited; /* recipients whose result did not come yet */
};

struct queue_heap {
    struct queue_item **item;
    size_t n, room;
};

/* Somebody whose messages are counted (store.queue_per_login). */
struct queue_login {
    struct fct_str name;
    uint64_t messages;
};

struct queue_home {          /* a domain */
    struct queue_busy *busy; /* NULL: nothing is ready, on lease or said about it */
    uint32_t items;
    uint32_t mark; /* queue_index_add: which item of the message */
    bool marked;
    uint16_t n;
    char name[];
};

struct queue_busy {
    struct queue_heap ready;
    struct queue_home *before, *behind; /* in the ring; NULL: not in it */
    uint64_t not_before_ms;             /* clock_ms */
    uint64_t ruled_ms;                  /* likewise, by a standing rule; CLOCK_NEVER: held */
    uint32_t active;
    uint32_t jobs; /* may be active; 0: the default */
    bool blocked;  /* among those that wait for not_before_ms and ruled_ms */
};

struct queue_homes { /* by name */
    struct queue_home **home;
    size_t n, room; /* room: a power of two */
};

struct queue_message {
    uint64_t id;
    struct blob_id blob;
    struct queue_login *login; /* NULL: not counted */
    int64_t arrived;           /* wall clock */
    uint64_t size;
    uint32_t recipients, open;
    uint32_t items;
    int8_t priority;
    bool held, has_state, durable;
    struct queue_item item[]; /* behind them, with more than one recipient: their owners */
};
/* With its slot and its place in a heap, both in arrays that may be half empty: 200 bytes. */
_Static_assert(sizeof(struct queue_message) + sizeof(struct queue_item) <= 104,
               "a queued message is small");
#define OWNER_DONE     0x80000000u
#define OWNER_ANSWERED 0x40000000u /* in this lease */
#define OWNER_ITEM     0x3fffffffu

/* Of each recipient its item, and two bits; NULL: there is only one. */
static inline uint32_t *queue_owners(struct queue_message *m)
{
    return m->recipients > 1 ? (uint32_t *)(void *)(m->item + m->items) : NULL;
}

static inline struct queue_message *queue_item_message(const struct queue_item *item)
{
    const char *first = (const char *)(item - item->nth);

    return (struct queue_message *)(uintptr_t)(first - offsetof(struct queue_message, item));
}

static inline struct fct_str queue_home_domain(const struct queue_home *h)
{
    return (struct fct_str){h->name, h->n};
}

/* A message, or, with the lowest bit set, twice the number of one that is gone. */
struct queue_slot {
    uintptr_t what;
};

struct queue_index {
    struct queue_slot *slot; /* ascending by id */
    size_t slots, slot_room, messages;
    struct queue_pool single; /* messages of one recipient */
    struct queue_homes homes;
    struct map *logins; /* login → struct queue_login */
    struct queue_heap waiting;
    struct queue_active *active;
    size_t nactive, active_room;
    struct queue_home *ring; /* whose turn it is */
    size_t in_ring;
    struct queue_home **blocked;
    size_t nblocked, blocked_room;
    uint64_t unblock_ms; /* not before this need any of them be looked at */
    uint64_t recipients, ready, held;
    uint32_t jobs; /* default for a domain */
    /* What the administrator's rules say of a domain: when it may be sent to, on clock_ms; 0: now.
     */
    uint64_t (*rule)(void *arg, struct fct_str domain);
    void *rule_arg;
};

/* Asks the rules of every domain anew. */
void queue_index_rules(struct queue_index *q, uint64_t (*rule)(void *arg, struct fct_str domain),
                       void *arg);

uint32_t queue_clock(void); /* seconds, monotonic; never 0 */

void queue_index_init(struct queue_index *q, uint32_t jobs);
void queue_index_free(struct queue_index *q);

/* What is to be added: work of recipient i is in domain[i]; done[i] (may be NULL): none is left.
 * due: on the monotonic clock. The message is fresh until queue_index_start. */
struct queue_new {
    uint64_t id;
    struct blob_id blob;
    struct fct_str login;
    int64_t arrived;
    uint64_t size;
    int8_t priority;
    bool held, has_state, count_login;
    const struct fct_str *domain;
    const bool *done;
    const uint32_t *due;
    size_t n;
};
struct queue_message *queue_index_add(struct queue_index *q, const struct queue_new *new);
/* It is durable: its jobs wait, or are ready. */
void queue_index_start(struct queue_index *q, struct queue_message *m);
struct queue_message *queue_index_find(const struct queue_index *q, uint64_t id);
/* The first message with a number above `after`; NULL: none. */
struct queue_message *queue_index_next(const struct queue_index *q, uint64_t after);
void queue_index_remove(struct queue_index *q, struct queue_message *m);
uint64_t queue_index_login(const struct queue_index *q, struct fct_str login); /* its messages */

/* Time passes: what became due is ready, domains are no longer blocked. Returns milliseconds until
 * something may change; CLOCK_NEVER. */
uint64_t queue_index_turn(struct queue_index *q);
bool queue_index_has_work(const struct queue_index *q);
/* The next job in turn, on lease from now on; NULL: nothing is ready. */
struct queue_item *queue_index_lease(struct queue_index *q, uint32_t lessee, uint32_t seconds);
/* Of an active job. */
struct queue_active *queue_index_active(struct queue_index *q, const struct queue_item *item);
/* This one, whatever its place. */
void queue_index_lease_item(struct queue_index *q, struct queue_item *item, uint32_t lessee,
                            uint32_t until);
/* Back from its lease (or not on lease at all): due again then. */
void queue_index_due(struct queue_index *q, struct queue_item *item, uint32_t due);
/* No work is left in it. */
void queue_index_over(struct queue_index *q, struct queue_item *item);
void queue_index_hold(struct queue_index *q, struct queue_message *m, bool held);
void queue_index_set(struct queue_index *q, struct fct_str domain, uint32_t jobs,
                     uint64_t not_before_ms);
/* Leases of this lessee end (0: those that are over time): their jobs are due at once. */
size_t queue_index_give_up(struct queue_index *q, uint32_t lessee);

/* All domains; start with *at = 0; NULL at the end. */
struct queue_home *queue_home_next(const struct queue_index *q, size_t *at);
uint64_t queue_home_blocked_until(const struct queue_home *h); /* clock_ms; 0: it is not */

/* Which item recipient i belongs to; NULL: its work is over. */
struct queue_item *queue_message_item(struct queue_message *m, uint32_t recipient);

#endif
