/* rfc5322.c - the header section as a list of fields (RFC 5322 2.2, 2.2.3). */
#include "core/message/rfc5322.h"
#include "core/base/err.h"
#include "core/base/utf8.h"
#include "core/message/lexer.h"
#include "core/message/rfc5322_int.h"
#include "core/message/transfer.h"

enum { FIRST_FIELDS = 16, MAX_LINE = 998 /* RFC 5322 2.1.1 */ };

/* What is known while the lines go by. The last field is open until the next one begins: raw grows
 * with every line, value only with continuation lines, so that a line that is no field never
 * becomes content. */
struct header_scan {
    struct arena *arena;
    struct fct_str message;
    const struct header_limits *limits;
    struct fct_header *field;
    size_t n, room;
    bool raw_open, value_open; /* of field[n - 1] */
};

static void close_value(struct header_scan *s, const char *end)
{
    struct fct_header *h;
    const char *value_end = end;

    if (!s->value_open)
        return;
    h = &s->field[s->n - 1];
    if (value_end > h->value.p && value_end[-1] == '\n')
        value_end--;
    if (value_end > h->value.p && value_end[-1] == '\r')
        value_end--;
    h->value.n = (size_t)(value_end - h->value.p);
    s->value_open = false;
}

static void close_field(struct header_scan *s, const char *end)
{
    close_value(s, end);
    if (s->raw_open)
        s->field[s->n - 1].raw.n = (size_t)(end - s->field[s->n - 1].raw.p);
    s->raw_open = false;
}

static void open_field(struct header_scan *s, const char *line, const char *colon)
{
    struct fct_header *h;
    const char *name_end = colon;

    if (s->n == s->room) {
        size_t room = s->room > 0 ? 2 * s->room : FIRST_FIELDS;

        s->field = arena_grow(s->arena, s->field, s->room * sizeof *h, room * sizeof *h);
        s->room = room;
    }
    while (name_end > line && (name_end[-1] == ' ' || name_end[-1] == '\t'))
        name_end--; /* obs-optional: white space before the colon (RFC 5322 4.5.8) */
    h = &s->field[s->n++];
    *h = (struct fct_header){
        .name = str_between(line, name_end),
        .value = {colon + 1, 0},
        .raw = {line, 0},
        .offset = (size_t)(line - s->message.p),
    };
    s->raw_open = s->value_open = true;
}

static bool is_empty_line(const char *line, const char *next)
{
    return *line == '\n' || (*line == '\r' && next - line == 2);
}

/* Takes one line into the list; false when the limits forbid it. */
static bool take_line(struct header_scan *s, const char *line, const char *next, const char *start)
{
    const char *colon;

    if ((size_t)(next - start) > s->limits->max_bytes)
        return false;
    if (s->raw_open && (*line == ' ' || *line == '\t'))
        return true;
    colon = memchr(line, ':', (size_t)(next - line));
    if (!colon || colon == line) { /* no field: its bytes go with the one before it */
        close_value(s, line);
        return true;
    }
    close_field(s, line);
    if (s->n >= s->limits->max_fields)
        return false;
    open_field(s, line, colon);
    return true;
}

void header_list_scan(struct arena *arena, struct fct_str message, size_t start,
                      const struct header_limits *limits, header_stop stop, void *arg,
                      struct header_list *out)
{
    struct header_scan s = {.arena = arena, .message = message, .limits = limits};
    const char *first = message.n > 0 ? message.p + start : "", *p = first;
    const char *end = first + (message.n - start);

    *out = (struct header_list){0};
    while (p < end) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        const char *next = lf ? lf + 1 : end;

        if (is_empty_line(p, next)) {
            close_field(&s, p);
            out->has_separator = true;
            out->lines++;
            p = next;
            break;
        }
        if (stop && p[0] == '-' && stop(arg, p, next))
            break;
        if (!out->truncated && !take_line(&s, p, next, first)) {
            close_field(&s, p);
            out->truncated = true;
        }
        out->lines += lf != NULL;
        p = next;
    }
    close_field(&s, p);
    out->field = s.field;
    out->n = s.n;
    out->end = start + (size_t)(p - first);
}

void header_list_parse(struct arena *arena, struct fct_str message,
                       const struct header_limits *limits, struct header_list *out)
{
    header_list_scan(arena, message, 0, limits, NULL, NULL, out);
}

const struct fct_header *header_find(const struct header_list *list, const char *name, size_t nth)
{
    struct fct_str wanted = str_from(name);

    for (size_t i = 0; i < list->n; i++)
        if (list->field[i].name.n == wanted.n && str_equal_nocase(list->field[i].name, wanted) &&
            nth-- == 0)
            return &list->field[i];
    return NULL;
}

/* A line that was no field and was joined to this one has no white space in front: one space keeps
 * the words apart. */
struct fct_str header_unfold(struct arena *arena, const struct fct_header *h)
{
    struct fct_str v = str_trim(h->value);
    char *out;
    size_t n = 0;

    if (!v.n || !memchr(v.p, '\n', v.n))
        return v;
    out = arena_alloc(arena, v.n + 1);
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] == '\r' && i + 1 < v.n && v.p[i + 1] == '\n')
            continue;
        if (v.p[i] != '\n')
            out[n++] = v.p[i];
    }
    return (struct fct_str){out, n};
}

struct fct_str header_text(struct arena *arena, const struct fct_header *h)
{
    struct fct_str v = header_unfold(arena, h), text;
    struct buf out = BUF_INIT(4 * v.n + 16); /* one byte becomes at most one character of four */

    if (!v.n || (!memchr(v.p, '=', v.n) && str_is_ascii(v)))
        return v;
    encoded_word_decode(v, &out);
    text = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return text;
}

/* field-name = 1*ftext, %d33-57 / %d59-126 RFC 5322 3.6.8 */
static bool is_field_name(struct fct_str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] < 33 || name.p[i] > 126 || name.p[i] == ':')
            return false;
    return name.n > 0;
}

/* One line of a value, without its line end; `first` is shorter by the name in front of it. */
static bool check_line(struct fct_str line, size_t in_front, struct fct_err *err)
{
    bool blank = true;

    if (line.n + in_front > MAX_LINE)
        return fct_fail(err, FCT_SYNTAX, "a line of the field is longer than %d octets", MAX_LINE);
    for (size_t i = 0; i < line.n; i++) {
        unsigned char c = (unsigned char)line.p[i];

        if ((c < ' ' && c != '\t') || c == 127)
            return fct_fail(err, FCT_SYNTAX, "control character %u in the field's value", c);
        if (c != ' ' && c != '\t')
            blank = false;
    }
    if (in_front == 0 && (line.n == 0 || (line.p[0] != ' ' && line.p[0] != '\t')))
        return fct_fail(err, FCT_SYNTAX, "a folded line must begin with white space");
    if (in_front == 0 && blank)
        return fct_fail(err, FCT_SYNTAX, "a folded line holds white space only");
    return true;
}

bool header_field_format(struct fct_str name, struct fct_str value, struct buf *out,
                         struct fct_err *err)
{
    struct fct_str rest = value;
    size_t in_front = name.n + 2;
    bool spaced = value.n > 0 && (value.p[0] == ' ' || value.p[0] == '\t');

    if (!is_field_name(name))
        return fct_fail(err, FCT_SYNTAX, "not a field name: \"%.*s\"", FCT_FMT(str_head(name, 80)));
    if (value.n > 0 && !utf8_is_valid(value))
        return fct_fail(err, FCT_SYNTAX, "the value of %.*s is not UTF-8",
                        FCT_FMT(str_head(name, 80)));
    buf_put_str(out, name);
    buf_put_c(out, spaced ? ":" : ": ");
    do {
        struct fct_str line = str_split(&rest, '\n');

        if (rest.p && line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        if (!check_line(line, in_front, err))
            return fct_fail_in(err, "%.*s", FCT_FMT(str_head(name, 80)));
        in_front = 0;
        buf_put_str(out, line);
        buf_put_c(out, "\r\n");
    } while (rest.p);
    return out->overflow ? fct_fail(err, FCT_LIMIT, "the field does not fit") : true;
}
