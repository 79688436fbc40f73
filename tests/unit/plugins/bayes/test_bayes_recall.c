/* test_bayes_recall.c - what is remembered of a database says what Redis says, whoever
 * learns meanwhile, however little room there is. */
#include "plugins/bayes/bayes_recall.h"
#include "plugins/bayes/bayes_users.h"
#include "tests/unit/core/redis/redis_rig.h"

enum { WORDS = 3000, TOKENS = 700, NOW = 2096 * 4 + 3, LESSONS = 60, FEW = 20000 };

static uint64_t word[WORDS];
static struct bayes_db db; /* the site's, or a user's */
static struct bayes_cache *cache;

static void setup(void)
{
    redis_rig_start();
    redis_rig_server(NULL);
    redis_rig_client();
    bayes_db_site(&db);
    for (uint64_t i = 0; i < WORDS; i++)
        word[i] = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static void teardown(void)
{
    bayes_cache_free(&cache);
    redis_rig_stop();
}

/* Of each test there are two: the site's database, and a user's. */
static void open_cache(int is_user, size_t most)
{
    if (is_user)
        bayes_db_user(&db, 1, FCT_STR("anna@example.org"));
    cache = bayes_cache_new(most, db.buckets);
    ck_assert_ptr_nonnull(cache);
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
    bayes_learn(&q, &db, l->generation, l->spam, l->why, &digest, text.token, text.n);
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
    bool plain; /* without any script */
    struct bayes_counts messages, token[TOKENS];
};

static enum bayes_recall_next ask_heads(struct bayes_recall *look, const struct bayes_question *q)
{
    const struct fct_redis_reply *reply[BAYES_GENERATIONS];
    struct fct_str command[BAYES_HEAD_WORDS];
    struct fct_err err = {0};

    for (unsigned i = 0; i < BAYES_GENERATIONS; i++) {
        bayes_recall_head(q, i, command);
        reply[i] = redis_call(rig.redis, rig.arena, command, BAYES_HEAD_WORDS, &err);
        ck_assert_msg(reply[i] != NULL, "%s", err.text);
    }
    return bayes_recall_heads(look, reply);
}

static void look_fiber(void *arg)
{
    static struct bayes_recall look;
    static struct bayes_question q;
    struct looked *l = arg;
    enum bayes_recall_next next = BAYES_RECALL_AGAIN;
    struct fct_err err = {0};

    bayes_recall_begin(&look, &db, l->cache, NOW, l->text->token, l->text->n);
    for (l->questions = 0; next == BAYES_RECALL_AGAIN; l->questions++) {
        const struct fct_redis_reply *reply;

        bayes_recall_ask(&look, &q);
        if (bayes_recall_is_here(&look)) {
            next = ask_heads(&look, &q);
            l->plain = next == BAYES_RECALL_DONE;
            continue;
        }
        reply = redis_script(rig.redis, rig.arena, &bayes_recall_script, q.key, q.keys, q.arg,
                             q.args, &err);
        ck_assert_msg(reply != NULL, "%s", err.text);
        next = bayes_recall_answer(&look, reply);
    }
    ck_assert_int_eq(next, BAYES_RECALL_DONE);
    bayes_recall_counts(&look, &l->messages, l->token);
}

static struct looked with, without;

/* Both ways give the same; returns how many questions the remembering one took. */
static unsigned compare(unsigned seed)
{
    static struct text text;

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
    open_cache(_i, 1 << 20);
    ck_assert_uint_eq(compare(1), 1); /* an empty database */
    (void)learn(1, true, BAYES_SAID);
    ck_assert_uint_gt(compare(1),
                      _i ? 1 : 1 + TOKENS / BAYES_FETCHED_MOST); /* its state, its buckets */
    ck_assert_uint_eq(compare(1), 1);
    ck_assert(with.plain && !without.plain);
    (void)learn(2, true, BAYES_SAID);
    ck_assert_uint_gt(compare(1), 1);
    ck_assert(!with.plain);
    ck_assert_uint_gt(bayes_cache_bytes(cache), 10000);
}
END_TEST

/* The next verdict after a lesson knows it; taken back, the counts are what they were. */
START_TEST(lessons)
{
    open_cache(_i, 1 << 20);
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
    open_cache(_i, 1 << 20);
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
    open_cache(_i, FEW);
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
    static struct bayes_recall look;
    static struct bayes_question q;
    static const struct fct_str buckets[] = {FCT_STR_INIT(""), FCT_STR_INIT("2:abcde,1,"),
                                             FCT_STR_INIT("99999999999:"), FCT_STR_INIT("1:abc"),
                                             FCT_STR_INIT("1:abcde;7,")};
    struct fct_redis_reply nil = {.kind = FCT_REDIS_NIL};
    struct fct_redis_reply item[6] = {STRING("1"), STRING("1"), STRING("000000000000007"),
                                      STRING(""),  STRING(""),  STRING("")};
    struct fct_redis_reply both[2] = {{.kind = FCT_REDIS_ARRAY, .item = item, .n = 6}, nil};
    struct fct_redis_reply reply = {.kind = FCT_REDIS_ARRAY, .item = both, .n = 2};

    open_cache(false, 1 << 20);
    bayes_recall_begin(&look, &db, cache, NOW, word, 3);
    bayes_recall_ask(&look, &q);
    ck_assert_int_eq(bayes_recall_answer(&look, &nil), BAYES_RECALL_STRANGE);
    ck_assert_int_eq(bayes_recall_answer(&look, &reply), BAYES_RECALL_AGAIN);
    for (size_t i = 0; i < FCT_COUNT(buckets); i++) {
        bayes_recall_begin(&look, &db, cache, NOW, word, 3);
        bayes_recall_ask(&look, &q);
        ck_assert_uint_eq(look.part[0].nfetched, 3);
        item[3].string = buckets[i];
        ck_assert_int_eq(bayes_recall_answer(&look, &reply), BAYES_RECALL_STRANGE);
    }
    both[0].n = 5;
    ck_assert_int_eq(bayes_recall_answer(&look, &reply), BAYES_RECALL_STRANGE);
}
END_TEST

/* The same of the states alone. */
START_TEST(strange_heads)
{
    static struct bayes_recall look;
    static struct bayes_question q;
    struct fct_redis_reply nil = {.kind = FCT_REDIS_NIL}, number = {.kind = FCT_REDIS_INTEGER};
    struct fct_redis_reply item[3] = {STRING("1"), STRING("1"), STRING("000000000000007")};
    struct fct_redis_reply head = {.kind = FCT_REDIS_ARRAY, .item = item, .n = 3},
                           empty = {.kind = FCT_REDIS_ARRAY, .item = &nil, .n = 1};
    const struct fct_redis_reply *away[] = {&head, NULL}, *none[] = {&head, &nil},
                                 *few[] = {&head, &empty}, *twice[] = {&head, &head};

    open_cache(false, 1 << 20);
    bayes_recall_begin(&look, &db, cache, NOW, word, 3);
    bayes_recall_ask(&look, &q);
    ck_assert(!bayes_recall_is_here(&look)); /* nothing is remembered */
    ck_assert_int_eq(bayes_recall_heads(&look, away), BAYES_RECALL_STRANGE);
    ck_assert_int_eq(bayes_recall_heads(&look, none), BAYES_RECALL_STRANGE);
    ck_assert_int_eq(bayes_recall_heads(&look, few), BAYES_RECALL_STRANGE);
    ck_assert_int_eq(bayes_recall_heads(&look, twice), BAYES_RECALL_AGAIN);
    item[2] = number;
    ck_assert_int_eq(bayes_recall_heads(&look, twice), BAYES_RECALL_STRANGE);
}
END_TEST

/* ---- users ---- */

enum { USERS = 60, USERS_BYTES = 200000 };

static struct bayes_users *users;

static void look_as(unsigned user)
{
    char account[40];

    (void)snprintf(account, sizeof account, "user%u@example.org", user);
    bayes_db_user(&db, 1, (struct fct_str){account, strlen(account)});
    cache = bayes_users_cache(users, &db);
    ck_assert_ptr_nonnull(cache);
    (void)compare(3);
    ck_assert(bayes_users_has(users, &db));
    ck_assert_uint_le(bayes_users_bytes(users), USERS_BYTES);
}

/* However many there are they have their room, and who was asked last is still there. */
START_TEST(many_users)
{
    users = bayes_users_new(USERS_BYTES);
    for (unsigned i = 0; i < USERS; i++) {
        char account[40];

        (void)snprintf(account, sizeof account, "user%u@example.org", i);
        bayes_db_user(&db, 1, (struct fct_str){account, strlen(account)});
        (void)learn(i, i % 2, BAYES_SAID);
        look_as(i);
        look_as(i / 2);
    }
    bayes_db_user(&db, 1, FCT_STR("user1@example.org"));
    ck_assert(!bayes_users_has(users, &db));
    ck_assert(!bayes_users_has(NULL, &db) && !bayes_users_cache(NULL, &db));
    bayes_users_free(&users);
    cache = NULL;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bayes_recall");
    TCase *tc = tcase_create("site");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, remembered, 0, 2);
    tcase_add_loop_test(tc, lessons, 0, 2);
    tcase_add_loop_test(tc, long_away, 0, 2);
    tcase_add_loop_test(tc, little_room, 0, 2);
    tcase_add_test(tc, states);
    tcase_add_test(tc, strange);
    tcase_add_test(tc, strange_heads);
    tcase_add_test(tc, many_users);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
