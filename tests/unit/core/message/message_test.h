/* message_test.h - what the tests of core/message share. */
#ifndef TESTS_MESSAGE_TEST_H
#define TESTS_MESSAGE_TEST_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/str.h"

#include <check.h>
#include <stdlib.h>

/* Got and want, as text, with the name of the case. */
static inline void assert_text(const char *name, struct fct_str got, struct fct_str want)
{
    ck_assert_msg(str_equal(got, want), "%s: got \"%.*s\", want \"%.*s\"", name, FCT_FMT(got),
                  FCT_FMT(want));
}

static inline void put_times(struct buf *out, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        buf_put_c(out, text);
}

/* Small numbers from a seed, the same on every machine. */
static inline uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

typedef void (*add_tests)(TCase *tc);

static inline int run_suite(const char *name, add_tests add)
{
    Suite *suite = suite_create(name);
    TCase *tc = tcase_create(name);
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 0);
    add(tc);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

#endif
