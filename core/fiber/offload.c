/* offload.c - a small pool of threads for what blocks or computes for long.
 *
 * A job lives on the stack of the fiber that waits for it; a finished job goes into a list and an
 * eventfd tells the loop. */
#include "core/fiber/fiber_int.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define THREADS_DEFAULT 4
#define THREADS_MAX     64

struct job {
    void (*work)(void *arg);
    void *arg;
    struct fiber_token waiter;
    struct job *next;
};

struct job_list {
    struct job *first, **last;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct job_list todo, done; /* under the lock */
    bool stop;                  /* under the lock */
    pthread_t thread[THREADS_MAX];
    unsigned threads;
    int wake_fd;
    struct event *wake;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER, .wake_fd = -1};

static void list_clear(struct job_list *l)
{
    l->first = NULL;
    l->last = &l->first;
}

static void list_add(struct job_list *l, struct job *j)
{
    j->next = NULL;
    *l->last = j;
    l->last = &j->next;
}

static struct job *list_take(struct job_list *l)
{
    struct job *j = l->first;

    if (j && !(l->first = j->next))
        l->last = &l->first;
    return j;
}

/* ---- a thread ---- */

static void tell_loop(void)
{
    uint64_t one = 1;

    /* Fails only when the counter is full, and then the loop is told already. */
    while (write(pool.wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

static void *thread_run(void *arg)
{
    pthread_mutex_lock(&pool.lock);
    while (!pool.stop) {
        struct job *j = list_take(&pool.todo);
        bool first;

        if (!j) {
            pthread_cond_wait(&pool.more, &pool.lock);
            continue;
        }
        pthread_mutex_unlock(&pool.lock);
        j->work(j->arg);
        pthread_mutex_lock(&pool.lock);
        first = !pool.done.first;
        list_add(&pool.done, j);
        if (first)
            tell_loop();
    }
    pthread_mutex_unlock(&pool.lock);
    return arg;
}

/* ---- the loop's side ---- */

static void jobs_done(evutil_socket_t fd, short what, void *arg)
{
    uint64_t count;
    struct job *j;

    (void)what, (void)arg;
    while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&pool.lock);
    j = pool.done.first;
    list_clear(&pool.done);
    pthread_mutex_unlock(&pool.lock);
    while (j) {
        struct job *next = j->next; /* the job is gone once its fiber runs */

        fiber_wake(j->waiter);
        j = next;
    }
}

void offload_start(unsigned threads)
{
    sigset_t all, before;

    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's */
    while (pool.threads < threads &&
           pthread_create(&pool.thread[pool.threads], NULL, thread_run, NULL) == 0)
        pool.threads++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void offload(void (*work)(void *arg), void *arg)
{
    struct job j = {.work = work, .arg = arg};

    if (pool.threads == 0 && fiber_inside())
        offload_start(THREADS_DEFAULT);
    if (pool.threads == 0 ||
        !fiber_inside()) { /* start-up, or a machine that gives no threads: slower, not wrong */
        work(arg);
        return;
    }
    j.waiter = fiber_token();
    pthread_mutex_lock(&pool.lock);
    list_add(&pool.todo, &j);
    pthread_cond_signal(&pool.more);
    pthread_mutex_unlock(&pool.lock);
    fiber_park_fully();
}

bool offload_setup(struct event_base *base, struct fct_err *err)
{
    list_clear(&pool.todo);
    list_clear(&pool.done);
    pool.stop = false;
    pool.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool.wake_fd < 0)
        return fct_fail(err, FCT_TEMP, "eventfd: %s", strerror(errno));
    pool.wake = event_new(base, pool.wake_fd, EV_READ | EV_PERSIST, jobs_done, NULL);
    if (!pool.wake || event_add(pool.wake, NULL) != 0)
        return fct_fail(err, FCT_TEMP, "no memory for the event of offloaded work");
    return true;
}

void offload_teardown(void)
{
    pthread_mutex_lock(&pool.lock);
    pool.stop = true;
    pthread_cond_broadcast(&pool.more);
    pthread_mutex_unlock(&pool.lock);
    while (pool.threads > 0)
        pthread_join(pool.thread[--pool.threads], NULL);
    if (pool.wake)
        event_free(pool.wake);
    pool.wake = NULL;
    if (pool.wake_fd >= 0)
        close(pool.wake_fd);
    pool.wake_fd = -1;
}
