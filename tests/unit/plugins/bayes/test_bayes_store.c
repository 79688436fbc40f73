/* test_bayes_store.c - names, generations, and answers of Redis, right and wrong ones. */
#include "bayes_test.h"
#include "plugins/bayes/bayes_store.h"

START_TEST(generations)
{
    static const struct {
        int64_t time;
        bayes_generation generation;
        int64_t end;
    } cases[] = {
        {1767225600, 2026 * 4, 1782864000},     /* 2026-01-01: until 2026-07-01 */
        {1767225599, 2025 * 4 + 3, 1775001600}, /* the second before: until 2026-04-01 */
        {1798761599, 2026 * 4 + 3, 1806537600}, /* 2026-12-31: until 2027-04-01 */
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        ck_assert_uint_eq(bayes_generation_at(cases[i].time), cases[i].generation);
        ck_assert_int_eq(bayes_generation_end(cases[i].generation), cases[i].end);
    }
}
END_TEST

START_TEST(names)
{
    static struct bayes_question q;
    struct bayes_digest digest = {"00112233445566778899aabbccddeeff"};
    uint64_t token[2] = {0x0102030405060708, 0xf102030405060709};
    struct bayes_db site, anna, other;

    bayes_db_site(&site);
    bayes_look(&q, &site, 2026 * 4 + 1, token, 2);
    ck_assert_str_eq(q.key[0].p, "fct:b:{site}:2026q2");
    ck_assert_uint_eq(q.keys, 1);
    ck_assert_uint_eq(q.arg[0].n, 14);
    ck_assert_int_eq(memcmp(q.arg[0].p + 2, "\4\5\6\7\10", 5), 0);
    ck_assert_int_eq(memcmp(q.arg[0].p + 9, "\4\5\6\7\11", 5), 0);
    bayes_learn(&q, &site, 2026 * 4, true, BAYES_MOVED, &digest, token, 2);
    ck_assert_str_eq(q.key[0].p, "fct:l:{site}:2026q1");
    ck_assert_str_eq(q.key[1].p, "fct:l:{site}:2025q4");
    ck_assert_str_eq(q.arg[0].p, "fct:b:{site}:");
    ck_assert_str_eq(q.arg[1].p, "2026q1");
    ck_assert_str_eq(q.arg[2].p, "2025q4");
    ck_assert_str_eq(q.arg[4].p, "moved");
    ck_assert_str_eq(q.arg[7].p, "1782864000");
    bayes_db_user(&anna, 7, FCT_STR("Anna@example.org"));
    bayes_db_user(&other, 7, FCT_STR("anna@EXAMPLE.org"));
    ck_assert_str_eq(anna.name, other.name);
    bayes_db_user(&other, 8, FCT_STR("anna@example.org"));
    ck_assert_str_ne(anna.name, other.name);
    ck_assert_ptr_null(strchr(anna.name, '@'));
}
END_TEST

#define STRING(text)                                           \
    {                                                          \
        .kind = FCT_REDIS_STRING, .string = FCT_STR_INIT(text) \
    }

START_TEST(answers)
{
    struct fct_redis_reply item[3] = {STRING("12"), STRING("8"), STRING("50331649,,7")};
    struct fct_redis_reply reply = {.kind = FCT_REDIS_ARRAY, .item = item, .n = 3}, nil = {0};
    struct bayes_counts messages = {1, 1}, token[3] = {{0}};

    ck_assert(bayes_look_add(&nil, 1, &messages, token, 3));
    ck_assert_double_eq(messages.spam, 1);
    ck_assert(bayes_look_add(&reply, 0.5, &messages, token, 3));
    ck_assert_double_eq(messages.spam, 7);
    ck_assert_double_eq(messages.ham, 5);
    ck_assert_double_eq(token[0].spam, 1.5); /* 3 << 24 | 1 */
    ck_assert_double_eq(token[0].ham, 0.5);
    ck_assert_double_eq(token[1].spam + token[1].ham, 0);
    ck_assert_double_eq(token[2].ham, 3.5);
}
END_TEST

START_TEST(strange_answers)
{
    struct fct_redis_reply item[3] = {STRING("12"), STRING("8"), STRING("1,2")};
    struct fct_redis_reply reply = {.kind = FCT_REDIS_ARRAY, .item = item, .n = 3};
    struct fct_redis_reply number = {.kind = FCT_REDIS_INTEGER, .integer = 1};
    struct bayes_counts messages = {0}, token[3] = {{0}};
    enum bayes_learned what;

    ck_assert(!bayes_look_add(&reply, 1, &messages, token, 3)); /* too few */
    ck_assert(!bayes_look_add(&number, 1, &messages, token, 3));
    reply.n = 2;
    ck_assert(!bayes_look_add(&reply, 1, &messages, token, 2));
    reply.n = 3;
    item[2] = number;
    ck_assert(!bayes_look_add(&reply, 1, &messages, token, 1));
    ck_assert(bayes_learned(&number, &what) && what == BAYES_LEARNED);
    number.integer = 4;
    ck_assert(!bayes_learned(&number, &what));
    number.integer = -1;
    ck_assert(!bayes_learned(&number, &what));
    ck_assert(!bayes_learned(&reply, &what));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, generations);
    tcase_add_test(tc, names);
    tcase_add_test(tc, answers);
    tcase_add_test(tc, strange_answers);
}

int main(void)
{
    return run_suite("bayes_store", add);
}
