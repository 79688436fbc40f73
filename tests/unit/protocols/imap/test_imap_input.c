/* test_imap_input.c - commands out of a stream of bytes, however they are cut. */
#include "imap_test.h"
#include "protocols/imap/imap_input.h"

#include <event2/buffer.h>

static const struct imap_input_limits limits = {.max_line = 100, .max_literal = 50};

/* Feed `text` in pieces of `step` bytes; commands, refusals and questions are written into `out`.
 */
static void run(const char *text, size_t n, size_t step, struct buf *out)
{
    struct evbuffer *from = evbuffer_new();
    struct imap_input in = {0};
    struct imap_literal literal;

    for (size_t at = 0; at < n; at += step) {
        enum imap_input_event event;

        evbuffer_add(from, text + at, n - at < step ? n - at : step);
        while ((event = imap_input_take(&in, from, &limits, &literal)) != INPUT_MORE) {
            if (event == INPUT_COMMAND) {
                buf_put_char(out, '<');
                buf_put_str(out, imap_input_command(&in));
                buf_put_char(out, '>');
                imap_input_reset(&in);
            } else if (event == INPUT_TOO_LONG) {
                buf_put_c(out, "!long");
                imap_input_reset(&in);
            } else if (!imap_input_accept(&in, &literal, &limits)) {
                buf_put_c(out, "!literal");
                imap_input_reset(&in);
            } else if (literal.waits) {
                buf_put_char(out, '+');
            }
        }
    }
    imap_input_reset(&in);
    evbuffer_free(from);
}

START_TEST(commands)
{
    static const struct {
        struct fct_str in;
        const char *want;
    } cases[] = {
        {{"a NOOP\r\nb NOOP\r\n", 16}, "<a NOOP><b NOOP>"},
        {{"a NOOP\n", 7}, "<a NOOP>"},
        {{"\r\n", 2}, "<>"},
        {{"a LOGIN {3}\r\nabc {2}\r\nde\r\n", 26}, "++<a LOGIN {3}\r\nabc {2}\r\nde>"},
        {{"a LOGIN {3+}\r\na\r\n x\r\n", 21}, "<a LOGIN {3+}\r\na\r\n x>"},
        {{"a X {0}\r\n\r\n", 11}, "+<a X {0}\r\n>"},
        {{"a X {51}\r\nb NOOP\r\n", 18}, "!literal<b NOOP>"},
        {{"a X {99999999999999999999}\r\nb NOOP\r\n", 36}, "!literal<b NOOP>"},
        {{"a X {40+}\r\n1234567890123456789012345678901234567890 {11}\r\n", 58}, "!literal"},
        {{"a \0\r\n", 5}, NULL},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        for (size_t step = 1; step <= cases[i].in.n; step++) {
            FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1000);

            run(cases[i].in.p, cases[i].in.n, step, &out);
            if (cases[i].want)
                ck_assert_msg(str_equal(buf_str(&out), str_from(cases[i].want)), "%s by %zu: %.*s",
                              cases[i].in.p, step, FCT_FMT(buf_str(&out)));
            else
                ck_assert(str_equal(buf_str(&out), FCT_STR("<a \0>")));
        }
}
END_TEST

START_TEST(a_long_line_is_discarded_to_its_end)
{
    char text[1000];
    size_t n = 0;

    memset(text, 'x', 500);
    n = 500;
    memcpy(text + n, "\r\nb NOOP\r\n", 10);
    n += 10;
    for (size_t step = 1; step <= n; step += 7) {
        FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1000);

        run(text, n, step, &out);
        ck_assert_msg(str_equal(buf_str(&out), FCT_STR("!long<b NOOP>")), "by %zu: %.*s", step,
                      FCT_FMT(buf_str(&out)));
    }
}
END_TEST

IMAP_TESTS("imap_input", commands, a_long_line_is_discarded_to_its_end)
