/* dkim_message.c - see dkim_message.h. */
#include "plugins/dkim/dkim_message.h"

struct fct_str dkim_message_body(struct fct_str message)
{
    const char *at;

    if (message.n >= 2 && memcmp(message.p, "\r\n", 2) == 0)
        return (struct fct_str){message.p + 2, message.n - 2};
    at = message.n > 0 ? memmem(message.p, message.n, "\r\n\r\n", 4) : NULL;
    return at ? (struct fct_str){at + 4, (size_t)(message.p + message.n - at - 4)}
              : (struct fct_str){"", 0};
}

struct dkim_message dkim_message_of(struct fct_str message, const struct fct_header *field,
                                    size_t fields)
{
    struct fct_str rest = message;

    if (fields > 0) {
        const char *end = field[fields - 1].raw.p + field[fields - 1].raw.n;

        if (end - message.p >= 2 && (size_t)(end - message.p) <= message.n && end[-1] == '\n')
            rest = (struct fct_str){end, (size_t)(message.p + message.n - end)};
    }
    return (struct dkim_message){field, fields, dkim_message_body(rest)};
}

/* With its line end; the rest when there is none. */
static struct fct_str take_line(struct fct_str *in)
{
    const char *end = in->n > 0 ? memmem(in->p, in->n, "\r\n", 2) : NULL;
    struct fct_str line = {in->p, end ? (size_t)(end + 2 - in->p) : in->n};

    *in = (struct fct_str){in->p + line.n, in->n - line.n};
    return line;
}

static bool is_empty(struct fct_str line)
{
    return line.n == 0 || (line.n == 2 && line.p[0] == '\r');
}

static bool begins_field(struct fct_str line)
{
    return line.p[0] != ' ' && line.p[0] != '\t' && line.p[0] != ':' && memchr(line.p, ':', line.n);
}

static void set_value(struct fct_header *field)
{
    size_t at = field->name.n + 1;

    field->value = (struct fct_str){field->raw.p + at, field->raw.n - at};
    if (field->value.n > 1 && field->value.p[field->value.n - 1] == '\n')
        field->value.n -= 2;
}

bool dkim_message_split(const struct dkim_memory *memory, struct fct_str text,
                        struct dkim_message *out)
{
    struct fct_str rest = text, line;
    struct fct_header *list;
    size_t lines = 0, n = 0;

    while (!is_empty(take_line(&rest)))
        lines++;
    list = memory->take(memory->arg, (lines + 1) * sizeof *list);
    if (!list)
        return false;
    rest = text;
    while (!is_empty(line = take_line(&rest))) {
        if (begins_field(line)) {
            size_t name = (size_t)((const char *)memchr(line.p, ':', line.n) - line.p);

            list[n++] = (struct fct_header){
                .name = {line.p, name}, .raw = line, .offset = (size_t)(line.p - text.p)};
        } else if (n > 0) {
            list[n - 1].raw.n += line.n;
        }
    }
    for (size_t i = 0; i < n; i++)
        set_value(&list[i]);
    *out = (struct dkim_message){list, n, dkim_message_body(text)};
    return true;
}
