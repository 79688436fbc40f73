/* ctl_queue_int.h - what the parts of `facteurctl queue` share. */
#ifndef CORE_CTL_CTL_QUEUE_INT_H
#define CORE_CTL_CTL_QUEUE_INT_H

#include "core/ctl/ctl_cli.h"
#include "store/store_queue.h"

extern const char *const ctl_queue_state_word[];  /* by enum queue_state */
extern const char *const ctl_queue_status_word[]; /* by enum queue_status */

/* One line on standard error; the exit status. */
int ctl_queue_failed(const struct fct_err *err);
FCT_MUST_CHECK bool ctl_queue_read_filter(const struct ctl *c, struct queue_filter *f,
                                          struct fct_err *err);
/* Every row that fits, page by page. */
typedef void (*ctl_queue_row_fn)(void *arg, const struct queue_row *row);
FCT_MAY_WAIT FCT_MUST_CHECK bool ctl_queue_each(struct ctl *c, const struct queue_filter *f,
                                                ctl_queue_row_fn fn, void *arg,
                                                struct fct_err *err);
/* ctl_queue_list.c: one row, as --json has it. */
void ctl_queue_print_json(const struct queue_row *row);
/* ctl_queue_destinations.c: rows for Prometheus, of the queue and of the relay; nothing of what
 * does not answer. */
FCT_MAY_WAIT void ctl_queue_metrics(struct ctl *c, struct buf *out);
/* ctl_queue_mailq.c: the list as Postfix's mailq prints it, which scripts read. */
FCT_MAY_WAIT int ctl_queue_mailq(struct ctl *c);

#endif
