/* pace.h - how hard one destination is pressed: how many connections it gets, and when it is left
 * alone. Numbers only: time comes in as milliseconds, so that a test runs years of it.
 *
 * A destination that has not answered yet is unproven and gets one connection, a second one when
 * the first stays silent. One that answers gets as many as its mail is worth: another connection is
 * opened only when those there are would need longer than `patience` for what waits. The window
 * grows by one with each accepted message and is halved when the destination pushes back (421, 4xx
 * to MAIL or to the connection). One that cannot be reached is left alone, each time for longer. */
#ifndef PROTOCOLS_RELAY_PACE_H
#define PROTOCOLS_RELAY_PACE_H

#include <facteur/base.h>

struct pace_limits {
    uint32_t max_connections; /* of one destination */
    uint32_t unproven;        /* while it has not answered, or when all are silent */
    uint64_t patience_ms;     /* how long mail may wait before one more connection is worth it */
    uint64_t silence_ms;      /* a connection is silent after so long without a byte */
    uint64_t dead_first_ms,
        dead_max_ms; /* how long it is left alone after it could not be reached */
    uint64_t gap_ms; /* between two messages to it (rate); 0: none */
};

struct pace {
    const struct pace_limits *limits;
    double window;
    uint32_t connections; /* open and being opened */
    uint32_t proven;      /* of these: those that said EHLO's answer */
    uint64_t opened_ms;   /* the last time one was opened */
    uint64_t heard_ms;    /* the last byte from it */
    double latency_ms;    /* of a message on a connection, averaged; 0: not known */
    uint32_t failures;    /* in a row */
    uint64_t dead_until;
    uint64_t next_message_ms;
};

void pace_start(struct pace *p, const struct pace_limits *limits);

/* waiting: messages that no connection has taken. */
bool pace_may_open(const struct pace *p, uint64_t now, size_t waiting);
bool pace_is_dead(const struct pace *p, uint64_t now);
/* All its connections have been silent for so long that more of them help nobody. */
bool pace_is_silent(const struct pace *p, uint64_t now);

void pace_opened(struct pace *p, uint64_t now);
void pace_proven(struct pace *p, uint64_t now); /* the connection is ready for mail */
void pace_heard(struct pace *p, uint64_t now);
void pace_closed(struct pace *p, bool was_proven);
/* No connection could be made, on any of its hosts. */
void pace_unreachable(struct pace *p, uint64_t now);

void pace_accepted(struct pace *p, uint64_t now, uint64_t took_ms);
void pace_pushed_back(struct pace *p); /* 421, or a 4xx that is no recipient's */

/* May a message go now (gap_ms)? If so its place is taken; else *wait_ms. */
bool pace_take_turn(struct pace *p, uint64_t now, uint64_t *wait_ms);

#endif
