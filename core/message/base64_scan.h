/* base64_scan.h - runs of the alphabet of base64 (RFC 2045 6.8), sixteen characters at a time where
 * the machine can. For this folder only. */
#ifndef CORE_MESSAGE_BASE64_SCAN_H
#define CORE_MESSAGE_BASE64_SCAN_H

#include <facteur/base.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BASE64_SKIP = 64, BASE64_PAD = 128 };
/* What a character stands for, or one of the two above. */
extern const unsigned char base64_value[256];

#ifdef __SSE2__
/* 0xFF where the byte is from `first` to `last`. */
static inline __m128i base64_range(__m128i c, char first, char last)
{
    return _mm_and_si128(_mm_cmpgt_epi8(c, _mm_set1_epi8((char)(first - 1))),
                         _mm_cmplt_epi8(c, _mm_set1_epi8((char)(last + 1))));
}

/* The values of sixteen characters. False: one of them is none of the alphabet. */
static inline bool base64_block(const char *p, __m128i *values)
{
    __m128i c = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i upper = base64_range(c, 'A', 'Z'), lower = base64_range(c, 'a', 'z'),
            digit = base64_range(c, '0', '9'), plus = _mm_cmpeq_epi8(c, _mm_set1_epi8('+')),
            slash = _mm_cmpeq_epi8(c, _mm_set1_epi8('/'));
    __m128i letter = _mm_or_si128(upper, lower), sign = _mm_or_si128(plus, slash);
    __m128i known = _mm_or_si128(_mm_or_si128(letter, digit), sign);
    __m128i shift =
        _mm_or_si128(_mm_or_si128(_mm_and_si128(upper, _mm_set1_epi8(-'A')),
                                  _mm_and_si128(lower, _mm_set1_epi8(26 - 'a'))),
                     _mm_or_si128(_mm_and_si128(digit, _mm_set1_epi8(52 - '0')),
                                  _mm_or_si128(_mm_and_si128(plus, _mm_set1_epi8(62 - '+')),
                                               _mm_and_si128(slash, _mm_set1_epi8(63 - '/')))));

    *values = _mm_add_epi8(c, shift);
    return _mm_movemask_epi8(known) == 0xFFFF;
}

/* Six bytes of two quanta, and two that do not count. */
static inline void base64_put_six(uint64_t quanta, char *to)
{
    uint64_t bytes = __builtin_bswap64((quanta << 40) | ((quanta >> 32) << 16));

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

    while (end - p >= 16 && base64_block(p, &values))
        p += 16;
#endif
    while (end - p >= 4 && base64_quantum(p) >> 30 == 0)
        p += 4;
    while (p < end && base64_value[(unsigned char)*p] < BASE64_SKIP)
        p++;
    return p;
}

#endif
