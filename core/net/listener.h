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

/* "unix:/path": who may connect is said by mode and owner. */
struct listener_access {
    const char *mode;  /* octal, "0660" */
    const char *owner; /* "user:group", "user", ":group"; "": as it is */
};
bool listener_is_unix(const char *address);
/* What an earlier server left there is removed; a living server's socket is an error. */
FCT_MUST_CHECK bool listener_open_unix(const char *address, int *fd, struct fct_err *err);
/* "0660" and its like. */
bool listener_read_mode(const char *text, mode_t *mode, struct fct_err *err);
/* May be called again when the configuration changes. */
FCT_MUST_CHECK bool listener_set_access(const char *address, const struct listener_access *access,
                                        struct fct_err *err);
void listener_remove_unix(const char *address); /* at the end; does nothing for "host:port" */

/* Accept on fd (not taken). At EMFILE it pauses for 100 ms with one log line a minute instead of
 * spinning. */
struct listener *listener_start(struct event_base *base, int fd,
                                void (*accepted)(void *arg, int fd), void *arg);
void listener_stop(struct listener **l); /* stops accepting; fd stays open */

#endif
