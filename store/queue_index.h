/* queue_index.h - the queue in memory: what is due when, in which domain, and who has it on lease.
 * About 160 bytes a message of one recipient; built anew from the disk at every start.
 *
 * A job (recipients of one message in one domain) is in exactly one place: fresh (not durable yet),
 * waiting (one heap by due time), ready (a heap of its domain: higher priority first, then older),
 * active (on lease), held, or over. Domains with something ready and room stand in a ring, from
 * which leases take in turn: a domain that is blocked or full is not in it and costs nothing.
 *
 * Times here are seconds of the monotonic clock: a step of the wall clock moves no retry. */
#ifndef STORE_QUEUE_INDEX_H
#define STORE_QUEUE_INDEX_H

#include "core/base/map.h"
#include "store/batch.h"

struct queue_message;
struct queue_home;

enum queue_place { JOB_FRESH, JOB_WAITING, JOB_READY, JOB_ACTIVE, JOB_HELD, JOB_OVER };

struct queue_item { /* a job */
    struct queue_message *of;
    struct queue_home *home;
    uint32_t at; /* in its heap, or among the active */
    uint32_t due;
    uint32_t until;   /* active: the lease ends */
    uint32_t lessee;  /* active: whose */
    uint32_t open;    /* recipients with work left */
    uint32_t awaited; /* active: recipients whose result did not come yet */
    uint8_t place;    /* of enum queue_place */
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

struct queue_home { /* a domain */
    struct fct_str domain;
    struct queue_heap ready;
    struct queue_home *before, *behind; /* in the ring; NULL: not in it */
    uint64_t not_before_ms;             /* clock_ms */
    uint32_t items, active;
    uint32_t jobs;        /* may be active; 0: the default */
    uint32_t mark;        /* queue_index_add: which item of the message */
    bool marked, blocked; /* blocked: among those that wait for not_before_ms */
};

struct queue_message {
    uint64_t id;
    struct blob_id blob;
    struct queue_login *login; /* NULL: not counted */
    /* With more than one recipient: of each its item, and two bits. Else NULL. */
    uint32_t *owner;
    int64_t arrived; /* wall clock */
    uint64_t size;
    uint32_t recipients, open;
    uint32_t items;
    int8_t priority;
    bool held, has_state, durable;
    struct queue_item item[];
};
/* With its slot and its place in a heap, both in arrays that may be half empty: 200 bytes. */
_Static_assert(sizeof(struct queue_message) + sizeof(struct queue_item) <= 136,
               "a queued message is small");
#define OWNER_DONE     0x80000000u
#define OWNER_ANSWERED 0x40000000u /* in this lease */
#define OWNER_ITEM     0x3fffffffu

struct queue_slot {
    uint64_t id;
    struct queue_message *message; /* NULL: gone */
};

struct queue_index {
    struct queue_slot *slot; /* ascending by id */
    size_t slots, slot_room, messages;
    struct map *homes;  /* domain → struct queue_home */
    struct map *logins; /* login → struct queue_login */
    struct queue_heap waiting, active;
    struct queue_home *ring; /* whose turn it is */
    struct queue_home **blocked;
    size_t nblocked, blocked_room;
    uint64_t unblock_ms; /* not before this need any of them be looked at */
    uint64_t recipients, ready, held;
    uint32_t jobs; /* default for a domain */
};

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

/* Which item recipient i belongs to; NULL: its work is over. */
struct queue_item *queue_message_item(struct queue_message *m, uint32_t recipient);

#endif
