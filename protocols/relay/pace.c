/* pace.c - see pace.h. */
#include "protocols/relay/pace.h"

#define FIRST_WINDOW 2.0
#define SMOOTHING    0.125 /* weight of a new latency */

void pace_start(struct pace *p, const struct pace_limits *limits)
{
    *p = (struct pace){.limits = limits, .window = FIRST_WINDOW};
}

bool pace_is_dead(const struct pace *p, uint64_t now)
{
    return now < p->dead_until;
}

bool pace_is_silent(const struct pace *p, uint64_t now)
{
    uint64_t since = p->heard_ms > p->opened_ms ? p->heard_ms : p->opened_ms;

    return p->connections > 0 && now >= since + p->limits->silence_ms;
}

static uint32_t most(const struct pace *p)
{
    uint32_t n = (uint32_t)p->window;

    return n < p->limits->max_connections ? n : p->limits->max_connections;
}

/* The second look: the first connection may hang at one host of several. */
static bool may_open_unproven(const struct pace *p, uint64_t now)
{
    if (p->connections == 0)
        return true;
    return p->connections < p->limits->unproven && p->connections < p->limits->max_connections &&
           pace_is_silent(p, now);
}

bool pace_may_open(const struct pace *p, uint64_t now, size_t waiting)
{
    if (waiting == 0 || pace_is_dead(p, now))
        return false;
    if (p->proven == 0 || pace_is_silent(p, now))
        return may_open_unproven(p, now);
    if (p->connections != p->proven) /* one is on its way: wait for what it brings */
        return false;
    if (p->connections >= most(p) || p->latency_ms <= 0)
        return false;
    return (double)waiting * p->latency_ms / p->connections > (double)p->limits->patience_ms;
}

void pace_opened(struct pace *p, uint64_t now)
{
    p->connections++;
    p->opened_ms = now;
}

void pace_proven(struct pace *p, uint64_t now)
{
    p->proven++;
    p->failures = 0;
    p->dead_until = 0;
    p->heard_ms = now;
}

void pace_heard(struct pace *p, uint64_t now)
{
    p->heard_ms = now;
}

void pace_closed(struct pace *p, bool was_proven)
{
    p->connections--;
    if (was_proven)
        p->proven--;
}

void pace_unreachable(struct pace *p, uint64_t now)
{
    uint64_t wait = p->limits->dead_first_ms;

    for (uint32_t i = 0; i < p->failures && wait < p->limits->dead_max_ms; i++)
        wait *= 2;
    p->failures++;
    p->window = FIRST_WINDOW;
    p->dead_until = now + (wait < p->limits->dead_max_ms ? wait : p->limits->dead_max_ms);
}

void pace_accepted(struct pace *p, uint64_t now, uint64_t took_ms)
{
    double took = took_ms > 0 ? (double)took_ms : 0.5; /* faster than the clock tells */

    p->heard_ms = now;
    p->latency_ms = p->latency_ms > 0 ? p->latency_ms + SMOOTHING * (took - p->latency_ms) : took;
    if (p->window < p->limits->max_connections)
        p->window += 1;
}

void pace_pushed_back(struct pace *p)
{
    p->window /= 2;
    if (p->window < 1)
        p->window = 1;
}

bool pace_take_turn(struct pace *p, uint64_t now, uint64_t *wait_ms)
{
    if (now < p->next_message_ms) {
        *wait_ms = p->next_message_ms - now;
        return false;
    }
    p->next_message_ms = now + p->limits->gap_ms;
    return true;
}
