/* filter_watch.h - the watchdog inside a filter process: a callback that holds the processor too
 * long ends the process.
 *
 * One timer per process, armed while callbacks run. The handler only compares two times; what it
 * would like to say stands in the slot already. */
#ifndef CORE_HOOK_FILTER_WATCH_H
#define CORE_HOOK_FILTER_WATCH_H

#include "core/hook/filter_slot.h"
#include "core/plugin/plugin_call.h"

#define FILTER_EXIT_HUNG   86 /* exit status after a hang */
#define FILTER_EXIT_CLOSED 87 /* after a callback closed our descriptors */

/* Once per process. `slot` may be NULL (nobody will read it). limit_ms 0: no watchdog. */
FCT_MUST_CHECK bool filter_watch_setup(struct filter_slot *slot, uint64_t limit_ms,
                                       struct fct_err *err);
/* From when *wanted is set, each callback is looked at: one that closes descriptors that are not
 * its own ends the process at once, while it is known whose it is. Not before, for it costs a
 * system call. */
void filter_watch_descriptors(const _Atomic uint32_t *wanted);
void filter_watch_teardown(void); /* tests */
extern const struct call_watch filter_watch;

#endif
