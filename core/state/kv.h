/* kv.h - small facts that outlive a message: get, set, add, seen. `owner` is the plugin: its keys
 * are its own. ttl_s 0: for good (in Redis; in memory until room is needed).
 *
 * When Redis is away: see state.h. */
#ifndef CORE_STATE_KV_H
#define CORE_STATE_KV_H

#include "core/state/state.h"

/* True: there is one; *value is in the arena. */
FCT_MAY_WAIT bool kv_get(struct state *s, struct arena *arena, const char *owner,
                         struct fct_str key, struct fct_str *value, enum state_from *from);
/* False: key or value are too large. */
FCT_MAY_WAIT bool kv_set(struct state *s, struct arena *arena, const char *owner,
                         struct fct_str key, struct fct_str value, uint32_t ttl_s,
                         enum state_from *from);
/* The new sum; ttl_s counts from the first one. A value that is no number counts as 0 and stays. */
FCT_MAY_WAIT int64_t kv_add(struct state *s, struct arena *arena, const char *owner,
                            struct fct_str key, int64_t by, uint32_t ttl_s, enum state_from *from);
/* Was it marked? It is, for ttl_s from now on. */
FCT_MAY_WAIT bool kv_seen(struct state *s, struct arena *arena, const char *owner,
                          struct fct_str key, uint32_t ttl_s, enum state_from *from);

#endif
