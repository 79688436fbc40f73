/* imap_decode.c - where encoded text may be cut. */
#include "protocols/imap/imap_decode.h"

#include "core/base/str.h"

static bool is_sextet(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

/* Behind the last whole quantum; padding ends one too. Everything else is passed over by the
 * decoder as well. */
static size_t base64_cut(struct fct_str in)
{
    size_t cut = 0;
    unsigned n = 0;

    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] == '=')
            n = 0;
        else if (is_sextet(in.p[i]))
            n = (n + 1) % 4;
        if (n == 0)
            cut = i + 1;
    }
    return cut;
}

/* Behind the last line: soft breaks and white space at the end of a line need the whole line. */
static size_t quoted_printable_cut(struct fct_str in)
{
    return (size_t)(str_find_last_char(in, '\n') + 1);
}

static size_t find_cut(enum transfer transfer, struct fct_str in)
{
    switch (transfer) {
    case TRANSFER_BASE64:
        return base64_cut(in);
    case TRANSFER_QUOTED_PRINTABLE:
        return quoted_printable_cut(in);
    case TRANSFER_IDENTITY:
        break;
    }
    return in.n;
}

bool imap_decode(struct imap_decoder *d, bool end, struct buf *out)
{
    size_t cut = end ? d->carry.n : find_cut(d->transfer, buf_str(&d->carry));

    if (cut == 0 && d->carry.n >= IMAP_DECODE_CARRY)
        cut = d->carry.n;
    if (!transfer_decode(d->transfer, str_head(buf_str(&d->carry), cut), out))
        return false;
    buf_drop_front(&d->carry, cut);
    return true;
}
