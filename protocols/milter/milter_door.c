/* milter_door.c - see milter_door.h. */
#include "protocols/milter/milter_door.h"

#include <errno.h>
#include <fcntl.h>
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEARCH       64 /* libmilter opens one descriptor, the lowest that is free */
#define SOCKETS      64
#define EXHAUSTED_MS 100

static struct {
    int fd; /* libmilter's listening descriptor: an epoll descriptor over the sockets */
    pthread_mutex_t lock;
    int socket[SOCKETS];
    size_t sockets;
    bool (*admit)(void *arg);
    void *arg;
} door = {.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- what libmilter believes to be accept() ---- */

int __real_accept(int fd, struct sockaddr *address, socklen_t *length);
int __wrap_accept(int fd, struct sockaddr *address, socklen_t *length);

/* The next connection of any socket; -1: another process was faster (a reload), or nobody is
 * admitted. */
static int take(void)
{
    int fd = -1;

    (void)pthread_mutex_lock(&door.lock);
    for (size_t i = 0; i < door.sockets && fd < 0; i++) {
        fd = accept4(door.socket[i], NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0 && !door.admit(door.arg)) {
            close(fd);
            fd = -1;
        }
    }
    (void)pthread_mutex_unlock(&door.lock);
    return fd;
}

static bool is_exhausted(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* libmilter writes each change of a message by itself: without this, each would wait for the
 * acknowledgement of the one before. Does nothing to Unix sockets. */
static void send_at_once(int fd)
{
    int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* libmilter checks the family against that of the socket it opened; who the MTA is interests
 * nobody. EINTR: it tries again, as often as it takes. */
int __wrap_accept(int fd, struct sockaddr *address, socklen_t *length)
{
    static const struct sockaddr_in loopback = {.sin_family = AF_INET};
    int got;

    if (fd != door.fd)
        return __real_accept(fd, address, length);
    errno = 0;
    got = take();
    if (got < 0) {
        if (is_exhausted(errno))
            (void)usleep(EXHAUSTED_MS * 1000);
        errno = EINTR;
        return -1;
    }
    send_at_once(got);
    if (address && length && *length >= sizeof loopback) {
        memcpy(address, &loopback, sizeof loopback);
        *length = sizeof loopback;
    }
    return got;
}

bool milter_door_add(int fd, struct fct_err *err)
{
    struct epoll_event wanted = {.events = EPOLLIN};

    if (door.sockets == SOCKETS)
        return fct_fail(err, FCT_LIMIT, "more than %d milter addresses", SOCKETS);
    if (epoll_ctl(door.fd, EPOLL_CTL_ADD, fd, &wanted) != 0)
        return fct_fail(err, FCT_TEMP, "epoll: %s", strerror(errno));
    door.socket[door.sockets++] = fd;
    return true;
}

void milter_door_close(void)
{
    (void)pthread_mutex_lock(&door.lock);
    while (door.sockets > 0)
        (void)epoll_ctl(door.fd, EPOLL_CTL_DEL, door.socket[--door.sockets], NULL);
    (void)pthread_mutex_unlock(&door.lock);
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
    int cover = epoll_create1(EPOLL_CLOEXEC);
    int lowest = cover < 0 ? -1 : fcntl(cover, F_DUPFD_CLOEXEC, 0);
    bool before[SEARCH];

    if (lowest < 0)
        return fct_fail(err, FCT_TEMP, "epoll: %s", strerror(errno));
    close(lowest);
    for (int i = 0; i < SEARCH; i++)
        before[i] = listens(lowest + i);
    if (smfi_setconn(own) != MI_SUCCESS || smfi_opensocket(false) != MI_SUCCESS) {
        close(cover);
        return fct_fail(err, FCT_TEMP, "libmilter cannot open a socket on loopback");
    }
    door.fd = find_socket(lowest, before);
    if (door.fd < 0 || dup3(cover, door.fd, O_CLOEXEC) < 0)
        return fct_fail(err, FCT_BUG, "libmilter's socket was not found");
    close(cover);
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

bool milter_door_start(bool (*admit)(void *arg), void *arg, struct fct_err *err)
{
    pthread_t thread;
    int failed;

    door.admit = admit;
    door.arg = arg;
    failed = pthread_create(&thread, NULL, run_libmilter, NULL);
    if (failed)
        return fct_fail(err, FCT_TEMP, "start libmilter: %s", strerror(failed));
    (void)pthread_detach(thread);
    return true;
}
