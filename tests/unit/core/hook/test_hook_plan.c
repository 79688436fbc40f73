/* test_hook_plan.c - the order that comes from provides and after, and what is refused. */
#include "plugin_rig.h"

static struct plugin_rig rig;

static void setup(void)
{
    plugin_rig_start(&rig, NULL);
}

static void teardown(void)
{
    plugin_rig_stop(&rig);
}

static enum fct_verdict nothing(struct fct_call *call, enum fct_hook hook, const void *ev,
                                void *state)
{
    (void)call, (void)hook, (void)ev, (void)state;
    return FCT_NEXT;
}

#define ROW(point, name, ...)                                                                    \
    {                                                                                            \
        .hook = FCT_HOOK_##point, .generic = true, .fn.any = nothing, .label = name, __VA_ARGS__ \
    }
#define ROWS_MAX 5

static const struct {
    const char *name;
    struct fct_hook_row row[ROWS_MAX];
    size_t n;
    const char *order; /* at scan, joined by spaces; NULL: refused … */
    const char *error; /* … with this in the text */
} plans[] = {
    {"by label",
     {ROW(scan, "b", .roles = 0), ROW(scan, "a", .roles = 0), ROW(scan, "c", .roles = 0)},
     3,
     "a b c",
     NULL},
    {"after", {ROW(scan, "a", .after = "z"), ROW(scan, "z", .provides = "z")}, 2, "z a", NULL},
    {"chain",
     {ROW(scan, "a", .after = "y"), ROW(scan, "b", .provides = "y", .after = "x"),
      ROW(scan, "c", .provides = "x")},
     3,
     "c b a",
     NULL},
    {"two of them",
     {ROW(scan, "a", .after = " x  y "), ROW(scan, "b", .provides = "y"),
      ROW(scan, "c", .provides = "x")},
     3,
     "b c a",
     NULL},
    {"optional, there",
     {ROW(scan, "a", .after = "x?"), ROW(scan, "b", .provides = "x")},
     2,
     "b a",
     NULL},
    {"optional, missing", {ROW(scan, "a", .after = "x?")}, 1, "a", NULL},
    {"two providers",
     {ROW(scan, "a", .after = "x"), ROW(scan, "b", .provides = "x"),
      ROW(scan, "c", .provides = "x")},
     3,
     "b c a",
     NULL},
    {"earlier point",
     {ROW(scan, "a", .after = "x"), ROW(connect, "b", .provides = "x")},
     2,
     "a",
     NULL},
    {"missing",
     {ROW(scan, "a", .after = "x")},
     1,
     NULL,
     "a at scan needs \"x\", which no enabled plugin provides"},
    {"a part of the name is not the name",
     {ROW(scan, "a", .after = "spf"), ROW(scan, "b", .provides = "spf2")},
     2,
     NULL,
     "needs \"spf\""},
    {"too late",
     {ROW(scan, "a", .after = "x"), ROW(edit, "b", .provides = "x")},
     2,
     NULL,
     "known at edit only"},
    {"itself", {ROW(scan, "a", .after = "x", .provides = "x")}, 1, NULL, "a after a"},
    {"cycle",
     {ROW(scan, "a", .after = "z", .provides = "x"), ROW(scan, "b", .after = "x", .provides = "y"),
      ROW(scan, "c", .after = "y", .provides = "z")},
     3,
     NULL,
     "after"},
    {"cycle of optional ones",
     {ROW(scan, "a", .after = "y?", .provides = "x"),
      ROW(scan, "b", .after = "x?", .provides = "y")},
     2,
     NULL,
     "a after b after a"},
    {"behind a cycle",
     {ROW(scan, "0", .after = "x"), ROW(scan, "a", .after = "y", .provides = "x"),
      ROW(scan, "b", .after = "x", .provides = "y")},
     3,
     NULL,
     "a after b after a"},
};

START_TEST(order)
{
    static struct fct_plugin object; /* lives longer than the rig */
    FCT_CLEANUP(buf_free) struct buf got = BUF_INIT(256);
    const struct plan_point *scan = &rig.engine.plan.point[FCT_HOOK_scan];
    struct fct_err err = {0};
    bool ok;

    object = (struct fct_plugin){.head = FCT_PLUGIN_HEAD,
                                 .name = "p",
                                 .version = "1",
                                 .summary = "s",
                                 .hooks = plans[_i].row,
                                 .nhooks = plans[_i].n};
    plugin_rig_adopt(&rig, &object);
    ok = plugin_rig_plan(&rig, &err);
    ck_assert_msg(ok == (plans[_i].order != NULL), "%s: %s", plans[_i].name, err.text);
    if (!ok) {
        ck_assert_msg(strstr(err.text, plans[_i].error), "%s: %s", plans[_i].name, err.text);
        return;
    }
    for (size_t i = 0; i < scan->n; i++)
        buf_printf(&got, "%s%s", i ? " " : "", scan->row[i].row->label);
    ck_assert_msg(str_equal(buf_str(&got), str_from(plans[_i].order)), "%s: %.*s", plans[_i].name,
                  FCT_FMT(buf_str(&got)));
}
END_TEST

static bool wants(enum fct_hook hook, uint32_t role)
{
    return rig.engine.plan.wants[__builtin_ctz(role)] >> hook & 1;
}

START_TEST(wants_follow_the_roles)
{
    static const struct fct_hook_row rows[] = {
        ROW(rcpt, "a", .roles = FCT_ROLE_MX),
        ROW(scan, "b", .roles = FCT_ROLE_MX | FCT_ROLE_SUBMISSION),
        ROW(edit, "c", .roles = 0),
    };
    static const struct fct_plugin object = {.head = FCT_PLUGIN_HEAD,
                                             .name = "p",
                                             .version = "1",
                                             .summary = "s",
                                             .hooks = rows,
                                             .nhooks = FCT_COUNT(rows)};
    struct fct_err err = {0};

    plugin_rig_adopt(&rig, &object);
    ck_assert(plugin_rig_plan(&rig, &err));
    ck_assert(wants(FCT_HOOK_rcpt, FCT_ROLE_MX));
    ck_assert(!wants(FCT_HOOK_rcpt, FCT_ROLE_SUBMISSION));
    ck_assert(wants(FCT_HOOK_scan, FCT_ROLE_SUBMISSION));
    ck_assert(!wants(FCT_HOOK_scan, FCT_ROLE_LMTP));
    ck_assert(wants(FCT_HOOK_edit, FCT_ROLE_REPLAY));
    ck_assert(!wants(FCT_HOOK_mail, FCT_ROLE_MX));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hook_plan");
    TCase *tc = tcase_create("plan");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, order, 0, (int)FCT_COUNT(plans));
    tcase_add_test(tc, wants_follow_the_roles);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
