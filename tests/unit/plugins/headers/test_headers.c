/* test_headers.c - forged fields go in every disguise, those of others stay, submitted messages
 * become complete. */
#include "../../core/hook/plugin_rig.h"

static struct plugin_rig rig;

static void setup(void)
{
    static const char *const extra[] = {"X-Spam-*", "X-Virus"};
    struct conf_pair pair = {.key = "extra", .values = {extra, 2}, .file = "test", .line = 1};
    struct fct_err err = {0};

    plugin_rig_start(&rig, NULL);
    ck_assert_msg(plugin_load(&rig.engine.set, &rig.origin, "headers", NULL, &pair, 1, &err), "%s",
                  err.text);
    ck_assert_msg(plugin_rig_plan(&rig, &err), "%s", err.text);
}

static void teardown(void)
{
    plugin_rig_stop(&rig);
}

/* Each field alone, between two that stay. */
static const struct {
    const char *name, *field;
    bool removed;
} fields[] = {
    {"plain", "Authentication-Results: mx.example.org; spf=pass\r\n", true},
    {"capitals", "AUTHENTICATION-RESULTS: MX.Example.ORG; spf=pass\r\n", true},
    {"no space", "Authentication-Results:mx.example.org;spf=pass\r\n", true},
    {"space before the colon", "Authentication-Results : mx.example.org; spf=pass\r\n", true},
    {"folded", "Authentication-Results:\r\n\tmx.example.org; spf=pass\r\n", true},
    {"comment", "Authentication-Results: (a (nested \\) one)) mx.example.org; none\r\n", true},
    {"comment, folded", "Authentication-Results: (x)\r\n (y) mx.example.org (z) 1; none\r\n", true},
    {"quoted", "Authentication-Results: \"mx.example.org\"; none\r\n", true},
    {"quoted pair", "Authentication-Results: \"mx.\\example.org\"; none\r\n", true},
    {"version", "Authentication-Results: mx.example.org 1; none\r\n", true},
    {"absolute name", "Authentication-Results: mx.example.org.; none\r\n", true},
    {"nobody's", "Authentication-Results: ; spf=pass\r\n", true},
    {"comment without end", "Authentication-Results: (mx.example.org; spf=pass\r\n", true},
    {"another's", "Authentication-Results: mx.example.net; spf=pass\r\n", false},
    {"longer name", "Authentication-Results: mx.example.org.evil; spf=pass\r\n", false},
    {"ours in the text only", "Authentication-Results: a.example; x=mx.example.org\r\n", false},
    {"our field", "X-Facteur-Verdict: keep\r\n", true},
    {"our field, capitals", "x-FACTEUR-anything: 1\r\n", true},
    {"like ours", "X-Facteurs: 1\r\n", false},
    {"extra, by pattern", "X-Spam-Flag: NO\r\n", true},
    {"extra, by name", "X-Virus: none\r\n", true},
    {"extra, longer than the name", "X-Virus-Scanned: yes\r\n", false},
    {"ordinary", "X-Mailer: x\r\n", false},
};

START_TEST(forged_fields_go)
{
    struct fct_str text =
        arena_printf(rig.arena, "From: <a@b>\r\n%sTo: <c@d>\r\n\r\nbody\r\n", fields[_i].field);
    struct fct_str bare = FCT_STR("From: <a@b>\r\nTo: <c@d>\r\n\r\nbody\r\n");
    const struct filter_result *r = plugin_rig_message(&rig, FCT_ROLE_MX, text);
    struct fct_str view = plugin_rig_view(&rig, r, text);

    ck_assert_msg(str_equal(view, fields[_i].removed ? bare : text), "%s: %.*s", fields[_i].name,
                  FCT_FMT(view));
}
END_TEST

START_TEST(ten_copies_go_and_each_is_in_the_ledger)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(4096);
    const struct filter_result *r;
    struct ledger ledger;
    struct fct_err err = {0};

    for (int i = 0; i < 10; i++)
        buf_printf(&text, "Authentication-Results: %s; spf=pass\r\n",
                   i % 2 ? "mx.example.org" : "MX.EXAMPLE.ORG");
    buf_put_c(&text, "Subject: x\r\n\r\nbody\r\n");
    r = plugin_rig_message(&rig, FCT_ROLE_LMTP, buf_str(&text));
    ck_assert(
        str_equal(plugin_rig_view(&rig, r, buf_str(&text)), FCT_STR("Subject: x\r\n\r\nbody\r\n")));
    ck_assert(ledger_decode(rig.arena, r->ledger, &ledger, &err));
    ck_assert_uint_eq(ledger.n, 11);
    ck_assert_int_eq(ledger.entry[10].kind, LEDGER_PROFILE); /* who judged */
    for (size_t i = 0; i < 10; i++) {
        ck_assert_int_eq(ledger.entry[i].kind, LEDGER_EDIT);
        ck_assert(str_equal(ledger.entry[i].name, FCT_STR("header_remove")));
        ck_assert(str_equal(ledger.entry[i].by, FCT_STR("headers")));
    }
}
END_TEST

static const struct {
    const char *name, *text;
    uint32_t role;
    bool date, id;
} submitted[] = {
    {"neither", "From: <a@b>\r\n\r\nx\r\n", FCT_ROLE_SUBMISSION, true, true},
    {"date is there", "date: x\r\n\r\nx\r\n", FCT_ROLE_SUBMISSION, false, true},
    {"id is there", "Message-Id : <a@b>\r\n\r\nx\r\n", FCT_ROLE_SUBMISSION, true, false},
    {"both are there", "Date: x\r\nMessage-ID: <a@b>\r\n\r\nx\r\n", FCT_ROLE_SUBMISSION, false,
     false},
    {"no header at all", "\r\nx\r\n", FCT_ROLE_SUBMISSION, true, true},
    {"received, not submitted", "From: <a@b>\r\n\r\nx\r\n", FCT_ROLE_MX, false, false},
};

START_TEST(submitted_messages_become_complete)
{
    struct fct_str text = str_from(submitted[_i].text);
    const struct filter_result *r = plugin_rig_message(&rig, submitted[_i].role, text);
    struct fct_str view = plugin_rig_view(&rig, r, text);
    struct header_list before, after;
    const struct fct_header *id;
    static const struct header_limits limits = {100, 10000};

    header_list_parse(rig.arena, text, &limits, &before);
    header_list_parse(rig.arena, view, &limits, &after);
    ck_assert_uint_eq(after.n, before.n + submitted[_i].date + submitted[_i].id);
    ck_assert_uint_eq(r->outcome[0].edits.n, submitted[_i].date + submitted[_i].id);
    if (submitted[_i].date)
        ck_assert(str_find(view, FCT_STR(" +0000\r\n")) > 0);
    id = header_find(&after, "Message-ID", 0);
    if (submitted[_i].id)
        ck_assert(id && str_ends_nocase(id->value, FCT_STR("@mx.example.org>")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("headers");
    TCase *tc = tcase_create("headers");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, forged_fields_go, 0, (int)FCT_COUNT(fields));
    tcase_add_test(tc, ten_copies_go_and_each_is_in_the_ledger);
    tcase_add_loop_test(tc, submitted_messages_become_complete, 0, (int)FCT_COUNT(submitted));
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
