/* The field X-Facteur-Privacy read back: what is one, what is none; and the view without the edits
 * that cleaned. */
#include "core/base/str.h"
#include "core/message/privacy_note.h"

#include <check.h>

static const struct {
    const char *text;
    bool good;
    uint32_t removed, links;
    size_t companies;
    const char *last;
    uint32_t of_last;
} cases[] = {
    {"3 trackers removed (Mailchimp 2, unknown 1); 14 links cleaned; level=standard", true, 3, 14,
     2, "unknown", 1},
    {"1 tracker removed (Constant Contact 1); 1 link cleaned", true, 1, 1, 1, "Constant Contact",
     1},
    {" 0 trackers removed; 2 links cleaned; list=x; original=y ", true, 0, 2, 0, NULL, 0},
    {"2 trackers removed (A (B) 2); 0 links cleaned; level=strict", true, 2, 0, 1, "A (B)", 2},
    {"", false, 0, 0, 0, NULL, 0},
    {"trackers removed; 0 links cleaned", false, 0, 0, 0, NULL, 0},
    {"1 trackers removed; 0 links cleaned", false, 0, 0, 0, NULL, 0},
    {"2 tracker removed; 0 links cleaned", false, 0, 0, 0, NULL, 0},
    {"2 trackers removed", false, 0, 0, 0, NULL, 0},
    {"2 trackers removed (A 2", false, 0, 0, 0, NULL, 0},
    {"2 trackers removed (A two); 0 links cleaned", false, 0, 0, 0, NULL, 0},
    {"2 trackers removed (2); 0 links cleaned", false, 0, 0, 0, NULL, 0},
    {"2 trackers removed; 0 links cleaned or so", false, 0, 0, 0, NULL, 0},
    {"99999999999999999999 trackers removed; 0 links cleaned", false, 0, 0, 0, NULL, 0},
};

START_TEST(notes)
{
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct privacy_note n;

        ck_assert_msg(privacy_note_parse(str_from(cases[i].text), &n) == cases[i].good, "%s",
                      cases[i].text);
        if (!cases[i].good)
            continue;
        ck_assert_uint_eq(n.removed, cases[i].removed);
        ck_assert_uint_eq(n.links, cases[i].links);
        ck_assert_uint_eq(n.companies, cases[i].companies);
        if (n.companies == 0)
            continue;
        ck_assert(str_equal(n.company[n.companies - 1].name, str_from(cases[i].last)));
        ck_assert_uint_eq(n.company[n.companies - 1].n, cases[i].of_last);
    }
}
END_TEST

START_TEST(of_a_view)
{
    static const struct edit edits[] = {
        {0, 0, FCT_STR_INIT("Return-Path: <>\r\n"), FCT_STR_INIT("smtp")},
        {0, 0,
         FCT_STR_INIT(
             "X-Facteur-Privacy: 2 trackers removed\r\n (A 2); 1 link\r\n cleaned\r\nX: y\r\n"),
         FCT_STR_INIT("trackers")},
        {5, 3, FCT_STR_INIT(""), FCT_STR_INIT("trackers")},
        {9, 1, FCT_STR_INIT("z"), FCT_STR_INIT("headers")},
    };
    const struct edit_list list = {edits, FCT_COUNT(edits)}, none = {0};
    struct arena *arena = arena_new(NULL);
    struct edit_list kept = privacy_restored(arena, &list);
    struct privacy_note n;

    ck_assert(privacy_note_find(arena, &list, &n));
    ck_assert_uint_eq(n.removed, 2);
    ck_assert_uint_eq(n.links, 1);
    ck_assert_uint_eq(kept.n, 2);
    ck_assert(str_equal(kept.edit[0].origin, FCT_STR("smtp")));
    ck_assert(str_equal(kept.edit[1].origin, FCT_STR("headers")));
    ck_assert(!privacy_note_find(arena, &kept, &n));
    ck_assert(!privacy_note_find(arena, &none, &n));
    arena_free(&arena);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("privacy_note");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    tcase_add_test(t, notes);
    tcase_add_test(t, of_a_view);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
