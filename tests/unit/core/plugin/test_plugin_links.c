/* test_plugin_links.c - the host functions html, links, url_parse and org_domain on a message. */
#include "tests/unit/core/plugin/service_rig.h"

#include "core/base/str.h"
#include "core/dns/psl.h"

#define api  plugin_host
#define call service_rig.call

static const char text[] = "From: a@b.example\r\n"
                           "Content-Type: multipart/mixed; boundary=x\r\n"
                           "\r\n"
                           "--x\r\n"
                           "Content-Type: text/plain; format=flowed; delsp=yes\r\n"
                           "\r\n"
                           "see http://one.example.co.uk/a \r\n"
                           "b and more\r\n"
                           "--x\r\n"
                           "Content-Type: text/html; charset=iso-8859-1\r\n"
                           "Content-Transfer-Encoding: quoted-printable\r\n"
                           "\r\n"
                           "<a href=3D\"http://two.example/?q=3D1&amp;r\">ge=\r\n"
                           "h=E9</a>\r\n"
                           "--x\r\n"
                           "Content-Type: image/png\r\n"
                           "\r\n"
                           "http://three.example/\r\n"
                           "--x\r\n"
                           "Content-Type: text/html\r\n"
                           "\r\n"
                           "<img src=//four.example/><img src=http://192.0.2.7/>\r\n"
                           "--x--\r\n";

static struct call_message message;

static void setup(void)
{
    service_rig_start();
    psl_setup();
    message = (struct call_message){.bytes = {text, sizeof text - 1},
                                    .header_limits = &mime_default_limits.header,
                                    .mime_limits = &mime_default_limits};
    service_rig.tx.message = &message;
    service_rig.services.links = link_default_limits;
}

static void check_link(const struct fct_link *l, const char *url, const char *host_name,
                       const char *org, const char *raw)
{
    struct fct_str bytes = api.part_bytes(call, l->part);

    ck_assert_msg(str_equal(l->url.text, str_from(url)), "%.*s", FCT_FMT(l->url.text));
    ck_assert(str_equal(l->url.host, str_from(host_name)));
    ck_assert(str_equal(l->url.org, str_from(org)));
    bytes = str_head(str_skip(bytes, l->offset), l->length);
    ck_assert_msg(str_equal(bytes, str_from(raw)), "%.*s", FCT_FMT(bytes));
}

START_TEST(links_of_all_parts)
{
    const struct fct_link *first, *again;

    ck_assert_uint_eq(api.links(call, &first), 4);
    check_link(&first[0], "http://one.example.co.uk/ab", "one.example.co.uk", "example.co.uk",
               "http://one.example.co.uk/a \r\nb");
    check_link(&first[1], "http://two.example/?q=1&r", "two.example", "two.example",
               "http://two.example/?q=1&amp;r");
    ck_assert(str_equal(first[1].shown, FCT_STR("geh\xC3\xA9")));
    check_link(&first[2], "//four.example/", "four.example", "four.example", "//four.example/");
    check_link(&first[3], "http://192.0.2.7/", "192.0.2.7", "192.0.2.7", "http://192.0.2.7/");
    ck_assert_uint_eq(api.links(service_rig.other_call, &again), 4);
    ck_assert_ptr_eq(first, again); /* made once */
    ck_assert_uint_gt(service_rig.memory_used[0], 0);
    ck_assert_uint_eq(service_rig.memory_used[1], 0);
}
END_TEST

START_TEST(html_of_a_part)
{
    const struct fct_html_token *token, *again;
    const struct fct_part *part;

    ck_assert_uint_eq(api.parts(call, &part), 5);
    ck_assert_uint_eq(api.html(call, &part[2], &token), 3);
    ck_assert(str_equal(token[0].name, FCT_STR("a")));
    ck_assert(str_equal(token[1].text, FCT_STR("geh\xC3\xA9")));
    ck_assert_uint_eq(api.html(call, &part[2], &again), 3);
    ck_assert_ptr_eq(token, again);
    ck_assert_uint_eq(api.html(call, &part[1], &token), 0); /* text/plain */
    ck_assert_ptr_null(token);
    ck_assert_uint_eq(api.html(call, &(struct fct_part){0}, &token), 0); /* none of ours */
}
END_TEST

START_TEST(limits)
{
    const struct fct_html_token *token;
    const struct fct_link *link;
    const struct fct_part *part;

    service_rig.services.links = (struct link_limits){.max_html_tokens = 3, .max_urls = 1};
    ck_assert_uint_eq(api.parts(call, &part), 5);
    ck_assert_uint_eq(api.html(call, &part[2], &token), 2); /* a tag with its attribute, a text */
    ck_assert_uint_eq(api.html(call, &part[4], &token), 0); /* nothing is left for this one */
    ck_assert_uint_eq(api.links(call, &link), 1);
    ck_assert(service_rig_counted(&service_rig.self, "html_truncated") == 2);
    ck_assert(service_rig_counted(&service_rig.self, "urls_truncated") == 1);
}
END_TEST

START_TEST(memory_of_the_plugin)
{
    const struct fct_html_token *token;
    const struct fct_link *link;
    const struct fct_part *part;
    struct fct_url url;

    service_rig.self.memory_bytes = 10;
    ck_assert_uint_eq(api.parts(call, &part), 5);
    ck_assert_uint_eq(api.html(call, &part[2], &token), 0);
    ck_assert_uint_eq(api.links(call, &link), 0);
    ck_assert(!api.url_parse(call, FCT_STR("http://a.example/"), &url));
    ck_assert_uint_eq(api.org_domain(call, FCT_STR("a.example")).n, 0);
}
END_TEST

START_TEST(urls_and_domains)
{
    struct fct_url url;

    ck_assert(api.url_parse(call,
                            FCT_STR("HTTPS://user@WWW.B\xC3\xBC"
                                    "cher.Example.:443/x"),
                            &url));
    ck_assert(str_equal(url.host, FCT_STR("www.xn--bcher-kva.example")));
    ck_assert(str_equal(url.display, FCT_STR("www.b\xC3\xBC"
                                             "cher.example")));
    ck_assert(str_equal(url.org, FCT_STR("xn--bcher-kva.example")));
    ck_assert(str_equal(url.user, FCT_STR("user")));
    ck_assert(!api.url_parse(call, FCT_STR("mailto:a@b.example"), &url));
    ck_assert(
        str_equal(api.org_domain(call, FCT_STR("a.b.Example.CO.UK")), FCT_STR("example.co.uk")));
    ck_assert_uint_eq(api.org_domain(call, FCT_STR("a b")).n, 0);
}
END_TEST

START_TEST(without_a_message)
{
    const struct fct_html_token *token;
    const struct fct_link *link;
    struct fct_url url;

    service_rig.tx.message = NULL;
    ck_assert_uint_eq(api.links(call, &link), 0);
    ck_assert_uint_eq(api.html(call, NULL, &token), 0);
    ck_assert(api.url_parse(call, FCT_STR("http://a.example/"), &url));
    call_end(call);
    ck_assert(!api.url_parse(call, FCT_STR("http://a.example/"), &url));
    ck_assert_uint_eq(api.org_domain(call, FCT_STR("a.example")).n, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plugin_links");
    TCase *tc = tcase_create("links");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, service_rig_stop);
    tcase_add_test(tc, links_of_all_parts);
    tcase_add_test(tc, html_of_a_part);
    tcase_add_test(tc, limits);
    tcase_add_test(tc, memory_of_the_plugin);
    tcase_add_test(tc, urls_and_domains);
    tcase_add_test(tc, without_a_message);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
