/* test_rfc5322.c - header lists, unfolding, and fields that may be added. */
#include "core/message/rfc5322.h"
#include "message_test.h"

static const struct header_limits limits = {.max_fields = 10000, .max_bytes = 1 << 20};

START_TEST(fields_have_their_spans)
{
    static const struct {
        const char *name, *message;
        size_t n;
        const char *field, *value, *raw; /* of the first */
        const char *body;
    } cases[] = {
        {"plain", "A: b\r\nC: d\r\n\r\nbody", 2, "A", " b", "A: b\r\n", "body"},
        {"bare LF", "A: b\nC: d\n\nbody", 2, "A", " b", "A: b\n", "body"},
        {"folded", "A: b\r\n c\r\nD: e\r\n\r\n", 2, "A", " b\r\n c", "A: b\r\n c\r\n", ""},
        {"space before the colon", "A  : b\r\n\r\n", 1, "A", " b", "A  : b\r\n", ""},
        {"empty value", "A:\r\n\r\n", 1, "A", "", "A:\r\n", ""},
        {"no body", "A: b\r\n", 1, "A", " b", "A: b\r\n", ""},
        {"no line end", "A: b", 1, "A", " b", "A: b", ""},
        {"junk behind a field", "A: b\r\njunk\r\n more\r\nC: d\r\n\r\n", 2, "A", " b",
         "A: b\r\njunk\r\n more\r\n", ""},
        {"junk in front", "junk\r\nA: b\r\n\r\nbody", 1, "A", " b", "A: b\r\n", "body"},
        {"colon first", ": x\r\nA: b\r\n\r\n", 1, "A", " b", "A: b\r\n", ""},
        {"body only", "\r\nA: b\r\n", 0, NULL, NULL, NULL, "A: b\r\n"},
        {"empty", "", 0, NULL, NULL, NULL, ""},
        {"a CR is no line end", "A: b\rC: d\r\n\r\n", 1, "A", " b\rC: d", "A: b\rC: d\r\n", ""},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct arena *arena = arena_new(NULL);
        struct fct_str message = str_from(cases[i].message);
        struct header_list list;

        header_list_parse(arena, message, &limits, &list);
        ck_assert_msg(list.n == cases[i].n, "%s: %zu fields", cases[i].name, list.n);
        assert_text(cases[i].name, str_skip(message, list.end), str_from(cases[i].body));
        if (list.n > 0) {
            assert_text(cases[i].name, list.field[0].name, str_from(cases[i].field));
            assert_text(cases[i].name, list.field[0].value, str_from(cases[i].value));
            assert_text(cases[i].name, list.field[0].raw, str_from(cases[i].raw));
            ck_assert_ptr_eq(list.field[0].raw.p, message.p + list.field[0].offset);
        }
        arena_free(&arena);
    }
}
END_TEST

START_TEST(find_ignores_case_and_counts)
{
    struct arena *arena = arena_new(NULL);
    struct header_list list;

    header_list_parse(arena, FCT_STR("To: 1\r\nTO: 2\r\nTom: 3\r\n\r\n"), &limits, &list);
    ck_assert_ptr_eq(header_find(&list, "to", 0), &list.field[0]);
    ck_assert_ptr_eq(header_find(&list, "tO", 1), &list.field[1]);
    ck_assert_ptr_null(header_find(&list, "to", 2));
    ck_assert_ptr_null(header_find(&list, "", 0));
    arena_free(&arena);
}
END_TEST

START_TEST(limits_stop_the_list_not_the_header)
{
    static const struct header_limits few = {.max_fields = 2, .max_bytes = 1000}, small = {100, 12};
    struct fct_str message = FCT_STR("A: 1\r\nB: 2\r\nC: 3\r\n 4\r\n\r\nbody");
    struct arena *arena = arena_new(NULL);
    struct header_list list;

    header_list_parse(arena, message, &few, &list);
    ck_assert_uint_eq(list.n, 2);
    ck_assert(list.truncated && list.has_separator);
    assert_text("few", list.field[1].raw, FCT_STR("B: 2\r\n"));
    assert_text("few", str_skip(message, list.end), FCT_STR("body"));
    ck_assert_uint_eq(list.lines, 5);

    header_list_parse(arena, message, &small, &list);
    ck_assert_uint_eq(list.n, 2);
    ck_assert(list.truncated);
    assert_text("small", str_skip(message, list.end), FCT_STR("body"));
    arena_free(&arena);
}
END_TEST

START_TEST(text_is_unfolded_and_decoded)
{
    static const struct {
        const char *field, *unfolded, *text;
    } cases[] = {
        {"S: plain\r\n", "plain", "plain"},
        {"S: two\r\n lines\r\n", "two lines", "two lines"},
        {"S:\r\n\tx \r\n", "x", "x"},
        {"S: =?utf-8?q?J=C3=B6rg?=\r\n", "=?utf-8?q?J=C3=B6rg?=", "J\xC3\xB6rg"},
        {"S: J\xF6rg\r\n", "J\xF6rg", "J\xC3\xB6rg"},
        {"S:\r\n", "", ""},
    };
    struct arena *arena = arena_new(NULL);

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct header_list list;

        header_list_parse(arena, str_from(cases[i].field), &limits, &list);
        assert_text(cases[i].field, header_unfold(arena, &list.field[0]),
                    str_from(cases[i].unfolded));
        assert_text(cases[i].field, header_text(arena, &list.field[0]), str_from(cases[i].text));
    }
    arena_free(&arena);
}
END_TEST

START_TEST(only_legal_fields_may_be_added)
{
    static const struct {
        struct fct_str name, value;
        const char *want; /* NULL: refused */
    } cases[] = {
        {{"X-A", 3}, {"b", 1}, "X-A: b\r\n"},
        {{"X-A", 3}, {"", 0}, "X-A: \r\n"},
        {{"X-A", 3}, {" b", 2}, "X-A: b\r\n"},
        {{"X-A", 3}, {"a\r\n\tb", 5}, "X-A: a\r\n\tb\r\n"},
        {{"X-A", 3}, {"a\n b", 4}, "X-A: a\r\n b\r\n"},
        {{"X-A", 3}, {"J\xC3\xB6rg", 5}, "X-A: J\xC3\xB6rg\r\n"},
        {{"", 0}, {"b", 1}, NULL},
        {{"X A", 3}, {"b", 1}, NULL},
        {{"X:A", 3}, {"b", 1}, NULL},
        {{"X\n", 2}, {"b", 1}, NULL},
        {{"X-A", 3}, {"a\0b", 3}, NULL},
        {{"X-A", 3}, {"a\r\nBcc: x", 9}, NULL},
        {{"X-A", 3}, {"a\nBcc: x", 8}, NULL},
        {{"X-A", 3}, {"a\rBcc: x", 8}, NULL},
        {{"X-A", 3}, {"a\r\n", 3}, NULL},
        {{"X-A", 3}, {"a\r\n\r\n b", 7}, NULL},
        {{"X-A", 3}, {"a\r\n \r\n b", 8}, NULL},
        {{"X-A", 3}, {"a\x07", 2}, NULL},
        {{"X-A", 3}, {"J\xF6rg", 4}, NULL},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct buf out = BUF_INIT(4096);
        struct fct_err err = {0};
        bool ok = header_field_format(cases[i].name, cases[i].value, &out, &err);

        ck_assert_msg(ok == (cases[i].want != NULL), "case %zu: %s", i, err.text);
        if (ok)
            assert_text("field", buf_str(&out), str_from(cases[i].want));
        else
            ck_assert_int_eq(err.class, FCT_SYNTAX);
        buf_free(&out);
    }
}
END_TEST

START_TEST(added_lines_are_at_most_998_octets)
{
    struct buf value = BUF_INIT(4096), out = BUF_INIT(8192);
    struct fct_err err = {0};

    put_times(&value, "x", 995); /* "X: " in front makes 998 */
    ck_assert(header_field_format(FCT_STR("X"), buf_str(&value), &out, &err));
    buf_put_char(&value, 'x');
    ck_assert(!header_field_format(FCT_STR("X"), buf_str(&value), &out, &err));
    buf_free(&value);
    buf_free(&out);
}
END_TEST

/* Structure, not time: what is listed is bounded, and everything is looked at once. */
START_TEST(a_hundred_thousand_fields)
{
    struct arena *arena = arena_new(NULL);
    struct buf message = BUF_INIT(16 << 20);
    struct header_list list;

    put_times(&message, "A: b\r\n", 100000);
    buf_put_c(&message, "\r\nbody");
    header_list_parse(arena, buf_str(&message), &limits, &list);
    ck_assert_uint_eq(list.n, limits.max_fields);
    ck_assert(list.truncated);
    ck_assert_uint_eq(list.lines, 100001);
    assert_text("body", str_skip(buf_str(&message), list.end), FCT_STR("body"));
    ck_assert_uint_lt(arena_bytes(arena), 4 * limits.max_fields * sizeof(struct fct_header));
    buf_free(&message);
    arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, fields_have_their_spans);
    tcase_add_test(tc, find_ignores_case_and_counts);
    tcase_add_test(tc, limits_stop_the_list_not_the_header);
    tcase_add_test(tc, text_is_unfolded_and_decoded);
    tcase_add_test(tc, only_legal_fields_may_be_added);
    tcase_add_test(tc, added_lines_are_at_most_998_octets);
    tcase_add_test(tc, a_hundred_thousand_fields);
}

int main(void)
{
    return run_suite("rfc5322", add);
}
