/* commit.h - the one committer: changes are made in memory at once by the loop, made durable by one
 * thread in groups.
 *
 * The loop hands over a batch and gets a sequence number. The thread takes all that waits, has the
 * driver write and sync it as one group, and reports back. A reply that depends on a change waits
 * for its number (commit_wait), so before the promise nothing is visible, and yet everything that
 * arrives meanwhile goes into the next group.
 *
 * When a group fails, it and all that was handed over behind it fail together (they were computed
 * on top of it); `failed` is called so that the owner forgets the state in memory that never became
 * durable. */
#ifndef STORE_COMMIT_H
#define STORE_COMMIT_H

#include "core/fiber/fiber.h"
#include "store/driver.h"

struct commit;

/* A mailbox that a batch changed: told to those who watch it once the batch is durable. mailbox 0:
 * the list of mailboxes. */
struct touch {
    uint64_t account;
    uint32_t mailbox;
    uint64_t mod_seq;
};

struct commit_owner {
    void (*durable)(void *arg, const struct touch *touch, size_t n, const struct batch *batch);
    void (*failed)(void *arg, uint64_t first, uint64_t last, const struct fct_err *why,
                   bool broken);
    /* A batch is over, durable or not. */
    void (*done)(void *arg, const struct batch *batch);
    void *arg;
};

FCT_MUST_CHECK bool commit_start(struct event_base *base, struct driver *driver,
                                 const struct commit_owner *owner, struct commit **out,
                                 struct fct_err *err);
/* All that was handed over is written first; waiters are answered. */
void commit_stop(struct commit **c);

/* Takes what is in the batch and leaves it empty. */
uint64_t commit_submit(struct commit *c, struct batch *batch, const struct touch *touch, size_t n);
/* Until everything up to `seq` is durable and readable (0: at once). */
FCT_MAY_WAIT FCT_MUST_CHECK bool commit_wait(struct commit *c, uint64_t seq, struct fct_err *err);
bool commit_is_done(const struct commit *c, uint64_t seq);
/* The same from another thread, which blocks. */
FCT_MUST_CHECK bool commit_from_thread(struct commit *c, struct batch *batch, struct fct_err *err);
bool commit_is_idle(const struct commit *c);

#endif
