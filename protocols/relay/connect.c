/* connect.c - see connect.h. */
#include "protocols/relay/connect.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/log/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <unistd.h>

#define WARN_MS 60000u

struct attempt {
    struct connecting *all;
    struct event ready;
    int fd; /* -1: not under way */
    uint64_t deadline_ms;
};

struct connecting {
    struct attempt attempt[CONNECT_MAX];
    struct connect_address *address;
    size_t n, begun;
    const struct connect_how *how;
    struct event_base *base;
    struct fiber_token token;
    struct fct_err *err;
};

/* ---- one address ---- */

static void end_attempt(struct attempt *a)
{
    event_del(&a->ready);
    close(a->fd);
    a->fd = -1;
}

static void fail_attempt(struct connecting *c, size_t i, int error)
{
    char text[64];

    connect_address_show(&c->address[i], text);
    (void)fct_fail(c->err, FCT_TEMP, "%s: %s", text, strerror(error));
    c->address[i].failed = true;
    if (c->attempt[i].fd >= 0)
        end_attempt(&c->attempt[i]);
}

static void socket_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    (void)fiber_wake(((struct attempt *)arg)->all->token);
}

/* How many sources have the family of the target; *out: the nth of them. */
static unsigned find_source(const struct connect_how *how, sa_family_t family, unsigned nth,
                            struct connect_address *out)
{
    struct connect_address a;
    unsigned n = 0;

    for (size_t i = 0; how->source && i < how->source->n; i++)
        if (connect_address_read(str_from(how->source->item[i]), 0, &a) &&
            a.address.ss_family == family && n++ == nth)
            *out = a;
    return n;
}

/* Mail that comes from an address which nobody meant may be refused, or cost another its name. */
static void warn_of_source(const struct connect_address *source)
{
    static uint64_t again_ms;
    uint64_t now = clock_ms();
    char text[64];

    if (now < again_ms)
        return;
    again_ms = now + WARN_MS;
    connect_address_show(source, text);
    log_event(EV_WARNING, FCT_STR(""),
              F_C("text", "mail leaves from another address: this machine has none of the sources"),
              F_C("source", text), F_C("why", strerror(errno)));
}

/* In turn; one that this machine does not have is passed over. None: the system chooses. */
static void bind_source(int fd, const struct connect_how *how, sa_family_t family)
{
    struct connect_address source = {0};
    unsigned n = find_source(how, family, 0, &source);

    for (unsigned i = 0; i < n; i++) {
        (void)find_source(how, family, (how->turn + i) % n, &source);
        if (bind(fd, (const struct sockaddr *)&source.address, source.n) == 0)
            return;
    }
    if (n > 0)
        warn_of_source(&source);
}

/* Also true when it failed at once: then the address says so. */
static void begin_attempt(struct connecting *c, size_t i, uint64_t now)
{
    struct connect_address *to = &c->address[i];
    struct attempt *a = &c->attempt[i];

    a->all = c;
    a->fd = socket(to->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (a->fd < 0) {
        fail_attempt(c, i, errno);
        return;
    }
    event_assign(&a->ready, c->base, a->fd, EV_WRITE, socket_ready, a);
    bind_source(a->fd, c->how, to->address.ss_family);
    a->deadline_ms = now + c->how->timeout_ms;
    if (connect(a->fd, (const struct sockaddr *)&to->address, to->n) == 0 || errno == EINPROGRESS)
        event_add(&a->ready, NULL);
    else
        fail_attempt(c, i, errno);
}

/* Connected, or failed: 1; still under way: 0. */
static int look(struct connecting *c, size_t i, uint64_t now)
{
    struct attempt *a = &c->attempt[i];
    struct sockaddr_storage peer;
    socklen_t n = sizeof peer;
    int error = 0;
    socklen_t size = sizeof error;

    if (a->fd < 0 || event_pending(&a->ready, EV_WRITE, NULL)) {
        if (a->fd >= 0 && now >= a->deadline_ms)
            fail_attempt(c, i, ETIMEDOUT);
        return 0;
    }
    if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    if (error == 0 && getpeername(a->fd, (struct sockaddr *)&peer, &n) != 0)
        error = errno;
    if (error == 0)
        return 1;
    fail_attempt(c, i, error);
    return 0;
}

/* ---- all of them ---- */

static bool any_under_way(const struct connecting *c)
{
    for (size_t i = 0; i < c->begun; i++)
        if (c->attempt[i].fd >= 0)
            return true;
    return false;
}

static uint64_t next_deadline(const struct connecting *c, uint64_t next_start)
{
    uint64_t at = c->begun < c->n ? next_start : CLOCK_NEVER;

    for (size_t i = 0; i < c->begun; i++)
        if (c->attempt[i].fd >= 0 && c->attempt[i].deadline_ms < at)
            at = c->attempt[i].deadline_ms;
    return at;
}

FCT_MAY_WAIT static bool race(struct connecting *c, size_t *which)
{
    uint64_t next_start = 0;

    for (;;) {
        uint64_t now = clock_ms();

        for (size_t i = 0; i < c->begun; i++)
            if (look(c, i, now)) {
                *which = i;
                return true;
            }
        if (c->begun < c->n && (now >= next_start || !any_under_way(c))) {
            begin_attempt(c, c->begun++, now);
            next_start = now + c->how->delay_ms;
            continue;
        }
        if (!any_under_way(c))
            return false;
        c->token = fiber_token();
        if (fiber_park(next_deadline(c, next_start)) == FIBER_CANCELLED)
            return fct_fail(c->err, FCT_TEMP, "given up connecting");
    }
}

bool connect_to_host(struct event_base *base, struct connect_address *address, size_t n,
                     const struct connect_how *how, int *fd, size_t *which, struct fct_err *err)
{
    struct connecting c = {.address = address,
                           .n = n < CONNECT_MAX ? n : CONNECT_MAX,
                           .how = how,
                           .base = base,
                           .err = err};
    bool ok;

    for (size_t i = 0; i < CONNECT_MAX; i++)
        c.attempt[i].fd = -1;
    ok = race(&c, which);
    if (ok) {
        *fd = c.attempt[*which].fd;
        event_del(&c.attempt[*which].ready);
        c.attempt[*which].fd = -1;
    }
    for (size_t i = 0; i < c.begun; i++)
        if (c.attempt[i].fd >= 0)
            end_attempt(&c.attempt[i]);
    return ok;
}

/* ---- addresses ---- */

bool connect_address_read(struct fct_str text, uint16_t port, struct connect_address *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->address;
    char host[INET6_ADDRSTRLEN];

    *out = (struct connect_address){0};
    if (text.n >= sizeof host || str_find_char(text, '\0') >= 0)
        return false;
    str_copy_c(host, sizeof host, text);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        out->n = (socklen_t)sizeof *v4;
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    out->n = (socklen_t)sizeof *v6;
    return true;
}

void connect_address_show(const struct connect_address *address, char text[64])
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->address;
    char host[INET6_ADDRSTRLEN] = "?";

    if (address->address.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        (void)snprintf(text, 64, "[%s]:%u", host, (unsigned)ntohs(v6->sin6_port));
    } else {
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        (void)snprintf(text, 64, "%s:%u", host, (unsigned)ntohs(v4->sin_port));
    }
}

void connect_interleave(struct connect_address *address, size_t n)
{
    struct connect_address sorted[CONNECT_MAX];
    size_t at[2] = {0, 0}, out = 0;
    bool v6 = true;

    if (n > CONNECT_MAX)
        n = CONNECT_MAX;
    while (out < n) {
        size_t *i = &at[v6 ? 0 : 1];
        int family = v6 ? AF_INET6 : AF_INET;

        while (*i < n && address[*i].address.ss_family != family)
            (*i)++;
        if (*i < n)
            sorted[out++] = address[(*i)++];
        v6 = !v6;
    }
    memcpy(address, sorted, n * sizeof *address);
}
