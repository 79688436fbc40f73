/* test_verdict_header.c - the field is read back by a parser of its own: what is printed is what
 * was judged, and the symbols make the score unless some were left out. */
#include "../message/message_test.h"
#include "core/hook/verdict_header.h"
#include "plugin_rig.h"

static struct plugin_rig rig;
static struct fct_plugin object;

#define SYMBOLS 60
static char names[SYMBOLS][12], groups[3][8] = {"one", "two", "three"};
static struct fct_symbol symbols[SYMBOLS + 1];

static void start(const char *conf)
{
    struct fct_err err = {0};

    for (unsigned i = 0; i < SYMBOLS; i++) {
        snprintf(names[i], sizeof names[i], "SYMBOL_%u", i);
        symbols[i] = (struct fct_symbol){names[i], (i % 7) * 0.613 - 1.2, groups[i % 3], ""};
    }
    plugin_rig_start_with(&rig, conf);
    object = (struct fct_plugin){
        .head = FCT_PLUGIN_HEAD, .name = "p", .version = "1", .summary = "s", .symbols = symbols};
    plugin_rig_adopt(&rig, &object);
    ck_assert_msg(plugin_rig_judging(&rig, &err), "%s", err.text);
}

/* ---- the parser: the grammar of verdict_header.h ---- */

struct parsed {
    char action[16], profile[64], id[64], degraded[16];
    int32_t score, limit, sum, before;
    unsigned symbols, more;
};

static void expect(struct fct_str *in, const char *text)
{
    ck_assert_msg(str_starts(*in, str_from(text)), "\"%s\" at \"%.*s\"", text, FCT_FMT(*in));
    *in = str_skip(*in, strlen(text));
}

static bool take(struct fct_str *in, const char *text)
{
    if (!str_starts(*in, str_from(text)))
        return false;
    *in = str_skip(*in, strlen(text));
    return true;
}

static struct fct_str take_until(struct fct_str *in, const char *ends)
{
    size_t n = 0;

    while (n < in->n && !strchr(ends, in->p[n]))
        n++;
    struct fct_str word = str_head(*in, n);
    *in = str_skip(*in, n);
    return word;
}

static int32_t take_milli(struct fct_str *in)
{
    bool negative = take(in, "-");
    int32_t milli = 0;
    unsigned decimals = 0;

    ck_assert(in->n > 0 && in->p[0] >= '0' && in->p[0] <= '9');
    while (in->n > 0 && in->p[0] >= '0' && in->p[0] <= '9') {
        milli = 10 * milli + 1000 * (in->p[0] - '0');
        *in = str_skip(*in, 1);
    }
    expect(in, "."); /* a score never looks like a count */
    for (int32_t place = 100; in->n > 0 && in->p[0] >= '0' && in->p[0] <= '9'; place /= 10) {
        milli += place * (in->p[0] - '0');
        decimals++;
        *in = str_skip(*in, 1);
    }
    ck_assert(decimals >= 1 && decimals <= 3);
    return negative ? -milli : milli;
}

static void take_symbol(struct fct_str *in, struct parsed *p)
{
    struct fct_str name;
    int32_t milli;

    (void)take(in, "g:");
    name = take_until(in, "=,; (");
    ck_assert_uint_gt(name.n, 0);
    expect(in, "=");
    milli = take_milli(in);
    ck_assert_int_le(abs(milli), p->before); /* strongest first */
    p->before = abs(milli);
    p->sum += milli;
    p->symbols++;
    if (take(in, " (")) {
        (void)take_until(in, ")");
        expect(in, ")");
    }
}

static void take_symbols(struct fct_str *in, struct parsed *p)
{
    while (!str_starts(*in, FCT_STR("id=")) && !str_starts(*in, FCT_STR("degraded="))) {
        if (in->p[0] >= '0' && in->p[0] <= '9') {
            p->more = (unsigned)strtoul(in->p, NULL, 10);
            (void)take_until(in, " ");
            expect(in, " more; ");
            return;
        }
        take_symbol(in, p);
        if (take(in, "; "))
            return;
        expect(in, ", ");
    }
}

/* Unfolded (RFC 5322 2.2.3), from action to id. */
static void parse(struct fct_str in, struct parsed *p)
{
    *p = (struct parsed){.before = INT32_MAX};
    expect(&in, " ");
    str_copy_c(p->action, sizeof p->action, take_until(&in, " "));
    expect(&in, " ");
    p->score = take_milli(&in);
    if (take(&in, "/"))
        p->limit = take_milli(&in);
    expect(&in, "; profile=");
    str_copy_c(p->profile, sizeof p->profile, take_until(&in, ";"));
    expect(&in, "; ");
    take_symbols(&in, p);
    if (take(&in, "degraded=")) {
        str_copy_c(p->degraded, sizeof p->degraded, take_until(&in, ";"));
        expect(&in, "; ");
    }
    expect(&in, "id=");
    str_copy_c(p->id, sizeof p->id, in);
}

static struct fct_str unfold(struct fct_str folded)
{
    struct buf out = BUF_INIT(8192);
    struct fct_str kept;

    for (size_t i = 0; i < folded.n; i++)
        if (folded.p[i] != '\r' && folded.p[i] != '\n')
            buf_put_char(&out, folded.p[i]);
    kept = arena_str(rig.arena, buf_str(&out));
    buf_free(&out);
    return kept;
}

/* ---- judging without a message ---- */

struct judged {
    struct transaction tx;
    struct ledger_log found;
    struct judgement j;
};

static void find(struct judged *d, const char *name, double factor, struct fct_str detail)
{
    const struct plugin_symbol *s = plugin_symbol_find(&rig.engine.set, str_from(name));
    struct symbol_hit *hit = ARENA_NEW(rig.arena, struct symbol_hit);
    double milli = (double)s->score_milli * factor;

    *hit =
        (struct symbol_hit){s, (int32_t)(milli < 0 ? milli - 0.5 : milli + 0.5), factor, d->tx.hit};
    d->tx.hit = hit;
    d->tx.hits++;
    ledger_log_add(&d->found, &(struct ledger_entry){.kind = LEDGER_SYMBOL,
                                                     .hook = FCT_HOOK_scan,
                                                     .name = str_from(name),
                                                     .score_milli = hit->score_milli,
                                                     .detail = detail});
}

static struct judged *judged_new(void)
{
    struct judged *d = ARENA_NEW(rig.arena, struct judged);

    d->tx.arena = d->found.arena = d->j.log.arena = rig.arena;
    return d;
}

static void print(struct judged *d, bool degraded, struct parsed *p, size_t *bytes)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(8192);
    const struct verdict_facts facts = {&d->found, FCT_STR("c1.1"), degraded};

    d->j.profile = profile_choose(&rig.engine.judging.profiles, &(struct profile_wish){0}, NULL);
    d->j.label = str_from(d->j.profile->name);
    d->j.score = score_judge(&d->tx, &rig.engine.judging.composites, d->j.profile, &d->j.log);
    d->j.action = profile_action(d->j.profile, d->j.score.milli);
    verdict_header_format(rig.arena, &d->j, &facts, &out);
    *bytes = out.n;
    parse(unfold(buf_str(&out)), p);
    ck_assert_int_eq(p->score, d->j.score.milli);
}

START_TEST(one_by_one)
{
    struct judged *d;
    struct parsed p;
    size_t bytes;

    start("profile default { junk = 2 score = [\"SYMBOL_0=5.125\", \"SYMBOL_3=-1\"] "
          "group_cap = [\"one=3\"] }");
    d = judged_new();
    find(d, "SYMBOL_0", 1, FCT_STR("x; id=forged, A=9 (b)\r\nBcc: c"));
    find(d, "SYMBOL_1", 1, FCT_STR(""));
    print(d, true, &p, &bytes);
    ck_assert_str_eq(p.action, "junk");
    ck_assert_int_eq(p.score, 3000 - 587);
    ck_assert_int_eq(p.sum, p.score); /* the cap's line among them */
    ck_assert_int_eq(p.limit, 2000);
    ck_assert_uint_eq(p.symbols, 3);
    ck_assert_str_eq(p.profile, "default");
    ck_assert_str_eq(p.degraded, "redis");
    ck_assert_str_eq(p.id, "c1.1");
    plugin_rig_stop(&rig);
}
END_TEST

START_TEST(nothing_found)
{
    struct parsed p;
    size_t bytes;

    start("");
    print(judged_new(), false, &p, &bytes);
    ck_assert_str_eq(p.action, "keep");
    ck_assert_int_eq(p.limit, 6000); /* how far it was from Junk */
    ck_assert_uint_eq(p.symbols, 0);
    ck_assert_str_eq(p.degraded, "");
    plugin_rig_stop(&rig);
}
END_TEST

START_TEST(printed_symbols_make_the_score)
{
    uint32_t seed = 7;
    unsigned whole = 0, cut = 0;

    for (unsigned round = 0; round < 40; round++) {
        start(round % 2 ? "profile default { group_cap = [\"one=1\", \"two=-1..2\"] "
                          "disable = [\"SYMBOL_5\"] score = [\"SYMBOL_6=4.001\"] }\n"
                          "composite BOTH { expression = \"SYMBOL_1 & SYMBOL_2\" score = 2.5 "
                          "consume = yes }"
                        : "");
        for (unsigned message = 0; message < 25; message++) {
            struct judged *d = judged_new();
            unsigned left = next_random(&seed) % 3 ? 4 : 40;
            struct parsed p;
            size_t bytes;

            for (unsigned i = 0; i < SYMBOLS; i++)
                if (next_random(&seed) % SYMBOLS < left)
                    find(d, names[i], (double)(next_random(&seed) % 200) / 100,
                         next_random(&seed) % 2 ? FCT_STR("a detail, of some length")
                                                : FCT_STR(""));
            print(d, next_random(&seed) % 2, &p, &bytes);
            ck_assert_uint_le(bytes, VERDICT_HEADER_MAX);
            ck_assert_msg(p.more > 0 || p.sum == p.score, "%d, printed %d", p.score, p.sum);
            whole += p.more == 0;
            cut += p.more > 0;
        }
        plugin_rig_stop(&rig);
    }
    ck_assert_uint_gt(whole, 100);
    ck_assert_uint_gt(cut, 100);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, one_by_one);
    tcase_add_test(tc, nothing_found);
    tcase_add_test(tc, printed_symbols_make_the_score);
}

int main(void)
{
    return run_suite("verdict_header", add);
}
