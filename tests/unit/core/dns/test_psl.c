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
        {"WwW.Example.COM", "Example.COM"},
        {"A.b.Example.Co.UK", "Example.Co.UK"},
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
        {"食狮.公司.cn", "食狮.公司.cn"}, /* U-labels as they are */
        {"www.食狮.公司.cn", "食狮.公司.cn"},
        {"www.XN--85X722F.xn--55qx5d.CN", "XN--85X722F.xn--55qx5d.CN"},
        {"shishi.中国", "shishi.中国"},
        {".example.com", ".example.com"},
        {"", ""},
        {".", ""},
    };

    psl_setup();
    for (size_t i = 0; i < 2 * FCT_COUNT(cases); i++) { /* the second time out of what is kept */
        const char *host = cases[i / 2].host, *wanted = cases[i / 2].org;
        struct fct_str org = psl_org(str_from(host));

        ck_assert_msg(str_equal(org, str_from(wanted)), "%s: %.*s", host, FCT_FMT(org));
    }
}
END_TEST

/* More of them than are kept, of every length around the longest that is. */
START_TEST(many_hosts)
{
    psl_setup();
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 500; i++) {
            char host[120], wanted[40];
            struct fct_str org, in;

            snprintf(wanted, sizeof wanted, "mail%u.%s", i, i % 2 ? "co.uk" : "example");
            snprintf(host, sizeof host, "%.*s.%s", (int)(1 + i % 60),
                     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", wanted);
            in = str_from(host);
            org = psl_org(in);
            ck_assert_msg(str_equal(org, str_from(wanted)), "%s: %.*s", host, FCT_FMT(org));
            ck_assert(org.p + org.n == in.p + in.n);
        }
}
END_TEST

/* What is nobody's has no registrable domain. */
START_TEST(names_without_one)
{
    static const char *const names[] = {
        "",   ".",        "com",          "COM",   ".com",      ".example",  ".example.com",
        "mm", "c.mm",     "unlisted-tld", "co.uk", "公司.cn",   "中国",      "xn--fiqs8s",
        "ck", "kyoto.jp", "192.0.2.1",    "::1",   "github.io", "k12.ak.us", ".",
    };
    struct fct_str org;

    psl_setup();
    for (size_t i = 0; i < FCT_COUNT(names); i++)
        ck_assert_msg(!psl_registrable(str_from(names[i]), &org), "%s: %.*s", names[i],
                      FCT_FMT(org));
    ck_assert(!psl_registrable((struct fct_str){NULL, 0}, &org));
    ck_assert(!psl_registrable(FCT_STR("www\0.example.com"), &org));
    ck_assert(psl_registrable(FCT_STR("b.c.unlisted-tld"), &org) &&
              str_equal(org, FCT_STR("c.unlisted-tld")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("psl");
    TCase *tc = tcase_create("psl");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, registrable_domains);
    tcase_add_test(tc, many_hosts);
    tcase_add_test(tc, names_without_one);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
