/* test_ledger.c - encode and decode are inverse, sums add up, what is cut off is counted, forged
 * bytes are refused. */
#include "core/base/str.h"
#include "core/hook/ledger_log.h"
#include <check.h>

static struct arena *arena;

static void setup(void)
{
    arena = arena_new(NULL);
}

static void teardown(void)
{
    arena_free(&arena);
}

static struct fct_str encode(const struct ledger_log *log)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1u << 20);
    struct ledger view = ledger_log_view(log);

    ledger_encode(&view, &out);
    ck_assert(!out.overflow);
    ck_assert_uint_le(out.n, 16384);
    return arena_str(arena, buf_str(&out));
}

#define ENTRY(k, h, who, what, score, text, us, ...)                                      \
    {                                                                                     \
        .kind = LEDGER_##k, .hook = FCT_HOOK_##h, .by = FCT_STR_INIT(who),                \
        .name = FCT_STR_INIT(what), .score_milli = (score), .detail = FCT_STR_INIT(text), \
        .took_us = (us), __VA_ARGS__                                                      \
    }

static const struct ledger_entry samples[] = {
    ENTRY(SYMBOL, scan, "spf", "SPF_FAIL", 2500, "a\r\nb\"\\", 12, .weight_milli = 5000,
          .group = FCT_STR_INIT("spf")),
    ENTRY(SYMBOL, scan, "lua:x", "GOOD", -1100, "", 0, .weight_milli = -1100),
    ENTRY(VERDICT, verdict, "p", "reject", 0, "\xc3\xa9", UINT32_MAX, .shadow = false),
    ENTRY(EDIT, edit, "headers", "header_remove", 0, "X-A: b", 3, .shadow = false),
    ENTRY(FAULT, headers, "p", "timeout", 0, "", 1, .shadow = false),
    ENTRY(DELIVER, deliver, "p", "mailbox", 0, "Lists", 1, .shadow = false),
    ENTRY(SYMBOL, scan, "new", "TRIED", 9000, "", 1, .shadow = true),
    ENTRY(ADJUST, verdict, "strict", "spf", -400, "group spf: at most 2.100", 0, .shadow = false),
    ENTRY(FORCE, scan, "lua:x", "junk", 0, "rank 10: a list", 0, .shadow = false),
    ENTRY(PROFILE, verdict, "strict", "keep", 1000, "junk 6.000, reject 15.000", 0,
          .shadow = false),
};
#define SAMPLES_SUM 1000

START_TEST(round_trip)
{
    struct ledger_log log = {.arena = arena};
    struct ledger got;
    struct fct_err err = {0};

    for (size_t i = 0; i < FCT_COUNT(samples); i++)
        ledger_log_add(&log, &samples[i]);
    ck_assert_msg(ledger_decode(arena, encode(&log), &got, &err), "%s", err.text);
    ck_assert_uint_eq(got.n, FCT_COUNT(samples));
    ck_assert_int_eq(got.score_milli, SAMPLES_SUM);
    for (size_t i = 0; i < got.n; i++) {
        ck_assert_int_eq(got.entry[i].kind, samples[i].kind);
        ck_assert_int_eq(got.entry[i].hook, samples[i].hook);
        ck_assert_int_eq(got.entry[i].score_milli, samples[i].score_milli);
        ck_assert_uint_eq(got.entry[i].took_us, samples[i].took_us);
        ck_assert_int_eq(got.entry[i].weight_milli, samples[i].weight_milli);
        ck_assert(got.entry[i].shadow == samples[i].shadow);
        ck_assert(str_equal(got.entry[i].group, samples[i].group));
        ck_assert(str_equal(got.entry[i].by, samples[i].by));
        ck_assert(str_equal(got.entry[i].name, samples[i].name));
        ck_assert(str_equal(got.entry[i].detail, samples[i].detail));
    }
}
END_TEST

START_TEST(too_many_entries_are_counted_and_their_scores_kept)
{
    struct ledger_log log = {.arena = arena};
    struct ledger_entry e = samples[0];
    struct ledger got;
    struct fct_err err = {0};

    for (int i = 0; i < 2000; i++)
        ledger_log_add(&log, &e);
    ck_assert_msg(ledger_decode(arena, encode(&log), &got, &err), "%s", err.text);
    ck_assert_int_eq(got.score_milli, 2000 * 2500);
    ck_assert_uint_lt(got.n, 2000);
    ck_assert(str_equal(got.entry[got.n - 1].name, FCT_STR("MORE")));
    ck_assert(str_find(got.entry[got.n - 1].detail, FCT_STR("further entries")) > 0);
}
END_TEST

/* A ledger of the first version, as older copies in the store have it. */
START_TEST(version_1_is_still_read)
{
    static const char bytes[] = "\x01\x01\0\0\0\xc4\x09\0\0"   /* one entry, 2.500 */
                                "\0\x07\xc4\x09\0\0\x0c\0\0\0" /* symbol, scan, 12 us */
                                "\x03spf\x08SPF_FAIL\x01x";
    struct ledger got;
    struct fct_err err = {0};

    ck_assert_msg(ledger_decode(arena, (struct fct_str){bytes, sizeof bytes - 1}, &got, &err), "%s",
                  err.text);
    ck_assert_uint_eq(got.n, 1);
    ck_assert_int_eq(got.entry[0].hook, FCT_HOOK_scan);
    ck_assert_int_eq(got.entry[0].score_milli, 2500);
    ck_assert_int_eq(got.entry[0].weight_milli, 2500);
    ck_assert(!got.entry[0].shadow);
    ck_assert(str_equal(got.entry[0].detail, FCT_STR("x")));
}
END_TEST

START_TEST(who_judged_is_never_cut_off)
{
    struct ledger_log log = {.arena = arena};
    struct ledger got;
    struct fct_err err = {0};

    for (int i = 0; i < 2000; i++)
        ledger_log_add(&log, &samples[0]);
    ledger_log_add(&log, &samples[FCT_COUNT(samples) - 1]);
    ck_assert_msg(ledger_decode(arena, encode(&log), &got, &err), "%s", err.text);
    ck_assert_int_eq(got.entry[got.n - 2].kind, LEDGER_PROFILE);
    ck_assert(str_equal(got.entry[got.n - 1].name, FCT_STR("MORE")));
    ck_assert_int_eq(got.score_milli, 2000 * 2500);
}
END_TEST

START_TEST(long_details_are_cut_between_characters)
{
    struct ledger_log log = {.arena = arena};
    struct ledger_entry e = samples[0];
    struct fct_err err = {0};
    struct ledger got;
    char text[301];

    memset(text, 'a', sizeof text);
    memcpy(text + 199, "\xe2\x82\xac", 3); /* the euro sign does not fit into 200 bytes */
    e.detail = (struct fct_str){text, sizeof text};
    ledger_log_add(&log, &e);
    ck_assert(ledger_decode(arena, encode(&log), &got, &err));
    ck_assert_uint_eq(got.entry[0].detail.n, 199);
}
END_TEST

/* Every byte of a good ledger changed, every prefix of it: refused, or something that is a ledger
 * again. Never a crash. */
START_TEST(forged_bytes)
{
    struct ledger_log log = {.arena = arena};
    struct fct_str good;
    struct ledger got;
    struct fct_err err = {0};
    size_t accepted = 0;
    char *p;

    for (size_t i = 0; i < FCT_COUNT(samples); i++)
        ledger_log_add(&log, &samples[i]);
    good = encode(&log);
    for (size_t n = 0; n < good.n; n++)
        ck_assert_msg(!ledger_decode(arena, str_head(good, n), &got, &err), "prefix of %zu", n);
    p = arena_alloc(arena, good.n + 1);
    memcpy(p, good.p, good.n);
    ck_assert(!ledger_decode(arena, (struct fct_str){p, good.n + 1}, &got, &err));
    for (size_t i = 0; i < good.n; i++) {
        p[i] = (char)(p[i] ^ 0x81);
        accepted += ledger_decode(arena, (struct fct_str){p, good.n}, &got, &err);
        p[i] = good.p[i];
    }
    ck_assert_uint_lt(accepted, good.n); /* text may change, structure may not */
    p[5] = (char)(p[5] ^ 1);             /* the sum */
    ck_assert(!ledger_decode(arena, (struct fct_str){p, good.n}, &got, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "symbols make 1000"));
}
END_TEST

/* C0, C1 and bytes that are no text: JSON reads them as such, terminals do nothing. */
START_TEST(details_move_no_cursor)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(4096);
    struct ledger_entry entry = {
        .kind = LEDGER_SYMBOL, .hook = FCT_HOOK_scan, .name = FCT_STR("A")};
    struct ledger ledger = {&entry, 1, 0};

    entry.detail = FCT_STR("\x1b[1m \xc2\x9b"
                           "2J \xc3\xa9");
    ledger_print(&ledger, false, &text);
    buf_put_char(&text, '\0');
    ck_assert_msg(strstr(text.p, "\"\\u001b[1m \\u009b2J \xc3\xa9\""), "%s", text.p);
}
END_TEST

START_TEST(printed)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(65536);
    FCT_CLEANUP(buf_free) struct buf json = BUF_INIT(65536);
    struct ledger ledger = {samples, FCT_COUNT(samples), SAMPLES_SUM};

    ledger_print(&ledger, false, &text);
    ledger_print(&ledger, true, &json);
    buf_put_char(&text, '\0');
    buf_put_char(&json, '\0');
    ck_assert_msg(strstr(text.p, " -1.100"), "%s", text.p);
    ck_assert_msg(strstr(text.p, "score    1.000\n"), "%s", text.p);
    ck_assert_msg(strstr(text.p, "a\\u000d\\u000ab\\\"\\\\"), "%s", text.p);
    ck_assert_msg(
        strncmp(json.p,
                "{\"score\": 1.000, \"entries\": [{\"kind\": \"symbol\", \"hook\": \"scan\"",
                60) == 0,
        "%s", json.p);
    ck_assert_msg(strstr(json.p, "\"score\": -1.100"), "%s", json.p);
    ck_assert_msg(strstr(json.p, "\"weight\": 5.000, \"group\": \"spf\""), "%s", json.p);
    ck_assert_msg(strstr(json.p, "\"would_score\": 9.000"), "%s", json.p);
    ck_assert_msg(strstr(json.p, "\"sum\": 1.000"), "%s", json.p);
    ck_assert_msg(strstr(json.p, "\"shadow\": true"), "%s", json.p);
    ck_assert_msg(strstr(text.p, "would symbol"), "%s", text.p);
    ck_assert_msg(strstr(json.p, "}]}"), "%s", json.p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ledger");
    TCase *tc = tcase_create("ledger");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, round_trip);
    tcase_add_test(tc, too_many_entries_are_counted_and_their_scores_kept);
    tcase_add_test(tc, version_1_is_still_read);
    tcase_add_test(tc, who_judged_is_never_cut_off);
    tcase_add_test(tc, long_details_are_cut_between_characters);
    tcase_add_test(tc, forged_bytes);
    tcase_add_test(tc, details_move_no_cursor);
    tcase_add_test(tc, printed);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
