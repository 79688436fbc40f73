/* test_dmarc_day.c - which day, who gets its report, and when the server sends it by itself. */
#include "core/base/str.h"
#include "protocols/relay/dmarc/dmarc_day.h"
#include <check.h>
#include <stdlib.h>

#define MIDNIGHT ((int64_t)1767571200) /* 2026-01-05 in UTC */

START_TEST(days)
{
    static const struct {
        int64_t within, now;
        const char *name;
        int64_t begin, end;
        bool partial;
    } cases[] = {
        {MIDNIGHT, MIDNIGHT + 86400, "20260105", MIDNIGHT, MIDNIGHT + 86399, false},
        {MIDNIGHT + 86399, MIDNIGHT + 86400, "20260105", MIDNIGHT, MIDNIGHT + 86399, false},
        {MIDNIGHT - 1, MIDNIGHT, "20260104", MIDNIGHT - 86400, MIDNIGHT - 1, false},
        {MIDNIGHT, MIDNIGHT + 86399, "20260105", MIDNIGHT, MIDNIGHT + 86399, true},
        {MIDNIGHT + 5, MIDNIGHT + 60, "20260105", MIDNIGHT, MIDNIGHT + 60, true},
        {MIDNIGHT + 55 * 86400, MIDNIGHT + 60 * 86400, "20260301", MIDNIGHT + 55 * 86400,
         MIDNIGHT + 56 * 86400 - 1, false},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct dmarc_day day = dmarc_day_of(cases[i].within, cases[i].now);

        ck_assert_str_eq(day.name, cases[i].name);
        ck_assert_int_eq(day.begin, cases[i].begin);
        ck_assert_int_eq(day.end, cases[i].end);
        ck_assert_msg(day.partial == cases[i].partial, "%s", cases[i].name);
    }
}
END_TEST

START_TEST(who_sends_by_himself)
{
    static const struct {
        bool reports;
        const char *send, *email;
        bool wanted;
    } cases[] = {
        {true, "auto", "", false}, {true, "auto", "a@example.org", true},
        {true, "yes", "", true},   {true, "no", "a@example.org", false},
        {false, "yes", "", false}, {false, "auto", "a@example.org", false},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        const struct dmarc_conf conf = {.reports = cases[i].reports,
                                        .report_send = cases[i].send,
                                        .report_email = cases[i].email};

        ck_assert_msg(dmarc_conf_sends(&conf) == cases[i].wanted, "%s %s", cases[i].send,
                      cases[i].email);
    }
}
END_TEST

/* Two destinations that agreed, the second with a limit of its own. */
static struct dmarc_report two_destinations(struct report_destination room[2], uint64_t limit)
{
    struct dmarc_report r = {
        .head = {.org = "Here",
                 .email = "dmarc@here.example",
                 .contact = "",
                 .generator = "x",
                 .receiver = "here.example",
                 .id = "1@here.example",
                 .begin = MIDNIGHT,
                 .end = MIDNIGHT + 86399,
                 .domain = FCT_STR("example.org")},
        .gzip = FCT_STR("\x1f\x8b not really"),
        .destination = room,
        .destinations = 2,
        .recipients = 2,
    };

    memset(room, 0, 2 * sizeof *room);
    (void)snprintf(room[0].address.text, sizeof room[0].address.text, "a@example.org");
    (void)snprintf(room[1].address.text, sizeof room[1].address.text, "b@example.org");
    room[1].address.max_bytes = limit;
    r.to[0] = room[0].address.text;
    r.to[1] = room[1].address.text;
    return r;
}

START_TEST(those_who_take_one_so_large)
{
    static const struct {
        const char *name;
        uint64_t most, limit;
        size_t recipients;
        const char *why; /* the second gets none */
    } cases[] = {
        {"no limits", 1u << 20, 0, 2, NULL},
        {"a large one", 1u << 20, 1u << 19, 2, NULL},
        {"a small one", 1u << 20, 100, 1, "it takes 100"},
        {"ours", 50, 0, 0, "report_max_size takes 50"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        const struct dmarc_reporter reporter = {.conf = {.report_max_size = {cases[i].most}},
                                                .email = "dmarc@here.example"};
        struct arena *arena = arena_new(NULL);
        struct report_destination room[2];
        struct dmarc_report r = two_destinations(room, cases[i].limit);
        struct fct_err err = {0};

        ck_assert(dmarc_report_write_mail(&reporter, arena, &r, &err));
        ck_assert_msg(r.recipients == cases[i].recipients, "%s", cases[i].name);
        ck_assert_msg((r.message.n > 0) == (r.recipients > 0), "%s", cases[i].name);
        ck_assert_msg(!cases[i].why == !r.not_sent[1], "%s", cases[i].name);
        ck_assert_msg(!cases[i].why || strstr(r.not_sent[1], cases[i].why), "%s", r.not_sent[1]);
        if (r.recipients > 0)
            ck_assert_msg(str_find(r.message, FCT_STR("\r\nTo: <a@example.org>")) > 0, "%s",
                          cases[i].name);
        ck_assert_msg((str_find(r.message, FCT_STR("<b@example.org>")) > 0) == (r.recipients == 2),
                      "%s", cases[i].name);
        arena_free(&arena);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dmarc_day");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tc, days);
    tcase_add_test(tc, who_sends_by_himself);
    tcase_add_test(tc, those_who_take_one_so_large);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
