/* imap_input.c - lines and literals (RFC 9051 2.2.1, 4.3). */
#include "protocols/imap/imap_input.h"

#include <event2/buffer.h>

/* Move n bytes; the limits were checked, so the buffer takes them. */
static void move_bytes(struct imap_input *in, struct evbuffer *from, size_t n)
{
    char *to = buf_reserve(&in->command, n);

    if (!to)
        return;
    evbuffer_remove(from, to, n);
    in->command.n += n;
}

static void strip_line_end(struct buf *b)
{
    if (b->n > 0 && b->p[b->n - 1] == '\n')
        b->n--;
    if (b->n > 0 && b->p[b->n - 1] == '\r')
        b->n--;
}

/* A line without its end: does a literal follow, or is the command whole? Bare LF ends a line too:
 * half of all scripts and telnet users send it, and IMAP has no relay in which it could be read
 * otherwise (RFC 9051 2.2 asks for CRLF). */
static enum imap_input_event end_line(struct imap_input *in, struct imap_literal *literal)
{
    struct fct_str line = {in->command.p + in->line_start, in->command.n - in->line_start};

    if (line.n > 0 && line.p[line.n - 1] == '\n')
        line.n--;
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    if (imap_parse_literal_head(line, literal))
        return INPUT_ASKS;
    strip_line_end(&in->command);
    return INPUT_COMMAND;
}

static enum imap_input_event discard_line(struct imap_input *in, struct evbuffer *from)
{
    struct evbuffer_ptr end = evbuffer_search_eol(from, NULL, NULL, EVBUFFER_EOL_LF);

    if (end.pos < 0) {
        evbuffer_drain(from, evbuffer_get_length(from));
        return INPUT_MORE;
    }
    evbuffer_drain(from, (size_t)end.pos + 1);
    in->at = INPUT_LINE;
    return INPUT_TOO_LONG;
}

static enum imap_input_event take_line(struct imap_input *in, struct evbuffer *from,
                                       const struct imap_input_limits *limits,
                                       struct imap_literal *literal)
{
    struct evbuffer_ptr end = evbuffer_search_eol(from, NULL, NULL, EVBUFFER_EOL_LF);
    size_t n = end.pos < 0 ? evbuffer_get_length(from) : (size_t)end.pos + 1;

    if (in->command.n - in->literals + n > limits->max_line) {
        in->at = INPUT_DISCARD;
        return discard_line(in, from);
    }
    move_bytes(in, from, n);
    return end.pos < 0 ? INPUT_MORE : end_line(in, literal);
}

static void take_literal(struct imap_input *in, struct evbuffer *from)
{
    size_t have = evbuffer_get_length(from), n = have < in->left ? have : (size_t)in->left;

    move_bytes(in, from, n);
    in->left -= n;
    if (in->left == 0)
        imap_input_continue(in);
}

enum imap_input_event imap_input_take(struct imap_input *in, struct evbuffer *from,
                                      const struct imap_input_limits *limits,
                                      struct imap_literal *literal)
{
    in->command.max = limits->max_line + limits->max_literal;
    if (in->at == INPUT_LITERAL)
        take_literal(in, from);
    if (evbuffer_get_length(from) == 0 || in->at == INPUT_LITERAL)
        return INPUT_MORE;
    return in->at == INPUT_DISCARD ? discard_line(in, from) : take_line(in, from, limits, literal);
}

bool imap_input_accept(struct imap_input *in, const struct imap_literal *literal,
                       const struct imap_input_limits *limits)
{
    if (literal->size > limits->max_literal - in->literals)
        return false;
    in->literals += (size_t)literal->size;
    in->left = literal->size;
    in->at = INPUT_LITERAL;
    if (in->left == 0)
        imap_input_continue(in);
    return true;
}

void imap_input_continue(struct imap_input *in)
{
    in->at = INPUT_LINE;
    in->line_start = in->command.n;
}

void imap_input_reset(struct imap_input *in)
{
    buf_free(&in->command);
    *in = (struct imap_input){0};
}
