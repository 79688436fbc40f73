/* test_base.c - views, arenas, buffers, maps, base64, utf8, errors. */
#include "core/base/arena.h"
#include "core/base/base64.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/id.h"
#include "core/base/language.h"
#include "core/base/map.h"
#include "core/base/memory_file.h"
#include "core/base/str.h"
#include "core/base/utf8.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

START_TEST(numbers_are_digits_only)
{
    static const struct {
        const char *in;
        bool ok;
        uint64_t want;
    } cases[] = {
        {"0", true, 0},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"99999999999999999999999", false, 0},
        {"", false, 0},
        {"-1", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1a", false, 0},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        uint64_t v = 0;

        ck_assert_msg(str_to_u64(str_from(cases[i].in), &v) == cases[i].ok, "%s", cases[i].in);
        if (cases[i].ok)
            ck_assert_msg(v == cases[i].want, "%s", cases[i].in);
    }
}
END_TEST

START_TEST(split_tells_a_last_empty_piece_from_none)
{
    struct fct_str rest = FCT_STR("a,,b,");
    const char *want[] = {"a", "", "b", ""};
    size_t n = 0;

    while (rest.p) {
        struct fct_str piece = str_split(&rest, ',');

        ck_assert(n < FCT_COUNT(want));
        ck_assert(str_equal(piece, str_from(want[n])));
        n++;
    }
    ck_assert_uint_eq(n, FCT_COUNT(want));
}
END_TEST

START_TEST(finding_and_trimming)
{
    ck_assert_int_eq(str_find_nocase(FCT_STR("say HeLLo"), FCT_STR("hello")), 4);
    ck_assert_int_eq(str_find_nocase(FCT_STR("say hell"), FCT_STR("hello")), -1);
    ck_assert_int_eq(str_find(FCT_STR("abc"), FCT_STR("")), 0);
    ck_assert_int_eq(str_find_last_char(FCT_STR("a.b.c"), '.'), 3);
    ck_assert(str_equal(str_trim(FCT_STR(" \t x y\r\n")), FCT_STR("x y")));
    ck_assert(str_starts_nocase(FCT_STR("FROM:<>"), FCT_STR("from:")));
    ck_assert(!str_ends_nocase(FCT_STR("x"), FCT_STR("xx")));
    ck_assert(str_compare(FCT_STR("a"), FCT_STR("ab")) < 0);
}
END_TEST

static void count_release(void *arg)
{
    ++*(int *)arg;
}

START_TEST(arena_frees_children_and_runs_what_was_deferred)
{
    int released = 0;
    struct arena *parent = arena_new(NULL), *child = arena_new(parent);

    arena_defer(child, count_release, &released);
    arena_defer(parent, count_release, &released);
    for (size_t n = 1; n < 20000; n *= 3) {
        char *p = arena_alloc(child, n);

        ck_assert(p[0] == 0 && p[n - 1] == 0);
        memset(p, 'x', n);
        ck_assert_uint_eq((uintptr_t)p % 16, 0);
    }
    ck_assert(str_equal(arena_printf(parent, "%d-%s", 7, "x"), FCT_STR("7-x")));
    arena_free(&parent);
    ck_assert_ptr_null(parent);
    ck_assert_int_eq(released, 2);
}
END_TEST

START_TEST(buffer_stops_at_its_maximum)
{
    struct buf b = BUF_INIT(10);

    ck_assert(buf_put_c(&b, "12345"));
    ck_assert(buf_put_u64(&b, 6789));
    ck_assert(!buf_put_c(&b, "too much"));
    ck_assert(b.overflow);
    ck_assert_msg(!buf_put_char(&b, 'x'), "nothing is added after an overflow");
    ck_assert(str_equal(buf_str(&b), FCT_STR("123456789")));
    buf_clear(&b);
    ck_assert(buf_printf(&b, "%s", "123456789"));
    ck_assert(!buf_printf(&b, "%d", 12345));
    buf_free(&b);
}
END_TEST

START_TEST(map_survives_random_work)
{
    enum { KEYS = 500 };
    struct map *m = map_new();
    int present[KEYS] = {0};
    size_t at = 0, seen = 0, living = 0;
    void *value;

    srandom(7);
    for (int step = 0; step < 20000; step++) {
        uint64_t k = (uint64_t)random() % KEYS;

        if (random() % 2) {
            ck_assert((map_put(m, map_u64(&k), &present[k]) != NULL) == present[k]);
            present[k] = 1;
        } else {
            ck_assert((map_remove(m, map_u64(&k)) != NULL) == present[k]);
            present[k] = 0;
        }
    }
    for (uint64_t k = 0; k < KEYS; k++) {
        ck_assert(map_get(m, map_u64(&k)) == (present[k] ? &present[k] : NULL));
        living += (size_t)present[k];
    }
    ck_assert_uint_eq(map_count(m), living);
    while (map_next(m, &at, NULL, &value))
        seen++;
    ck_assert_uint_eq(seen, living);
    map_free(&m);
}
END_TEST

START_TEST(base64_is_strict)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ""},         {"Zg==", "f"},      {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"Zm9vYg==", "foob"},
        {"Zg=", NULL},    {"Zg", NULL},       {"Zh==", NULL}, {"Z===", NULL},  {"Zm 9v", NULL},
        {"Zm9v\n", NULL}, {"Zg==Zg==", NULL}, {"====", NULL},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct buf b = BUF_INIT(100), again = BUF_INIT(100);
        bool ok = base64_decode(str_from(cases[i].in), &b);

        ck_assert_msg(ok == (cases[i].out != NULL), "%s", cases[i].in);
        if (ok) {
            ck_assert_msg(str_equal(buf_str(&b), str_from(cases[i].out)), "%s", cases[i].in);
            ck_assert(base64_encode(buf_str(&b), &again));
            ck_assert(str_equal(buf_str(&again), str_from(cases[i].in)));
        } else {
            ck_assert_uint_eq(b.n, 0);
        }
        buf_free(&b);
        buf_free(&again);
    }
}
END_TEST

START_TEST(utf8_folding_and_validity)
{
    struct buf b = BUF_INIT(100);

    ck_assert(utf8_is_valid(FCT_STR("h\xc3\xa9llo")));
    ck_assert_msg(!utf8_is_valid(FCT_STR("\xc0\xaf")), "overlong");
    ck_assert_msg(!utf8_is_valid(FCT_STR("\xed\xa0\x80")), "surrogate");
    ck_assert(!utf8_is_valid(FCT_STR("a\0b")));
    ck_assert(utf8_fold(FCT_STR("STRA\xc3\x9f"
                                "E \xc3\x89"),
                        &b));
    ck_assert(str_equal(buf_str(&b), FCT_STR("strasse \xc3\xa9")));
    buf_free(&b);
}
END_TEST

START_TEST(text_of_one_line)
{
    static const struct {
        struct fct_str text;
        bool is;
    } cases[] = {
        {FCT_STR_INIT(""), true},
        {FCT_STR_INIT("na\xc3\xafve \xc2\xa0 x"), true},
        {FCT_STR_INIT("two\r\nlines"), false},
        {FCT_STR_INIT("tab\t"), false},
        {FCT_STR_INIT("\x1b[2J"), false},
        {FCT_STR_INIT("\x7f"), false},
        {FCT_STR_INIT("\xc2\x9b"
                      "2J"),
         false}, /* the same escape in one character */
        {FCT_STR_INIT("cut \xc2"), false},
        {FCT_STR_INIT("\xff"), false},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        ck_assert_msg(utf8_is_line(cases[i].text) == cases[i].is, "%zu", i);
}
END_TEST

START_TEST(errors_are_one_line)
{
    struct fct_err err = {0};

    ck_assert(!fct_fail(&err, FCT_TEMP, "read\r\n%s", "x"));
    ck_assert_str_eq(err.text, "read??x");
    ck_assert(!fct_fail_in(&err, "load %d", 7));
    ck_assert_str_eq(err.text, "load 7: read??x");
    ck_assert_int_eq(err.class, FCT_TEMP);
}
END_TEST

START_TEST(ids_differ)
{
    struct map *m = map_new();

    for (int i = 0; i < 10000; i++) {
        struct id id = id_new();

        ck_assert_uint_eq(strlen(id.text), ID_LENGTH);
        ck_assert_msg(!map_put(m, str_from(id.text), m), "%s twice", id.text);
    }
    map_free(&m);
}
END_TEST

START_TEST(a_memory_file_holds_its_bytes_for_good)
{
    char text[8];
    int fd = memory_file("test", FCT_STR("bytes"));

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pread(fd, text, sizeof text, 0), 5);
    ck_assert_mem_eq(text, "bytes", 5);
    ck_assert_int_eq(pwrite(fd, "x", 1, 0), -1);
    ck_assert_int_eq(ftruncate(fd, 0), -1);
    close(fd);
}
END_TEST

START_TEST(languages_are_chosen_from_lists)
{
    static const struct {
        const char *tags;
        enum language want;
    } cases[] = {
        {"", LANGUAGE_ENGLISH},           {"fr", LANGUAGE_FRENCH},     {"FR-ca", LANGUAGE_FRENCH},
        {"de, fr en", LANGUAGE_FRENCH},   {"en fr", LANGUAGE_ENGLISH}, {"fro", LANGUAGE_ENGLISH},
        {" ,,de , fr-", LANGUAGE_FRENCH}, {"f", LANGUAGE_ENGLISH},
    };
    enum language found;

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        ck_assert_msg(language_choose(str_from(cases[i].tags)) == cases[i].want, "%s",
                      cases[i].tags);
    ck_assert(language_find_first(FCT_STR("de fr en"), &found) && found == LANGUAGE_FRENCH);
    ck_assert(!language_find_first(FCT_STR("de,it"), &found) && found == LANGUAGE_ENGLISH);
    ck_assert(language_find(FCT_STR("en-GB"), &found) && found == LANGUAGE_ENGLISH);
    ck_assert(!language_find(FCT_STR("de"), &found) && found == LANGUAGE_ENGLISH);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base");
    TCase *tc = tcase_create("base");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, numbers_are_digits_only);
    tcase_add_test(tc, split_tells_a_last_empty_piece_from_none);
    tcase_add_test(tc, finding_and_trimming);
    tcase_add_test(tc, arena_frees_children_and_runs_what_was_deferred);
    tcase_add_test(tc, buffer_stops_at_its_maximum);
    tcase_add_test(tc, map_survives_random_work);
    tcase_add_test(tc, base64_is_strict);
    tcase_add_test(tc, utf8_folding_and_validity);
    tcase_add_test(tc, text_of_one_line);
    tcase_add_test(tc, errors_are_one_line);
    tcase_add_test(tc, ids_differ);
    tcase_add_test(tc, a_memory_file_holds_its_bytes_for_good);
    tcase_add_test(tc, languages_are_chosen_from_lists);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
