/* Standing rules for destinations: kept over restarts, obeyed when jobs are lent, the nearest
 * pattern first; and the history of what left. */
#include "fixture.h"

#include "core/base/clock.h"
#include "store/queue_history.h"
#include "store/queue_rules.h"

#define TEXT "Subject: hello\r\n\r\nbody\r\n"

static struct store *relay;

static void connect_relay(void)
{
    relay = fx_connect(ROLE_RELAY, 0);
    WANT(store_queue_claim(relay, NULL, 0, &fx_err));
}

static uint64_t put_to(const char *address, const char *log_id)
{
    struct queue_recipient r = {.address = str_from(address)};
    struct queue_send send = {.recipient = &r, .n = 1};
    uint64_t id = 0;
    struct store_delivery d = {.id = str_from(log_id),
                               .reverse_path = FCT_STR("from@example.net"),
                               .client_ip = FCT_STR("192.0.2.1"),
                               .size = strlen(TEXT),
                               .send = &send,
                               .queue_id = &id,
                               .fd = fx_memfd(TEXT, strlen(TEXT))};

    WANT(store_deliver(fx_edge, &d, fx_arena, NULL, &fx_err));
    close(d.fd);
    return id;
}

static size_t lent(void)
{
    struct queue_lease l;

    WANT(store_queue_lease(relay, 10, 4096, fx_arena, &l, &fx_err));
    return l.n;
}

static bool set(const char *pattern, bool held, int64_t until)
{
    return store_queue_rule_set(
        fx_admin,
        &(struct queue_rule){.pattern = str_from(pattern), .held = held, .until = until, .made = 5},
        &fx_err);
}

static size_t count(uint64_t known, uint64_t *generation)
{
    const struct queue_rule *rule;
    size_t n;

    WANT(store_queue_rules(relay, known, fx_arena, generation, &rule, &n, &fx_err));
    return n;
}

static void holding(void)
{
    connect_relay();
    WANT(set("held.example", true, 0));
    (void)put_to("a@held.example", "t1");
    ck_assert_uint_eq(lent(), 0);
    (void)put_to("a@free.example", "t2");
    ck_assert_uint_eq(lent(), 1);
    WANT(set("held.example", false, 0)); /* asks for nothing: goes */
    ck_assert_uint_eq(lent(), 1);
    ck_assert(!set("held.example", false, 0));
    ck_assert_int_eq(fx_err.class, FCT_DENIED);
    store_client_free(&relay);
}

static void nearest(void)
{
    connect_relay();
    WANT(set("*", true, 0));
    WANT(store_queue_rule_set(
        fx_admin, &(struct queue_rule){.pattern = FCT_STR(".b.example"), .per_minute = 5},
        &fx_err));
    WANT(set("c.b.example", true, 0));
    (void)put_to("x@a.example", "t");
    (void)put_to("x@c.b.example", "t");
    (void)put_to("x@b.example", "t");
    ck_assert_uint_eq(lent(), 0);
    (void)put_to("x@d.b.example", "t"); /* the rule for what is below says nothing of holding */
    ck_assert_uint_eq(lent(), 1);
    WANT(set("*", true, clock_wall() - 10)); /* that time is over */
    ck_assert_uint_eq(lent(), 2);
    store_client_free(&relay);
}

static void restart(void)
{
    store_client_free(&fx_admin);
    store_client_free(&fx_edge);
    server_close(&fx_server);
    WANT(server_open(fx_base, &fx_conf, fx_dir, true, &fx_server, &fx_err));
    fx_admin = fx_connect(ROLE_CTL, 0);
    fx_edge = fx_connect(ROLE_EDGE, 0);
}

static void restarting(void)
{
    uint64_t before, after;

    connect_relay();
    WANT(set("held.example", true, 0));
    ck_assert_uint_eq(count(0, &before), 1);
    ck_assert_uint_eq(count(before, &after), 0); /* nothing new */
    ck_assert_uint_eq(before, after);
    (void)put_to("a@held.example", "t1");
    store_client_free(&relay);
    restart();
    connect_relay();
    ck_assert_uint_eq(count(0, &after), 1);
    ck_assert_uint_eq(lent(), 0);
    ck_assert(!store_queue_rule_set(
        fx_admin, &(struct queue_rule){.pattern = FCT_STR("a\tb"), .held = true}, &fx_err));
    ck_assert_int_eq(fx_err.class, FCT_SYNTAX);
    store_client_free(&relay);
}

static void telling(void)
{
    uint64_t id;
    struct fct_str lines;

    connect_relay();
    id = put_to("a@one.example", "trace-1");
    (void)put_to("b@one.example", "trace-2");
    WANT(store_queue_result(relay,
                            &(struct queue_result){.id = id,
                                                   .outcome = QUEUE_OUT_DELIVERED,
                                                   .reply = FCT_STR("250 fine\twith\na tab"),
                                                   .host = FCT_STR("mx.example"),
                                                   .address = FCT_STR("a@one.example"),
                                                   .status = FCT_STR("2.0.0"),
                                                   .tls = FCT_STR("TLSv1.3"),
                                                   .took_ms = 12},
                            1, &fx_err));
    WANT(store_queue_history(fx_admin, FCT_STR("trace-1"), fx_arena, &lines, &fx_err));
    ck_assert(str_find(lines, FCT_STR("\tqueued\ttrace-1\tfrom@example.net\t\t192.0.2.1\t")) > 0);
    ck_assert(
        str_find(lines, FCT_STR("\tdelivered\ta@one.example\t2.0.0\tmx.example\tTLSv1.3\t12\t0\t"
                                "250 fine with a tab\n")) > 0);
    ck_assert(str_find(lines, FCT_STR("trace-2")) < 0);
    WANT(store_queue_history(fx_admin, FCT_STR("trace"), fx_arena, &lines, &fx_err));
    ck_assert_uint_eq(lines.n, 0);
    store_client_free(&relay);
}

#define CASE(name)                              \
    START_TEST(test_##name)                     \
    {                                           \
        fx_conf.queue_history.bytes = 1u << 20; \
        fx_test(name);                          \
    }                                           \
    END_TEST
CASE(holding)
CASE(nearest)
CASE(restarting)
CASE(telling)

int main(void)
{
    Suite *suite = suite_create("queue_rules");
    TCase *tc = tcase_create("queue_rules");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tc, test_holding);
    tcase_add_test(tc, test_nearest);
    tcase_add_test(tc, test_restarting);
    tcase_add_test(tc, test_telling);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
