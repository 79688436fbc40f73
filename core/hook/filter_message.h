/* filter_message.h - a message's descriptor becomes bytes in memory that nobody can change under
 * us. */
#ifndef CORE_HOOK_FILTER_MESSAGE_H
#define CORE_HOOK_FILTER_MESSAGE_H

#include "core/base/arena.h"
#include "core/base/err.h"

/* Small messages are copied, large ones mapped: released with the arena. Fails when the descriptor
 * holds fewer than `size` bytes, or is a memfd that could still shrink (reading behind its end
 * would kill us). The caller keeps fd. */
FCT_MUST_CHECK bool filter_message_open(struct arena *arena, int fd, uint64_t size,
                                        struct fct_str *out, struct fct_err *err);

#endif
