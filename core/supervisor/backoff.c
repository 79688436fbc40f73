/* backoff.c - see backoff.h. */
#include "core/supervisor/backoff.h"

uint64_t backoff_after_death(struct backoff *b, uint64_t lived_ms)
{
    static const uint64_t delay_ms[] = {0, 100, 1000, 5000};

    if (lived_ms >= BACKOFF_PEACE_MS)
        b->deaths = 0;
    return delay_ms[b->deaths < FCT_COUNT(delay_ms) - 1 ? b->deaths++ : FCT_COUNT(delay_ms) - 1];
}
