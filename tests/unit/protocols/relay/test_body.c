/* test_body.c - dots doubled at the beginning of lines, however the message is cut. */
#include "protocols/relay/body.h"

#include "core/base/str.h"

#include <check.h>
#include <event2/buffer.h>
#include <stdlib.h>

static int held;

static void hold(void *owner)
{
    (void)owner;
    held++;
}

static void release(void *owner)
{
    (void)owner;
    held--;
}

/* In pieces of `step` bytes. */
static void stuffed(struct fct_str text, size_t step, struct fct_str want, bool ends_in_crlf)
{
    struct evbuffer *out = evbuffer_new();
    struct dot_state state = {0};
    struct fct_str got;

    for (size_t at = 0; at < text.n; at += step)
        body_add_stuffed(
            out,
            str_head((struct fct_str){text.p + at, text.n - at}, step < text.n ? step : text.n),
            &state, hold, release, NULL);
    got.n = evbuffer_get_length(out);
    got.p = (const char *)evbuffer_pullup(out, -1);
    ck_assert_msg(str_equal(got, want), "step %zu: %.*s", step, FCT_FMT(got));
    ck_assert_int_eq(state.not_crlf, !ends_in_crlf);
    evbuffer_free(out);
    ck_assert_int_eq(held, 0);
}

static const struct {
    const char *text, *want;
    bool ends_in_crlf;
} cases[] = {
    {"a\r\n", "a\r\n", true},
    {"a", "a", false},
    {"a.b.c\r\n", "a.b.c\r\n", true},
    {".\r\n", "..\r\n", true},
    {".", "..", false},
    {"..\r\n..\r\n", "...\r\n...\r\n", true},
    {"a\r\n.b\r\n.\r\nc", "a\r\n..b\r\n..\r\nc", false},
    {"a\n.b\r\n", "a\n..b\r\n", true}, /* a lone LF counts, to be on the safe side */
    {"a\r.b\r\n", "a\r.b\r\n", true},
    {"x.\r\n.x\r\n.", "x.\r\n..x\r\n..", false},
    {"\r\n\r\n.\r\n\r\n", "\r\n\r\n..\r\n\r\n", true},
};

START_TEST(dots)
{
    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        for (size_t step = 1; step < 20; step++)
            stuffed(str_from(cases[i].text), step, str_from(cases[i].want), cases[i].ends_in_crlf);
}
END_TEST

/* Long enough for spans that are not copied. */
START_TEST(spans)
{
    char *text = malloc(8192), *want = malloc(16384);
    size_t n = 0, w = 0;

    ck_assert(text && want);
    srand(7);
    for (; n < 8000; n++) {
        char c = "\n..aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"[rand() % 35];

        if (c == '.' && (n == 0 || text[n - 1] == '\n'))
            want[w++] = '.';
        text[n] = want[w++] = c;
        if (n > 2000 && n < 5000)
            text[n] = want[w - 1] = 'b';
    }
    text[n++] = want[w++] = '\n';
    for (size_t step = 1; step < 9000; step += 577)
        stuffed((struct fct_str){text, n}, step, (struct fct_str){want, w}, false);
    free(text);
    free(want);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("body");
    TCase *tc = tcase_create("body");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, dots);
    tcase_add_test(tc, spans);
    suite_add_tcase(s, tc);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
