/* test_personal.c - symbols of one account, thresholds and lists of accounts: who is judged alike,
 * whose ledger says what, and that every ledger adds up. */
#include "../message/message_test.h"
#include "core/plugin/plugin_host.h"
#include "plugin_rig.h"

static struct plugin_rig rig;
static struct fct_plugin object;

static const struct fct_symbol symbols[] = {
    {"COMMON", 3, "g", ""}, {"OTHER", 1, "h", ""}, {"OWN", 2, "g", ""},
    {"GOOD", -4, "g", ""},  {NULL, 0, NULL, NULL},
};

static void start(const char *conf, const struct fct_hook_row *rows, size_t n)
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

static struct filter_recipient to(const char *address, const char *const *setting)
{
    struct filter_recipient r = {.recipient = str_from(address), .account = str_from(address)};
    struct fct_str *item = ARENA_ARRAY(rig.arena, struct fct_str, 8);

    while (setting && setting[r.setting.n]) {
        item[r.setting.n] = str_from(setting[r.setting.n]);
        r.setting.n++;
    }
    r.setting.item = item;
    return r;
}

#define MESSAGE FCT_STR("From: Boss <boss@example.org>\r\nSubject: x\r\n\r\nbody\r\n")

static const struct filter_result *deliver(const struct filter_recipient *list, size_t n)
{
    return plugin_rig_deliver(&rig, FCT_ROLE_MX, true, list, n, MESSAGE);
}

static void decode(const struct filter_result *r, size_t i, struct ledger *out)
{
    struct fct_str bytes = r->outcome[i].ledger.n > 0 ? r->outcome[i].ledger : r->ledger;
    struct fct_err err = {0};

    ck_assert_msg(ledger_decode(rig.arena, bytes, out, &err), "%s", err.text);
    ck_assert_int_eq(out->score_milli, r->outcome[i].score_milli);
}

static bool ledger_has(const struct filter_result *r, size_t i, const char *name)
{
    struct ledger l;

    decode(r, i, &l);
    for (size_t e = 0; e < l.n; e++)
        if (str_equal(l.entry[e].name, str_from(name)))
            return true;
    return false;
}

/* ---- symbols of one account ---- */

static enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    const struct fct_host *h = &plugin_host;

    (void)ev, (void)state;
    ck_assert(h->symbol(call, "COMMON", 1, FCT_STR("for all")));
    ck_assert(str_equal(h->recipient(call, 0)->recipient, FCT_STR("ann@x")));
    ck_assert(str_equal(h->recipient(call, 1)->account, FCT_STR("bob@x")));
    ck_assert_ptr_null(h->recipient(call, 3));
    ck_assert(str_equal(h->recipient_setting(call, 1, "colour"), FCT_STR("blue")));
    ck_assert(str_equal(h->recipient_setting(call, 0, "colour"), FCT_STR("")));
    ck_assert(str_equal(h->recipient_setting(call, 9, "colour"), FCT_STR("")));
    ck_assert(h->symbol_for(call, FCT_STR("bob@x"), "OWN", 1.5, FCT_STR("his")));
    ck_assert(h->symbol_for(call, FCT_STR("bob@x"), "OWN", 9, FCT_STR("the first counts")));
    ck_assert(h->symbol_for(call, FCT_STR("bob@x"), "COMMON", 0, FCT_STR("not for him")));
    ck_assert(!h->symbol_for(call, FCT_STR("eve@x"), "OWN", 1, FCT_STR("")));
    ck_assert(!h->symbol_for(call, FCT_STR("bob@x"), "NOBODY", 1, FCT_STR("")));
    ck_assert(!h->symbol_for(call, FCT_STR(""), "OWN", 1, FCT_STR("")));
    ck_assert(!h->has_symbol(call, "OWN", NULL)); /* not of the message */
    return FCT_NEXT;
}

static char seen[200];

static enum fct_verdict on_verdict(struct fct_call *call, const struct fct_ev_verdict *ev,
                                   void *state)
{
    double own = 0;

    (void)state;
    (void)plugin_host.has_symbol(call, "OWN", &own);
    snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%.*s:%.*s:%g ", FCT_FMT(ev->profile),
             FCT_FMT(ev->score), own);
    for (size_t i = 0; i < 5; i++)
        ck_assert((plugin_host.symbol_at(call, i, NULL) != NULL) == (i < ev->symbols));
    return FCT_NEXT;
}

static enum fct_verdict on_deliver(struct fct_call *call, const struct fct_ev_deliver *ev,
                                   void *state)
{
    bool own = plugin_host.has_symbol(call, "OWN", NULL);

    (void)state;
    ck_assert(own == str_equal(ev->account, FCT_STR("bob@x")));
    ck_assert(plugin_host.has_symbol(call, "COMMON", NULL) != own);
    return FCT_NEXT;
}

START_TEST(a_symbol_for_one_account)
{
    static const struct fct_hook_row rows[] = {FCT_ON(scan, on_scan), FCT_ON(verdict, on_verdict),
                                               FCT_ON(deliver, on_deliver)};
    const struct filter_result *r;

    seen[0] = '\0';
    start("composite PAIR { expression = \"OWN & !COMMON\" score = 5 }\n"
          "profile default { junk = 7 }",
          rows, FCT_COUNT(rows));
    r = deliver((const struct filter_recipient[]){to("ann@x", NULL),
                                                  to("bob@x", (const char *[]){"colour=blue", 0}),
                                                  to("carol@x", NULL)},
                3);
    ck_assert_str_eq(seen, "default:3:0 default:8:3 "); /* ann and carol share theirs */
    ck_assert_int_eq(r->outcome[0].score_milli, 3000);
    ck_assert_int_eq(r->outcome[1].score_milli, 8000);
    ck_assert_int_eq(r->outcome[1].action, FCT_JUNK);
    ck_assert_int_eq(r->outcome[2].score_milli, 3000);
    ck_assert(ledger_has(r, 1, "OWN") && ledger_has(r, 1, "PAIR"));
    ck_assert(!ledger_has(r, 0, "OWN") && !ledger_has(r, 2, "OWN"));
    ck_assert_uint_gt(r->outcome[1].edits.n, r->outcome[0].edits.n); /* the verdict's field */
    plugin_rig_stop(&rig);
}
END_TEST

/* Any mixture: each ledger makes the score that was acted on, and holds nobody else's symbols. */
static uint32_t seed = 11;

static enum fct_verdict at_random(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    const struct fct_recipient *who;

    (void)ev, (void)state;
    for (size_t i = 0; symbols[i].name; i++)
        if (next_random(&seed) % 2)
            plugin_host.symbol(call, symbols[i].name, (next_random(&seed) % 300) / 100.0,
                               FCT_STR("common"));
    for (size_t n = 0; (who = plugin_host.recipient(call, n)); n++)
        for (size_t i = 0; symbols[i].name; i++)
            if (next_random(&seed) % 3 == 0)
                plugin_host.symbol_for(call, who->account, symbols[i].name,
                                       (next_random(&seed) % 300) / 100.0, who->account);
    return FCT_NEXT;
}

START_TEST(every_ledger_adds_up)
{
    static const struct fct_hook_row rows[] = {FCT_ON(scan, at_random)};
    static const char *const who[] = {"ann@x", "bob@x", "carol@y", "dora@y", "bob@x"};
    static const char *const own[][3] = {
        {0}, {"junk=2.5", 0}, {"block_from=example.org", "tag=1", 0}};
    unsigned personal = 0;

    for (unsigned round = 0; round < 60; round++) {
        struct filter_recipient list[FCT_COUNT(who)];
        const struct filter_result *r;

        start(
            "profile y { match = [\"*@y\"] score = [\"OWN=1.5\"] disable = [\"OTHER\"] reject = 0 "
            "group_cap = [\"g=-1..4\"] }\n"
            "profile default { reject = 0 }\n"
            "composite PAIR { expression = \"OWN & COMMON\" score = 5 consume = yes }",
            rows, 1);
        for (size_t i = 0; i < FCT_COUNT(who); i++)
            list[i] = to(who[i], own[next_random(&seed) % FCT_COUNT(own)]);
        r = deliver(list, FCT_COUNT(who));
        ck_assert_uint_eq(r->outcomes, FCT_COUNT(who));
        for (size_t i = 0; i < r->outcomes; i++) {
            struct ledger l;

            decode(r, i, &l);
            for (size_t e = 0; e < l.n; e++)
                if (l.entry[e].kind == LEDGER_SYMBOL && str_find_char(l.entry[e].detail, '@') > 0) {
                    ck_assert(str_equal(l.entry[e].detail, list[i].account));
                    personal++;
                }
        }
        plugin_rig_stop(&rig);
    }
    ck_assert_uint_gt(personal, 200);
}
END_TEST

/* ---- thresholds and lists ---- */

static double points;
static const char *fact;

static enum fct_verdict find_points(struct fct_call *call, const struct fct_ev_scan *ev,
                                    void *state)
{
    (void)ev, (void)state;
    plugin_host.symbol(call, "OTHER", points, FCT_STR(""));
    if (fact)
        plugin_host.fact_add(call, "auth", str_from(fact));
    return FCT_NEXT;
}

static const struct {
    const char *name, *setting[4];
    double points;
    const char *fact;
    enum fct_action want;
} wishes[] = {
    {"as the profile says", {0}, 7, NULL, FCT_JUNK},
    {"an own threshold", {"junk=8", 0}, 7, NULL, FCT_KEEP},
    {"an own threshold, lower", {"junk=0.5", 0}, 0.5, NULL, FCT_JUNK},
    {"never", {"junk=0", 0}, 7, NULL, FCT_KEEP},
    {"several", {"junk=0", "reject=6.5", 0}, 7, NULL, FCT_REFUSE},
    {"no number", {"junk=six", 0}, 7, NULL, FCT_JUNK},
    {"another profile and more", {"junk=3", "profile=soft", 0}, 4, NULL, FCT_JUNK},
    {"nobody can greylist", {"greylist=1", 0}, 2, NULL, FCT_KEEP},
    {"allowed, not proven", {"allow_from=boss@example.org", 0}, 7, NULL, FCT_JUNK},
    {"allowed, by dmarc",
     {"allow_from=boss@example.org", 0},
     7,
     "dmarc=pass header.from=example.org policy.dmarc=none",
     FCT_KEEP},
    {"allowed, dmarc of another domain",
     {"allow_from=boss@example.org", 0},
     7,
     "dmarc=pass header.from=example.com",
     FCT_JUNK},
    {"allowed, by dkim of the same organisation",
     {"allow_from=example.org", 0},
     7,
     "dkim=pass header.d=mail.Example.org header.s=a",
     FCT_KEEP},
    {"allowed, dkim of a stranger",
     {"allow_from=example.org", 0},
     7,
     "dkim=pass header.d=example.com",
     FCT_JUNK},
    {"a stranger's text in a comment",
     {"allow_from=example.org", 0},
     7,
     "dkim=pass (header.d=example.org) reason=\"\\\" header.d=example.org\" header.d=example.com",
     FCT_JUNK},
    {"in a comment within a comment",
     {"allow_from=example.org", 0},
     7,
     "dkim=pass (a (b) header.d=example.org ) header.d=example.com",
     FCT_JUNK},
    {"failed", {"allow_from=example.org", 0}, 7, "dkim=fail header.d=example.org", FCT_JUNK},
    {"allowed, by spf",
     {"allow_from=*.org", 0},
     7,
     "spf=pass smtp.mailfrom=bounce@news.example.org",
     FCT_KEEP},
    {"allowed without proof",
     {"allow_from=example.org", "allow_unproven=yes", 0},
     7,
     NULL,
     FCT_KEEP},
    {"somebody else",
     {"allow_from=ann@example.org, example.com", "allow_unproven=yes", 0},
     7,
     NULL,
     FCT_JUNK},
    {"blocked", {"block_from=a@b BOSS@example.org", 0}, 0, NULL, FCT_JUNK},
    {"blocked by the envelope", {"block_from=bounces.example.net", 0}, 0, NULL, FCT_JUNK},
    {"blocked and refused",
     {"block_action=reject", "block_from=example.org", 0},
     0,
     NULL,
     FCT_REFUSE},
    {"below the domain only", {"block_from=*.example.org", 0}, 0, NULL, FCT_KEEP},
    {"the closer entry counts",
     {"allow_from=boss@example.org", "allow_unproven=yes", "block_from=example.org", 0},
     7,
     NULL,
     FCT_KEEP},
    {"of equal ones the block",
     {"allow_from=example.org", "allow_unproven=yes", "block_from=example.org", 0},
     0,
     NULL,
     FCT_JUNK},
};

START_TEST(own_wishes)
{
    static const struct fct_hook_row rows[] = {FCT_ON(scan, find_points)};
    const struct filter_result *r;
    struct filter_recipient list[2];

    points = wishes[_i].points;
    fact = wishes[_i].fact;
    start("profile soft { junk = 20 reject = 0 }", rows, 1);
    list[0] = to("soft@x", (const char *[]){"profile=soft", 0});
    list[1] = to("bob@x", wishes[_i].setting);
    r = deliver(list, 2);
    ck_assert_uint_eq(r->outcomes, 2);
    ck_assert_int_eq(r->outcome[0].action, FCT_KEEP); /* others are judged as ever */
    ck_assert_msg(r->outcome[1].action == wishes[_i].want, "%s: %s", wishes[_i].name,
                  action_name(r->outcome[1].action));
    plugin_rig_stop(&rig);
}
END_TEST

/* A plugin that insists is stronger than a list: a virus from a friend is a virus. */
static enum fct_verdict insist(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    (void)ev, (void)state;
    ck_assert(plugin_host.force(call, FCT_REFUSE, 0, FCT_STR("virus")));
    return FCT_NEXT;
}

START_TEST(a_plugin_that_insists_is_stronger)
{
    static const struct fct_hook_row rows[] = {FCT_ON(scan, insist)};
    struct filter_recipient bob;

    start("", rows, 1);
    bob = to("bob@x", (const char *[]){"allow_from=example.org", "allow_unproven=yes", 0});
    ck_assert_int_eq(deliver(&bob, 1)->answer.verdict, FCT_REJECT);
    plugin_rig_stop(&rig);
}
END_TEST

START_TEST(equal_wishes_are_judged_once)
{
    static const struct fct_hook_row rows[] = {FCT_ON(scan, find_points),
                                               FCT_ON(verdict, on_verdict)};
    static const char *const three[] = {"junk=3", "newsletter=x", 0}, *const same[] = {"junk=3", 0};

    seen[0] = '\0';
    points = 4;
    start("", rows, FCT_COUNT(rows));
    deliver((const struct filter_recipient[]){to("a@x", three), to("b@x", same), to("c@x", NULL),
                                              to("d@x", same)},
            4);
    ck_assert_str_eq(seen, "default:4:0 default:4:0 ");
    plugin_rig_stop(&rig);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, a_symbol_for_one_account);
    tcase_add_test(tc, every_ledger_adds_up);
    tcase_add_loop_test(tc, own_wishes, 0, (int)FCT_COUNT(wishes));
    tcase_add_test(tc, a_plugin_that_insists_is_stronger);
    tcase_add_test(tc, equal_wishes_are_judged_once);
}

int main(void)
{
    return run_suite("personal", add);
}
