/* tracker_inside.c - see tracker_inside.h. */
#include "plugins/trackers/tracker_inside.h"

#include "plugins/trackers/tracker_glob.h"

enum { TAG_MAX = 8192 };

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t skip_space(struct fct_str s, size_t at)
{
    while (at < s.n && (is_space(s.p[at]) || s.p[at] == '/'))
        at++;
    return at;
}

/* Cut where no name that we know is longer. */
static struct fct_str lower_name(struct fct_str raw, char room[24])
{
    struct fct_str name = {room, raw.n < 24 ? raw.n : 24};

    for (size_t i = 0; i < name.n; i++)
        room[i] = tracker_lower(raw.p[i]);
    return name;
}

static size_t name_end(struct fct_str s, size_t at)
{
    while (at < s.n && !is_space(s.p[at]) && !strchr("=>/", s.p[at]))
        at++;
    return at;
}

/* Behind the "=". */
static size_t take_value(struct fct_str s, size_t at, size_t *from, size_t *to)
{
    char quote;

    at = skip_space(s, at);
    quote = at < s.n && (s.p[at] == '"' || s.p[at] == '\'') ? s.p[at] : 0;
    *from = at += quote != 0;
    while (at < s.n && (quote ? s.p[at] != quote : !is_space(s.p[at]) && s.p[at] != '>'))
        at++;
    *to = at;
    return at + (quote != 0);
}

/* Attributes of the tag s, behind its name, which begins at `base` in the part. */
static void take_attributes(struct fct_str s, size_t at, size_t base, struct tracker_inside *out)
{
    for (at = skip_space(s, at);
         at < s.n && s.p[at] != '>' && out->tag.attributes < TRACKER_INSIDE_MAX;
         at = skip_space(s, at)) {
        struct fct_html_attribute *a = &out->attribute[out->tag.attributes];
        size_t from = at, to, end = name_end(s, at);

        if (end == at) {
            at++;
            continue;
        }
        *a = (struct fct_html_attribute){.offset = base + at, .value = {"", 0}};
        out->tag.attributes++;
        a->name = lower_name(tracker_part(s, at, end), out->name[out->tag.attributes]);
        at = end;
        while (end < s.n && is_space(s.p[end]))
            end++;
        from = to = at;
        if (end < s.n && s.p[end] == '=')
            at = take_value(s, end + 1, &from, &to);
        a->value = tracker_part(s, from, to);
        a->value_offset = base + from;
        a->value_length = to - from;
        a->length = base + at - a->offset;
    }
}

bool tracker_inside(struct fct_str bytes, size_t from, size_t to, size_t at,
                    struct tracker_inside *out)
{
    size_t begin = at, end = at, n;
    struct fct_str tag;

    while (begin > from && at - begin < TAG_MAX && bytes.p[begin] != '<')
        begin--;
    while (end < to && end - at < TAG_MAX && bytes.p[end] != '>')
        end++;
    if (begin >= end || bytes.p[begin] != '<' || end == to || bytes.p[end] != '>')
        return false;
    tag = tracker_part(bytes, begin, end + 1);
    n = name_end(tag, 1);
    if (n == 1)
        return false;
    out->tag = (struct fct_html_token){.kind = FCT_HTML_START,
                                       .name = lower_name(tracker_part(tag, 1, n), out->name[0]),
                                       .text = {"", 0},
                                       .offset = begin,
                                       .length = tag.n,
                                       .attribute = out->attribute};
    take_attributes(tag, n, begin, out);
    return true;
}
