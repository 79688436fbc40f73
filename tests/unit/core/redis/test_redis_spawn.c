/* test_redis_spawn.c - what the private redis-server is told, when there is none, and what is taken
 * from the lines it prints. */
#include "core/redis/redis_spawn.h"

#include "core/base/err.h"
#include "core/base/str.h"
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

static const struct conf_block *const blocks[] = {&redis_block, NULL};
static struct companion_plan plan;

/* A plan for the configuration `text`. */
static bool make(const char *text, const char *run_dir, struct fct_err *err)
{
    char file[] = "/tmp/fct-spawn.XXXXXX";
    const char *files[] = {file};
    struct buf errors = BUF_INIT(4096);
    struct config *config = NULL;
    int fd = mkstemp(file);
    bool ok;

    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    ok = config_load(files, 1, blocks, &config, &errors, err);
    unlink(file);
    plan = (struct companion_plan){.wanted = false};
    ok = ok && redis_companion.plan(config, "/data", run_dir, &plan, err);
    config_free(&config);
    buf_free(&errors);
    return ok;
}

static bool tells(const char *line)
{
    return str_find(buf_str(&plan.text), str_from(line)) >= 0;
}

START_TEST(what_it_is_told)
{
    struct fct_err err = {0};

    ck_assert_msg(make("redis { program = /bin/true  max_memory = 100M }", "/run/x", &err), "%s",
                  err.text);
    ck_assert(plan.wanted);
    ck_assert_str_eq(plan.program, "/bin/true");
    ck_assert_str_eq(plan.folder, "/data/redis");
    ck_assert_str_eq(plan.meeting, "/run/x/redis");
    ck_assert_str_eq(plan.socket, "/run/x/redis/redis.sock");
    ck_assert_str_eq(plan.file, "/run/x/redis/redis.conf");
    ck_assert(tells("\nport 0\n"));
    ck_assert(tells("\nunixsocket \"/run/x/redis/redis.sock\"\n"));
    ck_assert(tells("\nappendonly yes\n"));
    ck_assert(tells("\nappendfsync everysec\n"));
    ck_assert(tells("\nmaxmemory 104857600\n"));
    ck_assert(tells("\nmaxmemory-policy noeviction\n"));
    buf_free(&plan.text);
    ck_assert(make("redis { program = true  data_dir = /elsewhere }", "/run/x", &err));
    ck_assert_str_eq(plan.folder, "/elsewhere"); /* and the program was found in PATH */
    ck_assert(plan.program[0] == '/');
    buf_free(&plan.text);
}
END_TEST

START_TEST(when_there_is_none)
{
    static const struct {
        const char *text, *run_dir, *error; /* NULL: not wanted, and nothing wrong */
    } cases[] = {
        {"redis { spawn = no }", "/run", NULL},
        {"redis { url = \"redis://h\" }", "/run", NULL},
        {"redis { url = \"redis://h\" spawn = yes program = none-such }", "/run", NULL},
        {"redis { program = none-such }", "/run", "no none-such on this machine"},
        {"redis { program = /none/such }", "/run", "no /none/such on this machine"},
        {"redis { program = \"\" }", "/run", "on this machine"},
        {"redis { program = true }", "/run/\"x", "cannot be a socket's path"},
        {"redis { program = true }",
         "/a-folder-whose-name-is-so-long-that-no-socket-can-be-made-in-it-because-the-kernel-has-"
         "108-bytes-for-a-path",
         "cannot be a socket's path"},
        {"redis { max_memory = 1M }", "/run", "must be 4M or more"},
        {"redis { timeout = 0s }", "/run", "must be more than 0"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_err err = {0};
        bool ok = make(cases[i].text, cases[i].run_dir, &err);

        ck_assert_msg(!plan.wanted, "%s", cases[i].text);
        ck_assert_msg(ok == !cases[i].error, "%s: %s", cases[i].text, err.text);
        if (!ok)
            ck_assert_msg(strstr(err.text, cases[i].error) != NULL, "%s: %s", cases[i].text,
                          err.text);
        buf_free(&plan.text);
    }
}
END_TEST

START_TEST(what_it_says)
{
    static const struct {
        const char *line, *text;
        enum fct_level level;
    } cases[] = {
        {"1:M 22 Nov 2026 04:01:54.123 # Out of disk", "Out of disk", FCT_WARNING},
        {"12345:C 22 Nov 2026 04:01:54.123 * Ready", "Ready", FCT_DEBUG},
        {"1:M 22 Nov 2026 04:01:54.123 - x", "x", FCT_DEBUG},
        {"1:M 22 Nov 2026 04:01:54.123 ! x", "1:M 22 Nov 2026 04:01:54.123 ! x", FCT_DEBUG},
        {"1:M 22 Nov 2026 04:01:54.123 #", "1:M 22 Nov 2026 04:01:54.123 #", FCT_DEBUG},
        {"1:M 22 Nov", "1:M 22 Nov", FCT_DEBUG},
        {"", "", FCT_DEBUG},
        {"*** FATAL CONFIG FILE ERROR ***", "*** FATAL CONFIG FILE ERROR ***", FCT_DEBUG},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_str line = str_from(cases[i].line);

        ck_assert_int_eq(redis_companion.level(&line), cases[i].level);
        ck_assert_msg(str_equal(line, str_from(cases[i].text)), "%s", cases[i].line);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis_spawn");
    TCase *tcase = tcase_create("spawn");
    SRunner *runner;
    int failed;

    tcase_add_test(tcase, what_it_is_told);
    tcase_add_test(tcase, when_there_is_none);
    tcase_add_test(tcase, what_it_says);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
