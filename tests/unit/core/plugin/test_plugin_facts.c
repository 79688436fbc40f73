/* test_plugin_facts.c - the host functions addresses, fact_add and fact. */
#include "tests/unit/core/plugin/service_rig.h"

#include "core/base/str.h"

#define api  plugin_host
#define call service_rig.call

static const char text[] = "From: \"A, B\" <a@B.example>, c@d.example (C)\r\n"
                           "To: friends: x@y.example, z@y.example;\r\n"
                           "Cc: <broken@e.example\r\n"
                           "\r\n"
                           "body\r\n";

static struct call_message message;

static void setup(void)
{
    service_rig_start();
    message = (struct call_message){.bytes = {text, sizeof text - 1},
                                    .header_limits = &mime_default_limits.header,
                                    .mime_limits = &mime_default_limits};
    service_rig.tx.message = &message;
}

static bool fact_is(struct fct_call *who, const char *name, size_t nth, const char *want)
{
    struct fct_str got = api.fact(who, name, nth);

    return want ? got.p && str_equal(got, str_from(want)) : !got.p;
}

START_TEST(facts_keep_their_order_and_their_name)
{
    struct fct_call *other = service_rig.other_call;

    ck_assert(fact_is(call, "auth", 0, NULL));
    ck_assert(api.fact_add(call, "auth", FCT_STR("spf=pass")));
    ck_assert(api.fact_add(call, "other", FCT_STR("x")));
    ck_assert(api.fact_add(other, "auth", FCT_STR("")));
    ck_assert(fact_is(other, "auth", 0, "spf=pass"));
    ck_assert(fact_is(call, "auth", 1, "")); /* empty is not none */
    ck_assert(fact_is(call, "auth", 2, NULL));
    ck_assert(fact_is(call, "AUTH", 0, NULL));
}
END_TEST

START_TEST(live_rows_do_not_see_what_shadows_left)
{
    struct fct_call *other = service_rig.other_call;

    other->shadow = true;
    ck_assert(api.fact_add(other, "auth", FCT_STR("tried")));
    ck_assert(api.fact_add(call, "auth", FCT_STR("done")));
    ck_assert(fact_is(call, "auth", 0, "done"));
    ck_assert(fact_is(call, "auth", 1, NULL));
    ck_assert(fact_is(other, "auth", 0, "tried"));
    ck_assert(fact_is(other, "auth", 1, "done"));
}
END_TEST

START_TEST(facts_have_limits)
{
    static char large[2001], name[66];
    struct fct_str most = {large, 2000}, too_large = {large, 2001};

    memset(name, 'n', 65);
    ck_assert(!api.fact_add(call, "auth", too_large));
    ck_assert(!api.fact_add(call, "", FCT_STR("x")));
    ck_assert(!api.fact_add(call, NULL, FCT_STR("x")));
    ck_assert(!api.fact_add(call, name, FCT_STR("x")));
    for (int i = 0; i < 200; i++)
        ck_assert(api.fact_add(call, "auth", most));
    ck_assert(!api.fact_add(call, "auth", FCT_STR("x")));
    ck_assert(api.fact(call, "auth", 199).n == 2000);
    service_rig.tx.message = NULL; /* before `headers` nobody keeps them */
    service_rig.tx.fact = NULL;
    ck_assert(!api.fact_add(call, "auth", FCT_STR("x")));
    call->live = false;
    ck_assert(fact_is(call, "auth", 0, NULL));
}
END_TEST

START_TEST(addresses_of_fields)
{
    const struct fct_address *a, *again;

    ck_assert_uint_eq(api.addresses(call, api.header(call, "From", 0), &a), 2);
    ck_assert(str_equal(a[0].name, FCT_STR("A, B")));
    ck_assert(str_equal(a[0].local, FCT_STR("a")));
    ck_assert(str_equal(a[0].domain, FCT_STR("B.example")));
    ck_assert(str_equal(a[1].domain, FCT_STR("d.example")));
    ck_assert_uint_eq(api.addresses(service_rig.other_call, api.header(call, "From", 0), &again),
                      2);
    ck_assert_ptr_eq(a, again); /* read once */
    ck_assert_uint_eq(api.addresses(call, api.header(call, "To", 0), &a), 4);
    ck_assert_uint_eq(a[0].kind, FCT_ADDRESS_GROUP_START);
    ck_assert(str_equal(a[0].name, FCT_STR("friends")));
    ck_assert_uint_eq(a[1].kind, FCT_ADDRESS_MAILBOX);
    ck_assert_uint_eq(a[3].kind, FCT_ADDRESS_GROUP_END);
    ck_assert_uint_eq(api.addresses(call, api.header(call, "Cc", 0), &a), 1);
    ck_assert(a[0].broken);
    ck_assert_uint_eq(api.addresses(call, NULL, &a), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plugin_facts");
    TCase *tc = tcase_create("facts");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, service_rig_stop);
    tcase_add_test(tc, facts_keep_their_order_and_their_name);
    tcase_add_test(tc, live_rows_do_not_see_what_shadows_left);
    tcase_add_test(tc, facts_have_limits);
    tcase_add_test(tc, addresses_of_fields);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
