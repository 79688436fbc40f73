/* filter_session.h - what plugins keep per connection (struct fct_host.slot), keyed by the
 * connection's id.
 *
 * A session exists from the first slot() on until the client says that the connection ended, or
 * until it is the longest unused one of too many. */
#ifndef CORE_HOOK_FILTER_SESSION_H
#define CORE_HOOK_FILTER_SESSION_H

#include "core/base/map.h"

struct filter_session;
struct filter_sessions {
    struct map *by_id;
    struct filter_session *newest, *oldest;
    size_t plugins, max; /* slots per session; sessions kept */
};

void filter_sessions_init(struct filter_sessions *s, size_t plugins, size_t max);
/* The slot of one plugin; makes the session. The pointer is good until the session is forgotten. */
void **filter_session_slot(struct filter_sessions *s, struct fct_str id, size_t plugin);
bool filter_session_exists(const struct filter_sessions *s, struct fct_str id);
void filter_session_forget(struct filter_sessions *s,
                           struct fct_str id); /* free()s what is in the slots */

#endif
