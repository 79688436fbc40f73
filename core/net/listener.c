/* listener.c - see listener.h. */
#include "core/net/listener.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"

#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG          1024
#define ACCEPTS_PER_TURN 16 /* then sessions get their chance */
#define PAUSE_MS         100
#define LOG_EVERY_MS     60000

/* ---- opening ---- */

/* "host:port" with the brackets of IPv6 taken off; host "*" is empty: every address. */
static bool split_address(const char *address, char host[128], char port[8], struct fct_err *err)
{
    struct fct_str all = str_from(address), h, p;
    ptrdiff_t colon = str_find_last_char(all, ':');
    uint32_t number;

    if (colon < 0)
        return fct_fail(err, FCT_SYNTAX, "address \"%s\" has no port (example: 127.0.0.1:25)",
                        address);
    h = str_head(all, (size_t)colon);
    p = str_skip(all, (size_t)colon + 1);
    if (!str_to_u32(p, &number) || number > UINT16_MAX)
        return fct_fail(err, FCT_SYNTAX, "address \"%s\": the port is not a number up to 65535",
                        address);
    if (h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
        h = (struct fct_str){h.p + 1, h.n - 2};
    else if (str_find_char(h, ':') >= 0)
        return fct_fail(err, FCT_SYNTAX,
                        "address \"%s\": an IPv6 address stands in brackets (example: [::1]:25)",
                        address);
    if (h.n == 0 || h.n >= 128 || p.n >= 8)
        return fct_fail(err, FCT_SYNTAX, "address \"%s\" cannot be read (example: 127.0.0.1:25)",
                        address);
    str_copy_c(host, 128, str_equal(h, FCT_STR("*")) ? FCT_STR("") : h);
    str_copy_c(port, 8, p);
    return true;
}

static int open_socket(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int saved = errno;

    close(fd);
    errno = saved;
    return -1;
}

bool listener_open(const char *address, int fds[2], unsigned *count, struct fct_err *err)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
    };
    struct addrinfo *found;
    char host[128], port[8];
    int failed = 0, code;

    *count = 0;
    if (!split_address(address, host, port, err))
        return false;
    code = getaddrinfo(host[0] ? host : NULL, port, &hints, &found);
    if (code != 0)
        return fct_fail(err, FCT_SYNTAX, "address \"%s\": %s", address, gai_strerror(code));
    for (const struct addrinfo *a = found; a && *count < 2; a = a->ai_next) {
        int fd = open_socket(a);
        /* A machine without IPv6 still has "*". */
        bool tolerable = errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL;
        bool last_hope = !a->ai_next && *count == 0;

        if (fd >= 0)
            fds[(*count)++] = fd;
        else if (!tolerable || last_hope)
            failed = errno;
    }
    freeaddrinfo(found);
    if (!failed)
        return true;
    while (*count > 0)
        close(fds[--*count]);
    return fct_fail(err, FCT_TEMP, "listen on %s: %s", address, strerror(failed));
}

/* ---- accepting ---- */

struct listener {
    int fd;
    struct event *readable, *resume;
    void (*accepted)(void *arg, int fd);
    void *arg;
    uint64_t logged; /* when exhaustion was last logged; 0: never */
    bool accepting;  /* inside the loop that calls accepted() … */
    bool stopped;    /* … which stopped us: freed at its end */
};

static void pause_accepting(struct listener *l)
{
    uint64_t now = clock_ms();

    event_del(l->readable);
    event_add(l->resume, &(struct timeval){.tv_usec = PAUSE_MS * 1000L});
    if (l->logged && now - l->logged < LOG_EVERY_MS)
        return;
    l->logged = now;
    log_event(EV_FDS_EXHAUSTED, FCT_STR(""), F_C("why", strerror(errno)));
}

static void resume_accepting(evutil_socket_t fd, short what, void *arg)
{
    struct listener *l = arg;

    (void)fd, (void)what;
    event_add(l->readable, NULL);
}

static void connections_wait(evutil_socket_t fd, short what, void *arg)
{
    struct listener *l = arg;

    (void)what;
    l->accepting = true;
    for (unsigned i = 0; i < ACCEPTS_PER_TURN && !l->stopped; i++) {
        int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (client >= 0) {
            l->accepted(l->arg, client);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(l);
            break;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            break; /* EAGAIN, or an error of the network that the next call tells again */
        }
    }
    l->accepting = false;
    if (l->stopped)
        free(l);
}

struct listener *listener_start(struct event_base *base, int fd,
                                void (*accepted)(void *arg, int fd), void *arg)
{
    struct listener *l = calloc(1, sizeof *l);

    FCT_ASSERT(l);
    l->fd = fd;
    l->accepted = accepted;
    l->arg = arg;
    evutil_make_socket_nonblocking(fd);
    l->readable = event_new(base, fd, EV_READ | EV_PERSIST, connections_wait, l);
    l->resume = event_new(base, -1, 0, resume_accepting, l);
    FCT_ASSERT(l->readable && l->resume);
    event_add(l->readable, NULL);
    return l;
}

void listener_stop(struct listener **listener)
{
    struct listener *l = *listener;

    *listener = NULL;
    if (!l)
        return;
    event_free(l->readable);
    event_free(l->resume);
    l->stopped = true;
    if (!l->accepting)
        free(l);
}
