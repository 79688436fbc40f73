/* plugin_wait.h - what a callback does at the same time: fibers beside its own, on the same call.
 *
 * All of them share one processor: whoever parks says so (call_watch.leave), whoever continues says
 * so as well, so that time is always charged to the plugin that takes it. */
#ifndef CORE_PLUGIN_PLUGIN_WAIT_H
#define CORE_PLUGIN_PLUGIN_WAIT_H

#include "core/plugin/plugin_call.h"

struct fct_token wait_start(struct fct_call *call, void (*work)(struct fct_call *call, void *arg),
                            void *arg);
FCT_MAY_WAIT bool wait_all(struct fct_call *call, const struct fct_token *token, size_t n);

/* The callback has returned: what it began may go on until the call's deadline, is cancelled then,
 * and has ended when this returns. */
FCT_MAY_WAIT void wait_end(struct fct_call *call);

#endif
