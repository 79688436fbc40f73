/* test_plugin_trial.c - a message that a plugin makes for itself is read as one that came. */
#include "core/plugin/plugin_host.h"

#include "core/base/str.h"
#include <check.h>

static const char mail[] = "From: =?utf-8?q?J=C3=BCrgen?= <a@b.example>\r\nSubject: x\r\n"
                           "Content-Type: text/html; charset=utf-8\r\n\r\n"
                           "<a href=\"https://login.evil.example/x\">www.bank.example</a>";

static struct fct_call *begin(struct fct_trial *trial)
{
    struct fct_err err = {0};
    struct fct_call *call;

    trial->size = sizeof *trial;
    call = plugin_host.trial_begin(NULL, trial, &err);
    ck_assert_msg(call, "%s", err.text);
    return call;
}

START_TEST(reads)
{
    struct fct_trial trial = {.message = {mail, sizeof mail - 1}};
    struct fct_call *call = begin(&trial);
    const struct fct_html_token *token;
    const struct fct_header *field;
    const struct fct_part *part;
    const struct fct_link *link;
    struct fct_url url;

    ck_assert_uint_eq(plugin_host.headers(call, &field), 3);
    ck_assert(
        str_equal(plugin_host.header_text(call, field), FCT_STR("J\xc3\xbcrgen <a@b.example>")));
    ck_assert_uint_eq(plugin_host.parts(call, &part), 1);
    ck_assert(str_starts(plugin_host.part_text(call, part), FCT_STR("<a href")));
    ck_assert_uint_eq(plugin_host.html(call, part, &token), 3);
    ck_assert_uint_eq(plugin_host.links(call, &link), 1);
    ck_assert(str_equal(link->url.org, FCT_STR("evil.example")));
    ck_assert(str_equal(link->shown, FCT_STR("www.bank.example")));
    ck_assert(plugin_host.url_parse(call, FCT_STR("http://www.bank.example"), &url));
    ck_assert(str_equal(url.org, FCT_STR("bank.example")));
    ck_assert_int_eq(plugin_host.conn(call)->role, FCT_ROLE_REPLAY);
    ck_assert_uint_eq(plugin_host.envelope(call)->recipients, 0);
    ck_assert_ptr_nonnull(plugin_host.alloc(call, 100));
    plugin_host.trial_end(call);
}
END_TEST

START_TEST(decides_nothing)
{
    struct fct_conn conn = {.size = sizeof conn, .role = FCT_ROLE_MX, .helo = FCT_STR("me")};
    struct fct_trial trial = {.message = {mail, sizeof mail - 1}, .conn = &conn};
    struct fct_call *call = begin(&trial);
    struct fct_trial no_size = {.size = 0};
    struct fct_err err = {0};

    ck_assert(str_equal(plugin_host.conn(call)->helo, FCT_STR("me")));
    ck_assert(!plugin_host.symbol(call, "NONE", 1.0, FCT_STR("")));
    ck_assert(!plugin_host.header_add(call, FCT_TOP, FCT_STR("X-A"), FCT_STR("1")));
    ck_assert(!plugin_host.sleep_ms(call, 1));
    plugin_host.trial_end(call);
    ck_assert_ptr_null(plugin_host.trial_begin(NULL, &no_size, &err));
    ck_assert_int_eq(err.class, FCT_BUG);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("plugin_trial");
    TCase *t = tcase_create("trial");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_add_test(t, reads);
    tcase_add_test(t, decides_nothing);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
