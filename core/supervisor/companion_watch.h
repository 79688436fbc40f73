/* companion_watch.h - finds a companion that hangs, as hang.c does for our own processes: it is
 * asked a dozen times within server.hang_limit; one that owes every answer is killed, and started
 * afresh like any that died. */
#ifndef CORE_SUPERVISOR_COMPANION_WATCH_H
#define CORE_SUPERVISOR_COMPANION_WATCH_H

#include "core/supervisor/companion_int.h"

struct companion_watch {
    struct supervisor *sup;
    const struct companion_plan *plan;
    pid_t pid;
    int fd; /* -1: none */
    struct event *timer, *readable;
    unsigned unanswered;
};

/* Connected at once, or -1. */
int companion_connect(const char *socket_path);

/* *plan must stay until the end. */
void companion_watch_begin(struct companion_watch *w, struct supervisor *sup,
                           const struct companion_plan *plan, pid_t pid);
void companion_watch_end(struct companion_watch *w); /* may have ended already */

#endif
