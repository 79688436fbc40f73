/* test_tracker_list.c - the list's format: what is read, what is refused and where; which row
 * answers. */
#include "core/base/str.h"
#include "plugins/trackers/tracker_glob.h"
#include "plugins/trackers/tracker_id.h"
#include "plugins/trackers/tracker_list.h"

#include <check.h>

START_TEST(rows_that_are_refused)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"pixel x.example/a", "f:1: HOST/PATH and a company are wanted: \"pixel x.example/a\""},
        {"\n# c\r\nwrong", "f:3: pixel, param, unwrap or version is wanted: \"wrong\""},
        {"pixel X.example/a Name", "f:1: HOST/PATH and a company"},
        {"pixel x example", NULL},
        {"pixel x_y!/a b", "f:1: HOST/PATH and a company"},
        {"param", "f:1: a parameter's name and hosts are wanted"},
        {"param a b/c", "f:1: a parameter's name"},
        {"unwrap x.example/ query", "f:1: HOST/PATH, query, base64, segment, segment64 or rest"},
        {"unwrap x.example/ ask u", "f:1: HOST/PATH, query"},
        {"unwrap x.example/ segment 0", "f:1: HOST/PATH, query"},
        {"unwrap x.example/ rest 2 https more", "f:1: HOST/PATH, query"},
        {"unwrap x.example/ rest 2 https", NULL},
        {"version a b", "f:1: one word of up to 30 bytes"},
        {"version a;b", "f:1: one word of up to 30 bytes"},
        {"", NULL},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct tracker_list list = {0};
        struct fct_err err = {0};
        bool good = tracker_list_read(&list, str_from(cases[i].text), "f", &err);

        ck_assert_msg(good == !cases[i].want, "%s: %s", cases[i].text, err.text);
        if (!good)
            ck_assert_msg(strncmp(err.text, cases[i].want, strlen(cases[i].want)) == 0, "%s",
                          err.text);
        tracker_list_free(&list);
    }
}
END_TEST

static const char *company(const struct tracker_list *list, const char *host, const char *target)
{
    static char name[64];
    const struct tracker_row *row =
        tracker_list_find(list, NULL, TRACKER_PIXEL, str_from(host), str_from(target));

    str_copy_c(name, sizeof name, row ? row->company : FCT_STR("-"));
    return name;
}

START_TEST(which_row_answers)
{
    struct tracker_list list = {0};
    struct fct_err err = {0};

    ck_assert(
        tracker_list_read(&list,
                          FCT_STR("pixel */o.gif Any\npixel x.example/ X\n"
                                  "pixel x.example/long/ Longer\npixel t.*.y.example/o Y\n"
                                  "pixel z*.example Z\nparam a\nparam b x.example\nparam c_*\n"),
                          "f", &err));
    ck_assert(tracker_list_sort(&list));
    ck_assert_str_eq(company(&list, "x.example", "/a"), "X");
    ck_assert_str_eq(company(&list, "a.b.x.example", "/LONG/er"), "Longer");
    ck_assert_str_eq(company(&list, "ax.example", "/a"), "-");
    ck_assert_str_eq(company(&list, "ax.example", "/o.gif?x"), "Any");
    ck_assert_str_eq(company(&list, "t.a.y.example", "/o"), "Y");
    ck_assert_str_eq(company(&list, "b.t.a.y.example", "/o/1"), "Y");
    ck_assert_str_eq(company(&list, "t.y.example", "/o"), "-");
    ck_assert_str_eq(company(&list, "z1.example", "/"), "Z");
    ck_assert_str_eq(company(&list, "az1.example", "/"), "-");
    ck_assert_str_eq(company(&list, "", "/"), "-");
    ck_assert(tracker_list_strips(&list, NULL, FCT_STR("q.example"), FCT_STR("A")));
    ck_assert(!tracker_list_strips(&list, NULL, FCT_STR("q.example"), FCT_STR("b")));
    ck_assert(tracker_list_strips(&list, NULL, FCT_STR("q.x.example"), FCT_STR("b")));
    ck_assert(tracker_list_strips(&list, NULL, FCT_STR("q.example"), FCT_STR("c_d")));
    ck_assert(!tracker_list_strips(&list, NULL, FCT_STR("q.example"), FCT_STR("xc_d")));
    tracker_list_free(&list);
}
END_TEST

START_TEST(patterns)
{
    static const struct {
        const char *pattern, *text;
        bool whole, head;
    } cases[] = {
        {"", "", true, true},          {"", "a", false, true},       {"a*c", "abcc", true, true},
        {"a*c", "abcd", false, false}, {"a*c", "ac/d", false, true}, {"*", "", true, true},
        {"**a", "bba", true, true},    {"/o", "/o?x", false, true},  {"/o", "/ox", false, false},
        {"/o/", "/o/x", false, true},  {"/o*", "/ox", true, true},   {"a", "", false, false},
        {"*b*d", "abcbd", true, true}, {"a", "A", true, true},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_str p = str_from(cases[i].pattern), t = str_from(cases[i].text);

        ck_assert_msg(tracker_glob(p, t) == cases[i].whole, "%s %s", p.p, t.p);
        ck_assert_msg(tracker_glob_head(p, t) == cases[i].head, "head %s %s", p.p, t.p);
    }
}
END_TEST

START_TEST(numbers_of_somebody)
{
    static const char *const yes[] = {"/k3J9x2Lq7Zw1", "/1234567", "?m=a@b.example",
                                      "/e895fe29e06bca1.png", "/AbCdEfGhIjKlMnOpQ"};
    static const char *const no[] = {"/images/logo.png",
                                     "/spacer.gif",
                                     "/1x1.gif",
                                     "/2024/10/header.jpg",
                                     "/newsletter/footer-image_2.png",
                                     ""};

    for (size_t i = 0; i < FCT_COUNT(yes); i++)
        ck_assert_msg(tracker_has_id(str_from(yes[i])), "%s", yes[i]);
    for (size_t i = 0; i < FCT_COUNT(no); i++)
        ck_assert_msg(!tracker_has_id(str_from(no[i])), "%s", no[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tracker_list");
    TCase *t = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_test(t, rows_that_are_refused);
    tcase_add_test(t, which_row_answers);
    tcase_add_test(t, patterns);
    tcase_add_test(t, numbers_of_somebody);
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
