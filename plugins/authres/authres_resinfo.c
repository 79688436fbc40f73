/* authres_resinfo.c - see authres_resinfo.h. */
#include "authres_resinfo.h"

#define LINE_WANTED 78  /* RFC 5322 2.1.1 */
#define WORD_MAX    900 /* between two places to fold: a line may have 998 (RFC 5322 2.1.1) */

/* ---- is it one? ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_control(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static bool is_keyword_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static size_t keyword(struct fct_str text, size_t at)
{
    size_t n = 0;

    while (at + n < text.n && is_keyword_char(text.p[at + n]))
        n++;
    return n;
}

/* Behind the quoted string that begins at `at`; 0: it has no end (RFC 5322 3.2.4). */
static size_t skip_quoted(struct fct_str text, size_t at)
{
    for (size_t i = at + 1; i < text.n; i++) {
        if (text.p[i] == '\\')
            i++;
        else if (text.p[i] == '"')
            return i + 1;
    }
    return 0;
}

/* The same of a comment; they nest (RFC 5322 3.2.2). */
static size_t skip_comment(struct fct_str text, size_t at)
{
    size_t depth = 0;

    for (size_t i = at; i < text.n; i++) {
        if (text.p[i] == '\\')
            i++;
        else if (text.p[i] == '(')
            depth++;
        else if (text.p[i] == ')' && --depth == 0)
            return i + 1;
    }
    return 0;
}

/* No end of a field and no word, with the white space in front of it, that a line cannot hold. */
static bool fits_lines(struct fct_str text)
{
    size_t word = 0;

    for (size_t i = 0; i < text.n; i++) {
        bool begins = is_space(text.p[i]) && i > 0 && !is_space(text.p[i - 1]);

        word = begins ? 1 : word + 1;
        if (is_control(text.p[i]) || word > WORD_MAX)
            return false;
    }
    return true;
}

bool authres_is_resinfo(struct fct_str text)
{
    size_t method = keyword(text, 0), at = method + 1;

    if (method == 0 || method == text.n || text.p[method] != '=' || keyword(text, at) == 0 ||
        is_space(text.p[text.n - 1]) || !fits_lines(text))
        return false;
    at += keyword(text, at);
    if (at < text.n && !is_space(text.p[at]))
        return false;
    while (at < text.n) {
        char c = text.p[at];

        if (c == ';' || c == ')' || c == '\\')
            return false;
        at = c == '"' ? skip_quoted(text, at) : c == '(' ? skip_comment(text, at) : at + 1;
        if (at == 0)
            return false;
    }
    return true;
}

/* ---- the field ---- */

struct writer {
    char *out;
    size_t n, room, line;
    bool full;
};

static void put(struct writer *w, struct fct_str s)
{
    if (w->n + s.n > w->room) {
        w->full = true;
        return;
    }
    memcpy(w->out + w->n, s.p, s.n);
    w->n += s.n;
    w->line += s.n;
}

static void new_line(struct writer *w)
{
    put(w, FCT_STR("\r\n"));
    w->line = 0;
}

/* A word with the white space in front of it: there a line may end, and unfolding gives the same
 * text again (RFC 5322 2.2.3). */
static struct fct_str take_word(struct fct_str *text)
{
    size_t n = 0;

    while (n < text->n && is_space(text->p[n]))
        n++;
    while (n < text->n && !is_space(text->p[n]))
        n++;
    *text = (struct fct_str){text->p + n, text->n - n};
    return (struct fct_str){text->p - n, n};
}

static void put_resinfo(struct writer *w, struct fct_str text)
{
    new_line(w);
    put(w, FCT_STR("\t"));
    while (text.n > 0) {
        struct fct_str word = take_word(&text);

        if (w->line > 1 && w->line + word.n > LINE_WANTED)
            new_line(w);
        put(w, word);
    }
}

size_t authres_format(struct fct_str id, const struct fct_str *resinfo, size_t n, char *out,
                      size_t room)
{
    struct writer w = {.out = out, .room = room};

    put(&w, id);
    for (size_t i = 0; i < n; i++) {
        put(&w, FCT_STR(";"));
        put_resinfo(&w, resinfo[i]);
    }
    if (n == 0)
        put(&w, FCT_STR("; none"));
    return w.full ? 0 : w.n;
}
