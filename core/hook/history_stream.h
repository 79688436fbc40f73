/* history_stream.h - the history in Redis: a stream of about history.length entries, fields as
 * names and values, for `facteurctl history` and for whoever else reads streams. */
#ifndef CORE_HOOK_HISTORY_STREAM_H
#define CORE_HOOK_HISTORY_STREAM_H

#include "core/hook/history_entry.h"
#include "core/redis/redis.h"

#define HISTORY_STREAM "fct:hist"

FCT_MAY_WAIT FCT_MUST_CHECK bool history_stream_add(struct redis *redis, struct arena *arena,
                                                    const struct history_entry *e, uint32_t length,
                                                    struct fct_err *err);
/* Is it among the newest ones? */
FCT_MAY_WAIT FCT_MUST_CHECK bool history_stream_has(struct redis *redis, struct arena *arena,
                                                    const struct history_entry *e, bool *out,
                                                    struct fct_err *err);
/* Up to `most` entries older than *cursor (empty: the newest), newest first; *cursor moves behind
 * them, empty when there are no more. Views into the arena. */
FCT_MAY_WAIT FCT_MUST_CHECK bool history_stream_read(struct redis *redis, struct arena *arena,
                                                     struct fct_str *cursor, size_t most,
                                                     struct history_entry *out, size_t *n,
                                                     struct fct_err *err);
/* The site's key as Redis knows it; `key` goes there when it knows none. */
FCT_MAY_WAIT FCT_MUST_CHECK bool history_stream_key(struct redis *redis, struct arena *arena,
                                                    uint64_t key[2], struct fct_err *err);

#endif
