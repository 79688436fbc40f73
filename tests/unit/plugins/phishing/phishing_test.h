/* phishing_test.h - what the tests of pretences share. */
#ifndef TESTS_PHISHING_TEST_H
#define TESTS_PHISHING_TEST_H

#include "plugins/phishing/phishing_brands.h"

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

#endif
