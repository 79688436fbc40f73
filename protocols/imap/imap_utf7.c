/* imap_utf7.c - modified UTF-7 to UTF-8 and back (RFC 3501 5.1.3). */
#include "protocols/imap/imap_utf7.h"

#include "core/base/str.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int base64_value(char c)
{
    const char *at = c ? strchr(alphabet, c) : NULL;

    return at ? (int)(at - alphabet) : -1;
}

static bool is_direct(uint32_t c)
{
    return c >= 0x20 && c < 0x7f;
}

static void put_utf8(uint32_t c, struct buf *out)
{
    if (c < 0x80) {
        buf_put_char(out, (char)c);
        return;
    }
    if (c < 0x800) {
        buf_put_char(out, (char)(0xc0 | c >> 6));
    } else if (c < 0x10000) {
        buf_put_char(out, (char)(0xe0 | c >> 12));
        buf_put_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
    } else {
        buf_put_char(out, (char)(0xf0 | c >> 18));
        buf_put_char(out, (char)(0x80 | (c >> 12 & 0x3f)));
        buf_put_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
    }
    buf_put_char(out, (char)(0x80 | (c & 0x3f)));
}

/* UTF-16 units as they come out of the base64 of one shift. */
struct unit_decoder {
    uint32_t bits;
    unsigned nbits;
    uint32_t high; /* the first half of a surrogate pair, or 0 */
};

static bool take_unit(struct unit_decoder *d, uint32_t unit, struct buf *out)
{
    if (d->high) {
        if (unit < 0xdc00 || unit > 0xdfff)
            return false;
        put_utf8(0x10000 + ((d->high - 0xd800) << 10) + (unit - 0xdc00), out);
        d->high = 0;
        return true;
    }
    if (unit >= 0xd800 && unit <= 0xdbff) {
        d->high = unit;
        return true;
    }
    if ((unit >= 0xdc00 && unit <= 0xdfff) || is_direct(unit) || unit < 0x20 || unit == 0x7f)
        return false;
    put_utf8(unit, out);
    return true;
}

/* What stands between "&" and "-": whole units, less than six bits of zero padding. */
static bool decode_shift(struct fct_str base64, struct buf *out)
{
    struct unit_decoder d = {0};

    for (size_t i = 0; i < base64.n; i++) {
        int value = base64_value(base64.p[i]);

        if (value < 0)
            return false;
        d.bits = d.bits << 6 | (uint32_t)value;
        d.nbits += 6;
        if (d.nbits < 16)
            continue;
        d.nbits -= 16;
        if (!take_unit(&d, d.bits >> d.nbits & 0xffff, out))
            return false;
        d.bits &= (1u << d.nbits) - 1;
    }
    return !d.high && d.nbits < 6 && d.bits == 0;
}

bool imap_utf7_decode(struct fct_str in, struct buf *out)
{
    bool after_shift = false;

    while (in.n > 0) {
        char c = in.p[0];
        ptrdiff_t end;

        if (!is_direct((unsigned char)c))
            return false;
        in = str_skip(in, 1);
        if (c != '&') {
            buf_put_char(out, c);
            after_shift = false;
            continue;
        }
        end = str_find_char(in, '-');
        if (end < 0)
            return false;
        if (end == 0) {
            buf_put_char(out, '&');
            after_shift = false;
        } else if (after_shift || !decode_shift(str_head(in, (size_t)end), out)) {
            return false; /* two shifts in a row: one would have done */
        } else {
            after_shift = true;
        }
        in = str_skip(in, (size_t)end + 1);
    }
    return !out->overflow;
}

/* One character of valid UTF-8. */
static uint32_t next_char(struct fct_str *in)
{
    unsigned char lead = (unsigned char)in->p[0];
    unsigned more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    uint32_t c = more == 0 ? lead : lead & (0x3fu >> more);

    for (unsigned i = 1; i <= more && i < in->n; i++)
        c = c << 6 | ((unsigned char)in->p[i] & 0x3f);
    *in = str_skip(*in, more + 1);
    return c;
}

static void put_unit(struct unit_decoder *d, uint32_t unit, struct buf *out)
{
    d->bits = d->bits << 16 | unit;
    d->nbits += 16;
    while (d->nbits >= 6) {
        d->nbits -= 6;
        buf_put_char(out, alphabet[d->bits >> d->nbits & 0x3f]);
    }
    d->bits &= (1u << d->nbits) - 1;
}

static void end_shift(struct unit_decoder *d, struct buf *out)
{
    if (d->nbits > 0)
        buf_put_char(out, alphabet[d->bits << (6 - d->nbits) & 0x3f]);
    buf_put_char(out, '-');
    *d = (struct unit_decoder){0};
}

bool imap_utf7_encode(struct fct_str in, struct buf *out)
{
    struct unit_decoder d = {0};
    bool shifted = false;

    while (in.n > 0) {
        uint32_t c = next_char(&in);

        if (is_direct(c)) {
            if (shifted)
                end_shift(&d, out);
            shifted = false;
            buf_put_char(out, (char)c);
            if (c == '&')
                buf_put_char(out, '-');
            continue;
        }
        if (!shifted)
            buf_put_char(out, '&');
        shifted = true;
        if (c >= 0x10000) {
            put_unit(&d, 0xd800 + ((c - 0x10000) >> 10), out);
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        put_unit(&d, c, out);
    }
    if (shifted)
        end_shift(&d, out);
    return !out->overflow;
}
