/* suppress.h - the list of addresses elsewhere that do not exist (store_suppress.h), partition
 * PART_SUPPRESS. */
#ifndef STORE_SUPPRESS_H
#define STORE_SUPPRESS_H

#include "core/base/arena.h"
#include "store/server.h"
#include "store/store_suppress.h"

/* Is it on the list now? Then *out is filled, in the arena. */
FCT_MUST_CHECK bool suppress_find(struct server *s, struct fct_str address, struct arena *arena,
                                  bool *found, struct suppressed *out, struct fct_err *err);
/* Those that are over, removed. */
FCT_MAY_WAIT void suppress_sweep(struct server *s);

#endif
