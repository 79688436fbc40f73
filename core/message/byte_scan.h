/* byte_scan.h - what bytes a run has and where the first of a few of them is, sixteen at a time
 * where the machine can: most of a page is letters that need no look. For this folder only. */
#ifndef CORE_MESSAGE_BYTE_SCAN_H
#define CORE_MESSAGE_BYTE_SCAN_H

#include <facteur/base.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#ifdef __SSE2__
struct byte_scan_marks {
    __m128i a, b, c;
};

/* Bits of the sixteen bytes at `p` that are `c`. */
static inline unsigned byte_scan_bits(const char *p, char c)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);

    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(c)));
}

/* Bits of the sixteen bytes at `p` that are one of the three. */
static inline int byte_scan_block(const char *p, const struct byte_scan_marks *m, bool high)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, m->a), _mm_cmpeq_epi8(v, m->b)),
                               _mm_cmpeq_epi8(v, m->c));

    return _mm_movemask_epi8(high ? _mm_or_si128(hit, v) : hit);
}
#endif

/* The first of the three bytes, or `end`. */
static inline const char *byte_scan(const char *p, const char *end, char a, char b, char c)
{
#ifdef __SSE2__
    const struct byte_scan_marks m = {_mm_set1_epi8(a), _mm_set1_epi8(b), _mm_set1_epi8(c)};
    bool is_long = end - p >= 16;
    int hits;

    for (; end - p >= 16; p += 16)
        if ((hits = byte_scan_block(p, &m, false)))
            return p + __builtin_ctz((unsigned)hits);
    if (is_long) { /* the last ones once more, with those before them */
        hits = byte_scan_block(end - 16, &m, false);
        return hits ? end - 16 + __builtin_ctz((unsigned)hits) : end;
    }
#endif
    while (p < end && *p != a && *p != b && *p != c)
        p++;
    return p;
}

/* The first `stop`, or `end`. *special becomes true when one of the three bytes, or one of 0x80 and
 * above, is before it. */
static inline const char *byte_scan_to(const char *p, const char *end, char stop,
                                       const char three[3], bool *special)
{
#ifdef __SSE2__
    const struct byte_scan_marks m = {_mm_set1_epi8(three[0]), _mm_set1_epi8(three[1]),
                                      _mm_set1_epi8(three[2])};
    const __m128i wanted = _mm_set1_epi8(stop);
    unsigned seen = 0;

    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        unsigned hits = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, wanted)),
                 marks = (unsigned)byte_scan_block(p, &m, true);

        if (hits) {
            seen |= marks & (hits ^ (hits - 1)) >> 1;
            *special |= seen != 0;
            return p + __builtin_ctz(hits);
        }
        seen |= marks;
    }
    *special |= seen != 0;
#endif
    for (; p < end && *p != stop; p++)
        *special |= *p == three[0] || *p == three[1] || *p == three[2] || (unsigned char)*p >= 0x80;
    return p;
}

#ifdef __SSE2__
/* In each of sixteen columns, below zero. */
static inline __m128i byte_count_block(const char *p, __m128i wanted)
{
    return _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), wanted);
}

static inline __m128i byte_count_four(const char *p, __m128i wanted)
{
    return _mm_add_epi8(
        _mm_add_epi8(byte_count_block(p, wanted), byte_count_block(p + 16, wanted)),
        _mm_add_epi8(byte_count_block(p + 32, wanted), byte_count_block(p + 48, wanted)));
}
#endif

/* How often. */
static inline size_t byte_count(const char *p, const char *end, char c)
{
    size_t n = 0;

#ifdef __SSE2__
    const __m128i zero = _mm_setzero_si128(), wanted = _mm_set1_epi8(c);
    uint64_t sums[2];

    while (end - p >= 16) {
        __m128i counts = zero; /* of each of sixteen columns, at most 255 */

        for (int rows = 0; rows < 252 && end - p >= 64; rows += 4, p += 64)
            counts = _mm_sub_epi8(counts, byte_count_four(p, wanted));
        for (int rows = 0; rows < 3 && end - p >= 16; rows++, p += 16)
            counts = _mm_sub_epi8(counts, byte_count_block(p, wanted));
        _mm_storeu_si128((__m128i *)(void *)sums, _mm_sad_epu8(counts, zero));
        n += sums[0] + sums[1];
    }
#endif
    for (; p < end; p++)
        n += *p == c;
    return n;
}

/* Is one of the three bytes there, or one of 0x80 and above? */
static inline bool byte_scan_has(struct fct_str s, char a, char b, char c)
{
    const char *p = s.p, *end = s.p + s.n;

#ifdef __SSE2__
    const struct byte_scan_marks m = {_mm_set1_epi8(a), _mm_set1_epi8(b), _mm_set1_epi8(c)};

    for (; end - p >= 16; p += 16)
        if (byte_scan_block(p, &m, true))
            return true;
    if (s.n >= 16)
        return byte_scan_block(end - 16, &m, true);
#endif
    for (; p < end; p++)
        if (*p == a || *p == b || *p == c || (unsigned char)*p >= 0x80)
            return true;
    return false;
}

#endif
