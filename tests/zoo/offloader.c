/* offloader.c - its work on the pool's threads crashes ("please offcrash") or never ends ("please
 * offhang"), while the fibers run on; a fiber that it began loops ("please fiberloop"). */
#include "zoo.h"

#include <signal.h>
#include <unistd.h>

static void crash(void *arg)
{
    (void)arg;
    signal(SIGSEGV, SIG_DFL); /* no report of a sanitizer in between */
    raise(SIGSEGV);
}

static void hang(void *arg)
{
    (void)arg;
    for (;;)
        pause();
}

static void loop(struct fct_call *call, void *arg)
{
    static volatile unsigned turns;

    (void)arg;
    host->sleep_ms(call, 5);
    for (;;)
        turns++;
}

static enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    (void)ev, (void)state;
    if (zoo_provoked(call, "offcrash"))
        host->offload(call, crash, NULL);
    if (zoo_provoked(call, "offhang"))
        host->offload(call, hang, NULL);
    if (zoo_provoked(call, "fiberloop")) {
        struct fct_token token = host->start(call, loop, NULL);

        host->wait_all(call, &token, 1);
    }
    return FCT_NEXT;
}

static const struct fct_hook_row rows[] = {FCT_ON(scan, on_scan)};

ZOO_ANIMAL("offloader", "has bad work done", rows);
