/* plugin_start.h - run a plugin's start(), but not for ever. */
#ifndef CORE_PLUGIN_PLUGIN_START_H
#define CORE_PLUGIN_PLUGIN_START_H

#include "core/plugin/plugin_self.h"

/* False, with the plugin's words or ours. After a start() that did not come back within limit_ms
 * (0: no limit) the process is good for nothing but to say so. */
FCT_MUST_CHECK bool plugin_start(struct fct_self *self, const struct fct_host *host,
                                 uint64_t limit_ms, struct fct_err *err);

#endif
