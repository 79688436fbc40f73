/* arc_recorded.c - see arc_recorded.h. */
#include "plugins/arc/arc_recorded.h"

#include "plugins/dkim/dkim_text.h"

/* Up to the next semicolon that is not in a quoted string or a comment (RFC 5322 3.2.2, 3.2.4).
 * False: one of those has no end. */
static bool take_part(struct fct_str *rest, struct fct_str *part)
{
    size_t depth = 0, i = 0;
    bool quoted = false;

    for (; i < rest->n; i++) {
        char c = rest->p[i];

        if (c == '\\' && (quoted || depth > 0))
            i++;
        else if (quoted || (c == '"' && depth == 0))
            quoted = c == '"' ? !quoted : quoted;
        else if (c == '(')
            depth++;
        else if (c == ')' && depth > 0)
            depth--;
        else if (c == ';' && depth == 0)
            break;
    }
    if (quoted || depth > 0 || i > rest->n)
        return false;
    *part = (struct fct_str){rest->p, i};
    if (i < rest->n)
        i++;
    *rest = (struct fct_str){rest->p + i, rest->n - i};
    return true;
}

static void skip_comment(struct fct_str *in)
{
    size_t depth = 0, i = 0;

    for (; i < in->n; i++) {
        if (in->p[i] == '\\')
            i++;
        else if (in->p[i] == '(')
            depth++;
        else if (in->p[i] == ')' && --depth == 0)
            break;
    }
    i = i < in->n ? i + 1 : in->n;
    *in = (struct fct_str){in->p + i, in->n - i};
}

void arc_recorded_begin(struct arc_recorded *r, struct fct_str payload, struct fct_str *id)
{
    struct fct_str part;
    size_t n = 0;

    *id = (struct fct_str){"", 0};
    r->rest = payload;
    if (!take_part(&r->rest, &part)) {
        r->rest.n = 0;
        return;
    }
    part = dkim_trim(part);
    while (part.n > 0 && *part.p == '(') {
        skip_comment(&part);
        part = dkim_trim(part);
    }
    while (n < part.n && !dkim_is_space(part.p[n]) && part.p[n] != '(')
        n++;
    *id = (struct fct_str){part.p, n};
}

/* Any white space becomes one space. */
static bool unfold(struct fct_str part, char *out, size_t room, size_t *n)
{
    bool space = false;

    *n = 0;
    for (size_t i = 0; i < part.n; i++) {
        unsigned char c = (unsigned char)part.p[i];

        if (dkim_is_space(part.p[i])) {
            space = true;
            continue;
        }
        if (c < 0x20 || c == 0x7f || *n + space + 1 > room)
            return false;
        if (space)
            out[(*n)++] = ' ';
        out[(*n)++] = part.p[i];
        space = false;
    }
    return true;
}

bool arc_recorded_next(struct arc_recorded *r, char *out, size_t room, size_t *n)
{
    struct fct_str part;

    while (r->rest.n > 0) {
        if (!take_part(&r->rest, &part)) {
            r->rest.n = 0;
            return false;
        }
        part = dkim_trim(part);
        if (part.n > 0 && memchr(part.p, '=', part.n) && unfold(part, out, room, n))
            return true;
    }
    return false;
}
