/* scram_text.c - see scram_text.h. */
#include "protocols/sasl/scram_text.h"

#include "core/base/str.h"

/* attr-val = ALPHA "=" value, up to the next comma RFC 5802 7 */
bool scram_attribute(struct fct_str *in, char name, struct fct_str *value)
{
    struct fct_str piece;

    if (!in->p)
        return false;
    piece = str_split(in, ',');
    if (piece.n < 2 || piece.p[0] != name || piece.p[1] != '=')
        return false;
    *value = str_skip(piece, 2);
    return true;
}

/* printable = %x21-2B / %x2D-7E RFC 5802 7 */
bool scram_is_nonce(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x21 || s.p[i] > 0x7e || s.p[i] == ',')
            return false;
    return s.n > 0 && s.n <= SCRAM_MAX_NONCE;
}
