/* parameter.c - parameters of MIME fields: tokens, quoted strings, continuations and charsets (RFC
 * 2045 5.1, RFC 2231). */
#include "core/message/parameter.h"
#include "core/message/lexer.h"

#include <stdlib.h>

/* One attribute=value as written. "title*1*=x" has the base "title", section 1 and is extended. */
struct piece {
    struct fct_str name, base, value;
    uint64_t section;
    size_t order;   /* among its like, to keep sorting stable */
    bool sectioned; /* "name*0" */
    bool extended;  /* "name*" or "name*0*": percent-encoded */
};

enum { FIRST_PIECES = 4 };

static bool at(const struct fct_str *in, char c)
{
    return in->n > 0 && in->p[0] == c;
}

static void skip(struct fct_str *in)
{
    *in = str_skip(*in, 1);
}

bool content_type_take(struct fct_str *in, struct fct_str *major, struct fct_str *minor)
{
    *major = *minor = (struct fct_str){0};
    lex_skip_cfws(in, NULL);
    *major = lex_take(in, LEX_TOKEN);
    lex_skip_cfws(in, NULL);
    if (!at(in, '/'))
        return false;
    skip(in);
    lex_skip_cfws(in, NULL);
    *minor = lex_take(in, LEX_TOKEN);
    lex_skip_cfws(in, NULL);
    return major->n > 0 && minor->n > 0;
}

/* "*" section [ "*" ] or "*" behind the attribute; anything else leaves the name whole RFC 2231 7
 */
static void split_name(struct piece *p)
{
    ptrdiff_t star = str_find_char(p->name, '*');
    struct fct_str rest, digits;

    p->base = p->name;
    if (star <= 0)
        return;
    rest = digits = str_skip(p->name, (size_t)star + 1);
    while (rest.n > 0 && rest.p[0] >= '0' && rest.p[0] <= '9')
        skip(&rest);
    digits.n -= rest.n;
    if (digits.n > 0 && (digits.n > 9 || !str_to_u64(digits, &p->section)))
        return;
    if (digits.n > 0 ? rest.n > 1 || (rest.n == 1 && rest.p[0] != '*') : rest.n != 0)
        return;
    p->sectioned = digits.n > 0;
    p->extended = digits.n == 0 || rest.n == 1;
    p->base = str_head(p->name, (size_t)star);
}

/* value = token / quoted-string; "name==?utf-8?b?...?=" without quotes is sent by broken programs
 */
static struct fct_str take_value(struct arena *arena, struct fct_str *in)
{
    const char *start = in->p;
    bool closed;

    if (at(in, '"'))
        return lex_take_quoted(arena, in, &closed);
    if (!at(in, '='))
        return lex_take(in, LEX_TOKEN);
    while (in->n > 0 && !at(in, ';') && !lex_is(in->p[0], LEX_SPACE))
        skip(in);
    return str_between(start, in->p);
}

/* parameter = attribute "=" value; in->p[0] is ';'. False when nothing useful was there. */
static bool take_piece(struct arena *arena, struct fct_str *in, struct piece *p)
{
    *p = (struct piece){0};
    skip(in);
    lex_skip_cfws(in, NULL);
    p->name = lex_take(in, LEX_TOKEN);
    lex_skip_cfws(in, NULL);
    if (p->name.n == 0 || !at(in, '='))
        return false;
    skip(in);
    lex_skip_cfws(in, NULL);
    p->value = take_value(arena, in);
    lex_skip_cfws(in, NULL);
    split_name(p);
    return true;
}

static size_t take_pieces(struct arena *arena, struct fct_str in, size_t max, struct piece **out)
{
    struct piece *list = NULL, piece;
    size_t n = 0, room = 0;

    while (in.n > 0 && n < max) {
        if (!at(&in, ';')) {
            skip(&in);
            continue;
        }
        if (!take_piece(arena, &in, &piece))
            continue;
        if (n == room) {
            size_t more = room > 0 ? 2 * room : FIRST_PIECES;

            list = arena_grow(arena, list, room * sizeof *list, more * sizeof *list);
            room = more;
        }
        piece.order = n;
        list[n++] = piece;
    }
    *out = list;
    return n;
}

static int compare_nocase(struct fct_str a, struct fct_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;

    for (size_t i = 0; i < n; i++)
        if (char_lower(a.p[i]) != char_lower(b.p[i]))
            return (unsigned char)char_lower(a.p[i]) < (unsigned char)char_lower(b.p[i]) ? -1 : 1;
    return (a.n > b.n) - (a.n < b.n);
}

/* Plain ones first, in their order; then the RFC 2231 ones by name and section. */
static int compare_pieces(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    bool plain_x = !x->sectioned && !x->extended, plain_y = !y->sectioned && !y->extended;
    int names;

    if (plain_x != plain_y)
        return plain_x ? -1 : 1;
    if (!plain_x && (names = compare_nocase(x->base, y->base)) != 0)
        return names;
    if (!plain_x && x->section != y->section)
        return x->section < y->section ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static struct fct_str lower(struct arena *arena, struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (char_lower(s.p[i]) != s.p[i]) {
            char *copy = arena_alloc(arena, s.n + 1);

            memcpy(copy, s.p, s.n);
            str_lower(copy, s.n);
            return (struct fct_str){copy, s.n};
        }
    return s;
}

/* One run of pieces of the same base: are the sections 0, 1, 2 … without a gap? */
static bool is_whole(const struct piece *p, size_t n, bool *any_extended)
{
    bool whole = true;

    *any_extended = false;
    for (size_t i = 0; i < n; i++) {
        whole = whole && p[i].section == i;
        *any_extended = *any_extended || p[i].extended;
    }
    return whole;
}

/* charset "'" [ language ] "'" in front of an extended value                                    RFC
 * 2231 4 */
static struct fct_str take_charset(struct fct_str *value)
{
    ptrdiff_t first = str_find_char(*value, '\''), second;
    struct fct_str charset;

    if (first < 0 || (second = str_find_char(str_skip(*value, (size_t)first + 1), '\'')) < 0)
        return (struct fct_str){0};
    charset = str_head(*value, (size_t)first);
    *value = str_skip(*value, (size_t)first + (size_t)second + 2);
    return charset;
}

static void put_percent_decoded(struct fct_str s, struct buf *out)
{
    static const char digits[] = "0123456789abcdef";
    const char *high, *low;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' && i + 2 < s.n && s.p[i + 1] && s.p[i + 2] &&
            (high = strchr(digits, char_lower(s.p[i + 1]))) &&
            (low = strchr(digits, char_lower(s.p[i + 2])))) {
            buf_put_char(out, (char)((high - digits) << 4 | (low - digits)));
            i += 2;
        } else {
            buf_put_char(out, s.p[i]);
        }
    }
}

static size_t run_bytes(const struct piece *p, size_t n)
{
    size_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += p[i].value.n;
    return bytes;
}

static struct fct_str run_decoded(struct arena *arena, const struct piece *p, size_t n,
                                  bool extended)
{
    size_t most = run_bytes(p, n);
    struct buf raw = BUF_INIT(most + 16), text = BUF_INIT(4 * most + 16);
    struct fct_str charset = {0}, value, result;

    for (size_t i = 0; i < n; i++) {
        value = p[i].value;
        if (i == 0 && p[i].extended)
            charset = take_charset(&value);
        if (p[i].extended)
            put_percent_decoded(value, &raw);
        else
            buf_put_str(&raw, value);
    }
    charset_to_utf8(extended ? charset : (struct fct_str){0}, buf_str(&raw), &text);
    result = arena_str(arena, buf_str(&text));
    buf_free(&raw);
    buf_free(&text);
    return result;
}

/* For IMAP: the charset prefix and the percent signs stay, and parts that had none get theirs
 * escaped. */
static struct fct_str run_joined(struct arena *arena, const struct piece *p, size_t n,
                                 bool extended)
{
    struct buf out = BUF_INIT(3 * run_bytes(p, n) + 16);
    struct fct_str result;

    if (extended && !p[0].extended)
        buf_put_c(&out, "''");
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < p[i].value.n; k++) {
            if (extended && !p[i].extended && p[i].value.p[k] == '%')
                buf_put_c(&out, "%25");
            else
                buf_put_char(&out, p[i].value.p[k]);
        }
    result = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return result;
}

/* Sections of one parameter, in order; a gap means that they are no sections (they keep their
 * names). */
static size_t put_run(struct arena *arena, const struct piece *p, size_t n,
                      enum parameter_form form, struct mime_parameter *out)
{
    bool extended;

    if (!is_whole(p, n, &extended)) {
        for (size_t i = 0; i < n; i++)
            out[i] = (struct mime_parameter){lower(arena, p[i].name), p[i].value};
        return n;
    }
    out[0].name = lower(arena, p[0].base);
    out[0].value = form == PARAMETER_DECODED ? run_decoded(arena, p, n, extended)
                                             : run_joined(arena, p, n, extended);
    if (form == PARAMETER_JOINED && extended)
        out[0].name = arena_printf(arena, "%.*s*", FCT_FMT(out[0].name));
    return 1;
}

/* RFC 6266 4.3, by analogy: of "filename" and "filename*" the second is meant; it replaces the
 * first. */
static bool replace_plain(struct mime_parameter *list, size_t n, const struct mime_parameter *by)
{
    for (size_t i = 0; i < n; i++)
        if (str_equal(list[i].name, by->name)) {
            list[i] = *by;
            return true;
        }
    return false;
}

size_t parameter_list_parse(struct arena *arena, struct fct_str in, size_t max,
                            enum parameter_form form, const struct mime_parameter **out)
{
    struct piece *piece;
    struct mime_parameter *list;
    size_t n = take_pieces(arena, in, max, &piece), made = 0, plain = 0;

    *out = NULL;
    if (n == 0)
        return 0;
    list = ARENA_ARRAY(arena, struct mime_parameter, n);
    for (size_t i = 0; i < n; i++)
        plain += !piece[i].sectioned && !piece[i].extended;
    if (plain < n)
        qsort(piece, n, sizeof *piece, compare_pieces);
    for (; made < plain; made++)
        list[made] = (struct mime_parameter){lower(arena, piece[made].name), piece[made].value};
    for (size_t i = plain, run; i < n; i += run) {
        for (run = 1; i + run < n && compare_nocase(piece[i].base, piece[i + run].base) == 0;)
            run++;
        size_t added = put_run(arena, piece + i, run, form, list + made);
        if (added != 1 || form != PARAMETER_DECODED || !replace_plain(list, plain, &list[made]))
            made += added;
    }
    *out = list;
    return made;
}
