/* test_dev.c - facteur dev with a store of one line: its arguments, the files it writes, what it
 * prints, its errors. */
#include "core/supervisor/dev.h"

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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- blocks and roles: the least that the generated configuration needs ---- */

struct listener_rows {
    struct fct_strings address;
    const char *protocol, *role, *tls, *mode;
    bool plain_login;
};
struct file_rows {
    const char *certificate, *key, *file;
};
struct dns_rows {
    struct fct_strings server;
};
/* clang-format off */
static const struct fct_conf_key listener_keys[] = {
    FCT_CONF_KEY(struct listener_rows, address, "[]", "where"),
    FCT_CONF_KEY(struct listener_rows, protocol, "", "what"),
    FCT_CONF_KEY(struct listener_rows, role, "", "for whom"),
    FCT_CONF_KEY(struct listener_rows, tls, "", "how"),
    FCT_CONF_KEY(struct listener_rows, mode, "", "who may connect"),
    FCT_CONF_KEY(struct listener_rows, plain_login, "no", "may passwords be seen"),
    FCT_CONF_END,
};
static const struct fct_conf_key file_keys[] = {
    FCT_CONF_KEY(struct file_rows, certificate, "", "file"),
    FCT_CONF_KEY(struct file_rows, key, "", "file"),
    FCT_CONF_KEY(struct file_rows, file, "", "file"),
    FCT_CONF_END,
};
static const struct fct_conf_key dns_keys[] = {
    FCT_CONF_KEY(struct dns_rows, server, "[]", "whom to ask"),
    FCT_CONF_END,
};
/* clang-format on */
static const struct conf_block listener_rows_block = {.name = "listener",
                                                      .keys = listener_keys,
                                                      .size = sizeof(struct listener_rows),
                                                      .labelled = true};
static const struct conf_block tls_rows_block = {
    .name = "tls", .keys = file_keys, .size = sizeof(struct file_rows)};
static const struct conf_block dns_rows_block = {
    .name = "dns", .keys = dns_keys, .size = sizeof(struct dns_rows)};
static const struct conf_block lua_rows_block = {
    .name = "lua", .keys = file_keys, .size = sizeof(struct file_rows), .labelled = true};
static const struct conf_block plugin_rows_block = {
    .name = "plugin", .keys = file_keys, .size = sizeof(struct file_rows), .labelled = true};
static const struct conf_block *const blocks[] = {&server_block,
                                                  &listener_rows_block,
                                                  &tls_rows_block,
                                                  &dns_rows_block,
                                                  &lua_rows_block,
                                                  &plugin_rows_block,
                                                  NULL};

static void swallow(evutil_socket_t fd, short what, void *arg)
{
    char bytes[4096];

    (void)what;
    (void)arg;
    if (read(fd, bytes, sizeof bytes) > 0)
        (void)!write(fd, "+", 1);
}

static bool start(struct role_env *env, struct fct_err *err)
{
    (void)err;
    return env->dev && env->data_dir;
}

static void peer(struct role_env *env, enum role_kind kind, unsigned index, int fd)
{
    (void)kind;
    (void)index;
    event_add(event_new(env->base, fd, EV_READ | EV_PERSIST, swallow, NULL), NULL);
}

static void drain(struct role_env *env)
{
    role_drained(env);
}

static const struct role store = {
    .kind = ROLE_STORE, .name = "store", .start = start, .peer = peer, .drain = drain};
static const struct role *const roles[] = {&store, NULL};

/* Stands for the store client: says on standard output what it was given. */
static bool load(struct fct_str lines, int store_fd)
{
    char c = 0;
    struct pollfd p = {.fd = store_fd, .events = POLLIN};

    if (str_starts(lines, FCT_STR("refuse")))
        return false;
    (void)!write(STDOUT_FILENO, lines.p, lines.n);
    return write(store_fd, "load", 4) == 4 && poll(&p, 1, 20000) == 1 &&
           read(store_fd, &c, 1) == 1 && c == '+';
}

/* ---- one run ---- */

static char folder[64], dir[100];
static unsigned base;

static struct {
    pid_t pid;
    int out;
    char text[16384];
} run;

static void begin(const char *const *args)
{
    const struct supervisor_setup server = {
        .roles = roles,
        .blocks = blocks,
        .listeners = &listener_rows_block,
        .argv0 = "test",
    };
    const struct dev_setup setup = {.server = &server, .load_accounts = load};
    char *argv[16];
    int out[2], argc = 0;

    while (args[argc]) {
        argv[argc] = str_dup_c(str_from(args[argc]));
        argc++;
    }
    ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
    run.pid = fork();
    if (run.pid == 0) {
        (void)dup2(out[1], STDOUT_FILENO);
        (void)dup2(out[1], STDERR_FILENO);
        int status = dev_main(&setup, argc, argv);

        (void)fflush(stdout);
        _exit(status);
    }
    close(out[1]);
    run.out = out[0];
    run.text[0] = '\0';
    while (argc)
        free(argv[--argc]);
}

/* Until it says `ready` or ends. */
static void listen_to_it(void)
{
    size_t n = strlen(run.text);
    ssize_t got;

    while (!strstr(run.text, "\nready\n") &&
           (got = read(run.out, run.text + n, sizeof run.text - 1 - n)) > 0) {
        n += (size_t)got;
        run.text[n] = '\0';
    }
}

static int ended(void)
{
    int status;

    ck_assert_int_eq(waitpid(run.pid, &status, 0), run.pid);
    close(run.out);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int stop(void)
{
    ck_assert_int_eq(kill(run.pid, SIGTERM), 0);
    return ended();
}

static const char *contents(const char *name)
{
    static char text[16384];
    char path[200];
    ssize_t n;
    int fd;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    fd = open(path, O_RDONLY);
    ck_assert_msg(fd >= 0, "open %s", path);
    n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void put(const char *name, const char *text)
{
    char path[200];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    (void)fputs(text, f);
    ck_assert_int_eq(fclose(f), 0);
}

static bool is_free(unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    bool ok = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
              bind(fd, (struct sockaddr *)&at, sizeof at) == 0;

    close(fd);
    return ok;
}

/* Ports below the range that the kernel gives to others. */
static unsigned free_base(void)
{
    static const unsigned offsets[] = {25, 587, 465, 24, 143, 993, 110, 995};

    for (unsigned at = 2000 + (unsigned)getpid() % 20000; at < 31000; at += 1009) {
        size_t i = 0;

        while (i < FCT_COUNT(offsets) && is_free(at + offsets[i]))
            i++;
        if (i == FCT_COUNT(offsets))
            return at;
    }
    ck_abort_msg("no free ports");
    return 0;
}

static void set_up(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/facteur-dev-test.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(dir, sizeof dir, "%s/server", folder);
    base = free_base();
}

static void clean_up(void)
{
    static const char *const names[] = {"accounts",
                                        "target",
                                        "more.conf",
                                        "server/facteur.conf",
                                        "server/conf.files",
                                        "server/facteur.log",
                                        "server/data",
                                        "server/run/facteur.lock",
                                        "server/run",
                                        "server/tls/cert.pem",
                                        "server/tls/key.pem",
                                        "server/tls",
                                        "server"};
    char path[200];

    for (size_t i = 0; i < FCT_COUNT(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)remove(path);
    }
    ck_assert_int_eq(rmdir(folder), 0);
}

static void path_of(char out[200], const char *name)
{
    (void)snprintf(out, 200, "%s/%s", folder, name);
}

START_TEST(it_says_ready_and_leaves_its_files)
{
    char number[16], accounts[200], target[200], want[64];
    struct stat st;

    (void)snprintf(number, sizeof number, "%u", base);
    path_of(accounts, "accounts");
    path_of(target, "target");
    put("accounts", "zoe@example.test:pw\n");
    begin((const char *[]){"--dir", dir, "--base-port", number, "--accounts", accounts, "--dns",
                           "127.0.0.1@5353", "--bench-target", target, NULL});
    listen_to_it();
    ck_assert_msg(strstr(run.text, "\nready\n") != NULL, "%s", run.text);
    ck_assert_ptr_nonnull(strstr(run.text, "zoe@example.test:pw\n"));
    ck_assert_ptr_null(strstr(run.text, "alice"));
    (void)snprintf(want, sizeof want, "SMTP_PORT=%u\nLMTP_PORT=%u\nIMAP_PORT=%u\nPOP3_PORT=%u\n",
                   base + 25, base + 24, base + 143, base + 110);
    ck_assert_ptr_nonnull(strstr(contents("target"), want));
    ck_assert_ptr_nonnull(
        strstr(contents("target"), "USER_PATTERN=u%04d@bench.test\nPASSWORD=pass\n"));
    ck_assert_ptr_nonnull(
        strstr(contents("server/facteur.conf"), "dns { server = [\"127.0.0.1@5353\"] }"));
    ck_assert_int_eq(strtol(contents("server/run/facteur.pid"), NULL, 10), run.pid);
    path_of(accounts, "server/tls/key.pem");
    ck_assert_int_eq(stat(accounts, &st), 0);
    ck_assert_uint_eq(st.st_mode & 077, 0);
    ck_assert(!is_free(base + 993));
    ck_assert_int_eq(stop(), 0);
    ck_assert(is_free(base + 993));
}
END_TEST

START_TEST(default_accounts_are_said)
{
    char number[16];

    (void)snprintf(number, sizeof number, "%u", base);
    begin((const char *[]){"--dir", dir, "--base-port", number, NULL});
    listen_to_it();
    ck_assert_ptr_nonnull(strstr(run.text, "alice@example.test:secret\nbob@example.test:secret\n"));
    ck_assert_ptr_nonnull(strstr(run.text, "password \"secret\""));
    ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(a_configuration_somebody_changed_is_kept)
{
    char own[500], more[200];

    path_of(more, "more.conf");
    put("more.conf", "server { name = mine }\n");
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    (void)snprintf(own, sizeof own,
                   "# my own\nserver { data_dir = \"%s/data\" run_dir = \"%s/run\" }\n", dir, dir);
    put("server/facteur.conf", own);
    begin((const char *[]){"--dir", dir, "--conf", more, NULL});
    listen_to_it();
    ck_assert_msg(strstr(run.text, "\nready\n") != NULL, "%s", run.text);
    ck_assert_str_eq(contents("server/facteur.conf"), own);
    (void)snprintf(own, sizeof own, "%s\n", more); /* for facteurctl --dir */
    ck_assert_str_eq(contents("server/conf.files"), own);
    ck_assert_int_eq(stop(), 0);
}
END_TEST

static const struct {
    const char *name, *args[5], *want;
} refused[] = {
    {"an unknown option", {"--fast", "yes"}, "unknown option --fast"},
    {"a value that is missing", {"--base-port"}, "its value is missing"},
    {"a base that is too high", {"--base-port", "64541"}, "must be 0 to 64540"},
    {"a base that is no number", {"--base-port", "ten"}, "must be 0 to 64540"},
    {"a resolver without port", {"--dns", "127.0.0.1"}, "must be ADDRESS@PORT"},
    {"a resolver with a quote", {"--dns", "\"@1"}, "must be ADDRESS@PORT"},
    {"a file that is not there", {"--conf", "/nonexistent.conf"}, "/nonexistent.conf"},
    {"accounts that are not there", {"--accounts", "/nonexistent"}, "/nonexistent"},
};

START_TEST(wrong_arguments_are_refused)
{
    for (size_t i = 0; i < FCT_COUNT(refused); i++) {
        begin(refused[i].args);
        listen_to_it();
        ck_assert_msg(ended() != 0 && strstr(run.text, refused[i].want), "%s: %s", refused[i].name,
                      run.text);
    }
}
END_TEST

START_TEST(a_taken_port_a_used_folder_and_bad_accounts_end_it_with_1)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)(base + 143)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char number[16], accounts[200], want[40];
    pid_t first;
    int first_out;

    (void)snprintf(number, sizeof number, "%u", base);
    (void)snprintf(want, sizeof want, "127.0.0.1:%u", base + 143);
    ck_assert(bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 1) == 0);
    begin((const char *[]){"--dir", dir, "--base-port", number, NULL});
    listen_to_it();
    ck_assert_int_eq(ended(), 1);
    ck_assert_msg(strstr(run.text, want) && strstr(run.text, "listener imap"), "%s", run.text);
    close(fd);

    path_of(accounts, "accounts");
    put("accounts", "refuse these\n");
    begin((const char *[]){"--dir", dir, "--base-port", number, "--accounts", accounts, NULL});
    listen_to_it();
    ck_assert_int_eq(ended(), 1);

    begin((const char *[]){"--dir", dir, "--base-port", number, NULL});
    listen_to_it();
    first = run.pid;
    first_out = run.out;
    begin((const char *[]){"--dir", dir, "--base-port", number, NULL});
    listen_to_it();
    ck_assert_int_eq(ended(), 1);
    ck_assert_msg(strstr(run.text, "in use by another server"), "%s", run.text);
    run.pid = first;
    run.out = first_out;
    ck_assert_int_eq(stop(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dev");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tc, 100);
    tcase_add_checked_fixture(tc, set_up, clean_up);
    tcase_add_test(tc, it_says_ready_and_leaves_its_files);
    tcase_add_test(tc, default_accounts_are_said);
    tcase_add_test(tc, a_configuration_somebody_changed_is_kept);
    tcase_add_test(tc, wrong_arguments_are_refused);
    tcase_add_test(tc, a_taken_port_a_used_folder_and_bad_accounts_end_it_with_1);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
