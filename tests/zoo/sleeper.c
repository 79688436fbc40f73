/* sleeper.c - blocks the process instead of waiting politely ("please sleep"), or waits politely
 * for too long ("please wait"). */
#include "zoo.h"

#include <unistd.h>

static enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    (void)ev, (void)state;
    if (zoo_provoked(call, "sleep"))
        while (sleep(60) > 0)
            ;
    if (zoo_provoked(call, "wait"))
        host->sleep_ms(call, 3600000);
    return FCT_NEXT;
}

static const struct fct_hook_row rows[] = {FCT_ON(scan, on_scan)};

ZOO_ANIMAL("sleeper", "sleeps", rows);
