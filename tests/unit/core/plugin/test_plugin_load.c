/* test_plugin_load.c - what is refused when a plugin is loaded, and with which words. */
#include "core/plugin/plugin_load.h"

#include "core/base/str.h"
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static struct config *conf;
static struct plugin_set set;
static struct plugin_origin origin;
static char zoo[512], dir[64];

static void setup(void)
{
    static const struct conf_block *const blocks[] = {&plugin_block, &lua_block, NULL};
    FCT_CLEANUP(buf_free) struct buf errors = BUF_INIT(4096);
    struct fct_err err = {0};

    ck_assert_msg(config_load(NULL, 0, blocks, &conf, &errors, &err), "%s", err.text);
    set = (struct plugin_set){0};
    snprintf(zoo, sizeof zoo, "%s/zoo", getenv("FCT_BUILD"));
    snprintf(dir, sizeof dir, "/tmp/facteur-load-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    origin = (struct plugin_origin){conf, zoo};
}

static void teardown(void)
{
    char path[128];

    plugin_set_free(&set);
    config_free(&conf);
    snprintf(path, sizeof path, "%s/crash.so", dir);
    (void)unlink(path);
    (void)rmdir(path);
    rmdir(dir);
}

static void refused(const char *name, const char *want)
{
    struct fct_err err = {0};

    ck_assert_msg(!plugin_load(&set, &origin, name, NULL, NULL, 0, &err), "%s was taken", name);
    ck_assert_msg(strstr(err.text, want), "%s: %s", name, err.text);
    ck_assert_uint_eq(set.n, 0);
}

START_TEST(a_good_one_is_taken)
{
    struct fct_err err = {0};

    ck_assert_msg(plugin_load(&set, &origin, "crash", NULL, NULL, 0, &err), "%s", err.text);
    ck_assert_uint_eq(set.n, 1);
    ck_assert_uint_eq(set.plugin[0]->deadline_ms, 5000);
    ck_assert_uint_eq(set.plugin[0]->memory_bytes, 64u << 20);
    ck_assert_int_eq(set.plugin[0]->on_error, POLICY_TEMPFAIL); /* it sits at rcpt as well */
    ck_assert(!plugin_load(&set, &origin, "crash", NULL, NULL, 0, &err));
    ck_assert_msg(strstr(err.text, "named twice"), "%s", err.text);
    ck_assert_msg(plugin_load(&set, &origin, "leak", NULL, NULL, 0, &err), "%s", err.text);
    ck_assert_int_eq(set.plugin[1]->on_error, POLICY_PASS); /* only scores */
}
END_TEST

START_TEST(wrong_objects)
{
    refused("old_major", "made for ABI 2.0, this server has 1.1");
    refused("new_minor", "made for ABI 1.2, newer than this server's 1.1");
    refused("unresolved", "undefined symbol: nobody_has_this");
    refused("no_object", "exports no fct_plugin");
    refused("nowhere", "No such file");
    refused("../crash", "is no plugin name");
    refused("Crash", "is no plugin name");
    refused("", "is no plugin name");
}
END_TEST

/* A copy of a good plugin with one thing wrong about its file. */
static void copy_crash(mode_t mode)
{
    char command[1400];

    origin.plugin_dir = dir;
    snprintf(command, sizeof command, "cp '%s/crash.so' '%s/crash.so' && chmod %o '%s/crash.so'",
             zoo, dir, (unsigned)mode, dir);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(writable_by_everybody)
{
    copy_crash(0757);
    refused("crash", "can be written by everybody (mode 0757)");
}
END_TEST

START_TEST(in_a_folder_for_everybody)
{
    copy_crash(0755);
    ck_assert_int_eq(chmod(dir, 0777), 0);
    refused("crash", "is in a folder that everybody can write (mode 0777)");
}
END_TEST

/* ---- start() ---- */

static void bad_start(const char *how, const char *want)
{
    struct conf_pair pair = {.key = "how", .values = {&how, 1}, .file = "x.conf"};
    struct plugin_conf own = {.deadline = {1000}, .memory = {1000}, .start_timeout = {200}};
    struct fct_err err = {0};

    ck_assert(!plugin_load(&set, &origin, "bad_start", &own, &pair, 1, &err));
    ck_assert_msg(strstr(err.text, want), "%s: %s", how, err.text);
    ck_assert_uint_eq(set.n, 0);
}

START_TEST(start_does_not_succeed)
{
    struct itimerval off = {0};

    bad_start("fail", "plugin bad_start: my licence has run out");
    bad_start("mute", "its start() failed without saying why");
    bad_start("tick", "needs an interval_ms of at least 100");
    bad_start("hang", "its start() did not return within 200 ms");
    setitimer(ITIMER_REAL, &off, NULL); /* a real process would end now */
}
END_TEST

START_TEST(symbolic_link)
{
    char from[600], to[128];

    snprintf(from, sizeof from, "%s/crash.so", zoo);
    snprintf(to, sizeof to, "%s/crash.so", dir);
    ck_assert_int_eq(symlink(from, to), 0);
    origin.plugin_dir = dir;
    refused("crash", "is a symbolic link");
}
END_TEST

START_TEST(no_file_at_all)
{
    char path[128];

    snprintf(path, sizeof path, "%s/crash.so", dir);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    origin.plugin_dir = dir;
    refused("crash", "is not an ordinary file");
}
END_TEST

START_TEST(no_library)
{
    char path[128];
    int fd;

    snprintf(path, sizeof path, "%s/crash.so", dir);
    fd = open(path, O_CREAT | O_WRONLY, 0644);
    ck_assert_int_eq(write(fd, "hello", 5), 5);
    close(fd);
    origin.plugin_dir = dir;
    refused("crash", "file too short");
}
END_TEST

START_TEST(another_name)
{
    struct plugin_conf own = {.deadline = {1000}, .memory = {1000}};
    struct fct_err err = {0};
    char path[600];

    snprintf(path, sizeof path, "%s/crash.so", zoo);
    own.path = path;
    ck_assert(!plugin_load(&set, &origin, "spf", &own, NULL, 0, &err));
    ck_assert_msg(strstr(err.text, "calls itself \"crash\""), "%s", err.text);
}
END_TEST

/* ---- objects in memory: the ABI, one thing wrong at a time ---- */

static const struct fct_conf_key host_key[] = {{"deadline", FCT_CONF_BOOL, 0, "no", "x"},
                                               FCT_CONF_END};
static const struct fct_symbol bad_symbol[] = {{"lower case", 1, NULL, NULL},
                                               {NULL, 0, NULL, NULL}};

static enum fct_verdict on_mail(struct fct_call *call, const struct fct_ev_mail *ev, void *state)
{
    (void)call, (void)ev, (void)state;
    return FCT_NEXT;
}

static const struct fct_hook_row bad_label[] = {FCT_ON(mail, on_mail, .label = "two\nlines")};

static bool start_fails(struct fct_self *self, const struct fct_host *host, const void *own,
                        void **state, struct fct_err *err)
{
    (void)self, (void)host, (void)own, (void)state, (void)err;
    return false;
}

static struct fct_plugin good(void)
{
    return (struct fct_plugin){
        .head = FCT_PLUGIN_HEAD, .name = "p", .version = "1", .summary = "s"};
}

static void adopt_fails(const struct fct_plugin *object, const char *want)
{
    struct fct_err err = {0};

    ck_assert_msg(!plugin_adopt(&set, &origin, object, NULL, NULL, 0, &err), "taken: %s", want);
    ck_assert_msg(strstr(err.text, want), "%s, not %s", err.text, want);
}

START_TEST(wrong_heads)
{
    struct fct_plugin p = good();

    p.head.abi_minor = FCT_ABI_MINOR + 1;
    adopt_fails(&p, "newer than this server's");
    p = good();
    p.head.size = 8;
    adopt_fails(&p, "its object has 8 bytes");
    p = good();
    p.head.hook_size = 4;
    adopt_fails(&p, "rows of its tables are too short");
    p = good();
    p.summary = NULL;
    adopt_fails(&p, "lacks a name, a version or a summary");
    p = good();
    p.nhooks = 3;
    adopt_fails(&p, "table of hooks is broken");
    p = good();
    p.keys = host_key;
    adopt_fails(&p, "\"deadline\" has the name of one of the server's");
    p = good();
    p.symbols = bad_symbol;
    adopt_fails(&p, "\"lower case\" is no symbol name");
    p = good();
    p.hooks = bad_label;
    p.nhooks = 1;
    adopt_fails(&p, "label of a hook row is text in one line");
    p = good();
    p.start = start_fails;
    adopt_fails(&p, "without saying why");
}
END_TEST

START_TEST(unknown_keys_are_errors)
{
    static const char *const value[] = {"1"};
    struct conf_pair pair = {
        .key = "nonsense", .values = {value, 1}, .file = "x.conf", .line = 3, .column = 5};
    struct fct_plugin p = good();
    struct fct_err err = {0};

    ck_assert(!plugin_adopt(&set, &origin, &p, NULL, &pair, 1, &err));
    ck_assert_msg(strstr(err.text, "x.conf:3:5") && strstr(err.text, "nonsense"), "%s", err.text);
}
END_TEST

/* A plugin made when rows were longer than ours: walked with its own row size. */
START_TEST(longer_rows_are_walked)
{
    static struct {
        struct fct_symbol is;
        char more[16];
    } symbols[3] = {{{"ONE", 1, "g", "d"}, "xxxxxxxxxxxxxxx"},
                    {{"TWO", 2, "g", "d"}, "yyyyyyyyyyyyyyy"}};
    static struct fct_plugin p;
    struct fct_err err = {0};

    p = good();
    p.head.symbol_size = sizeof symbols[0];
    p.symbols = &symbols[0].is;
    ck_assert_msg(plugin_adopt(&set, &origin, &p, NULL, NULL, 0, &err), "%s", err.text);
    ck_assert_int_eq(plugin_symbol_find(&set, FCT_STR("TWO"))->score_milli, 2000);
    ck_assert_ptr_null(plugin_symbol_find(&set, FCT_STR("THREE")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plugin_load");
    TCase *tc = tcase_create("load");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_good_one_is_taken);
    tcase_add_test(tc, wrong_objects);
    tcase_add_test(tc, writable_by_everybody);
    tcase_add_test(tc, in_a_folder_for_everybody);
    tcase_add_test(tc, start_does_not_succeed);
    tcase_add_test(tc, symbolic_link);
    tcase_add_test(tc, no_file_at_all);
    tcase_add_test(tc, no_library);
    tcase_add_test(tc, another_name);
    tcase_add_test(tc, wrong_heads);
    tcase_add_test(tc, unknown_keys_are_errors);
    tcase_add_test(tc, longer_rows_are_walked);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
