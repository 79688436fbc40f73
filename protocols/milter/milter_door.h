/* milter_door.h - connections into libmilter.
 *
 * libmilter listens at one place, which it opens by itself, and ends by closing it. We have any
 * number of sockets, opened by the supervisor and kept over reloads. So its own socket is made on
 * loopback and at once covered by an epoll descriptor over ours, and accept() in libmilter (which
 * the linker hands to us: --wrap=accept) takes from any of them. That is also what makes an end in
 * good order possible: the door closes, libmilter goes on serving what it has.
 *
 * One per process, as libmilter itself. */
#ifndef PROTOCOLS_MILTER_MILTER_DOOR_H
#define PROTOCOLS_MILTER_MILTER_DOOR_H

#include "core/base/err.h"

struct smfiDesc;

/* Before the sandbox closes; `timeout_s`: for each wait for the MTA. */
FCT_MUST_CHECK bool milter_door_open(const struct smfiDesc *filter, unsigned timeout_s,
                                     struct fct_err *err);
/* Accept at this listening socket, which must not block. */
FCT_MUST_CHECK bool milter_door_add(int fd, struct fct_err *err);
/* Starts libmilter's threads. admit: asked in one of them for every connection; false hangs up. */
FCT_MUST_CHECK bool milter_door_start(bool (*admit)(void *arg), void *arg, struct fct_err *err);
void milter_door_close(void); /* once it returns, nobody is admitted any more */

#endif
