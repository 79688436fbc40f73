/* clock.c - see clock.h. */
#include "core/base/clock.h"

#include <time.h>

static uint64_t read_us(clockid_t which)
{
    struct timespec t;

    clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

uint64_t clock_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

uint64_t clock_ms(void)
{
    return clock_us() / 1000u;
}

int64_t clock_wall_us(void)
{
    return (int64_t)read_us(CLOCK_REALTIME);
}

int64_t clock_wall(void)
{
    return clock_wall_us() / 1000000;
}
