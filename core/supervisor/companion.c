/* companion.c - see companion.h: the life of the one companion, from the supervisor's side. */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/supervisor/companion_watch.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS        10u /* is its socket there? */
#define LOOK_LATER_MS  200u
#define SETTLE_MS      2000u  /* nobody waits longer for its first start: mail comes first */
#define PATIENCE_MS    10000u /* to write down what it has */
#define START_AGAIN_MS 1000u
#define LINE_MOST      1024u

struct companion_life {
    const struct companion *is;
    struct companion_plan plan;
    enum process_state state; /* NONE: none is wanted */
    pid_t pid;
    struct event *timer, *readable; /* timer: look for its socket, start it again, patience ends */
    int out;                        /* what it prints */
    int lock_fd;                    /* of its folder */
    int probe;                      /* a connection that asks whether it is ready */
    struct companion_watch watch;
    char line[LINE_MOST], last[LINE_MOST], refused[LINE_MOST], sandbox[256];
    size_t used;
    struct backoff backoff;
    uint64_t born_ms, settle_until_ms;
    unsigned restarts;
    bool again; /* started once more when it has ended: the plan has changed */
};

static void start(struct supervisor *sup);

static void set_timer(struct companion_life *c, uint64_t ms)
{
    (void)event_add(c->timer, &(struct timeval){.tv_sec = (time_t)(ms / 1000),
                                                .tv_usec = (suseconds_t)(ms % 1000 * 1000)});
}

/* ---- what it says ---- */

/* Until it is ready it tells its version, its mode and what it would like of the kernel: of
 * interest when it does not come up. */
static void say(struct companion_life *c, struct fct_str line)
{
    struct fct_str text = line;
    enum fct_level level;

    if (str_starts(line, FCT_STR(COMPANION_SANDBOX))) {
        str_copy_c(c->sandbox, sizeof c->sandbox, str_skip(line, sizeof COMPANION_SANDBOX - 1));
        return;
    }
    level = c->is->level(&text);
    str_copy_c(c->last, sizeof c->last, text);
    log_event(level >= FCT_WARNING && c->state == PROCESS_READY ? EV_COMPANION_WARNS
                                                                : EV_COMPANION_SAYS,
              FCT_STR(""), F_C("program", c->is->name), F_STR("text", text));
}

static void take_lines(struct companion_life *c)
{
    char *end;

    while ((end = memchr(c->line, '\n', c->used)) || c->used == sizeof c->line) {
        size_t n = end ? (size_t)(end - c->line) : c->used;
        size_t skip = n + (end != NULL);

        if (n > 0)
            say(c, (struct fct_str){c->line, n});
        c->used -= skip;
        memmove(c->line, c->line + skip, c->used);
    }
}

static void hear(evutil_socket_t fd, short what, void *arg)
{
    struct companion_life *c = arg;
    ssize_t n;

    (void)what;
    while ((n = read(fd, c->line + c->used, sizeof c->line - c->used)) > 0) {
        c->used += (size_t)n;
        take_lines(c);
    }
    if (n == 0 && c->readable)
        (void)event_del(c->readable);
}

static void stop_hearing(struct companion_life *c)
{
    if (c->out < 0)
        return;
    hear(c->out, EV_READ, c);
    if (c->readable)
        event_free(c->readable);
    c->readable = NULL;
    close(c->out);
    c->out = -1;
    c->used = 0;
}

/* ---- start ---- */

static struct companion_start start_of(struct supervisor *sup, int log_fd)
{
    const struct server_conf *server = sup->now.server;
    bool dev = sup->setup->dev;

    return (struct companion_start){
        .plan = &sup->companion->plan,
        .name = sup->companion->is->name,
        .user = dev ? "" : server->user_redis,
        .group_of = dev ? "" : server->user_filter,
        .log_fd = log_fd,
        .parent = sup->pid,
    };
}

static bool spawn(struct supervisor *sup, struct fct_err *err)
{
    struct companion_life *c = sup->companion;
    struct companion_start begin;
    int pipe_fd[2];

    if (pipe2(pipe_fd, O_CLOEXEC) != 0)
        return fct_fail(err, FCT_TEMP, "pipe: %s", strerror(errno));
    (void)fcntl(pipe_fd[0], F_SETFL, O_NONBLOCK);
    begin = start_of(sup, pipe_fd[1]);
    log_flush();
    c->pid = fork();
    if (c->pid == 0)
        companion_exec(&begin);
    close(pipe_fd[1]);
    c->out = pipe_fd[0];
    c->readable = event_new(sup->base, c->out, EV_READ | EV_PERSIST, hear, c);
    if (c->pid > 0 && c->readable && event_add(c->readable, NULL) == 0)
        return true;
    (void)fct_fail(err, FCT_TEMP, "fork: %s", strerror(errno));
    stop_hearing(c);
    return false;
}

bool companion_has_settled(const struct supervisor *sup)
{
    return !sup->companion || sup->companion->settle_until_ms == 0;
}

/* The rest of the server goes on. */
static void settle(struct supervisor *sup)
{
    if (companion_has_settled(sup))
        return;
    sup->companion->settle_until_ms = 0;
    supervisor_companion_settled(sup);
}

/* Said once, as long as the reason stays the same. */
static void cannot_start(struct supervisor *sup, const char *why)
{
    struct companion_life *c = sup->companion;

    if (!str_equal(str_from(c->refused), str_from(why)))
        log_event(EV_WARNING, FCT_STR(""), F_C("program", c->is->name), F_C("text", why));
    str_copy_c(c->refused, sizeof c->refused, str_from(why));
    c->state = PROCESS_WAITING;
    set_timer(c, START_AGAIN_MS);
    settle(sup);
}

static void start(struct supervisor *sup)
{
    struct companion_life *c = sup->companion;
    struct companion_start begin = start_of(sup, -1);
    struct fct_err err = {0};

    c->state = PROCESS_STARTING;
    c->born_ms = clock_ms();
    c->last[0] = c->sandbox[0] = '\0';
    c->pid = 0;
    if (companion_make_room(&begin, &c->lock_fd, &err) && spawn(sup, &err)) {
        set_timer(c, LOOK_MS);
        return;
    }
    if (c->pid < 0)
        c->pid = 0;
    cannot_start(sup, err.text);
}

/* ---- is it ready? ---- */

static void end_probe(struct companion_life *c)
{
    if (c->probe >= 0)
        close(c->probe);
    c->probe = -1;
}

/* Asks now and looks for the answer the next time. */
static bool answers(struct companion_life *c)
{
    struct fct_str answer = str_from(c->plan.answer);
    char text[64];
    ssize_t n;

    if (c->probe < 0) {
        c->probe = companion_connect(c->plan.socket);
        if (c->probe >= 0 &&
            send(c->probe, c->plan.question, strlen(c->plan.question), MSG_NOSIGNAL) < 0)
            end_probe(c);
        return false;
    }
    n = read(c->probe, text, sizeof text);
    if (n >= 0 || errno != EAGAIN)
        end_probe(c);
    return n > 0 && str_starts((struct fct_str){text, (size_t)n}, answer);
}

static void look(struct supervisor *sup)
{
    struct companion_life *c = sup->companion;
    bool waited = !companion_has_settled(sup);

    if (answers(c)) {
        hear(c->out, EV_READ, c); /* all that belongs to its start */
        c->state = PROCESS_READY;
        c->refused[0] = '\0';
        companion_watch_begin(&c->watch, sup, &c->plan, c->pid);
        log_event(EV_START, FCT_STR(""), F_C("program", c->is->name), F_U64("pid", c->pid),
                  F_C("sandbox", c->sandbox));
    } else {
        set_timer(c, waited ? LOOK_MS : LOOK_LATER_MS);
    }
    if (waited && clock_ms() >= c->settle_until_ms && c->state != PROCESS_READY)
        log_event(EV_WARNING, FCT_STR(""), F_C("program", c->is->name),
                  F_C("text", "it is not ready yet; the server starts without it"));
    if (c->state == PROCESS_READY || clock_ms() >= c->settle_until_ms)
        settle(sup);
}

static void timer_fired(evutil_socket_t fd, short what, void *arg)
{
    struct supervisor *sup = arg;
    struct companion_life *c = sup->companion;

    (void)fd;
    (void)what;
    if (c->state == PROCESS_STARTING)
        look(sup);
    else if (c->state == PROCESS_WAITING)
        start(sup);
    else if (c->state == PROCESS_DRAINING && c->pid)
        (void)kill(c->pid, SIGKILL);
}

/* ---- its end ---- */

static void drain(struct supervisor *sup)
{
    struct companion_life *c = sup->companion;

    companion_watch_end(&c->watch);
    c->state = PROCESS_DRAINING;
    (void)kill(c->pid, SIGTERM);
    set_timer(c, PATIENCE_MS);
}

static void ended_on_purpose(struct supervisor *sup)
{
    struct companion_life *c = sup->companion;

    c->state = PROCESS_NONE;
    (void)event_del(c->timer);
    if (sup->phase == PHASE_STOPPING)
        supervisor_process_gone(sup);
    else if (c->again)
        start(sup);
    c->again = false;
}

static void died(struct supervisor *sup, int wait_status)
{
    struct companion_life *c = sup->companion;
    uint64_t delay_ms = backoff_after_death(&c->backoff, clock_ms() - c->born_ms);
    bool by_signal = WIFSIGNALED(wait_status);

    log_event(EV_CHILD_DIED, FCT_STR(""), F_C("program", c->is->name), F_U64("pid", c->pid),
              F_C("by", by_signal ? "signal" : "exit"),
              F_U64("status", by_signal ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status)),
              F_C("what", by_signal ? strsignal(WTERMSIG(wait_status)) : c->last),
              F_U64("delay_ms", delay_ms));
    c->restarts++;
    c->state = PROCESS_WAITING;
    set_timer(c, delay_ms);
    settle(sup);
}

bool companion_reaped(struct supervisor *sup, pid_t pid, int wait_status)
{
    struct companion_life *c = sup->companion;

    if (!c || c->pid != pid)
        return false;
    stop_hearing(c);
    end_probe(c);
    companion_watch_end(&c->watch);
    if (c->state == PROCESS_DRAINING || sup->phase == PHASE_STOPPING) {
        c->pid = 0;
        ended_on_purpose(sup);
        return true;
    }
    died(sup, wait_status);
    c->pid = 0;
    return true;
}

/* ---- for the rest of the supervisor ---- */

static bool make_plan(struct supervisor *sup, struct companion_plan *plan)
{
    const struct companion *is = sup->setup->companion;
    struct fct_err err = {0};

    *plan = (struct companion_plan){.wanted = false};
    if (is->plan(sup->now.conf, sup->now.server->data_dir, sup->now.server->run_dir, plan, &err))
        return plan->wanted;
    log_event(EV_WARNING, FCT_STR(""), F_C("program", is->name), F_C("text", err.text));
    buf_free(&plan->text);
    return false;
}

void companion_begin(struct supervisor *sup)
{
    struct companion_life *c;

    if (!sup->setup->companion)
        return;
    c = calloc(1, sizeof *c);
    FCT_ASSERT(c);
    sup->companion = c;
    c->is = sup->setup->companion;
    c->out = c->lock_fd = c->probe = -1;
    c->timer = evtimer_new(sup->base, timer_fired, sup);
    FCT_ASSERT(c->timer);
    if (!make_plan(sup, &c->plan))
        return;
    c->settle_until_ms = clock_ms() + SETTLE_MS;
    start(sup);
}

static void forget_plan(struct companion_life *c)
{
    buf_free(&c->plan.text);
    if (c->lock_fd >= 0)
        close(c->lock_fd);
    c->lock_fd = -1;
}

static bool same_plan(const struct companion_plan *a, const struct companion_plan *b)
{
    return str_equal(str_from(a->program), str_from(b->program)) &&
           str_equal(str_from(a->folder), str_from(b->folder)) &&
           str_equal(buf_str(&a->text), buf_str(&b->text));
}

void companion_replan(struct supervisor *sup)
{
    struct companion_life *c = sup->companion;
    struct companion_plan next;
    bool wanted;

    if (!c)
        return;
    wanted = make_plan(sup, &next);
    if (wanted && c->state != PROCESS_NONE && same_plan(&c->plan, &next)) {
        buf_free(&next.text);
        return;
    }
    forget_plan(c);
    c->plan = next;
    if (c->pid) {
        c->again = wanted;
        drain(sup);
        return;
    }
    c->state = PROCESS_NONE;
    (void)event_del(c->timer);
    if (wanted)
        start(sup);
}

bool companion_end(struct supervisor *sup)
{
    struct companion_life *c = sup->companion;

    if (!c || !c->pid) {
        if (c)
            (void)event_del(c->timer);
        return true;
    }
    if (c->state != PROCESS_DRAINING)
        drain(sup);
    return false;
}

void companion_kill(struct supervisor *sup)
{
    if (sup->companion && sup->companion->pid)
        (void)kill(sup->companion->pid, SIGKILL);
}

void companion_free(struct supervisor *sup)
{
    struct companion_life *c = sup->companion;

    if (!c)
        return;
    stop_hearing(c);
    end_probe(c);
    companion_watch_end(&c->watch);
    event_free(c->timer);
    forget_plan(c);
    free(c);
    sup->companion = NULL;
}

bool companion_status(const struct supervisor *sup, struct companion_status *out)
{
    const struct companion_life *c = sup->companion;

    if (!c || c->state == PROCESS_NONE)
        return false;
    *out = (struct companion_status){.name = c->is->name,
                                     .state = c->state,
                                     .pid = c->pid,
                                     .born_ms = c->born_ms,
                                     .restarts = c->restarts,
                                     .sandbox = str_from(c->sandbox)};
    return true;
}
