/* crc32c.c - CRC-32C by the processor's instruction where there is one, else by table. */
#include "store/crc32c.h"

#include <pthread.h>

#define POLYNOMIAL 0x82f63b78u /* reflected */

static uint32_t table[256];

/* Harmless when two threads do it at once: they write the same numbers. */
static void table_fill(void)
{
    for (uint32_t i = 256; i-- > 0;) { /* entry 1 last but 0: table[1] != 0 says "filled" */
        uint32_t c = i;

        for (int bit = 0; bit < 8; bit++)
            c = (c >> 1) ^ (c & 1 ? POLYNOMIAL : 0);
        __atomic_store_n(&table[i], c, __ATOMIC_RELEASE);
    }
}

uint32_t crc32c_portable(uint32_t crc, const void *p, size_t n)
{
    const uint8_t *b = p;

    if (!__atomic_load_n(&table[1], __ATOMIC_ACQUIRE))
        table_fill();
    crc = ~crc;
    while (n-- > 0)
        crc = table[(crc ^ *b++) & 0xff] ^ (crc >> 8);
    return ~crc;
}

#if defined(__x86_64__)
#define SSE42      __attribute__((target("sse4.2")))
#define LANE_BYTES ((size_t)1024)
#define LANE_WORDS (LANE_BYTES / 8)

SSE42 static uint64_t next_word(uint64_t crc, const uint8_t *p)
{
    uint64_t word;

    memcpy(&word, p, 8);
    return __builtin_ia32_crc32di(crc, word);
}

/* What becomes of a state while LANE_BYTES zeros pass, by each of its bytes. */
static uint32_t passed[4][256];
static pthread_once_t passed_once = PTHREAD_ONCE_INIT;

SSE42 static void passed_fill(void)
{
    for (unsigned bit = 0; bit < 32; bit++) {
        uint64_t crc = (uint64_t)1 << bit;
        unsigned byte = bit / 8, one = 1u << bit % 8;

        for (size_t i = 0; i < LANE_WORDS; i++)
            crc = __builtin_ia32_crc32di(crc, 0);
        for (unsigned lower = 0; lower < one; lower++)
            passed[byte][one + lower] = passed[byte][lower] ^ (uint32_t)crc;
    }
}

static uint64_t pass_lane(uint64_t crc)
{
    return passed[0][crc & 0xff] ^ passed[1][crc >> 8 & 0xff] ^ passed[2][crc >> 16 & 0xff] ^
           passed[3][crc >> 24 & 0xff];
}

/* The instruction takes three cycles and can begin in each: three lanes at a time. */
SSE42 static uint64_t three_lanes(uint64_t crc, const uint8_t *p)
{
    uint64_t second = 0, third = 0;

    for (size_t i = 0; i < LANE_BYTES; i += 8) {
        crc = next_word(crc, p + i);
        second = next_word(second, p + LANE_BYTES + i);
        third = next_word(third, p + 2 * LANE_BYTES + i);
    }
    return pass_lane(pass_lane(crc) ^ second) ^ third;
}

SSE42 static uint32_t crc32c_sse42(uint32_t crc, const void *p, size_t n)
{
    const uint8_t *b = p;
    uint64_t c = ~crc;

    if (n >= 3 * LANE_BYTES)
        pthread_once(&passed_once, passed_fill);
    for (; n >= 3 * LANE_BYTES; n -= 3 * LANE_BYTES, b += 3 * LANE_BYTES)
        c = three_lanes(c, b);
    for (; n >= 8; n -= 8, b += 8)
        c = next_word(c, b);
    while (n-- > 0)
        c = __builtin_ia32_crc32qi((uint32_t)c, *b++);
    return ~(uint32_t)c;
}

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
    return __builtin_cpu_supports("sse4.2") ? crc32c_sse42(crc, p, n) : crc32c_portable(crc, p, n);
}
#else
uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
    return crc32c_portable(crc, p, n);
}
#endif
