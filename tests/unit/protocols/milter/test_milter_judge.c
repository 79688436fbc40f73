/* test_milter_judge.c - one answer for all recipients. */
#include "protocols/milter/milter_judge.h"

#include "core/base/str.h"

#include <check.h>

#define MANY 3

/* clang-format off */
static const struct {
    const char *name;
    enum fct_verdict message, recipient[MANY];
    enum milter_fate fate;
    bool drop[MANY], hold;
    unsigned code; /* of the refusal: 550 + the number of the recipient whose text it is */
} cases[] = {
    {"all keep it", FCT_NEXT, {FCT_NEXT, FCT_ACCEPT, FCT_NEXT}, MILTER_KEPT, {0}, false, 0},
    {"the message is refused", FCT_REJECT, {FCT_NEXT}, MILTER_REFUSED, {0}, false, 500},
    {"the message is for later", FCT_TEMPFAIL, {FCT_NEXT}, MILTER_REFUSED, {0}, false, 500},
    {"the message is thrown away", FCT_DISCARD, {FCT_NEXT}, MILTER_DISCARDED, {0}, false, 0},
    {"one refuses", FCT_NEXT, {FCT_NEXT, FCT_REJECT, FCT_NEXT}, MILTER_KEPT, {false, true, false}, false, 0},
    {"one discards, one refuses", FCT_NEXT, {FCT_DISCARD, FCT_REJECT, FCT_NEXT}, MILTER_KEPT, {true, true, false}, false, 0},
    {"all refuse: the first's text", FCT_NEXT, {FCT_REJECT, FCT_REJECT, FCT_REJECT}, MILTER_REFUSED, {true, true, true}, false, 550},
    {"the rest discards", FCT_NEXT, {FCT_DISCARD, FCT_REJECT, FCT_DISCARD}, MILTER_REFUSED, {true, true, true}, false, 551},
    {"all discard", FCT_NEXT, {FCT_DISCARD, FCT_DISCARD, FCT_DISCARD}, MILTER_DISCARDED, {true, true, true}, false, 0},
    {"later for one is later for all", FCT_NEXT, {FCT_REJECT, FCT_NEXT, FCT_TEMPFAIL}, MILTER_REFUSED, {true, false, false}, false, 552},
    {"held for one is held for all", FCT_NEXT, {FCT_NEXT, FCT_QUARANTINE, FCT_NEXT}, MILTER_KEPT, {0}, true, 0},
    {"held", FCT_QUARANTINE, {FCT_QUARANTINE, FCT_QUARANTINE, FCT_QUARANTINE}, MILTER_KEPT, {0}, true, 0},
};
/* clang-format on */

START_TEST(test_judgements)
{
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct arena *arena = arena_new(NULL);
        struct filter_outcome outcome[MANY] = {0};
        struct filter_result result = {.answer = {.verdict = cases[i].message, .code = 500},
                                       .outcome = outcome,
                                       .outcomes = MANY};
        struct milter_judgement got;

        for (unsigned k = 0; k < MANY; k++)
            outcome[k].answer =
                (struct filter_answer){.verdict = cases[i].recipient[k], .code = 550 + k};
        milter_judge(arena, &result, &got);
        ck_assert_msg(got.fate == cases[i].fate, "%s: fate %d", cases[i].name, got.fate);
        ck_assert_msg((got.refusal ? got.refusal->code : 0) == cases[i].code, "%s: refusal",
                      cases[i].name);
        ck_assert_msg((got.hold != NULL) == cases[i].hold, "%s: hold", cases[i].name);
        for (unsigned k = 0; k < MANY; k++)
            ck_assert_msg(got.drop[k] == cases[i].drop[k], "%s: recipient %u", cases[i].name, k);
        arena_free(&arena);
    }
}
END_TEST

START_TEST(test_nobody_asked)
{
    struct arena *arena = arena_new(NULL);
    struct filter_result result = {0};
    struct milter_judgement got;

    milter_judge(arena, &result, &got);
    ck_assert_int_eq(got.fate, MILTER_KEPT);
    ck_assert_uint_eq(got.edits.n, 0);
    arena_free(&arena);
}
END_TEST

/* It stands in the MTA's log and queue file. */
START_TEST(test_reason)
{
    struct arena *arena = arena_new(NULL);
    struct filter_result result = {.answer = {.verdict = FCT_QUARANTINE,
                                              .text = FCT_STR("a\r\nb \xc3\xa4"),
                                              .by = FCT_STR("scanner")}};
    struct milter_judgement got;

    milter_judge(arena, &result, &got);
    ck_assert_str_eq(got.hold, "scanner: a??b ??");
    result = (struct filter_result){.quarantined = true};
    milter_judge(arena, &result, &got);
    ck_assert_str_eq(got.hold, "two filter processes died over it");
    arena_free(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("milter_judge");
    TCase *all = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(all, test_judgements);
    tcase_add_test(all, test_nobody_asked);
    tcase_add_test(all, test_reason);
    suite_add_tcase(suite, all);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
