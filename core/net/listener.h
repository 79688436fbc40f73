/* listener.h - listening sockets: opened by the supervisor before privileges drop, accepted in the
 * edge processes. */
#ifndef CORE_NET_LISTENER_H
#define CORE_NET_LISTENER_H

#include "core/base/err.h"

struct event_base;
struct listener;

/* address: "127.0.0.1:25", "[::1]:25", "*:25" (both families). Several results for "*": up to two.
 * Returns how many fds. */
FCT_MUST_CHECK bool listener_open(const char *address, int fds[2], unsigned *count,
                                  struct fct_err *err);

/* Accept on fd (not taken). At EMFILE it pauses for 100 ms with one log line a minute instead of
 * spinning. */
struct listener *listener_start(struct event_base *base, int fd,
                                void (*accepted)(void *arg, int fd), void *arg);
void listener_stop(struct listener **l); /* stops accepting; fd stays open */

#endif
