/* lexer.c - white space, comments, tokens and quoted strings (RFC 5322 3.2). */
#include "core/message/lexer.h"

/* clang-format off */
#define N 0
#define S LEX_SPACE
#define A LEX_ATEXT                /* atext, but a tspecial of RFC 2045 5.1 */
#define T LEX_TOKEN                /* '.', which is no atext */
#define B (LEX_ATEXT | LEX_TOKEN)
const unsigned char lex_class[256] = {
    N, N, N, N, N, N, N, N, N, S, S, N, N, S, N, N,  N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
    /*   !  "  #  $  %  &  '  (  )  *  +  ,  -  .  / */
    S, B, N, B, B, B, B, B, N, N, B, B, N, B, T, A,
    /* 0-9                       :  ;  <  =  >  ? */
    B, B, B, B, B, B, B, B, B, B, N, N, N, A, N, A,
    N, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,  B, B, B, B, B, B, B, B, B, B, B, N, N, N, B, B,
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,  B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, N,
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,  B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,  B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,  B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,  B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
};
#undef N
#undef S
#undef A
#undef T
#undef B
/* clang-format on */

static void step(struct fct_str *in, size_t n)
{
    in->p += n;
    in->n -= n;
}

/* in->p[0] is '('. Nesting is counted, not recursed into. */
static void skip_comment(struct fct_str *in, struct fct_str *comment)
{
    const char *start = in->p + 1;
    size_t depth = 0;

    while (in->n > 0) {
        char c = in->p[0];

        step(in, 1);
        if (c == '\\' && in->n > 0)
            step(in, 1);
        else if (c == '(')
            depth++;
        else if (c == ')' && --depth == 0) {
            if (comment)
                *comment = str_between(start, in->p - 1);
            return;
        }
    }
}

void lex_skip_cfws(struct fct_str *in, struct fct_str *comment)
{
    while (in->n > 0) {
        if (lex_is(in->p[0], LEX_SPACE))
            step(in, 1);
        else if (in->p[0] == '(')
            skip_comment(in, comment);
        else
            return;
    }
}

struct fct_str lex_take(struct fct_str *in, int class)
{
    const char *start = in->p;

    while (in->n > 0 && lex_is(in->p[0], class))
        step(in, 1);
    return str_between(start, in->p);
}

struct fct_str lex_take_quoted(struct arena *arena, struct fct_str *in, bool *closed)
{
    const char *start = in->p + 1;
    bool plain = true;

    *closed = false;
    step(in, 1);
    while (in->n > 0 && in->p[0] != '"') {
        if (in->p[0] == '\\' || in->p[0] == '\n')
            plain = false;
        step(in, in->p[0] == '\\' && in->n > 1 ? 2 : 1);
    }
    struct fct_str inside = str_between(start, in->p);
    if (in->n > 0) {
        *closed = true;
        step(in, 1);
    }
    return plain ? inside : lex_unescape(arena, inside);
}

/* A fold inside a quoted string is its line end only; the white space behind it is content (RFC
 * 5322 2.2.3). */
struct fct_str lex_unescape(struct arena *arena, struct fct_str s)
{
    char *out = arena_alloc(arena, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\n' || (s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n'))
            continue;
        if (s.p[i] == '\\' && i + 1 < s.n)
            i++;
        out[n++] = s.p[i];
    }
    return (struct fct_str){out, n};
}
