/* test_cassette.c - what was recorded is what is replayed, in its order; nothing else is. */
#include "core/plugin/cassette.h"

#include "core/base/str.h"
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

static char path[40];
static struct arena *arena;

static void setup(void)
{
    snprintf(path, sizeof path, "/tmp/facteur-cassette.XXXXXX");
    close(mkstemp(path));
    arena = arena_new(NULL);
}

static void teardown(void)
{
    unlink(path);
    arena_free(&arena);
}

static json_t *question(const char *name)
{
    return json_pack("{s:s, s:s}", "type", "TXT", "name", name);
}

static void add(struct cassette *c, const char *kind, const char *name, const char *answer)
{
    json_t *q = question(name);

    cassette_add(c, kind, q, json_string(answer));
    json_decref(q);
}

static const char *find(struct cassette *c, const char *kind, const char *name, struct fct_err *err)
{
    json_t *q = json_pack("{s:s, s:s}", "name", name, "type", "TXT"); /* another order */
    const char *found = json_string_value(cassette_find(c, kind, q, err));

    json_decref(q);
    return found;
}

START_TEST(test_replay)
{
    struct fct_err err = {0};
    struct cassette *c = cassette_record(path, &err);

    ck_assert_msg(c != NULL, "%s", err.text);
    ck_assert(!cassette_replays(c));
    add(c, "dns", "a.example", "one");
    add(c, "redis", "a.example", "other");
    add(c, "dns", "a.example", "two");
    cassette_free(&c);
    c = cassette_replay(path, &err);
    ck_assert_msg(c != NULL, "%s", err.text);
    ck_assert(cassette_replays(c));
    ck_assert_str_eq(find(c, "dns", "a.example", &err), "one");
    ck_assert_str_eq(find(c, "dns", "a.example", &err), "two");
    ck_assert_str_eq(find(c, "dns", "a.example", &err), "two");
    ck_assert_str_eq(find(c, "redis", "a.example", &err), "other");
    ck_assert_ptr_null(find(c, "http", "a.example", &err));
    ck_assert_ptr_null(find(c, "dns", "b.example", &err));
    ck_assert_ptr_nonnull(strstr(err.text, "no answer to dns"));
    ck_assert_ptr_nonnull(strstr(err.text, "b.example"));
    cassette_free(&c);
    ck_assert(!cassette_replays(NULL));
}
END_TEST

static const struct {
    const char *text, *want;
} bad[] = {
    {"", "is no cassette"},
    {"hello\n", "is no cassette"},
    {"{\"cassette\":2}\n", "is no cassette"},
    {"{\"cassette\":1}\n\n{\n", ":3: "},
    {"{\"cassette\":1}\n{\"kind\":\"dns\",\"question\":1}\n", ":2: a line needs"},
    {"{\"cassette\":1}\n{\"kind\":1,\"question\":1,\"answer\":1}\n", ":2: a line needs"},
    {"{\"cassette\":1}\n[]\n", ":2: a line needs"},
};

START_TEST(test_bad_file)
{
    struct fct_err err = {0};
    FILE *f = fopen(path, "we");

    fputs(bad[_i].text, f);
    fclose(f);
    ck_assert_ptr_null(cassette_replay(path, &err));
    ck_assert_msg(strstr(err.text, bad[_i].want) != NULL, "%s", err.text);
    ck_assert_ptr_nonnull(strstr(err.text, path));
}
END_TEST

START_TEST(test_no_file)
{
    struct fct_err err = {0};

    ck_assert_ptr_null(cassette_replay("/does/not/exist", &err));
    ck_assert_ptr_nonnull(strstr(err.text, "/does/not/exist"));
    ck_assert_ptr_null(cassette_record("/does/not/exist", &err));
}
END_TEST

static const struct fct_str bytes[] = {
    FCT_STR_INIT(""),          FCT_STR_INIT("plain"),    FCT_STR_INIT("\"quoted\"\\\n"),
    FCT_STR_INIT("b\xc3\xbc"), FCT_STR_INIT("\xff\xfe"), FCT_STR_INIT("a\0b"),
    FCT_STR_INIT("\0"),
};

START_TEST(test_bytes)
{
    json_t *json = cassette_bytes(bytes[_i]);
    struct fct_str out;

    ck_assert(cassette_bytes_read(arena, json, &out));
    ck_assert(str_equal(out, bytes[_i]));
    json_decref(json);
}
END_TEST

START_TEST(test_bad_bytes)
{
    static const char *const text[] = {"7", "null", "{}", "{\"base64\":7}", "{\"base64\":\"*\"}"};
    struct fct_str out;

    for (size_t i = 0; i < FCT_COUNT(text); i++) {
        json_t *json = json_loads(text[i], JSON_DECODE_ANY, NULL);

        ck_assert_msg(!cassette_bytes_read(arena, json, &out), "%s", text[i]);
        json_decref(json);
    }
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("cassette");
    Suite *suite = suite_create("cassette");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_replay);
    tcase_add_loop_test(tc, test_bad_file, 0, FCT_COUNT(bad));
    tcase_add_test(tc, test_no_file);
    tcase_add_loop_test(tc, test_bytes, 0, FCT_COUNT(bytes));
    tcase_add_test(tc, test_bad_bytes);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
