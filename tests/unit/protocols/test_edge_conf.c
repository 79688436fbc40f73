/* test_edge_conf.c - where a server without a `listener` block listens, and how one block changes
 * that. */
#include "protocols/edge_conf.h"
#include "protocols/edge_role.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct conf_block *const blocks[] = {&listener_block, NULL};

static struct config *load(const char *text)
{
    char path[] = "/tmp/facteur-edge-conf.XXXXXX";
    const char *files[] = {path};
    struct config *conf = NULL;
    struct fct_err err = {0};
    struct buf errors = BUF_INIT(4096);
    int fd = mkstemp(path);

    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    ck_assert_msg(config_load(files, 1, blocks, &conf, &errors, &err), "%s", err.text);
    unlink(path);
    buf_free(&errors);
    return conf;
}

START_TEST(the_standard_ports_stand_without_a_block)
{
    static const struct {
        const char *address, *protocol, *role, *tls;
    } want[] = {
        {"*:25", "smtp", "mx", "starttls"},          {"*:587", "smtp", "submission", "starttls"},
        {"*:465", "smtp", "submission", "implicit"}, {"*:143", "imap", NULL, "starttls"},
        {"*:993", "imap", NULL, "implicit"},         {"*:110", "pop3", NULL, "starttls"},
        {"*:995", "pop3", NULL, "implicit"},
    };
    struct config *conf = load("");
    const struct listener_conf *l;
    const char *label;

    for (size_t i = 0; i < FCT_COUNT(want); i++) {
        l = config_each(conf, &listener_block, i, &label);
        ck_assert_msg(l && label, "%s is missing", want[i].address);
        ck_assert_uint_eq(l->address.n, 1);
        ck_assert_str_eq(l->address.item[0], want[i].address);
        ck_assert_str_eq(l->protocol, want[i].protocol);
        ck_assert_str_eq(l->tls, want[i].tls);
        if (want[i].role)
            ck_assert_str_eq(l->role, want[i].role);
        ck_assert(!l->proxy && !l->plain_login);
    }
    ck_assert_ptr_null(config_each(conf, &listener_block, FCT_COUNT(want), &label));
    config_free(&conf);
}
END_TEST

START_TEST(one_block_replaces_them_all)
{
    struct config *conf = load("listener imap { address = [\"127.0.0.1:1143\"] protocol = imap }");
    const struct listener_conf *l = config_each(conf, &listener_block, 0, NULL);

    ck_assert_ptr_nonnull(l);
    ck_assert_str_eq(l->address.item[0], "127.0.0.1:1143");
    ck_assert_ptr_null(config_each(conf, &listener_block, 1, NULL));
    config_free(&conf);
}
END_TEST

/* The file in conf.d is an example: as it stands it changes nothing, and says what stands. */
START_TEST(the_example_file_changes_nothing)
{
    struct buf text = BUF_INIT(65536), shown = BUF_INIT(65536);
    struct config *conf;
    char *file;

    conf_print_file(&listener_block, &text);
    file = strndup(text.p, text.n);
    ck_assert_ptr_nonnull(strstr(file, "#   listener imaps "));
    conf = load(file);
    ck_assert_ptr_nonnull(config_each(conf, &listener_block, 6, NULL));
    conf_print_values(conf, false, false, &shown);
    ck_assert_uint_eq(shown.n, 0); /* nobody set anything */
    conf_print_values(conf, true, false, &shown);
    ck_assert_uint_gt(shown.n, 0);
    config_free(&conf);
    buf_free(&text);
    buf_free(&shown);
    free(file);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("edge_conf");
    TCase *t = tcase_create("edge_conf");
    SRunner *r;
    int failed;

    tcase_add_test(t, the_standard_ports_stand_without_a_block);
    tcase_add_test(t, one_block_replaces_them_all);
    tcase_add_test(t, the_example_file_changes_nothing);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
