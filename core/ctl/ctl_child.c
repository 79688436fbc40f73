/* ctl_child.c - starts a role without a supervisor. */
#include "core/ctl/ctl_child.h"

#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/log/log.h"
#include "core/message/transfer.h"
#include "core/supervisor/sandbox.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEEP_STACKS 4
#define LAST_TURNS  16 /* of the loop after drain */

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* In the child. `tell` gets the reason when it cannot start; it is closed when it has. */
struct child {
    const struct ctl *ctl;
    const struct role *role;
    struct role_env env;
    int fd, life, tell; /* life: readable when the parent is done with us */
};

/* Those we have started. */
static struct running {
    pid_t pid;
    int life, fd; /* our ends */
    enum role_kind kind;
} running[2];
static unsigned nrunning;

static void *shared(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static void fill_env(struct child *ch)
{
    const struct ctl *c = ch->ctl;
    bool filter = ch->role->kind == ROLE_FILTER;

    ch->env = (struct role_env){
        .base = event_base_new(),
        .conf = c->config,
        .kind = ch->role->kind,
        .count = {[ROLE_FILTER] = 1, [ROLE_STORE] = 1},
        .data_dir = filter ? NULL : c->server->data_dir,
        .run_dir = c->run_dir,
        .server_name = c->paths.name,
        .plugin_dir = c->paths.plugin_dir,
        .lua_dir = c->paths.lua_dir,
        .for_command = true,
        .dev = c->dir != NULL,
        .record = filter ? ctl_option(c, "--record") : NULL,
        .replay = filter ? ctl_option(c, "--replay") : NULL,
        .trusted_fd = {-1, -1},
        .shared = filter ? shared(ROLE_SHARED_BYTES) : NULL,
        .shared_common = filter ? shared(ROLE_COMMON_BYTES) : NULL,
    };
    FCT_ASSERT(ch->env.base);
}

/* Root becomes the role's user, so that files made here belong to whom the server runs as. */
static struct sandbox_request sandbox_wanted(const struct child *ch)
{
    const struct ctl *c = ch->ctl;
    bool root = geteuid() == 0 && !c->dir;

    return (struct sandbox_request){
        .kind = ch->role->kind,
        .user = !root                          ? NULL
                : ch->role->kind == ROLE_STORE ? c->server->user_store
                                               : c->server->user_filter,
        .place = {[PLACE_DATA] = c->server->data_dir,
                  [PLACE_PLUGINS] = c->paths.plugin_dir,
                  [PLACE_LUA] = c->paths.lua_dir},
        .traceable = c->dir != NULL,
        .relaxed = SANITIZED,
    };
}

static bool start_role(struct child *ch, struct fct_err *err)
{
    const struct sandbox_request req = sandbox_wanted(ch);
    bool first = sandbox_drops_first(req.kind);
    struct sandbox_report report = {0};

    tzset();
    if (!fiber_setup(ch->env.base, ch->ctl->server->fiber_stack.bytes, KEEP_STACKS, err))
        return false;
    if (first && !sandbox_drop(&req, &report, err))
        return false;
    if (ch->role->prepare && !ch->role->prepare(&ch->env, err))
        return false;
    if (!first && !sandbox_drop(&req, &report, err))
        return false;
    sandbox_seal(&req, &report);
    return ch->role->start(&ch->env, err);
}

static void parent_is_done(evutil_socket_t fd, short what, void *arg)
{
    struct child *ch = arg;

    (void)fd;
    (void)what;
    (void)event_base_loopbreak(ch->env.base);
}

/* Whatever was answered is durable, so there is nothing to wait for; a clean end only saves the
 * next start some work. */
static void serve(struct child *ch)
{
    struct event *life = event_new(ch->env.base, ch->life, EV_READ, parent_is_done, ch);

    FCT_ASSERT(life);
    (void)event_add(life, NULL);
    ch->role->peer(&ch->env, ROLE_CTL, 0, ch->fd);
    (void)event_base_dispatch(ch->env.base);
    event_free(life);
    if (ch->role->drain)
        ch->role->drain(&ch->env);
    for (unsigned i = 0; i < LAST_TURNS; i++)
        (void)event_base_loop(ch->env.base, EVLOOP_NONBLOCK);
}

/* Who tries one message wants to hear of a rule that failed over it. */
static bool wants_warnings(const struct child *ch)
{
    return ch->role->kind == ROLE_FILTER && ch->ctl->verb->needs == NEEDS_FILTER;
}

FCT_NORETURN static void run_child(struct child *ch)
{
    struct fct_err err = {0};

    (void)signal(SIGINT, SIG_IGN); /* Ctrl-C is for the parent; we follow it */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    log_setup(STDERR_FILENO, ch->role->name, wants_warnings(ch) ? FCT_WARNING : FCT_ERROR);
    charset_preload(); /* libc loads them from files, which the sandbox hides */
    fill_env(ch);
    if (!start_role(ch, &err)) {
        (void)!write(ch->tell, err.text, strlen(err.text));
        _exit(1);
    }
    close(ch->tell);
    if (ch->fd >= 0)
        serve(ch);
    log_flush();
    _exit(0);
}

/* Until it says why not, or closes the pipe. */
static bool wait_for_start(int from, const char *name, struct fct_err *err)
{
    char why[sizeof err->text];
    size_t n = 0;
    ssize_t got;

    while (n < sizeof why - 1 &&
           ((got = read(from, why + n, sizeof why - 1 - n)) > 0 || (got < 0 && errno == EINTR)))
        n += got > 0 ? (size_t)got : 0;
    close(from);
    return n == 0 ||
           fct_fail(err, FCT_TEMP, "start the %s for this command: %.*s", name, (int)n, why);
}

static void close_ours(const struct running *ours)
{
    close(ours->life);
    if (ours->fd >= 0)
        close(ours->fd);
}

/* `keep`: our end of its connection. */
static bool launch(struct ctl *c, const struct role *role, int fd, int keep, struct fct_err *err)
{
    struct running *ours = &running[nrunning];
    int life[2], tell[2];

    FCT_ASSERT(nrunning < FCT_COUNT(running));
    if (pipe(life) != 0 || pipe(tell) != 0)
        return fct_fail(err, FCT_TEMP, "pipe: %s", strerror(errno));
    (void)fflush(stdout);
    *ours = (struct running){.life = life[1], .fd = keep, .kind = role->kind};
    ours->pid = fork();
    if (ours->pid == 0) {
        for (unsigned i = 0; i <= nrunning; i++)
            close_ours(&running[i]);
        close(tell[0]);
        run_child(
            &(struct child){.ctl = c, .role = role, .fd = fd, .life = life[0], .tell = tell[1]});
    }
    close(life[0]);
    close(tell[1]);
    if (fd >= 0)
        close(fd);
    if (ours->pid < 0) {
        close(life[1]);
        close(tell[0]);
        return fct_fail(err, FCT_TEMP, "fork: %s", strerror(errno));
    }
    nrunning++;
    return wait_for_start(tell[0], role->name, err);
}

bool ctl_child_start(struct ctl *c, const struct role *role, int *fd, struct fct_err *err)
{
    int pair[2];

    /* A misspelt folder must not become a new, empty store. */
    if (role->kind == ROLE_STORE && access(c->server->data_dir, F_OK) != 0)
        return fct_fail(
            err, FCT_DENIED,
            "there is no store in %s: %s; start the server once, or see server.data_dir",
            c->server->data_dir, strerror(errno));
    if (!ipc_pair(pair, err))
        return false;
    if (launch(c, role, pair[1], pair[0], err)) {
        *fd = pair[0];
        return true;
    }
    close(pair[0]);
    ctl_child_wait();
    return false;
}

bool ctl_child_died(enum role_kind kind)
{
    for (unsigned i = 0; i < nrunning; i++)
        if (running[i].kind == kind && running[i].pid > 0 &&
            waitpid(running[i].pid, NULL, WNOHANG) == running[i].pid)
            running[i].pid = 0;
    for (unsigned i = 0; i < nrunning; i++)
        if (running[i].kind == kind && running[i].pid == 0)
            return true;
    return false;
}

/* First all are told. */
void ctl_child_wait(void)
{
    for (unsigned i = 0; i < nrunning; i++)
        close(running[i].life);
    for (unsigned i = 0; i < nrunning; i++)
        while (running[i].pid > 0 && waitpid(running[i].pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    nrunning = 0;
}

bool ctl_child_try(struct ctl *c, const struct role *role, struct fct_err *err)
{
    bool ok = launch(c, role, -1, -1, err);

    ctl_child_wait();
    return ok;
}
