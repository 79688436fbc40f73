/* role_process.c - a process of ours from the inside: prepare, close the sandbox, start, then the
 * event loop until it is drained, told to end, or alone. */
#include "core/fiber/fiber.h"
#include "core/log/log.h"
#include "core/supervisor/control.h"
#include "core/supervisor/sandbox.h"
#include "core/supervisor/supervisor_int.h"
#include "core/supervisor/title.h"

#include "core/base/arena.h"
#include "core/base/str.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define ORPHAN_PATIENCE_MS 1000 /* the supervisor is gone: finish what is under way, then end */
#define ORPHAN_ALARM_S     3    /* … and the kernel ends us when we hang */
#define KEEP_STACKS        64

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED    true
#define STACK_FACTOR 4 /* its frames are larger */
#else
#define SANITIZED    false
#define STACK_FACTOR 1
#endif

struct role_process {
    struct role_env env;
    const struct role *role;
    struct ipc_conn *control;
    struct sandbox_report report;
    int log_fd;
    bool draining, done;
};

/* ---- the control channel ---- */

static void tell(struct role_process *self, uint16_t kind, struct fct_str text)
{
    FCT_CLEANUP(buf_free) struct buf payload = BUF_INIT(CONTROL_STATUS_MAX + 64);

    if (!self->control)
        return;
    ipc_put_str(&payload, text);
    ipc_notify(self->control, &(struct ipc_out){.kind = kind, .payload = buf_str(&payload)});
}

static void begin_drain(struct role_process *self)
{
    if (self->draining)
        return;
    self->draining = true;
    if (self->role->drain)
        self->role->drain(&self->env);
    else
        role_drained(&self->env);
}

static void take_peer(struct role_process *self, struct ipc_in *in)
{
    struct ipc_reader r = ipc_reader(in->payload);
    uint8_t kind = ipc_get_u8(&r);
    uint32_t index = ipc_get_u32(&r);

    if (!ipc_reader_ok(&r) || kind >= ROLE_COUNT || in->fds != 1 || !self->role->peer)
        return;
    self->role->peer(&self->env, (enum role_kind)kind, index, in->fd[0]);
    in->fd[0] = -1;
}

static void answer_status(struct role_process *self)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(CONTROL_STATUS_MAX);

    if (self->role->status)
        self->role->status(&self->env, &text);
    tell(self, CONTROL_STATUS_IS, buf_str(&text));
}

static void told(void *owner, struct ipc_in *in)
{
    struct role_process *self = owner;

    switch (in->kind) {
    case CONTROL_PEER:
        take_peer(self, in);
        break;
    case CONTROL_LINKED:
        if (self->role->linked)
            self->role->linked(&self->env);
        break;
    case CONTROL_DRAIN:
        begin_drain(self);
        break;
    case CONTROL_STATUS:
        answer_status(self);
        break;
    case CONTROL_PING:
        if (self->control)
            ipc_notify(self->control, &(struct ipc_out){.kind = CONTROL_PONG});
        break;
    case CONTROL_LOG:
        if (in->fds == 1)
            (void)dup2(in->fd[0], self->log_fd);
        break;
    default:
        log_event(EV_IPC_BAD, FCT_STR(""), F_C("from", "supervisor"), F_U64("kind", in->kind));
    }
}

static void patience_ended(evutil_socket_t fd, short what, void *arg)
{
    struct role_process *self = arg;

    (void)fd;
    (void)what;
    self->done = true;
}

/* The supervisor is gone. Nobody may write to the store or hold a port without it: finish and end.
 */
static void orphaned(void *owner, struct ipc_conn *conn)
{
    struct role_process *self = owner;

    (void)conn;
    self->control = NULL;
    if (!self->draining)
        log_event(EV_WARNING, FCT_STR(""),
                  F_C("text", "the supervisor is gone; this process ends"));
    (void)event_base_once(self->env.base, -1, EV_TIMEOUT, patience_ended, self,
                          &(struct timeval){.tv_sec = ORPHAN_PATIENCE_MS / 1000,
                                            .tv_usec = ORPHAN_PATIENCE_MS % 1000 * 1000});
    begin_drain(self);
}

/* The kernel's word that the parent died: reaches us in an endless loop too, where the channel does
 * not. Then a timer of our own (roles use alarm() for themselves) ends a process that does not end
 * by itself. */
static timer_t orphan_timer;
static bool has_orphan_timer;

static void parent_died(int signal)
{
    const struct itimerspec when = {.it_value.tv_sec = ORPHAN_ALARM_S};

    (void)signal;
    if (!has_orphan_timer || timer_settime(orphan_timer, 0, &when, NULL) != 0)
        _exit(1);
}

void role_drained(struct role_env *env)
{
    if (!env->process)
        return;
    env->process->done = true;
    (void)event_base_loopbreak(env->base);
}

void role_kill_peer(struct role_env *env, enum role_kind kind, unsigned index)
{
    FCT_CLEANUP(buf_free) struct buf payload = BUF_INIT(16);

    if (!env->process || !env->process->control)
        return;
    ipc_put_u8(&payload, (uint8_t)kind);
    ipc_put_u32(&payload, index);
    ipc_notify(env->process->control,
               &(struct ipc_out){.kind = CONTROL_KILL, .payload = buf_str(&payload)});
}

/* ---- start ---- */

enum fct_level role_log_level(const struct server_conf *conf)
{
    switch (conf->log_level[0]) {
    case 'd':
        return FCT_DEBUG;
    case 'w':
        return FCT_WARNING;
    case 'e':
        return FCT_ERROR;
    default:
        return FCT_INFO;
    }
}

/* Never freed: it lives as long as the process. */
static void take_listeners(struct role_env *env, const struct setting *set)
{
    struct role_listener *own = calloc(set->listeners + 1, sizeof *own);

    FCT_ASSERT(own);
    for (size_t i = 0; i < set->listeners; i++)
        if (set->listener[i].kind == env->kind)
            own[env->nlisteners++] = set->listener[i];
    env->listeners = own;
}

static void fill_env(struct role_env *env, const struct role_start *start)
{
    const struct setting *set = start->set;

    env->conf = set->conf;
    env->kind = start->role->kind;
    env->index = start->index;
    memcpy(env->count, start->count, sizeof env->count);
    env->data_dir = env->kind == ROLE_STORE ? set->server->data_dir : NULL;
    env->run_dir = set->server->run_dir;
    env->server_name = set->paths.name;
    env->plugin_dir = set->paths.plugin_dir;
    env->lua_dir = set->paths.lua_dir;
    env->dev = start->dev;
    take_listeners(env, set);
    env->trusted_fd[0] = env->trusted_fd[1] = -1;
    env->shared = env->kind == ROLE_FILTER ? start->shared : NULL;
    env->shared_common = env->kind == ROLE_FILTER ? start->shared_common : NULL;
}

static size_t stack_bytes(const struct role_start *start)
{
    return start->set->server->fiber_stack.bytes * STACK_FACTOR;
}

static struct sandbox_request sandbox_wanted(const struct role_start *start)
{
    const struct server_conf *server = start->set->server;
    const char *const users[ROLE_COUNT] = {
        [ROLE_EDGE] = server->user_edge,   [ROLE_FILTER] = server->user_filter,
        [ROLE_STORE] = server->user_store, [ROLE_MILTER] = server->user_milter,
        [ROLE_RELAY] = server->user_relay, [ROLE_IMAGES] = server->user_images,
    };

    return (struct sandbox_request){
        .kind = start->role->kind,
        .user = start->dev ? NULL : users[start->role->kind],
        .place =
            {
                [PLACE_DATA] = server->data_dir,
                [PLACE_PLUGINS] = start->set->paths.plugin_dir,
                [PLACE_LUA] = start->set->paths.lua_dir,
            },
        .traceable = start->dev,
        .relaxed = SANITIZED,
    };
}

static bool prepare(struct role_process *self, struct fct_err *err)
{
    return !self->role->prepare || self->role->prepare(&self->env, err);
}

/* A wish for a signal when the parent dies. The race with a parent that
 * died before is closed by asking. */
static void watch_parent(pid_t parent)
{
    struct sigevent kill_us = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};

    if (!has_orphan_timer)
        has_orphan_timer = timer_create(CLOCK_MONOTONIC, &kill_us, &orphan_timer) == 0;
    (void)signal(SIGUSR2, parent_died);
    (void)prctl(PR_SET_PDEATHSIG, SIGUSR2);
    if (getppid() != parent)
        parent_died(SIGUSR2);
}

/* When memory runs out, the kernel is to end a filter first: its work is tried again elsewhere. */
static void offer_for_memory(enum role_kind kind)
{
    int fd = kind == ROLE_FILTER ? open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    (void)!write(fd, "500", 3);
    close(fd);
}

static bool close_in(struct role_process *self, const struct role_start *start, struct fct_err *err)
{
    struct sandbox_request req = sandbox_wanted(start);
    bool first = sandbox_drops_first(req.kind);

    tzset(); /* later there may be no file to read it from */
    if (first && !sandbox_drop(&req, &self->report, err))
        return false;
    if (!prepare(self, err))
        return false;
    req.may_read = self->env.may_read;
    req.nmay_read = self->env.nmay_read;
    req.may_write = self->env.may_write;
    if (self->env.uses_redis && !start->dev) /* its socket has the group of the filters */
        req.group_of = start->set->server->user_filter;
    if (!first && !sandbox_drop(&req, &self->report, err))
        return false;
    watch_parent(start->parent); /* once more: a change of user clears it */
    sandbox_seal(&req, &self->report);
    if (self->report.missing)
        log_event(EV_SANDBOX, FCT_STR(""), F_C("text", self->report.text));
    return true;
}

static bool begin(struct role_process *self, const struct role_start *start, struct fct_err *err)
{
    const struct ipc_handler handler = {.notice = told, .closed = orphaned, .owner = self};

    self->control = ipc_conn_new(self->env.base, start->control_fd, &handler);
    if (!fiber_setup(self->env.base, stack_bytes(start), KEEP_STACKS, err))
        return false;
    offer_for_memory(start->role->kind);
    watch_parent(start->parent);
    return close_in(self, start, err) && self->role->start(&self->env, err);
}

/* Nothing to arrange: serve() sees the end of every turn. */
static void at_end_of_turn(void *arg)
{
    (void)arg;
}

/* One turn of the loop, one write to the log. What may be lost by a crash are the info lines of the
 * turn that crashed: a warning takes all that came before it along. */
static void serve(struct role_process *self)
{
    int turn = 0;

    log_set_scheduler(at_end_of_turn, NULL);
    log_flush();
    arena_keep_spare();
    while (!self->done && (turn = event_base_loop(self->env.base, EVLOOP_ONCE)) == 0)
        log_flush();
    if (turn >= 0)
        return;
    if (self->role->lost)
        self->role->lost(&self->env);
    log_event(EV_BUG, FCT_STR(""), F_C("what", "the event loop failed"));
    log_flush();
    _exit(1);
}

static void fail(struct role_process *self, const struct fct_err *err)
{
    log_event(EV_WARNING, FCT_STR(""), F_C("text", err->text));
    tell(self, CONTROL_FAILED, str_from(err->text));
    (void)event_base_loop(self->env.base, EVLOOP_NONBLOCK); /* let it leave */
    log_flush();
    _exit(1);
}

void role_process_run(const struct role_start *start)
{
    static struct role_process process; /* static: leak checkers see what hangs on it */
    struct role_process *self = &process;
    struct fct_err err = {0};
    char name[32];

    (void)snprintf(name, sizeof name, "facteur:%s", start->role->name);
    title_set(name);
    log_setup(start->log_fd, start->role->name, role_log_level(start->set->server));
    self->role = start->role;
    self->log_fd = start->log_fd;
    self->env.base = event_base_new();
    self->env.process = self;
    FCT_ASSERT(self->env.base);
    fill_env(&self->env, start);
    if (!begin(self, start, &err))
        fail(self, &err);
    log_event(EV_START, FCT_STR(""), F_U64("index", start->index),
              F_C("sandbox", self->report.text));
    tell(self, CONTROL_READY, str_from(self->report.text));
    serve(self);
    log_event(EV_STOP, FCT_STR(""), F_U64("index", start->index));
    log_flush();
    _exit(0);
}

bool role_process_check(const struct role_start *start, struct fct_err *err)
{
    struct role_process self = {.role = start->role};
    static bool fibers;

    self.env.base = event_base_new();
    FCT_ASSERT(self.env.base);
    if (!fibers && !fiber_setup(self.env.base, stack_bytes(start), 1, err))
        return false;
    fibers = true;
    fill_env(&self.env, start);
    return prepare(&self, err);
}
