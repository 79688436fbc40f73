/* id.c - see id.h. */
#include "core/base/id.h"

#include "core/base/clock.h"
#include "core/base/err.h"

#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

void random_bytes(void *p, size_t n)
{
    char *at = p;

    while (n) {
        ssize_t got = getrandom(at, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        FCT_ASSERT(got > 0);
        at += got;
        n -= (size_t)got;
    }
}

/* 62 bits: 30 of a counter that starts at a random point for each process, 32 of the clock in 1/16
 * s steps: two processes meet only in the same sixteenth of a second on the same counter. An odd
 * multiplier spreads them, reversibly. */
struct id id_new(void)
{
    static uint32_t counter;
    static pid_t owner;
    struct id id;
    uint64_t v;

    if (owner != getpid()) {
        owner = getpid();
        random_bytes(&counter, sizeof counter);
    }
    v = ((uint64_t)(uint32_t)(clock_wall_us() / 62500) << 30) | (counter++ & 0x3fffffffu);
    v = (v * 0x9e3779b97f4a7c15u) & ((UINT64_C(1) << 62) - 1);
    for (size_t i = 0; i < ID_LENGTH; i++) {
        id.text[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[v % 36];
        v /= 36;
    }
    id.text[ID_LENGTH] = '\0';
    return id;
}
