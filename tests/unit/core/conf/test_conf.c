/* test_conf.c - what the configuration accepts, what it refuses and with which words, and how files
 * merge. */
#include "core/base/str.h"
#include "core/conf/conf.h"

#include <check.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct mail_conf {
    uint32_t max_recipients;
    fct_duration command_timeout;
    fct_size max_message;
    bool require_tls;
    const char *banner;
    struct fct_strings trusted;
    double weight;
    struct fct_rate most;
};

static const struct fct_conf_key mail_keys[] = {
    FCT_CONF_KEY(struct mail_conf, max_recipients, "100",
                 "Recipients per message (RFC 5321 4.5.3.1.8)"),
    FCT_CONF_KEY(struct mail_conf, command_timeout, "5m",
                 "Wait for a command (RFC 5321 4.5.3.2.7)"),
    FCT_CONF_KEY(struct mail_conf, max_message, "25M", "Largest message"),
    FCT_CONF_KEY(struct mail_conf, require_tls, "no", "Refuse MAIL before STARTTLS"),
    FCT_CONF_KEY(struct mail_conf, banner, "", "Text after 220"),
    FCT_CONF_KEY(struct mail_conf, trusted, "[\"127.0.0.1\", \"::1\"]", "Networks"),
    FCT_CONF_KEY(struct mail_conf, weight, "1.5", "A number"),
    FCT_CONF_KEY(struct mail_conf, most, "200/1h burst 50", "A rate"),
    FCT_CONF_END,
};
static bool check_mail(const void *values, struct fct_err *err)
{
    const struct mail_conf *m = values;

    if (m->max_recipients == 0)
        return fct_fail(err, FCT_SYNTAX, "max_recipients: must be at least 1");
    if (m->require_tls && m->weight > 100)
        return fct_fail(err, FCT_SYNTAX, "nothing goes with require_tls");
    return true;
}

static const struct conf_block mail_block = {.name = "mail",
                                             .doc = "About mail.",
                                             .keys = mail_keys,
                                             .size = sizeof(struct mail_conf),
                                             .file = "20-mail.conf",
                                             .check = check_mail};

struct plug_conf {
    const char *on_error;
};
static const struct fct_conf_key plug_keys[] = {
    FCT_CONF_KEY(struct plug_conf, on_error, "pass", "What to do"),
    FCT_CONF_END,
};
static const struct conf_block plug_block = {.name = "plug",
                                             .doc = "About plugs.",
                                             .keys = plug_keys,
                                             .size = sizeof(struct plug_conf),
                                             .labelled = true,
                                             .open = true,
                                             .file = "50-plug.conf"};
static const struct conf_block *const blocks[] = {&mail_block, &plug_block, NULL};

static char dir[64];

static void make_dir(void)
{
    snprintf(dir, sizeof dir, "/tmp/test_conf.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_dir(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static const char *put_file(const char *name, const char *text)
{
    static char path[4][128];
    static unsigned at;
    char *p = path[at++ % 4];
    FILE *f;

    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    f = fopen(p, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    return p;
}

static struct config *load(const char *text, struct buf *errors)
{
    const char *file = put_file("one.conf", text);
    struct config *c = NULL;
    struct fct_err err = {0};

    if (!config_load(&file, 1, blocks, &c, errors, &err)) {
        ck_assert_int_ne(err.class, FCT_OK);
        return NULL;
    }
    return c;
}

/* Each from the folder of the file that names it, and only of the key that holds files. */
START_TEST(files_are_meant_from_their_file)
{
    struct conf_block with_files = mail_block;
    const struct conf_block *const table[] = {&with_files, NULL};
    const char *file = put_file("main.conf", "include sub/one.conf\n"
                                             "mail { trusted += [\"b/*\", \"/c\"]  banner = d }\n");
    const char *const want[] = {"sub/a", "", "b/*", "/c"};
    const struct mail_conf *m;
    struct config *c = NULL;
    struct fct_err err = {0};
    char path[128];

    with_files.files = "trusted";
    snprintf(path, sizeof path, "%s/sub", dir);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    put_file("sub/one.conf", "mail { trusted = [a, \"\"] }\n");
    ck_assert_msg(config_load(&file, 1, table, &c, NULL, &err), "%s", err.text);
    m = config_get(c, &with_files);
    ck_assert_uint_eq(m->trusted.n, FCT_COUNT(want));
    for (size_t i = 0; i < m->trusted.n; i++) {
        bool relative = want[i][0] && want[i][0] != '/';

        snprintf(path, sizeof path, "%s%s%s", relative ? dir : "", relative ? "/" : "", want[i]);
        ck_assert_str_eq(m->trusted.item[i], path);
    }
    ck_assert_str_eq(m->banner, "d");
    config_free(&c);
}
END_TEST

START_TEST(an_empty_configuration_works)
{
    struct config *c = load("# nothing\n", NULL);
    const struct mail_conf *m;

    ck_assert_ptr_nonnull(c);
    m = config_get(c, &mail_block);
    ck_assert_uint_eq(m->max_recipients, 100);
    ck_assert_uint_eq(m->command_timeout.ms, 300000);
    ck_assert_uint_eq(m->max_message.bytes, 25u << 20);
    ck_assert_str_eq(m->banner, "");
    ck_assert_uint_eq(m->trusted.n, 2);
    ck_assert_str_eq(m->trusted.item[1], "::1");
    ck_assert_ptr_null(config_each(c, &plug_block, 0, NULL));
    config_free(&c);
}
END_TEST

START_TEST(values_of_every_kind)
{
    struct config *c = load("mail {\n max_recipients = 7 command_timeout = 250ms\n max_message=1G "
                            "# big\n require_tls = yes\n"
                            " banner = \"say \\\"hi\\\" # not a comment\"\n trusted = [a, \"b "
                            "c\"\n d]\n weight = -2.25 }\n",
                            NULL);
    const struct mail_conf *m;

    ck_assert_ptr_nonnull(c);
    m = config_get(c, &mail_block);
    ck_assert_uint_eq(m->max_recipients, 7);
    ck_assert_uint_eq(m->command_timeout.ms, 250);
    ck_assert_uint_eq(m->max_message.bytes, 1u << 30);
    ck_assert(m->require_tls);
    ck_assert_str_eq(m->banner, "say \"hi\" # not a comment");
    ck_assert_uint_eq(m->trusted.n, 3);
    ck_assert_str_eq(m->trusted.item[1], "b c");
    ck_assert(m->weight < -2.24 && m->weight > -2.26);
    config_free(&c);
}
END_TEST

START_TEST(rates)
{
    static const struct {
        const char *text;
        struct fct_rate want;
        bool fine;
    } cases[] = {
        {"200/1h", {200, 3600000, 0}, true},
        {"\"200/1h burst 50\"", {200, 3600000, 50}, true},
        {"\"1/250ms  burst  3\"", {1, 250, 3}, true},
        {"30/m", {30, 60000, 0}, true},
        {"none", {0, 0, 0}, true},
        {"200", {0}, false},
        {"0/1h", {0}, false},
        {"200/0s", {0}, false},
        {"200/1", {0}, false},
        {"/1h", {0}, false},
        {"\"200/1h burst\"", {0}, false},
        {"\"200/1h burst 0\"", {0}, false},
        {"\"200/1h bursts 5\"", {0}, false},
        {"\"200/1h burst 5 x\"", {0}, false},
        {"-1/1h", {0}, false},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        FCT_CLEANUP(buf_free) struct buf errors = BUF_INIT(8192);
        struct config *c;
        char text[80];

        snprintf(text, sizeof text, "mail { most = %s }", cases[i].text);
        c = load(text, &errors);
        ck_assert_msg((c != NULL) == cases[i].fine, "%s", cases[i].text);
        if (c) {
            const struct mail_conf *m = config_get(c, &mail_block);

            ck_assert_msg(memcmp(&m->most, &cases[i].want, sizeof m->most) == 0, "%s",
                          cases[i].text);
        } else {
            ck_assert(str_find(buf_str(&errors), FCT_STR("200/1h burst 50")) >= 0);
        }
        config_free(&c);
    }
}
END_TEST

START_TEST(errors_name_the_place_and_suggest)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"mial { }", ":1:1: unknown block \"mial\"; did you mean \"mail\"?"},
        {"mail {\n  max_recipient = 5\n}",
         ":2:3: unknown key \"max_recipient\"; did you mean \"max_recipients\"?"},
        {"mail {\n  zzz = 5\n}", ":2:3: unknown key \"zzz\"\n"},
        {"mail { command_timeout = 30 }",
         ":1:8: command_timeout: cannot read \"30\" (example: 5m)"},
        {"mail { max_recipients = -1 }", "max_recipients: cannot read \"-1\""},
        {"mail { max_recipients = 4294967296 }", "cannot read \"4294967296\""},
        {"mail { require_tls = maybe }", "cannot read \"maybe\" (example: yes)"},
        {"mail { max_message = 99999999999G }", "cannot read"},
        {"mail { banner = [a, b] }", "banner takes one value, not a list"},
        {"mail { banner = a banner = b }",
         ":1:19: banner is set twice in this file, first in line 1"},
        {"mail { banner }", "expected = after the key"},
        {"mail { banner = }", "a value is missing"},
        {"mail { banner = \"open\n }", "a value is missing"},
        {"mail {\n banner = x\n", ":1:1: this block is never closed"},
        {"banner = x", "unknown block"},
        {"mail x { }", ":1:6: this block takes no name"},
        {"include nowhere.conf", "include: no file"},
        {"include one.conf", "nested too deep"},
        {"mail { trusted = [a { ] }", "a list holds words or strings"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct buf errors = BUF_INIT(8192);
        struct config *c = load(cases[i].in, &errors);

        ck_assert_msg(!c, "accepted: %s", cases[i].in);
        ck_assert_msg(str_find(buf_str(&errors), str_from(cases[i].want)) >= 0,
                      "%s\ngot  %.*s\nwant %s", cases[i].in, FCT_FMT(buf_str(&errors)),
                      cases[i].want);
        buf_free(&errors);
    }
}
END_TEST

START_TEST(blocks_are_checked_as_a_whole)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"mail {\n  weight = 1\n  max_recipients = 0\n}",
         "one.conf:3:3: mail.max_recipients: must"},
        {"mail { weight = 101 require_tls = yes }", "mail: nothing goes with require_tls"},
        {"mail { weight = 1 max_recipients = x }", "one.conf:1:19: "}, /* and nothing more */
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        FCT_CLEANUP(buf_free) struct buf errors = BUF_INIT(8192);

        ck_assert_ptr_null(load(cases[i].text, &errors));
        ck_assert_msg(str_find(buf_str(&errors), str_from(cases[i].want)) >= 0, "got %.*s",
                      FCT_FMT(buf_str(&errors)));
        ck_assert_int_eq(str_find_char(buf_str(&errors), '\n'), (ptrdiff_t)errors.n - 1);
    }
}
END_TEST

static void is_written_at(const struct config *c, const char *key, size_t item, const char *file,
                          unsigned column)
{
    const struct conf_place *place = config_place(c, &mail_block, 0, key, item);

    ck_assert_ptr_nonnull(place);
    ck_assert_str_eq(place->file, file);
    ck_assert_uint_eq(place->line, 1);
    ck_assert_msg(place->column == column, "%s %zu: column %u", key, item, place->column);
}

START_TEST(later_files_win_per_key_and_lists_add_on_request)
{
    const char *files[2];
    struct config *c = NULL;
    struct fct_err err = {0};
    const struct mail_conf *m;

    files[0] = put_file("a.conf", "mail { max_recipients = 1 banner = first trusted = [x] }\n");
    files[1] = put_file("b.conf", "mail { max_recipients = 2 trusted += [y, z] }\n");
    ck_assert_msg(config_load(files, 2, blocks, &c, NULL, &err), "%s", err.text);
    m = config_get(c, &mail_block);
    ck_assert_uint_eq(m->max_recipients, 2);
    ck_assert_str_eq(m->banner, "first");
    ck_assert_uint_eq(m->trusted.n, 3);
    ck_assert_str_eq(m->trusted.item[2], "z");
    is_written_at(c, "banner", 0, files[0], 36);
    is_written_at(c, "trusted", 0, files[0], 53);
    is_written_at(c, "trusted", 1, files[1], 39);
    is_written_at(c, "trusted", 2, files[1], 42);
    ck_assert_ptr_null(config_place(c, &mail_block, 0, "trusted", 3));
    ck_assert_ptr_null(config_place(c, &mail_block, 0, "weight", 0)); /* a default */
    config_free(&c);
}
END_TEST

START_TEST(open_blocks_keep_unknown_keys_for_their_owner)
{
    struct config *c = load("plug spf { on_error = tempfail engine = native nets = [a, b] }\nplug "
                            "dkim { }\nplug spf { more = 1 }\n",
                            NULL);
    const struct conf_pair *extra;
    const struct plug_conf *p;
    const char *label;

    ck_assert_ptr_nonnull(c);
    p = config_each(c, &plug_block, 0, &label);
    ck_assert_str_eq(label, "spf");
    ck_assert_str_eq(p->on_error, "tempfail");
    ck_assert_uint_eq(config_extra(c, &plug_block, 0, &extra), 3);
    ck_assert_str_eq(extra[1].key, "nets");
    ck_assert_uint_eq(extra[1].values.n, 2);
    p = config_each(c, &plug_block, 1, &label);
    ck_assert_str_eq(label, "dkim");
    ck_assert_str_eq(p->on_error, "pass");
    ck_assert_ptr_null(config_each(c, &plug_block, 2, NULL));
    config_free(&c);
}
END_TEST

START_TEST(blocks_without_a_label_repeat)
{
    struct config *c = load("plug { a = 1 }\nplug { a = 2 }\n", NULL);

    ck_assert_ptr_nonnull(c);
    ck_assert_ptr_nonnull(config_each(c, &plug_block, 1, NULL));
    config_free(&c);
}
END_TEST

START_TEST(what_is_printed_can_be_read_again)
{
    struct buf text = BUF_INIT(65536), values = BUF_INIT(65536);
    struct config *c;

    conf_print_file(&mail_block, &text);
    for (size_t i = 0; i < text.n; i++) /* take the comment marks from the settings away */
        if (i >= 4 && text.p[i] == '#' && text.p[i + 1] != ' ')
            text.p[i] = ' ';
    buf_put_char(&text, '\0');
    c = load(text.p, &values);
    ck_assert_msg(c, "%.*s", FCT_FMT(buf_str(&values)));
    conf_print_values(c, false, false, &values);
    ck_assert(str_find(buf_str(&values), FCT_STR("mail.command_timeout = \"5m\"    # ")) >= 0);
    config_free(&c);
    buf_free(&text);
    buf_free(&values);
}
END_TEST

START_TEST(passwords_in_urls_are_not_printed)
{
    struct config *c =
        load("mail { banner = \"redis://u:hidden@h/\" trusted = [\"http://h/@x\", b] }", NULL);
    struct buf values = BUF_INIT(65536);

    conf_print_values(c, false, false, &values);
    conf_print_values(c, false, true, &values);
    ck_assert(str_find(buf_str(&values), FCT_STR("hidden")) < 0);
    ck_assert(str_find(buf_str(&values), FCT_STR("***")) >= 0);
    config_free(&c);
    buf_free(&values);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conf");
    TCase *tc = tcase_create("conf");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, make_dir, remove_dir);
    tcase_add_test(tc, an_empty_configuration_works);
    tcase_add_test(tc, files_are_meant_from_their_file);
    tcase_add_test(tc, values_of_every_kind);
    tcase_add_test(tc, rates);
    tcase_add_test(tc, errors_name_the_place_and_suggest);
    tcase_add_test(tc, blocks_are_checked_as_a_whole);
    tcase_add_test(tc, later_files_win_per_key_and_lists_add_on_request);
    tcase_add_test(tc, open_blocks_keep_unknown_keys_for_their_owner);
    tcase_add_test(tc, blocks_without_a_label_repeat);
    tcase_add_test(tc, what_is_printed_can_be_read_again);
    tcase_add_test(tc, passwords_in_urls_are_not_printed);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
