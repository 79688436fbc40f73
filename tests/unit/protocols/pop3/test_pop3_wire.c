/* test_pop3_wire.c - messages on the wire, whole and cut at every place: dots, line ends, what TOP
 * wants. */
#include "protocols/pop3/pop3_wire.h"

#include "core/base/str.h"

#include <check.h>
#include <event2/buffer.h>
#include <stdlib.h>

/* clang-format off */
static const struct {
    const char *name, *in, *want;
} wires[] = {
    {"plain",                     "a\r\nb\r\n",       "a\r\nb\r\n.\r\n"},
    {"empty",                     "",                 ".\r\n"},
    {"no end of line",            "a",                "a\r\n.\r\n"},
    {"no end of line after CR",   "a\r",              "a\r\r\n.\r\n"},
    {"dots",                      ".\r\n..\r\n.x\r\n", "..\r\n...\r\n..x\r\n.\r\n"},
    {"dots inside",               "a.b\r\n",          "a.b\r\n.\r\n"},
    {"bare LF",                   "a\nb\r\n",         "a\r\nb\r\n.\r\n"},
    {"bare LF and the end",       "a\n.\nb\n",        "a\r\n..\r\nb\r\n.\r\n"},
    {"bare CR is no line end",    "a\r.\r\n",         "a\r.\r\n.\r\n"},
    {"CR CR LF",                  "a\r\r\n",          "a\r\r\n.\r\n"},
    {"empty lines",               "\r\n\n\r\n",       "\r\n\r\n\r\n.\r\n"},
    {"a dot is all",              ".",                "..\r\n.\r\n"},
};
/* clang-format on */

START_TEST(lines_end_with_crlf_and_dots_are_doubled)
{
    size_t n = strlen(wires[_i].in);

    for (size_t cut = 0; cut <= n; cut++) {
        struct evbuffer *out = evbuffer_new();
        struct pop3_wire w = {0};

        pop3_wire_put(&w, (struct fct_str){wires[_i].in, cut}, out);
        pop3_wire_put(&w, (struct fct_str){wires[_i].in + cut, n - cut}, out);
        pop3_wire_end(&w, out);
        size_t got = evbuffer_get_length(out);

        ck_assert_msg(got == strlen(wires[_i].want) &&
                          memcmp(evbuffer_pullup(out, -1), wires[_i].want, got) == 0,
                      "%s cut at %zu: %.*s", wires[_i].name, cut, (int)got,
                      (char *)evbuffer_pullup(out, -1));
        evbuffer_free(out);
    }
}
END_TEST

/* clang-format off */
static const struct {
    const char *name, *in;
    uint32_t lines;
    size_t want;
} tops[] = {
    {"header only",                "A: b\r\nC: d\r\n\r\none\r\ntwo\r\n", 0, 14},
    {"one line",                   "A: b\r\nC: d\r\n\r\none\r\ntwo\r\n", 1, 19},
    {"more lines than there are",  "A: b\r\nC: d\r\n\r\none\r\ntwo\r\n", 9, 24},
    {"bare LF",                    "A: b\n\none\ntwo\n",                 1, 10},
    {"no body",                    "A: b\r\nC: d\r\n",                   5, 12},
    {"no header",                  "\r\none\r\ntwo\r\n",                 1, 7},
    {"last line without end",      "A: b\r\n\r\none",                    1, 11},
    {"blank body lines count",     "A: b\r\n\r\n\r\n\r\nx\r\n",          2, 12},
    {"a space is text",            "A: b\r\n \r\n\r\nx\r\n",             0, 11},
};
/* clang-format on */

START_TEST(top_takes_the_header_and_some_lines)
{
    size_t n = strlen(tops[_i].in);

    for (size_t cut = 0; cut <= n; cut++) {
        struct pop3_top t = {.lines = tops[_i].lines};
        size_t taken = pop3_top_take(&t, (struct fct_str){tops[_i].in, cut});

        if (taken == cut)
            taken += pop3_top_take(&t, (struct fct_str){tops[_i].in + cut, n - cut});
        ck_assert_msg(taken == tops[_i].want, "%s cut at %zu: %zu", tops[_i].name, cut, taken);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pop3_wire");
    TCase *t = tcase_create("pop3_wire");
    SRunner *r;
    int failed;

    tcase_add_loop_test(t, lines_end_with_crlf_and_dots_are_doubled, 0, FCT_COUNT(wires));
    tcase_add_loop_test(t, top_takes_the_header_and_some_lines, 0, FCT_COUNT(tops));
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
