/* milter_post.c - see milter_post.h. A list under a mutex, an eventfd for the loop, a semaphore for
 * each thread that waits. */
#include "protocols/milter/milter_post.h"

#include "core/fiber/fiber.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Lives on the stack of the thread that waits, and is gone as soon as `done` is posted; one that
 * nobody waits for frees itself. */
struct job {
    struct job *next;
    void (*run)(void *arg);
    void *arg;
    bool alone; /* nobody waits */
    struct fiber_id fiber;
    sem_t done;
};

struct milter_post {
    pthread_mutex_t lock;
    struct job *first, **last;
    int wake;
    struct event *woken;
};

/* ---- the loop's side ---- */

static void serve(void *arg)
{
    struct job *job = arg;

    job->fiber = fiber_self();
    job->run(job->arg);
    if (job->alone)
        free(job);
    else
        (void)sem_post(&job->done);
}

static struct job *take_all(struct milter_post *post)
{
    struct job *all;

    (void)pthread_mutex_lock(&post->lock);
    all = post->first;
    post->first = NULL;
    post->last = &post->first;
    (void)pthread_mutex_unlock(&post->lock);
    return all;
}

static void jobs_wait(evutil_socket_t fd, short what, void *arg)
{
    uint64_t count;
    struct job *job, *next;

    (void)what;
    (void)!read(fd, &count, sizeof count);
    for (job = take_all(arg); job; job = next) {
        next = job->next;
        (void)fiber_start(serve, job);
    }
}

struct milter_post *milter_post_new(struct event_base *base)
{
    struct milter_post *post = calloc(1, sizeof *post);

    FCT_ASSERT(post);
    post->last = &post->first;
    (void)pthread_mutex_init(&post->lock, NULL);
    post->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    FCT_ASSERT(post->wake >= 0);
    post->woken = event_new(base, post->wake, EV_READ | EV_PERSIST, jobs_wait, post);
    FCT_ASSERT(post->woken && event_add(post->woken, NULL) == 0);
    return post;
}

void milter_post_free(struct milter_post **post)
{
    if (!*post)
        return;
    event_free((*post)->woken);
    close((*post)->wake);
    (void)pthread_mutex_destroy(&(*post)->lock);
    free(*post);
    *post = NULL;
}

/* ---- the thread's side ---- */

static void enqueue(struct milter_post *post, struct job *job)
{
    static const uint64_t one = 1;
    bool first;

    (void)pthread_mutex_lock(&post->lock);
    first = !post->first;
    *post->last = job;
    post->last = &job->next;
    (void)pthread_mutex_unlock(&post->lock);
    if (first)
        (void)!write(post->wake, &one, sizeof one);
}

static bool wait_for(struct job *job, uint64_t ms)
{
    struct timespec until;
    int failed;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    do
        failed = sem_clockwait(&job->done, CLOCK_MONOTONIC, &until);
    while (failed && errno == EINTR);
    return !failed;
}

static void wait_to_the_end(struct job *job)
{
    while (sem_wait(&job->done) != 0)
        ;
}

static void cancel(void *arg)
{
    const struct job *job = arg;

    fiber_cancel(job->fiber);
}

void milter_post_run(struct milter_post *post, void (*run)(void *arg), void *arg,
                     const struct milter_patience *patience)
{
    struct job job = {.run = run, .arg = arg};

    (void)sem_init(&job.done, 0, 0);
    enqueue(post, &job);
    while (patience && !wait_for(&job, patience->every_ms))
        if (!patience->tick(patience->arg)) {
            milter_post_run(post, cancel, &job, NULL);
            patience = NULL;
            wait_to_the_end(&job);
            (void)sem_destroy(&job.done);
            return;
        }
    if (!patience)
        wait_to_the_end(&job);
    (void)sem_destroy(&job.done);
}

void milter_post_send(struct milter_post *post, void (*run)(void *arg), void *arg)
{
    struct job *job = calloc(1, sizeof *job);

    FCT_ASSERT(job);
    job->run = run;
    job->arg = arg;
    job->alone = true;
    enqueue(post, job);
}
