/* leave.c - the first steps of a child: it stops being a supervisor. */
#include "core/supervisor/supervisor_int.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int by_number(const void *a, const void *b)
{
    const int *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void close_between(int first, int last)
{
    if (first > last)
        return;
#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)first, (unsigned)last, 0) == 0)
        return;
#endif
    for (int fd = first; fd <= last && fd < 65536; fd++)
        close(fd);
}

static void close_all_but(const int *keep, size_t n)
{
    int sorted[8 + 4 * SERVER_MAX_PROCESSES];
    int next = STDERR_FILENO + 1;
    size_t used = 0;

    for (size_t i = 0; i < n && used < FCT_COUNT(sorted); i++)
        if (keep[i] > STDERR_FILENO)
            sorted[used++] = keep[i];
    qsort(sorted, used, sizeof *sorted, by_number);
    for (size_t i = 0; i < used; i++) {
        close_between(next, sorted[i] - 1);
        next = sorted[i] + 1;
    }
    close_between(next, INT_MAX);
}

/* Ctrl-C, hang-up and a service manager's SIGTERM reach the whole group: the supervisor alone acts
 * on them. */
void supervisor_leave(const int *keep, size_t n)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    static const int plain[] = {SIGCHLD, SIGALRM, SIGUSR1, SIGUSR2};
    sigset_t none;
    int null;

    for (size_t i = 0; i < FCT_COUNT(ignored); i++)
        (void)signal(ignored[i], SIG_IGN);
    for (size_t i = 0; i < FCT_COUNT(plain); i++)
        (void)signal(plain[i], SIG_DFL);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0)
        (void)dup2(null, STDIN_FILENO);
    close_all_but(keep, n);
}
