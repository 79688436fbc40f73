/* test_spf_macro.c - every letter, every transformer, names that grow too long, bytes that are no
 * name. */
#include "plugins/spf/spf_macro.h"
#include "plugins/spf/spf_name.h"

#include <check.h>
#include <stdlib.h>

static struct fct_str str(const char *s)
{
    return (struct fct_str){s, strlen(s)};
}

static int asked;

static struct fct_str validated(void *ctx, struct fct_str domain)
{
    (void)ctx;
    (void)domain;
    asked++;
    return str("mx.example.org");
}

/* The example of RFC 7208 7.4. */
static struct spf_macro_values values(const char *ip, struct ip_address *client)
{
    ck_assert(ip_address_parse(str(ip), client));
    return (struct spf_macro_values){
        .sender = str("strong-bad@email.example.com"),
        .local = str("strong-bad"),
        .sender_domain = str("email.example.com"),
        .domain = str("email.example.com"),
        .helo = str("mx.example.org"),
        .receiver = str("here.example.net"),
        .client = client,
        .now = 1234567890,
        .validated = validated,
    };
}

static const struct {
    const char *ip, *text, *want; /* NULL: it is no name */
} names[] = {
    /* RFC 7208 7.4 */
    {"192.0.2.3", "%{s}", "strong-bad@email.example.com"},
    {"192.0.2.3", "%{o}", "email.example.com"},
    {"192.0.2.3", "%{d}", "email.example.com"},
    {"192.0.2.3", "%{d4}", "email.example.com"},
    {"192.0.2.3", "%{d3}", "email.example.com"},
    {"192.0.2.3", "%{d2}", "example.com"},
    {"192.0.2.3", "%{d1}", "com"},
    {"192.0.2.3", "%{dr}", "com.example.email"},
    {"192.0.2.3", "%{d2r}", "example.email"},
    {"192.0.2.3", "%{l}", "strong-bad"},
    {"192.0.2.3", "%{l-}", "strong.bad"},
    {"192.0.2.3", "%{lr}", "strong-bad"},
    {"192.0.2.3", "%{lr-}", "bad.strong"},
    {"192.0.2.3", "%{l1r-}", "strong"},
    {"192.0.2.3", "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
    {"192.0.2.3", "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
    {"192.0.2.3", "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}",
     "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
    {"192.0.2.3", "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
     "3.2.0.192.in-addr.strong.lp._spf.example.com"},
    {"192.0.2.3", "%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
    {"2001:db8::cb01", "%{ir}.%{v}._spf.%{d2}",
     "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com"},
    /* others */
    {"192.0.2.3", "%{h}", "mx.example.org"},
    {"192.0.2.3", "%{p}.x.example", "mx.example.org.x.example"},
    {"192.0.2.3", "%{P2}", "example.org"},
    {"192.0.2.3", "%{D2R}", "example.email"},
    {"192.0.2.3", "%{S}", "strong-bad%40email.example.com"},
    {"192.0.2.3", "%{s2@}.x", NULL}, /* '@' is no delimiter */
    {"192.0.2.3", "%{s.-}", "strong.bad@email.example.com"},
    {"192.0.2.3", "%{d999999999999999}", "email.example.com"},
    {"192.0.2.3", "a%%b%_c%-d.example", "a%b c%20d.example"},
    {"192.0.2.3", "x.example.", "x.example"},
    {"192.0.2.3", "x..example", NULL},
    {"192.0.2.3", ".x.example", NULL},
    {"192.0.2.3", "x.example..", NULL},
    {"192.0.2.3", "a23456789012345678901234567890123456789012345678901234567890123.example",
     "a23456789012345678901234567890123456789012345678901234567890123.example"},
    {"192.0.2.3", "a234567890123456789012345678901234567890123456789012345678901234.example", NULL},
    {"192.0.2.3", "%{c}.example", NULL},
};

START_TEST(names_of_terms)
{
    struct ip_address client;
    struct spf_macro_values v = values(names[_i].ip, &client);
    char out[SPF_NAME_MAX + 1];
    bool ok = spf_domain_expand(str(names[_i].text), &v, out);

    ck_assert_msg(ok == (names[_i].want != NULL), "%s: %s", names[_i].text, out);
    if (ok)
        ck_assert_str_eq(out, names[_i].want);
}
END_TEST

static const struct {
    const char *text, *want; /* NULL: there is no explanation */
} texts[] = {
    {"See http://%{d}/why.html?s=%{S}&i=%{I}&p=%{P}",
     "See "
     "http://email.example.com/"
     "why.html?s=strong-bad%40email.example.com&i=192.0.2.3&p=mx.example.org"},
    {"%{c} %{r} %{t}", "192.0.2.3 here.example.net 1234567890"},
    {"two  spaces and 100%%", "two  spaces and 100%"},
    {"", ""},
    {"%{x}", NULL},
    {"%", NULL},
    {"%(d)", NULL},
    {"caf\xc3\xa9", NULL},
    {"line\r\nfeed", NULL},
    {"tab\there", NULL},
};

START_TEST(explanations)
{
    struct ip_address client;
    struct spf_macro_values v = values("192.0.2.3", &client);
    char out[200];
    bool ok = spf_explanation_expand(str(texts[_i].text), &v, out, sizeof out);

    ck_assert_msg(ok == (texts[_i].want != NULL), "%s: %s", texts[_i].text, out);
    ck_assert_str_eq(out, ok ? texts[_i].want : "");
}
END_TEST

START_TEST(an_explanation_that_does_not_fit_is_none)
{
    struct ip_address client;
    struct spf_macro_values v = values("192.0.2.3", &client);
    char text[101], out[100];

    memset(text, 'x', sizeof text);
    ck_assert(spf_explanation_expand((struct fct_str){text, 99}, &v, out, sizeof out));
    ck_assert_uint_eq(strlen(out), 99);
    ck_assert(!spf_explanation_expand((struct fct_str){text, 100}, &v, out, sizeof out));
    ck_assert_str_eq(out, "");
}
END_TEST

/* RFC 7208 7.3: labels go on the left until 253 characters are left. */
START_TEST(long_names_lose_labels_on_the_left)
{
    struct ip_address client;
    struct spf_macro_values v = values("192.0.2.3", &client);
    char text[4000], out[SPF_NAME_MAX + 1];

    for (size_t labels = 1; labels < 300; labels += 7) {
        size_t n = 0;

        for (size_t i = 0; i < labels; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "l%03zu.", i);
        n += (size_t)snprintf(text + n, sizeof text - n, "%%{d}");
        ck_assert(spf_domain_expand((struct fct_str){text, n}, &v, out));
        ck_assert_uint_le(strlen(out), SPF_NAME_MAX);
        ck_assert_str_eq(out + strlen(out) - 17, "email.example.com");
        if (labels * 5 + 17 > SPF_NAME_MAX) {
            ck_assert_uint_gt(strlen(out) + 5, SPF_NAME_MAX); /* not more than it must */
            ck_assert_int_eq(out[0], 'l');
        } else {
            ck_assert_uint_eq(strlen(out), labels * 5 + 17);
        }
    }
    memset(text, 'x', 300); /* one label: nothing is left that could be a name */
    ck_assert(!spf_domain_expand((struct fct_str){text, 300}, &v, out));
}
END_TEST

START_TEST(a_bomb_of_macros)
{
    enum { MACROS = 16000 };
    struct ip_address client;
    struct spf_macro_values v = values("192.0.2.3", &client);
    char *text = malloc(MACROS * 4 + 10), out[SPF_NAME_MAX + 1], local[1000];

    ck_assert_ptr_nonnull(text);
    memset(local, 'a', sizeof local);
    for (size_t i = 1; i < sizeof local; i += 2)
        local[i] = '.';
    local[sizeof local - 1] = 'a';
    v.sender = v.local = (struct fct_str){local, sizeof local};
    for (size_t i = 0; i < MACROS; i++)
        memcpy(text + 4 * i, "%{l}", 4);
    memcpy(text + 4 * MACROS, ".example", 8);
    ck_assert(spf_domain_expand((struct fct_str){text, 4 * MACROS + 8}, &v, out));
    ck_assert_str_eq(out + strlen(out) - 10, "aa.example");
    v.local = (struct fct_str){text, 1024}; /* more than a macro takes */
    ck_assert(!spf_domain_expand(str("%{l}.example"), &v, out));
    free(text);
}
END_TEST

START_TEST(only_a_macro_that_is_there_asks)
{
    struct ip_address client;
    struct spf_macro_values v = values("192.0.2.3", &client);
    char out[SPF_NAME_MAX + 1];

    asked = 0;
    ck_assert(spf_domain_expand(str("%{s}%{l}%{o}%{d}%{i}%{v}%{h}"), &v, out));
    ck_assert_int_eq(asked, 0);
    ck_assert(spf_domain_expand(str("%{p}"), &v, out));
    ck_assert_int_eq(asked, 1);
}
END_TEST

/* RFC 8616 4 */
START_TEST(local_parts_beyond_ascii_match_nothing)
{
    struct ip_address client;
    struct spf_macro_values v = values("192.0.2.3", &client);
    char out[SPF_NAME_MAX + 1];

    v.local = str("m\xc3\xbcller");
    ck_assert(!spf_domain_expand(str("%{l}.example"), &v, out));
    ck_assert(spf_domain_expand(str("%{d}"), &v, out));
    ck_assert(!spf_domain_expand(str("%{L}.example"), &v, out));
    ck_assert(spf_explanation_expand(str("?%{L}"), &v, out, sizeof out)); /* escaped it is ASCII */
    ck_assert_str_eq(out, "?m%C3%BCller");
    ck_assert(!spf_explanation_expand(str("?%{l}"), &v, out, sizeof out));
}
END_TEST

static const struct {
    const char *text, *ascii; /* NULL: no name */
    bool checkable;
} domains[] = {
    {"example.com", "example.com", true},
    {"Example.COM.", "Example.COM", true},
    {"b\xc3\xbc"
     "cher.example",
     "xn--bcher-kva.example", true},
    {"B\xc3\x9c"
     "CHER.example.",
     "xn--bcher-kva.example", true},
    {"example", "example", false},
    {"", "", false},
    {".", ".", false},
    {"a..b", "a..b", false},
    {"[192.0.2.1]", "[192.0.2.1]", false},
    {"\xff\xfe.example", NULL, false},
    {"a\xe3\x80\x82"
     "b.example",
     NULL, false}, /* an ideographic full stop must not make labels */
    {"a23456789012345678901234567890123456789012345678901234567890123.example",
     "a23456789012345678901234567890123456789012345678901234567890123.example", true},
    {"a234567890123456789012345678901234567890123456789012345678901234.example",
     "a234567890123456789012345678901234567890123456789012345678901234.example", false},
};

START_TEST(domains_to_ask_about)
{
    char out[SPF_NAME_MAX + 1];
    bool ok = spf_name_ascii(str(domains[_i].text), out);

    ck_assert_msg(ok == (domains[_i].ascii != NULL), "%s: %s", domains[_i].text, out);
    if (!ok)
        return;
    ck_assert_str_eq(out, domains[_i].ascii);
    ck_assert_msg(spf_name_is_checkable(str(out)) == domains[_i].checkable, "%s", out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spf_macro");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, names_of_terms, 0, FCT_COUNT(names));
    tcase_add_loop_test(tc, explanations, 0, FCT_COUNT(texts));
    tcase_add_test(tc, an_explanation_that_does_not_fit_is_none);
    tcase_add_test(tc, long_names_lose_labels_on_the_left);
    tcase_add_test(tc, a_bomb_of_macros);
    tcase_add_test(tc, only_a_macro_that_is_there_asks);
    tcase_add_test(tc, local_parts_beyond_ascii_match_nothing);
    tcase_add_loop_test(tc, domains_to_ask_about, 0, FCT_COUNT(domains));
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
