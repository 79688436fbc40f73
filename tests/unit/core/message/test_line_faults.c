/* test_line_faults.c - what 7-bit and 8-bit data may not have (RFC 2045 2.7, 2.8). */
#include "core/message/line_faults.h"
#include "message_test.h"

START_TEST(faults)
{
    static const struct {
        struct fct_str text;
        unsigned want;
    } cases[] = {
        {FCT_STR_INIT(""), 0},
        {FCT_STR_INIT("plain\r\n\r\ntext"), 0},
        {FCT_STR_INIT("\xC3\xA9\r\n"), FAULT_HIGH},
        {FCT_STR_INIT("a\0b\r\n"), FAULT_NUL},
        {FCT_STR_INIT("a\nb\r\n"), FAULT_LINE_END},
        {FCT_STR_INIT("a\rb\r\n"), FAULT_LINE_END},
        {FCT_STR_INIT("a\r\r\n"), FAULT_LINE_END},
        {FCT_STR_INIT("a\r"), FAULT_LINE_END},
        {FCT_STR_INIT("\n\xFF"), FAULT_LINE_END | FAULT_HIGH},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        for (size_t piece = 1; piece < 9; piece++) {
            struct line_faults s = {0};

            for (size_t at = 0; at < cases[i].text.n; at += piece)
                line_faults_put(&s, str_head(str_skip(cases[i].text, at), piece));
            ck_assert_msg(line_faults_end(&s) == cases[i].want, "case %zu: %u", i,
                          line_faults_end(&s));
        }
}
END_TEST

START_TEST(long_lines)
{
    struct buf text = BUF_INIT(4096);

    put_times(&text, "x", 998);
    buf_put_c(&text, "\r\n");
    ck_assert_uint_eq(line_faults_of(buf_str(&text)), 0);
    put_times(&text, "x", 999);
    ck_assert_uint_eq(line_faults_of(buf_str(&text)), FAULT_LONG);
    buf_free(&text);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, faults);
    tcase_add_test(tc, long_lines);
}

int main(void)
{
    return run_suite("line_faults", add);
}
