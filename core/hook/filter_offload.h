/* filter_offload.h - offloaded work that crashes or hangs is charged to the plugin that gave it to
 * the pool: each piece names its owner in the process's slot while a thread works on it. */
#ifndef CORE_HOOK_FILTER_OFFLOAD_H
#define CORE_HOOK_FILTER_OFFLOAD_H

#include "core/hook/filter_slot.h"
#include "core/plugin/plugin_call.h"

/* Also takes the fatal signals, to write down on which thread they came; their action stays as it
 * was. */
FCT_MUST_CHECK bool filter_offload_setup(struct filter_slot *slot, struct fct_err *err);
void filter_offload_teardown(void); /* tests */

/* Work that is still running `grace_us` after the call's deadline hangs. */
FCT_MAY_WAIT void filter_offload(struct fct_call *call, void (*work)(void *arg), void *arg,
                                 uint64_t grace_us);
unsigned filter_offload_running(void);
/* One hangs: it stands in the slot as the culprit. Safe in a signal handler. */
bool filter_offload_hangs(uint64_t now_us);

#endif
