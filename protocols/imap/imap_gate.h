/* imap_gate.h - a few at once, the others in a row: for work that needs much memory for a short
 * time. */
#ifndef PROTOCOLS_IMAP_IMAP_GATE_H
#define PROTOCOLS_IMAP_IMAP_GATE_H

#include "core/fiber/fiber.h"

struct imap_gate_waiter;

struct imap_gate {
    unsigned most, inside;
    struct imap_gate_waiter *first, **last;
};

#define IMAP_GATE(number) \
    {                     \
        .most = (number)  \
    }

/* False: cancelled while waiting; do not leave then. */
FCT_MAY_WAIT FCT_MUST_CHECK bool imap_gate_enter(struct imap_gate *gate);
void imap_gate_leave(struct imap_gate *gate);

#endif
