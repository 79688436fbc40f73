/* test_milter_post.c - threads, the loop's fibers, patience that ends. */
#include "protocols/milter/milter_post.h"

#include "core/fiber/fiber.h"

#include <check.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>

#define THREADS 16
#define ROUNDS  200

static struct event_base *base;
static struct milter_post *post;
static unsigned sum, running; /* the loop's alone: no lock */
static atomic_uint ended;

struct task {
    unsigned add, seen;
    enum fiber_wake why;
    unsigned ticks;
};

/* Waits in between, so that fibers of several threads overlap. */
static void add(void *arg)
{
    struct task *t = arg;

    running++;
    (void)fiber_sleep(t->add % 3);
    running--;
    sum += t->add;
    t->seen = t->add + 1;
}

static void thread_ends(void *arg)
{
    (void)arg;
    if (atomic_fetch_add(&ended, 1) + 1 == THREADS)
        (void)event_base_loopbreak(base);
}

static void *post_many(void *arg)
{
    (void)arg;
    for (unsigned i = 1; i <= ROUNDS; i++) {
        struct task t = {.add = i};

        milter_post_run(post, add, &t, NULL);
        ck_assert_uint_eq(t.seen, i + 1);
    }
    milter_post_send(post, thread_ends, NULL);
    return NULL;
}

static void setup(void)
{
    struct fct_err err = {0};

    base = event_base_new();
    ck_assert_msg(fiber_setup(base, 256u << 10, 8, &err), "%s", err.text);
    post = milter_post_new(base);
    sum = running = 0;
    atomic_store(&ended, 0);
}

static void teardown(void)
{
    milter_post_free(&post);
    fiber_teardown();
    event_base_free(base);
}

START_TEST(test_many_threads)
{
    pthread_t thread[THREADS];

    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, post_many, NULL), 0);
    (void)event_base_dispatch(base);
    for (unsigned i = 0; i < THREADS; i++)
        (void)pthread_join(thread[i], NULL);
    ck_assert_uint_eq(sum, THREADS * ROUNDS * (ROUNDS + 1) / 2);
    ck_assert_uint_eq(running, 0);
}
END_TEST

static void wait_long(void *arg)
{
    struct task *t = arg;

    t->why = fiber_sleep(3600000);
}

static bool three_times(void *arg)
{
    struct task *t = arg;

    return ++t->ticks < 3;
}

static void stop(void *arg)
{
    (void)arg;
    (void)event_base_loopbreak(base);
}

static void *lose_patience(void *arg)
{
    struct milter_patience patience = {5, three_times, arg};

    milter_post_run(post, wait_long, arg, &patience);
    milter_post_send(post, stop, NULL);
    return NULL;
}

/* The MTA is gone: what is under way is cancelled, not left behind. */
START_TEST(test_patience_ends)
{
    struct task t = {0};
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, lose_patience, &t), 0);
    (void)event_base_dispatch(base);
    (void)pthread_join(thread, NULL);
    ck_assert_int_eq(t.why, FIBER_CANCELLED);
    ck_assert_uint_eq(t.ticks, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("milter_post");
    TCase *all = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(all, 120);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, test_many_threads);
    tcase_add_test(all, test_patience_ends);
    suite_add_tcase(suite, all);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
