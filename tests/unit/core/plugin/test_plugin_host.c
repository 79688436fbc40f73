/* test_plugin_host.c - what plugin.h promises of a call that has ended: nothing crashes, nothing
 * happens, and who is connected is never NULL. */
#include "tests/unit/core/plugin/service_rig.h"

#include "core/base/str.h"

#define api  plugin_host
#define call service_rig.call

static const char text[] = "Subject: x\r\n\r\nbody\r\n";
static struct call_message message;
static const struct fct_conn conn = {.size = sizeof conn, .helo = FCT_STR_INIT("client.example")};
static const struct fct_envelope envelope = {.size = sizeof envelope, .recipients = 1};
static struct fct_header header = {.name = FCT_STR_INIT("Subject"), .value = FCT_STR_INIT(" x")};
static struct fct_part part = {.type = FCT_STR_INIT("text/plain"), .parent = -1};

static void setup(void)
{
    service_rig_start();
    message = (struct call_message){.bytes = {text, sizeof text - 1},
                                    .header_limits = &mime_default_limits.header,
                                    .mime_limits = &mime_default_limits};
    service_rig.tx.message = &message;
    service_rig.tx.conn = &conn;
    service_rig.tx.envelope = &envelope;
}

START_TEST(who_is_connected_is_never_null)
{
    ck_assert_ptr_eq(api.conn(call), &conn);
    ck_assert_ptr_eq(api.envelope(call), &envelope);
    call_end(call);
    ck_assert_uint_eq(api.conn(call)->size, sizeof conn);
    ck_assert_uint_eq(api.conn(call)->helo.n, 0);
    ck_assert_uint_eq(api.conn(call)->role, 0);
    ck_assert_uint_eq(api.envelope(call)->size, sizeof envelope);
    ck_assert_uint_eq(api.envelope(call)->recipients, 0);
}
END_TEST

START_TEST(a_dead_call_reads_nothing)
{
    const struct fct_html_token *token;
    const struct fct_address *address;
    const struct fct_header *first;
    const struct fct_link *link;
    const struct fct_part *root;

    call_end(call);
    ck_assert_uint_eq(api.raw(call).n, 0);
    ck_assert_uint_eq(api.current(call).n, 0);
    ck_assert_uint_eq(api.headers(call, &first), 0);
    ck_assert_ptr_null(api.header(call, "Subject", 0));
    ck_assert_uint_eq(api.header_text(call, &header).n, 0);
    ck_assert_uint_eq(api.parts(call, &root), 0);
    ck_assert_uint_eq(api.part_bytes(call, &part).n, 0);
    ck_assert_uint_eq(api.part_text(call, &part).n, 0);
    ck_assert_uint_eq(api.html(call, &part, &token), 0);
    ck_assert_uint_eq(api.links(call, &link), 0);
    ck_assert_uint_eq(api.addresses(call, &header, &address), 0);
    ck_assert_uint_eq(api.server_name(call).n, 0);
    ck_assert_uint_eq(api.setting(call, "x").n, 0);
    ck_assert_uint_eq(api.time_left_ms(call), 0);
    ck_assert_ptr_null(api.alloc(call, 1));
    ck_assert_ptr_null(api.slot(call));
    ck_assert(!api.has_symbol(call, "X", NULL));
    ck_assert_ptr_null(api.symbol_at(call, 0, NULL));
    ck_assert_ptr_null(api.fact(call, "auth", 0).p);
}
END_TEST

START_TEST(a_dead_call_does_nothing)
{
    struct fct_str x = FCT_STR("x");

    call_end(call);
    api.log(call, FCT_WARNING, "%s", "not written");
    api.count(call, "dead", 1);
    ck_assert_double_eq(service_rig_counted(&service_rig.self, "dead"), 0);
    ck_assert(!api.symbol(call, "X", 1, x));
    ck_assert(!api.reply(call, 550, "5.7.1", "x"));
    ck_assert(!api.mailbox(call, x));
    ck_assert(!api.keyword(call, x));
    ck_assert(!api.set(call, "banner", x));
    ck_assert(!api.force(call, FCT_JUNK, 1, x));
    ck_assert(!api.fact_add(call, "auth", x));
    ck_assert(!api.header_add(call, FCT_TOP, x, x));
    ck_assert(!api.header_set(call, &header, x));
    ck_assert(!api.header_remove(call, &header));
    ck_assert(!api.header_insert(call, FCT_BEFORE, &header, x, x));
    ck_assert(!api.patch(call, 0, 1, x));
    ck_assert(!api.part_patch(call, &part, 0, 1, x));
    ck_assert(!api.body_replace(call, x));
}
END_TEST

static void no_work(void *arg)
{
    (void)arg;
    ck_abort_msg("a dead call began work");
}

static void no_task(struct fct_call *of, void *arg)
{
    (void)of;
    no_work(arg);
}

static void ask_everybody(void *arg)
{
    struct fct_http_request request = {.size = sizeof request,
                                       .url = FCT_STR("https://a.example/")};
    struct fct_rate rate = {.amount = 1, .period_ms = 1000, .burst = 1};
    struct fct_str x = FCT_STR("x"), value;
    struct fct_dns_answer answer;
    struct fct_http_reply reply;
    struct fct_token token;
    uint32_t wait_ms;

    (void)arg;
    token = api.start(call, no_task, NULL);
    ck_assert(!api.wait_all(call, &token, 1));
    ck_assert(!api.sleep_ms(call, 1));
    ck_assert(!api.offload(call, no_work, NULL));
    ck_assert(!api.dns(call, FCT_DNS_A, FCT_STR("a.example"), &answer));
    ck_assert_ptr_null(api.redis(call, &x, 1, NULL));
    ck_assert(!api.http(call, &request, &reply, NULL));
    ck_assert(!api.kv_get(call, x, &value));
    ck_assert(!api.kv_set(call, x, x, 0));
    ck_assert_int_eq(api.kv_add(call, x, 1, 0), 0);
    ck_assert(!api.kv_seen(call, x, 1));
    ck_assert(!api.limit_take(call, x, &rate, 1, &wait_ms));
    ck_assert_ptr_null(api.dial(call, FCT_STR("inet:127.0.0.1:1"), NULL));
}

START_TEST(a_dead_call_waits_for_nothing)
{
    call_end(call);
    service_rig_run(ask_everybody, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plugin_host");
    TCase *tc = tcase_create("dead calls");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, service_rig_stop);
    tcase_add_test(tc, who_is_connected_is_never_null);
    tcase_add_test(tc, a_dead_call_reads_nothing);
    tcase_add_test(tc, a_dead_call_does_nothing);
    tcase_add_test(tc, a_dead_call_waits_for_nothing);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
