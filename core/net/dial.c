/* dial.c - see dial.h. */
#include "core/net/dial.h"

#include "core/base/str.h"
#include "core/fiber/fiber.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#define BUSY_PAUSE_MS                                                          \
    20 /* a Unix socket whose queue is full says EAGAIN and tells nobody later \
        */

/* ---- addresses ---- */

static bool take_port(struct fct_str text, uint16_t *port)
{
    uint32_t n;

    if (!str_to_u32(text, &n) || n == 0 || n > 65535)
        return false;
    *port = (uint16_t)n;
    return true;
}

static bool parse_inet(struct fct_str text, struct dial_address *out)
{
    ptrdiff_t colon = str_find_last_char(text, ':');

    if (colon <= 0 || !take_port(str_skip(text, (size_t)colon + 1), &out->port))
        return false;
    out->host = str_head(text, (size_t)colon);
    if (out->host.p[0] == '[' && out->host.p[out->host.n - 1] == ']')
        out->host = str_head(str_skip(out->host, 1), out->host.n - 2);
    else if (str_find_char(out->host, ':') >= 0)
        return false; /* where does the address end? */
    return out->host.n > 0;
}

bool dial_parse(struct fct_str text, struct dial_address *out, struct fct_err *err)
{
    *out = (struct dial_address){0};
    if (str_starts_nocase(text, FCT_STR("unix:"))) {
        out->is_unix = true;
        out->path = str_skip(text, 5);
        if (out->path.n > 0 && out->path.p[0] == '/' && !memchr(out->path.p, 0, out->path.n) &&
            out->path.n < sizeof((struct sockaddr_un *)0)->sun_path)
            return true;
    } else if (str_starts_nocase(text, FCT_STR("inet:")) && parse_inet(str_skip(text, 5), out)) {
        return true;
    }
    return fct_fail(err, FCT_SYNTAX,
                    "\"%.*s\" is no address: inet:HOST:PORT, inet:[::1]:PORT or unix:/path",
                    FCT_FMT(str_head(text, 120)));
}

static bool peer_of_path(struct fct_str path, struct dial_peer *out)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&out->address;

    if (path.n >= sizeof un->sun_path)
        return false;
    un->sun_family = AF_UNIX;
    str_copy_c(un->sun_path, sizeof un->sun_path, path);
    out->n = (socklen_t)sizeof *un;
    return true;
}

bool dial_peer_of(const struct dial_address *address, struct dial_peer *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->address;
    char host[INET6_ADDRSTRLEN];

    *out = (struct dial_peer){0};
    if (address->is_unix)
        return peer_of_path(address->path, out);
    if (address->host.n >= sizeof host)
        return false;
    str_copy_c(host, sizeof host, address->host);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(address->port);
        out->n = (socklen_t)sizeof *v4;
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address->port);
    out->n = (socklen_t)sizeof *v6;
    return true;
}

/* ---- connecting ---- */

static void socket_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    (void)fiber_wake(*(struct fiber_token *)arg);
}

static bool gave_up(enum fiber_wake why, struct fct_err *err)
{
    return fct_fail(err, FCT_TEMP, "%s",
                    why == FIBER_CANCELLED ? "given up: nobody waits for it any more"
                                           : "no answer in time");
}

FCT_MAY_WAIT static bool wait_until_connected(struct event_base *base, int fd, uint64_t deadline_ms,
                                              struct fct_err *err)
{
    struct fiber_token token = fiber_token();
    struct event ready;
    enum fiber_wake why;
    int error = 0;
    socklen_t n = sizeof error;

    event_assign(&ready, base, fd, EV_WRITE, socket_ready, &token);
    event_add(&ready, NULL);
    why = fiber_park(deadline_ms);
    event_del(&ready);
    if (why != FIBER_WOKEN)
        return gave_up(why, err);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
        error = errno;
    return error == 0 || fct_fail(err, FCT_TEMP, "%s", strerror(error));
}

FCT_MAY_WAIT static bool connect_socket(struct event_base *base, int fd,
                                        const struct dial_peer *peer, uint64_t deadline_ms,
                                        struct fct_err *err)
{
    enum fiber_wake why;

    while (connect(fd, (const struct sockaddr *)&peer->address, peer->n) != 0) {
        if (errno == EINPROGRESS)
            return wait_until_connected(base, fd, deadline_ms, err);
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return fct_fail(err, FCT_TEMP, "%s", strerror(errno));
        why = fiber_sleep(BUSY_PAUSE_MS);
        if (why == FIBER_CANCELLED || clock_ms() >= deadline_ms || clock_ms() >= fiber_deadline())
            return gave_up(why, err);
    }
    return true;
}

bool dial_connect(struct event_base *base, const struct dial_peer *peer, uint64_t deadline_ms,
                  int *fd, struct fct_err *err)
{
    int made = socket(peer->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    FCT_ASSERT(fiber_inside());
    if (made < 0)
        return fct_fail(err, FCT_TEMP, "socket: %s", strerror(errno));
    if (!connect_socket(base, made, peer, deadline_ms, err)) {
        close(made);
        return false;
    }
    *fd = made;
    return true;
}
