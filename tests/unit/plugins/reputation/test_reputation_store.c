/* test_reputation_store.c - keys, what scripts are called with, their answers; senders; limits of
 * the configuration. What the scripts do is in tests/interop/test_reputation.py. */
#include "plugins/reputation/reputation_conf.h"
#include "plugins/reputation/reputation_names.h"
#include "plugins/reputation/reputation_store.h"

#include <check.h>
#include <stdlib.h>

START_TEST(keys)
{
    char a[REPUTATION_KEY_ROOM], b[REPUTATION_KEY_ROOM];

    ck_assert(reputation_key("secret", REPUTATION_NET, FCT_STR("192.0.2.0/24"), a));
    ck_assert_int_eq(strncmp(a, "fct:{rep}:n", 11), 0);
    ck_assert_uint_eq(strlen(a), 11 + 16);
    ck_assert_ptr_null(strstr(a, "192"));
    ck_assert(reputation_key("secret", REPUTATION_NET, FCT_STR("192.0.2.0/24"), b));
    ck_assert_str_eq(a, b);
    ck_assert(reputation_key("other", REPUTATION_NET, FCT_STR("192.0.2.0/24"), b));
    ck_assert_str_ne(a, b);
    ck_assert(reputation_key("", REPUTATION_DKIM, FCT_STR("example.org"), a));
    ck_assert(reputation_key("", REPUTATION_SPF, FCT_STR("example.org"), b));
    ck_assert_str_eq(a + 11, b + 11);
    ck_assert_int_ne(a[10], b[10]);
    reputation_message_key("00112233445566778899aabbccddeeff", a);
    ck_assert_str_eq(a, "fct:{rep}:m00112233445566778899aabbccddeeff");
}
END_TEST

START_TEST(tags)
{
    char a[REPUTATION_TAG_ROOM], b[REPUTATION_TAG_ROOM];

    ck_assert(reputation_user_tag("s", FCT_STR("alice@example.org"), a));
    ck_assert_uint_eq(strlen(a), 17);
    ck_assert_int_eq(a[0], ':');
    ck_assert(reputation_user_tag("s", FCT_STR("Alice@EXAMPLE.org"), b));
    ck_assert_str_eq(a, b);
    ck_assert(reputation_user_tag("s", FCT_STR("bob@example.org"), b));
    ck_assert_str_ne(a, b);
    ck_assert(!reputation_user_tag("s", FCT_STR(""), a));
}
END_TEST

START_TEST(questions)
{
    static const char key[2][REPUTATION_KEY_ROOM] = {"fct:{rep}:n1", "fct:{rep}:d2"};
    struct reputation_times times = {100, 50};
    struct reputation_question q;

    reputation_count(&q, REPUTATION_SPAM, 1, 1767225600, &times, "fct:{rep}:m1", key, 2);
    ck_assert_uint_eq(q.keys, 3);
    ck_assert_str_eq(q.key[0].p, "fct:{rep}:m1");
    ck_assert_str_eq(q.key[2].p, "fct:{rep}:d2");
    ck_assert_uint_eq(q.args, 5);
    ck_assert_str_eq(q.arg[0].p, "1");
    ck_assert_str_eq(q.arg[1].p, "1");
    ck_assert_str_eq(q.arg[2].p, "1767225600");
    ck_assert_str_eq(q.arg[3].p, "100");
    ck_assert_str_eq(q.arg[4].p, "50");
    reputation_learn(&q, REPUTATION_HAM, REPUTATION_SAID, 2.5, 1767225600, &times, "fct:{rep}:m1",
                     ":user");
    ck_assert_uint_eq(q.keys, 2);
    ck_assert_str_eq(q.key[0].p, "fct:{rep}:m1");
    ck_assert_str_eq(q.key[1].p, "fct:{rep}:m1:user");
    ck_assert_uint_eq(q.args, 8);
    ck_assert_str_eq(q.arg[7].p, ":user");
    ck_assert_str_eq(q.arg[0].p, "2");
    ck_assert_str_eq(q.arg[1].p, "2.5");
    ck_assert_str_eq(q.arg[5].p, "said");
    ck_assert_str_eq(q.arg[6].p, "fct:{rep}:");
}
END_TEST

START_TEST(answers)
{
    struct fct_redis_reply reply = {.kind = FCT_REDIS_INTEGER};
    enum reputation_learned what;

    for (reply.integer = 0; reply.integer <= 4; reply.integer++) {
        ck_assert(reputation_learned(&reply, &what));
        ck_assert_int_eq(what, reply.integer);
        ck_assert_uint_gt(strlen(reputation_learned_text(what)), 0);
    }
    ck_assert(!reputation_learned(&reply, &what));
    reply.integer = -1;
    ck_assert(!reputation_learned(&reply, &what));
    reply.kind = FCT_REDIS_NIL;
    ck_assert(!reputation_learned(&reply, &what));
}
END_TEST

static const struct {
    const char *address, *sender;
} senders[] = {
    {"a@example.org", "a@example.org"},
    {"A.B@Example.ORG", "a.b@example.org"},
    {"a+tag@example.org", "a@example.org"},
    {"a+tag+more@example.org", "a@example.org"},
    {"\"a@b\"@example.org", "\"a@b\"@example.org"},
    {"+a@example.org", ""}, /* nobody before the + */
    {"bounce-a=example.net@example.org", ""},
    {"prvs=0123456789=a@example.org", ""},
    {"SRS0=x=y=example.net=a@example.org", ""},
    {"a@x=y.example", "a@x=y.example"},
    {"@example.org", ""},
    {"a@", ""},
    {"a", ""},
    {"", ""},
};

START_TEST(who_sends)
{
    struct fct_str address = {senders[_i].address, strlen(senders[_i].address)}, sender;
    char out[64];

    sender = reputation_sender(address, out);
    ck_assert_uint_eq(sender.n, strlen(senders[_i].sender));
    ck_assert_int_eq(memcmp(sender.p, senders[_i].sender, sender.n), 0);
}
END_TEST

static struct reputation_conf good(void)
{
    return (struct reputation_conf){.secret = "",
                                    .asn_database = "",
                                    .strength = 10,
                                    .max_urls = 10,
                                    .spam_from = 6,
                                    .ham_below = 1,
                                    .learn_weight = 5,
                                    .good_share = 0.5,
                                    .remember = {1000},
                                    .forget = {1000}};
}

START_TEST(configuration)
{
    struct reputation_conf conf = good();
    struct fct_err err;

    ck_assert(reputation_conf_check(&conf, &err));
#define REFUSED(change, key)                                          \
    do {                                                              \
        conf = good();                                                \
        conf.change;                                                  \
        ck_assert(!reputation_conf_check(&conf, &err));               \
        ck_assert_int_eq(strncmp(err.text, key, sizeof(key) - 1), 0); \
    } while (0)
    REFUSED(max_urls = 21, "max_urls:");
    REFUSED(strength = 0, "strength:");
    REFUSED(strength = 1001, "strength:");
    REFUSED(good_share = 1.1, "good_share:");
    REFUSED(good_share = -0.1, "good_share:");
    REFUSED(learn_weight = 101, "learn_weight:");
    REFUSED(learn_weight = -1, "learn_weight:");
    REFUSED(ham_below = 7, "ham_below:");
    REFUSED(remember.ms = 2000, "forget:");
    REFUSED(remember.ms = 999, "forget:");
    REFUSED(asn_database = "asn.mmdb", "asn_database:");
    REFUSED(skip_net = ((struct fct_strings){(const char *const[]){"192.0.2.0/33"}, 1}),
            "skip_net");
#undef REFUSED
}
END_TEST

/* What is no database says so; what it does is tested with a server. */
START_TEST(databases)
{
    struct fct_err err;

    ck_assert_ptr_null(reputation_asn_open("/nonexistent.mmdb", &err));
    ck_assert_ptr_nonnull(strstr(err.text, "asn_database: /nonexistent.mmdb"));
    ck_assert_ptr_null(reputation_asn_open("/dev/null", &err));
    reputation_asn_close(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reputation_store");
    TCase *tc = tcase_create("reputation_store");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, keys);
    tcase_add_test(tc, tags);
    tcase_add_test(tc, questions);
    tcase_add_test(tc, answers);
    tcase_add_loop_test(tc, who_sends, 0, (int)FCT_COUNT(senders));
    tcase_add_test(tc, configuration);
    tcase_add_test(tc, databases);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
