/* test_report_line.c - rows as lines, there and back, and what is no line. */
#include "plugins/dmarc/report_line.h"

#include "core/base/str.h"
#include <check.h>
#include <stdlib.h>

static const char sample[] =
    "[\"192.0.2.1\",\"reject\",0,1,[[\"local_policy\",\"a \\\"quoted\\\" \\\\ "
    "word\"],[\"other\",\"\"]],\"example.org\",\"example.net\",\"here.example\","
    "[[\"dkim\",\"example.net\",\"s1\",\"pass\"],[\"mfrom\",\"example.net\",\"\",\"fail\"]]]";

START_TEST(one_line_there_and_back)
{
    struct report_room room;
    struct dmarc_row row;
    char line[REPORT_LINE_MAX + 1];

    ck_assert(report_line_parse(str_from(sample), &room, &row));
    ck_assert_int_eq(row.disposition, DMARC_DONE_REJECT);
    ck_assert(!row.dkim_aligned && row.spf_aligned);
    ck_assert_uint_eq(row.reasons, 2);
    ck_assert(str_equal(row.reason[0].comment, FCT_STR("a \"quoted\" \\ word")));
    ck_assert_uint_eq(row.auths, 2);
    ck_assert(str_equal(row.auth[0].selector, FCT_STR("s1")));
    ck_assert_int_eq(row.auth[1].method, DMARC_AUTH_SPF);
    ck_assert_uint_eq(report_line_put(&row, line), sizeof sample - 1);
    ck_assert_str_eq(line, sample);
}
END_TEST

/* Every line that is shorter or longer by something is none. */
START_TEST(pieces_are_no_lines)
{
    struct report_room room;
    struct dmarc_row row;
    char more[sizeof sample + 1];

    for (size_t n = 0; n < sizeof sample - 1; n++)
        ck_assert_msg(!report_line_parse((struct fct_str){sample, n}, &room, &row), "%zu", n);
    (void)snprintf(more, sizeof more, "%s ", sample);
    ck_assert(!report_line_parse(str_from(more), &room, &row));
}
END_TEST

static const char *const wrong[] = {
    "[]",
    "{\"a\":1}",
    "[\"192.0.2.1\",\"often\",0,1,[],\"a\",\"b\",\"c\",[]]",
    "[\"192.0.2.1\",\"none\",2,1,[],\"a\",\"b\",\"c\",[]]",
    "[\"192.0.2.1\",\"none\",0,1,[[\"mood\",\"\"]],\"a\",\"b\",\"c\",[]]",
    "[\"192.0.2.1\",\"none\",0,1,[],\"a\",\"b\",\"c\",[[\"arc\",\"a\",\"\",\"pass\"]]]",
    "[\"192.0.2.1\",\"none\",0,1,[],\"a\\n\",\"b\",\"c\",[]]",
    "[\"192.0.2.1\",\"none\",0,1,[],\"a\n\",\"b\",\"c\",[]]",
    "[\"192.0.2.1\",\"none\",0,1,[],\"a\\",
};

START_TEST(what_is_no_line)
{
    struct report_room room;
    struct dmarc_row row;

    ck_assert_msg(!report_line_parse(str_from(wrong[_i]), &room, &row), "%s", wrong[_i]);
}
END_TEST

static struct fct_str random_text(char *room, size_t max)
{
    size_t n = (size_t)rand() % (max + 1);

    for (size_t i = 0; i < n; i++)
        room[i] = (char)(rand() % 8 == 0 ? rand() % 256 : "a\"\\.-z9"[rand() % 7]);
    return (struct fct_str){room, n};
}

static bool same_text(struct fct_str sent, struct fct_str got)
{
    if (got.n != (sent.n > DMARC_NAME_MAX ? DMARC_NAME_MAX : sent.n))
        return false;
    for (size_t i = 0; i < got.n; i++)
        if (got.p[i] != (sent.p[i] < ' ' || sent.p[i] > '~' ? '?' : sent.p[i]))
            return false;
    return true;
}

START_TEST(any_row_there_and_back)
{
    static char room[64][600];
    static struct report_room back;
    char line[REPORT_LINE_MAX + 1];
    struct dmarc_row row = {0}, got;
    size_t used = 0, n, dkim = 0;

    srand((unsigned)_i);
    row.source_ip = random_text(room[used++], 45);
    row.disposition = (enum dmarc_disposition)(rand() % 4);
    row.dkim_aligned = rand() % 2;
    row.spf_aligned = rand() % 2;
    row.header_from = random_text(room[used++], 300);
    row.envelope_from = random_text(room[used++], 300);
    row.envelope_to = random_text(room[used++], 300);
    row.reasons = (size_t)rand() % (DMARC_REASONS_MAX + 1);
    for (size_t i = 0; i < row.reasons; i++)
        row.reason[i] = (struct dmarc_reason){(enum dmarc_override)(rand() % 5),
                                              random_text(room[used++], 600)};
    row.auths = (size_t)rand() % (DMARC_AUTHS_MAX + 1);
    for (size_t i = 0; i < row.auths; i++) {
        row.auth[i].domain = random_text(room[used++], 253);
        row.auth[i].selector = random_text(room[used++], 63);
        row.auth[i].result = FCT_STR("pass");
        dkim++;
    }
    n = report_line_put(&row, line);
    ck_assert_uint_le(n, REPORT_LINE_MAX);
    ck_assert_uint_eq(strlen(line), n);
    ck_assert_msg(report_line_parse((struct fct_str){line, n}, &back, &got), "%d: %s", _i, line);
    ck_assert(same_text(row.source_ip, got.source_ip) &&
              same_text(row.header_from, got.header_from) &&
              same_text(row.envelope_from, got.envelope_from) &&
              same_text(row.envelope_to, got.envelope_to));
    ck_assert_uint_eq(got.reasons, row.reasons);
    for (size_t i = 0; i < row.reasons; i++)
        ck_assert(got.reason[i].type == row.reason[i].type &&
                  same_text(row.reason[i].comment, got.reason[i].comment));
    ck_assert_uint_le(got.auths, dkim);
    if (n < REPORT_LINE_MAX - 800)
        ck_assert_uint_eq(got.auths, dkim); /* nothing was left out where there was room */
}
END_TEST

/* A HELO name that anybody chooses must not make a line of every message. */
START_TEST(only_the_identity_that_counts)
{
    struct dmarc_row row = {.source_ip = FCT_STR("192.0.2.1"),
                            .header_from = FCT_STR("a.example"),
                            .envelope_from = FCT_STR("b.example"),
                            .envelope_to = FCT_STR("")};
    char with[REPORT_LINE_MAX + 1], without[REPORT_LINE_MAX + 1];

    row.auth[0] = (struct dmarc_auth){.method = DMARC_AUTH_SPF,
                                      .domain = FCT_STR("b.example"),
                                      .selector = FCT_STR(""),
                                      .result = FCT_STR("pass")};
    row.auth[1] = (struct dmarc_auth){.method = DMARC_AUTH_SPF,
                                      .helo = true,
                                      .domain = FCT_STR("x.example"),
                                      .selector = FCT_STR(""),
                                      .result = FCT_STR("none")};
    row.auths = 2;
    (void)report_line_put(&row, with);
    row.auths = 1;
    (void)report_line_put(&row, without);
    ck_assert_str_eq(with, without);
    row.envelope_from = FCT_STR("");
    row.auths = 2;
    (void)report_line_put(&row, with);
    ck_assert_ptr_nonnull(strstr(with, "[[\"helo\",\"x.example\",\"\",\"none\"]]"));
}
END_TEST

START_TEST(keys)
{
    char key[REPORT_KEY_MAX];

    ck_assert_uint_eq(report_key(key, "20260105", FCT_STR("")), strlen("fct:dmarc:{20260105}"));
    ck_assert_str_eq(key, "fct:dmarc:{20260105}");
    (void)report_key(key, "20260105", FCT_STR("example.org"));
    ck_assert_str_eq(key, "fct:dmarc:{20260105}:example.org");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report_line");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, one_line_there_and_back);
    tcase_add_test(tc, pieces_are_no_lines);
    tcase_add_loop_test(tc, what_is_no_line, 0, (int)FCT_COUNT(wrong));
    tcase_add_loop_test(tc, any_row_there_and_back, 0, 2000);
    tcase_add_test(tc, only_the_identity_that_counts);
    tcase_add_test(tc, keys);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
