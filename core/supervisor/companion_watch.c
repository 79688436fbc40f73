/* companion_watch.c - see companion_watch.h. */
#include "core/supervisor/companion_watch.h"

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/log/log.h"

#include <event2/event.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define QUESTIONS 12
#define IDLE_MS   5000 /* while switched off: a reload may switch it on */

int companion_connect(const char *socket_path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    str_copy_c(at.sun_path, sizeof at.sun_path, str_from(socket_path));
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void disconnect(struct companion_watch *w)
{
    if (w->readable)
        event_free(w->readable);
    w->readable = NULL;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

/* What it says does not matter, that it says something does. */
static void hear(evutil_socket_t fd, short what, void *arg)
{
    struct companion_watch *w = arg;
    char text[256];

    (void)what;
    if (read(fd, text, sizeof text) > 0)
        w->unanswered = 0;
    else
        disconnect(w);
}

static void ask(struct companion_watch *w)
{
    size_t n = strlen(w->plan->question);

    w->unanswered++;
    if (w->fd < 0) {
        w->fd = companion_connect(w->plan->socket);
        if (w->fd < 0)
            return;
        w->readable = event_new(w->sup->base, w->fd, EV_READ | EV_PERSIST, hear, w);
        FCT_ASSERT(w->readable);
        (void)event_add(w->readable, NULL);
    }
    if (send(w->fd, w->plan->question, n, MSG_NOSIGNAL) != (ssize_t)n)
        disconnect(w);
}

static void set_timer(struct companion_watch *w)
{
    uint64_t limit_ms = w->sup->now.server->hang_limit.ms;
    uint64_t ms = limit_ms ? limit_ms / QUESTIONS + 1 : IDLE_MS;

    (void)event_add(w->timer, &(struct timeval){.tv_sec = (time_t)(ms / 1000),
                                                .tv_usec = (suseconds_t)(ms % 1000 * 1000)});
}

static void timer_fired(evutil_socket_t fd, short what, void *arg)
{
    struct companion_watch *w = arg;
    uint64_t limit_ms = w->sup->now.server->hang_limit.ms;

    (void)fd, (void)what;
    set_timer(w);
    if (!limit_ms)
        return;
    if (w->unanswered < QUESTIONS) {
        ask(w);
        return;
    }
    log_event(EV_HUNG, FCT_STR(""), F_C("program", w->plan->program), F_U64("pid", w->pid),
              F_U64("limit_ms", limit_ms));
    w->unanswered = 0;
    (void)kill(w->pid, SIGKILL);
}

void companion_watch_begin(struct companion_watch *w, struct supervisor *sup,
                           const struct companion_plan *plan, pid_t pid)
{
    *w = (struct companion_watch){.sup = sup, .plan = plan, .pid = pid, .fd = -1};
    w->timer = evtimer_new(sup->base, timer_fired, w);
    FCT_ASSERT(w->timer);
    set_timer(w);
}

void companion_watch_end(struct companion_watch *w)
{
    if (!w->timer)
        return;
    disconnect(w);
    event_free(w->timer);
    w->timer = NULL;
}
