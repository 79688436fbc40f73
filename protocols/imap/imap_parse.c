/* imap_parse.c - what a client may send, one function per production (RFC 9051 9). */
#include "protocols/imap/imap_parse.h"

#include "core/message/date.h"
#include "store/store.h"

/* CHAR without CTL, SP, "(" ")" "{" "%" "*" DQUOTE "\" and "]". */
bool imap_is_atom_char(char c)
{
    return c > 0x20 && c < 0x7f && !memchr("(){%*\"\\]", c, 8);
}

/* ASTRING-CHAR = ATOM-CHAR / resp-specials */
bool imap_is_astring_char(char c)
{
    return c == ']' || imap_is_atom_char(c);
}

/* list-char = ATOM-CHAR / list-wildcards / resp-specials */
static bool is_list_char(char c)
{
    return c == '%' || c == '*' || imap_is_astring_char(c);
}

static bool is_tag_char(char c)
{
    return c != '+' && imap_is_astring_char(c);
}

static bool take_while(struct fct_str *in, bool (*is)(char), struct fct_str *out)
{
    size_t n = 0;

    while (n < in->n && is(in->p[n]))
        n++;
    *out = str_head(*in, n);
    *in = str_skip(*in, n);
    return n > 0;
}

bool imap_parse_char(struct fct_str *in, char c)
{
    if (in->n == 0 || in->p[0] != c)
        return false;
    *in = str_skip(*in, 1);
    return true;
}

bool imap_parse_space(struct fct_str *in)
{
    return imap_parse_char(in, ' ');
}

bool imap_parse_word(struct fct_str *in, const char *word)
{
    struct fct_str want = str_from(word);

    if (!str_starts_nocase(*in, want))
        return false;
    if (in->n > want.n && imap_is_atom_char(in->p[want.n]))
        return false;
    *in = str_skip(*in, want.n);
    return true;
}

bool imap_parse_end(struct fct_str in)
{
    return in.n == 0;
}

bool imap_parse_tag(struct fct_str *in, struct fct_str *out)
{
    return take_while(in, is_tag_char, out);
}

bool imap_parse_atom(struct fct_str *in, struct fct_str *out)
{
    return take_while(in, imap_is_atom_char, out);
}

/* ---- numbers ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool imap_parse_number(struct fct_str *in, uint32_t *out)
{
    struct fct_str digits;

    return take_while(in, is_digit, &digits) && str_to_u32(digits, out);
}

bool imap_parse_nz_number(struct fct_str *in, uint32_t *out)
{
    return imap_parse_number(in, out) && *out > 0;
}

/* number64 = 1*DIGIT, at most 63 bits */
bool imap_parse_number64(struct fct_str *in, uint64_t *out)
{
    struct fct_str digits;

    return take_while(in, is_digit, &digits) && str_to_u64(digits, out) && *out <= INT64_MAX;
}

/* ---- strings ---- */

static struct fct_str unescape(struct arena *arena, struct fct_str escaped)
{
    char *copy = arena_alloc(arena, escaped.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < escaped.n; i++) {
        if (escaped.p[i] == '\\')
            i++; /* the parser saw that something follows */
        copy[n++] = escaped.p[i];
    }
    return (struct fct_str){copy, n};
}

/* quoted = DQUOTE *QUOTED-CHAR DQUOTE; UTF-8 may stand inside (RFC 9051 4.3), CR, LF and NUL may
 * not. */
static bool parse_quoted(struct fct_str *in, struct arena *arena, struct fct_str *out)
{
    bool escapes = false;
    size_t i = 0;

    if (!imap_parse_char(in, '"'))
        return false;
    for (; i < in->n && in->p[i] != '"'; i++) {
        char c = in->p[i];

        if (c == '\r' || c == '\n' || c == '\0')
            return false;
        if (c != '\\')
            continue;
        escapes = true;
        i++;
        if (i == in->n || (in->p[i] != '"' && in->p[i] != '\\'))
            return false;
    }
    if (i >= in->n)
        return false;
    *out = str_head(*in, i);
    *in = str_skip(*in, i + 1);
    if (escapes)
        *out = unescape(arena, *out);
    return true;
}

/* literal = "{" number64 ["+"] "}" CRLF *CHAR8, also literal8 with its "~". */
static bool parse_literal(struct fct_str *in, struct fct_str *out)
{
    uint64_t size;

    imap_parse_char(in, '~');
    if (!imap_parse_char(in, '{') || !imap_parse_number64(in, &size))
        return false;
    imap_parse_char(in, '+');
    if (!imap_parse_char(in, '}'))
        return false;
    imap_parse_char(in, '\r');
    if (!imap_parse_char(in, '\n') || size > in->n)
        return false;
    *out = str_head(*in, (size_t)size);
    *in = str_skip(*in, (size_t)size);
    return true;
}

bool imap_parse_string(struct fct_str *in, struct arena *arena, struct fct_str *out)
{
    if (in->n > 0 && in->p[0] == '"')
        return parse_quoted(in, arena, out);
    return parse_literal(in, out);
}

static bool is_string_start(struct fct_str in)
{
    return in.n > 0 &&
           (in.p[0] == '"' || in.p[0] == '{' || (in.n > 1 && in.p[0] == '~' && in.p[1] == '{'));
}

/* astring = 1*ASTRING-CHAR / string */
bool imap_parse_astring(struct fct_str *in, struct arena *arena, struct fct_str *out)
{
    if (is_string_start(*in))
        return imap_parse_string(in, arena, out);
    return take_while(in, imap_is_astring_char, out);
}

/* nstring = string / nil */
bool imap_parse_nstring(struct fct_str *in, struct arena *arena, struct fct_str *out)
{
    if (imap_parse_word(in, "NIL")) {
        *out = (struct fct_str){NULL, 0};
        return true;
    }
    return imap_parse_string(in, arena, out);
}

/* list-mailbox = 1*list-char / string */
bool imap_parse_list_mailbox(struct fct_str *in, struct arena *arena, struct fct_str *out)
{
    if (is_string_start(*in))
        return imap_parse_string(in, arena, out);
    return take_while(in, is_list_char, out);
}

bool imap_parse_literal_head(struct fct_str line, struct imap_literal *out)
{
    size_t at = line.n;
    struct fct_str digits;

    *out = (struct imap_literal){.waits = true};
    if (at == 0 || line.p[--at] != '}')
        return false;
    if (at > 0 && line.p[at - 1] == '+') {
        out->waits = false;
        at--;
    }
    digits.p = line.p + at;
    while (at > 0 && is_digit(line.p[at - 1]))
        at--;
    digits = str_between(line.p + at, digits.p);
    if (digits.n == 0 || at == 0 || line.p[at - 1] != '{')
        return false;
    at--;
    if (at > 0 && line.p[at - 1] == '~')
        at--;
    out->head = line.n - at;
    if (!str_to_u64(digits, &out->size) || out->size > INT64_MAX) {
        out->too_large = true;
        out->size = UINT64_MAX;
    }
    return true;
}

/* ---- sequence sets ---- */

/* seq-number = nz-number / "*" */
static bool parse_seq_number(struct fct_str *in, uint32_t *out)
{
    if (imap_parse_char(in, '*')) {
        *out = 0;
        return true;
    }
    return imap_parse_nz_number(in, out);
}

/* seq-range = seq-number ":" seq-number */
static bool parse_seq_range(struct fct_str *in, struct imap_sequence *out)
{
    if (!parse_seq_number(in, &out->first))
        return false;
    out->last = out->first;
    return !imap_parse_char(in, ':') || parse_seq_number(in, &out->last);
}

/* sequence-set = (seq-number / seq-range) ["," sequence-set] / "$" */
bool imap_parse_sequence_set(struct fct_str *in, struct arena *arena, struct imap_sequence_set *out)
{
    struct imap_sequence *range = NULL;
    size_t n = 0, cap = 0;

    *out = (struct imap_sequence_set){0};
    if (imap_parse_char(in, '$')) {
        out->saved = true;
        return true;
    }
    do {
        if (n == cap) {
            size_t more = cap ? cap * 2 : 4;

            range = arena_grow(arena, range, cap * sizeof *range, more * sizeof *range);
            cap = more;
        }
        if (!parse_seq_range(in, &range[n++]))
            return false;
    } while (imap_parse_char(in, ','));
    out->range = range;
    out->n = n;
    return true;
}

/* ---- flags ---- */

static const struct {
    const char *name;
    uint16_t flag;
} system_flags[] = {
    {"Answered", FLAG_ANSWERED},
    {"Flagged", FLAG_FLAGGED},
    {"Deleted", FLAG_DELETED},
    {"Seen", FLAG_SEEN},
    {"Draft", FLAG_DRAFT},
    {"Recent",
     0}, /* RFC 9051 dropped it; old clients copy it from FETCH answers of other servers */
};

/* "\" then one of the five; a flag we do not know is a syntax error: no client may invent system
 * flags */
static bool parse_system_flag(struct fct_str *in, struct imap_flags *out)
{
    for (size_t i = 0; i < FCT_COUNT(system_flags); i++)
        if (imap_parse_word(in, system_flags[i].name)) {
            out->flags |= system_flags[i].flag;
            return true;
        }
    return false;
}

/* flag = "\Answered" / … / flag-keyword; flag-keyword = atom */
static bool parse_flag(struct fct_str *in, struct fct_str *keyword, struct imap_flags *out)
{
    struct fct_str atom;

    if (imap_parse_char(in, '\\'))
        return parse_system_flag(in, out);
    if (!imap_parse_atom(in, &atom) || out->nkeywords == IMAP_MAX_KEYWORDS)
        return false;
    keyword[out->nkeywords++] = atom;
    return true;
}

bool imap_parse_flag_list(struct fct_str *in, bool bare, struct arena *arena,
                          struct imap_flags *out)
{
    struct fct_str *keyword = ARENA_ARRAY(arena, struct fct_str, IMAP_MAX_KEYWORDS);
    bool open = imap_parse_char(in, '(');

    *out = (struct imap_flags){.keyword = keyword};
    if (!open && !bare)
        return false;
    if (open && imap_parse_char(in, ')'))
        return true;
    do
        if (!parse_flag(in, keyword, out))
            return false;
    while (imap_parse_space(in));
    return !open || imap_parse_char(in, ')');
}

/* ---- dates ---- */

/* date = date-text / DQUOTE date-text DQUOTE; date-text = 1*2DIGIT "-" 3ALPHA "-" 4DIGIT */
bool imap_parse_date(struct fct_str *in, int64_t *out)
{
    bool quoted = imap_parse_char(in, '"');
    struct fct_str text = {in->p, 0};
    char full[32];
    int n;

    while (text.n < in->n && text.n < 11 && in->p[text.n] != '"' && in->p[text.n] != ' ' &&
           in->p[text.n] != ')')
        text.n++;
    *in = str_skip(*in, text.n);
    if (text.n < 10 || (quoted && !imap_parse_char(in, '"')))
        return false;
    n = snprintf(full, sizeof full, "%s%.*s 00:00:00 +0000", text.n == 10 ? " " : "",
                 FCT_FMT(text));
    return date_parse_imap((struct fct_str){full, (size_t)n}, out);
}

bool imap_parse_date_time(struct fct_str *in, int64_t *out)
{
    ptrdiff_t end;
    struct fct_str text;

    if (!imap_parse_char(in, '"') || (end = str_find_char(*in, '"')) != 26)
        return false;
    text = str_head(*in, (size_t)end);
    *in = str_skip(*in, (size_t)end + 1);
    return date_parse_imap(text, out);
}
