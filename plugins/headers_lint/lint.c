/* lint.c - all groups of checks, and what was found. */
#include "lint.h"

void lint_found(struct lint *l, enum lint_finding what, struct fct_str detail)
{
    if (l->of[what].yes)
        return;
    l->of[what].yes = true;
    l->of[what].length = detail.n < LINT_DETAIL_MAX ? detail.n : LINT_DETAIL_MAX;
    if (l->of[what].length > 0)
        memcpy(l->of[what].detail, detail.p, l->of[what].length);
}

void lint_message(struct lint *l)
{
    lint_trace(l); /* first: it says when "now" was */
    lint_fields(l);
    lint_sender(l);
    lint_subject(l);
    lint_mime(l);
    lint_client(l);
}
