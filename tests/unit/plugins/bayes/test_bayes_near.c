/* test_bayes_near.c - nearly the same message, and strange records. */
#include "bayes_test.h"
#include "plugins/bayes/bayes_near.h"

static const struct bayes_digest digest = {"00112233445566778899aabbccddeeff"};

/* `n` tokens, of which the first `other` differ from those with other = 0; spread evenly. */
static void make(bool spam, size_t n, size_t other, struct bayes_near_record *out)
{
    uint64_t token[BAYES_TOKENS];

    for (size_t i = 0; i < n; i++)
        token[i] = (i + 1) << 50 | (i % 8 < other ? UINT64_C(1) << 40 : 0);
    bayes_near_make(spam, &digest, token, n, out);
}

static struct bayes_near find(const struct bayes_near_record *own,
                              const struct bayes_near_record *record, size_t n)
{
    struct fct_redis_reply item[4] = {{0}}, list = {.kind = FCT_REDIS_ARRAY, .item = item, .n = n};
    struct bayes_near near;

    for (size_t i = 0; i < n; i++)
        item[i] = (struct fct_redis_reply){.kind = FCT_REDIS_STRING,
                                           .string = {record[i].bytes, record[i].n}};
    bayes_near_find(own, &list, &near);
    return near;
}

START_TEST(likeness)
{
    struct bayes_near_record own, record[2];
    struct bayes_near near;

    make(true, 300, 0, &own);
    ck_assert_uint_eq(own.n, 1 + 32 + 4 * BAYES_SKETCH);
    make(false, 300, 0, &record[0]);
    near = find(&own, record, 1);
    ck_assert_double_eq(near.likeness, 1);
    ck_assert(!near.spam);
    make(true, 300, 8, &record[0]);
    ck_assert_double_lt(find(&own, record, 1).likeness, 0.1);
    make(true, 300, 2, &record[0]); /* six of eight the same: 6 / 10 of both together */
    ck_assert_double_eq_tol(find(&own, record, 1).likeness, 0.6, 0.1);
}
END_TEST

START_TEST(nearest_and_newest)
{
    struct bayes_near_record own, record[2];

    make(true, 300, 0, &own);
    make(true, 300, 4, &record[0]);
    make(false, 300, 1, &record[1]);
    ck_assert(!find(&own, record, 2).spam);
    record[0] = record[1];
    record[0].bytes[0] = 's'; /* as near, and newer */
    ck_assert(find(&own, record, 2).spam);
}
END_TEST

START_TEST(too_short)
{
    struct bayes_near_record own, record;

    make(true, BAYES_SKETCH_MIN - 1, 0, &own);
    ck_assert_uint_eq(own.n, 0);
    make(true, 300, 0, &record);
    ck_assert_double_eq(find(&own, &record, 1).likeness, 0);
    make(true, BAYES_SKETCH_MIN, 0, &own);
    ck_assert_double_eq_tol(find(&own, &record, 1).likeness, 0.5, 0.01); /* half of the longer */
}
END_TEST

START_TEST(strange_records)
{
    struct bayes_near_record own, record;
    struct fct_redis_reply number = {.kind = FCT_REDIS_INTEGER, .integer = 3};
    struct fct_redis_reply list = {.kind = FCT_REDIS_ARRAY, .item = &number, .n = 1};
    struct bayes_near near;

    make(true, 300, 0, &own);
    bayes_near_find(&own, &number, &near);
    ck_assert_double_eq(near.likeness, 0);
    bayes_near_find(&own, &list, &near);
    ck_assert_double_eq(near.likeness, 0);
    record = own;
    record.n--; /* cut */
    ck_assert_double_eq(find(&own, &record, 1).likeness, 0);
    record = own;
    record.bytes[0] = 'x';
    ck_assert_double_eq(find(&own, &record, 1).likeness, 0);
    record = own;
    record.n = 5;
    ck_assert_double_eq(find(&own, &record, 1).likeness, 0);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, likeness);
    tcase_add_test(tc, nearest_and_newest);
    tcase_add_test(tc, too_short);
    tcase_add_test(tc, strange_records);
}

int main(void)
{
    return run_suite("bayes_near", add);
}
