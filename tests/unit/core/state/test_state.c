/* test_state.c - key-value data and limits: the same answers from Redis and from this process, and
 * what happens while Redis is away. */
#include "core/state/kv.h"
#include "core/state/limit.h"
#include "core/state/local_table.h"
#include "tests/unit/core/redis/redis_rig.h"

static const struct state_conf conf = {
    .max_entries = 100, .max_memory = {1u << 20}, .max_value = {1000}, .max_key = 40};

static struct state *state;
static enum state_from want_from, from;

static void with_nothing(void)
{
    redis_rig_start();
    state = state_new(&conf, NULL, 1);
    want_from = STATE_LOCAL;
}

static void with_redis(void)
{
    redis_rig_start();
    redis_rig_server(NULL);
    redis_rig_client();
    state = state_new(&conf, rig.redis, 4);
    want_from = STATE_REDIS;
}

static void with_dead_redis(void)
{
    redis_rig_start();
    rig.conf.retry.ms = 60000;
    redis_rig_client();
    state = state_new(&conf, rig.redis, 1);
    want_from = STATE_DEGRADED;
}

static void teardown(void)
{
    state_free(&state);
    redis_rig_stop();
}

static struct fct_str get(const char *owner, const char *key)
{
    struct fct_str value;
    bool found = kv_get(state, rig.arena, owner, str_from(key), &value, &from);

    ck_assert_int_eq(from, want_from);
    return found ? value : FCT_STR("-");
}

static bool set(const char *owner, const char *key, const char *value, uint32_t ttl_s)
{
    return kv_set(state, rig.arena, owner, str_from(key), str_from(value), ttl_s, &from);
}

static int64_t sum(const char *key, int64_t by, uint32_t ttl_s)
{
    int64_t n = kv_add(state, rig.arena, "p", str_from(key), by, ttl_s, &from);

    ck_assert_int_eq(from, want_from);
    return n;
}

static bool seen(const char *key, uint32_t ttl_s)
{
    bool yes = kv_seen(state, rig.arena, "p", str_from(key), ttl_s, &from);

    ck_assert_int_eq(from, want_from);
    return yes;
}

static void facts(void *arg)
{
    (void)arg;
    ck_assert(str_equal(get("p", "a"), FCT_STR("-")));
    ck_assert(set("p", "a", "1", 0));
    ck_assert_int_eq(from, want_from);
    ck_assert(str_equal(get("p", "a"), FCT_STR("1")));
    ck_assert(str_equal(get("q", "a"), FCT_STR("-"))); /* another plugin's */
    ck_assert(set("p", "a", "", 100));
    ck_assert(str_equal(get("p", "a"), FCT_STR("")));
    ck_assert_int_eq(sum("n", 5, 0), 5);
    ck_assert_int_eq(sum("n", -7, 100), -2);
    ck_assert_int_eq(sum("n", 3, 100), 1);
    ck_assert(str_equal(get("p", "n"), FCT_STR("1")));
    ck_assert(!seen("s", 100));
    ck_assert(seen("s", 0));
    ck_assert(seen("s", 100));
    ck_assert(!seen("s2", 0));
    ck_assert(seen("s2", 0));
}

START_TEST(the_same_facts)
{
    redis_rig_run(facts, NULL);
}
END_TEST

static void too_large(void *arg)
{
    char value[1002];
    struct fct_str v;

    (void)arg;
    memset(value, 'x', sizeof value);
    value[1001] = '\0';
    ck_assert(!set("p", "a", value, 0));
    value[1000] = '\0';
    ck_assert(set("p", "a", value, 0));
    value[41] = '\0';
    ck_assert(!set("p", value, "x", 0));
    ck_assert(!kv_get(state, rig.arena, "p", str_from(value), &v, &from));
    ck_assert_int_eq(kv_add(state, rig.arena, "p", str_from(value), 1, 0, &from), 0);
    ck_assert(!kv_seen(state, rig.arena, "p", str_from(value), 1, &from));
    value[40] = '\0';
    ck_assert(set("p", value, "x", 0));
}

START_TEST(limits_of_size)
{
    redis_rig_run(too_large, NULL);
}
END_TEST

/* ---- rates ---- */

static unsigned take_all(const struct fct_rate *rate, const char *key, uint32_t amount,
                         uint32_t *wait_ms)
{
    unsigned taken = 0;

    while (taken < 1000 &&
           limit_take(state, rig.arena, "p", str_from(key), rate, amount, wait_ms, &from)) {
        ck_assert_uint_eq(*wait_ms, 0);
        taken++;
    }
    ck_assert_int_eq(from, want_from);
    return taken;
}

/* Rates so slow that nothing flows back while the test runs. */
static void rates(void *arg)
{
    const struct fct_rate burst = {200, 86400000, 50}, plain = {7, 604800000, 0};
    uint32_t wait;

    (void)arg;
    ck_assert_uint_eq(take_all(&burst, "a", 1, &wait), 50);
    ck_assert_uint_gt(wait, 300000); /* one each 432 s */
    ck_assert_uint_le(wait, 432000);
    ck_assert_uint_eq(take_all(&burst, "b", 20, &wait), 2);
    ck_assert_uint_gt(wait, 3000000);                       /* ten more of them */
    ck_assert_uint_eq(take_all(&burst, "b", 10, &wait), 1); /* what was refused took nothing */
    ck_assert_uint_eq(take_all(&plain, "c", 1, &wait), 7);
    ck_assert(!limit_take(state, rig.arena, "p", FCT_STR("d"), &plain, 8, &wait, &from));
    ck_assert_uint_eq(wait, UINT32_MAX);
}

START_TEST(the_same_rates)
{
    redis_rig_run(rates, NULL);
}
END_TEST

static void shares(void *arg)
{
    const struct fct_rate burst = {200, 86400000, 50}, small = {2, 86400000, 0};
    const struct fct_rate least = {1, 86400000, 0};
    uint32_t wait;

    (void)arg;
    ck_assert_uint_eq(take_all(&burst, "a", 1, &wait), 12);
    ck_assert_uint_gt(wait, 1200000); /* four times as long */
    ck_assert_uint_eq(take_all(&small, "b", 1, &wait), 1);
    ck_assert_uint_eq(take_all(&least, "d", 1, &wait), 1);
    ck_assert_uint_eq(take_all(&burst, "c", 40, &wait),
                      1); /* more than the share, but it is allowed */
}

START_TEST(a_share_of_the_rate)
{
    state_free(&state);
    state = state_new(&conf, NULL, 4);
    redis_rig_run(shares, NULL);
}
END_TEST

static void flow(void *arg)
{
    const struct fct_rate fast = {1000, 1000, 1};
    uint32_t wait = 0;
    unsigned taken = 0;

    (void)arg;
    while (taken < 20)
        if (limit_take(state, rig.arena, "p", FCT_STR("f"), &fast, 1, &wait, &from))
            taken++;
        else
            (void)fiber_sleep(wait);
}

START_TEST(tokens_come_back)
{
    uint64_t begun = clock_ms();

    redis_rig_run(flow, NULL);
    ck_assert_uint_ge(clock_ms() - begun,
                      18); /* never faster than the rate; slower is the machine */
}
END_TEST

START_TEST(where_answers_came_from)
{
    struct state_stats stats;

    redis_rig_run(facts, NULL);
    stats = state_stats(state);
    ck_assert_uint_gt(stats.asked[want_from], 10);
    for (unsigned i = 0; i <= STATE_DEGRADED; i++)
        ck_assert(i == want_from || stats.asked[i] == 0);
    ck_assert_int_eq(stats.entries > 0, want_from != STATE_REDIS);
}
END_TEST

/* ---- the table alone ---- */

static bool has(struct local_table *t, const char *key, uint64_t now)
{
    struct fct_str value;

    return local_table_get(t, str_from(key), now, &value, NULL);
}

START_TEST(the_longest_unused_goes)
{
    struct local_table *t = local_table_new(3, 1u << 20);

    local_table_put(t, FCT_STR("a"), FCT_STR("1"), 0, CLOCK_NEVER);
    local_table_put(t, FCT_STR("b"), FCT_STR("2"), 0, CLOCK_NEVER);
    local_table_put(t, FCT_STR("c"), FCT_STR("3"), 0, CLOCK_NEVER);
    ck_assert(has(t, "a", 0));
    local_table_put(t, FCT_STR("d"), FCT_STR("4"), 0, CLOCK_NEVER);
    ck_assert(!has(t, "b", 0));
    ck_assert(has(t, "a", 0) && has(t, "c", 0) && has(t, "d", 0));
    ck_assert_uint_eq(local_table_evicted(t), 1);
    local_table_put(t, FCT_STR("a"), FCT_STR("5"), 0, 10);
    ck_assert_uint_eq(local_table_entries(t), 3);
    ck_assert(has(t, "a", 9));
    ck_assert(!has(t, "a", 10));
    ck_assert_uint_eq(local_table_entries(t), 2);
    local_table_free(&t);
    ck_assert_ptr_null(t);
}
END_TEST

START_TEST(bounded_in_bytes)
{
    struct local_table *t = local_table_new(1000000, 100000);
    char value[1000] = {0};
    uint64_t key;

    for (key = 0; key < 1000; key++)
        ck_assert(local_table_put(t, (struct fct_str){(char *)&key, sizeof key},
                                  (struct fct_str){value, sizeof value}, 0, CLOCK_NEVER));
    ck_assert_uint_le(local_table_bytes(t), 100000);
    ck_assert_uint_gt(local_table_entries(t), 50);
    char *large = calloc(1, 200000);

    ck_assert(!local_table_put(t, FCT_STR("x"), (struct fct_str){large, 200000}, 0, CLOCK_NEVER));
    ck_assert_uint_eq(local_table_bytes(t), 0);
    free(large);
    local_table_free(&t);
}
END_TEST

static void add_case(Suite *suite, const char *name, void (*setup)(void))
{
    TCase *tc = tcase_create(name);

    tcase_set_timeout(tc, 0);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_same_facts);
    tcase_add_test(tc, limits_of_size);
    tcase_add_test(tc, the_same_rates);
    tcase_add_test(tc, tokens_come_back);
    tcase_add_test(tc, where_answers_came_from);
    suite_add_tcase(suite, tc);
}

int main(void)
{
    Suite *suite = suite_create("state");
    TCase *shared = tcase_create("shares"), *table = tcase_create("table");
    SRunner *runner;
    int failed;

    add_case(suite, "local", with_nothing);
    add_case(suite, "redis", with_redis);
    add_case(suite, "degraded", with_dead_redis);
    tcase_add_checked_fixture(shared, with_nothing, teardown);
    tcase_add_test(shared, a_share_of_the_rate);
    tcase_add_test(table, the_longest_unused_goes);
    tcase_add_test(table, bounded_in_bytes);
    suite_add_tcase(suite, shared);
    suite_add_tcase(suite, table);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
