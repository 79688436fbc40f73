/* test_phishing_text.c - which texts of links name a host, and what hides in URLs. */
#include "phishing_test.h"
#include "plugins/phishing/phishing_text.h"

START_TEST(shown)
{
    static const struct {
        const char *shown, *host; /* NULL: none */
    } cases[] = {
        {"https://www.paypal.com/login", "www.paypal.com"},
        {"HTTP://Example.org", "Example.org"},
        {"www.example.org", "www.example.org"},
        {"www.example.org/path?x=1", "www.example.org"},
        {"example.org", "example.org"},
        {"example.co.uk/offers", "example.co.uk"},
        {"(example.org).", "example.org"},
        {"  <https://example.org:8443>  ", "example.org"},
        {"Visit www.example.org now", "www.example.org"},
        {"see: https://example.org/a, then", "example.org"},
        {"Click here", NULL},
        {"Read more at example.org today", NULL}, /* a domain among words is a word */
        {"report.pdf", NULL},
        {"Node.js", NULL},
        {"install.sh", NULL},
        {"version 2.0", NULL},
        {"3.14", NULL},
        {"anna@example.org", NULL},
        {"http://anna@example.org", NULL},
        {"www.", NULL},
        {"www.x", NULL},
        {"http://localhost", NULL},
        {"", NULL},
        {" ", NULL},
        {"...", NULL},
        {"Unsubscribe", NULL},
        {"e.g.", NULL},
        {"Inc.com", "Inc.com"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_str host = {"", 0};
        bool found = phishing_shown_host(text_of(cases[i].shown), &host);

        ck_assert_msg(found == (cases[i].host != NULL), "\"%s\": %.*s", cases[i].shown,
                      FCT_FMT(host));
        if (found)
            ck_assert_msg(host.n == strlen(cases[i].host) &&
                              memcmp(host.p, cases[i].host, host.n) == 0,
                          "\"%s\": %.*s", cases[i].shown, FCT_FMT(host));
    }
}
END_TEST

START_TEST(embedded)
{
    static const struct {
        const char *text, *first, *second;
    } cases[] = {
        {"q=https://evil.example/a&sa=D", "https://evil.example/a", NULL},
        {"u=https%3A%2F%2Fevil.example%2Fa%20b", "https://evil.example/a b", NULL},
        {"/web/http://a.example/http", "http://a.example/http", NULL},
        {"a=http://a.example&b=HTTPS://b.example", "http://a.example", "HTTPS://b.example"},
        {"a=%68ttp://a.example", NULL, NULL},
        {"nothing here", NULL, NULL},
        {"https", NULL, NULL},
        {"http%3", NULL, NULL},
        {"", NULL, NULL},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        const char *want[2] = {cases[i].first, cases[i].second};
        size_t at = 0;

        for (unsigned k = 0; k < 2; k++) {
            char out[100];
            size_t n = phishing_embedded_url(text_of(cases[i].text), &at, out, sizeof out);

            ck_assert_msg(n == (want[k] ? strlen(want[k]) : 0), "%s: %zu", cases[i].text, n);
            if (want[k])
                ck_assert_int_eq(memcmp(out, want[k], n), 0);
        }
    }
}
END_TEST

START_TEST(hosts)
{
    ck_assert(phishing_is_tracker(FCT_STR("u123.ct.sendgrid.net")));
    ck_assert(phishing_is_tracker(FCT_STR("eur01.safelinks.protection.outlook.com")));
    ck_assert(!phishing_is_tracker(FCT_STR("notsendgrid.net")));
    ck_assert(!phishing_is_tracker(FCT_STR("outlook.com")));
    ck_assert(phishing_is_shortener(FCT_STR("bit.ly")));
    ck_assert(!phishing_is_shortener(FCT_STR("rabbit.ly")));
    ck_assert(phishing_looks_like_host(FCT_STR("www.paypal.com")));
    ck_assert(phishing_looks_like_host(FCT_STR("paypal.com:80")));
    ck_assert(!phishing_looks_like_host(FCT_STR("anna.smith")));
    ck_assert(!phishing_looks_like_host((struct fct_str){NULL, 0}));
}
END_TEST

START_TEST(schemes)
{
    static const struct {
        const char *url;
        enum phishing_scheme scheme;
    } cases[] = {
        {"javascript:x()", PHISHING_SCHEME_SCRIPT},
        {" Java\tScript\n:x()", PHISHING_SCHEME_SCRIPT},
        {"VBScript:x", PHISHING_SCHEME_SCRIPT},
        {"data:text/html,<p>", PHISHING_SCHEME_DATA},
        {"\x01"
         "DATA:text/html;base64,",
         PHISHING_SCHEME_DATA},
        {"data:image/svg+xml,", PHISHING_SCHEME_DATA},
        {"data:image/png;base64,", PHISHING_SCHEME_OTHER},
        {"https://example.org/?javascript:", PHISHING_SCHEME_OTHER},
        {"", PHISHING_SCHEME_OTHER},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        ck_assert_msg(phishing_scheme_of(text_of(cases[i].url)) == cases[i].scheme, "%s",
                      cases[i].url);
    ck_assert(phishing_turns_text(FCT_STR("a\xe2\x80\xae"
                                          "gpj.exe")));
    ck_assert(!phishing_turns_text(FCT_STR("\xe2\x80\x8f\xe2\x80")));
}
END_TEST

static void tests(TCase *tc)
{
    tcase_add_test(tc, shown);
    tcase_add_test(tc, embedded);
    tcase_add_test(tc, hosts);
    tcase_add_test(tc, schemes);
}

int main(void)
{
    return run_suite("phishing_text", tests);
}
