/* milter_post.h - from a thread of libmilter into a fiber of the event loop, and back.
 *
 * libmilter calls us in threads of its own; filters are asked by fibers of the one loop. A thread
 * posts what is to be done and sleeps until it is done: meanwhile the fiber owns all that the
 * thread owned, and neither needs a lock. One crossing costs about 12 us. */
#ifndef PROTOCOLS_MILTER_MILTER_POST_H
#define PROTOCOLS_MILTER_MILTER_POST_H

#include "core/base/err.h"

struct event_base;
struct milter_post;

struct milter_post *milter_post_new(struct event_base *base);
void milter_post_free(struct milter_post **post);

/* What the thread does every `every_ms` while it waits; NULL: nothing. False from `tick`: nobody
 * wants the result any more, the fiber's waits are cancelled. */
struct milter_patience {
    uint64_t every_ms;
    bool (*tick)(void *arg);
    void *arg;
};

/* Called from any thread but the loop's. Returns when run(arg) has returned. */
void milter_post_run(struct milter_post *post, void (*run)(void *arg), void *arg,
                     const struct milter_patience *patience);
/* The same without waiting: for threads that hold what the loop may want. arg must live on. */
void milter_post_send(struct milter_post *post, void (*run)(void *arg), void *arg);

#endif
