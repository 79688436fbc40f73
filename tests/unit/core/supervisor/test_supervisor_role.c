/* test_supervisor_role.c - a whole server of three small roles: start, crash and restart, peers,
 * kill, reload, drain, orphans.
 *
 * The server runs in a forked process with its standard output in a pipe: the roles tell there what
 * they see, one line each. Edge serves a port that the kernel chose; what a client sends it decides
 * what it does: f  ask the filter who it is    s  ask the store    c  make the filter crash    k
 * make it hang and have it killed */
#include "core/supervisor/supervisor.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/supervisor/server_conf.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000 /* far above anything that happens here; a test that needs it fails */

/* ---- configuration ---- */

struct door_conf {
    struct fct_strings address;
};
struct fake_conf {
    bool filter_fails, filter_dies, edge_keeps;
    uint32_t size; /* of the store */
};
/* clang-format off */
static const struct fct_conf_key door_keys[] = {
    FCT_CONF_KEY(struct door_conf, address, "[]", "where"),
    FCT_CONF_END,
};
static const struct fct_conf_key fake_keys[] = {
    FCT_CONF_KEY(struct fake_conf, filter_fails, "no", "filter.prepare fails"),
    FCT_CONF_KEY(struct fake_conf, filter_dies, "no", "filter.prepare crashes"),
    FCT_CONF_KEY(struct fake_conf, edge_keeps, "no", "edge does not end its connections when it drains"),
    FCT_CONF_END,
};
static const struct fct_conf_key disk_keys[] = {
    FCT_CONF_KEY(struct fake_conf, size, "1", "a setting of the store"),
    FCT_CONF_END,
};
/* clang-format on */
static const struct conf_block door_block = {
    .name = "door", .keys = door_keys, .size = sizeof(struct door_conf), .labelled = true};
static const struct conf_block fake_block = {
    .name = "fake", .keys = fake_keys, .size = sizeof(struct fake_conf)};
static const struct conf_block disk_block = {
    .name = "disk", .keys = disk_keys, .size = sizeof(struct fake_conf)};
static const struct conf_block *const blocks[] = {&server_block, &door_block, &fake_block,
                                                  &disk_block, NULL};
static const struct conf_block *const fixed[] = {&disk_block, NULL};

/* ---- the roles ---- */

static void tell(const char *fmt, ...) FCT_PRINTF(1, 2);
static void tell(const char *fmt, ...)
{
    char line[200];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    (void)!write(STDOUT_FILENO, line, strlen(line));
}

/* Store and filter: answer each byte by "NAME PID\n"; 'c' crashes, 'l' loops. */
static void served(evutil_socket_t fd, short what, void *arg)
{
    const struct role_env *env = arg;
    char c;

    (void)what;
    if (read(fd, &c, 1) != 1)
        return;
    if (c == 'c')
        abort();
    while (c == 'l')
        (void)usleep(1000);
    (void)dprintf(fd, "%s %d\n", env->kind == ROLE_STORE ? "store" : "filter", getpid());
}

static bool server_start(struct role_env *env, struct fct_err *err)
{
    (void)err;
    tell("start %s %u %d\n", env->kind == ROLE_STORE ? "store" : "filter", env->index, getpid());
    return true;
}

static void server_peer(struct role_env *env, enum role_kind kind, unsigned index, int fd)
{
    struct event *e = event_new(env->base, fd, EV_READ | EV_PERSIST, served, env);

    tell("peer %d of %d: %d %u\n", (int)env->kind, (int)env->index, (int)kind, index);
    event_add(e, NULL);
}

static bool filter_prepare(struct role_env *env, struct fct_err *err)
{
    const struct fake_conf *conf = config_get(env->conf, &fake_block);
    unsigned *deaths = env->shared;

    if (conf->filter_fails)
        return fct_fail(err, FCT_TEMP, "the plugin has a bad hair day");
    if (conf->filter_dies)
        abort();
    tell("slot %u\n", ++*deaths);
    return true;
}

static void server_status(struct role_env *env, struct buf *out)
{
    buf_printf(out, "index %u\n", env->index);
}

static struct {
    struct role_env *env;
    int filter, store, client;
    bool draining;
} edge = {.filter = -1, .store = -1, .client = -1};

static void maybe_drained(void)
{
    const struct fake_conf *conf = config_get(edge.env->conf, &fake_block);

    if (edge.draining && (edge.client < 0 || !conf->edge_keeps))
        role_drained(edge.env);
}

static void peer_answered(evutil_socket_t fd, short what, void *arg)
{
    char line[100];
    ssize_t n = read(fd, line, sizeof line);

    (void)what;
    (void)arg;
    if (n > 0 && edge.client >= 0)
        (void)!write(edge.client, line, (size_t)n);
    if (n <= 0)
        event_base_loopcontinue(edge.env->base);
}

static void edge_peer(struct role_env *env, enum role_kind kind, unsigned index, int fd)
{
    (void)event_base_once(env->base, fd, EV_READ, peer_answered, NULL, NULL);
    event_add(event_new(env->base, fd, EV_READ | EV_PERSIST, peer_answered, NULL), NULL);
    if (index == 0)
        *(kind == ROLE_STORE ? &edge.store : &edge.filter) = fd;
    tell("edge has %d %u\n", (int)kind, index);
}

static void client_spoke(evutil_socket_t fd, short what, void *arg)
{
    char c;

    (void)what;
    if (read(fd, &c, 1) != 1) {
        event_free(*(struct event **)arg);
        close(fd);
        edge.client = -1;
        maybe_drained();
        return;
    }
    if (c == 's')
        (void)!write(edge.store, "?", 1);
    else if (c == 'k') {
        (void)!write(edge.filter, "l", 1);
        role_kill_peer(edge.env, ROLE_FILTER, 0);
    } else
        (void)!write(edge.filter, &c, 1);
}

static void client_came(evutil_socket_t fd, short what, void *arg)
{
    static struct event *event;

    (void)what;
    edge.client = accept(fd, NULL, NULL);
    if (edge.client < 0)
        return;
    event = event_new(arg, edge.client, EV_READ | EV_PERSIST, client_spoke, &event);
    event_add(event, NULL);
    (void)dprintf(edge.client, "edge %d\n", getpid());
}

static struct event *accepting;

static bool edge_start(struct role_env *env, struct fct_err *err)
{
    struct sockaddr_in at;
    socklen_t size = sizeof at;

    (void)err;
    edge.env = env;
    ck_assert_uint_eq(env->nlisteners, 1);
    ck_assert_int_eq(getsockname(env->listeners[0].fd, (struct sockaddr *)&at, &size), 0);
    accepting =
        event_new(env->base, env->listeners[0].fd, EV_READ | EV_PERSIST, client_came, env->base);
    event_add(accepting, NULL);
    tell("start edge %u %d port %u label %s\n", env->index, getpid(), ntohs(at.sin_port),
         env->listeners[0].label);
    return true;
}

static void edge_drain(struct role_env *env)
{
    (void)env;
    event_del(accepting);
    edge.draining = true;
    tell("edge drains\n");
    maybe_drained();
}

static void server_drain(struct role_env *env)
{
    tell("drain %d\n", (int)env->kind);
    role_drained(env);
}

static const struct role store = {.kind = ROLE_STORE,
                                  .name = "store",
                                  .start = server_start,
                                  .peer = server_peer,
                                  .drain = server_drain,
                                  .status = server_status};
static const struct role filter = {.kind = ROLE_FILTER,
                                   .name = "filter",
                                   .prepare = filter_prepare,
                                   .start = server_start,
                                   .peer = server_peer,
                                   .drain = server_drain,
                                   .status = server_status};
static const struct role edge_role = {
    .kind = ROLE_EDGE, .name = "edge", .start = edge_start, .peer = edge_peer, .drain = edge_drain};
static const struct role *const roles[] = {&store, &filter, &edge_role, NULL};
static const struct role_link links[] = {{ROLE_EDGE, ROLE_STORE}, {ROLE_EDGE, ROLE_FILTER}};

/* ---- a server for one test ---- */

static char folder[64], conf_file[80];
static pid_t server_pid;
static int from_server;
static char seen[65536]; /* all it said so far */
static size_t seen_n, taken;
static unsigned port;

static void running(void *arg)
{
    (void)arg;
    tell("running\n");
}

static void warm_up(struct supervisor *sup, void *arg)
{
    (void)arg;
    tell("warm\n");
    supervisor_started(sup, true);
}

static void configure(const char *more)
{
    FILE *f = fopen(conf_file, "w");

    ck_assert_ptr_nonnull(f);
    (void)fprintf(f,
                  "server { data_dir = \"%s/data\" run_dir = \"%s/run\" log_file = \"%s/log\" "
                  "filter_processes = 1 }\n"
                  "door front { address = [\"127.0.0.1:0\"] }\n%s\n",
                  folder, folder, folder, more);
    ck_assert_int_eq(fclose(f), 0);
}

static FCT_NORETURN void be_server(int out)
{
    const char *const files[] = {conf_file};
    const struct supervisor_setup setup = {
        .roles = roles,
        .links = links,
        .nlinks = FCT_COUNT(links),
        .blocks = blocks,
        .listeners = &door_block,
        .fixed = fixed,
        .files = files,
        .nfiles = 1,
        .argv0 = "test",
        .dev = true,
        .warm_up = warm_up,
        .running = running,
    };

    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
    _exit(supervisor_run(&setup));
}

static void start_server(void)
{
    int out[2];

    ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
    seen_n = taken = 0;
    seen[0] = '\0';
    server_pid = fork();
    if (server_pid == 0)
        be_server(out[1]);
    close(out[1]);
    from_server = out[0];
}

/* The next line that starts with `what`, from where the last call ended; fails the test when it
 * does not come. */
static const char *wait_for(const char *what)
{
    uint64_t until = clock_ms() + PATIENCE_MS;

    for (;;) {
        char *line, *end;
        struct pollfd p = {.fd = from_server, .events = POLLIN};
        ssize_t n;

        for (line = seen + taken; (end = strchr(line, '\n')); line = end + 1)
            if (str_starts(str_between(line, end), str_from(what))) {
                taken = (size_t)(end + 1 - seen);
                return line;
            }
        ck_assert_msg(clock_ms() < until, "waited for \"%s\", heard:\n%s", what, seen);
        if (poll(&p, 1, 100) == 1) {
            n = read(from_server, seen + seen_n, sizeof seen - 1 - seen_n);
            ck_assert_msg(n > 0, "the server ended; waited for \"%s\", heard:\n%s", what, seen);
            seen_n += (size_t)n;
            seen[seen_n] = '\0';
        }
    }
}

static void wait_running(void)
{
    const char *line = wait_for("start edge 0");

    port = (unsigned)strtoul(strstr(line, "port ") + 5, NULL, 10);
    (void)wait_for("running");
}

static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

/* A line from the connection: "NAME PID"; returns the pid, 0 at the end of the connection. */
static pid_t answer(int fd, const char *name)
{
    char line[100];
    size_t n = 0;

    while (n < sizeof line - 1) {
        struct pollfd p = {.fd = fd, .events = POLLIN};

        ck_assert_msg(poll(&p, 1, PATIENCE_MS) == 1, "no answer from %s; the server said:\n%s",
                      name, seen);
        if (read(fd, line + n, 1) != 1)
            return 0;
        if (line[n] == '\n')
            break;
        n++;
    }
    line[n] = '\0';
    ck_assert_msg(str_starts(str_from(line), str_from(name)), "%s: got %s", name, line);
    return (pid_t)strtol(line + strlen(name), NULL, 10);
}

static pid_t ask(int fd, char what, const char *name)
{
    pid_t pid;

    ck_assert_int_eq(write(fd, &what, 1), 1);
    pid = answer(fd, name);
    ck_assert_msg(pid > 1, "%s did not answer; the server said:\n%s", name, seen);
    return pid;
}

static int server_status_of_end(void)
{
    int status = -1;

    ck_assert_int_eq(waitpid(server_pid, &status, 0), server_pid);
    server_pid = 0;
    return status;
}

static void stop_server(void)
{
    ck_assert_int_eq(kill(server_pid, SIGTERM), 0);
    ck_assert_int_eq(server_status_of_end(), 0);
}

static bool log_has(const char *text)
{
    static char log[1 << 17];
    char path[100];
    ssize_t n;
    int fd;

    (void)snprintf(path, sizeof path, "%s/log", folder);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    n = read(fd, log, sizeof log - 1);
    close(fd);
    log[n > 0 ? n : 0] = '\0';
    return strstr(log, text) != NULL;
}

static void wait_for_log(const char *text)
{
    uint64_t until = clock_ms() + PATIENCE_MS;

    while (!log_has(text)) {
        ck_assert_msg(clock_ms() < until, "the log does not say \"%s\"", text);
        (void)usleep(5000);
    }
}

/* Ended; perhaps nobody has asked for its status yet (an orphan's new parent may be slow). */
static bool is_gone(pid_t pid)
{
    char path[64], state = 'Z';
    FILE *f;

    if (kill(pid, 0) != 0 && errno == ESRCH)
        return true;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    f = fopen(path, "re");
    if (!f)
        return true;
    if (fscanf(f, "%*d %*s %c", &state) != 1)
        state = 'Z';
    (void)fclose(f);
    return state == 'Z';
}

static void set_up(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/facteur-supervisor.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(conf_file, sizeof conf_file, "%s/conf", folder);
    configure("");
}

static void clean_up(void)
{
    static const char *const names[] = {
        "conf", "log", "log.1", "run/facteur.lock", "run/facteur.pid", "run", "data"};
    char path[128];

    if (server_pid)
        (void)kill(server_pid, SIGKILL);
    close(from_server);
    for (size_t i = 0; i < FCT_COUNT(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)remove(path);
    }
    (void)remove(folder);
}

/* ---- tests ---- */

START_TEST(roles_start_in_order_and_end_in_reverse)
{
    pid_t edge_pid, store_pid, filter_pid;
    int fd;

    start_server();
    (void)wait_for("start store 0");
    (void)wait_for("start filter 0");
    port = (unsigned)strtoul(strstr(wait_for("start edge 0"), "port ") + 5, NULL, 10);
    (void)wait_for("warm");
    (void)wait_for("running");
    fd = dial();
    edge_pid = answer(fd, "edge");
    store_pid = ask(fd, 's', "store");
    filter_pid = ask(fd, 'f', "filter");
    ck_assert(edge_pid > 0 && store_pid > 0 && filter_pid > 0);
    ck_assert_int_eq(kill(server_pid, SIGTERM), 0);
    (void)wait_for("edge drains");
    (void)wait_for("drain 1");
    (void)wait_for("drain 2");
    ck_assert_int_eq(server_status_of_end(), 0);
    ck_assert(is_gone(edge_pid) && is_gone(store_pid) && is_gone(filter_pid));
    close(fd);
    ck_assert_int_eq(dial(), -1);
}
END_TEST

START_TEST(a_crashed_filter_comes_back_and_the_client_stays)
{
    pid_t first, second;
    int fd;

    start_server();
    wait_running();
    fd = dial();
    (void)answer(fd, "edge");
    first = ask(fd, 'f', "filter");
    ck_assert_int_eq(write(fd, "c", 1), 1);
    (void)wait_for("slot 2"); /* the successor sees what the dead one left in shared memory */
    (void)wait_for("edge has 1 0");
    second = ask(fd, 'f', "filter");
    ck_assert_int_ne(first, second);
    ck_assert_int_gt(ask(fd, 's', "store"), 0);
    wait_for_log("child_died");
    ck_assert(log_has("delay_ms=0"));
    close(fd);
    stop_server();
}
END_TEST

START_TEST(a_killed_store_and_a_killed_edge_come_back)
{
    pid_t old;
    int fd;

    start_server();
    wait_running();
    fd = dial();
    (void)answer(fd, "edge");
    old = ask(fd, 's', "store");
    ck_assert_int_eq(kill(old, SIGKILL), 0);
    (void)wait_for("start store 0");
    (void)wait_for("edge has 2 0");
    ck_assert_int_ne(ask(fd, 's', "store"), old);
    close(fd);

    fd = dial();
    old = answer(fd, "edge");
    ck_assert_int_eq(kill(old, SIGKILL), 0);
    (void)wait_for("start edge 0");
    (void)wait_for("edge has");
    (void)wait_for("edge has");
    close(fd);
    fd = dial();
    ck_assert_int_ne(answer(fd, "edge"), old);
    ck_assert_int_gt(ask(fd, 's', "store"), 0);
    ck_assert_int_gt(ask(fd, 'f', "filter"), 0);
    close(fd);
    stop_server();
}
END_TEST

START_TEST(edge_can_have_a_hung_filter_killed)
{
    pid_t first;
    int fd;

    start_server();
    wait_running();
    fd = dial();
    (void)answer(fd, "edge");
    first = ask(fd, 'f', "filter");
    ck_assert_int_eq(write(fd, "k", 1), 1);
    (void)wait_for("slot 2");
    (void)wait_for("edge has 1 0");
    ck_assert_int_ne(ask(fd, 'f', "filter"), first);
    ck_assert(is_gone(first));
    close(fd);
    stop_server();
}
END_TEST

/* Nobody asks for its end: the supervisor notices by itself. The others are left alone. */
START_TEST(a_hung_process_is_found_and_replaced)
{
    pid_t edge_pid, store_pid, filter_pid;
    int fd;

    configure("server { hang_limit = 400ms }");
    start_server();
    wait_running();
    fd = dial();
    edge_pid = answer(fd, "edge");
    store_pid = ask(fd, 's', "store");
    filter_pid = ask(fd, 'f', "filter");
    ck_assert_int_eq(write(fd, "l", 1), 1);
    (void)wait_for("slot 2");
    (void)wait_for("edge has 1 0");
    ck_assert(log_has("hung role=filter index=0"));
    ck_assert(!log_has("hung role=edge") && !log_has("hung role=store"));
    ck_assert_int_ne(ask(fd, 'f', "filter"), filter_pid);
    ck_assert_int_eq(ask(fd, 's', "store"), store_pid);
    close(fd);
    fd = dial();
    ck_assert_int_eq(answer(fd, "edge"), edge_pid);
    close(fd);
    stop_server();
}
END_TEST

START_TEST(a_reload_starts_new_processes_and_keeps_the_store)
{
    pid_t edge_pid, store_pid;
    int old, fresh;

    configure("fake { edge_keeps = yes }");
    start_server();
    wait_running();
    old = dial();
    edge_pid = answer(old, "edge");
    store_pid = ask(old, 's', "store");
    configure("disk { size = 2 }");
    ck_assert_int_eq(kill(server_pid, SIGHUP), 0);
    (void)wait_for("start edge 0");
    (void)wait_for("edge drains");
    fresh = dial(); /* the port never closed: the same number answers */
    ck_assert_int_ne(answer(fresh, "edge"), edge_pid);
    ck_assert_int_eq(ask(fresh, 's', "store"), store_pid);
    ck_assert_int_gt(ask(fresh, 'f', "filter"), 0);
    ck_assert_int_eq(ask(old, 's', "store"), store_pid); /* the old connection goes on */
    ck_assert_int_gt(ask(old, 'f', "filter"), 0);        /* … with the old filter */
    close(old);
    (void)wait_for("drain 1"); /* the old filter ends after the old edge */
    wait_for_log("needs a restart");
    ck_assert(log_has("block=disk") && log_has("reloaded"));
    close(fresh);
    stop_server();
}
END_TEST

static const struct {
    const char *name, *conf, *log;
} bad[] = {
    {"a syntax error", "fake { filter_fials = yes }", "filter_fails"},
    {"a value out of range", "server { edge_processes = 0 }", "edge_processes"},
    {"a role that says no", "fake { filter_fails = yes }", "bad hair day"},
    {"a role that crashes", "fake { filter_dies = yes }", "ended by Aborted"},
    {"a port that cannot be had", "door back { address = [\"192.0.2.1:1\"] }", "192.0.2.1"},
};

START_TEST(a_bad_configuration_is_refused_and_nothing_changes)
{
    pid_t edge_pid, filter_pid;
    int fd;

    start_server();
    wait_running();
    fd = dial();
    edge_pid = answer(fd, "edge");
    filter_pid = ask(fd, 'f', "filter");
    for (size_t i = 0; i < FCT_COUNT(bad); i++) {
        configure(bad[i].conf);
        ck_assert_int_eq(kill(server_pid, SIGHUP), 0);
        wait_for_log(bad[i].log);
        ck_assert_msg(log_has("reload_refused"), "%s", bad[i].name);
        ck_assert_int_eq(ask(fd, 'f', "filter"), filter_pid);
    }
    close(fd);
    fd = dial();
    ck_assert_int_eq(answer(fd, "edge"), edge_pid);
    close(fd);
    configure("");
    ck_assert_int_eq(kill(server_pid, SIGHUP), 0);
    (void)wait_for("start edge 0"); /* a good one is taken afterwards */
    wait_for_log("reloaded");
    stop_server();
}
END_TEST

/* What logrotate does: the file is moved, then SIGHUP. Everybody writes to the new one, the store
 * too, which was not restarted. */
START_TEST(a_reload_opens_the_log_again)
{
    char from[100], to[100];

    start_server();
    wait_running();
    (void)snprintf(from, sizeof from, "%s/log", folder);
    (void)snprintf(to, sizeof to, "%s/log.1", folder);
    ck_assert_int_eq(rename(from, to), 0);
    ck_assert_int_eq(kill(server_pid, SIGHUP), 0);
    (void)wait_for("drain 1");
    stop_server();
    ck_assert(log_has("reloaded"));
    ck_assert(log_has("store stop"));
    ck_assert(log_has("edge stop"));
}
END_TEST

START_TEST(a_start_that_fails_ends_with_status_1)
{
    static const char *const confs[] = {"fake { filter_fails = yes }", "fake { filter_dies = yes }",
                                        "nonsense { }",
                                        "door back { address = [\"192.0.2.1:1\"] }"};

    for (size_t i = 0; i < FCT_COUNT(confs); i++) {
        int status;

        configure(confs[i]);
        start_server();
        status = server_status_of_end();
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1, "%s: %d", confs[i], status);
        close(from_server);
    }
    from_server = -1;
}
END_TEST

START_TEST(a_folder_belongs_to_one_server)
{
    pid_t first;
    int first_out, status;

    start_server();
    wait_running();
    first = server_pid;
    first_out = from_server;
    start_server();
    status = server_status_of_end();
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    close(from_server);
    server_pid = first;
    from_server = first_out;
    stop_server();
}
END_TEST

/* Nobody lives on without a supervisor, not even one that hangs; then the folder is free again. */
START_TEST(a_killed_supervisor_leaves_nothing_behind)
{
    pid_t edge_pid, store_pid, filter_pid;
    int fd;

    start_server();
    wait_running();
    fd = dial();
    edge_pid = answer(fd, "edge");
    store_pid = ask(fd, 's', "store");
    filter_pid = ask(fd, 'f', "filter");
    ck_assert_int_eq(write(fd, "l", 1), 1); /* the filter hangs */
    ck_assert_int_eq(kill(server_pid, SIGKILL), 0);
    (void)server_status_of_end();
    close(from_server);
    start_server(); /* waits for the lock: the last orphan holds it */
    wait_running();
    ck_assert(is_gone(edge_pid) && is_gone(store_pid) && is_gone(filter_pid));
    close(fd);
    stop_server();
}
END_TEST

START_TEST(a_process_that_does_not_drain_is_killed)
{
    int fd;

    configure("fake { edge_keeps = yes } server { drain = 50ms }");
    start_server();
    wait_running();
    fd = dial();
    (void)answer(fd, "edge");
    stop_server(); /* the client stays connected */
    ck_assert_int_eq(answer(fd, "edge"), 0);
    ck_assert(log_has("patience ended"));
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("supervisor");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tc, 100);
    tcase_add_checked_fixture(tc, set_up, clean_up);
    tcase_add_test(tc, roles_start_in_order_and_end_in_reverse);
    tcase_add_test(tc, a_crashed_filter_comes_back_and_the_client_stays);
    tcase_add_test(tc, a_killed_store_and_a_killed_edge_come_back);
    tcase_add_test(tc, edge_can_have_a_hung_filter_killed);
    tcase_add_test(tc, a_hung_process_is_found_and_replaced);
    tcase_add_test(tc, a_reload_starts_new_processes_and_keeps_the_store);
    tcase_add_test(tc, a_bad_configuration_is_refused_and_nothing_changes);
    tcase_add_test(tc, a_reload_opens_the_log_again);
    tcase_add_test(tc, a_start_that_fails_ends_with_status_1);
    tcase_add_test(tc, a_folder_belongs_to_one_server);
    tcase_add_test(tc, a_killed_supervisor_leaves_nothing_behind);
    tcase_add_test(tc, a_process_that_does_not_drain_is_killed);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
