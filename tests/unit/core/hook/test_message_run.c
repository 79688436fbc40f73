/* test_message_run.c - scan once, score per profile, act per recipient: who gets what, where one
 * reply answers for all and where each is answered; forced actions, what `verdict` and `edit`
 * change, whose edits are whose. */
#include "../message/message_test.h"
#include "core/plugin/plugin_host.h"
#include "plugin_rig.h"

static struct plugin_rig rig;
static struct fct_plugin object; /* lives longer than the rig */

static const char conf[] =
    "profile soft { match = [\"soft@*\"] junk = 20 reject = 0 }\n"
    "profile hard { match = [\"hard@*\"] junk = 2 reject = 5 }\n"
    "profile held { match = [\"held@*\"] reject = 5 shared = quarantine }\n"
    "profile dropped { match = [\"dropped@*\"] reject = 5 shared = discard }\n"
    "profile away { match = [\"away@*\"] quarantine = 4 }\n"
    "profile gone { match = [\"gone@*\"] discard = 4 reject = 0 }\n";

static const struct fct_symbol symbols[] = {{"FOUND", 1, "g", "as much as the state says"},
                                            {NULL, 0, NULL, NULL}};
static double points; /* what scan finds */

static enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    (void)ev, (void)state;
    if (points != 0)
        ck_assert(plugin_host.symbol(call, "FOUND", points, FCT_STR("")));
    return FCT_NEXT;
}

static void start(const struct fct_hook_row *rows, size_t n)
{
    struct fct_err err = {0};

    plugin_rig_start_with(&rig, conf);
    object = (struct fct_plugin){.head = FCT_PLUGIN_HEAD,
                                 .name = "p",
                                 .version = "1",
                                 .summary = "s",
                                 .symbols = symbols,
                                 .hooks = rows,
                                 .nhooks = n};
    plugin_rig_adopt(&rig, &object);
    ck_assert_msg(plugin_rig_plan(&rig, &err), "%s", err.text);
    ck_assert_msg(plugin_rig_judging(&rig, &err), "%s", err.text);
}

/* "soft hard": soft@x and hard@x. */
static size_t recipients(const char *names, struct filter_recipient *out)
{
    struct fct_str rest = str_from(names);
    size_t n = 0;

    while (rest.p && rest.n > 0) {
        struct fct_str name = str_split(&rest, ' ');
        struct fct_str address = arena_printf(rig.arena, "%.*s@x", FCT_FMT(name));

        out[n++] = (struct filter_recipient){.recipient = address, .account = address};
    }
    return n;
}

static const struct filter_result *deliver(const char *names, bool each)
{
    static struct filter_recipient list[8];

    return plugin_rig_deliver(&rig, FCT_ROLE_MX, each, list, recipients(names, list),
                              FCT_STR("Subject: x\r\n\r\nbody\r\n"));
}

static const char *outcome_text(const struct filter_outcome *o)
{
    return arena_cstr(rig.arena,
                      arena_printf(rig.arena, "%.*s %s %s %.*s %d", FCT_FMT(o->profile),
                                   action_name(o->action), verdict_name(o->answer.verdict),
                                   FCT_FMT(o->mailbox), o->score_milli));
}

/* ---- thresholds, one reply or several ---- */

static const struct fct_hook_row only_scan[] = {FCT_ON(scan, on_scan)};

static const struct {
    const char *name;
    double points;
    const char *to;
    bool each;
    enum fct_verdict message;
    const char *want[3]; /* outcomes: profile, action, verdict, mailbox, score */
} deliveries[] = {
    {"nothing found", 0, "bob", false, FCT_NEXT, {"default keep next  0"}},
    {"junk", 7.5, "bob", false, FCT_NEXT, {"default junk next Junk 7500"}},
    {"refused", 16, "bob", false, FCT_REJECT, {0}},
    {"refused for all", 16, "bob hard", false, FCT_REJECT, {0}},
    {"quarantined for all",
     5,
     "away",
     false,
     FCT_QUARANTINE,
     {"away quarantine quarantine Quarantine 5000"}},
    {"thrown away for all", 5, "gone", false, FCT_DISCARD, {0}},
    {"each as its profile says",
     4.5,
     "bob hard away gone",
     false,
     FCT_NEXT,
     {"default keep next  4500", "hard junk next Junk 4500",
      "away quarantine quarantine Quarantine 4500"}},
    {"one refuses, one reply: Junk instead",
     7,
     "soft hard",
     false,
     FCT_NEXT,
     {"soft keep next  7000", "hard junk next Junk 7000"}},
    {"one refuses, each is answered",
     7,
     "soft hard",
     true,
     FCT_NEXT,
     {"soft keep next  7000", "hard reject reject  7000"}},
    {"one refuses, one reply: quarantine instead",
     7,
     "soft held",
     false,
     FCT_NEXT,
     {"soft keep next  7000", "held quarantine quarantine Quarantine 7000"}},
    {"one refuses, one reply: thrown away instead",
     7,
     "soft dropped",
     false,
     FCT_NEXT,
     {"soft keep next  7000", "dropped discard discard  7000"}},
    {"one refuses, another throws away",
     7,
     "gone hard",
     false,
     FCT_NEXT,
     {"gone discard discard  7000", "hard junk next Junk 7000"}},
    {"several of one profile",
     7,
     "hard hard soft",
     true,
     FCT_NEXT,
     {"hard reject reject  7000", "hard reject reject  7000", "soft keep next  7000"}},
};

START_TEST(each_recipient_by_its_profile)
{
    const struct filter_result *r;

    points = deliveries[_i].points;
    start(only_scan, 1);
    r = deliver(deliveries[_i].to, deliveries[_i].each);
    ck_assert_msg(r->answer.verdict == deliveries[_i].message, "%s: %s", deliveries[_i].name,
                  verdict_name(r->answer.verdict));
    for (size_t i = 0; i < 3 && deliveries[_i].want[i]; i++) {
        ck_assert_uint_gt(r->outcomes, i);
        ck_assert_msg(strcmp(outcome_text(&r->outcome[i]), deliveries[_i].want[i]) == 0,
                      "%s: \"%s\", want \"%s\"", deliveries[_i].name, outcome_text(&r->outcome[i]),
                      deliveries[_i].want[i]);
    }
    if (!deliveries[_i].want[0])
        ck_assert_uint_eq(r->outcomes, 0);
    plugin_rig_stop(&rig);
}
END_TEST

START_TEST(lmtp_answers_each)
{
    static struct filter_recipient list[2];
    const struct filter_result *r;

    points = 7;
    start(only_scan, 1);
    r = plugin_rig_deliver(&rig, FCT_ROLE_LMTP, false, list, recipients("soft hard", list),
                           FCT_STR("A: b\r\n\r\n"));
    ck_assert_str_eq(outcome_text(&r->outcome[1]), "hard reject reject  7000");
    ck_assert_uint_eq(r->outcome[1].answer.code, 550);
    plugin_rig_stop(&rig);
}
END_TEST

START_TEST(a_profile_that_was_asked_for)
{
    struct filter_recipient list[] = {
        {.recipient = FCT_STR("bob@x"), .profile = FCT_STR("hard")},
        {.recipient = FCT_STR("bob@x"),
         .setting = {(const struct fct_str[]){FCT_STR("profile=soft")}, 1}},
    };
    const struct filter_result *r;

    points = 3;
    start(only_scan, 1);
    r = plugin_rig_deliver(&rig, FCT_ROLE_MX, false, list, 2, FCT_STR("A: b\r\n\r\n"));
    ck_assert_str_eq(outcome_text(&r->outcome[0]), "hard junk next Junk 3000");
    ck_assert_str_eq(outcome_text(&r->outcome[1]), "soft keep next  3000");
    plugin_rig_stop(&rig);
}
END_TEST

/* ---- ledgers ---- */

static void check_ledger(struct fct_str bytes, int32_t score, const char *profile)
{
    struct ledger ledger;
    struct fct_err err = {0};
    size_t judged = 0;

    ck_assert_msg(ledger_decode(rig.arena, bytes, &ledger, &err), "%s", err.text);
    ck_assert_int_eq(ledger.score_milli, score);
    for (size_t i = 0; i < ledger.n; i++) {
        if (ledger.entry[i].kind != LEDGER_PROFILE)
            continue;
        judged++;
        ck_assert(str_equal(ledger.entry[i].by, str_from(profile)));
        ck_assert_int_eq(ledger.entry[i].score_milli, score);
    }
    ck_assert_uint_eq(judged, 1);
}

START_TEST(each_ledger_is_whole)
{
    const struct filter_result *r;

    points = 7;
    start(only_scan, 1);
    r = deliver("soft soft hard", false);
    check_ledger(r->ledger, 7000, "soft");
    ck_assert_uint_eq(r->outcome[1].ledger.n, 0); /* as the message's */
    check_ledger(r->outcome[2].ledger, 7000, "hard");
    plugin_rig_stop(&rig);
}
END_TEST

START_TEST(a_refused_message_has_its_ledger)
{
    const struct filter_result *r;

    points = 20;
    start(only_scan, 1);
    r = deliver("bob", false);
    ck_assert(str_equal(r->answer.by, FCT_STR("default")));
    ck_assert_int_eq(r->score_milli, 20000);
    check_ledger(r->ledger, 20000, "default");
    plugin_rig_stop(&rig);
}
END_TEST

/* ---- shadows ---- */

START_TEST(a_shadow_only_says_what_it_would_do)
{
    const struct filter_result *r;
    struct ledger ledger;
    struct fct_err err = {0};
    size_t would = 0;

    points = 4;
    plugin_rig_start_with(&rig, "profile trial { mode = shadow junk = 3 score = [\"FOUND=1.5\"] }\n"
                                "profile other { mode = shadow match = [\"ann@*\"] junk = 1 }\n");
    object = (struct fct_plugin){.head = FCT_PLUGIN_HEAD,
                                 .name = "p",
                                 .version = "1",
                                 .summary = "s",
                                 .symbols = symbols,
                                 .hooks = only_scan,
                                 .nhooks = 1};
    plugin_rig_adopt(&rig, &object);
    ck_assert(plugin_rig_plan(&rig, &err) && plugin_rig_judging(&rig, &err));
    r = deliver("bob", false);
    ck_assert_str_eq(outcome_text(&r->outcome[0]), "default keep next  4000");
    ck_assert(ledger_decode(rig.arena, r->ledger, &ledger, &err));
    ck_assert_int_eq(ledger.score_milli, 4000);
    for (size_t i = 0; i < ledger.n; i++)
        if (ledger.entry[i].shadow && ledger.entry[i].kind == LEDGER_PROFILE) {
            would++;
            ck_assert(str_equal(ledger.entry[i].by, FCT_STR("trial")));
            ck_assert(str_equal(ledger.entry[i].name, FCT_STR("junk")));
            ck_assert_int_eq(ledger.entry[i].score_milli, 6000);
        }
    ck_assert_uint_eq(would, 1);
    plugin_rig_stop(&rig);
}
END_TEST

/* ---- force ---- */

struct wish {
    enum fct_action action;
    uint32_t rank;
};

static enum fct_verdict force(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    const struct wish *w = state;

    (void)ev;
    ck_assert(plugin_host.force(call, w->action, w->rank, FCT_STR("because")));
    ck_assert(!plugin_host.force(call, (enum fct_action)99, 1, FCT_STR("")));
    return FCT_NEXT;
}

static const struct {
    const char *name;
    struct wish a, b;
    const char *want; /* NULL: refused */
} forces[] = {
    {"the higher rank", {FCT_KEEP, 5}, {FCT_REFUSE, 4}, "default keep next  9000"},
    {"whatever the order", {FCT_REFUSE, 4}, {FCT_KEEP, 5}, "default keep next  9000"},
    {"the stricter of equals", {FCT_JUNK, 3}, {FCT_REFUSE, 3}, NULL},
    {"the same the other way round", {FCT_REFUSE, 3}, {FCT_KEEP, 3}, NULL},
    {"tag keeps", {FCT_TAG, 3}, {FCT_TAG, 3}, "default tag next  9000"},
};

START_TEST(forced_actions)
{
    static struct wish a, b;
    struct fct_hook_row rows[] = {FCT_ON(scan, on_scan), FCT_ON(scan, force, .state = &a),
                                  FCT_ON(scan, force, .state = &b)};
    const struct filter_result *r;

    a = forces[_i].a;
    b = forces[_i].b;
    points = 9;
    start(rows, FCT_COUNT(rows));
    r = deliver("bob", false);
    if (forces[_i].want) {
        ck_assert_msg(r->outcomes == 1, "%s", forces[_i].name);
        ck_assert_str_eq(outcome_text(&r->outcome[0]), forces[_i].want);
    } else {
        ck_assert_msg(r->answer.verdict == FCT_REJECT, "%s", forces[_i].name);
        ck_assert(str_equal(r->answer.by, FCT_STR("p"))); /* who forced it */
    }
    plugin_rig_stop(&rig);
}
END_TEST

START_TEST(greylisting_sends_the_client_away_for_all)
{
    static struct wish later = {FCT_GREYLIST, 1};
    struct fct_hook_row rows[] = {FCT_ON(scan, force, .state = &later)};
    const struct filter_result *r;

    start(rows, 1);
    r = deliver("soft hard", false);
    ck_assert_int_eq(r->answer.verdict, FCT_TEMPFAIL);
    ck_assert_uint_eq(r->answer.code, 451);
    ck_assert_uint_eq(r->outcomes, 0);
    plugin_rig_stop(&rig);
}
END_TEST

/* What a greylisting plugin does: the threshold acts because it is there, and it knows who has been
 * here (docs/scoring.md). */
static bool known_client;

static enum fct_verdict greylist(struct fct_call *call, const struct fct_ev_verdict *ev,
                                 void *state)
{
    (void)state;
    if (known_client && str_equal(ev->action, FCT_STR("greylist")))
        ck_assert(plugin_host.set(call, "action", FCT_STR("keep")));
    return FCT_NEXT;
}

START_TEST(a_threshold_greylists_where_a_plugin_can)
{
    static const struct fct_hook_row rows[] = {FCT_ON(scan, on_scan),
                                               FCT_ON(verdict, greylist, .provides = "greylist")};
    struct filter_recipient own = {.recipient = FCT_STR("bob@x"), .account = FCT_STR("bob@x")};
    const struct filter_result *r;

    own.setting = (struct fct_list){(const struct fct_str[]){FCT_STR("greylist=2")}, 1};
    start(rows, FCT_COUNT(rows));
    known_client = false;
    points = 4.5; /* above 4, where it begins */
    r = deliver("bob", false);
    ck_assert_int_eq(r->answer.verdict, FCT_TEMPFAIL);
    ck_assert_uint_eq(r->answer.code, 451);
    known_client = true;
    ck_assert_str_eq(outcome_text(&deliver("bob", false)->outcome[0]), "default keep next  4500");
    known_client = false;
    points = 3;
    ck_assert_str_eq(outcome_text(&deliver("bob", false)->outcome[0]), "default keep next  3000");
    r = plugin_rig_deliver(&rig, FCT_ROLE_MX, false, &own, 1, FCT_STR("A: b\r\n\r\n"));
    ck_assert_int_eq(r->answer.verdict, FCT_TEMPFAIL); /* by a threshold of its own */
    plugin_rig_stop(&rig);
}
END_TEST

/* ---- verdict: once per profile ---- */

static char asked[200];

static enum fct_verdict judge(struct fct_call *call, const struct fct_ev_verdict *ev, void *state)
{
    (void)state;
    snprintf(asked + strlen(asked), sizeof asked - strlen(asked), "%.*s:%.*s:%.*s:%d ",
             FCT_FMT(ev->profile), FCT_FMT(ev->action), FCT_FMT(ev->score), (int)ev->symbols);
    if (str_equal(ev->profile, FCT_STR("hard"))) {
        ck_assert(plugin_host.set(call, "action", FCT_STR("keep")));
        ck_assert(plugin_host.header_add(call, FCT_TOP, FCT_STR("X-Hard"), FCT_STR("1")));
    }
    return FCT_NEXT;
}

START_TEST(verdict_is_asked_once_per_profile)
{
    static const struct fct_hook_row rows[] = {FCT_ON(scan, on_scan), FCT_ON(verdict, judge)};
    const struct filter_result *r;

    asked[0] = '\0';
    points = 2.25;
    start(rows, FCT_COUNT(rows));
    r = deliver("soft hard bob hard bob", false);
    ck_assert_str_eq(asked, "soft:keep:2.25:1 hard:junk:2.25:1 default:keep:2.25:1 ");
    ck_assert_str_eq(outcome_text(&r->outcome[1]), "hard keep next  2250");
    ck_assert_uint_eq(r->outcome[0].edits.n, 0); /* an edit of one profile's verdict */
    ck_assert_uint_eq(r->outcome[1].edits.n, 1);
    ck_assert_uint_eq(r->outcome[2].edits.n, 0);
    ck_assert_ptr_eq(r->outcome[1].edits.edit, r->outcome[3].edits.edit); /* built once */
    plugin_rig_stop(&rig);
}
END_TEST

static enum fct_verdict nonsense(struct fct_call *call, const struct fct_ev_verdict *ev,
                                 void *state)
{
    (void)ev, (void)state;
    plugin_host.set(call, "action", FCT_STR("explode"));
    return FCT_NEXT;
}

START_TEST(an_action_that_is_none_changes_nothing)
{
    static const struct fct_hook_row rows[] = {FCT_ON(scan, on_scan), FCT_ON(verdict, nonsense)};

    points = 7;
    start(rows, FCT_COUNT(rows));
    ck_assert_str_eq(outcome_text(&deliver("bob", false)->outcome[0]),
                     "default junk next Junk 7000");
    plugin_rig_stop(&rig);
}
END_TEST

/* ---- the verdict in a header field ---- */

static enum fct_verdict find_much(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    (void)ev, (void)state;
    plugin_host.symbol(call, "FOUND", 6.5, FCT_STR("evil) \r\nBcc: x"));
    plugin_host.symbol(call, "GOOD", 1, FCT_STR(""));
    for (int i = 0; i < 40; i++)
        plugin_host.symbol(call, arena_cstr(rig.arena, arena_printf(rig.arena, "MANY_%d", i)), 1,
                           FCT_STR("and each of them has a detail that takes some room"));
    return FCT_NEXT;
}

static bool declare_many(struct fct_self *self, const struct fct_host *host, const void *c,
                         void **state, struct fct_err *err)
{
    static char names[40][16];

    (void)c, (void)state;
    for (int i = 0; i < 40; i++) {
        snprintf(names[i], sizeof names[i], "MANY_%d", i);
        if (!host->add_symbol(self, &(struct fct_symbol){names[i], 0.01, "g", ""}, err))
            return false;
    }
    return host->add_symbol(self, &(struct fct_symbol){"GOOD", -0.25, "g", ""}, err);
}

START_TEST(the_verdict_stands_above_the_header)
{
    static const struct fct_hook_row rows[] = {FCT_ON(scan, find_much)};
    struct fct_str text = FCT_STR("Subject: x\r\n\r\nbody\r\n"), view, rest, field;
    const struct filter_result *r;
    struct header_list list;
    struct fct_err err = {0};

    plugin_rig_start(&rig, NULL);
    object = (struct fct_plugin){.head = FCT_PLUGIN_HEAD,
                                 .name = "p",
                                 .version = "1",
                                 .summary = "s",
                                 .symbols = symbols,
                                 .hooks = rows,
                                 .nhooks = 1,
                                 .start = declare_many};
    plugin_rig_adopt(&rig, &object);
    ck_assert(plugin_rig_plan(&rig, &err));
    r = plugin_rig_message(&rig, FCT_ROLE_MX, text);
    ck_assert(str_equal(r->outcome[0].mailbox, FCT_STR("Junk")));
    view = plugin_rig_view(&rig, r, text);
    header_list_parse(rig.arena, view, &(struct header_limits){100, 1 << 20}, &list);
    ck_assert_uint_eq(list.n, 2);
    ck_assert(str_equal(list.field[0].name, FCT_STR("X-Facteur-Verdict")));
    ck_assert_uint_le(list.field[0].raw.n, 930);
    field = header_unfold(rig.arena, &list.field[0]);
    ck_assert_msg(
        str_starts(field, FCT_STR("junk 6.65/6.0; profile=default; FOUND=6.5 (evil? ??Bcc: "
                                  "x), GOOD=-0.25, MANY_0=0.01 (and")),
        "%.*s", FCT_FMT(field));
    ck_assert_int_gt(str_find(field, FCT_STR(" more; id=m1")), 0);
    for (rest = list.field[0].raw; rest.p && rest.n > 0;)
        ck_assert_uint_le(str_split(&rest, '\n').n, 110);
    plugin_rig_stop(&rig);
}
END_TEST

START_TEST(what_is_simply_kept_has_no_verdict_field)
{
    points = 1;
    start(only_scan, 1);
    ck_assert_uint_eq(deliver("bob", false)->outcome[0].edits.n, 0);
    plugin_rig_stop(&rig);
}
END_TEST

/* ---- edit: sender and recipients ---- */

static enum fct_verdict change(struct fct_call *call, const struct fct_ev_edit *ev, void *state)
{
    (void)ev, (void)state;
    ck_assert(plugin_host.set(call, "reverse_path", FCT_STR("a@b")));
    ck_assert(plugin_host.set(call, "add_recipient", FCT_STR("c@d")));
    ck_assert(plugin_host.set(call, "add_recipient", FCT_STR("e@f")));
    ck_assert(plugin_host.set(call, "remove_recipient", FCT_STR("bob@x")));
    ck_assert(!plugin_host.set(call, "action", FCT_STR("keep")));
    return FCT_NEXT;
}

START_TEST(edit_changes_sender_and_recipients)
{
    static const struct fct_hook_row rows[] = {FCT_ON(edit, change)};
    const struct filter_result *r;

    points = 0;
    start(rows, FCT_COUNT(rows));
    r = deliver("bob", false);
    ck_assert_uint_eq(r->changes, 4);
    ck_assert(str_equal(r->change[0].name, FCT_STR("reverse_path")));
    ck_assert(str_equal(r->change[2].value, FCT_STR("e@f")));
    plugin_rig_stop(&rig);
}
END_TEST

/* ---- deliver ---- */

static enum fct_verdict sort(struct fct_call *call, const struct fct_ev_deliver *ev, void *state)
{
    (void)state;
    ck_assert(str_equal(plugin_host.setting(call, "colour"), FCT_STR("")));
    if (str_starts(ev->recipient, FCT_STR("hard"))) {
        ck_assert(str_equal(ev->action, FCT_STR("junk")));
        ck_assert(str_equal(ev->profile, FCT_STR("hard")));
        ck_assert(plugin_host.mailbox(call, FCT_STR("Mine")));
    }
    if (str_starts(ev->recipient, FCT_STR("later")))
        return FCT_TEMPFAIL;
    return str_starts(ev->recipient, FCT_STR("no")) ? FCT_REJECT : FCT_NEXT;
}

static const struct fct_hook_row sorting[] = {FCT_ON(scan, on_scan), FCT_ON(deliver, sort)};

START_TEST(deliver_sees_the_action_and_may_choose_another_mailbox)
{
    points = 3;
    start(sorting, FCT_COUNT(sorting));
    ck_assert_str_eq(outcome_text(&deliver("hard soft", false)->outcome[0]),
                     "hard junk next Mine 3000");
    plugin_rig_stop(&rig);
}
END_TEST

START_TEST(deliver_refuses_one_of_two)
{
    const struct filter_result *r;

    points = 1;
    start(sorting, FCT_COUNT(sorting));
    r = deliver("no bob", false);
    ck_assert_str_eq(outcome_text(&r->outcome[0]), "default junk next Junk 1000");
    r = deliver("no bob", true);
    ck_assert_str_eq(outcome_text(&r->outcome[0]), "default keep reject  1000");
    r = deliver("no no", false); /* nobody keeps it: one reply says so */
    ck_assert_str_eq(outcome_text(&r->outcome[0]), "default keep reject  1000");
    plugin_rig_stop(&rig);
}
END_TEST

/* Behind a milter: somebody else delivers. */
START_TEST(deliver_is_for_accounts_only)
{
    static const struct filter_recipient list[] = {{.recipient = FCT_STR_INIT("no@x")},
                                                   {.recipient = FCT_STR_INIT("hard@x")}};
    const struct filter_result *r;

    points = 3;
    start(sorting, FCT_COUNT(sorting));
    r = plugin_rig_deliver(&rig, FCT_ROLE_MX, true, list, 2, FCT_STR("A: b\r\n\r\n"));
    ck_assert_int_eq(r->answer.verdict, FCT_NEXT);
    ck_assert_str_eq(outcome_text(&r->outcome[0]), "default keep next  3000");
    ck_assert_str_eq(outcome_text(&r->outcome[1]), "hard junk next Junk 3000");
    plugin_rig_stop(&rig);
}
END_TEST

/* The client comes back for all of them: a copy now would be a second one then. */
START_TEST(deliver_sends_the_client_away_for_one)
{
    const struct filter_result *r;

    points = 1;
    start(sorting, FCT_COUNT(sorting));
    r = deliver("bob later no", false);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(r->outcome[i].answer.verdict, FCT_TEMPFAIL);
    r = deliver("bob later no", true);
    ck_assert_int_eq(r->outcome[0].answer.verdict, FCT_NEXT);
    ck_assert_int_eq(r->outcome[1].answer.verdict, FCT_TEMPFAIL);
    ck_assert_int_eq(r->outcome[2].answer.verdict, FCT_REJECT);
    plugin_rig_stop(&rig);
}
END_TEST

static enum fct_verdict edit_much(struct fct_call *call, const struct fct_ev_deliver *ev,
                                  void *state)
{
    const struct fct_part *part;
    char mark[8];
    struct fct_str text = {mark, 0};

    (void)state;
    text.n = (size_t)snprintf(mark, sizeof mark, "%zu", ev->recipient.n);
    ck_assert_uint_eq(plugin_host.parts(call, &part), 1);
    ck_assert(plugin_host.part_patch(call, part, 0, 0, text)); /* moves all that follows */
    return FCT_NEXT;
}

/* Each recipient's view has the whole part anew: more than one answer holds. */
START_TEST(edits_beyond_every_answer)
{
    static const struct fct_hook_row rows[] = {FCT_ON(deliver, edit_much)};
    static struct filter_recipient list[8];
    size_t n = 78 * 40000, head; /* 3 MB of base64 */
    const struct filter_result *r;
    struct fct_err err = {0};
    char *text;

    plugin_rig_start(&rig, NULL);
    text = arena_alloc(rig.arena, n + 100);
    head = (size_t)snprintf(text, 100, "Content-Transfer-Encoding: base64\r\n\r\n");
    for (size_t i = 0; i < n; i++)
        text[head + i] = i % 78 < 76 ? 'A' : i % 78 == 76 ? '\r' : '\n';
    object = (struct fct_plugin){.head = FCT_PLUGIN_HEAD,
                                 .name = "p",
                                 .version = "1",
                                 .summary = "s",
                                 .hooks = rows,
                                 .nhooks = 1};
    plugin_rig_adopt(&rig, &object);
    ck_assert(plugin_rig_plan(&rig, &err));
    r = plugin_rig_deliver(&rig, FCT_ROLE_MX, false, list, recipients("a bb", list),
                           (struct fct_str){text, head + n});
    ck_assert_int_eq(r->answer.verdict, FCT_NEXT);
    ck_assert_uint_eq(r->outcomes, 2);
    r = plugin_rig_deliver(&rig, FCT_ROLE_MX, false, list, recipients("a bb ccc dddd", list),
                           (struct fct_str){text, head + n});
    ck_assert_int_eq(r->answer.verdict, FCT_TEMPFAIL);
    ck_assert_uint_eq(r->outcomes, 0);
    plugin_rig_stop(&rig);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, each_recipient_by_its_profile, 0, (int)FCT_COUNT(deliveries));
    tcase_add_test(tc, lmtp_answers_each);
    tcase_add_test(tc, a_profile_that_was_asked_for);
    tcase_add_test(tc, each_ledger_is_whole);
    tcase_add_test(tc, a_refused_message_has_its_ledger);
    tcase_add_test(tc, a_shadow_only_says_what_it_would_do);
    tcase_add_loop_test(tc, forced_actions, 0, (int)FCT_COUNT(forces));
    tcase_add_test(tc, greylisting_sends_the_client_away_for_all);
    tcase_add_test(tc, a_threshold_greylists_where_a_plugin_can);
    tcase_add_test(tc, verdict_is_asked_once_per_profile);
    tcase_add_test(tc, an_action_that_is_none_changes_nothing);
    tcase_add_test(tc, the_verdict_stands_above_the_header);
    tcase_add_test(tc, what_is_simply_kept_has_no_verdict_field);
    tcase_add_test(tc, edit_changes_sender_and_recipients);
    tcase_add_test(tc, deliver_sees_the_action_and_may_choose_another_mailbox);
    tcase_add_test(tc, deliver_is_for_accounts_only);
    tcase_add_test(tc, deliver_refuses_one_of_two);
    tcase_add_test(tc, deliver_sends_the_client_away_for_one);
    tcase_add_test(tc, edits_beyond_every_answer);
}

int main(void)
{
    return run_suite("message_run", add);
}
