/* links_text.c - what mail programs make clickable in plain text. */
#include "core/message/links.h"

#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/message/recode.h"
#include "core/message/transfer.h"
#include "core/message/url.h"

enum { URL_MAX = 16384, BRACKETS_MAX = 64 };

static const struct fct_str starts[] = {FCT_STR_INIT("https://"), FCT_STR_INIT("http://"),
                                        FCT_STR_INIT("ftp://"), FCT_STR_INIT("www.")};

struct text_reader {
    struct arena *arena;
    const struct link_source *source;
    struct fct_str text, charset;  /* superset of ASCII */
    const struct recoded *recoded; /* NULL: `text` is the part's own bytes */
    struct link_list *out;
};

static bool is_word(char c)
{
    return (char_lower(c) >= 'a' && char_lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Which of `starts` stands at `at`, at the beginning of a word; NULL: none. */
static const struct fct_str *start_at(struct fct_str text, size_t at)
{
    struct fct_str rest = str_skip(text, at);
    char before = at > 0 ? text.p[at - 1] : ' ';

    if (is_word(before))
        return NULL;
    for (size_t i = 0; i < FCT_COUNT(starts); i++)
        if (rest.n > starts[i].n && str_starts_nocase(rest, starts[i]))
            return i + 1 < FCT_COUNT(starts) || !strchr(".-@/:", before) ? &starts[i] : NULL;
    return NULL;
}

/* ---- how far does it go? ---- */

/* Punctuation and spaces outside ASCII that no URL contains unencoded, in UTF-8. */
static bool is_foreign_mark(struct fct_str rest)
{
    static const struct fct_str marks[] = {
        FCT_STR_INIT("\xC2\xA0"),
        FCT_STR_INIT("\xC2\xAB"),
        FCT_STR_INIT("\xC2\xBB"),
        FCT_STR_INIT("\xE2\x80"),
        /* spaces, dashes, quotes */ FCT_STR_INIT("\xE3\x80"),
        FCT_STR_INIT("\xEF\xBC\x88"),
        FCT_STR_INIT("\xEF\xBC\x89"),
        FCT_STR_INIT("\xEF\xBC\x8C"),
        FCT_STR_INIT("\xEF\xBC\x9A"),
        FCT_STR_INIT("\xEF\xBC\x9B"),
        FCT_STR_INIT("\xEF\xBC\x9F"),
        FCT_STR_INIT("\xEF\xBC\x81"),
        FCT_STR_INIT("\xEF\xBB\xBF"),
    };

    for (size_t i = 0; i < FCT_COUNT(marks); i++)
        if (str_starts(rest, marks[i]))
            return true;
    return false;
}

/* How a line end inside a URL is told from its end. */
enum joins { NEVER, BEHIND_SPACE, ANYWHERE };

/* A line end at the start of `rest` that does not end the URL: its bytes, with the space before it.
 */
static size_t soft_break(struct fct_str rest, enum joins joins)
{
    size_t n = 0;

    if (joins == NEVER)
        return 0;
    if (joins == BEHIND_SPACE) {
        if (rest.p[0] != ' ')
            return 0;
        n = 1;
    }
    if (n < rest.n && rest.p[n] == '\r')
        n++;
    if (n == rest.n || rest.p[n] != '\n')
        return 0;
    n++;
    if (joins == BEHIND_SPACE && n < rest.n && rest.p[n] == ' ')
        n++; /* space-stuffed (RFC 3676 4.4) */
    return n < rest.n && ((unsigned char)rest.p[n] > ' ') ? n : 0;
}

/* The URL's own bytes into `url`, its length in the text as the result. */
static size_t take_url(const struct text_reader *r, size_t at, enum joins joins, struct buf *url)
{
    struct fct_str rest = str_skip(r->text, at);
    size_t taken = 0;

    while (rest.n > 0 && url->n < URL_MAX) {
        size_t skip = soft_break(rest, joins);

        if (skip == 0) {
            if ((unsigned char)rest.p[0] <= ' ' || rest.p[0] == 0x7F || strchr("<>\"", rest.p[0]) ||
                ((unsigned char)rest.p[0] >= 0x80 && is_foreign_mark(rest)))
                break;
            buf_put_char(url, rest.p[0]);
            skip = 1;
        }
        taken += skip;
        rest = str_skip(rest, skip);
    }
    return taken;
}

/* <https://…> may go over line ends (RFC 3986 C) if the bracket closes it. */
static size_t take_bracketed(const struct text_reader *r, size_t at, struct buf *url)
{
    size_t taken = take_url(r, at, ANYWHERE, url);
    struct fct_str after = str_skip(r->text, at + taken);

    return after.n > 0 && after.p[0] == '>' ? taken : 0;
}

static char opener_of(char closer)
{
    return closer == ')' ? '(' : closer == ']' ? '[' : closer == '}' ? '{' : '\0';
}

/* Up to the first bracket that closes what was opened before the URL. */
static size_t balanced(struct fct_str url)
{
    char open[BRACKETS_MAX];
    size_t depth = 0;

    for (size_t i = 0; i < url.n; i++) {
        char c = url.p[i], opener = opener_of(c);

        if ((c == '(' || c == '[' || c == '{') && depth < BRACKETS_MAX)
            open[depth++] = c;
        else if (opener && depth > 0 && open[depth - 1] == opener)
            depth--;
        else if (opener)
            return i;
    }
    return url.n;
}

/* Sentences go on behind a URL; quotes and stars around it are not its own. */
static size_t without_punctuation(struct fct_str url)
{
    size_t n = balanced(url);

    while (n > 0 && strchr(".,;:!?'`*_~|", url.p[n - 1]))
        n--;
    return n;
}

/* ---- one URL ---- */

static struct fct_str to_utf8(const struct text_reader *r, struct fct_str raw)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(4 * raw.n + 64);

    if (str_is_ascii(raw))
        return arena_str(r->arena, raw);
    (void)charset_to_utf8(r->charset, raw, &out);
    return arena_str(r->arena, buf_str(&out));
}

static bool parse(const struct text_reader *r, struct fct_str text, struct fct_url *out)
{
    FCT_CLEANUP(buf_free) struct buf full = BUF_INIT(text.n + 16);

    if (!str_starts_nocase(text, FCT_STR("www.")))
        return url_parse(r->arena, text, out);
    buf_put_c(&full, "http://");
    buf_put_str(&full, text);
    if (!url_parse(r->arena, buf_str(&full), out))
        return false;
    out->text = text;
    return true;
}

static void add(struct text_reader *r, size_t at, size_t length, struct fct_str raw)
{
    struct fct_link *link;
    struct fct_url url;

    if (!parse(r, to_utf8(r, raw), &url) || !(link = links_add(r->arena, r->out, r->source)))
        return;
    link->url = url;
    link->from = FCT_LINK_TEXT;
    link->offset = at;
    link->length = length;
    if (r->recoded)
        recoded_map(r->recoded, &link->offset, &link->length);
}

/* The length in the text of the URL at `at`, which is cut at `n` of its own bytes. */
static size_t cut_length(const struct text_reader *r, size_t at, size_t taken, enum joins joins,
                         size_t n)
{
    struct fct_str rest = str_head(str_skip(r->text, at), taken);
    size_t length = 0;

    while (n > 0) {
        size_t skip = soft_break(str_skip(rest, length), joins);

        length += skip ? skip : 1;
        n -= skip ? 0 : 1;
    }
    return length;
}

/* Returns how many bytes of the text are dealt with. */
static size_t read_url(struct text_reader *r, size_t at)
{
    FCT_CLEANUP(buf_free) struct buf url = BUF_INIT(URL_MAX + 8);
    enum joins joins = r->source->joins_lines ? BEHIND_SPACE : NEVER;
    bool bracketed = at > 0 && r->text.p[at - 1] == '<';
    size_t taken = bracketed ? take_bracketed(r, at, &url) : 0, n;

    if (taken > 0) {
        add(r, at, taken, buf_str(&url));
        return taken;
    }
    buf_clear(&url);
    taken = take_url(r, at, joins, &url);
    n = without_punctuation(buf_str(&url));
    if (n > 0)
        add(r, at, cut_length(r, at, taken, joins, n), str_head(buf_str(&url), n));
    return taken;
}

void links_from_text(struct arena *arena, const struct link_source *source, struct link_list *out)
{
    struct text_reader r = {arena, source, source->bytes, source->charset, NULL, out};
    struct recoded recoded;

    if (recode(arena, source->charset, source->bytes, &recoded)) {
        r.text = recoded.text;
        r.charset = FCT_STR("utf-8");
        r.recoded = &recoded;
    }
    for (size_t at = 0; at < r.text.n && !out->truncated;) {
        char c = char_lower(r.text.p[at]);

        if ((c == 'h' || c == 'w' || c == 'f') && start_at(r.text, at))
            at += read_url(&r, at);
        else
            at++;
    }
}
