/* base64_scan.h - runs of the alphabet of base64 (RFC 2045 6.8), sixteen characters at a time where
 * the machine can. For this folder only. */
#ifndef CORE_MESSAGE_BASE64_SCAN_H
#define CORE_MESSAGE_BASE64_SCAN_H

#include "core/message/base64_wide.h"
#include <facteur/base.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BASE64_SKIP = 64, BASE64_PAD = 128 };
/* What a character stands for, or one of the two above. */
extern const unsigned char base64_value[256];

#ifdef __SSE2__
/* The values of sixteen characters. Returns how many of them, from the first on, belong to the
 * alphabet; the values of those behind are none. */
static inline unsigned base64_block(const char *p, __m128i *values)
{
    __m128i c = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i from_0 = _mm_cmpgt_epi8(c, _mm_set1_epi8('0' - 1)),
            from_A = _mm_cmpgt_epi8(c, _mm_set1_epi8('A' - 1)),
            from_a = _mm_cmpgt_epi8(c, _mm_set1_epi8('a' - 1)),
            plus = _mm_cmpeq_epi8(c, _mm_set1_epi8('+')),
            slash = _mm_cmpeq_epi8(c, _mm_set1_epi8('/'));
    __m128i digit = _mm_and_si128(from_0, _mm_cmplt_epi8(c, _mm_set1_epi8('9' + 1))),
            upper = _mm_and_si128(from_A, _mm_cmplt_epi8(c, _mm_set1_epi8('Z' + 1))),
            lower = _mm_and_si128(from_a, _mm_cmplt_epi8(c, _mm_set1_epi8('z' + 1)));
    __m128i known =
        _mm_or_si128(_mm_or_si128(digit, plus), _mm_or_si128(_mm_or_si128(upper, lower), slash));
    /* what is added grows from '/' to '0' to 'A' to 'a' */
    __m128i shift = _mm_add_epi8(_mm_and_si128(from_0, _mm_set1_epi8((52 - '0') - (63 - '/'))),
                                 _mm_and_si128(from_A, _mm_set1_epi8(-'A' - (52 - '0'))));

    shift = _mm_add_epi8(shift, _mm_and_si128(from_a, _mm_set1_epi8((26 - 'a') + 'A')));
    shift = _mm_add_epi8(shift, _mm_and_si128(plus, _mm_set1_epi8((62 - '+') - (63 - '/'))));
    *values = _mm_add_epi8(_mm_add_epi8(c, _mm_set1_epi8(63 - '/')), shift);
    return (unsigned)__builtin_ctz(~(unsigned)_mm_movemask_epi8(known));
}

/* Six bytes of two quanta, and two that do not count. The second one may be none. */
static inline void base64_put_six(uint64_t quanta, char *to)
{
    uint64_t bytes = __builtin_bswap64((quanta << 40) | ((quanta >> 32 & 0xFFFFFF) << 16));

    memcpy(to, &bytes, sizeof bytes);
}

/* Twelve bytes, and two that do not count, of sixteen values. */
static inline void base64_put_block(__m128i values, char *to)
{
    __m128i pairs = _mm_or_si128(_mm_slli_epi16(_mm_and_si128(values, _mm_set1_epi16(0xFF)), 6),
                                 _mm_srli_epi16(values, 8));
    __m128i quanta = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00011000));
    uint64_t half[2];

    _mm_storeu_si128((__m128i *)(void *)half, quanta);
    base64_put_six(half[0], to);
    base64_put_six(half[1], to + 6);
}
#endif

/* All four are characters of the alphabet: their bits, else BASE64_SKIP << 24 and above. */
static inline uint32_t base64_quantum(const char *p)
{
    const unsigned char *c = (const unsigned char *)p;
    uint32_t a = base64_value[c[0]], b = base64_value[c[1]], d = base64_value[c[2]],
             e = base64_value[c[3]];

    return ((a | b | d | e) & (BASE64_SKIP | BASE64_PAD)) << 24 | a << 18 | b << 12 | d << 6 | e;
}

/* The first byte that is no character of the alphabet, or `end`. */
static inline const char *base64_run(const char *p, const char *end)
{
#ifdef __SSE2__
    __m128i values;
    unsigned n;

    while (end - p >= 16) {
        n = base64_block(p, &values);
        if (n < 16)
            return p + n;
        p += 16;
    }
#endif
    while (end - p >= 4 && base64_quantum(p) >> 30 == 0)
        p += 4;
    while (p < end && base64_value[(unsigned char)*p] < BASE64_SKIP)
        p++;
    return p;
}

#endif
