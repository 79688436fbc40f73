/* leak.c - keeps 4 MiB of every message, and touches them. */
#include "zoo.h"

#include <stdlib.h>

#define LEAK (4u << 20)

static void *volatile kept;

static enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    (void)ev, (void)state;
    if (zoo_provoked(call, "leak")) {
        void **block = malloc(LEAK);

        if (block) {
            memset(block, 1, LEAK);
            *block =
                kept; /* reachable: a leak detector has nothing to say, memory grows all the same */
            kept = block;
        }
    }
    return FCT_NEXT;
}

static const struct fct_hook_row rows[] = {FCT_ON(scan, on_scan)};

ZOO_ANIMAL("leak", "grows with every message", rows);
