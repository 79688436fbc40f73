/* lua_fold.c - see lua_fold.h. */
#include "lua_fold.h"

#include <string.h>

/* Eight bytes of ASCII at once: a bit of each byte says whether it is a capital. */
static uint64_t fold_eight(uint64_t eight)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x80 * ones;
    uint64_t seven = eight & ~high, from_a = seven + (0x80 - 'A') * ones,
             behind_z = seven + (0x80 - 'Z' - 1) * ones;

    return eight | (from_a & ~behind_z & ~eight & high) >> 2;
}

/* U+00C0 to U+00DE without U+00D7; U+0400 to U+042F: two bytes each, and so are their small
 * letters. */
static void fold_two(unsigned char *c)
{
    if (c[0] == 0xc3 && c[1] >= 0x80 && c[1] <= 0x9e && c[1] != 0x97) {
        c[1] |= 0x20;
    } else if (c[0] == 0xd0 && c[1] <= 0x8f) {
        c[0] = 0xd1;
        c[1] = (unsigned char)(c[1] + 0x10);
    } else if (c[0] == 0xd0 && c[1] <= 0x9f) {
        c[1] |= 0x20;
    } else if (c[0] == 0xd0 && c[1] <= 0xaf) {
        c[0] = 0xd1;
        c[1] = (unsigned char)(c[1] - 0x20);
    }
}

static bool is_stranger(const unsigned char *c, size_t n)
{
    return (n >= 2 && c[0] == 0xc5 && c[1] == 0xbf) ||
           (n >= 3 && c[0] == 0xe2 && c[1] == 0x84 && c[2] == 0xaa) ||
           (n >= 3 && c[0] == 0xe1 && c[1] == 0xb2 && c[2] <= 0x88);
}

static bool fold_others(unsigned char *out, size_t n)
{
    bool known = true;

    for (size_t i = 0; i + 1 < n; i++) {
        if (out[i] < 0xc3)
            continue;
        if ((out[i] == 0xc3 || out[i] == 0xd0) && (out[i + 1] & 0xc0) == 0x80)
            fold_two(out + i++);
        else if (is_stranger(out + i, n - i))
            known = false;
    }
    return known;
}

bool lua_fold(struct fct_str text, unsigned char *out)
{
    uint64_t eight, high = 0;
    size_t i = 0;

    for (; i + 8 <= text.n; i += 8) {
        memcpy(&eight, text.p + i, 8);
        high |= eight;
        eight = fold_eight(eight);
        memcpy(out + i, &eight, 8);
    }
    for (; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        high |= c;
        out[i] = c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
    }
    return !(high & 0x8080808080808080u) || fold_others(out, text.n);
}

/* ---- one character ---- */

static uint8_t encode(uint32_t c, unsigned char out[4])
{
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    uint8_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (uint8_t i = n; i-- > 1; c >>= 6)
        out[i] = (unsigned char)(0x80 | (c & 0x3f));
    out[0] = (unsigned char)(lead[n] | c);
    return n;
}

void lua_fold_exact(uint32_t c, unsigned char out[4], uint8_t *n)
{
    *n = encode(c, out);
    if (*n == 1 && out[0] >= 'A' && out[0] <= 'Z')
        out[0] |= 0x20;
    else if (*n == 2)
        fold_two(out);
}

/* Where every pair of cases is known, or there are none. U+00DF, U+00E5 and U+00FF have partners
 * elsewhere, and so has U+00B5. */
static const struct {
    uint32_t first, last;
} known[] = {
    {0x0000, 0x007f}, {0x00a0, 0x00b4}, {0x00b6, 0x00c4}, {0x00c6, 0x00de},
    {0x00e0, 0x00e4}, {0x00e6, 0x00fe}, {0x0400, 0x045f}, {0x2010, 0x205e},
    {0x20a0, 0x20bf}, {0x2e80, 0x33ff}, {0x4e00, 0x9fff}, {0xac00, 0xd7a3},
};

bool lua_fold_char(uint32_t c, unsigned char out[4], uint8_t *n)
{
    lua_fold_exact(c, out, n);
    for (size_t i = 0; i < FCT_COUNT(known); i++)
        if (c >= known[i].first && c <= known[i].last)
            return true;
    return false;
}
