/* test_hook_run.c - verdicts combined, scan hooks side by side, edits of several plugins, symbols
 * and their sum. */
#include "core/plugin/plugin_host.h"
#include "plugin_rig.h"

static struct plugin_rig rig;
static struct fct_plugin object; /* lives longer than the rig */

static void setup(void)
{
    plugin_rig_start(&rig, NULL);
}

static void teardown(void)
{
    plugin_rig_stop(&rig);
}

/* ---- verdicts ---- */

/* Each row returns what its state says and gives its label as the reply. */
static enum fct_verdict say(struct fct_call *call, enum fct_hook hook, const void *ev, void *state)
{
    (void)hook, (void)ev;
    plugin_host.reply(call, 0, NULL, call->row->label);
    return *(const enum fct_verdict *)state;
}

static enum fct_verdict v_next = FCT_NEXT, v_accept = FCT_ACCEPT, v_quarantine = FCT_QUARANTINE,
                        v_discard = FCT_DISCARD, v_tempfail = FCT_TEMPFAIL, v_reject = FCT_REJECT;

#define SAY(name, verdict)                                                                         \
    {                                                                                              \
        .hook = FCT_HOOK_verdict, .generic = true, .fn.any = say, .label = name, .state = &verdict \
    }

static const struct {
    const char *name;
    struct fct_hook_row row[4];
    size_t n;
    enum fct_verdict verdict;
    const char *by;
} combinations[] = {
    {"nobody", {SAY("a", v_next)}, 1, FCT_NEXT, ""},
    {"one", {SAY("a", v_next), SAY("b", v_reject)}, 2, FCT_REJECT, "b"},
    {"strongest",
     {SAY("a", v_tempfail), SAY("b", v_reject), SAY("c", v_discard)},
     3,
     FCT_REJECT,
     "b"},
    {"first among equals", {SAY("a", v_reject), SAY("b", v_reject)}, 2, FCT_REJECT, "a"},
    {"discard over quarantine", {SAY("a", v_quarantine), SAY("b", v_discard)}, 2, FCT_DISCARD, "b"},
    {"accept ends the chain", {SAY("a", v_accept), SAY("b", v_reject)}, 2, FCT_NEXT, ""},
    {"accept does not undo", {SAY("a", v_tempfail), SAY("b", v_accept)}, 2, FCT_TEMPFAIL, "a"},
};

static struct fct_plugin plugin_of(const char *name, const struct fct_hook_row *rows, size_t n)
{
    return (struct fct_plugin){.head = FCT_PLUGIN_HEAD,
                               .name = name,
                               .version = "1",
                               .summary = "s",
                               .hooks = rows,
                               .nhooks = n};
}

static void plan(void)
{
    struct fct_err err = {0};

    ck_assert_msg(plugin_rig_plan(&rig, &err), "%s", err.text);
}

START_TEST(verdicts_combine)
{
    object = plugin_of("p", combinations[_i].row, combinations[_i].n);
    const struct filter_result *r;

    plugin_rig_adopt(&rig, &object);
    plan();
    r = plugin_rig_message(&rig, FCT_ROLE_MX, FCT_STR("Subject: x\r\n\r\nb\r\n"));
    ck_assert_msg(r->answer.verdict == combinations[_i].verdict, "%s: %s", combinations[_i].name,
                  verdict_name(r->answer.verdict));
    ck_assert(str_equal(r->answer.by, str_from(combinations[_i].by)));
    ck_assert(str_equal(r->answer.text, str_from(combinations[_i].by)));
    ck_assert_uint_eq(r->outcomes, r->answer.verdict <= FCT_QUARANTINE ? 1 : 0);
}
END_TEST

/* ---- scan: all at once, but `after` holds ---- */

static char order[64];

static enum fct_verdict slow(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    (void)ev;
    strncat(order, "s", 2);
    plugin_host.sleep_ms(call, 30);
    strncat(order, state, 2);
    plugin_host.symbol(call, "SLOW", 1, FCT_STR(""));
    return FCT_NEXT;
}

static enum fct_verdict quick(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    double score = 0;

    (void)ev, (void)state;
    strncat(order, "q", 2);
    ck_assert(!plugin_host.header_add(call, FCT_TOP, FCT_STR("X-A"), FCT_STR("b"))); /* read-only */
    plugin_host.symbol(call, "QUICK", 0.5, FCT_STR("detail"));
    ck_assert(plugin_host.has_symbol(call, "QUICK", &score) && score > 0.99 && score < 1.01);
    ck_assert(plugin_host.symbol(call, "QUICK", 5, FCT_STR("again"))); /* counts once */
    ck_assert(!plugin_host.symbol(call, "UNKNOWN", 1, FCT_STR("")));
    return FCT_NEXT;
}

static enum fct_verdict last(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    (void)ev, (void)state;
    ck_assert(plugin_host.has_symbol(call, "SLOW", NULL));
    strncat(order, "l", 2);
    return FCT_NEXT;
}

static enum fct_verdict check_score(struct fct_call *call, const struct fct_ev_verdict *ev,
                                    void *state)
{
    (void)call, (void)state;
    ck_assert_uint_eq(ev->score_milli, 2000);
    ck_assert_uint_eq(ev->symbols, 2);
    strncat(order, "v", 2);
    return FCT_NEXT;
}

START_TEST(scan_hooks_run_side_by_side)
{
    static char a[] = "a", b[] = "b";
    static const struct fct_hook_row rows[] = {
        FCT_ON(scan, slow, .label = "1", .state = a, .provides = "slow"),
        FCT_ON(scan, slow, .label = "2", .state = b),
        FCT_ON(scan, quick, .label = "3"),
        FCT_ON(scan, last, .label = "0", .after = "slow"),
        FCT_ON(verdict, check_score),
    };
    static const struct fct_symbol symbols[] = {
        {"QUICK", 2, "g", "quick"}, {"SLOW", 1, "g", "slow"}, {NULL, 0, NULL, NULL}};
    object = plugin_of("p", rows, FCT_COUNT(rows));
    const struct filter_result *r;
    struct ledger ledger;
    struct fct_err err = {0};

    object.symbols = symbols;
    order[0] = '\0';
    plugin_rig_adopt(&rig, &object);
    plan();
    r = plugin_rig_message(&rig, FCT_ROLE_MX, FCT_STR("Subject: x\r\n\r\nb\r\n"));
    ck_assert_int_eq(r->answer.verdict, FCT_NEXT);
    ck_assert_str_eq(order, "ssqalbv"); /* both slow ones wait at the same time */
    ck_assert_int_eq(r->score_milli, 2000);
    ck_assert(ledger_decode(rig.arena, r->ledger, &ledger, &err));
    ck_assert_int_eq(ledger.score_milli, 2000);
}
END_TEST

/* ---- edits ---- */

static enum fct_verdict edit_first(struct fct_call *call, const struct fct_ev_edit *ev, void *state)
{
    (void)ev, (void)state;
    ck_assert(plugin_host.header_set(call, plugin_host.header(call, "subject", 0), FCT_STR("new")));
    ck_assert(plugin_host.header_add(call, FCT_TOP, FCT_STR("X-First"), FCT_STR("1")));
    ck_assert(plugin_host.header_add(call, FCT_END, FCT_STR("X-Last"), FCT_STR("1")));
    ck_assert(plugin_host.patch(call, 25, 4, FCT_STR("tree")));
    return FCT_NEXT;
}

static enum fct_verdict edit_second(struct fct_call *call, const struct fct_ev_edit *ev,
                                    void *state)
{
    (void)ev, (void)state;
    ck_assert(!plugin_host.header_remove(call, plugin_host.header(call, "subject", 0)));
    ck_assert(!plugin_host.patch(call, 26, 1, FCT_STR("x")));
    ck_assert(!plugin_host.patch(call, 26, 0, FCT_STR("x")));
    ck_assert(plugin_host.patch(call, 29, 0, FCT_STR("s"))); /* right behind it */
    ck_assert(plugin_host.header_add(call, FCT_TOP, FCT_STR("X-Second"), FCT_STR("2")));
    return FCT_NEXT;
}

static enum fct_verdict deliver(struct fct_call *call, const struct fct_ev_deliver *ev, void *state)
{
    (void)ev, (void)state;
    ck_assert(plugin_host.mailbox(call, FCT_STR("Lists/a")));
    ck_assert(plugin_host.keyword(call, FCT_STR("$Label")));
    ck_assert(plugin_host.keyword(call, FCT_STR("\\Seen")));
    ck_assert(plugin_host.keyword(call, FCT_STR("$label"))); /* the same again */
    ck_assert(!plugin_host.keyword(call, FCT_STR("a b")));
    ck_assert(!plugin_host.mailbox(call, FCT_STR("a\r\nb")));
    ck_assert(!plugin_host.patch(call, 26, 1, FCT_STR("x"))); /* overlaps a common edit */
    ck_assert(plugin_host.header_add(call, FCT_TOP, FCT_STR("X-Mine"), FCT_STR("3")));
    return FCT_NEXT;
}

START_TEST(edits_of_several_plugins)
{
    static const struct fct_hook_row rows[] = {
        FCT_ON(edit, edit_first, .label = "a"),
        FCT_ON(edit, edit_second, .label = "b"),
        FCT_ON(deliver, deliver, .label = "c"),
    };
    struct fct_str text = FCT_STR("Subject: x\r\nTo: a@b\r\n\r\n1\nblue 3\r\n");
    object = plugin_of("p", rows, FCT_COUNT(rows));
    const struct filter_result *r;

    ck_assert_int_eq(str_find(text, FCT_STR("blue")), 25);
    plugin_rig_adopt(&rig, &object);
    plan();
    r = plugin_rig_message(&rig, FCT_ROLE_MX, text);
    ck_assert(str_equal(plugin_rig_view(&rig, r, text),
                        FCT_STR("X-First: 1\r\nX-Second: 2\r\nX-Mine: 3\r\nSubject: new\r\nTo: "
                                "a@b\r\nX-Last: 1\r\n\r\n1\ntrees 3\r\n")));
    ck_assert(str_equal(r->outcome[0].mailbox, FCT_STR("Lists/a")));
    ck_assert_uint_eq(r->outcome[0].nkeywords, 2);
}
END_TEST

static enum fct_verdict patch_signed(struct fct_call *call, const struct fct_ev_edit *ev,
                                     void *state)
{
    struct fct_str raw = plugin_host.raw(call);

    (void)ev, (void)state;
    ck_assert(
        !plugin_host.patch(call, (size_t)str_find(raw, FCT_STR("signed text")), 6, FCT_STR("x")));
    return FCT_NEXT;
}

START_TEST(signed_parts_cannot_be_patched)
{
    static const struct fct_hook_row rows[] = {FCT_ON(edit, patch_signed)};
    object = plugin_of("p", rows, 1);

    plugin_rig_adopt(&rig, &object);
    plan();
    (void)plugin_rig_message(
        &rig, FCT_ROLE_MX,
        FCT_STR("Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nsigned text\r\n"
                "--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n"));
}
END_TEST

/* ---- what a call may use, and when it is over ---- */

static struct fct_call *kept;

static enum fct_verdict take_memory(struct fct_call *call, const struct fct_ev_headers *ev,
                                    void *state)
{
    size_t got = 0;

    (void)ev, (void)state;
    kept = call;
    while (plugin_host.alloc(call, 1u << 20))
        got++;
    ck_assert_uint_eq(got, 64); /* the default of `memory` */
    ck_assert_uint_gt(plugin_host.time_left_ms(call), 0);
    ck_assert_uint_le(plugin_host.time_left_ms(call), 5000);
    return FCT_NEXT;
}

START_TEST(memory_is_limited_and_dead_calls_fail)
{
    static const struct fct_hook_row rows[] = {FCT_ON(headers, take_memory)};
    object = plugin_of("p", rows, 1);
    const struct fct_header *first;

    plugin_rig_adopt(&rig, &object);
    plan();
    (void)plugin_rig_message(&rig, FCT_ROLE_MX, FCT_STR("A: b\r\n\r\n"));
    ck_assert_ptr_null(plugin_host.alloc(kept, 1));
    ck_assert_uint_eq(plugin_host.conn(kept)->id.n, 0);
    ck_assert_uint_eq(plugin_host.headers(kept, &first), 0);
    ck_assert_uint_eq(plugin_host.raw(kept).n, 0);
    ck_assert(!plugin_host.sleep_ms(kept, 1));
    ck_assert(!plugin_host.header_add(kept, FCT_TOP, FCT_STR("A"), FCT_STR("b")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hook_run");
    TCase *tc = tcase_create("run");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, verdicts_combine, 0, (int)FCT_COUNT(combinations));
    tcase_add_test(tc, scan_hooks_run_side_by_side);
    tcase_add_test(tc, edits_of_several_plugins);
    tcase_add_test(tc, signed_parts_cannot_be_patched);
    tcase_add_test(tc, memory_is_limited_and_dead_calls_fail);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
