/* test_dns_name.c - names to ask for: normalised, or refused with the reason. */
#include "core/dns/dns_name.h"

#include "core/base/buf.h"
#include "core/base/str.h"
#include <check.h>

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    struct fct_str in;
    const char *want;
} good[] = {
    {FCT_STR_INIT("Example.ORG"), "example.org"},
    {FCT_STR_INIT("example.org."), "example.org"},
    {FCT_STR_INIT("."), ""},
    {FCT_STR_INIT("_dmarc.example.org"), "_dmarc.example.org"},
    {FCT_STR_INIT("_25._tcp.mx.example.org"), "_25._tcp.mx.example.org"},
    {FCT_STR_INIT("2.0.0.127.list.example"), "2.0.0.127.list.example"},
    {FCT_STR_INIT("b\xc3\xbc"
                  "cher.example"),
     "xn--bcher-kva.example"},
    {FCT_STR_INIT("B\xc3\x9c"
                  "CHER.example"),
     "xn--bcher-kva.example"},
    {FCT_STR_INIT("fa\xc3\x9f.example"), "xn--fa-hia.example"}, /* not "fass": IDNA 2008 */
    {FCT_STR_INIT("\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88"),
     "xn--r8jz45g.xn--zckzah"},
    {FCT_STR_INIT("strange name.example"), "strange\\032name.example"},
    {FCT_STR_INIT("back\\slash.example"), "back\\092slash.example"},
    {FCT_STR_INIT(L63 ".example"), L63 ".example"},
    {FCT_STR_INIT(L63 "." L63 "." L63
                      ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
     L63 "." L63 "." L63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
};

START_TEST(test_good)
{
    struct dns_name name;
    struct fct_err err = {0};

    ck_assert_msg(dns_name_parse(good[_i].in, &name, &err), "%s: %s", good[_i].want, err.text);
    ck_assert_str_eq(name.text, good[_i].want);
    ck_assert_uint_eq(name.n, strlen(name.text));
}
END_TEST

static const struct {
    const char *name;
    struct fct_str in;
    const char *want; /* in the error */
} bad[] = {
    {"nothing", FCT_STR_INIT(""), "empty"},
    {"a dot in front", FCT_STR_INIT(".example.org"), "empty"},
    {"two dots", FCT_STR_INIT("a..example"), "empty"},
    {"two dots at the end", FCT_STR_INIT("example.."), "empty"},
    {"64 bytes in a label", FCT_STR_INIT(L63 "a.example"), "over 63"},
    {"254 bytes",
     FCT_STR_INIT(L63 "." L63 "." L63
                      ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
     "longer than 253"},
    {"a NUL", FCT_STR_INIT("a\0b.example"), "NUL"},
    {"no UTF-8",
     FCT_STR_INIT("b\xfc"
                  "cher.example"),
     "UTF-8"},
    {"a label that idna forbids", FCT_STR_INIT("\xe2\x98\x83\xe2\x80\x8d.example"), "internation"},
    {"fullwidth dot in a label",
     FCT_STR_INIT("b\xc3\xbc\xe3\x80\x82"
                  "c.example"),
     "more than one"},
    {"a U-label whose A-label is too long", FCT_STR_INIT("\xc3\xbc" L63 ".example"), ""},
};

START_TEST(test_bad)
{
    struct dns_name name;
    struct fct_err err = {0};

    ck_assert_msg(!dns_name_parse(bad[_i].in, &name, &err), "%s: %s", bad[_i].name, name.text);
    ck_assert_int_eq(err.class, FCT_SYNTAX);
    ck_assert_msg(strstr(err.text, bad[_i].want) != NULL, "%s: %s", bad[_i].name, err.text);
}
END_TEST

/* 127 labels of one byte that need four: the longest text there is fits. */
START_TEST(test_longest_text)
{
    struct buf wire = BUF_INIT(300);
    struct dns_wire_name copy;
    struct dns_name name;
    size_t at = 0;

    for (unsigned i = 0; i < 4; i++) {
        buf_put_char(&wire, i < 3 ? 63 : 61);
        for (unsigned j = 0; j < (i < 3 ? 63u : 61u); j++)
            buf_put_char(&wire, '\1');
    }
    buf_put_char(&wire, 0);
    ck_assert_uint_eq(wire.n, 255);
    ck_assert(dns_name_read(buf_str(&wire), &at, &name, &copy));
    ck_assert_uint_eq(at, 255);
    ck_assert_uint_eq(name.n, 4 * 250 + 3);
    ck_assert_uint_eq(copy.n, 255);
    ck_assert_mem_eq(copy.byte, wire.p, 255);
    buf_free(&wire);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("dns_name");
    Suite *suite = suite_create("dns_name");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, test_good, 0, FCT_COUNT(good));
    tcase_add_loop_test(tc, test_bad, 0, FCT_COUNT(bad));
    tcase_add_test(tc, test_longest_text);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
