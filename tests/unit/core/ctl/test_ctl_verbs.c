/* test_ctl_verbs.c - the table of verbs, what is made from it, and what reaches a terminal. */
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"

#include <check.h>
#include <stdlib.h>

START_TEST(every_row_is_complete)
{
    for (const struct ctl_verb *v = ctl_verbs; v->noun; v++) {
        ck_assert_msg(v->verb && v->words && v->help && v->run, "%s", v->noun);
        ck_assert_msg(v->least <= v->most && v->most <= CTL_MAX_WORDS, "%s %s", v->noun, v->verb);
        ck_assert_msg((v->most > 0) == (*v->words != '\0'), "%s %s", v->noun, v->verb);
        for (const struct ctl_option *o = v->options; o && o->name; o++)
            ck_assert_msg(strncmp(o->name, "--", 2) == 0 && o->help, "%s %s", v->noun, o->name);
        for (const struct ctl_verb *w = v + 1; w->noun; w++)
            ck_assert_msg(strcmp(v->noun, w->noun) != 0 || strcmp(v->verb, w->verb) != 0,
                          "%s %s twice", v->noun, v->verb);
    }
}
END_TEST

START_TEST(help_names_every_verb_and_option)
{
    struct buf text = BUF_INIT(65536);

    ctl_print_help(NULL, &text);
    buf_put_char(&text, '\0');
    for (const struct ctl_verb *v = ctl_verbs; v->noun; v++) {
        ck_assert_msg(strstr(text.p, v->help), "%s", v->help);
        for (const struct ctl_option *o = v->options; o && o->name; o++)
            ck_assert_msg(strstr(text.p, o->name), "%s", o->name);
    }
    buf_clear(&text);
    ctl_print_noun_help("alias", &text);
    buf_put_char(&text, '\0');
    ck_assert_ptr_nonnull(strstr(text.p, "alias remove ALIAS"));
    ck_assert_ptr_null(strstr(text.p, "account add"));
    buf_free(&text);
}
END_TEST

START_TEST(the_nearest_word_is_suggested)
{
    static const char *const words[] = {"account", "alias", "config", "stop", ""};
    static const struct {
        const char *word, *want;
    } cases[] = {
        {"acount", "account"}, {"acconut", "account"},  {"alais", "alias"}, {"conf", "config"},
        {"stp", "stop"},       {"stop", "stop"},        {"zzzz", NULL},     {"", NULL},
        {"x", NULL},           {"configuration", NULL},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        const char *got = ctl_nearest(cases[i].word, words, FCT_COUNT(words));

        ck_assert_msg((got == NULL) == (cases[i].want == NULL), "%s: %s", cases[i].word,
                      got ? got : "none");
        if (got)
            ck_assert_str_eq(got, cases[i].want);
    }
}
END_TEST

START_TEST(tables_are_aligned)
{
    struct arena *arena = arena_new(NULL);
    struct ctl_table t = {.arena = arena, .column = {"NAME", "SIZE>", "WHY"}, .columns = 3};
    struct buf out = BUF_INIT(4096);

    ctl_table_row(&t, (const struct fct_str[]){FCT_STR("J\xC3\xB6rg"), FCT_STR("7"), FCT_STR("a")});
    ctl_table_row(&t, (const struct fct_str[]){FCT_STR("x"), FCT_STR("12345"), FCT_STR("")});
    ctl_table_print(&t, false, &out);
    buf_put_char(&out, '\0');
    ck_assert_str_eq(out.p, "NAME   SIZE  WHY\n"
                            "J\xC3\xB6rg      7  a\n"
                            "x     12345  \n");
    buf_clear(&out);
    ctl_table_print(&t, true, &out);
    ck_assert(str_starts(buf_str(&out), FCT_STR(CTL_BOLD)));
    buf_free(&out);
    arena_free(&arena);
}
END_TEST

START_TEST(a_terminal_gets_no_control_characters)
{
    struct buf out = BUF_INIT(4096);

    ctl_put_safe(FCT_STR("a\x1b[31m\r\n\tb\x7f\0c\xC2\x9b"
                         "d \xC3\xB6"),
                 &out);
    ck_assert(str_equal(buf_str(&out), FCT_STR("a?[31m???b??c?d \xC3\xB6")));
    buf_free(&out);
}
END_TEST

START_TEST(json_is_always_valid)
{
    json_t *v = ctl_json_str(FCT_STR("a\xFF\x00z"));

    ck_assert_uint_eq(json_string_length(v), 6); /* U+FFFD for the byte that is no UTF-8 */
    json_decref(v);
    v = ctl_json_str((struct fct_str){0});
    ck_assert_str_eq(json_string_value(v), "");
    json_decref(v);
}
END_TEST

START_TEST(sizes_for_people)
{
    static const struct {
        uint64_t bytes;
        const char *want;
    } cases[] = {
        {0, "0 B"},
        {1023, "1023 B"},
        {1024, "1.00 KiB"},
        {1536, "1.50 KiB"},
        {100 * 1024, "100 KiB"},
        {1 << 20, "1.00 MiB"},
        {25ull << 30, "25.0 GiB"},
        {999 * 1024, "999 KiB"},
        {1000 * 1024, "0.98 MiB"},
    };
    struct arena *arena = arena_new(NULL);

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        ck_assert_str_eq(ctl_bytes(arena, cases[i].bytes).p, cases[i].want);
    arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, every_row_is_complete);
    tcase_add_test(tc, help_names_every_verb_and_option);
    tcase_add_test(tc, the_nearest_word_is_suggested);
    tcase_add_test(tc, tables_are_aligned);
    tcase_add_test(tc, a_terminal_gets_no_control_characters);
    tcase_add_test(tc, json_is_always_valid);
    tcase_add_test(tc, sizes_for_people);
}

int main(void)
{
    Suite *suite = suite_create("ctl_verbs");
    TCase *tc = tcase_create("ctl_verbs");
    SRunner *runner;
    int failed;

    add(tc);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
