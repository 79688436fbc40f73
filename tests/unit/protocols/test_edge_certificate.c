/* test_edge_certificate.c - which certificate is shown, and when one of our own is made. */
#include "protocols/edge_certificate.h"

#include "core/log/log.h"
#include "protocols/edge_conf.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct conf_block *const blocks[] = {&server_block, &listener_block, &tls_block, NULL};
static char folder[64];

static void path_of(char out[128], const char *name)
{
    (void)snprintf(out, 128, "%s/%s", folder, name);
}

static struct config *load(const char *more)
{
    char path[128];
    const char *files[] = {path};
    struct config *conf = NULL;
    struct fct_err err = {0};
    struct buf errors = BUF_INIT(4096);
    FILE *f;

    path_of(path, "conf");
    f = fopen(path, "w");
    (void)fprintf(f, "server { data_dir = \"%s\" }\n%s\n", folder, more);
    fclose(f);
    ck_assert_msg(config_load(files, 1, blocks, &conf, &errors, &err), "%s", err.text);
    buf_free(&errors);
    return conf;
}

static bool is_there(const char *name)
{
    char path[128];

    path_of(path, name);
    return access(path, F_OK) == 0;
}

static void set_up(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/facteur-certificate.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void clean_up(void)
{
    static const char *const names[] = {"tls/cert.pem", "tls/key.pem", "tls", "conf", "other", ""};
    char path[128];

    for (size_t i = 0; i < FCT_COUNT(names); i++) {
        path_of(path, names[i]);
        (void)remove(path);
    }
}

START_TEST(one_is_made_once)
{
    struct config *conf = load("");
    struct edge_certificate c;
    struct fct_err err = {0};
    struct stat first, second;
    uint64_t warned = log_count(EV_WARNING);

    ck_assert(edge_certificate_find(conf, &c, &err) && c.is_ours);
    ck_assert_msg(edge_certificate_provide(conf, "mx.example.org", &err), "%s", err.text);
    ck_assert_int_eq(stat(c.key, &first), 0);
    ck_assert_uint_eq(first.st_mode & 0777, 0600);
    ck_assert_uint_eq(log_count(EV_WARNING), warned + 1);
    ck_assert(edge_certificate_provide(conf, "mx.example.org", &err));
    ck_assert_int_eq(stat(c.key, &second), 0);
    ck_assert_uint_eq(first.st_ino, second.st_ino);
    config_free(&conf);
}
END_TEST

START_TEST(none_is_made_when_nobody_needs_it)
{
    static const char *const confs[] = {
        "tls { certificate = \"/c.pem\" key = \"/k.pem\" }",
        "listener x { address = [\"127.0.0.1:1\"] tls = none }",
    };

    for (size_t i = 0; i < FCT_COUNT(confs); i++) {
        struct config *conf = load(confs[i]);
        struct fct_err err = {0};
        uint64_t warned = log_count(EV_WARNING);

        ck_assert_msg(edge_certificate_provide(conf, "x", &err), "%s: %s", confs[i], err.text);
        ck_assert_msg(!is_there("tls"), "%s", confs[i]);
        ck_assert_uint_eq(log_count(EV_WARNING), warned);
        config_free(&conf);
    }
}
END_TEST

START_TEST(the_configured_one_is_shown)
{
    struct config *conf = load("tls { certificate = \"/c.pem\" key = \"/k.pem\" }");
    struct edge_certificate c;
    struct fct_err err = {0};

    ck_assert(edge_certificate_find(conf, &c, &err));
    ck_assert_str_eq(c.certificate, "/c.pem");
    ck_assert_str_eq(c.key, "/k.pem");
    ck_assert(!c.is_ours);
    config_free(&conf);
    conf = load("tls { key = \"/k.pem\" }");
    ck_assert(!edge_certificate_find(conf, &c, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "tls.certificate"));
    config_free(&conf);
}
END_TEST

/* Whoever may write in data_dir cannot choose the folder that the key goes to. */
START_TEST(a_planted_link_is_refused)
{
    struct config *conf = load("");
    struct fct_err err = {0};
    char link[128], other[128];

    path_of(link, "tls");
    path_of(other, "other");
    ck_assert_int_eq(mkdir(other, 0700), 0);
    ck_assert_int_eq(symlink(other, link), 0);
    ck_assert(!edge_certificate_provide(conf, "x", &err));
    ck_assert(!is_there("other/key.pem"));
    config_free(&conf);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("edge_certificate");
    TCase *t = tcase_create("edge_certificate");
    SRunner *r;
    int failed;

    log_setup(open("/dev/null", O_WRONLY | O_CLOEXEC), "test", FCT_INFO);
    tcase_add_checked_fixture(t, set_up, clean_up);
    tcase_add_test(t, one_is_made_once);
    tcase_add_test(t, none_is_made_when_nobody_needs_it);
    tcase_add_test(t, the_configured_one_is_shown);
    tcase_add_test(t, a_planted_link_is_refused);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
