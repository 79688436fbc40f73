/* lexer.h - the lexical tokens that header fields share (RFC 5322 3.2, RFC 2045 5.1), for this
 * folder only.
 *
 * Every function takes a view and moves it forward; values may still be folded, so CR and LF count
 * as white space. None recurses and none fails: a comment or a string without its end reaches to
 * the end of the field. */
#ifndef CORE_MESSAGE_LEXER_H
#define CORE_MESSAGE_LEXER_H

#include "core/base/arena.h"
#include "core/base/str.h"

enum {
    LEX_ATEXT = 1, /* RFC 5322 3.2.3 atext, and every byte from 0x80 on (RFC 6532) */
    LEX_TOKEN = 2, /* RFC 2045 5.1 token, and every byte from 0x80 on */
    LEX_SPACE = 4, /* space, tab, CR, LF */
};
extern const unsigned char lex_class[256];

static inline bool lex_is(char c, int class)
{
    return (lex_class[(unsigned char)c] & class) != 0;
}
/* Names are compared at every field of every message: length first, then a loop that needs no call.
 */
static inline bool lex_name_is(struct fct_str s, const char *name, size_t n)
{
    if (s.n != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (char_lower(s.p[i]) != name[i])
            return false;
    return true;
}
#define LEX_IS(s, literal) lex_name_is((s), literal, sizeof(literal) - 1)

/* White space and comments (RFC 5322 3.2.2). `comment`, unless NULL, gets the inside of the last
 * comment that had an end. */
void lex_skip_cfws(struct fct_str *in, struct fct_str *comment);
/* As long a run of `class` as there is; may be empty. */
struct fct_str lex_take(struct fct_str *in, int class);
/* in->p[0] is '"'. The inside with quoted pairs and line ends removed (RFC 5322 3.2.4); *closed
 * tells whether it had an end. */
struct fct_str lex_take_quoted(struct arena *arena, struct fct_str *in, bool *closed);
/* The same text with backslashes removed; a view of it when there are none. */
struct fct_str lex_unescape(struct arena *arena, struct fct_str s);

#endif
