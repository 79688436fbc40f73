/* view.c - see view.h. */
#include "plugins/lib/view.h"

struct fct_str view_trim(struct fct_str s)
{
    while (s.n > 0 && view_is_wsp(*s.p))
        view_skip(&s, 1);
    while (s.n > 0 && view_is_wsp(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool view_split(struct fct_str *rest, char mark, struct fct_str *piece)
{
    const char *end;

    if (!rest->p)
        return false;
    end = rest->n > 0 ? memchr(rest->p, mark, rest->n) : NULL;
    *piece = end ? (struct fct_str){rest->p, (size_t)(end - rest->p)} : *rest;
    *rest = end ? (struct fct_str){end + 1, rest->n - piece->n - 1} : (struct fct_str){NULL, 0};
    return true;
}

/* comment = "(" *([FWS] ccontent) [FWS] ")" */
static bool skip_comment(struct fct_str *in)
{
    size_t depth = 0;

    for (size_t i = 0; i < in->n; i++) {
        if (in->p[i] == '\\')
            i++;
        else if (in->p[i] == '(')
            depth++;
        else if (in->p[i] == ')' && --depth == 0) {
            view_skip(in, i + 1);
            return true;
        }
    }
    return false;
}

/* Line ends are left of folding only, so they are white space here. */
static bool is_fws(char c)
{
    return view_is_wsp(c) || c == '\r' || c == '\n';
}

bool view_skip_cfws(struct fct_str *in)
{
    while (in->n > 0 && (is_fws(*in->p) || *in->p == '(')) {
        if (*in->p != '(')
            view_skip(in, 1);
        else if (!skip_comment(in))
            return false;
    }
    return true;
}

struct fct_str view_domain(struct fct_str mailbox)
{
    const char *at = mailbox.n > 0 ? memrchr(mailbox.p, '@', mailbox.n) : NULL;

    if (!at)
        return (struct fct_str){"", 0};
    view_skip(&mailbox, (size_t)(at + 1 - mailbox.p));
    return mailbox;
}
