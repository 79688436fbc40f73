/* notify.h - tell a service manager how we are: the sd_notify protocol (one datagram), without its
 * library.
 *
 * Does nothing when NOTIFY_SOCKET is not set. */
#ifndef CORE_SUPERVISOR_NOTIFY_H
#define CORE_SUPERVISOR_NOTIFY_H

#include <facteur/base.h>

/* state: "READY=1", "RELOADING=1\nMONOTONIC_USEC=…", "STOPPING=1", "WATCHDOG=1", "STATUS=…";
 * several joined by '\n'. */
void notify_send(const char *state);
/* How often WATCHDOG=1 is wanted, in milliseconds: half of WATCHDOG_USEC when it is meant for us;
 * 0: never. */
uint64_t notify_watchdog_ms(void);

#endif
