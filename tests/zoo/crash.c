/* crash.c - writes where nobody may write. */
#include "zoo.h"

#include <signal.h>

static enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    (void)ev, (void)state;
    if (zoo_provoked(call, "crash")) {
        signal(SIGSEGV, SIG_DFL); /* no report of a sanitizer in between */
        raise(SIGSEGV);
    }
    return FCT_NEXT;
}

static enum fct_verdict on_rcpt(struct fct_call *call, const struct fct_ev_rcpt *ev, void *state)
{
    static const char wanted[] = "crash@";

    (void)call, (void)state;
    if (ev->recipient.n > 6 && memcmp(ev->recipient.p, wanted, 6) == 0) {
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    }
    return FCT_NEXT;
}

static const struct fct_hook_row rows[] = {FCT_ON(scan, on_scan), FCT_ON(rcpt, on_rcpt)};

ZOO_ANIMAL("crash", "dies of SIGSEGV", rows);
