/* crc32c.c - CRC-32C by the processor's instruction where there is one, else by table. */
#include "store/crc32c.h"

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
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const void *p,
                                                               size_t n)
{
    const uint8_t *b = p;
    uint64_t c = ~crc;

    for (; n >= 8; n -= 8, b += 8) {
        uint64_t word;

        memcpy(&word, b, 8);
        c = __builtin_ia32_crc32di(c, word);
    }
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
