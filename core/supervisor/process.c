/* process.c - one of our processes as the supervisor sees it: fork, its channel, its end, its next
 * life. */
#include "core/log/log.h"
#include "core/supervisor/control.h"
#include "core/supervisor/supervisor_int.h"

#include "core/base/clock.h"
#include "core/base/str.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define FORK_AGAIN_MS 1000
#define SHORT_LIFE_MS 1000

static bool spawn(struct process *p);

struct process *process_next(struct supervisor *sup, struct process *p)
{
    struct process *first = &sup->process[0][0];
    struct process *end = first + FCT_COUNT(sup->process) * SUPERVISOR_SLOTS;

    for (p = p ? p + 1 : first; p < end; p++)
        if (p->state != PROCESS_NONE)
            return p;
    return NULL;
}

unsigned process_count(struct supervisor *sup, enum role_kind kind, unsigned generation,
                       enum process_state state)
{
    unsigned n = 0;

    for (struct process *p = NULL; (p = process_next(sup, p));)
        n += p->role->kind == kind && (generation == 0 || p->generation == generation) &&
             (state == PROCESS_NONE || p->state == state);
    return n;
}

const struct setting *process_setting(const struct process *p)
{
    const struct setting *next = reload_setting(p->sup, p->generation);

    return next ? next : &p->sup->now;
}

/* ---- the channel ---- */

void process_tell(struct process *p, uint16_t kind, struct fct_str payload, int fd)
{
    if (p->control)
        ipc_notify(p->control,
                   &(struct ipc_out){.kind = kind, .payload = payload, .fd = &fd, .fds = fd >= 0});
}

static void keep_text(struct buf *to, struct ipc_in *in)
{
    struct ipc_reader r = ipc_reader(in->payload);
    struct fct_str text = ipc_get_str(&r);

    buf_clear(to);
    to->max = CONTROL_STATUS_MAX;
    if (ipc_reader_ok(&r))
        buf_put_str(to, text);
}

static void heard_ready(struct process *p, struct ipc_in *in)
{
    keep_text(&p->sandbox, in);
    if (p->state != PROCESS_STARTING)
        return;
    p->state = PROCESS_READY;
    links_for_server(p);
    supervisor_process_ready(p->sup, p);
}

static void heard_failed(struct process *p, struct ipc_in *in)
{
    struct ipc_reader r = ipc_reader(in->payload);
    struct fct_str text = ipc_get_str(&r);

    (void)fct_fail(&p->why, FCT_TEMP, "%s %u: %.*s", p->role->name, p->index, FCT_FMT(text));
}

/* A front end asks for the end of a filter that does not answer. Nobody else may ask for anything.
 */
static void heard_kill(struct process *p, struct ipc_in *in)
{
    struct ipc_reader r = ipc_reader(in->payload);
    uint8_t kind = ipc_get_u8(&r);
    uint32_t index = ipc_get_u32(&r);

    if (!ipc_reader_ok(&r) || kind != ROLE_FILTER ||
        (p->role->kind != ROLE_EDGE && p->role->kind != ROLE_MILTER)) {
        log_event(EV_IPC_BAD, FCT_STR(""), F_C("from", p->role->name), F_U64("pid", p->pid));
        return;
    }
    for (struct process *f = NULL; (f = process_next(p->sup, f));)
        if (f->role->kind == ROLE_FILTER && f->index == index && f->generation == p->generation &&
            f->pid && f->state == PROCESS_READY) {
            log_event(EV_WARNING, FCT_STR(""), F_C("text", "a filter does not answer: killed"),
                      F_U64("index", index), F_U64("pid", f->pid));
            (void)kill(f->pid, SIGKILL);
        }
}

static void heard(void *owner, struct ipc_in *in)
{
    struct process *p = owner;

    switch (in->kind) {
    case CONTROL_READY:
        heard_ready(p, in);
        break;
    case CONTROL_FAILED:
        heard_failed(p, in);
        break;
    case CONTROL_STATUS_IS:
        keep_text(&p->status, in);
        status_arrived(p->sup, p);
        break;
    case CONTROL_PONG:
        p->unanswered = 0;
        break;
    case CONTROL_KILL:
        heard_kill(p, in);
        break;
    default:
        log_event(EV_IPC_BAD, FCT_STR(""), F_C("from", p->role->name), F_U64("kind", in->kind));
    }
}

/* Its end of the channel is closed: it is ending, or it sent rubbish. Either way it may not go on
 * without us. */
static void channel_closed(void *owner, struct ipc_conn *conn)
{
    struct process *p = owner;

    (void)conn;
    p->control = NULL;
    if (p->pid && p->state != PROCESS_DRAINING)
        (void)kill(p->pid, SIGKILL); /* harmless when it has ended: not reaped yet */
}

/* ---- life ---- */

static void in_child(struct process *p, int control_fd)
{
    struct supervisor *sup = p->sup;
    const struct setting *set = process_setting(p);
    struct role_start start = {
        .role = p->role,
        .set = set,
        .index = p->index,
        .control_fd = control_fd,
        .log_fd = sup->log_fd,
        .parent = sup->pid,
        .shared = sup->shared + (size_t)p->slot * ROLE_SHARED_BYTES,
        .shared_common = sup->shared_common,
        .dev = sup->setup->dev,
    };
    int keep[3 + 4 * SERVER_MAX_PROCESSES] = {control_fd, sup->log_fd, sup->lock_fd};
    size_t n = 3;

    for (size_t i = 0; i < set->listeners && n < FCT_COUNT(keep); i++)
        if (set->listener[i].kind == p->role->kind)
            keep[n++] = set->listener[i].fd;
    for (unsigned k = 0; k < ROLE_COUNT; k++)
        start.count[k] = supervisor_wanted(set, (enum role_kind)k);
    supervisor_leave(keep, n);
    role_process_run(&start);
}

static void open_channel(struct process *p, int fd)
{
    const struct ipc_handler handler = {.notice = heard, .closed = channel_closed, .owner = p};

    p->control = ipc_conn_new(p->sup->base, fd, &handler);
    p->state = PROCESS_STARTING;
    p->born_ms = clock_ms();
    p->killed_by_us = false;
    p->unanswered = 0;
    p->why = (struct fct_err){0};
    buf_clear(&p->sandbox);
    buf_clear(&p->status);
    links_for_client(p);
}

static void timer_fired(evutil_socket_t fd, short what, void *arg)
{
    struct process *p = arg;

    (void)fd;
    (void)what;
    if (p->state == PROCESS_DRAINING && p->pid) {
        p->killed_by_us = true;
        (void)kill(p->pid, SIGKILL);
    } else if (p->state == PROCESS_WAITING) {
        (void)spawn(p);
    }
}

static void set_timer(struct process *p, uint64_t ms)
{
    struct timeval tv = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

    if (!p->timer)
        p->timer = evtimer_new(p->sup->base, timer_fired, p);
    if (p->timer)
        evtimer_add(p->timer, &tv);
}

/* No memory, no process numbers, no descriptors: tried again, the others go on. */
static bool spawn_later(struct process *p, const char *what, int error)
{
    log_event(EV_WARNING, FCT_STR(""), F_C("text", what), F_C("role", p->role->name),
              F_C("error", strerror(error)));
    p->state = PROCESS_WAITING;
    set_timer(p, FORK_AGAIN_MS);
    return false;
}

static bool spawn(struct process *p)
{
    struct fct_err err = {0};
    int pair[2];

    log_flush(); /* or the child would write our lines once more */
    if (!ipc_pair(pair, &err))
        return spawn_later(p, err.text, EMFILE);
    p->pid = fork();
    if (p->pid < 0) {
        int error = errno;

        p->pid = 0;
        close(pair[0]);
        close(pair[1]);
        return spawn_later(p, "fork failed; tried again in a second", error);
    }
    if (p->pid == 0)
        in_child(p, pair[1]);
    close(pair[1]);
    open_channel(p, pair[0]);
    return true;
}

struct process *process_add(struct supervisor *sup, const struct role *role,
                            const struct setting *set, unsigned index)
{
    for (unsigned slot = 0; slot < SUPERVISOR_SLOTS; slot++) {
        struct process *p = &sup->process[role->kind][slot];

        if (p->state != PROCESS_NONE)
            continue;
        *p = (struct process){
            .sup = sup,
            .role = role,
            .slot = slot,
            .index = index,
            .generation = set->generation,
            .state = PROCESS_STARTING,
        };
        if (role->kind == ROLE_FILTER)
            memset(sup->shared + (size_t)slot * ROLE_SHARED_BYTES, 0, ROLE_SHARED_BYTES);
        (void)spawn(p);
        return p;
    }
    return NULL;
}

void process_drain(struct process *p, uint64_t patience_ms)
{
    if (p->state == PROCESS_WAITING || !p->pid) {
        process_ended(p, 0);
        return;
    }
    if (p->state == PROCESS_DRAINING)
        return;
    p->state = PROCESS_DRAINING;
    process_tell(p, CONTROL_DRAIN, FCT_STR(""), -1);
    set_timer(p, patience_ms);
}

void process_kill(struct process *p)
{
    if (!p->pid) {
        process_ended(p, 0);
        return;
    }
    p->state = PROCESS_DRAINING;
    p->killed_by_us = true;
    (void)kill(p->pid, SIGKILL);
}

static void forget(struct process *p)
{
    if (p->timer)
        event_free(p->timer);
    ipc_conn_free(&p->control);
    buf_free(&p->sandbox);
    buf_free(&p->status);
    *p = (struct process){.state = PROCESS_NONE};
}

static void log_death(const struct process *p, int wait_status, uint64_t delay_ms)
{
    bool by_signal = WIFSIGNALED(wait_status);

    log_event(EV_CHILD_DIED, FCT_STR(""), F_C("role", p->role->name), F_U64("index", p->index),
              F_U64("pid", p->pid), F_C("by", by_signal ? "signal" : "exit"),
              F_U64("status", by_signal ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status)),
              F_C("what", by_signal ? strsignal(WTERMSIG(wait_status)) : p->why.text),
              F_U64("delay_ms", delay_ms));
}

/* A filter that has grown too large takes its leave (status 0) and is replaced: no death. In a
 * hurry it would be one. */
static uint64_t restart_delay(struct process *p, int wait_status)
{
    uint64_t lived_ms = clock_ms() - p->born_ms, delay_ms;

    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0 && p->state == PROCESS_READY &&
        lived_ms >= SHORT_LIFE_MS) {
        log_event(EV_STOP, FCT_STR(""), F_C("role", p->role->name), F_U64("index", p->index),
                  F_U64("pid", p->pid), F_C("text", "it left by itself and is replaced"));
        return 0;
    }
    delay_ms = backoff_after_death(&p->backoff, lived_ms);
    log_death(p, wait_status, delay_ms);
    return delay_ms;
}

/* Everything ends, but it has not been asked to yet, since others who have to end first need it: a
 * relay tells the store what it sent. */
static bool must_come_back(const struct process *p)
{
    return p->role->kind == ROLE_STORE && links_has_clients(p);
}

void process_ended(struct process *p, int wait_status)
{
    struct supervisor *sup = p->sup;
    uint64_t delay_ms;

    ipc_conn_free(&p->control);
    if (p->status_wanted)
        status_arrived(sup, p);
    if (p->state == PROCESS_DRAINING || p->state == PROCESS_WAITING ||
        (sup->phase == PHASE_STOPPING && !must_come_back(p))) {
        if (p->pid && (WIFSIGNALED(wait_status) || WEXITSTATUS(wait_status) != 0))
            log_event(
                EV_WARNING, FCT_STR(""),
                F_C("text", p->killed_by_us ? "patience ended: killed" : "died while it ended"),
                F_C("role", p->role->name), F_U64("pid", p->pid));
        forget(p);
        supervisor_process_gone(sup);
        return;
    }
    delay_ms = restart_delay(p, wait_status);
    p->pid = 0;
    p->restarts++;
    p->state = PROCESS_WAITING;
    if (reload_process_lost(sup, p))
        return;
    if (sup->phase == PHASE_STARTING) {
        supervisor_process_failed(sup, p);
        return;
    }
    if (delay_ms == 0)
        (void)spawn(p);
    else
        set_timer(p, delay_ms);
}
