/* byte_scan.h - what bytes a run has and where the first of a few of them is, sixteen at a time
 * where the machine can: most of a page is letters that need no look. For this folder only. */
#ifndef CORE_MESSAGE_BYTE_SCAN_H
#define CORE_MESSAGE_BYTE_SCAN_H

#include <facteur/base.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The first of the three bytes, or `end`. */
static inline const char *byte_scan(const char *p, const char *end, char a, char b, char c)
{
#ifdef __SSE2__
    const __m128i x = _mm_set1_epi8(a), y = _mm_set1_epi8(b), z = _mm_set1_epi8(c);

    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, x), _mm_cmpeq_epi8(v, y)),
                                   _mm_cmpeq_epi8(v, z));

        if (_mm_movemask_epi8(hit))
            break;
    }
#endif
    while (p < end && *p != a && *p != b && *p != c)
        p++;
    return p;
}

/* Is one of the three bytes there, or one of 0x80 and above? */
static inline bool byte_scan_has(struct fct_str s, char a, char b, char c)
{
    const char *p = s.p, *end = s.p + s.n;

#ifdef __SSE2__
    const __m128i x = _mm_set1_epi8(a), y = _mm_set1_epi8(b), z = _mm_set1_epi8(c);

    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, x), _mm_cmpeq_epi8(v, y)),
                                   _mm_or_si128(_mm_cmpeq_epi8(v, z), v));

        if (_mm_movemask_epi8(hit))
            return true;
    }
#endif
    for (; p < end; p++)
        if (*p == a || *p == b || *p == c || (unsigned char)*p >= 0x80)
            return true;
    return false;
}

#endif
