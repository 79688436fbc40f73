/* test_plugin_services.c - the host functions redis, kv, limit and http: whose keys, what a plugin
 * may hold, what the ledger hears of a Redis that is away, recording and replaying. */
#include "tests/unit/core/plugin/service_rig.h"

#include "core/base/str.h"
#include "core/http/http_client.h"
#include "core/plugin/cassette.h"
#include "core/state/state.h"
#include "tests/unit/core/redis/redis_rig.h"

#define host plugin_host
#define call service_rig.call

static const struct state_conf state_conf = {
    .max_entries = 100, .max_memory = {1u << 20}, .max_value = {1000}, .max_key = 40};
static char path[48];

static void begin(void)
{
    service_rig_start();
    service_rig.self.name = "mine";
    service_rig.other.name = "others";
    redis_rig_begin(service_rig.base);
    snprintf(path, sizeof path, "/tmp/fct-cassette.XXXXXX");
    close(mkstemp(path));
}

static void without_redis(void)
{
    begin();
    service_rig.services.state = state_new(&state_conf, NULL, 1);
}

static void use_client(void)
{
    redis_rig_client();
    service_rig.services.redis = rig.redis;
    service_rig.services.state = state_new(&state_conf, rig.redis, 1);
}

static void with_redis(void)
{
    begin();
    redis_rig_server(NULL);
    use_client();
}

static void with_dead_redis(void)
{
    begin();
    rig.conf.retry.ms = 60000;
    use_client();
}

static void teardown(void)
{
    cassette_free(&service_rig.services.cassette);
    state_free(&service_rig.services.state);
    redis_rig_finish();
    service_rig_stop();
    unlink(path);
}

/* ---- kv and limit ---- */

static void use_state(void *arg)
{
    const struct fct_rate rate = {2, 86400000, 0}, none = {0};
    struct fct_str value;
    uint32_t wait;

    (void)arg;
    ck_assert(!host.kv_get(call, FCT_STR("a"), &value));
    ck_assert_uint_eq(value.n, 0);
    ck_assert(host.kv_set(call, FCT_STR("a"), FCT_STR("\xFF\0x"), 0));
    ck_assert(host.kv_get(call, FCT_STR("a"), &value));
    ck_assert(str_equal(value, FCT_STR("\xFF\0x")));
    ck_assert(!host.kv_get(service_rig.other_call, FCT_STR("a"), &value));
    ck_assert_int_eq(host.kv_add(call, FCT_STR("n"), 3, 60), 3);
    ck_assert_int_eq(host.kv_add(call, FCT_STR("n"), -1, 60), 2);
    ck_assert(!host.kv_seen(call, FCT_STR("s"), 60));
    ck_assert(host.kv_seen(call, FCT_STR("s"), 60));
    ck_assert(host.limit_take(call, FCT_STR("l"), &rate, 2, NULL));
    ck_assert(!host.limit_take(call, FCT_STR("l"), &rate, 1, &wait));
    ck_assert_uint_gt(wait, 1000000);
    ck_assert(host.limit_take(call, FCT_STR("l"), &none, 1, &wait));
    ck_assert_uint_eq(wait, 0);
}

START_TEST(state_of_a_plugin)
{
    service_rig_run(use_state, NULL);
    ck_assert_ptr_null(call->note); /* nothing was away */
}
END_TEST

/* The world of the recording is gone when it is replayed. */
static void forget_the_world(void)
{
    struct fct_err err = {0};

    cassette_free(&service_rig.services.cassette);
    state_free(&service_rig.services.state);
    service_rig.services.redis = NULL;
    service_rig.services.cassette = cassette_replay(path, &err);
    ck_assert_msg(service_rig.services.cassette != NULL, "%s", err.text);
}

static void start_recording(void)
{
    struct fct_err err = {0};

    service_rig.services.cassette = cassette_record(path, &err);
    ck_assert_msg(service_rig.services.cassette != NULL, "%s", err.text);
}

static void ask_unrecorded(void *arg)
{
    struct fct_str value;

    (void)arg;
    ck_assert(!host.kv_get(call, FCT_STR("never asked"), &value));
}

START_TEST(state_on_a_cassette)
{
    start_recording();
    service_rig_run(use_state, NULL);
    forget_the_world();
    service_rig_run(use_state, NULL);
    service_rig_run(ask_unrecorded, NULL);
}
END_TEST

START_TEST(away_is_said_once)
{
    service_rig_run(use_state, NULL);
    ck_assert_ptr_nonnull(call->note);
    ck_assert_int_eq(call->note->kind, NOTE_FAULT);
    ck_assert_str_eq(call->note->name, "degraded");
    ck_assert(str_equal(call->note->detail, FCT_STR("redis")));
    ck_assert_ptr_null(call->note->next);
    ck_assert(service_rig_counted(&service_rig.self, "degraded") > 5);
}
END_TEST

static void use_late(void *arg)
{
    struct fct_str value;

    (void)arg;
    call_end(call);
    ck_assert(!host.kv_set(call, FCT_STR("a"), FCT_STR("b"), 0));
    ck_assert(!host.kv_get(call, FCT_STR("a"), &value));
    ck_assert_int_eq(host.kv_add(call, FCT_STR("a"), 1, 0), 0);
}

START_TEST(state_of_a_call_that_is_over)
{
    service_rig_run(use_late, NULL);
}
END_TEST

/* ---- redis ---- */

static const struct fct_redis_script script = {
    "pair", "return {KEYS[1], tonumber(ARGV[1]), false, {ARGV[2]}}"};

static void use_redis(void *arg)
{
    const struct fct_str set[] = {FCT_STR("SET"), FCT_STR("k"), FCT_STR("v")};
    const struct fct_str wrong[] = {FCT_STR("LPUSH"), FCT_STR("k"), FCT_STR("v")};
    const struct fct_str args[] = {FCT_STR("7"), FCT_STR("\xFF")};
    const struct fct_redis_reply *reply;
    struct fct_err err = {0};

    (void)arg;
    reply = host.redis(call, set, 3, &err);
    ck_assert_msg(reply != NULL, "%s", err.text);
    ck_assert(str_equal(reply->string, FCT_STR("OK")));
    ck_assert_ptr_null(host.redis(call, wrong, 3, &err));
    ck_assert_int_eq(err.class, FCT_DENIED);
    ck_assert_ptr_nonnull(strstr(err.text, "WRONGTYPE"));
    reply = host.redis_script(call, &script, &set[1], 1, args, 2, &err);
    ck_assert_ptr_nonnull(reply);
    ck_assert_uint_eq(reply->n, 4);
    ck_assert(str_equal(reply->item[0].string, FCT_STR("k")));
    ck_assert_int_eq(reply->item[1].integer, 7);
    ck_assert_uint_eq(reply->item[2].kind, FCT_REDIS_NIL);
    ck_assert(str_equal(reply->item[3].item[0].string, FCT_STR("\xFF")));
    ck_assert_ptr_null(host.redis(call, (struct fct_str[]){FCT_STR("MULTI")}, 1, &err));
    ck_assert_int_eq(err.class, FCT_DENIED);
}

START_TEST(commands)
{
    service_rig_run(use_redis, NULL);
    ck_assert_ptr_null(call->note); /* a refusal is no fault of Redis */
}
END_TEST

START_TEST(commands_on_a_cassette)
{
    start_recording();
    service_rig_run(use_redis, NULL);
    forget_the_world();
    service_rig_run(use_redis, NULL);
}
END_TEST

static void fill_memory(void *arg)
{
    const struct fct_str set[] = {FCT_STR("SETRANGE"), FCT_STR("k"), FCT_STR("100000"),
                                  FCT_STR("v")};
    const struct fct_str get[] = {FCT_STR("GET"), FCT_STR("k")};
    struct fct_err err = {0};

    (void)arg;
    ck_assert_ptr_nonnull(host.redis(call, set, 4, &err));
    service_rig.self.memory_bytes = 150000;
    ck_assert_ptr_nonnull(host.redis(call, get, 2, &err));
    ck_assert_ptr_null(host.redis(call, get, 2, &err));
    ck_assert_int_eq(err.class, FCT_LIMIT);
}

START_TEST(answers_are_the_plugins_memory)
{
    service_rig_run(fill_memory, NULL);
}
END_TEST

static void ask_nobody(void *arg)
{
    struct fct_http_request request = {.size = sizeof request,
                                       .url = FCT_STR("https://a.example/")};
    struct fct_http_reply reply;
    struct fct_err err = {0};

    (void)arg;
    ck_assert_ptr_null(host.redis(call, (struct fct_str[]){FCT_STR("PING")}, 1, &err));
    ck_assert_int_eq(err.class, FCT_TEMP);
    ck_assert_ptr_null(host.redis(call, (struct fct_str[]){FCT_STR("PING")}, 1, NULL));
    ck_assert(!host.http(call, &request, &reply, &err));
    ck_assert_int_eq(err.class, FCT_DENIED);
    ck_assert(!host.http(call, &request, &reply, NULL));
}

START_TEST(nobody_there)
{
    service_rig_run(ask_nobody, NULL);
    ck_assert_ptr_null(call->note); /* what nobody configured is not away */
}
END_TEST

/* ---- http ---- */

static void replay_http(void *arg)
{
    struct fct_http_request request = {.size = sizeof request,
                                       .url = FCT_STR("https://a.example/x")};
    struct fct_http_reply reply;
    struct fct_err err = {0};

    (void)arg;
    ck_assert_msg(host.http(call, &request, &reply, &err), "%s", err.text);
    ck_assert_uint_eq(reply.status, 418);
    ck_assert(str_equal(reply.body, FCT_STR("\xFF")));
    ck_assert_uint_eq(reply.headers, 1);
    ck_assert(str_equal(reply.header[0], FCT_STR("x: y")));
    request.body = FCT_STR("q");
    ck_assert(!host.http(call, &request, &reply, &err));
    ck_assert_int_eq(err.class, FCT_TEMP);
    ck_assert_str_eq(err.text, "away");
    request.method = "PUT";
    ck_assert(!host.http(call, &request, &reply, &err));
}

START_TEST(http_on_a_cassette)
{
    static const char *const lines[] = {
        "{\"cassette\":1}\n",
        "{\"kind\":\"http\",\"question\":{\"method\":\"GET\",\"url\":\"https://a.example/"
        "x\",\"body\":\"\"},"
        "\"answer\":{\"status\":418,\"headers\":[\"x: y\"],\"body\":{\"base64\":\"/w==\"}}}\n",
        "{\"kind\":\"http\",\"question\":{\"method\":\"POST\",\"url\":\"https://a.example/"
        "x\",\"body\":\"q\"},"
        "\"answer\":{\"error\":\"away\"}}\n",
    };
    FILE *f = fopen(path, "w");

    for (size_t i = 0; i < FCT_COUNT(lines); i++)
        fputs(lines[i], f);
    fclose(f);
    forget_the_world();
    service_rig_run(replay_http, NULL);
}
END_TEST

static void add_case(Suite *suite, const char *name, void (*setup)(void), const TTest *const *tests)
{
    TCase *tc = tcase_create(name);

    tcase_set_timeout(tc, 0);
    tcase_add_checked_fixture(tc, setup, teardown);
    for (; *tests; tests++)
        tcase_add_test(tc, *tests);
    suite_add_tcase(suite, tc);
}

int main(void)
{
    const TTest *const local[] = {
        state_of_a_plugin, state_on_a_cassette, state_of_a_call_that_is_over,
        nobody_there,      http_on_a_cassette,  NULL};
    const TTest *const real[] = {state_of_a_plugin,
                                 state_on_a_cassette,
                                 commands,
                                 commands_on_a_cassette,
                                 answers_are_the_plugins_memory,
                                 NULL};
    const TTest *const dead[] = {away_is_said_once, state_on_a_cassette, NULL};
    Suite *suite = suite_create("plugin_services");
    SRunner *runner;
    int failed;

    add_case(suite, "local", without_redis, local);
    add_case(suite, "redis", with_redis, real);
    add_case(suite, "away", with_dead_redis, dead);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
