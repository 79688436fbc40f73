/* fuzz_pop3_command.c - any line as a POP3 command in every shape; any bytes as a message, cut
 * anywhere. */
#include "core/base/str.h"
#include "protocols/pop3/pop3_parse.h"
#include "protocols/pop3/pop3_wire.h"

#include <event2/buffer.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(struct fct_str part, struct fct_str whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void parse(struct fct_str line)
{
    struct fct_str rest = pop3_strip(line), word = pop3_keyword(&rest);

    FCT_ASSERT(is_inside(word, line) && is_inside(rest, line));
    for (enum pop3_shape shape = POP3_NOTHING; shape <= POP3_MECHANISM; shape++) {
        struct pop3_arguments a;
        struct fct_err err = {0};

        if (!pop3_arguments(shape, rest, &a, &err))
            FCT_ASSERT(err.class == FCT_SYNTAX && !memchr(err.text, '\n', sizeof err.text));
        else
            FCT_ASSERT(is_inside(a.text, line) && is_inside(a.initial, line));
    }
}

/* What a client does with the lines of an answer (RFC 1939 3): the only lone dot is the last line.
 */
static void check_lines(struct fct_str wire)
{
    FCT_ASSERT(str_ends_nocase(wire, FCT_STR(".\r\n")));
    while (wire.n > 3) {
        ptrdiff_t lf = str_find_char(wire, '\n');

        FCT_ASSERT(lf > 0 && wire.p[lf - 1] == '\r');
        FCT_ASSERT(wire.p[0] != '.' || wire.p[1] == '.');
        wire = str_skip(wire, (size_t)lf + 1);
    }
    FCT_ASSERT(wire.n == 3);
}

static void send_message(struct fct_str message, size_t cut)
{
    struct evbuffer *out = evbuffer_new();
    struct pop3_wire w = {0};

    pop3_wire_put(&w, str_head(message, cut), out);
    pop3_wire_put(&w, str_skip(message, cut), out);
    pop3_wire_end(&w, out);
    size_t n = evbuffer_get_length(out);

    check_lines((struct fct_str){(const char *)evbuffer_pullup(out, -1), n});
    evbuffer_free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str in = {(const char *)data, size};
    size_t cut = size ? data[0] % size : 0;
    struct pop3_top one = {.lines = cut & 7}, two = one;
    size_t whole, split;

    parse(in);
    send_message(in, cut);
    whole = pop3_top_take(&one, in);
    split = pop3_top_take(&two, str_head(in, cut));
    if (split == cut)
        split += pop3_top_take(&two, str_skip(in, cut));
    FCT_ASSERT(whole == split);
    return 0;
}
