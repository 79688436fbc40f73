/* milter_door.c - see milter_door.h. */
#include "protocols/milter/milter_door.h"

#include <errno.h>
#include <fcntl.h>
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEARCH 64 /* libmilter opens one descriptor, the lowest that is free */

struct waiting {
    struct waiting *next;
    int fd;
};

static struct {
    int fd; /* libmilter's listening descriptor: an eventfd that counts what waits */
    pthread_mutex_t lock;
    struct waiting *first, **last;
} door = {.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER, .last = &door.first};

/* ---- what libmilter believes to be accept() ---- */

int __real_accept(int fd, struct sockaddr *address, socklen_t *length);
int __wrap_accept(int fd, struct sockaddr *address, socklen_t *length);

static int take(void)
{
    struct waiting *w;
    uint64_t count;
    int fd = -1;

    (void)!read(door.fd, &count, sizeof count);
    (void)pthread_mutex_lock(&door.lock);
    w = door.first;
    if (w) {
        fd = w->fd;
        door.first = w->next;
        if (!door.first)
            door.last = &door.first;
    }
    (void)pthread_mutex_unlock(&door.lock);
    free(w);
    return fd;
}

/* libmilter checks the family against that of the socket it opened; who the MTA is interests
 * nobody. */
int __wrap_accept(int fd, struct sockaddr *address, socklen_t *length)
{
    static const struct sockaddr_in loopback = {.sin_family = AF_INET};
    int got;

    if (fd != door.fd)
        return __real_accept(fd, address, length);
    got = take();
    if (got < 0) {
        errno = EINTR;
        return -1;
    }
    if (address && length && *length >= sizeof loopback) {
        memcpy(address, &loopback, sizeof loopback);
        *length = sizeof loopback;
    }
    return got;
}

void milter_door_hand(int fd)
{
    static const uint64_t one = 1;
    struct waiting *w = malloc(sizeof *w);
    int flags = fcntl(fd, F_GETFL);

    FCT_ASSERT(w);
    (void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    *w = (struct waiting){.fd = fd};
    (void)pthread_mutex_lock(&door.lock);
    *door.last = w;
    door.last = &w->next;
    (void)pthread_mutex_unlock(&door.lock);
    (void)!write(door.fd, &one, sizeof one);
}

/* ---- libmilter's socket ---- */

static bool listens(int fd)
{
    int yes = 0;
    socklen_t n = sizeof yes;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &n) == 0 && yes;
}

/* The listening descriptor that was not there before `lowest` was the lowest free one. */
static int find_socket(int lowest, const bool before[SEARCH])
{
    for (int i = 0; i < SEARCH; i++)
        if (!before[i] && listens(lowest + i))
            return lowest + i;
    return -1;
}

static bool open_socket(struct fct_err *err)
{
    static char own[] = "inet:0@[127.0.0.1]";
    int counter = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    int lowest = counter < 0 ? -1 : fcntl(counter, F_DUPFD_CLOEXEC, 0);
    bool before[SEARCH];

    if (lowest < 0)
        return fct_fail(err, FCT_TEMP, "eventfd: %s", strerror(errno));
    close(lowest);
    for (int i = 0; i < SEARCH; i++)
        before[i] = listens(lowest + i);
    if (smfi_setconn(own) != MI_SUCCESS || smfi_opensocket(false) != MI_SUCCESS) {
        close(counter);
        return fct_fail(err, FCT_TEMP, "libmilter cannot open a socket on loopback");
    }
    door.fd = find_socket(lowest, before);
    if (door.fd < 0 || dup3(counter, door.fd, O_CLOEXEC) < 0)
        return fct_fail(err, FCT_BUG, "libmilter's socket was not found");
    close(counter);
    return true;
}

bool milter_door_open(const struct smfiDesc *filter, unsigned timeout_s, struct fct_err *err)
{
    if (smfi_register(*filter) != MI_SUCCESS)
        return fct_fail(err, FCT_TEMP, "libmilter does not take our callbacks");
    (void)smfi_settimeout((int)timeout_s);
    return open_socket(err);
}

/* It ends only when something is badly wrong; the supervisor starts us afresh. */
static void *run_libmilter(void *arg)
{
    (void)arg;
    (void)smfi_main();
    _exit(1);
}

bool milter_door_start(struct fct_err *err)
{
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, run_libmilter, NULL);

    if (failed)
        return fct_fail(err, FCT_TEMP, "start libmilter: %s", strerror(failed));
    (void)pthread_detach(thread);
    return true;
}
