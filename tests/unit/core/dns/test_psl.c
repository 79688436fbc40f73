/* test_psl.c - registrable domains. */
#include "core/dns/psl.h"

#include "core/base/str.h"
#include <check.h>
#include <stdlib.h>

START_TEST(registrable_domains)
{
    static const struct {
        const char *host, *org;
    } cases[] = {
        {"www.example.com", "example.com"},
        {"example.com", "example.com"},
        {"example.com.", "example.com"},
        {"com", "com"},
        {"a.b.example.co.uk", "example.co.uk"},
        {"co.uk", "co.uk"},
        {"www.www.ck", "www.ck"}, /* an exception of a rule for all */
        {"a.b.test.ck", "b.test.ck"},
        {"me.github.io", "me.github.io"}, /* the private section counts */
        {"x.me.github.io", "me.github.io"},
        {"a.example.unknown-tld", "example.unknown-tld"},
        {"shop.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"},
        {"192.0.2.1", "192.0.2.1"},
        {"2001:db8::1", "2001:db8::1"},
        {"localhost", "localhost"},
        {"", ""},
        {".", ""},
    };

    psl_setup();
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_str org = psl_org(str_from(cases[i].host));

        ck_assert_msg(str_equal(org, str_from(cases[i].org)), "%s: %.*s", cases[i].host,
                      FCT_FMT(org));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("psl");
    TCase *tc = tcase_create("psl");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, registrable_domains);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
