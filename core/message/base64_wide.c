/* base64_wide.c - see base64_wide.h. A character belongs to the alphabet when its two halves, each
 * looked up in a table of sixteen, have no bit in common (W. Mula, D. Lemire, "Faster Base64
 * Encoding and Decoding Using AVX2 Instructions", 2018). */
#include "core/message/base64_wide.h"

#ifdef BASE64_WIDE
#include <immintrin.h>

#define WIDE __attribute__((target("avx2")))

/* The same sixteen bytes for both lanes. */
#define TWICE(...) _mm256_broadcastsi128_si256(_mm_setr_epi8(__VA_ARGS__))

static inline WIDE __m256i load(const char *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline WIDE __m256i high_halves(__m256i c)
{
    return _mm256_and_si256(_mm256_srli_epi32(c, 4), _mm256_set1_epi8(15));
}

/* How many of the 32, from the first on, belong to the alphabet. */
static inline WIDE unsigned count_known(__m256i c, __m256i high)
{
    const __m256i of_low = TWICE(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13,
                                 0x1A, 0x1B, 0x1B, 0x1B, 0x1A),
                  of_high = TWICE(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10,
                                  0x10, 0x10, 0x10, 0x10, 0x10);
    __m256i low = _mm256_and_si256(c, _mm256_set1_epi8(15)),
            both = _mm256_and_si256(_mm256_shuffle_epi8(of_low, low),
                                    _mm256_shuffle_epi8(of_high, high));
    unsigned known =
        (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(both, _mm256_setzero_si256()));

    return known == UINT32_MAX ? BASE64_WIDE : (unsigned)__builtin_ctz(~known);
}

/* What is added to a character depends on its high half; '/' and '+' share one. */
static inline WIDE __m256i values_of(__m256i c, __m256i high)
{
    const __m256i shift = TWICE(0, 63 - '/', 62 - '+', 52 - '0', -'A', -'A', 26 - 'a', 26 - 'a', 0,
                                0, 0, 0, 0, 0, 0, 0);
    __m256i slash = _mm256_cmpeq_epi8(c, _mm256_set1_epi8('/'));

    return _mm256_add_epi8(c, _mm256_shuffle_epi8(shift, _mm256_add_epi8(high, slash)));
}

/* 24 bytes, and eight that do not count. */
static inline WIDE void put_block(__m256i values, char *to)
{
    const __m256i order = TWICE(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140)),
            quanta = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));

    quanta = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(quanta, order),
                                         _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7));
    _mm256_storeu_si256((__m256i *)(void *)to, quanta);
}

WIDE const char *base64_wide_decode(const char *p, const char *end, char **to,
                                    struct line_notes *notes)
{
    char *at = *to;

    while (end - p >= BASE64_WIDE) {
        __m256i c = load(p), high = high_halves(c);
        unsigned n = count_known(c, high) / 4 * 4;

        put_block(values_of(c, high), at);
        at += n / 4 * 3;
        p += n;
        if (n == BASE64_WIDE)
            continue;
        if (p[0] != '\r' || p[1] != '\n') /* n is less than the block: it has these two */
            break;
        p += 2;
        note_line(notes, p, at);
    }
    *to = at;
    return p;
}
#endif
