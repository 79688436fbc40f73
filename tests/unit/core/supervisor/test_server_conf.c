/* test_server_conf.c - the `server` block: defaults, ranges, where things are found; and the words
 * to a service manager. */
#include "core/supervisor/server_conf.h"

#include "core/supervisor/notify.h"
#include "core/supervisor/title.h"

#include <check.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const struct conf_block *const blocks[] = {&server_block, NULL};

static struct config *load(const char *text)
{
    char path[] = "/tmp/facteur-conf.XXXXXX";
    const char *const files[] = {path};
    FCT_CLEANUP(buf_free) struct buf errors = BUF_INIT(4096);
    struct config *conf = NULL;
    struct fct_err err = {0};
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    ck_assert_msg(config_load(files, 1, blocks, &conf, &errors, &err), "%s", err.text);
    (void)unlink(path);
    return conf;
}

static const struct {
    const char *name, *text, *error; /* NULL: accepted */
} cases[] = {
    {"the defaults", "", NULL},
    {"most processes", "server { edge_processes = 64 filter_processes = 64 }", NULL},
    {"no edge", "server { edge_processes = 0 }", "edge_processes = 0: must be 1 to 64"},
    {"too many filters", "server { filter_processes = 65 }", "filter_processes = 65"},
    {"a level", "server { log_level = debug }", NULL},
    {"no level", "server { log_level = loud }", "log_level = loud"},
    {"a small stack", "server { fiber_stack = 4K }", "fiber_stack"},
    {"a huge stack", "server { fiber_stack = 9M }", "fiber_stack"},
    {"no data folder", "server { data_dir = \"\" }", "data_dir"},
};

START_TEST(ranges_are_checked)
{
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct config *conf = load(cases[i].text);
        struct fct_err err = {0};
        bool ok = server_conf_check(config_get(conf, &server_block), &err);

        ck_assert_msg(ok == !cases[i].error, "%s: %s", cases[i].name, err.text);
        if (cases[i].error)
            ck_assert_msg(strstr(err.text, cases[i].error), "%s: got %s", cases[i].name, err.text);
        config_free(&conf);
    }
}
END_TEST

START_TEST(paths_have_defaults_and_can_be_set)
{
    struct config *conf = load("server { name = mx.example plugin_dir = /p lua_dir = /l }");
    struct server_paths paths;

    server_paths_find(config_get(conf, &server_block), "test", &paths);
    ck_assert_str_eq(paths.name, "mx.example");
    ck_assert_str_eq(paths.plugin_dir, "/p");
    ck_assert_str_eq(paths.lua_dir, "/l");
    config_free(&conf);
    conf = load("");
    server_paths_find(config_get(conf, &server_block), "test", &paths);
    ck_assert_uint_gt(strlen(paths.name), 0);
    ck_assert_str_eq(paths.plugin_dir, "/usr/lib/facteur/plugins"); /* none beside a test program */
    config_free(&conf);
}
END_TEST

START_TEST(a_service_manager_is_told)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char got[100] = "";
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    (void)snprintf(at.sun_path, sizeof at.sun_path, "/tmp/facteur-notify.%d", getpid());
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    (void)setenv("NOTIFY_SOCKET", at.sun_path, 1);
    notify_send("READY=1\nSTATUS=serving");
    ck_assert_int_gt(recv(fd, got, sizeof got - 1, MSG_DONTWAIT), 0);
    ck_assert_str_eq(got, "READY=1\nSTATUS=serving");
    ck_assert_uint_eq(notify_watchdog_ms(), 0);
    (void)setenv("WATCHDOG_USEC", "30000000", 1);
    ck_assert_uint_eq(notify_watchdog_ms(), 15000);
    (void)setenv("WATCHDOG_PID", "1", 1); /* meant for another process */
    ck_assert_uint_eq(notify_watchdog_ms(), 0);
    (void)unsetenv("NOTIFY_SOCKET");
    notify_send("READY=1");
    ck_assert_int_eq(recv(fd, got, sizeof got, MSG_DONTWAIT), -1);
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
    close(fd);
    (void)unlink(at.sun_path);
}
END_TEST

START_TEST(a_title_replaces_the_command_line)
{
    char memory[] = "facteur\0--conf\0/etc/x\0ENV=kept";
    char *argv[] = {memory, memory + 8, memory + 15, NULL};
    char comm[16];

    title_init(3, argv);
    title_set("facteur:filter");
    ck_assert_str_eq(memory, "facteur:filter");
    ck_assert_str_eq(memory + 22, "ENV=kept");
    ck_assert_int_eq(memory[16], 0);
    title_set("facteur:a very long name that does not fit");
    ck_assert_str_eq(memory, "facteur:a very long n");
    ck_assert_str_eq(memory + 22, "ENV=kept");
    ck_assert_int_eq(prctl(PR_GET_NAME, comm), 0);
    ck_assert_str_eq(comm, "facteur:a very ");
    title_init(0, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server_conf");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tc, ranges_are_checked);
    tcase_add_test(tc, paths_have_defaults_and_can_be_set);
    tcase_add_test(tc, a_service_manager_is_told);
    tcase_add_test(tc, a_title_replaces_the_command_line);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
