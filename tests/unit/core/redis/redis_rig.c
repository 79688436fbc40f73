/* redis_rig.c - see redis_rig.h. */
#include "tests/unit/core/redis/redis_rig.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MAX = 40 };

struct redis_rig rig;

void redis_rig_begin(struct event_base *base)
{
    rig = (struct redis_rig){.conf = {.url = "",
                                      .user = "",
                                      .password_file = "",
                                      .sentinel_user = "",
                                      .sentinel_password_file = "",
                                      .ca_file = "/etc/ssl/certs/ca-certificates.crt",
                                      .timeout = {20000},
                                      .retry = {20},
                                      .max_errors = 3,
                                      .max_pending = 5000,
                                      .max_reply = {1u << 20}}};
    rig.base = base;
    rig.arena = arena_new(NULL);
    signal(SIGPIPE, SIG_IGN);
    snprintf(rig.dir, sizeof rig.dir, "/tmp/fct-redis.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(rig.dir));
    snprintf(rig.socket, sizeof rig.socket, "%s/socket", rig.dir);
    snprintf(rig.url, sizeof rig.url, "unix:%s", rig.socket);
}

void redis_rig_start(void)
{
    struct fct_err err = {0};

    redis_rig_begin(event_base_new());
    ck_assert_msg(fiber_setup(rig.base, 128u << 10, 16, &err), "%s", err.text);
}

void redis_rig_finish(void)
{
    redis_free(&rig.redis);
    event_base_loop(rig.base, EVLOOP_NONBLOCK);
    event_base_loop(rig.base, EVLOOP_NONBLOCK);
    redis_rig_kill();
    arena_free(&rig.arena);
    unlink(rig.socket);
    rmdir(rig.dir);
}

void redis_rig_stop(void)
{
    redis_rig_finish();
    fiber_teardown();
    event_base_free(rig.base);
}

/* ---- servers ---- */

static bool answers(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok;

    snprintf(at.sun_path, sizeof at.sun_path, "%s", rig.socket);
    ok = connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
    close(fd);
    return ok;
}

void redis_rig_server(const char *const *more)
{
    const char *words[WORDS_MAX] = {
        "redis-server", "--port", "0",     "--unixsocket", rig.socket,  "--save",   "",
        "--appendonly", "no",     "--dir", rig.dir,        "--logfile", "/dev/null"};
    size_t n = 13;

    for (; more && *more; more++)
        words[n++] = *more;
    rig.server = fork();
    if (rig.server == 0) {
        execvp(words[0], (char *const *)(uintptr_t)words);
        _exit(127);
    }
    for (unsigned tries = 0; !answers(); tries++) {
        ck_assert_msg(tries < 3000 && waitpid(rig.server, NULL, WNOHANG) == 0, "no redis-server");
        usleep(10000);
    }
}

void redis_rig_kill(void)
{
    if (rig.server <= 0)
        return;
    kill(rig.server, SIGKILL);
    waitpid(rig.server, NULL, 0);
    rig.server = 0;
}

static void false_input(struct bufferevent *io, void *arg)
{
    struct redis_false *server = arg;

    evbuffer_drain(bufferevent_get_input(io), SIZE_MAX);
    if (server->says)
        bufferevent_write(io, server->says, strlen(server->says));
}

static void false_event(struct bufferevent *io, short what, void *arg)
{
    (void)arg;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        bufferevent_free(io);
}

static void false_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
                         int n, void *arg)
{
    struct bufferevent *io = bufferevent_socket_new(rig.base, fd, BEV_OPT_CLOSE_ON_FREE);

    (void)listener, (void)from, (void)n;
    bufferevent_setcb(io, false_input, NULL, false_event, arg);
    bufferevent_enable(io, EV_READ | EV_WRITE);
}

void redis_rig_pretend(struct redis_false *server, const char *says)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    snprintf(at.sun_path, sizeof at.sun_path, "%s", rig.socket);
    server->says = says;
    server->listener =
        evconnlistener_new_bind(rig.base, false_accept, server, LEV_OPT_CLOSE_ON_FREE, 16,
                                (struct sockaddr *)&at, (int)sizeof at);
    ck_assert_ptr_nonnull(server->listener);
}

void redis_rig_end(struct redis_false *server)
{
    evconnlistener_free(server->listener);
    unlink(rig.socket);
}

void redis_rig_client(void)
{
    struct fct_err err = {0};

    if (!*rig.conf.url)
        rig.conf.url = rig.url;
    ck_assert_msg(redis_new(rig.base, &rig.conf, NULL, NULL, &rig.redis, &err), "%s", err.text);
    redis_start(rig.redis);
}

/* ---- asking ---- */

struct run {
    void (*work)(void *arg);
    void *arg;
    bool done;
};

static void run_fiber(void *arg)
{
    struct run *run = arg;

    run->work(run->arg);
    run->done = true;
}

void redis_rig_run(void (*work)(void *arg), void *arg)
{
    struct run run = {work, arg, false};

    fiber_start(run_fiber, &run);
    while (!run.done)
        event_base_loop(rig.base, EVLOOP_ONCE);
}

void redis_rig_ask_fiber(void *arg)
{
    struct redis_asked *asked = arg;
    struct fct_str word[WORDS_MAX], rest = str_from(asked->command);
    size_t n = 0;

    while (rest.p)
        word[n++] = str_split(&rest, ' ');
    asked->reply = redis_call(rig.redis, rig.arena, word, n, &asked->err);
    asked->done = true;
}

struct redis_asked redis_rig_ask(const char *command)
{
    struct redis_asked asked = {.command = command};

    redis_rig_run(redis_rig_ask_fiber, &asked);
    return asked;
}
