/* test_ctl_replay.c - verdicts read from ledgers, sums over them, and what --since understands. */
#include "core/base/str.h"
#include "core/ctl/ctl_replay.h"

#include <check.h>
#include <stdlib.h>
#include <time.h>

static struct arena *arena;

static void set_up(void)
{
    arena = arena_new(NULL);
    (void)setenv("TZ", "UTC", 1);
    tzset();
}

static void tear_down(void)
{
    arena_free(&arena);
}

/* ---- ledgers ---- */

#define ENTRY(k, n, s, d)                                                      \
    {                                                                          \
        .kind = (k), .hook = FCT_HOOK_verdict, .by = FCT_STR_INIT("someone"),  \
        .name = FCT_STR_INIT(n), .score_milli = (s), .detail = FCT_STR_INIT(d) \
    }
#define PROFILE(action, score) ENTRY(LEDGER_PROFILE, action, score, "junk 6, reject 15")
#define VERDICT(word, why)     ENTRY(LEDGER_VERDICT, word, 0, why)
#define SYMBOL(name, score)    ENTRY(LEDGER_SYMBOL, name, score, "")
#define MOST                   4

static struct fct_str encode(const struct ledger_entry *entry)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(65536);
    struct ledger l = {.entry = entry};

    for (; l.n < MOST && entry[l.n].name.n > 0; l.n++)
        if (entry[l.n].kind == LEDGER_SYMBOL && !entry[l.n].shadow)
            l.score_milli += entry[l.n].score_milli;
    ledger_encode(&l, &out);
    return arena_str(arena, buf_str(&out));
}

START_TEST(verdicts_of_ledgers)
{
    static const struct {
        const char *name;
        struct ledger_entry entry[MOST];
        enum replay_fate fate;
        int32_t score_milli;
        const char *mailbox;
    } cases[] = {
        {"nothing", {{0}}, REPLAY_KEEP, 0, ""},
        {"symbols alone", {SYMBOL("A", 1500)}, REPLAY_KEEP, 1500, ""},
        {"the profile's action", {SYMBOL("A", 7000), PROFILE("junk", 7000)}, REPLAY_JUNK, 7000, ""},
        {"tag", {PROFILE("tag", 0)}, REPLAY_TAG, 0, ""},
        {"greylist", {PROFILE("greylist", 0)}, REPLAY_GREYLIST, 0, ""},
        {"an answer above it", {PROFILE("junk", 0), VERDICT("reject", "")}, REPLAY_REJECT, 0, ""},
        {"an answer below it",
         {PROFILE("reject", 0), VERDICT("quarantine", "")},
         REPLAY_REJECT,
         0,
         ""},
        {"of two answers the stronger",
         {VERDICT("tempfail", ""), VERDICT("discard", "")},
         REPLAY_TEMPFAIL,
         0,
         ""},
        {"disconnect", {VERDICT("disconnect", "")}, REPLAY_REJECT, 0, ""},
        {"accept is none", {VERDICT("accept", "")}, REPLAY_KEEP, 0, ""},
        {"what was wished, not what was shared",
         {PROFILE("reject", 0),
          VERDICT("junk", "instead of reject: one reply answers for all recipients")},
         REPLAY_REJECT,
         0,
         ""},
        {"the shared action is no wish",
         {VERDICT("quarantine", "instead of reject")},
         REPLAY_KEEP,
         0,
         ""},
        {"a mailbox", {ENTRY(LEDGER_DELIVER, "mailbox", 0, "Lists")}, REPLAY_KEEP, 0, "Lists"},
        {"a keyword is no mailbox",
         {ENTRY(LEDGER_DELIVER, "keyword", 0, "$X")},
         REPLAY_KEEP,
         0,
         ""},
        {"a word nobody knows", {PROFILE("frobnicate", 0)}, REPLAY_KEEP, 0, ""},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct replay_verdict got;
        struct fct_err err = {0};

        ck_assert_msg(replay_verdict_of(arena, encode(cases[i].entry), &got, &err), "%s: %s",
                      cases[i].name, err.text);
        ck_assert_msg(got.fate == cases[i].fate, "%s: got %s", cases[i].name,
                      replay_fate_name[got.fate]);
        ck_assert_int_eq(got.score_milli, cases[i].score_milli);
        ck_assert_msg(str_equal(got.mailbox, str_from(cases[i].mailbox)), "%s: got %.*s",
                      cases[i].name, FCT_FMT(got.mailbox));
    }
}
END_TEST

START_TEST(shadows_count_nowhere)
{
    struct ledger_entry entry[MOST] = {PROFILE("reject", 0), VERDICT("reject", ""),
                                       ENTRY(LEDGER_DELIVER, "mailbox", 0, "Junk")};
    struct replay_verdict got;
    struct fct_err err = {0};

    for (size_t i = 0; i < 3; i++)
        entry[i].shadow = true;
    ck_assert(replay_verdict_of(arena, encode(entry), &got, &err));
    ck_assert_int_eq(got.fate, REPLAY_KEEP);
    ck_assert_uint_eq(got.mailbox.n, 0);
}
END_TEST

START_TEST(ledgers_that_are_none)
{
    struct replay_verdict got;
    struct fct_err err = {0};

    ck_assert(replay_verdict_of(arena, FCT_STR(""), &got, &err));
    ck_assert_int_eq(got.fate, REPLAY_KEEP);
    ck_assert(!replay_verdict_of(arena, FCT_STR("\x09nonsense"), &got, &err));
    ck_assert_str_ne(err.text, "");
}
END_TEST

START_TEST(what_counts_as_a_change)
{
    struct replay_verdict a = {.fate = REPLAY_JUNK, .score_milli = 1},
                          b = {.fate = REPLAY_JUNK, .score_milli = 2};

    ck_assert(replay_same(&a, &b)); /* a score alone is none */
    b.mailbox = FCT_STR("Lists");
    ck_assert(!replay_same(&a, &b));
    b = a;
    b.fate = REPLAY_TAG;
    ck_assert(!replay_same(&a, &b));
}
END_TEST

START_TEST(sums_add_up)
{
    struct replay_verdict keep = {.fate = REPLAY_KEEP, .score_milli = 1000},
                          junk = {.fate = REPLAY_JUNK, .score_milli = 7000};
    struct replay_sums sums = {0};

    replay_sums_add(&sums, &keep, &keep);
    replay_sums_add(&sums, &keep, &junk);
    replay_sums_add(&sums, &junk, &keep);
    replay_sums_add(&sums, &junk, &keep);
    ck_assert_uint_eq(sums.judged, 4);
    ck_assert_uint_eq(sums.changed, 3);
    ck_assert_uint_eq(sums.score_differs, 3);
    ck_assert_int_eq(sums.score_milli, -6000);
    ck_assert_int_eq(sums.least_milli, -6000);
    ck_assert_int_eq(sums.most_milli, 6000);
    ck_assert_uint_eq(sums.moved[REPLAY_JUNK][REPLAY_KEEP], 2);
    ck_assert_uint_eq(sums.moved[REPLAY_KEEP][REPLAY_JUNK], 1);
}
END_TEST

/* ---- --since ---- */

#define NOW INT64_C(1767607872) /* 2026-01-05 10:11:12 UTC */

START_TEST(times_that_are_right)
{
    static const struct {
        const char *text;
        int64_t since;
    } cases[] = {
        {"7d", NOW - 7 * 86400},
        {"12h", NOW - 12 * 3600},
        {"30m", NOW - 1800},
        {"2w", NOW - 14 * 86400},
        {"0d", NOW},
        {"999999w", 0},
        {"2026-01-05", 1767571200},
        {"2026-01-05 10:11", 1767607860},
        {"2026-01-05 10:11:12", NOW},
        {"2026-01-05T10:11:12", NOW},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_err err = {0};
        int64_t since = -1;

        ck_assert_msg(replay_since_parse(str_from(cases[i].text), NOW, &since, &err), "%s: %s",
                      cases[i].text, err.text);
        ck_assert_msg(since == cases[i].since, "%s: got %lld", cases[i].text, (long long)since);
    }
}
END_TEST

START_TEST(times_that_are_wrong)
{
    static const char *const cases[] = {"",
                                        "d",
                                        "7",
                                        "7x",
                                        "-7d",
                                        "7 d",
                                        "7dd",
                                        "1e3d",
                                        "yesterday",
                                        "2026-13-05",
                                        "2026-01-05x",
                                        "99999999d",
                                        "2026-01-05 10:11:12 and so on and on"};

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_err err = {0};
        int64_t since;

        ck_assert_msg(!replay_since_parse(str_from(cases[i]), NOW, &since, &err), "%s", cases[i]);
        ck_assert_msg(strstr(err.text, "must be as 7d"), "%s: %s", cases[i], err.text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_replay");
    TCase *tests = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, verdicts_of_ledgers);
    tcase_add_test(tests, shadows_count_nowhere);
    tcase_add_test(tests, ledgers_that_are_none);
    tcase_add_test(tests, what_counts_as_a_change);
    tcase_add_test(tests, sums_add_up);
    tcase_add_test(tests, times_that_are_right);
    tcase_add_test(tests, times_that_are_wrong);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
