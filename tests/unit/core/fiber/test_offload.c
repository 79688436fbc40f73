/* test_offload.c - work on the pool's threads: results arrive, the loop goes on meanwhile. */
#include "core/fiber/fiber.h"

#include <check.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>

static struct event_base *base;
static pthread_t loop_thread;

struct task {
    unsigned in, out;
    bool other_thread, done;
};

static void square(void *arg)
{
    struct task *t = arg;

    t->out = t->in * t->in;
    t->other_thread = !pthread_equal(pthread_self(), loop_thread);
}

static void run_task(void *arg)
{
    struct task *t = arg;

    offload(square, t);
    t->done = true;
}

START_TEST(work_runs_elsewhere_and_all_of_it_ends)
{
    struct task task[200] = {0};
    unsigned done = 0;
    struct fct_err err = {0};

    loop_thread = pthread_self();
    base = event_base_new();
    ck_assert_msg(fiber_setup(base, 64u << 10, 4, &err), "%s", err.text);
    offload_start(2);
    for (unsigned i = 0; i < FCT_COUNT(task); i++) {
        task[i].in = i;
        fiber_cancel(fiber_start(run_task, &task[i])); /* cancelling does not cut a task short */
    }
    while (done < FCT_COUNT(task)) {
        event_base_loop(base, EVLOOP_ONCE);
        done = 0;
        for (unsigned i = 0; i < FCT_COUNT(task); i++)
            done += task[i].done;
    }
    for (unsigned i = 0; i < FCT_COUNT(task); i++) {
        ck_assert_uint_eq(task[i].out, i * i);
        ck_assert(task[i].other_thread);
    }
    fiber_teardown();
    event_base_free(base);
}
END_TEST

START_TEST(outside_a_fiber_it_is_a_plain_call)
{
    struct task t = {.in = 5};

    loop_thread = pthread_self();
    offload(square, &t);
    ck_assert_uint_eq(t.out, 25);
    ck_assert(!t.other_thread);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("offload");
    TCase *t = tcase_create("offload");
    SRunner *r;
    int failed;

    tcase_add_test(t, work_runs_elsewhere_and_all_of_it_ends);
    tcase_add_test(t, outside_a_fiber_it_is_a_plain_call);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
