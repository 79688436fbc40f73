/* loop.c - computes for ever. */
#include "zoo.h"

static enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    volatile uint64_t turns = 0;

    (void)ev, (void)state;
    if (zoo_provoked(call, "loop"))
        for (;;)
            turns = turns + 1;
    return FCT_NEXT;
}

static const struct fct_hook_row rows[] = {FCT_ON(scan, on_scan)};

ZOO_ANIMAL("loop", "never returns", rows);
