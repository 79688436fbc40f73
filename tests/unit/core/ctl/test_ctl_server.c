/* test_ctl_server.c - a supervisor with one small role, asked over its control socket as facteurctl
 * asks. */
#include "core/ctl/ctl_server.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/ctl/ctl.h"
#include "core/supervisor/server_conf.h"

#include <check.h>
#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000

/* ---- the role: a store that answers one byte by another ---- */

static void served(evutil_socket_t fd, short what, void *arg)
{
    char c;

    (void)what;
    (void)arg;
    if (read(fd, &c, 1) == 1)
        (void)!write(fd, "!", 1);
}

static bool role_start(struct role_env *env, struct fct_err *err)
{
    (void)env;
    (void)err;
    return true;
}

static void role_peer(struct role_env *env, enum role_kind kind, unsigned index, int fd)
{
    (void)index;
    if (kind == ROLE_CTL)
        event_add(event_new(env->base, fd, EV_READ | EV_PERSIST, served, NULL), NULL);
}

static void role_status(struct role_env *env, struct buf *out)
{
    (void)env;
    buf_put_c(out, "messages 42\nstate all is well\n");
}

static void role_drain(struct role_env *env)
{
    role_drained(env);
}

static const struct role store = {
    .kind = ROLE_STORE,
    .name = "store",
    .start = role_start,
    .peer = role_peer,
    .drain = role_drain,
    .status = role_status,
};
static const struct role *const roles[] = {&store, NULL};
static const struct conf_block *const blocks[] = {&server_block, NULL};

/* ---- the server and its client ---- */

static char folder[64], conf_file[80], run_dir[80];
static pid_t server_pid;
static struct event_base *base;
static struct ipc_conn *conn;

static void configure(const char *more)
{
    FILE *f = fopen(conf_file, "w");

    ck_assert_ptr_nonnull(f);
    (void)fprintf(f,
                  "server { data_dir = \"%s/data\" run_dir = \"%s\" log_file = \"%s/log\" }\n%s\n",
                  folder, run_dir, folder, more);
    ck_assert_int_eq(fclose(f), 0);
}

static void running(void *arg)
{
    (void)!write(*(int *)arg, "r", 1);
}

static FCT_NORETURN void be_server(int ready)
{
    const char *const files[] = {conf_file};
    const struct supervisor_setup setup = {
        .roles = roles,
        .blocks = blocks,
        .files = files,
        .nfiles = 1,
        .argv0 = "test",
        .dev = true,
        .control_open = ctl_server_open,
        .control_close = ctl_server_close,
        .running = running,
        .arg = &ready,
    };

    _exit(supervisor_run(&setup));
}

static void set_up(void)
{
    struct fct_err err = {0};
    int ready[2], fd;
    char c;

    (void)snprintf(folder, sizeof folder, "/tmp/facteur-ctl.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(conf_file, sizeof conf_file, "%s/conf", folder);
    (void)snprintf(run_dir, sizeof run_dir, "%s/run", folder);
    configure("");
    ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
    server_pid = fork();
    if (server_pid == 0)
        be_server(ready[1]);
    close(ready[1]);
    ck_assert_int_eq(read(ready[0], &c, 1), 1);
    close(ready[0]);
    ck_assert_msg(ctl_connect(run_dir, &fd, &err), "%s", err.text);
    base = event_base_new();
    ck_assert_msg(fiber_setup(base, 64 << 10, 1, &err), "%s", err.text);
    conn = ipc_conn_new(base, fd, &(struct ipc_handler){0});
}

static void clean_up(void)
{
    static const char *const names[] = {"conf", "log", "run/facteur.lock", "run", "data"};
    char path[128];

    ipc_conn_free(&conn);
    fiber_teardown();
    event_base_free(base);
    if (server_pid) {
        (void)kill(server_pid, SIGTERM);
        (void)waitpid(server_pid, NULL, 0);
        server_pid = 0;
    }
    for (size_t i = 0; i < FCT_COUNT(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)remove(path);
    }
    (void)remove(folder);
}

/* ---- asking ---- */

static struct {
    enum ctl_kind kind;
    bool json, ok;
    struct buf text;
    struct fct_err err;
    int fd;
} question;

static void ask_fiber(void *arg)
{
    uint64_t deadline = clock_ms() + PATIENCE_MS;

    (void)arg;
    if (question.kind == CTL_ATTACH)
        question.ok = ctl_attach(conn, ROLE_STORE, 0, deadline, &question.fd, &question.err);
    else
        question.ok =
            ctl_text(conn, question.kind, question.json, deadline, &question.text, &question.err);
    (void)event_base_loopbreak(base);
}

static const char *ask(enum ctl_kind kind, bool json)
{
    buf_free(&question.text);
    question.kind = kind;
    question.json = json;
    question.text = BUF_INIT(1 << 20);
    (void)fiber_start(ask_fiber, NULL);
    (void)event_base_dispatch(base);
    buf_put_char(&question.text, '\0');
    return question.text.p;
}

START_TEST(status_names_every_process_and_what_it_says)
{
    const char *text = ask(CTL_STATUS, false);
    json_t *root, *process;
    json_error_t why;

    ck_assert_msg(question.ok, "%s", question.err.text);
    ck_assert_ptr_nonnull(strstr(text, "supervisor"));
    ck_assert_ptr_nonnull(strstr(text, "store"));
    ck_assert_ptr_nonnull(strstr(text, "messages 42"));
    root = json_loads(ask(CTL_STATUS, true), 0, &why);
    ck_assert_msg(root != NULL, "%s", why.text);
    ck_assert_int_eq(json_integer_value(json_object_get(root, "pid")), server_pid);
    process = json_array_get(json_object_get(root, "processes"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(process, "role")), "store");
    ck_assert_str_eq(json_string_value(json_object_get(process, "state")), "ready");
    process = json_object_get(process, "status");
    ck_assert_int_eq(json_integer_value(json_object_get(process, "messages")), 42);
    ck_assert_str_eq(json_string_value(json_object_get(process, "state")), "all is well");
    json_decref(root);
}
END_TEST

START_TEST(sandbox_says_what_protects)
{
    json_t *root;

    ck_assert_ptr_nonnull(strstr(ask(CTL_SANDBOX, false), "seccomp="));
    root = json_loads(ask(CTL_SANDBOX, true), 0, NULL);
    ck_assert_ptr_nonnull(
        json_object_get(json_object_get(json_array_get(root, 0), "sandbox"), "landlock"));
    json_decref(root);
}
END_TEST

START_TEST(attach_gives_a_connection_to_the_role)
{
    char c = '?';

    (void)ask(CTL_ATTACH, false);
    ck_assert_msg(question.ok, "%s", question.err.text);
    ck_assert_int_eq(fcntl(question.fd, F_SETFL, 0), 0);
    ck_assert_int_eq(write(question.fd, &c, 1), 1);
    ck_assert_int_eq(read(question.fd, &c, 1), 1);
    ck_assert_int_eq(c, '!');
    close(question.fd);
}
END_TEST

START_TEST(a_refused_reload_says_why)
{
    configure("server { log_level = loud }");
    (void)ask(CTL_RELOAD, false);
    ck_assert(!question.ok);
    ck_assert_ptr_nonnull(strstr(question.err.text, "log_level"));
    configure("");
    (void)ask(CTL_RELOAD, false);
    ck_assert_msg(question.ok, "%s", question.err.text);
}
END_TEST

START_TEST(unknown_requests_are_refused)
{
    (void)ask((enum ctl_kind)99, false);
    ck_assert(!question.ok);
    ck_assert_ptr_nonnull(strstr(question.err.text, "does not know request 99"));
    ck_assert_ptr_nonnull(strstr(ask(CTL_STATUS, false), "store")); /* and the connection lives */
}
END_TEST

START_TEST(stop_ends_the_server)
{
    int status;

    (void)ask(CTL_STOP, false);
    ck_assert_msg(question.ok, "%s", question.err.text);
    ck_assert_int_eq(waitpid(server_pid, &status, 0), server_pid);
    server_pid = 0;
    ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_server");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, clean_up);
    tcase_add_test(tc, status_names_every_process_and_what_it_says);
    tcase_add_test(tc, sandbox_says_what_protects);
    tcase_add_test(tc, attach_gives_a_connection_to_the_role);
    tcase_add_test(tc, a_refused_reload_says_why);
    tcase_add_test(tc, unknown_requests_are_refused);
    tcase_add_test(tc, stop_ends_the_server);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    buf_free(&question.text);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
