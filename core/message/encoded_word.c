/* encoded_word.c - encoded words in header text (RFC 2047; the language of RFC 2231 5 is passed
 * over). */
#include "core/base/str.h"
#include "core/message/lexer.h"
#include "core/message/transfer.h"

struct word {
    struct fct_str charset, text;
    char encoding; /* 'b' or 'q' */
};

/* encoded-word = "=?" charset "?" encoding "?" encoded-text "?="                             RFC
 * 2047 2 Longer than 75 and with spaces inside is accepted: several mail programs write such words.
 */
static bool take_word(struct fct_str *in, struct word *w)
{
    struct fct_str rest = str_skip(*in, 2), charset;

    charset = str_split(&rest, '?');
    if (!rest.p || charset.n == 0 || rest.n < 4 || rest.p[1] != '?')
        return false;
    ptrdiff_t star = str_find_char(charset, '*');
    w->charset = star >= 0 ? str_head(charset, (size_t)star) : charset;
    for (size_t i = 0; i < w->charset.n; i++)
        if (!lex_is(w->charset.p[i], LEX_TOKEN))
            return false;
    w->encoding = char_lower(rest.p[0]);
    if (w->encoding != 'b' && w->encoding != 'q')
        return false;
    rest = str_skip(rest, 2);
    w->text = str_split(&rest, '?');
    if (!rest.p || rest.n == 0 || rest.p[0] != '=')
        return false;
    *in = str_skip(rest, 1);
    return true;
}

/* The Q encoding: as quoted-printable, but "_" is a space and there are no lines (RFC 2047 4.2). */
static void put_q(struct fct_str text, struct buf *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < text.n; i++) {
        const char *high, *low;

        if (text.p[i] == '_') {
            buf_put_char(out, ' ');
        } else if (text.p[i] == '=' && i + 2 < text.n && text.p[i + 1] && text.p[i + 2] &&
                   (high = strchr(digits, char_lower(text.p[i + 1]))) &&
                   (low = strchr(digits, char_lower(text.p[i + 2])))) {
            buf_put_char(out, (char)((high - digits) << 4 | (low - digits)));
            i += 2;
        } else {
            buf_put_char(out, text.p[i]);
        }
    }
}

static bool is_space_only(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!lex_is(s.p[i], LEX_SPACE))
            return false;
    return true;
}

/* Bytes of adjacent words of one charset wait here: some senders cut inside a character. */
struct pending {
    struct fct_str charset;
    struct buf bytes;
};

static void flush(struct pending *p, struct buf *out)
{
    if (p->bytes.n > 0)
        charset_to_utf8(p->charset, buf_str(&p->bytes), out);
    buf_clear(&p->bytes);
    p->charset.n = 0;
}

static void put_word(struct pending *p, const struct word *w, struct buf *out)
{
    if (!str_equal_nocase(p->charset, w->charset))
        flush(p, out);
    p->charset = w->charset;
    if (w->encoding == 'b')
        transfer_decode(TRANSFER_BASE64, w->text, &p->bytes);
    else
        put_q(w->text, &p->bytes);
}

bool encoded_word_decode(struct fct_str text, struct buf *out)
{
    struct pending pending = {.bytes = BUF_INIT(text.n + 16)};
    struct fct_str rest = text;
    const char *plain = text.p; /* not yet written */
    bool after_word = false;
    struct word w;

    while (rest.n > 0) {
        const char *mark = memchr(rest.p, '=', rest.n);

        rest = mark ? str_between(mark, text.p + text.n) : str_skip(rest, rest.n);
        if (rest.n < 2 || rest.p[1] != '?' || !take_word(&rest, &w)) {
            rest = str_skip(rest, 1);
            continue;
        }
        struct fct_str between = str_between(plain, mark);
        if (!after_word || !is_space_only(between)) {
            flush(&pending, out);
            charset_to_utf8((struct fct_str){0}, between, out);
        }
        put_word(&pending, &w, out);
        plain = rest.p;
        after_word = true;
    }
    flush(&pending, out);
    buf_free(&pending.bytes);
    return charset_to_utf8((struct fct_str){0}, str_between(plain, text.p + text.n), out);
}
