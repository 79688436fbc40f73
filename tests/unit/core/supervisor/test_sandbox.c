/* test_sandbox.c - what each role's process can and cannot do, tried in a forked child; and that it
 * degrades where the kernel has less. */
#include "core/supervisor/sandbox.h"

#include "core/supervisor/landlock.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/facteur-sandbox.XXXXXX";
static char data[64], plugins[64], lua[64];
static int listening;

/* ---- what is tried: 0 when it worked, else errno ---- */

static int opening(const char *dir, const char *name, int flags)
{
    char path[128];
    int fd;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    fd = open(path, flags, 0600);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int read_data(void)
{
    return opening(data, "file", O_RDONLY);
}
static int write_data(void)
{
    return opening(data, "new", O_WRONLY | O_CREAT);
}
static int rename_data(void)
{
    char from[128], to[128];

    (void)snprintf(from, sizeof from, "%s/old", data);
    (void)snprintf(to, sizeof to, "%s/sub/older", data);
    return rename(from, to) == 0 ? 0 : errno;
}
static int read_plugin(void)
{
    return opening(plugins, "file", O_RDONLY);
}
static int write_plugin(void)
{
    return opening(plugins, "new", O_WRONLY | O_CREAT);
}
static int read_lua(void)
{
    return opening(lua, "file", O_RDONLY);
}
static int read_passwd(void)
{
    return opening("/etc", "passwd", O_RDONLY);
}
static int make_socket(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) >= 0 ? 0 : errno;
}
static int make_udp_socket(void)
{
    return socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0 ? 0 : errno;
}
static int make_netlink_socket(void)
{
    return socket(AF_NETLINK, SOCK_RAW, 0) >= 0 ? 0 : errno;
}
static int make_raw_socket(void)
{
    return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0 ? 0 : errno;
}
static int make_unix_datagrams(void)
{
    return socket(AF_UNIX, SOCK_DGRAM, 0) >= 0 ? 0 : errno;
}
static int connect_unix(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return errno;
    (void)snprintf(to.sun_path, sizeof to.sun_path, "%s/nobody", folder);
    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == ENOENT ? 0 : errno;
}
/* The port is the one that the parent listens on. */
static int connect_tcp(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof to;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || getsockname(listening, (struct sockaddr *)&to, &n) != 0)
        return errno;
    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? 0 : errno;
}
static int bind_udp(void)
{
    struct sockaddr_in me = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && bind(fd, (struct sockaddr *)&me, sizeof me) == 0 ? 0 : errno;
}
static int listen_to_others(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && listen(fd, 1) == 0 ? 0 : errno;
}
static int make_process(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return pid > 0 ? 0 : errno;
}
static void *nothing(void *arg)
{
    return arg;
}
static int make_thread(void)
{
    pthread_t t;
    int error = pthread_create(&t, NULL, nothing, NULL);

    return error ? error : pthread_join(t, NULL);
}
static int map_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? errno
               : 0;
}
static int make_memfd(void)
{
    int fd = memfd_create("m", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || ftruncate(fd, 10) != 0 || write(fd, "x", 1) != 1)
        return errno;
    return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0 ? 0 : errno;
}
static int raise_limit(void)
{
    struct {
        uint64_t soft, hard;
    } limit = {64, 64};

    return syscall(SYS_prlimit64, 0, 7, &limit, NULL) == 0 ? 0 : errno;
}
static int execute(void)
{
    char *const argv[] = {NULL}, *const envp[] = {NULL};

    (void)execve("/bin/true", argv, envp);
    return errno;
}
static int trace(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : errno;
}

/* ---- the table ---- */

enum { WORKS, REFUSED, KILLED };

static const struct {
    const char *name;
    int (*attempt)(void);
    int edge, filter, store;
} cases[] = {
    {"read the data folder", read_data, REFUSED, REFUSED, WORKS},
    {"write the data folder", write_data, REFUSED, REFUSED, WORKS},
    {"rename across data folders", rename_data, REFUSED, REFUSED, WORKS},
    {"read a plugin", read_plugin, REFUSED, WORKS, REFUSED},
    {"write a plugin", write_plugin, REFUSED, REFUSED, REFUSED},
    {"read a Lua file", read_lua, REFUSED, WORKS, REFUSED},
    {"read another file", read_passwd, REFUSED, REFUSED, REFUSED},
    {"make a socket", make_socket, REFUSED, WORKS, REFUSED},
    {"make a socket for datagrams", make_udp_socket, REFUSED, WORKS, REFUSED},
    {"make a netlink socket", make_netlink_socket, REFUSED, REFUSED, REFUSED},
    {"make a raw socket", make_raw_socket, REFUSED, REFUSED, REFUSED},
    {"make a socket for local datagrams", make_unix_datagrams, REFUSED, REFUSED, REFUSED},
    {"connect to a local socket", connect_unix, REFUSED, WORKS, REFUSED},
    {"connect by TCP", connect_tcp, REFUSED, WORKS, REFUSED},
    {"take a port for datagrams", bind_udp, REFUSED, WORKS, REFUSED},
    {"listen", listen_to_others, REFUSED, REFUSED, REFUSED},
    {"fork", make_process, REFUSED, REFUSED, REFUSED},
    {"start a thread", make_thread, WORKS, WORKS, WORKS},
    {"map new code", map_code, REFUSED, WORKS, REFUSED},
    {"make and seal a memfd", make_memfd, WORKS, WORKS, WORKS},
    {"change a limit", raise_limit, REFUSED, REFUSED, REFUSED},
    {"execute a program", execute, KILLED, KILLED, KILLED},
    {"trace", trace, KILLED, KILLED, KILLED},
};

static struct sandbox_request request(enum role_kind kind)
{
    return (struct sandbox_request){
        .kind = kind,
        .place = {[PLACE_DATA] = data, [PLACE_PLUGINS] = plugins, [PLACE_LUA] = lua},
    };
}

static int outcome(enum role_kind kind, int (*attempt)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        const struct sandbox_request req = request(kind);
        struct sandbox_report report = {0};
        struct fct_err err = {0};

        if (!sandbox_drop(&req, &report, &err))
            _exit(99);
        sandbox_seal(&req, &report);
        _exit(report.missing ? 77 : attempt() ? 1 : 0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return KILLED;
    ck_assert_msg(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

START_TEST(each_role_can_do_what_it_needs_and_no_more)
{
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        const int want[] = {
            [ROLE_EDGE] = cases[i].edge,
            [ROLE_FILTER] = cases[i].filter,
            [ROLE_STORE] = cases[i].store,
        };

        for (int kind = ROLE_EDGE; kind <= ROLE_STORE; kind++) {
            int got = outcome((enum role_kind)kind, cases[i].attempt);

            if (got == 77 && landlock_version() == 0)
                return; /* this kernel lacks a protection: tested where there are all */
            ck_assert_msg(got == want[kind], "%s, role %d: got %d, want %d", cases[i].name, kind,
                          got, want[kind]);
        }
    }
}
END_TEST

/* ---- a program that is not ours ---- */

START_TEST(a_foreign_program_has_no_network)
{
    static const struct {
        const char *name;
        int (*attempt)(void);
        int want;
    } foreign[] = {
        {"connect by TCP", connect_tcp, REFUSED},
        {"make a socket for datagrams", make_udp_socket, REFUSED},
        {"make a netlink socket", make_netlink_socket, REFUSED},
        {"make a raw socket", make_raw_socket, REFUSED},
        {"connect to a local socket", connect_unix, WORKS},
        {"fork", make_process, WORKS},
        {"execute a program", execute, WORKS},
        {"trace", trace, KILLED},
    };

    for (size_t i = 0; i < FCT_COUNT(foreign); i++) {
        int status, got;
        pid_t pid = fork();

        if (pid == 0) {
            (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            _exit(!sandbox_seal_foreign() ? 77 : foreign[i].attempt() ? 1 : 0);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        got = WIFSIGNALED(status) ? KILLED : WEXITSTATUS(status);
        if (got == 77)
            return; /* this kernel has no seccomp */
        ck_assert_msg(got == foreign[i].want, "%s: got %d, want %d", foreign[i].name, got,
                      foreign[i].want);
    }
}
END_TEST

START_TEST(a_relaxed_sandbox_says_so)
{
    int pipefd[2];
    char text[400] = "";
    pid_t pid;

    ck_assert_int_eq(pipe(pipefd), 0);
    pid = fork();
    if (pid == 0) {
        struct sandbox_request req = request(ROLE_EDGE);
        struct sandbox_report report = {0};
        struct fct_err err = {0};

        req.relaxed = true;
        req.traceable = true;
        if (sandbox_drop(&req, &report, &err))
            sandbox_seal(&req, &report);
        (void)!write(pipefd[1], report.text, strlen(report.text));
        _exit(read_passwd());
    }
    ck_assert_int_gt(read(pipefd[0], text, sizeof text - 1), 0);
    close(pipefd[0]);
    close(pipefd[1]);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    ck_assert_ptr_nonnull(strstr(text, "landlock=relaxed"));
    ck_assert_ptr_nonnull(strstr(text, "seccomp=relaxed"));
    ck_assert_ptr_nonnull(strstr(text, "traceable=yes"));
    ck_assert_ptr_nonnull(strstr(text, "user=kept"));
}
END_TEST

START_TEST(a_user_that_does_not_exist_is_left_out_and_said)
{
    struct sandbox_request req = request(ROLE_EDGE);
    struct sandbox_report report = {0};
    struct fct_err err = {0};
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        req.user = "no-such-user-of-facteur";
        req.relaxed = true;
        if (!sandbox_drop(&req, &report, &err))
            _exit(1);
        if (geteuid() != 0)
            _exit(strstr(report.text, "user=kept") ? 0 : 2);
        _exit(strstr(report.text, "no-user-no-such-user-of-facteur") && report.missing ? 0 : 3);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(only_the_store_drops_before_it_prepares)
{
    ck_assert(sandbox_drops_first(ROLE_STORE));
    ck_assert(!sandbox_drops_first(ROLE_EDGE));
    ck_assert(!sandbox_drops_first(ROLE_FILTER));
}
END_TEST

START_TEST(the_table_can_be_printed)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(4096);

    sandbox_print_markdown(&out);
    buf_put_char(&out, '\0');
    ck_assert_ptr_nonnull(strstr(out.p, "| edge | - | - | - |"));
    ck_assert_ptr_nonnull(strstr(out.p, "| store | read write"));
}
END_TEST

static void make_file(const char *dir, const char *name)
{
    ck_assert_int_eq(opening(dir, name, O_WRONLY | O_CREAT), 0);
}

static void set_up(void)
{
    char sub[80];

    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(data, sizeof data, "%s/data", folder);
    (void)snprintf(plugins, sizeof plugins, "%s/plugins", folder);
    (void)snprintf(lua, sizeof lua, "%s/lua", folder);
    (void)snprintf(sub, sizeof sub, "%s/sub", data);
    ck_assert_int_eq(mkdir(data, 0700) | mkdir(plugins, 0700) | mkdir(lua, 0700) | mkdir(sub, 0700),
                     0);
    listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(listen(listening, 64), 0); /* on a port that is free */
    make_file(data, "file");
    make_file(data, "old");
    make_file(plugins, "file");
    make_file(lua, "file");
}

static void clean_up(void)
{
    static const char *const files[] = {"data/file",    "data/new",    "data/old", "data/sub/older",
                                        "plugins/file", "plugins/new", "lua/file"};
    static const char *const dirs[] = {"data/sub", "data", "plugins", "lua"};
    char path[128];

    for (size_t i = 0; i < FCT_COUNT(files); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        (void)unlink(path);
    }
    for (size_t i = 0; i < FCT_COUNT(dirs); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, dirs[i]);
        (void)rmdir(path);
    }
    (void)rmdir(folder);
}

int main(void)
{
    Suite *suite = suite_create("sandbox");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_unchecked_fixture(tc, set_up, clean_up);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, each_role_can_do_what_it_needs_and_no_more);
    tcase_add_test(tc, a_foreign_program_has_no_network);
    tcase_add_test(tc, a_relaxed_sandbox_says_so);
    tcase_add_test(tc, a_user_that_does_not_exist_is_left_out_and_said);
    tcase_add_test(tc, only_the_store_drops_before_it_prepares);
    tcase_add_test(tc, the_table_can_be_printed);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
