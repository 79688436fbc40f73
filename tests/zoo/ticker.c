/* ticker.c - ticks: in each filter, in one, and slower than its interval. */
#include "zoo.h"

#include <unistd.h>

static enum fct_verdict each(struct fct_call *call, const struct fct_ev_tick *ev, void *state)
{
    (void)ev, (void)state;
    host->log(call, FCT_INFO, "each %d", (int)getpid());
    return FCT_NEXT;
}

static enum fct_verdict once(struct fct_call *call, const struct fct_ev_tick *ev, void *state)
{
    (void)state;
    host->log(call, FCT_INFO, "once %d %s", (int)getpid(), ev->now > 1000000000 ? "now" : "never");
    return FCT_NEXT;
}

static enum fct_verdict slow(struct fct_call *call, const struct fct_ev_tick *ev, void *state)
{
    static int running;

    (void)ev, (void)state;
    if (++running > 1)
        host->log(call, FCT_INFO, "slow twice");
    host->sleep_ms(call, 250);
    running--;
    host->log(call, FCT_INFO, "slow done");
    return FCT_NEXT;
}

static const struct fct_hook_row rows[] = {
    FCT_ON(tick, each, .interval_ms = 100),
    FCT_ON(tick, once, .interval_ms = 100, .scope = FCT_ONCE, .label = "ticker:once"),
    FCT_ON(tick, slow, .interval_ms = 100, .label = "ticker:slow"),
};

ZOO_ANIMAL("ticker", "ticks", rows);
