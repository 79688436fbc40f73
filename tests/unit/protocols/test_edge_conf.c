/* test_edge_conf.c - where a server without a `listener` block listens, how one block changes that;
 * the words and ranges of the blocks that protocols have. */
#include "protocols/edge_conf.h"
#include "protocols/images/images_conf.h"
#include "protocols/lmtp/lmtp_conf.h"
#include "protocols/milter/milter_role_conf.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct conf_block *const blocks[] = {&listener_block, &smtp_block,   &lmtp_block,
                                                  &milter_block,   &images_block, NULL};

static struct config *try(const char *text, struct fct_err *err)
{
    char path[] = "/tmp/facteur-edge-conf.XXXXXX";
    const char *files[] = {path};
    struct config *conf = NULL;
    struct buf errors = BUF_INIT(4096);
    int fd = mkstemp(path);

    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    if (!config_load(files, 1, blocks, &conf, &errors, err))
        conf = NULL;
    unlink(path);
    buf_free(&errors);
    return conf;
}

static struct config *load(const char *text)
{
    struct fct_err err = {0};
    struct config *conf = try(text, &err);

    ck_assert_msg(conf != NULL, "%s", err.text);
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

static const struct {
    const char *text, *error; /* NULL: accepted */
} words[] = {
    {"listener x { protocol = lmtp }", NULL},
    {"listener x { protocol = milter  address = [\"unix:/run/x\"] }", NULL},
    {"listener x { protocol = imap  role = whatever  tls = none }", NULL},
    {"listener x { protocol = nntp }", ":1:14: listener.protocol \"nntp\" with role \"mx\" is not"},
    {"listener x { role = relay }", "protocol \"smtp\" with role \"relay\" is not known"},
    {"listener x { tls = maybe }", "listener.tls \"maybe\" is not known"},
    {"listener x { address = [\"unix:/run/x\"] }", "listener.address: only milter"},
    {"listener x { protocol = milter  mode = 9 }", "listener.mode \"9\": must be octal"},
    {"smtp { max_command_line = 8K  max_message = 1K }", NULL},
    {"smtp { max_command_line = 9K }", ":1:8: smtp.max_command_line: must be 512 to 8K"},
    {"smtp { max_recipients = 1001 }", "smtp.max_recipients: must be 1 to 1000"},
    {"smtp { max_recipients = 0 }", "smtp.max_recipients: must be 1 to 1000"},
    {"smtp { max_message = 1023 }", "smtp.max_message: must be 1K to 2G"},
    {"smtp { spool_memory = 5M }", "smtp.spool_memory: must be at most 4M"},
    {"smtp { receive_memory = 1 }", "smtp.receive_memory: must be at least 1M"},
    {"lmtp { max_recipients = 0 }", "lmtp.max_recipients: must be 1 to 1000"},
    {"milter { on_unavailable = accept }", NULL},
    {"milter { on_unavailable = maybe }",
     ":1:10: milter.on_unavailable = maybe: must be tempfail or"},
    {"milter { max_connections = 0 }", "milter.max_connections: must be at least 1"},
    {"milter { max_message_size = 3G }", "milter.max_message_size: must be 1K to 2G"},
    {"milter { progress = 10ms }", "milter.progress: must be at least 1s"},
    {"milter { timeout = 10ms }", "milter.timeout: must be at least 1s"},
    {"listener x { protocol = images  tls = implicit }", NULL},
    {"listener x { protocol = images  tls = none }", NULL},
    {"listener x { protocol = images }", "tls: implicit or none is wanted"},
    {"images { ports = [80, 443, 8080] }", NULL},
    {"images { ports = [http] }", "images.ports: \"http\" is no port"},
    {"images { ports = [65536] }", "images.ports: \"65536\" is no port"},
    {"images { ports = [] }", "images.ports: 1 to 16 are wanted"},
    {"images { private_hosts = [\"*\"] }", "images.private_hosts: a host is wanted"},
    {"images { cache = \"\" }", "images.cache: a folder is wanted"},
    {"images { max_fetches = 0 }", "images: max_fetches, max_host_fetches and"},
    {"images { max_image = 101M }", "images.max_image: must be 1 to 100M"},
    {"images { max_request = 2K }", "images.max_request: must be 4K to 64K"},
    {"images { timeout = 0s }", "images: timeout, connect_timeout and"},
};

START_TEST(words_and_ranges)
{
    struct fct_err err = {0};
    struct config *conf = try(words[_i].text, &err);

    ck_assert_msg(!conf == (words[_i].error != NULL), "%s: %s", words[_i].text, err.text);
    if (conf)
        config_free(&conf);
    else
        ck_assert_msg(strstr(err.text, words[_i].error) != NULL, "%s: %s", words[_i].text,
                      err.text);
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
    tcase_add_loop_test(t, words_and_ranges, 0, (int)FCT_COUNT(words));
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
