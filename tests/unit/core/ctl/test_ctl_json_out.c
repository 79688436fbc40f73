/* JSON written as it comes is what jansson reads back. */
#include "core/ctl/ctl_json_out.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>

#include "core/base/str.h"

static json_t *read_back(const struct ctl_json_out *j)
{
    json_error_t error;
    json_t *v = json_loadb(j->text.p, j->text.n, JSON_ALLOW_NUL, &error);

    ck_assert_msg(v, "%s in %.*s", error.text, (int)j->text.n, j->text.p);
    return v;
}

START_TEST(strings)
{
    static const struct {
        const char *in;
        size_t n;
        const char *out; /* NULL: the same */
    } cases[] = {
        {"", 0, NULL},
        {"plain words", 11, NULL},
        {"\"quoted\" and \\", 14, NULL},
        {"\b\f\n\r\t\x01\x1f\x7f", 8, NULL},
        {"gr\xc3\xbc\xc3\x9f \xf0\x9f\x93\xae", 11, NULL},
        {"/", 1, NULL},
        {"bad \xff byte", 10, "bad \xef\xbf\xbd byte"},
        {"cut \xc3", 5, "cut \xef\xbf\xbd"},
        {"a\0b", 3, NULL},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct ctl_json_out j = CTL_JSON_OUT_INIT;
        struct fct_str in = {cases[i].in, cases[i].n};
        struct fct_str want = cases[i].out ? str_from(cases[i].out) : in;
        json_t *v, *s;

        ctl_json_out_open(&j, NULL, '[');
        ctl_json_out_str(&j, NULL, in);
        ctl_json_out_close(&j, '[');
        v = read_back(&j);
        s = json_array_get(v, 0);
        ck_assert_msg(
            str_equal((struct fct_str){json_string_value(s), json_string_length(s)}, want),
            "case %zu: %.*s", i, (int)j.text.n, j.text.p);
        json_decref(v);
        buf_free(&j.text);
    }
}
END_TEST

START_TEST(nesting)
{
    struct ctl_json_out j = CTL_JSON_OUT_INIT;
    json_t *v;
    json_int_t least, most;
    int yes, no;
    size_t inner;

    ctl_json_out_open(&j, NULL, '{');
    ctl_json_out_int(&j, "least", INT64_MIN);
    ctl_json_out_int(&j, "most", INT64_MAX);
    ctl_json_out_bool(&j, "yes", true);
    ctl_json_out_open(&j, "list", '[');
    ctl_json_out_open(&j, NULL, '{');
    ctl_json_out_close(&j, '{');
    ctl_json_out_open(&j, NULL, '[');
    ctl_json_out_close(&j, '[');
    ctl_json_out_int(&j, NULL, 0);
    ctl_json_out_close(&j, '[');
    ctl_json_out_bool(&j, "no", false);
    ctl_json_out_close(&j, '{');
    v = read_back(&j);
    ck_assert_int_eq(json_unpack(v, "{s:I, s:I, s:b, s:b}", "least", &least, "most", &most, "yes",
                                 &yes, "no", &no),
                     0);
    inner = json_array_size(json_object_get(v, "list"));
    ck_assert(least == INT64_MIN && most == INT64_MAX && yes && !no && inner == 3);
    json_decref(v);
    buf_free(&j.text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_json_out");
    TCase *tc = tcase_create("ctl_json_out");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, strings);
    tcase_add_test(tc, nesting);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
