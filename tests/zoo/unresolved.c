/* unresolved.c - needs a function that nobody has. */
#include "zoo.h"

extern int nobody_has_this(void);

static enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    (void)call, (void)ev, (void)state;
    return nobody_has_this() ? FCT_NEXT : FCT_NEXT;
}

static const struct fct_hook_row rows[] = {FCT_ON(scan, on_scan)};

ZOO_ANIMAL("unresolved", "lacks a function", rows);
