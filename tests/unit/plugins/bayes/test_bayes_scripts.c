/* test_bayes_scripts.c - the scripts in a real redis-server: learned once, taken back to the last
 * token, in the generation where it was learned, and never below zero. */
#include "plugins/bayes/bayes_store.h"
#include "tests/unit/core/redis/redis_rig.h"

/* NOW: far enough ahead that no key is out of date when it is made. */
enum { TOKENS = 100, NOW = 2096 * 4 + 3 };

static struct bayes_db site, user;
static uint64_t token[TOKENS];

static void setup(void)
{
    redis_rig_start();
    redis_rig_server(NULL);
    redis_rig_client();
    bayes_db_site(&site);
    bayes_db_user(&user, 0, FCT_STR("anna@example.org"));
    for (uint64_t i = 0; i < TOKENS; i++)
        token[i] = (i + 1) * UINT64_C(0x0123456789abcdef);
}

/* ---- asking ---- */

struct lesson {
    const struct bayes_db *db;
    bayes_generation generation;
    bool spam;
    enum bayes_why why;
    const char *digest;
    enum bayes_learned what;
};

static void learn_fiber(void *arg)
{
    static struct bayes_question q;
    struct lesson *l = arg;
    struct bayes_digest digest = {{0}};
    const struct fct_redis_reply *reply;
    struct fct_err err = {0};

    (void)snprintf(digest.hex, sizeof digest.hex, "%032d", (int)l->digest[0]);
    bayes_learn(&q, l->db, l->generation, l->spam, l->why, &digest, token, TOKENS);
    reply =
        redis_script(rig.redis, rig.arena, &bayes_learn_script, q.key, q.keys, q.arg, q.args, &err);
    ck_assert_msg(reply && bayes_learned(reply, &l->what), "%s", err.text);
}

static enum bayes_learned learn(const struct bayes_db *db, bayes_generation generation, bool spam,
                                enum bayes_why why, const char *digest)
{
    struct lesson l = {db, generation, spam, why, digest, BAYES_KNOWN};

    redis_rig_run(learn_fiber, &l);
    return l.what;
}

struct looked {
    const struct bayes_db *db;
    bayes_generation generation;
    struct bayes_counts messages, token[TOKENS];
};

static void look_fiber(void *arg)
{
    static struct bayes_question q;
    struct looked *l = arg;
    const struct fct_redis_reply *reply;
    struct fct_err err = {0};

    bayes_look(&q, l->db, l->generation, token, TOKENS);
    reply =
        redis_script(rig.redis, rig.arena, &bayes_look_script, q.key, q.keys, q.arg, q.args, &err);
    ck_assert_msg(reply && bayes_look_add(reply, 1, &l->messages, l->token, TOKENS), "%s",
                  err.text);
}

/* Every token and the messages themselves were counted so often. */
static void check_counts(const struct bayes_db *db, bayes_generation generation, double spam,
                         double ham)
{
    struct looked l = {.db = db, .generation = generation};

    redis_rig_run(look_fiber, &l);
    ck_assert_double_eq(l.messages.spam, spam);
    ck_assert_double_eq(l.messages.ham, ham);
    for (size_t i = 0; i < TOKENS; i++) {
        ck_assert_msg(l.token[i].spam == spam, "%zu: spam %g", i, l.token[i].spam);
        ck_assert_msg(l.token[i].ham == ham, "%zu: ham %g", i, l.token[i].ham);
    }
}

static int64_t number(const char *command)
{
    struct redis_asked a = redis_rig_ask(command);

    ck_assert_msg(a.reply && a.reply->kind == FCT_REDIS_INTEGER, "%s: %s", command, a.err.text);
    return a.reply->integer;
}

/* Keys, without the marks of what was taken back: those go by themselves. */
static void count_fiber(void *left)
{
    static const char text[] = "local n = 0\n"
                               "for _, key in ipairs(redis.call('KEYS', '*')) do\n"
                               "  if not key:find('^fct:[tc]:') then n = n + 1 end\n"
                               "end\n"
                               "return n\n";
    struct fct_str word[] = {FCT_STR("EVAL"), str_from(text), FCT_STR("0")};
    const struct fct_redis_reply *reply = redis_call(rig.redis, rig.arena, word, 3, NULL);

    *(int64_t *)left = reply ? reply->integer : -1;
}

static int64_t keys_left(void)
{
    int64_t left = -1;

    redis_rig_run(count_fiber, &left);
    return left;
}

/* ---- cases ---- */

START_TEST(once)
{
    check_counts(&site, NOW, 0, 0);
    ck_assert_int_eq(learn(&site, NOW, true, BAYES_SAID, "a"), BAYES_LEARNED);
    ck_assert_int_eq(learn(&site, NOW, true, BAYES_MOVED, "a"), BAYES_KNOWN);
    check_counts(&site, NOW, 1, 0);
    ck_assert_int_eq(learn(&site, NOW, false, BAYES_SAID, "b"), BAYES_LEARNED);
    check_counts(&site, NOW, 1, 1);
    check_counts(&user, NOW, 0, 0);
}
END_TEST

START_TEST(taken_back)
{
    static const enum bayes_why ways[] = {BAYES_MOVED, BAYES_CAME};

    for (size_t i = 0; i < FCT_COUNT(ways); i++)
        for (int spam = 0; spam < 2; spam++) {
            const char digest[2] = {(char)('a' + 2 * i + (size_t)spam), 0};

            ck_assert_int_eq(learn(&user, NOW, spam, BAYES_MOVED, digest), BAYES_LEARNED);
            ck_assert_int_eq(learn(&user, NOW, !spam, ways[i], digest), BAYES_TAKEN_BACK);
            ck_assert_int_eq(keys_left(), 0);
        }
}
END_TEST

/* Of a move that is told again, because the server died before it heard that it was learned. */
START_TEST(taken_back_twice)
{
    static const enum bayes_why ways[] = {BAYES_MOVED, BAYES_CAME};

    ck_assert_int_eq(learn(&user, NOW, true, BAYES_MOVED, "a"), BAYES_LEARNED);
    ck_assert_int_eq(learn(&user, NOW, false, BAYES_MOVED, "a"), BAYES_TAKEN_BACK);
    for (size_t i = 0; i < FCT_COUNT(ways); i++)
        ck_assert_int_eq(learn(&user, NOW, false, ways[i], "a"), BAYES_KNOWN);
    ck_assert_int_eq(keys_left(), 0);
    ck_assert_int_eq(learn(&user, NOW, true, BAYES_MOVED, "a"), BAYES_LEARNED); /* another mind */
    ck_assert_int_eq(learn(&user, NOW, false, BAYES_MOVED, "a"), BAYES_TAKEN_BACK);
    ck_assert_int_eq(learn(&user, NOW, false, BAYES_SAID, "a"), BAYES_LEARNED);
    check_counts(&user, NOW, 0, 1);
    ck_assert_int_eq(number(arena_printf(rig.arena, "EXISTS fct:t:{%s}:%032d", user.name, 'a').p),
                     0);
}
END_TEST

START_TEST(said_otherwise)
{
    ck_assert_int_eq(learn(&user, NOW, true, BAYES_MOVED, "a"), BAYES_LEARNED);
    ck_assert_int_eq(learn(&user, NOW, false, BAYES_SAID, "a"), BAYES_LEARNED_ANEW);
    check_counts(&user, NOW, 0, 1);
    ck_assert_int_eq(learn(&user, NOW, true, BAYES_MOVED, "a"), BAYES_TAKEN_BACK);
    ck_assert_int_eq(keys_left(), 0);
}
END_TEST

static void forget_fiber(void *arg)
{
    static struct bayes_question q;
    const struct fct_redis_reply *reply;
    struct fct_err err = {0};

    bayes_forget(&q, &user, NOW);
    reply = redis_script(rig.redis, rig.arena, &bayes_forget_script, q.key, q.keys, q.arg, q.args,
                         &err);
    ck_assert_msg(reply && reply->kind == FCT_REDIS_INTEGER, "%s", err.text);
    *(int64_t *)arg = reply->integer;
}

static int64_t forget(void)
{
    int64_t messages = -1;

    redis_rig_run(forget_fiber, &messages);
    return messages;
}

START_TEST(forgotten)
{
    int64_t keys;

    ck_assert_int_eq(learn(&site, NOW, true, BAYES_SAID, "a"), BAYES_LEARNED);
    keys = number("DBSIZE");
    ck_assert_int_eq(learn(&user, NOW, true, BAYES_MOVED, "a"), BAYES_LEARNED);
    ck_assert_int_eq(learn(&user, NOW, false, BAYES_SAID, "b"), BAYES_LEARNED);
    ck_assert_int_eq(learn(&user, NOW - 1, true, BAYES_SAID, "c"), BAYES_LEARNED);
    ck_assert_int_gt(number("DBSIZE"), keys);
    ck_assert_int_eq(forget(), 3);
    ck_assert_int_eq(number("DBSIZE"), keys);
    check_counts(&site, NOW, 1, 0);
    ck_assert_int_eq(forget(), 0);
    ck_assert_int_eq(learn(&user, NOW, true, BAYES_MOVED, "a"), BAYES_LEARNED);
}
END_TEST

START_TEST(no_news)
{
    ck_assert_int_eq(learn(&user, NOW, false, BAYES_CAME, "a"), BAYES_KNOWN);
    ck_assert_int_eq(number("DBSIZE"), 0);
    ck_assert_int_eq(learn(&user, NOW, true, BAYES_CAME, "a"), BAYES_LEARNED);
    ck_assert_int_eq(learn(&user, NOW, false, BAYES_GUESSED, "a"), BAYES_KNOWN);
    check_counts(&user, NOW, 1, 0);
}
END_TEST

/* ---- what the score taught, and what people say of it ---- */

/* clang-format off */
static const struct guess_case {
    const char *name;
    struct {
        bool spam;
        enum bayes_why why;
        enum bayes_learned what;
        double has_spam, has_ham; /* the database, afterwards */
    } step[6];
} guesses[] = {
    {"twice is once", {
        {true, BAYES_GUESSED, BAYES_LEARNED, 1, 0}, {true, BAYES_GUESSED, BAYES_KNOWN, 1, 0}, {false, BAYES_GUESSED, BAYES_KNOWN, 1, 0}}},
    {"a user doubts it, and does not any more", {
        {true, BAYES_GUESSED, BAYES_LEARNED, 1, 0}, {false, BAYES_DOUBTED, BAYES_TAKEN_BACK, 0, 0}, {false, BAYES_DOUBTED, BAYES_KNOWN, 0, 0},
        {true, BAYES_GUESSED, BAYES_KNOWN, 0, 0}, {true, BAYES_DOUBTED, BAYES_LEARNED, 1, 0}}},
    {"a user who agrees changes nothing", {
        {false, BAYES_GUESSED, BAYES_LEARNED, 0, 1}, {false, BAYES_DOUBTED, BAYES_KNOWN, 0, 1}}},
    {"moved out of Junk, and back", {
        {true, BAYES_GUESSED, BAYES_LEARNED, 1, 0}, {false, BAYES_MOVED, BAYES_LEARNED_ANEW, 0, 1}, {true, BAYES_MOVED, BAYES_LEARNED_ANEW, 1, 0},
        {true, BAYES_MOVED, BAYES_KNOWN, 1, 0}}},
    {"brought out of Junk by a program that copies", {
        {true, BAYES_GUESSED, BAYES_LEARNED, 1, 0}, {false, BAYES_CAME, BAYES_TAKEN_BACK, 0, 0}, {true, BAYES_CAME, BAYES_LEARNED, 1, 0}}},
    {"confirmed, then moved", {
        {true, BAYES_GUESSED, BAYES_LEARNED, 1, 0}, {true, BAYES_SAID, BAYES_KNOWN, 1, 0}, {false, BAYES_MOVED, BAYES_TAKEN_BACK, 0, 0},
        {false, BAYES_SAID, BAYES_LEARNED, 0, 1}}},
    {"said otherwise", {
        {false, BAYES_GUESSED, BAYES_LEARNED, 0, 1}, {true, BAYES_SAID, BAYES_LEARNED_ANEW, 1, 0}, {false, BAYES_GUESSED, BAYES_KNOWN, 1, 0}}},
    {"what a person taught here nobody elsewhere doubts", {
        {true, BAYES_SAID, BAYES_LEARNED, 1, 0}, {false, BAYES_DOUBTED, BAYES_KNOWN, 1, 0}}},
    {"a doubt about what nobody learned", {{false, BAYES_DOUBTED, BAYES_KNOWN, 0, 0}}},
};
/* clang-format on */

START_TEST(guessed)
{
    char digest[2] = "A";

    for (size_t i = 0; i < FCT_COUNT(guesses); i++, digest[0]++) {
        const struct guess_case *c = &guesses[i];

        (void)redis_rig_ask("FLUSHDB");
        for (size_t k = 0;
             k < FCT_COUNT(c->step) && (double)c->step[k].what + c->step[k].has_spam +
                                               c->step[k].has_ham + (double)c->step[k].why >
                                           0;
             k++) {
            enum bayes_learned what = learn(&site, NOW, c->step[k].spam, c->step[k].why, digest);

            ck_assert_msg(what == c->step[k].what, "%s, step %zu: %s", c->name, k + 1,
                          bayes_learned_text(what));
            check_counts(&site, NOW, c->step[k].has_spam, c->step[k].has_ham);
        }
    }
}
END_TEST

/* A guess of the last quarter is taken back and comes back there. */
START_TEST(guessed_before)
{
    ck_assert_int_eq(learn(&site, NOW, true, BAYES_GUESSED, "a"), BAYES_LEARNED);
    ck_assert_int_eq(learn(&site, NOW + 1, false, BAYES_DOUBTED, "a"), BAYES_TAKEN_BACK);
    check_counts(&site, NOW, 0, 0);
    ck_assert_int_eq(learn(&site, NOW + 1, true, BAYES_DOUBTED, "a"), BAYES_LEARNED);
    check_counts(&site, NOW, 1, 0);
    check_counts(&site, NOW + 1, 0, 0);
}
END_TEST

/* A change of mind in the next quarter, and one when all is forgotten. */
START_TEST(other_generations)
{
    ck_assert_int_eq(learn(&user, NOW, true, BAYES_MOVED, "a"), BAYES_LEARNED);
    ck_assert_int_eq(learn(&user, NOW + 1, true, BAYES_MOVED, "b"), BAYES_LEARNED);
    ck_assert_int_eq(learn(&user, NOW + 1, false, BAYES_MOVED, "a"), BAYES_TAKEN_BACK);
    check_counts(&user, NOW, 0, 0);
    check_counts(&user, NOW + 1, 1, 0);
    ck_assert_int_eq(learn(&user, NOW + 3, false, BAYES_MOVED, "b"), BAYES_LEARNED);
    check_counts(&user, NOW + 1, 1, 0);
}
END_TEST

/* All tokens in Redis get this value. */
static void fill_fiber(void *value)
{
    static const char text[] =
        "for _, key in ipairs(redis.call('KEYS', 'fct:b:*')) do\n"
        "  for _, field in ipairs(redis.call('HKEYS', key)) do\n"
        "    if #field == 5 then redis.call('HSET', key, field, ARGV[1]) end\n"
        "  end\n"
        "end\n";
    struct fct_str word[] = {FCT_STR("EVAL"), str_from(text), FCT_STR("0"), str_from(value)};
    struct fct_err err = {0};

    ck_assert_msg(redis_call(rig.redis, rig.arena, word, 4, &err) != NULL, "%s", err.text);
}

static void fill(const char *value)
{
    char copy[32];

    str_copy_c(copy, sizeof copy, str_from(value));
    redis_rig_run(fill_fiber, copy);
}

static void check_tokens(double spam, double ham)
{
    struct looked l = {.db = &user, .generation = NOW};

    redis_rig_run(look_fiber, &l);
    for (size_t i = 0; i < TOKENS; i++)
        ck_assert_msg(l.token[i].spam == spam && l.token[i].ham == ham, "%zu: %g, %g", i,
                      l.token[i].spam, l.token[i].ham);
}

/* Whatever was lost or damaged meanwhile. */
START_TEST(bounds)
{
    ck_assert_int_eq(learn(&user, NOW, false, BAYES_MOVED, "b"), BAYES_LEARNED);
    /* a mark whose counts are gone: nothing is borrowed from the other class */
    (void)redis_rig_ask(
        arena_printf(rig.arena, "HSET fct:l:{%s}:2096q4 %032d s", user.name, 'a').p);
    ck_assert_int_eq(learn(&user, NOW, false, BAYES_MOVED, "a"), BAYES_TAKEN_BACK);
    check_counts(&user, NOW, 0, 1);
    /* 24 bits are full: they do not run over into the other class */
    fill("16777215");
    ck_assert_int_eq(learn(&user, NOW, false, BAYES_MOVED, "c"), BAYES_LEARNED);
    check_tokens(0, 16777215);
    fill("281474959933440");
    ck_assert_int_eq(learn(&user, NOW, true, BAYES_MOVED, "d"), BAYES_LEARNED);
    check_tokens(16777215, 0);
}
END_TEST

static void immortal_fiber(void *immortal)
{
    static const char text[] = "local n = 0\n"
                               "for _, key in ipairs(redis.call('KEYS', '*')) do\n"
                               "  if redis.call('TTL', key) < 0 then n = n + 1 end\n"
                               "end\n"
                               "return n\n";
    struct fct_str word[] = {FCT_STR("EVAL"), str_from(text), FCT_STR("0")};
    const struct fct_redis_reply *reply = redis_call(rig.redis, rig.arena, word, 3, NULL);

    *(int64_t *)immortal = reply ? reply->integer : -1;
}

START_TEST(redis_forgets)
{
    int64_t immortal = -1;

    ck_assert_int_eq(learn(&user, NOW, true, BAYES_MOVED, "a"), BAYES_LEARNED);
    ck_assert_int_gt(number("DBSIZE"), 10);
    redis_rig_run(immortal_fiber, &immortal);
    ck_assert_int_eq(immortal, 0);
}
END_TEST

START_TEST(last_hundred)
{
    char digest[2] = {0};

    for (int i = 1; i <= BAYES_NEAR_MAX + 10; i++) {
        digest[0] = (char)i;
        (void)learn(&user, NOW, true, BAYES_MOVED, digest);
    }
    ck_assert_int_eq(number(arena_printf(rig.arena, "LLEN fct:n:{%s}", user.name).p),
                     BAYES_NEAR_MAX);
    (void)learn(&site, NOW, true, BAYES_MOVED, "a");
    ck_assert_int_eq(number("LLEN fct:n:{site}"), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bayes_scripts");
    TCase *tc = tcase_create("scripts");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, redis_rig_stop);
    tcase_add_test(tc, once);
    tcase_add_test(tc, taken_back);
    tcase_add_test(tc, taken_back_twice);
    tcase_add_test(tc, said_otherwise);
    tcase_add_test(tc, forgotten);
    tcase_add_test(tc, no_news);
    tcase_add_test(tc, guessed);
    tcase_add_test(tc, guessed_before);
    tcase_add_test(tc, other_generations);
    tcase_add_test(tc, bounds);
    tcase_add_test(tc, redis_forgets);
    tcase_add_test(tc, last_hundred);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
