/* remote_reply.c - see remote_reply.h. */
#include "protocols/relay/remote_reply.h"

#include "core/base/str.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reply-code = %x32-35 %x30-35 %x30-39                                    RFC 5321 4.2
 * The second digit is not held to its range: some servers say 571 or 580 for a policy of theirs. */
static bool read_code(struct fct_str line, uint16_t *code)
{
    if (line.n < 3 || line.p[0] < '2' || line.p[0] > '5' || !is_digit(line.p[1]) ||
        !is_digit(line.p[2]))
        return false;
    *code = (uint16_t)((line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 + (line.p[2] - '0'));
    return true;
}

/* 1 to 3 digits, then `end` or the end. */
static bool skip_number(struct fct_str *in)
{
    size_t n = 0;

    while (n < in->n && n < 3 && is_digit(in->p[n]))
        n++;
    *in = str_skip(*in, n);
    return n > 0;
}

static bool skip_dot(struct fct_str *in)
{
    if (in->n == 0 || in->p[0] != '.')
        return false;
    *in = str_skip(*in, 1);
    return true;
}

/* class "." subject "." detail, of the same class as the code                RFC 2034 4 */
static void read_status(struct remote_reply *reply, struct fct_str words)
{
    struct fct_str in = words;
    size_t n;

    if (words.n < 5 || words.p[0] != (char)('0' + reply_class(reply)) || words.p[1] != '.')
        return;
    in = str_skip(in, 2);
    if (!skip_number(&in) || !skip_dot(&in) || !skip_number(&in) ||
        (in.n > 0 && in.p[0] != ' ' && in.p[0] != '\t'))
        return;
    n = words.n - in.n;
    if (n < sizeof reply->status)
        str_copy_c(reply->status, sizeof reply->status, str_head(words, n));
}

/* What goes into logs and reports: one line, nothing that moves a terminal's cursor. */
static void keep_text(struct remote_reply *reply, struct fct_str words)
{
    if (reply->n > 0 && words.n > 0 && reply->n < sizeof reply->text)
        reply->text[reply->n++] = ' ';
    for (size_t i = 0; i < words.n && reply->n < sizeof reply->text; i++) {
        unsigned char c = (unsigned char)words.p[i];

        reply->text[reply->n++] = c == '\t' ? ' ' : c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
}

static struct fct_str without_end(struct fct_str line)
{
    if (line.n > 0 && line.p[line.n - 1] == '\n')
        line.n--;
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static enum reply_state bad(struct fct_err *err, const char *why, struct fct_str line)
{
    (void)fct_fail(err, FCT_TEMP, "%s: \"%.*s\"", why, FCT_FMT(str_head(line, 80)));
    return REPLY_BAD;
}

/* Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF */
enum reply_state reply_line(struct remote_reply *reply, struct fct_str line, struct fct_str *words,
                            struct fct_err *err)
{
    uint16_t code;
    char mark;

    line = without_end(line);
    *words = (struct fct_str){line.p, 0};
    if (!read_code(line, &code))
        return bad(err, "not an SMTP reply", line);
    mark = line.n > 3 ? line.p[3] : ' ';
    if (mark != ' ' && mark != '-')
        return bad(err, "not an SMTP reply", line);
    if (reply->lines > 0 && code != reply->code)
        return bad(err, "a reply whose lines have different codes", line);
    if (++reply->lines > REPLY_LINES_MAX)
        return bad(err, "a reply of too many lines", line);
    reply->code = code;
    *words = str_skip(line, 4);
    if (reply->lines == 1)
        read_status(reply, *words);
    keep_text(reply, *words);
    return mark == '-' ? REPLY_MORE : REPLY_DONE;
}
