/* test_bayes_site.c - what is remembered of the site's database says what Redis says, whoever
 * learns meanwhile, however little room there is. */
#include "plugins/bayes/bayes_site.h"
#include "tests/unit/core/redis/redis_rig.h"

enum { WORDS = 3000, TOKENS = 700, NOW = 2096 * 4 + 3, LESSONS = 60, FEW = 20000 };

static uint64_t word[WORDS];
static struct bayes_db site;
static struct bayes_cache *cache;

static void setup(void)
{
    redis_rig_start();
    redis_rig_server(NULL);
    redis_rig_client();
    bayes_db_site(&site);
    for (uint64_t i = 0; i < WORDS; i++)
        word[i] = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static void teardown(void)
{
    bayes_cache_free(&cache);
    redis_rig_stop();
}

/* ---- asking ---- */

/* A message: every so many words, from one of them on. */
struct text {
    uint64_t token[TOKENS];
    size_t n;
};

static void text_make(struct text *t, unsigned seed)
{
    t->n = 0;
    for (size_t i = seed % 7; i < WORDS && t->n < TOKENS; i += 3 + seed % 5)
        t->token[t->n++] = word[i];
}

struct lesson {
    unsigned seed;
    bool spam;
    enum bayes_why why;
    bayes_generation generation;
    enum bayes_learned what;
};

static void learn_fiber(void *arg)
{
    static struct bayes_question q;
    static struct text text;
    struct lesson *l = arg;
    struct bayes_digest digest = {{0}};
    const struct fct_redis_reply *reply;
    struct fct_err err = {0};

    text_make(&text, l->seed);
    (void)snprintf(digest.hex, sizeof digest.hex, "%032u", l->seed);
    bayes_learn(&q, &site, l->generation, l->spam, l->why, &digest, text.token, text.n);
    reply =
        redis_script(rig.redis, rig.arena, &bayes_learn_script, q.key, q.keys, q.arg, q.args, &err);
    ck_assert_msg(reply && bayes_learned(reply, &l->what), "%s", err.text);
}

static enum bayes_learned learn(unsigned seed, bool spam, enum bayes_why why)
{
    struct lesson l = {seed, spam, why, NOW, BAYES_KNOWN};

    redis_rig_run(learn_fiber, &l);
    return l.what;
}

struct looked {
    const struct text *text;
    struct bayes_cache *cache;
    unsigned questions;
    struct bayes_counts messages, token[TOKENS];
};

static void look_fiber(void *arg)
{
    static struct bayes_site_look look;
    static struct bayes_question q;
    struct looked *l = arg;
    enum bayes_site_next next = BAYES_SITE_AGAIN;
    struct fct_err err = {0};

    bayes_site_begin(&look, l->cache, NOW, l->text->token, l->text->n);
    for (l->questions = 0; next == BAYES_SITE_AGAIN; l->questions++) {
        const struct fct_redis_reply *reply;

        bayes_site_ask(&look, &q);
        reply = redis_script(rig.redis, rig.arena, &bayes_site_script, q.key, q.keys, q.arg, q.args,
                             &err);
        ck_assert_msg(reply != NULL, "%s", err.text);
        next = bayes_site_answer(&look, reply);
    }
    ck_assert_int_eq(next, BAYES_SITE_DONE);
    bayes_site_counts(&look, &l->messages, l->token);
}

/* Both ways give the same; returns how many questions the remembering one took. */
static unsigned compare(unsigned seed)
{
    static struct text text;
    static struct looked with, without;

    text_make(&text, seed);
    with = (struct looked){.text = &text, .cache = cache};
    without = (struct looked){.text = &text};
    redis_rig_run(look_fiber, &with);
    redis_rig_run(look_fiber, &without);
    ck_assert_uint_eq(without.questions, 1);
    ck_assert_double_eq(with.messages.spam, without.messages.spam);
    ck_assert_double_eq(with.messages.ham, without.messages.ham);
    for (size_t i = 0; i < text.n; i++)
        ck_assert_msg(with.token[i].spam == without.token[i].spam &&
                          with.token[i].ham == without.token[i].ham,
                      "token %zu: %g, %g instead of %g, %g", i, with.token[i].spam,
                      with.token[i].ham, without.token[i].spam, without.token[i].ham);
    return with.questions;
}

/* ---- cases ---- */

START_TEST(remembered)
{
    cache = bayes_cache_new(1 << 20);
    ck_assert_uint_eq(compare(1), 1); /* an empty database */
    (void)learn(1, true, BAYES_SAID);
    ck_assert_uint_gt(compare(1), 1 + TOKENS / BAYES_FETCHED_MOST); /* its state, its buckets */
    ck_assert_uint_eq(compare(1), 1);
    ck_assert_uint_gt(bayes_cache_bytes(cache), 10000);
}
END_TEST

/* The next verdict after a lesson knows it; taken back, the counts are what they were. */
START_TEST(lessons)
{
    cache = bayes_cache_new(1 << 20);
    for (unsigned i = 0; i < LESSONS; i++) {
        (void)learn(i, i % 3 == 0, BAYES_MOVED);
        (void)compare(i * 5 % 11);
        if (i % 4 == 1)
            (void)learn(i - 1, (i - 1) % 3 != 0, BAYES_MOVED); /* takes it back */
        (void)compare(i * 7 % 13);
    }
    ck_assert_uint_le(bayes_cache_bytes(cache), 1 << 20);
}
END_TEST

/* More lessons between two looks than Redis remembers changes of. */
START_TEST(long_away)
{
    cache = bayes_cache_new(1 << 20);
    (void)learn(1, true, BAYES_SAID);
    (void)compare(2);
    for (unsigned i = 2; i < LESSONS; i++)
        (void)learn(i, i % 2, BAYES_SAID);
    (void)compare(2);
    (void)redis_rig_ask("FLUSHALL");
    (void)compare(2);
    (void)learn(5, true, BAYES_SAID);
    (void)compare(2);
}
END_TEST

START_TEST(little_room)
{
    cache = bayes_cache_new(FEW);
    for (unsigned i = 0; i < LESSONS / 2; i++) {
        (void)learn(i, i % 2, BAYES_SAID);
        (void)compare(i * 5 % 11);
        (void)compare(3);
        ck_assert_uint_le(bayes_cache_bytes(cache), FEW);
    }
}
END_TEST

/* The same state whatever the order, and none when all is taken back. */
START_TEST(states)
{
    static const unsigned orders[2][3] = {{1, 2, 3}, {3, 1, 2}};
    struct redis_asked state[2], none;

    for (unsigned k = 0; k < 2; k++) {
        (void)redis_rig_ask("FLUSHALL");
        for (unsigned i = 0; i < 3; i++)
            (void)learn(orders[k][i], orders[k][i] == 2, BAYES_MOVED);
        state[k] = redis_rig_ask("HGET fct:b:{site}:2096q4 v");
        ck_assert(state[k].reply && state[k].reply->kind == FCT_REDIS_STRING);
    }
    ck_assert(str_equal(state[0].reply->string, state[1].reply->string));
    for (unsigned i = 1; i <= 3; i++)
        ck_assert_int_eq(learn(i, i != 2, BAYES_MOVED), BAYES_TAKEN_BACK);
    none = redis_rig_ask("EXISTS fct:b:{site}:2096q4");
    ck_assert(none.reply && none.reply->integer == 0);
}
END_TEST

#define STRING(text)                                           \
    {                                                          \
        .kind = FCT_REDIS_STRING, .string = FCT_STR_INIT(text) \
    }

/* Whatever is sent, nothing is read that is not there. */
START_TEST(strange)
{
    static struct bayes_site_look look;
    static struct bayes_question q;
    static const struct fct_str buckets[] = {FCT_STR_INIT(""), FCT_STR_INIT("2:abcde,1,"),
                                             FCT_STR_INIT("99999999999:"), FCT_STR_INIT("1:abc"),
                                             FCT_STR_INIT("1:abcde;7,")};
    struct fct_redis_reply nil = {.kind = FCT_REDIS_NIL};
    struct fct_redis_reply item[6] = {STRING("1"), STRING("1"), STRING("000000000000007"),
                                      STRING(""),  STRING(""),  STRING("")};
    struct fct_redis_reply both[2] = {{.kind = FCT_REDIS_ARRAY, .item = item, .n = 6}, nil};
    struct fct_redis_reply reply = {.kind = FCT_REDIS_ARRAY, .item = both, .n = 2};

    cache = bayes_cache_new(1 << 20);
    bayes_site_begin(&look, cache, NOW, word, 3);
    bayes_site_ask(&look, &q);
    ck_assert_int_eq(bayes_site_answer(&look, &nil), BAYES_SITE_STRANGE);
    ck_assert_int_eq(bayes_site_answer(&look, &reply), BAYES_SITE_AGAIN);
    for (size_t i = 0; i < FCT_COUNT(buckets); i++) {
        bayes_site_begin(&look, cache, NOW, word, 3);
        bayes_site_ask(&look, &q);
        ck_assert_uint_eq(look.part[0].nfetched, 3);
        item[3].string = buckets[i];
        ck_assert_int_eq(bayes_site_answer(&look, &reply), BAYES_SITE_STRANGE);
    }
    both[0].n = 5;
    ck_assert_int_eq(bayes_site_answer(&look, &reply), BAYES_SITE_STRANGE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bayes_site");
    TCase *tc = tcase_create("site");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, remembered);
    tcase_add_test(tc, lessons);
    tcase_add_test(tc, long_away);
    tcase_add_test(tc, little_room);
    tcase_add_test(tc, states);
    tcase_add_test(tc, strange);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
