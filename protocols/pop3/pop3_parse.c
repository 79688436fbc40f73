/* pop3_parse.c - see pop3_parse.h. */
#include "protocols/pop3/pop3_parse.h"

#include "core/base/str.h"

struct fct_str pop3_strip(struct fct_str line)
{
    if (line.n > 0 && line.p[line.n - 1] == '\n')
        line.n--;
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

struct fct_str pop3_keyword(struct fct_str *line)
{
    struct fct_str word = str_split(line, ' ');

    if (!line->p)
        *line = FCT_STR("");
    return word;
}

/* message-number = 1*DIGIT, not zero (RFC 1939 5: messages are numbered from 1). Numbers that do
 * not fit are no message either. */
static bool message_number(struct fct_str s, uint32_t *out, struct fct_err *err)
{
    if (str_to_u32(s, out) && *out > 0)
        return true;
    return fct_fail(err, FCT_SYNTAX, "a message number was expected");
}

static bool number_and_lines(struct fct_str rest, struct pop3_arguments *out, struct fct_err *err)
{
    struct fct_str number = str_split(&rest, ' ');

    if (!message_number(number, &out->number, err))
        return false;
    if (rest.p && str_to_u32(rest, &out->lines))
        return true;
    return fct_fail(err, FCT_SYNTAX, "a number of lines was expected");
}

static bool mechanism(struct fct_str rest, struct pop3_arguments *out, struct fct_err *err)
{
    out->text = str_split(&rest, ' ');
    out->has_initial = rest.p != NULL;
    if (out->has_initial)
        out->initial = rest;
    if (out->text.n > 0 && str_find_char(out->initial, ' ') < 0)
        return true;
    return fct_fail(err, FCT_SYNTAX, "AUTH mechanism [initial-response]");
}

/* Some clients leave a space at the end of a line; only in text does it mean something. */
static struct fct_str without_spaces_at_end(struct fct_str s)
{
    while (s.n > 0 && s.p[s.n - 1] == ' ')
        s.n--;
    return s;
}

bool pop3_arguments(enum pop3_shape shape, struct fct_str rest, struct pop3_arguments *out,
                    struct fct_err *err)
{
    *out = (struct pop3_arguments){.text = FCT_STR(""), .initial = FCT_STR("")};
    if (shape == POP3_TEXT) {
        out->text = rest;
        return rest.n > 0 || fct_fail(err, FCT_SYNTAX, "an argument is missing");
    }
    rest = without_spaces_at_end(rest);
    switch (shape) {
    case POP3_NUMBER:
        return message_number(rest, &out->number, err);
    case POP3_OPTIONAL_NUMBER:
        return rest.n == 0 || message_number(rest, &out->number, err);
    case POP3_NUMBER_LINES:
        return number_and_lines(rest, out, err);
    case POP3_MECHANISM:
        return mechanism(rest, out, err);
    case POP3_NOTHING:
    case POP3_TEXT:
        break;
    }
    return rest.n == 0 || fct_fail(err, FCT_SYNTAX, "no argument was expected");
}
