/* test_backoff.c - 0, 0.1, 1, 5 seconds, and back to 0 after a minute of peace. */
#include "core/supervisor/backoff.h"

#include <check.h>
#include <stdlib.h>

static const struct {
    const char *name;
    uint64_t lived_ms, want_ms;
} deaths[] = {
    {"the first death costs nothing", 10, 0},
    {"the second", 10, 100},
    {"the third", 59999, 1000},
    {"the fourth", 10, 5000},
    {"and so on", 10, 5000},
    {"after a minute of peace", 60000, 0},
    {"and from the start again", 10, 100},
};

START_TEST(delays_grow_and_are_forgiven)
{
    struct backoff b = {0};

    for (size_t i = 0; i < FCT_COUNT(deaths); i++) {
        uint64_t got = backoff_after_death(&b, deaths[i].lived_ms);

        ck_assert_msg(got == deaths[i].want_ms, "%s: got %lu, want %lu", deaths[i].name,
                      (unsigned long)got, (unsigned long)deaths[i].want_ms);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backoff");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tc, delays_grow_and_are_forgiven);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
