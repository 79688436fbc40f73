/* test_hook_beside.c - start() and wait_all(), the end of a call that left work behind, time-outs
 * at scan, and rows in shadow. */
#include "core/plugin/plugin_host.h"
#include "plugin_rig.h"

#define MAIL FCT_STR("Subject: x\r\n\r\nb\r\n")

static struct plugin_rig rig;
static struct fct_plugin object;

static void setup(void)
{
    plugin_rig_start(&rig, NULL);
}

static void teardown(void)
{
    plugin_rig_stop(&rig);
}

static const struct filter_result *run_rows(const struct fct_hook_row *rows, size_t n,
                                            const struct fct_symbol *symbols)
{
    struct fct_err err = {0};

    object = (struct fct_plugin){.head = FCT_PLUGIN_HEAD,
                                 .name = "my-plugin",
                                 .version = "1",
                                 .summary = "s",
                                 .symbols = symbols,
                                 .hooks = rows,
                                 .nhooks = n};
    plugin_rig_adopt(&rig, &object);
    ck_assert_msg(plugin_rig_plan(&rig, &err), "%s", err.text);
    return plugin_rig_message(&rig, FCT_ROLE_MX, MAIL);
}

static const struct ledger_entry *find_entry(const struct filter_result *r, enum ledger_kind kind,
                                             const char *name)
{
    struct ledger ledger;
    struct fct_err err = {0};

    ck_assert(ledger_decode(rig.arena, r->ledger, &ledger, &err));
    for (size_t i = 0; i < ledger.n; i++)
        if (ledger.entry[i].kind == kind && str_equal(ledger.entry[i].name, str_from(name)))
            return &ledger.entry[i];
    return NULL;
}

/* ---- start and wait_all ---- */

static char order[32];

static void say(char c)
{
    size_t n = strlen(order);

    if (n + 1 < sizeof order)
        order[n] = c;
}

static void nap(struct fct_call *call, void *arg)
{
    say(*(const char *)arg);
    plugin_host.sleep_ms(call, 30);
    say((char)(*(const char *)arg - 'a' + 'A'));
}

static void quick(struct fct_call *call, void *arg)
{
    (void)call;
    say(*(const char *)arg);
}

static enum fct_verdict two_naps(struct fct_call *call, const struct fct_ev_headers *ev,
                                 void *state)
{
    static char a[] = "a", b[] = "b", c[] = "c";
    struct fct_token token[3];
    uint64_t begin = clock_ms();

    (void)ev, (void)state;
    token[0] = plugin_host.start(call, nap, a);
    token[1] = plugin_host.start(call, nap, b);
    token[2] = plugin_host.start(call, quick, c);
    say('-');
    ck_assert(plugin_host.wait_all(call, token, 3));
    ck_assert(plugin_host.wait_all(call, token, 3)); /* they have ended */
    ck_assert_uint_lt(clock_ms() - begin, 1000);
    token[1].generation++;
    ck_assert(!plugin_host.wait_all(call, token, 2)); /* of another call */
    return FCT_NEXT;
}

START_TEST(two_things_at_once)
{
    static const struct fct_hook_row rows[] = {FCT_ON(headers, two_naps)};

    memset(order, 0, sizeof order);
    run_rows(rows, 1, NULL);
    ck_assert_str_eq(order, "abc-AB");
    ck_assert_uint_eq(rig.engine.set.plugin[0]->row->counts.calls, 1);
    ck_assert_uint_ge(rig.engine.set.plugin[0]->row->counts.waited_us, 20000);
    ck_assert_uint_lt(rig.engine.set.plugin[0]->row->counts.busy_us, 25000);
}
END_TEST

static enum fct_verdict leaves_work(struct fct_call *call, const struct fct_ev_headers *ev,
                                    void *state)
{
    static char a[] = "a";

    (void)ev, (void)state;
    plugin_host.start(call, nap, a);
    return FCT_NEXT;
}

/* What it began ends before the next point. */
static enum fct_verdict looks_after(struct fct_call *call, const struct fct_ev_verdict *ev,
                                    void *state)
{
    (void)call, (void)ev, (void)state;
    say('v');
    return FCT_NEXT;
}

START_TEST(the_host_waits_otherwise)
{
    static const struct fct_hook_row rows[] = {FCT_ON(headers, leaves_work),
                                               FCT_ON(verdict, looks_after)};

    memset(order, 0, sizeof order);
    run_rows(rows, 2, NULL);
    ck_assert_str_eq(order, "aAv");
}
END_TEST

static bool slept, woke_in_time;

static void long_nap(struct fct_call *call, void *arg)
{
    (void)arg;
    slept = plugin_host.sleep_ms(call, 60000);
    woke_in_time = true;
    ck_assert(!plugin_host.alloc(call, 1)); /* the call is over */
}

static enum fct_verdict leaves_much(struct fct_call *call, const struct fct_ev_headers *ev,
                                    void *state)
{
    struct fct_token token;

    (void)ev, (void)state;
    for (unsigned i = 0; i < 64; i++) {
        token = plugin_host.start(call, long_nap, NULL);
        ck_assert_uint_ne(token.slot, 0);
    }
    token = plugin_host.start(call, long_nap, NULL); /* one too many */
    ck_assert(!plugin_host.wait_all(call, &token, 1));
    return FCT_NEXT;
}

START_TEST(what_is_left_is_cancelled_at_the_deadline)
{
    static const struct fct_hook_row rows[] = {FCT_ON(headers, leaves_much, .deadline_ms = 50)};
    uint64_t begin = clock_ms();
    const struct filter_result *r;

    slept = true;
    woke_in_time = false;
    r = run_rows(rows, 1, NULL);
    ck_assert(!slept && woke_in_time);
    ck_assert_uint_lt(clock_ms() - begin, 5000);
    ck_assert_int_eq(r->answer.verdict, FCT_TEMPFAIL); /* what it began belongs to the call */
}
END_TEST

/* ---- a deadline at scan ---- */

static enum fct_verdict oversleeps(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    (void)ev, (void)state;
    ck_assert(!plugin_host.sleep_ms(call, 60000));
    return FCT_NEXT;
}

START_TEST(a_timeout_at_scan_is_a_symbol)
{
    static const struct fct_hook_row rows[] = {FCT_ON(scan, oversleeps, .deadline_ms = 20)};
    const struct filter_result *r = run_rows(rows, 1, NULL);
    const struct ledger_entry *e = find_entry(r, LEDGER_SYMBOL, "MY_PLUGIN_TIMEOUT");

    ck_assert_ptr_nonnull(e);
    ck_assert_int_eq(e->score_milli, 0);
    ck_assert_ptr_nonnull(find_entry(r, LEDGER_FAULT, "timeout"));
    ck_assert_int_eq(r->answer.verdict, FCT_NEXT); /* it only scores: pass */
}
END_TEST

/* ---- shadow ---- */

static enum fct_verdict finds(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    (void)ev, (void)state;
    ck_assert(plugin_host.symbol(call, "TRIED", 1, FCT_STR("d")));
    ck_assert(plugin_host.has_symbol(call, "TRIED", NULL));
    return FCT_NEXT;
}

static enum fct_verdict live_looks(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    (void)ev, (void)state;
    ck_assert(!plugin_host.has_symbol(call, "TRIED", NULL));
    return FCT_NEXT;
}

static enum fct_verdict shadow_looks(struct fct_call *call, const struct fct_ev_verdict *ev,
                                     void *state)
{
    (void)state;
    ck_assert_uint_eq(ev->score_milli, 0);
    ck_assert(plugin_host.has_symbol(call, "TRIED", NULL));
    ck_assert(plugin_host.set(call, "action", FCT_STR("reject")));
    ck_assert(plugin_host.force(call, FCT_REFUSE, 100, FCT_STR("because")));
    plugin_host.reply(call, 550, "5.7.1", "no");
    return FCT_REJECT;
}

static enum fct_verdict edits(struct fct_call *call, const struct fct_ev_edit *ev, void *state)
{
    (void)ev, (void)state;
    ck_assert(plugin_host.header_add(call, FCT_TOP, FCT_STR("X-Tried"), FCT_STR("1")));
    ck_assert(plugin_host.set(call, "add_recipient", FCT_STR("eve@example.org")));
    return FCT_NEXT;
}

static enum fct_verdict delivers(struct fct_call *call, const struct fct_ev_deliver *ev,
                                 void *state)
{
    (void)ev, (void)state;
    ck_assert(plugin_host.mailbox(call, FCT_STR("Elsewhere")));
    ck_assert(plugin_host.keyword(call, FCT_STR("$Tried")));
    return FCT_NEXT;
}

START_TEST(a_shadow_changes_nothing)
{
    static const struct fct_hook_row rows[] = {
        FCT_ON(scan, finds, .mode = FCT_SHADOW, .provides = "tried", .label = "s"),
        FCT_ON(scan, live_looks, .after = "tried", .label = "l"),
        FCT_ON(verdict, shadow_looks, .mode = FCT_SHADOW, .label = "s"),
        FCT_ON(edit, edits, .mode = FCT_SHADOW, .label = "s"),
        FCT_ON(deliver, delivers, .mode = FCT_SHADOW, .label = "s"),
    };
    static const struct fct_symbol symbols[] = {{"TRIED", 3, "g", "d"}, {NULL, 0, NULL, NULL}};
    const struct filter_result *r = run_rows(rows, FCT_COUNT(rows), symbols);
    const struct ledger_entry *e = find_entry(r, LEDGER_SYMBOL, "TRIED");
    const struct plugin_row *row = rig.engine.set.plugin[0]->row;

    ck_assert_int_eq(r->answer.verdict, FCT_NEXT);
    ck_assert_int_eq(r->score_milli, 0);
    ck_assert_uint_eq(r->changes, 0);
    ck_assert_uint_eq(r->outcomes, 1);
    ck_assert_uint_eq(r->outcome[0].edits.n, 0);
    ck_assert_uint_eq(r->outcome[0].mailbox.n, 0);
    ck_assert_uint_eq(r->outcome[0].nkeywords, 0);
    ck_assert(e && e->shadow && e->score_milli == 3000 && e->weight_milli == 3000);
    e = find_entry(r, LEDGER_VERDICT, "reject");
    ck_assert(e && e->shadow);
    ck_assert_uint_eq(row->counts.symbols, 1);
    ck_assert_int_eq(row->counts.score_milli, 3000);
}
END_TEST

/* ---- the plan's order is the result's ---- */

static enum fct_verdict late_then(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    (void)ev;
    plugin_host.sleep_ms(call, *(const char *)state == 'A' ? 40 : 5);
    plugin_host.symbol(call, *(const char *)state == 'A' ? "A_SYMBOL" : "B_SYMBOL", 1, FCT_STR(""));
    return FCT_NEXT;
}

START_TEST(the_ledger_keeps_the_order_of_the_plan)
{
    static char a[] = "A", b[] = "B";
    static const struct fct_hook_row rows[] = {FCT_ON(scan, late_then, .label = "1", .state = a),
                                               FCT_ON(scan, late_then, .label = "2", .state = b)};
    static const struct fct_symbol symbols[] = {
        {"A_SYMBOL", 1, "g", "d"}, {"B_SYMBOL", 1, "g", "d"}, {NULL, 0, NULL, NULL}};
    const struct filter_result *r = run_rows(rows, 2, symbols);
    struct ledger ledger;
    struct fct_err err = {0};

    ck_assert(ledger_decode(rig.arena, r->ledger, &ledger, &err));
    ck_assert_uint_ge(ledger.n, 2);
    ck_assert(str_equal(ledger.entry[0].name, FCT_STR("A_SYMBOL")));
    ck_assert(str_equal(ledger.entry[1].name, FCT_STR("B_SYMBOL")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hook_beside");
    TCase *tc = tcase_create("beside");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, two_things_at_once);
    tcase_add_test(tc, the_host_waits_otherwise);
    tcase_add_test(tc, what_is_left_is_cancelled_at_the_deadline);
    tcase_add_test(tc, a_timeout_at_scan_is_a_symbol);
    tcase_add_test(tc, a_shadow_changes_nothing);
    tcase_add_test(tc, the_ledger_keeps_the_order_of_the_plan);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
