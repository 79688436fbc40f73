/* filter_rig.h - real filter processes under a small supervisor of the test's own, and a
 * filter_client that asks them.
 *
 * The supervisor is a process forked before the event loop exists: it forks filters, starts a dead
 * one again at once and passes the client's end of each new connection to the test. */
#ifndef TESTS_FILTER_RIG_H
#define TESTS_FILTER_RIG_H

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/dns/dns_conf.h"
#include "core/fiber/fiber.h"
#include "core/hook/composite.h"
#include "core/hook/filter_client.h"
#include "core/hook/filter_role.h"
#include "core/hook/history_conf.h"
#include "core/hook/profile.h"
#include "core/http/http_conf.h"
#include "core/log/log.h"
#include "core/plugin/plugin_conf.h"
#include "core/redis/redis_conf.h"
#include "core/state/state_conf.h"
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RIG_FILTERS 2

/* check's own assertions jump out of the running fiber, which nothing survives: inside bodies, say
 * where and end. */
#define WANT(cond) ((cond) ? (void)0 : rig_fail(__FILE__, __LINE__, #cond))

static int rig_log_fd = -1;

static void rig_fail(const char *file, int line, const char *cond)
{
    static char bytes[1 << 16];
    ssize_t n = rig_log_fd >= 0 ? pread(rig_log_fd, bytes, sizeof bytes, 0) : 0;

    fprintf(stderr, "%s:%d: not true: %s\n%.*s", file, line, cond, (int)n, bytes);
    _exit(1);
}

struct rig {
    struct role_env env; /* of the client */
    struct config *conf;
    struct filter_client *client;
    struct event *news;
    struct arena *arena;
    pid_t supervisor;
    int control; /* new connections come here */
    int log;
    unsigned filters, arrivals[RIG_FILTERS];
    char conf_path[64], log_path[64];
    bool done;
    void (*body)(struct rig *rig);
};

/* What the supervisor's library does in a real process. */
void role_drained(struct role_env *env)
{
    (void)env;
    log_flush();
    _exit(0);
}

void role_kill_peer(struct role_env *env, enum role_kind kind, unsigned index)
{
    (void)env, (void)kind, (void)index;
}

static const struct conf_block *const rig_blocks[] = {
    &plugin_block,    &lua_block,     &filter_block, &profile_block,
    &composite_block, &dns_block,     &redis_block,  &http_block,
    &state_block,     &history_block, NULL};

/* ---- the supervisor and the filters ---- */

static void rig_send_fd(int control, unsigned index, int fd)
{
    char byte = (char)index;
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control_data = {0};
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control_data.space,
                         .msg_controllen = sizeof control_data.space};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    if (sendmsg(control, &msg, MSG_NOSIGNAL) < 0)
        _exit(0);
}

static void rig_filter(struct rig *rig, unsigned index, int fd, char *shared)
{
    struct role_env env = rig->env;
    struct fct_err err = {0};

    signal(SIGTERM, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    env.base = event_base_new();
    env.kind = ROLE_FILTER;
    env.index = index;
    env.conf = rig->conf;
    env.shared = shared + index * ROLE_SHARED_BYTES;
    env.shared_common = shared + RIG_FILTERS * ROLE_SHARED_BYTES;
    log_setup(rig->log, "filter", FCT_INFO);
    if (!fiber_setup(env.base, 256u << 10, 16, &err) || !filter_role.prepare(&env, &err) ||
        !filter_role.start(&env, &err)) {
        fprintf(stderr, "filter: %s\n", err.text);
        _exit(1);
    }
    filter_role.peer(&env, ROLE_EDGE, 0, fd);
    for (;;) {
        event_base_loop(env.base, EVLOOP_ONCE);
        log_flush();
    }
}

static pid_t rig_spawn(struct rig *rig, unsigned index, char *shared)
{
    int fd[2];
    struct fct_err err = {0};
    pid_t pid;

    if (!ipc_pair(fd, &err))
        _exit(1);
    pid = fork();
    if (pid == 0) {
        close(fd[0]);
        close(rig->control);
        rig_filter(rig, index, fd[1], shared);
    }
    close(fd[1]);
    rig_send_fd(rig->control, index, fd[0]);
    close(fd[0]);
    return pid;
}

static pid_t rig_child[RIG_FILTERS];

static void rig_kill_all(int signo)
{
    (void)signo;
    for (unsigned i = 0; i < RIG_FILTERS; i++)
        if (rig_child[i] > 0)
            kill(rig_child[i], SIGKILL);
    _exit(0);
}

static void rig_supervise(struct rig *rig)
{
    size_t bytes = RIG_FILTERS * ROLE_SHARED_BYTES + ROLE_COMMON_BYTES;
    char *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    signal(SIGTERM, rig_kill_all);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* a test that fails leaves nothing behind */
    for (unsigned i = 0; i < rig->filters; i++)
        rig_child[i] = rig_spawn(rig, i, shared);
    for (;;) {
        int status;
        pid_t gone = wait(&status);

        for (unsigned i = 0; i < rig->filters; i++)
            if (gone > 0 && gone == rig_child[i])
                rig_child[i] = rig_spawn(rig, i, shared);
    }
}

/* ---- the test's side ---- */

static void rig_news(evutil_socket_t fd, short what, void *arg)
{
    struct rig *rig = arg;
    char byte;
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } data = {0};
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = data.space,
                         .msg_controllen = sizeof data.space};
    int given;

    (void)what;
    if (recvmsg(fd, &msg, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&msg))
        return;
    memcpy(&given, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof given);
    rig->arrivals[(unsigned)byte]++;
    filter_client_peer(rig->client, (unsigned)byte, given);
}

static void rig_load_conf(struct rig *rig, const char *text)
{
    FCT_CLEANUP(buf_free) struct buf errors = BUF_INIT(4096);
    struct fct_err err = {0};
    const char *file = rig->conf_path;
    int fd;

    snprintf(rig->conf_path, sizeof rig->conf_path, "/tmp/facteur-rig-XXXXXX");
    fd = mkstemp(rig->conf_path);
    WANT(fd >= 0);
    WANT(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    WANT(config_load(&file, 1, rig_blocks, &rig->conf, &errors, &err));
}

/* conf: the text of a configuration; "@" in it stands for the folder of the zoo. */
static void rig_start(struct rig *rig, const char *conf, unsigned filters)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(16384);
    static char plugins[512];
    struct fct_err err = {0};
    const char *build = getenv("FCT_BUILD");
    int control[2];

    *rig = (struct rig){.filters = filters};
    WANT(build);
    for (const char *p = conf; *p; p++)
        if (*p == '@')
            buf_printf(&text, "%s/zoo", build);
        else
            buf_put_char(&text, *p);
    buf_put_char(&text, '\0');
    snprintf(plugins, sizeof plugins, "%s/plugins", build);
    rig_load_conf(rig, text.p);
    snprintf(rig->log_path, sizeof rig->log_path, "/tmp/facteur-rig-XXXXXX");
    rig->log = mkostemp(rig->log_path, O_APPEND);
    rig_log_fd = rig->log;
    log_setup(rig->log, "edge", FCT_INFO);
    rig->env = (struct role_env){.conf = rig->conf,
                                 .kind = ROLE_EDGE,
                                 .server_name = "mx.example.org",
                                 .plugin_dir = plugins,
                                 .count = {[ROLE_FILTER] = filters}};
    WANT(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, control) == 0);
    rig->supervisor = fork();
    WANT(rig->supervisor >= 0);
    if (rig->supervisor == 0) {
        close(control[0]);
        rig->control = control[1];
        rig_supervise(rig);
    }
    close(control[1]);
    rig->control = control[0];
    rig->env.base = event_base_new();
    WANT(fiber_setup(rig->env.base, 256u << 10, 16, &err));
    rig->client = filter_client_new(&rig->env);
    rig->arena = arena_new(NULL);
    rig->news = event_new(rig->env.base, rig->control, EV_READ | EV_PERSIST, rig_news, rig);
    event_add(rig->news, NULL);
}

static void rig_fiber(void *arg)
{
    struct rig *rig = arg;

    rig->body(rig);
    rig->done = true;
}

/* Run the body in a fiber, the loop around it. */
static void rig_run(struct rig *rig, void (*body)(struct rig *rig))
{
    rig->body = body;
    rig->done = false;
    fiber_start(rig_fiber, rig);
    while (!rig->done)
        event_base_loop(rig->env.base, EVLOOP_ONCE);
}

static inline bool rig_log_has(struct rig *rig, const char *text)
{
    static char bytes[1 << 20];
    ssize_t n = pread(rig->log, bytes, sizeof bytes - 1, 0);

    bytes[n > 0 ? n : 0] = '\0';
    return strstr(bytes, text) != NULL;
}

static void rig_stop(struct rig *rig)
{
    event_free(rig->news);
    filter_client_free(&rig->client);
    fiber_teardown();
    event_base_free(rig->env.base);
    kill(rig->supervisor, SIGTERM);
    waitpid(rig->supervisor, NULL, 0);
    close(rig->control);
    log_setup(STDERR_FILENO, "test", FCT_INFO);
    close(rig->log);
    unlink(rig->log_path);
    unlink(rig->conf_path);
    config_free(&rig->conf);
    arena_free(&rig->arena);
}

/* ---- asking ---- */

static struct filter_context rig_context(const char *id, uint32_t role)
{
    static char conn_id[64];
    struct filter_context ctx = {0};

    snprintf(conn_id, sizeof conn_id, "%.40s-c", id);
    ctx.conn = (struct fct_conn){.size = sizeof ctx.conn,
                                 .role = role,
                                 .id = str_from(conn_id),
                                 .client_ip = FCT_STR("192.0.2.1")};
    ctx.envelope = (struct fct_envelope){.size = sizeof ctx.envelope, .id = str_from(id)};
    return ctx;
}

/* One message to one recipient, through all its points. */
static inline void rig_message(struct rig *rig, const char *id, uint32_t role, const char *text,
                               struct filter_result *result)
{
    struct filter_context ctx = rig_context(id, role);
    struct filter_recipient to = {.recipient = FCT_STR("bob@example.org"),
                                  .account = FCT_STR("bob@example.org")};
    size_t n = strlen(text);
    int fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    WANT(write(fd, text, n) == (ssize_t)n);
    WANT(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0);
    filter_message(rig->client, &ctx, fd, n, &to, 1, rig->arena, result);
    close(fd);
}

/* The first entry of that kind and name, or NULL. */
static inline const struct ledger_entry *rig_ledger_find(struct rig *rig, struct fct_str bytes,
                                                         enum ledger_kind kind, const char *name)
{
    struct ledger ledger;
    struct fct_err err = {0};

    WANT(ledger_decode(rig->arena, bytes, &ledger, &err));
    for (size_t i = 0; i < ledger.n; i++)
        if (ledger.entry[i].kind == kind && str_equal(ledger.entry[i].name, str_from(name)))
            return &ledger.entry[i];
    return NULL;
}

#endif
