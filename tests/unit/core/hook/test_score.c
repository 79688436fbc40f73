/* test_score.c - profiles, composites and caps: what counts, and that the ledger's lines always add
 * up to the score that was acted on. */
#include "../message/message_test.h"
#include "core/plugin/plugin_host.h"
#include "plugin_rig.h"

static struct plugin_rig rig;

/* ---- symbols without plugins: what is found is written down directly ---- */

static struct fct_plugin object;
static const struct fct_symbol symbols[] = {
    {"A", 2, "one", ""},    {"B", 3, "one", ""},   {"C", -1.5, "two", ""}, {"D", 0.25, "two", ""},
    {"E", 10, "three", ""}, {"F", 0, "three", ""}, {NULL, 0, NULL, NULL},
};

static void start(const char *conf)
{
    plugin_rig_start_with(&rig, conf);
    object = (struct fct_plugin){
        .head = FCT_PLUGIN_HEAD, .name = "p", .version = "1", .summary = "s", .symbols = symbols};
    plugin_rig_adopt(&rig, &object);
}

static void build(void)
{
    struct fct_err err = {0};

    ck_assert_msg(plugin_rig_judging(&rig, &err), "%s", err.text);
}

struct found {
    struct transaction tx;
    struct ledger_log log;
};

static void find(struct found *f, const char *name, double factor)
{
    const struct plugin_symbol *s = plugin_symbol_find(&rig.engine.set, str_from(name));
    struct symbol_hit *hit = ARENA_NEW(rig.arena, struct symbol_hit);
    double milli = (double)s->score_milli * factor;

    hit->symbol = s;
    hit->score_milli = (int32_t)(milli < 0 ? milli - 0.5 : milli + 0.5);
    hit->factor = factor;
    hit->next = f->tx.hit;
    f->tx.hit = hit;
    f->tx.hits++;
    ledger_log_add(&f->log, &(struct ledger_entry){.kind = LEDGER_SYMBOL,
                                                   .hook = FCT_HOOK_scan,
                                                   .name = str_from(name),
                                                   .score_milli = hit->score_milli});
}

/* "A B*0.5": found, in that order. */
static void find_all(struct found *f, const char *text)
{
    struct fct_str rest = str_from(text);

    *f = (struct found){.tx.arena = rig.arena, .log.arena = rig.arena};
    while (rest.p && rest.n > 0) {
        struct fct_str word = str_split(&rest, ' '), name = str_split(&word, '*');

        find(f, arena_cstr(rig.arena, name), word.p ? atof(arena_cstr(rig.arena, word)) : 1);
    }
}

static const struct profile *profile_named(const char *name)
{
    struct profile_wish wish = {.asked = str_from(name)};
    bool unknown = false;
    const struct profile *p = profile_choose(&rig.engine.judging.profiles, &wish, &unknown);

    ck_assert_msg(!unknown, "%s", name);
    return p;
}

static struct score judge(struct found *f, const char *profile)
{
    return score_judge(&f->tx, &rig.engine.judging.composites, profile_named(profile), &f->log);
}

static bool counts(const struct score *s, const char *name)
{
    for (const struct symbol_hit *h = s->hit; h; h = h->next)
        if (strcmp(h->symbol->name, name) == 0)
            return true;
    return false;
}

/* ---- single rules ---- */

static const struct {
    const char *name, *conf, *profile, *found;
    int32_t milli;
    const char *there, *gone; /* a symbol that counts, one that does not */
} scores[] = {
    {"nothing found", "", "default", "", 0, NULL, "A"},
    {"a plain sum", "", "default", "A B C", 3500, "C", "D"},
    {"a factor", "", "default", "B*0.5 C", 0, "B", NULL},
    {"another weight", "profile default { score = [\"A=5\"] }", "default", "A*0.5 B", 5500, "A",
     NULL},
    {"a weight where there was none", "profile default { score = [\"F=-2\"] }", "default", "F*2",
     -4000, "F", NULL},
    {"disabled", "profile default { disable = [\"B\"] }", "default", "A B", 2000, "A", "B"},
    {"disabled by default, on again",
     "profile default { disable = [\"B\"] }\nprofile x { score = "
     "[\"B=1\"] }",
     "x", "A B", 3000, "B", NULL},
    {"a profile adds to default's lists",
     "profile default { disable = [\"A\"] }\nprofile x { disable = [\"B\"] }", "x", "A B D", 250,
     "D", "B"},
    {"default is not changed by others",
     "profile default { disable = [\"A\"] }\nprofile x { disable = [\"B\"] score = [\"D=9\"] }",
     "default", "A B D", 3250, "B", "A"},
    {"a cap", "profile default { group_cap = [\"one=4\"] }", "default", "A B C", 2500, "A", NULL},
    {"a cap below", "profile default { group_cap = [\"two=-1..4\"] }", "default", "C", -1000, "C",
     NULL},
    {"a cap that does not bite", "profile default { group_cap = [\"one=4\"] }", "default", "A",
     2000, "A", NULL},
    {"a profile's own cap",
     "profile default { group_cap = [\"one=4\"] }\n"
     "profile x { group_cap = [\"one=1\"] }",
     "x", "A B", 1000, "A", NULL},
    {"unknown symbols in lists are passed over",
     "profile default { disable = [\"NOBODY\"] score = [\"NEITHER=3\"] }", "default", "A", 2000,
     "A", NULL},
    {"and", "composite X { expression = \"A & B\" score = 1 }", "default", "A B", 6000, "X", NULL},
    {"and, one is missing", "composite X { expression = \"A & B\" score = 1 }", "default", "A",
     2000, "A", "X"},
    {"or", "composite X { expression = \"A | B\" score = 1 }", "default", "B", 4000, "X", NULL},
    {"and binds closer", "composite X { expression = \"A | B & C\" score = 1 }", "default", "A",
     3000, "X", NULL},
    {"brackets", "composite X { expression = \"(A | B) & C\" score = 1 }", "default", "A", 2000,
     "A", "X"},
    {"not", "composite X { expression = \"A & !B\" score = 1 }", "default", "A", 3000, "X", NULL},
    {"not, but it is there", "composite X { expression = \"A & !B\" score = 1 }", "default", "A B",
     5000, "A", "X"},
    {"twice not", "composite X { expression = \"!!A\" score = 1 }", "default", "A", 3000, "X",
     NULL},
    {"doubled operators", "composite X { expression = \"A && B || C\" score = 1 }", "default", "C",
     -500, "X", NULL},
    {"a group", "composite X { expression = \"g:one & D\" score = 1 }", "default", "B D", 4250, "X",
     NULL},
    {"a group without itself", "composite X { expression = \"g:one & D\" group = one score = 1 }",
     "default", "D", 250, "D", "X"},
    {"may be missing", "composite X { expression = \"A & !NOBODY? & !g:none?\" score = 1 }",
     "default", "A", 3000, "X", NULL},
    {"a composite of a composite, whatever their order",
     "composite M { expression = \"Z & C\" score = 1 }\ncomposite Z { expression = \"A\" score = 2 "
     "}",
     "default", "A C", 3500, "M", NULL},
    {"consumes", "composite X { expression = \"A & B\" score = 1 consume = yes }", "default",
     "A B C", -500, "X", "A"},
    {"consumes only what made it true",
     "composite X { expression = \"(A | B & C) & !D\" score = 1 consume = yes }", "default", "A B",
     4000, "B", "A"},
    {"two consume the same",
     "composite X { expression = \"A\" score = 1 consume = yes }\n"
     "composite Y { expression = \"A & B\" score = 1 consume = yes }",
     "default", "A B", 2000, "Y", "A"},
    {"one that is consumed still consumes",
     "composite X { expression = \"A\" score = 1 consume = yes }\n"
     "composite Y { expression = \"X\" score = 5 consume = yes }",
     "default", "A B", 8000, "Y", "X"},
    {"consumes a group", "composite X { expression = \"g:one\" score = 1 consume = yes }",
     "default", "A B", 1000, "X", "B"},
    {"a disabled symbol makes nothing true",
     "composite X { expression = \"A & B\" score = 1 }\nprofile default { disable = [\"A\"] }",
     "default", "A B", 3000, "B", "X"},
    {"a disabled composite",
     "composite X { expression = \"A\" score = 1 }\nprofile default { disable = [\"X\"] }",
     "default", "A", 2000, "A", "X"},
    {"a composite's own weight",
     "composite X { expression = \"A\" score = 1 }\nprofile default { score = [\"X=7\"] }",
     "default", "A", 9000, "X", NULL},
    {"a composite in a capped group",
     "composite X { expression = \"A\" score = 5 group = one }\n"
     "profile default { group_cap = [\"one=3\"] }",
     "default", "A", 3000, "X", NULL},
};

START_TEST(what_counts)
{
    struct found f;
    struct score s;

    start(scores[_i].conf);
    build();
    find_all(&f, scores[_i].found);
    s = judge(&f, scores[_i].profile);
    ck_assert_msg(s.milli == scores[_i].milli, "%s: %d, want %d", scores[_i].name, s.milli,
                  scores[_i].milli);
    ck_assert_msg(f.log.score_milli == s.milli, "%s: the ledger makes %d", scores[_i].name,
                  f.log.score_milli);
    ck_assert_msg(!scores[_i].there || counts(&s, scores[_i].there), "%s", scores[_i].name);
    ck_assert_msg(!scores[_i].gone || !counts(&s, scores[_i].gone), "%s", scores[_i].name);
    plugin_rig_stop(&rig);
}
END_TEST

/* ---- refused ---- */

static const struct {
    const char *conf, *why;
} refused[] = {
    {"composite X { expression = \"A &\" }",
     "composite X, column 4: the expression breaks off, a symbol is missing"},
    {"composite X { expression = \"\" }", "composite X, column 1: the expression breaks off"},
    {"composite X { expression = \"A B\" }",
     "composite X, column 3: & or | must stand between two symbols"},
    {"composite X { expression = \"(A | B\" }", "composite X, column 1: this bracket is never"},
    {"composite X { expression = \"A | )\" }", "composite X, column 5: a symbol, g:GROUP, ! or ("},
    {"composite X { expression = \"A & NOBODY\" }",
     "composite X, column 5: no enabled plugin declares this symbol"},
    {"composite X { expression = \"g:none\" }", "composite X, column 1: no enabled plugin has"},
    {"composite X { expression = \"g:\" }", "composite X, column 3: the name of a group"},
    {"composite x { expression = \"A\" }", "composite \"x\": a symbol has up to 64 of A-Z"},
    {"composite A { expression = \"B\" }", "composite A: a plugin has a symbol of this name"},
    {"composite X { expression = \"A\" score = 2000 }", "composite X: score must be"},
    {"composite X { expression = \"X\" }", "composites wait for each other: X needs X"},
    {"composite X { expression = \"Y\" }\ncomposite Y { expression = \"A | X\" }",
     "composites wait for each other: X needs Y needs X"},
    {"composite X { expression = \"g:new\" group = old }\n"
     "composite Y { expression = \"g:old\" group = new }",
     "composites wait for each other: X needs Y needs X"},
    {"profile default { junk = six }", "profile default: junk: cannot read \"six\""},
    {"profile x { reject = -1 }", "profile x: reject: cannot read \"-1\" (0 to 1000"},
    {"profile x { mode = dark }", "profile x: mode: \"dark\" is not live or shadow"},
    {"profile default { mode = shadow }", "profile default: mode: somebody must judge"},
    {"profile x { shared = reject }", "profile x: shared: \"reject\" is not junk, quarantine"},
    {"profile x { score = [\"A\"] }", "profile x: score: cannot read \"A\" (example"},
    {"profile x { score = [\"A=much\"] }", "profile x: score: cannot read \"A=much\""},
    {"profile x { group_cap = [\"one\"] }", "profile x: group_cap: cannot read \"one\""},
    {"profile x { group_cap = [\"one=5..1\"] }", "profile x: group_cap: cannot read"},
    {"profile x { group_cap = [\"one=-5\"] }", "profile x: group_cap: cannot read"},
    {"profile x { match = [\"example.org\"] }", "profile x: match: \"example.org\" is no address"},
    {"profile x { match = [\"role:imap\"] }", "profile x: match: \"role:imap\": the roles are"},
};

START_TEST(mistakes_are_named)
{
    struct fct_err err = {0};

    start(refused[_i].conf);
    ck_assert_msg(!plugin_rig_judging(&rig, &err), "%s", refused[_i].conf);
    ck_assert_msg(strstr(err.text, refused[_i].why), "%s: %s", refused[_i].conf, err.text);
    /* where it is written; nobody can say where a cycle begins */
    ck_assert_msg(strstr(err.text, ":1:") || strstr(refused[_i].why, "wait for each other"), "%s",
                  err.text);
    plugin_rig_stop(&rig);
}
END_TEST

START_TEST(deep_brackets_end)
{
    struct fct_err err = {0};
    char conf[400] = "composite X { expression = \"";

    for (int i = 0; i < 40; i++)
        strncat(conf, "(", sizeof conf - strlen(conf) - 1);
    strncat(conf, "A\" }", sizeof conf - strlen(conf) - 1);
    start(conf);
    ck_assert(!plugin_rig_judging(&rig, &err));
    ck_assert_msg(strstr(err.text, "more than 32 brackets"), "%s", err.text);
    plugin_rig_stop(&rig);
}
END_TEST

/* ---- composites that a plugin declares ---- */

static bool declare(struct fct_self *self, const struct fct_host *host, const void *conf,
                    void **state, struct fct_err *err)
{
    const struct fct_composite composite = {.size = sizeof composite,
                                            .symbol = {"MADE", 4, "three", "made of others"},
                                            .expression = "A & !E"},
                               bad = {.size = 4};

    (void)conf, (void)state;
    ck_assert(!host->add_composite(self, &bad, err));
    return host->add_composite(self, &composite, err);
}

START_TEST(a_plugin_declares_one)
{
    struct found f;
    struct score s;

    plugin_rig_start(&rig, NULL);
    object = (struct fct_plugin){.head = FCT_PLUGIN_HEAD,
                                 .name = "p",
                                 .version = "1",
                                 .summary = "s",
                                 .symbols = symbols,
                                 .start = declare};
    plugin_rig_adopt(&rig, &object);
    build();
    find_all(&f, "A D");
    s = judge(&f, "default");
    ck_assert_int_eq(s.milli, 6250);
    ck_assert_uint_eq(s.symbols, 3);
    ck_assert(counts(&s, "MADE"));
    ck_assert(str_equal(f.log.entry[2].by, FCT_STR("p"))); /* its owner is named */
    plugin_rig_stop(&rig);
}
END_TEST

/* ---- the property: the lines of the ledger make the score ---- */

static void put_name(struct buf *out, uint32_t *seed)
{
    buf_put_char(out, (char)('A' + next_random(seed) % 6));
}

static void put_expression(struct buf *out, uint32_t *seed, unsigned depth)
{
    static const char *const joins[] = {" & ", " | "};

    if (next_random(seed) % 4 == 0)
        buf_put_char(out, '!');
    if (depth == 0 || next_random(seed) % 3 == 0) {
        if (next_random(seed) % 4 == 0)
            buf_put_c(out, next_random(seed) % 2 ? "g:one" : "g:two");
        else
            put_name(out, seed);
        return;
    }
    buf_put_char(out, '(');
    put_expression(out, seed, depth - 1);
    buf_put_c(out, joins[next_random(seed) % 2]);
    put_expression(out, seed, depth - 1);
    buf_put_char(out, ')');
}

static const char *random_conf(struct buf *out, uint32_t *seed)
{
    static const char *const groups[] = {"one", "two", "three"};

    buf_put_c(out, "profile default { ");
    for (unsigned n = 0; n < 2; n++) {
        buf_put_c(out, n ? "score = [" : "disable = [");
        for (unsigned i = next_random(seed) % 3; i > 0; i--) {
            buf_put_char(out, '"');
            put_name(out, seed);
            if (n)
                buf_printf(out, "=%d.%u", (int)(next_random(seed) % 40) - 20,
                           next_random(seed) % 1000);
            buf_put_c(out, i > 1 ? "\", " : "\"");
        }
        buf_put_c(out, "] ");
    }
    buf_printf(out, "group_cap = [\"%s=%u.5\", \"%s=-1..2\"] }\n", groups[next_random(seed) % 3],
               next_random(seed) % 6, groups[next_random(seed) % 3]);
    for (unsigned i = 0; i < 3; i++) {
        buf_printf(out, "composite X%u { score = %d group = %s consume = %s expression = \"", i,
                   (int)(next_random(seed) % 20) - 10, groups[next_random(seed) % 3],
                   next_random(seed) % 2 ? "yes" : "no");
        put_expression(out, seed, 2);
        buf_put_c(out, "\" }\n");
    }
    buf_put_char(out, '\0');
    return out->p;
}

static void find_random(struct found *f, uint32_t *seed)
{
    *f = (struct found){.tx.arena = rig.arena, .log.arena = rig.arena};
    for (int i = 0; i < 6; i++)
        if (next_random(seed) % 2)
            find(f, symbols[i].name, (double)(next_random(seed) % 300) / 100);
}

static void check_sum(const struct found *f, const struct score *s, const char *conf)
{
    FCT_CLEANUP(buf_free) struct buf bytes = BUF_INIT(1u << 20);
    struct ledger view = ledger_log_view(&f->log), got;
    struct fct_err err = {0};

    ck_assert_msg(f->log.score_milli == s->milli, "%d, the ledger makes %d: %s", s->milli,
                  f->log.score_milli, conf);
    ledger_encode(&view, &bytes);
    ck_assert_msg(ledger_decode(rig.arena, buf_str(&bytes), &got, &err), "%s", err.text);
    ck_assert_int_eq(got.score_milli, s->milli);
}

START_TEST(ledger_lines_add_up_to_the_score)
{
    uint32_t seed = 2024;
    struct fct_err err = {0};
    unsigned judged = 0;

    for (unsigned round = 0; round < 300; round++) {
        FCT_CLEANUP(buf_free) struct buf conf = BUF_INIT(4096);

        start(random_conf(&conf, &seed));
        if (plugin_rig_judging(&rig, &err)) /* groups may make composites wait for each other */
            for (unsigned message = 0; message < 20; message++, judged++) {
                struct found f;
                struct score s;

                find_random(&f, &seed);
                s = judge(&f, "default");
                check_sum(&f, &s, conf.p);
            }
        plugin_rig_stop(&rig);
    }
    ck_assert_uint_gt(judged, 3000);
}
END_TEST

/* ---- who is judged by what, and with which action ---- */

static const char profiles_conf[] =
    "profile all { match = [\"*\"] }\n"
    "profile org { match = [\"*@example.org\", \"*@*.example.org\"] junk = 3 }\n"
    "profile lists { match = [\"*-list@example.org\"] }\n"
    "profile bob { match = [\"Bob@example.org\"] }\n"
    "profile own { match = [\"role:submission\"] reject = 0 }\n"
    "profile strict { junk = 1 quarantine = 4 discard = 10 }\n";

static const struct {
    const char *recipient, *account;
    uint32_t role;
    const char *asked, *setting, *want;
    bool unknown;
} choices[] = {
    {"bob@example.org", "bob@example.org", FCT_ROLE_MX, "", "", "bob", false},
    {"BOB@EXAMPLE.ORG", "", FCT_ROLE_MX, "", "", "bob", false},
    {"sales@example.org", "bob@example.org", FCT_ROLE_MX, "", "", "bob", false},
    {"ann@example.org", "", FCT_ROLE_SUBMISSION, "", "", "org", false},
    {"ann@a.example.org", "", FCT_ROLE_MX, "", "", "org", false},
    {"dev-list@example.org", "", FCT_ROLE_MX, "", "", "lists", false},
    {"ann@example.net", "", FCT_ROLE_MX, "", "", "all", false},
    {"ann@example.net", "", FCT_ROLE_SUBMISSION, "", "", "all", false},
    {"bob@example.org", "", FCT_ROLE_MX, "strict", "", "strict", false},
    {"bob@example.org", "", FCT_ROLE_MX, "strict", "org", "strict", false},
    {"bob@example.org", "", FCT_ROLE_MX, "", "org", "org", false},
    {"bob@example.org", "", FCT_ROLE_MX, "nobody", "", "bob", true},
    {"bob@example.org", "", FCT_ROLE_MX, "default", "", "default", false},
};

START_TEST(the_most_specific_profile_judges)
{
    struct profile_wish wish = {str_from(choices[_i].asked), str_from(choices[_i].setting),
                                str_from(choices[_i].recipient), str_from(choices[_i].account),
                                choices[_i].role};
    const struct profile *p;
    bool unknown = false;

    start(profiles_conf);
    build();
    p = profile_choose(&rig.engine.judging.profiles, &wish, &unknown);
    ck_assert_msg(strcmp(p->name, choices[_i].want) == 0, "%s: %s, want %s", choices[_i].recipient,
                  p->name, choices[_i].want);
    ck_assert(unknown == choices[_i].unknown);
    plugin_rig_stop(&rig);
}
END_TEST

START_TEST(a_role_is_behind_every_address)
{
    struct profile_wish wish = {.recipient = FCT_STR("a@b"), .role = FCT_ROLE_SUBMISSION};

    start("profile own { match = [\"role:submission\"] }");
    build();
    ck_assert_str_eq(profile_choose(&rig.engine.judging.profiles, &wish, NULL)->name, "own");
    wish.role = FCT_ROLE_MX;
    ck_assert_str_eq(profile_choose(&rig.engine.judging.profiles, &wish, NULL)->name, "default");
    plugin_rig_stop(&rig);
}
END_TEST

static const struct {
    const char *profile;
    int32_t milli;
    enum fct_action want;
} actions[] = {
    {"default", 5999, FCT_KEEP},    {"default", 6000, FCT_JUNK},   {"default", 14999, FCT_JUNK},
    {"default", 15000, FCT_REFUSE}, {"default", -20000, FCT_KEEP}, {"org", 3000, FCT_JUNK},
    {"org", 15000, FCT_REFUSE},     {"own", 100000, FCT_JUNK},     {"strict", 999, FCT_KEEP},
    {"strict", 1000, FCT_JUNK},     {"strict", 4000, FCT_HOLD},    {"strict", 12000, FCT_DROP},
    {"strict", 15000, FCT_REFUSE},
};

START_TEST(thresholds_propose_an_action)
{
    start(profiles_conf);
    build();
    for (size_t i = 0; i < FCT_COUNT(actions); i++)
        ck_assert_msg(profile_action(profile_named(actions[i].profile), actions[i].milli) ==
                          actions[i].want,
                      "%s at %d", actions[i].profile, actions[i].milli);
    plugin_rig_stop(&rig);
}
END_TEST

/* Without memory of who was here before, a greylist threshold would keep mail away for ever. */
START_TEST(nobody_greylists_without_a_plugin)
{
    start("profile default { greylist = 4 }");
    build();
    ck_assert_int_eq(profile_action(profile_named("default"), 5000), FCT_KEEP);
    plugin_rig_stop(&rig);
}
END_TEST

START_TEST(scores_as_text)
{
    static const struct {
        int32_t milli;
        const char *want;
    } texts[] = {{0, "0"},       {6000, "6"},    {-1250, "-1.25"},
                 {500, "0.5"},   {-1, "-0.001"}, {INT32_MIN, "-2147483.648"},
                 {100000, "100"}};
    char to[SCORE_TEXT_MAX];

    for (size_t i = 0; i < FCT_COUNT(texts); i++)
        ck_assert_msg(str_equal(score_text(texts[i].milli, to), str_from(texts[i].want)), "%s",
                      texts[i].want);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, what_counts, 0, (int)FCT_COUNT(scores));
    tcase_add_loop_test(tc, mistakes_are_named, 0, (int)FCT_COUNT(refused));
    tcase_add_test(tc, deep_brackets_end);
    tcase_add_test(tc, a_plugin_declares_one);
    tcase_add_test(tc, ledger_lines_add_up_to_the_score);
    tcase_add_loop_test(tc, the_most_specific_profile_judges, 0, (int)FCT_COUNT(choices));
    tcase_add_test(tc, a_role_is_behind_every_address);
    tcase_add_test(tc, thresholds_propose_an_action);
    tcase_add_test(tc, nobody_greylists_without_a_plugin);
    tcase_add_test(tc, scores_as_text);
}

int main(void)
{
    return run_suite("score", add);
}
