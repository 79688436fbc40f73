/* mortal.c - dies in every way but the plain crash: abort(), exit(), a stack without end, and with
 * every file descriptor of its process closed. */
#include "zoo.h"

#include <stdlib.h>
#include <unistd.h>

static int descend(int depth)
{
    volatile char page[4096] = {(char)depth};

    return depth < 0 ? 0 : descend(depth + 1) + page[depth % 4096];
}

static enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    (void)ev, (void)state;
    if (zoo_provoked(call, "abort"))
        abort();
    if (zoo_provoked(call, "exit"))
        exit(EXIT_SUCCESS);
    if (zoo_provoked(call, "stack"))
        (void)descend(0);
    for (int fd = 3; fd < 1024 && zoo_provoked(call, "close"); fd++)
        (void)close(fd);
    return FCT_NEXT;
}

static const struct fct_hook_row rows[] = {FCT_ON(scan, on_scan)};

ZOO_ANIMAL("mortal", "dies in several ways", rows);
