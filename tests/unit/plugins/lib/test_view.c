/* test_view.c - the little that plugins do with views. */
#include "plugins/lib/view.h"

#include "core/base/str.h"
#include <check.h>

static void expect(struct fct_str got, const char *want)
{
    ck_assert_msg(view_is(got, want), "%.*s, not %s", FCT_FMT(got), want);
}

START_TEST(words)
{
    ck_assert(view_is(FCT_STR("pass"), "pass"));
    ck_assert(!view_is(FCT_STR("pas"), "pass"));
    ck_assert(!view_is(FCT_STR("passe"), "pass"));
    ck_assert(!view_is(FCT_STR("PASS"), "pass"));
    ck_assert(view_is(FCT_STR(""), ""));
    expect(view_trim(FCT_STR(" \t a b \t")), "a b");
    expect(view_trim(FCT_STR(" \t")), "");
}
END_TEST

START_TEST(pieces)
{
    static const char *const want[] = {"v=DMARC1", " p=none", "", " x"};
    struct fct_str rest = FCT_STR("v=DMARC1; p=none;; x"), piece;
    size_t n = 0;

    for (; view_split(&rest, ';', &piece); n++) {
        ck_assert_uint_lt(n, FCT_COUNT(want));
        expect(piece, want[n]);
    }
    ck_assert_uint_eq(n, FCT_COUNT(want));
}
END_TEST

static const struct comment_case {
    const char *text;
    bool ends;
    const char *rest;
} comments[] = {
    {"x", true, "x"},         {" \t\r\n x", true, "x"},
    {"(a) (b) x", true, "x"}, {"(a (b) c)x", true, "x"},
    {"(\\))x", true, "x"},    {"((((((x", false, NULL},
    {"(a", false, NULL},      {"(a\\", false, NULL},
    {"(a)", true, ""},        {"", true, ""},
};

START_TEST(comments_and_white_space)
{
    const struct comment_case *c = &comments[_i];
    struct fct_str in = str_from(c->text);

    ck_assert_msg(view_skip_cfws(&in) == c->ends, "%s", c->text);
    if (c->ends)
        expect(in, c->rest);
}
END_TEST

START_TEST(domains)
{
    expect(view_domain(FCT_STR("a@Example.org")), "Example.org");
    expect(view_domain(FCT_STR("\"a@b\"@example.org")), "example.org");
    expect(view_domain(FCT_STR("postmaster")), "");
    expect(view_domain(FCT_STR("a@")), "");
    expect(view_domain(FCT_STR("")), "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("view");
    TCase *tc = tcase_create("view");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, words);
    tcase_add_test(tc, pieces);
    tcase_add_loop_test(tc, comments_and_white_space, 0, (int)FCT_COUNT(comments));
    tcase_add_test(tc, domains);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
