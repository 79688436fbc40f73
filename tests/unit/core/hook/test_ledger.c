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

static const struct ledger_entry samples[] = {
    {LEDGER_SYMBOL, FCT_HOOK_scan, {"spf", 3}, {"SPF_FAIL", 8}, 2500, {"a\r\nb\"\\", 6}, 12},
    {LEDGER_SYMBOL, FCT_HOOK_scan, {"lua:x", 5}, {"GOOD", 4}, -1100, {"", 0}, 0},
    {LEDGER_VERDICT, FCT_HOOK_verdict, {"p", 1}, {"reject", 6}, 0, {"\xc3\xa9", 2}, UINT32_MAX},
    {LEDGER_EDIT, FCT_HOOK_edit, {"headers", 7}, {"header_remove", 13}, 0, {"X-A: b", 6}, 3},
    {LEDGER_FAULT, FCT_HOOK_headers, {"p", 1}, {"timeout", 7}, 0, {"", 0}, 1},
    {LEDGER_DELIVER, FCT_HOOK_deliver, {"p", 1}, {"mailbox", 7}, 0, {"Lists", 5}, 1},
};

START_TEST(round_trip)
{
    struct ledger_log log = {.arena = arena};
    struct ledger got;
    struct fct_err err = {0};

    for (size_t i = 0; i < FCT_COUNT(samples); i++)
        ledger_log_add(&log, &samples[i]);
    ck_assert_msg(ledger_decode(arena, encode(&log), &got, &err), "%s", err.text);
    ck_assert_uint_eq(got.n, FCT_COUNT(samples));
    ck_assert_int_eq(got.score_milli, 1400);
    for (size_t i = 0; i < got.n; i++) {
        ck_assert_int_eq(got.entry[i].kind, samples[i].kind);
        ck_assert_int_eq(got.entry[i].hook, samples[i].hook);
        ck_assert_int_eq(got.entry[i].score_milli, samples[i].score_milli);
        ck_assert_uint_eq(got.entry[i].took_us, samples[i].took_us);
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
    ck_assert_ptr_nonnull(strstr(err.text, "symbols make 1400"));
}
END_TEST

START_TEST(printed)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(65536);
    FCT_CLEANUP(buf_free) struct buf json = BUF_INIT(65536);
    struct ledger ledger = {samples, 3, 1400};

    ledger_print(&ledger, false, &text);
    ledger_print(&ledger, true, &json);
    buf_put_char(&text, '\0');
    buf_put_char(&json, '\0');
    ck_assert_msg(strstr(text.p, " -1.100"), "%s", text.p);
    ck_assert_msg(strstr(text.p, "score    1.400\n"), "%s", text.p);
    ck_assert_msg(strstr(text.p, "a\\u000d\\u000ab\\\"\\\\"), "%s", text.p);
    ck_assert_msg(
        strncmp(json.p,
                "{\"score\": 1.400, \"entries\": [{\"kind\": \"symbol\", \"hook\": \"scan\"",
                60) == 0,
        "%s", json.p);
    ck_assert_msg(strstr(json.p, "\"score\": -1.100"), "%s", json.p);
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
    tcase_add_test(tc, long_details_are_cut_between_characters);
    tcase_add_test(tc, forged_bytes);
    tcase_add_test(tc, printed);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
