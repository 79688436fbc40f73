/* str.c - see str.h. */
#include "core/base/str.h"

#include "core/base/err.h"
#include "core/base/id.h"

#include <stdlib.h>
#include <strings.h>

bool str_equal(struct fct_str a, struct fct_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_equal_nocase(struct fct_str a, struct fct_str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (char_lower(a.p[i]) != char_lower(b.p[i]))
            return false;
    return true;
}

int str_compare(struct fct_str a, struct fct_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;

    return c ? c : (a.n > b.n) - (a.n < b.n);
}

bool str_starts(struct fct_str s, struct fct_str prefix)
{
    return s.n >= prefix.n && str_equal(str_head(s, prefix.n), prefix);
}

bool str_starts_nocase(struct fct_str s, struct fct_str prefix)
{
    return s.n >= prefix.n && str_equal_nocase(str_head(s, prefix.n), prefix);
}

bool str_ends_nocase(struct fct_str s, struct fct_str suffix)
{
    return s.n >= suffix.n && str_equal_nocase(str_skip(s, s.n - suffix.n), suffix);
}

ptrdiff_t str_find_char(struct fct_str s, char c)
{
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

    return at ? at - s.p : -1;
}

ptrdiff_t str_find_last_char(struct fct_str s, char c)
{
    const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;

    return at ? at - s.p : -1;
}

ptrdiff_t str_find(struct fct_str s, struct fct_str needle)
{
    const char *at;

    if (needle.n == 0)
        return 0;
    at = s.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
    return at ? at - s.p : -1;
}

ptrdiff_t str_find_nocase(struct fct_str s, struct fct_str needle)
{
    for (size_t i = 0; i + needle.n <= s.n; i++)
        if (str_equal_nocase((struct fct_str){s.p + i, needle.n}, needle))
            return (ptrdiff_t)i;
    return -1;
}

struct fct_str str_skip(struct fct_str s, size_t n)
{
    if (n > s.n)
        n = s.n;
    return (struct fct_str){n ? s.p + n : s.p, s.n - n};
}

struct fct_str str_head(struct fct_str s, size_t n)
{
    return (struct fct_str){s.p, n < s.n ? n : s.n};
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct fct_str str_trim(struct fct_str s)
{
    while (s.n && is_space(s.p[0]))
        s = str_skip(s, 1);
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct fct_str str_split(struct fct_str *rest, char sep)
{
    ptrdiff_t at = str_find_char(*rest, sep);
    struct fct_str piece = *rest;

    if (at < 0) {
        *rest = (struct fct_str){NULL, 0};
        return piece;
    }
    piece.n = (size_t)at;
    *rest = str_skip(*rest, piece.n + 1);
    return piece;
}

bool str_to_u64(struct fct_str s, uint64_t *out)
{
    uint64_t v = 0;

    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        uint64_t digit = (uint64_t)(unsigned char)s.p[i] - '0';

        if (digit > 9 || __builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, digit, &v))
            return false;
    }
    *out = v;
    return true;
}

bool str_to_u32(struct fct_str s, uint32_t *out)
{
    uint64_t v;

    if (!str_to_u64(s, &v) || v > UINT32_MAX)
        return false;
    *out = (uint32_t)v;
    return true;
}

void str_lower(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = char_lower(p[i]);
}

void str_copy_c(char *to, size_t size, struct fct_str s)
{
    size_t n = s.n < size ? s.n : size - 1;

    FCT_ASSERT(size > 0);
    if (n)
        memcpy(to, s.p, n);
    to[n] = '\0';
}

char *str_dup_c(struct fct_str s)
{
    char *p = malloc(s.n + 1);

    FCT_ASSERT(p);
    str_copy_c(p, s.n + 1, s);
    return p;
}

/* ---- SipHash-1-3 ---- */

struct sip {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

static const uint64_t *process_key(void)
{
    static uint64_t key[2];
    static bool made;

    if (!made) {
        random_bytes(key, sizeof key);
        made = true;
    }
    return key;
}

uint64_t str_hash(struct fct_str in)
{
    return str_hash_keyed(in, process_key());
}

uint64_t str_hash_keyed(struct fct_str in, const uint64_t key[2])
{
    struct sip s = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
                    key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
    uint64_t word, last = (uint64_t)in.n << 56;
    size_t whole = in.n & ~(size_t)7;

    for (size_t i = 0; i < whole; i += 8) {
        memcpy(&word, in.p + i, 8);
        sip_word(&s, word);
    }
    for (size_t i = whole; i < in.n; i++)
        last |= (uint64_t)(unsigned char)in.p[i] << (8 * (i - whole));
    sip_word(&s, last);
    s.v2 ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
