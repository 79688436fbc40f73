/* doublefree.c - gives the same memory back twice; the C library ends the process. */
#include "zoo.h"

#include <stdlib.h>

static void give_back(void *volatile *p)
{
    free(*p);
}

static enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    void *volatile p;

    (void)ev, (void)state;
    if (!zoo_provoked(call, "doublefree"))
        return FCT_NEXT;
    p = malloc(100);
    give_back(&p);
    give_back(&p);
    return FCT_NEXT;
}

static const struct fct_hook_row rows[] = {FCT_ON(scan, on_scan)};

ZOO_ANIMAL("doublefree", "frees twice", rows);
