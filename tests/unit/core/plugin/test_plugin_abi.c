/* test_plugin_abi.c - plugins built against the headers of released versions run in this host. */
#include "core/plugin/plugin_load.h"

#include "../hook/plugin_rig.h"

static struct plugin_rig rig;

static void load(const char *name)
{
    static char folder[512];
    struct fct_err err = {0};

    plugin_rig_start(&rig, NULL);
    snprintf(folder, sizeof folder, "%s/abi", getenv("FCT_BUILD"));
    rig.origin.plugin_dir = folder;
    ck_assert_msg(plugin_load(&rig.engine.set, &rig.origin, name, NULL, NULL, 0, &err), "%s",
                  err.text);
    ck_assert_msg(plugin_rig_plan(&rig, &err), "%s", err.text);
}

static void rcpt_fiber(void *arg)
{
    struct fct_ev_rcpt ev = {.recipient = FCT_STR("a@b")};
    struct fct_conn conn = {
        .size = sizeof conn, .role = FCT_ROLE_MX, .client_ip = FCT_STR("192.0.2.1")};
    struct fct_envelope envelope = {.size = sizeof envelope, .id = FCT_STR("m")};
    struct transaction tx;

    hook_transaction_init(&rig.engine, &tx, rig.arena, &conn, &envelope);
    hook_run(&rig.engine, &tx, FCT_HOOK_rcpt, &ev, NULL, NULL, arg);
}

START_TEST(version_1_0)
{
    struct fct_str text = FCT_STR("Subject: hello\r\n\r\nbody\r\n");
    const struct filter_result *r;
    struct hook_decision d = {.verdict = FCT_NEXT};
    const struct plugin_row *row;

    load("abi_1_0");
    for (row = rig.engine.set.plugin[0]->row; row; row = row->next) {
        ck_assert_uint_eq(row->is.may, 0); /* its rows end before */
        ck_assert_uint_eq(row->is.interval_ms, 0);
        ck_assert(!row->shadow);
    }
    r = plugin_rig_message(&rig, FCT_ROLE_MX, text);
    ck_assert_int_eq(r->answer.verdict, FCT_NEXT);
    ck_assert_int_eq(r->score_milli, 1500);
    ck_assert(str_equal(r->outcome[0].mailbox, FCT_STR("Old")));
    ck_assert_uint_eq(r->outcome[0].nkeywords, 1);
    ck_assert(str_equal(plugin_rig_view(&rig, r, text),
                        FCT_STR("Subject: new\r\nX-Old: mx.example.org\r\n\r\nBODY\r\n")));
    fiber_start(rcpt_fiber, &d);
    ck_assert_int_eq(d.verdict, FCT_REJECT);
    ck_assert(str_equal(d.enhanced, FCT_STR("5.7.1")));
    ck_assert_str_eq(rig.engine.set.plugin[0]->metric->name, "headers");
    plugin_rig_stop(&rig);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plugin_abi");
    TCase *tc = tcase_create("abi");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tc, version_1_0);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
