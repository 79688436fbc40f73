/* view.h - the little that plugins do with views again and again. */
#ifndef PLUGINS_LIB_VIEW_H
#define PLUGINS_LIB_VIEW_H

#include <facteur/base.h>

/* The same bytes. Here, so that the length of a literal is known when compiling. */
static inline bool view_is(struct fct_str s, const char *word)
{
    return s.n == strlen(word) && memcmp(s.p, word, s.n) == 0;
}

/* WSP = SP / HTAB                                                            RFC 5234 B.1 */
static inline bool view_is_wsp(char c)
{
    return c == ' ' || c == '\t';
}

static inline char view_lower_char(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Letters of ASCII only: what names of accounts and hosts are compared by. `to` has room for as
 * many. */
static inline struct fct_str view_lower(struct fct_str s, char *to)
{
    for (size_t i = 0; i < s.n; i++)
        to[i] = view_lower_char(s.p[i]);
    return (struct fct_str){to, s.n};
}

/* Without the white space at both ends. */
struct fct_str view_trim(struct fct_str s);

static inline void view_skip(struct fct_str *in, size_t n)
{
    in->p += n;
    in->n -= n;
}

/* What stands before the next `mark`; *rest moves behind it. False: nothing is left. */
bool view_split(struct fct_str *rest, char mark, struct fct_str *piece);

/* CFWS, comments and folding white space, at the front; comments nest. False: one has no end.
 *                                                                            RFC 5322 3.2.2 */
FCT_MUST_CHECK bool view_skip_cfws(struct fct_str *in);

/* What is behind the last "@" of a mailbox, as it is written; empty without one. */
struct fct_str view_domain(struct fct_str mailbox);

#endif
