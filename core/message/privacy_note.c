/* privacy_note.c - see privacy_note.h. */
#include "core/message/privacy_note.h"

#include "core/base/str.h"

static bool take_number(struct fct_str *in, uint32_t *out)
{
    uint64_t n = 0;
    size_t i = 0;

    while (i < in->n && in->p[i] >= '0' && in->p[i] <= '9' && n < UINT32_MAX)
        n = 10 * n + (uint64_t)(in->p[i++] - '0');
    if (i == 0 || n > UINT32_MAX)
        return false;
    *out = (uint32_t)n;
    *in = str_skip(*in, i);
    return true;
}

/* number SP word ["s"] SP what */
static bool take_count(struct fct_str *in, uint32_t *out, struct fct_str word, struct fct_str what)
{
    if (!take_number(in, out) || !str_starts(*in, word))
        return false;
    *in = str_skip(*in, word.n);
    if (*out != 1 && !str_starts(*in, FCT_STR("s")))
        return false;
    *in = str_skip(*in, *out != 1);
    if (!str_starts(*in, what))
        return false;
    *in = str_skip(*in, what.n);
    return true;
}

/* name SP number: the name may have blanks of its own. */
static bool take_company(struct fct_str one, struct privacy_note *out)
{
    ptrdiff_t at = str_find_last_char(one, ' ');
    struct fct_str number = str_skip(one, (size_t)(at + 1));
    uint32_t n;

    if (at <= 0 || !take_number(&number, &n) || number.n > 0)
        return false;
    if (out->companies < PRIVACY_COMPANIES)
        out->company[out->companies++] = (struct privacy_company){str_head(one, (size_t)at), n};
    return true;
}

static bool take_companies(struct fct_str *in, struct privacy_note *out)
{
    ptrdiff_t end;
    struct fct_str list;

    if (!str_starts(*in, FCT_STR(" (")))
        return true;
    *in = str_skip(*in, 2);
    for (end = 0; end < (ptrdiff_t)in->n; end++) /* a company may have brackets in its name */
        if (in->p[end] == ')' && (size_t)end + 1 < in->n && in->p[end + 1] == ';')
            break;
    if (end == (ptrdiff_t)in->n)
        return false;
    list = str_head(*in, (size_t)end);
    *in = str_skip(*in, (size_t)end + 1);
    while (list.p)
        if (!take_company(str_trim(str_split(&list, ',')), out))
            return false;
    return true;
}

bool privacy_note_parse(struct fct_str value, struct privacy_note *out)
{
    struct fct_str in = str_trim(value);

    *out = (struct privacy_note){0};
    if (!take_count(&in, &out->removed, FCT_STR(" tracker"), FCT_STR(" removed")) ||
        !take_companies(&in, out) || !str_starts(in, FCT_STR("; ")))
        return false;
    in = str_skip(in, 2);
    return take_count(&in, &out->links, FCT_STR(" link"), FCT_STR(" cleaned")) &&
           (in.n == 0 || *in.p == ';');
}

/* The field's value in an inserted text, unfolded (RFC 5322 2.2.3). */
static bool find_field(struct arena *arena, struct fct_str text, struct fct_str *value)
{
    const struct fct_str name = FCT_STR("X-Facteur-Privacy:");
    char *to;

    if (!str_starts(text, name))
        return false;
    text = str_skip(text, name.n);
    to = arena_alloc(arena, text.n + 1);
    value->p = to;
    for (size_t i = 0; i < text.n; i++) {
        bool folds =
            text.p[i] == '\n' && i + 1 < text.n && (text.p[i + 1] == ' ' || text.p[i + 1] == '\t');

        if (text.p[i] == '\n' && !folds)
            break;
        if (text.p[i] != '\r' && text.p[i] != '\n')
            *to++ = text.p[i];
    }
    value->n = (size_t)(to - value->p);
    return true;
}

bool privacy_note_find(struct arena *arena, const struct edit_list *edits, struct privacy_note *out)
{
    struct fct_str value;

    for (size_t i = 0; i < edits->n; i++)
        if (find_field(arena, edits->edit[i].insert, &value))
            return privacy_note_parse(value, out);
    return false;
}

struct edit_list privacy_restored(struct arena *arena, const struct edit_list *edits)
{
    struct edit *kept = ARENA_ARRAY(arena, struct edit, edits->n + 1);
    size_t n = 0;

    for (size_t i = 0; i < edits->n; i++)
        if (!str_equal(edits->edit[i].origin, FCT_STR(PRIVACY_ORIGIN)))
            kept[n++] = edits->edit[i];
    return (struct edit_list){kept, n};
}
