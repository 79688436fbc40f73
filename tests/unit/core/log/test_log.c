/* test_log.c - a log line cannot be forged, and a log that cannot be written loses lines, not mail.
 */
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/log/log_fields.h"

#include <check.h>
#include <fcntl.h>
#include <unistd.h>

START_TEST(values_are_quoted_and_escaped)
{
    static const struct {
        struct fct_str in;
        const char *want;
    } cases[] = {
        {FCT_STR_INIT("a@b.example"), " v=a@b.example"},
        {FCT_STR_INIT(""), " v=\"\""},
        {FCT_STR_INIT("two words"), " v=\"two words\""},
        {FCT_STR_INIT("x\r\n2026-01-01 forged"), " v=\"x\\r\\n2026-01-01 forged\""},
        {FCT_STR_INIT("\x1b[31mred"), " v=\"\\x1b[31mred\""},
        {FCT_STR_INIT("say \"hi\" \\"), " v=\"say \\\"hi\\\" \\\\\""},
        {FCT_STR_INIT("a=b"), " v=\"a=b\""},
        {FCT_STR_INIT("caf\xc3\xa9"), " v=\"caf\xc3\xa9\""},
        {FCT_STR_INIT("caf\xe9"), " v=\"caf\\xe9\""},
        {FCT_STR_INIT("\xc2\x9b"
                      "31m"),
         " v=\"\\xc2\x9b"
         "31m\""},
        {FCT_STR_INIT("nul\0byte"), " v=\"nul\\x00byte\""},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct buf b = BUF_INIT(4096);
        struct log_field f = F_STR("v", cases[i].in);

        log_field_print(&f, &b);
        ck_assert_msg(str_equal(buf_str(&b), str_from(cases[i].want)), "case %zu: got %.*s", i,
                      FCT_FMT(buf_str(&b)));
        buf_free(&b);
    }
}
END_TEST

START_TEST(long_values_are_cut)
{
    static char long_value[LOG_VALUE_MAX * 2];
    struct buf b = BUF_INIT(8192);
    struct log_field f = F_STR("v", ((struct fct_str){long_value, sizeof long_value}));

    memset(long_value, 'x', sizeof long_value);
    log_field_print(&f, &b);
    ck_assert_uint_lt(b.n, LOG_VALUE_MAX + 16);
    buf_free(&b);
}
END_TEST

static size_t read_all(int fd, char *to, size_t size)
{
    ssize_t n = read(fd, to, size - 1);

    to[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

START_TEST(a_line_has_role_id_event_and_fields)
{
    char line[512];
    int p[2];

    ck_assert_int_eq(pipe(p), 0);
    log_setup(p[1], "edge", FCT_INFO);
    log_event(EV_RCPT_REFUSED, FCT_STR("abc.1"), F_C("by", "greylist"), F_U64("n", 7),
              F_BOOL("tls", true));
    ck_assert_uint_gt(read_all(p[0], line, sizeof line), 0);
    ck_assert_ptr_nonnull(
        strstr(line, "Z info edge[abc.1] rcpt_refused by=greylist n=7 tls=yes\n"));
    log_event(EV_DEBUG, FCT_STR("abc"), F_C("text", "not shown"));
    ck_assert_uint_eq(log_count(EV_DEBUG), 1);
    log_event(EV_NOTE, FCT_STR(""), F_C("text", "shown"));
    read_all(p[0], line, sizeof line);
    ck_assert_ptr_null(strstr(line, "not shown"));
    ck_assert_ptr_nonnull(strstr(line, "edge note text=shown"));
    close(p[0]);
    close(p[1]);
}
END_TEST

static void count_schedule(void *arg)
{
    ++*(int *)arg;
}

START_TEST(lines_of_a_turn_leave_together)
{
    char text[1024];
    int p[2], scheduled = 0;

    ck_assert_int_eq(pipe2(p, O_NONBLOCK), 0);
    log_setup(p[1], "edge", FCT_INFO);
    log_set_scheduler(count_schedule, &scheduled);
    log_event(EV_NOTE, FCT_STR(""), F_U64("n", 1));
    log_event(EV_NOTE, FCT_STR(""), F_U64("n", 2));
    ck_assert_int_eq(scheduled, 1);
    ck_assert_uint_eq(read_all(p[0], text, sizeof text), 0);
    log_flush();
    read_all(p[0], text, sizeof text);
    ck_assert(strstr(text, "n=1") && strstr(text, "n=2"));
    log_event(EV_WARNING, FCT_STR(""), F_U64("n", 3));
    ck_assert_msg(read_all(p[0], text, sizeof text) > 0, "a warning is written at once");
    log_set_scheduler(NULL, NULL);
    close(p[0]);
    close(p[1]);
}
END_TEST

START_TEST(a_full_disk_loses_lines_only)
{
    uint64_t before = log_lost();
    int fd = open("/dev/full", O_WRONLY);

    ck_assert_int_ge(fd, 0);
    log_setup(fd, "edge", FCT_INFO);
    log_event(EV_NOTE, FCT_STR(""), F_U64("n", 1));
    ck_assert_uint_eq(log_lost(), before + 1);
    log_setup(STDERR_FILENO, "edge", FCT_INFO);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tc = tcase_create("log");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, values_are_quoted_and_escaped);
    tcase_add_test(tc, long_values_are_cut);
    tcase_add_test(tc, a_line_has_role_id_event_and_fields);
    tcase_add_test(tc, lines_of_a_turn_leave_together);
    tcase_add_test(tc, a_full_disk_loses_lines_only);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
