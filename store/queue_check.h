/* queue_check.h - the queue's part of `store check`. */
#ifndef STORE_QUEUE_CHECK_H
#define STORE_QUEUE_CHECK_H

#include "store/driver.h"
#include "store/queue_record.h"

struct queue_check {
    void (*uses)(void *arg, const struct blob_id *blob);
    void (*damaged)(void *arg, const char *what, uint64_t id);
    void *arg;
    uint64_t entries, recipients;
};

/* Every entry and state decodes, belongs together, lies in its shard. False: the driver could not
 * read. */
FCT_MUST_CHECK bool queue_check(struct driver *d, struct driver_snap *snap, struct queue_check *c,
                                struct fct_err *err);

#endif
