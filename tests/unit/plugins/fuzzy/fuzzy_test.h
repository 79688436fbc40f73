/* fuzzy_test.h - what the tests of sketches share. */
#ifndef TESTS_FUZZY_TEST_H
#define TESTS_FUZZY_TEST_H

#include "plugins/fuzzy/fuzzy_text.h"

#include <check.h>
#include <stdlib.h>

typedef void (*add_tests)(TCase *tc);

static inline int run_suite(const char *name, add_tests add)
{
    Suite *suite = suite_create(name);
    TCase *tc = tcase_create(name);
    SRunner *runner;
    int failed;

    add(tc);
    tcase_set_timeout(tc, 120);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

static inline struct fct_str text_of(const char *c)
{
    return (struct fct_str){c, strlen(c)};
}

static inline struct fuzzy_sketch sketch_of(struct fct_str text)
{
    struct fuzzy_sketcher s;
    struct fuzzy_sketch out;

    fuzzy_sketch_begin(&s, 7);
    fuzzy_text_add(&s, text);
    fuzzy_sketch_end(&s, &out);
    return out;
}

/* The same numbers every time (Numerical Recipes' LCG). */
static inline uint32_t next_number(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

#endif
