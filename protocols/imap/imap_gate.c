/* imap_gate.c - see imap_gate.h. */
#include "protocols/imap/imap_gate.h"

struct imap_gate_waiter {
    struct imap_gate_waiter *next;
    struct fiber_token token;
    bool admitted; /* whoever left has given its place to this one */
};

static void join(struct imap_gate *gate, struct imap_gate_waiter *w)
{
    if (!gate->first)
        gate->last = &gate->first;
    *gate->last = w;
    gate->last = &w->next;
}

static void withdraw(struct imap_gate *gate, const struct imap_gate_waiter *w)
{
    struct imap_gate_waiter **at = &gate->first;

    while (*at && *at != w)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = w->next;
    if (gate->last == &w->next)
        gate->last = at;
}

bool imap_gate_enter(struct imap_gate *gate)
{
    struct imap_gate_waiter w = {0};

    if (gate->inside < gate->most) {
        gate->inside++;
        return true;
    }
    w.token = fiber_token();
    join(gate, &w);
    if (fiber_park(CLOCK_NEVER) == FIBER_WOKEN)
        return true;
    withdraw(gate, &w);
    if (w.admitted) /* both at once */
        imap_gate_leave(gate);
    return false;
}

void imap_gate_leave(struct imap_gate *gate)
{
    struct imap_gate_waiter *w = gate->first;

    if (!w) {
        gate->inside--;
        return;
    }
    gate->first = w->next;
    if (!gate->first)
        gate->last = &gate->first;
    w->admitted = true;
    fiber_wake(w->token);
}
