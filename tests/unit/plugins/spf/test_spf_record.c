/* test_spf_record.c - what is a record, what is one with mistakes, what its directives say. */
#include "plugins/spf/spf_record.h"

#include <check.h>
#include <stdlib.h>

static struct fct_str str(const char *s)
{
    return (struct fct_str){s, strlen(s)};
}

START_TEST(records_are_told_from_other_texts)
{
    static const struct {
        const char *text;
        bool is;
    } cases[] = {
        {"v=spf1", true},        {"v=spf1 ", true},       {"V=SPF1 -all", true},
        {"v=spf1  -all", true},  {"v=spf10", false},      {"v=spf1-all", false},
        {"v=spf1\t-all", false}, {" v=spf1 -all", false}, {"", false},
        {"v=spf", false},        {"v=spf2.0/pra", false}, {"\"v=spf1 -all\"", false},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        ck_assert_msg(spf_record_is(str(cases[i].text)) == cases[i].is, "%s", cases[i].text);
}
END_TEST

/* terms: what follows "v=spf1 " */
static const char *const good[] = {
    "",
    " ",
    "all",
    "-all",
    "+ALL",
    "~aLl",
    "?all",
    "  a   mx  ",
    "a/0",
    "a/32",
    "a//0",
    "a//128",
    "a/24//64",
    "A:example.com",
    "a:example.com/24",
    "a:example.com//64",
    "a:example.com/24//64",
    "a:%{d}/24",
    "a:%{d}//64",
    "a:foo:bar/baz.example.com",
    "a:example.xn--zckzah",
    "a:x.museum.",
    "mx",
    "mx/8",
    "mx:example.com",
    "ptr",
    "ptr:example.com",
    "ip4:1.2.3.4",
    "ip4:1.2.3.4/0",
    "ip4:1.2.3.4/32",
    "ip6:::1",
    "ip6:2001:db8::/32",
    "ip6:::1.1.1.1/0",
    "ip6:::ffff:1.2.3.4/128",
    "IP6:CAFE:BABE::1",
    "include:example.com",
    "include:_spf.%{d2}",
    "exists:%{ir}.%{v}.x.example.com",
    "exists:%{d}",
    "exists:x%%y.%{l1r+-}",
    "exists:x.%%",
    "redirect=example.com",
    "redirect=%{d}.d.spf.example.com.",
    "exp=x.example.com",
    "-all exp=x.example.com redirect=y.example.com",
    "moo.cow-far_out=man:dog/cat",
    "default=pass",
    "x=",
    "x=%{c}%{r}%{t}",
    "a1=%%%_%-",
    "unknown=%{ir}",
};

START_TEST(right_records)
{
    char text[300];
    struct spf_record record;
    struct fct_err err = {0};

    (void)snprintf(text, sizeof text, "v=spf1 %s", good[_i]);
    ck_assert_msg(spf_record_parse(str(text), &record, &err), "%s: %s", text, err.text);
}
END_TEST

static const char *const bad[] = {
    "moo",
    "-all moo",
    "all.",
    "all:foobar",
    "all/8",
    "all:",
    "-",
    "--all",
    "+-all",
    "a:",
    "mx:",
    "ptr:",
    "include",
    "include:",
    "exists",
    "exists:",
    "ip4",
    "ip4:",
    "ip6",
    "a/33",
    "a//129",
    "a/",
    "a//",
    "a/024",
    "a/1a",
    "a/24/64",
    "a//64/24",
    "mx/33",
    "a:example.com/33",
    "a:example.com//129",
    "a/99999999999",
    "a/-1",
    "a/+1",
    "a:museum",
    "a:museum.",
    "a:abc.123",
    "a:111.222.33.44",
    "a:example.-com",
    "a:example.com-",
    "a:foo-bar",
    "a:example.com:8080",
    "a:example.com..",
    "a:.",
    "a:%{d}.",
    "a:%{d}/33",
    "a:%",
    "a:%{",
    "a:%{d",
    "a:%(d).example.com",
    "a:%{a}.example.com",
    "a:%{d0}.example.com",
    "a:%{d2x}.example.com",
    "a:%{c}.example.com",
    "a:foo%.example.com",
    "a:%{rd}.example.com",
    "a:%{}.example.com",
    "a:%{d r}.example.com",
    "ip4:1.2.3",
    "ip4:1.2.3.4:8080",
    "ip4:1.2.3.4/33",
    "ip4:1.2.3.4/032",
    "ip4:1.2.3.4/",
    "ip4:1.2.3.4/8//32",
    "ip4:1.2.3.256",
    "ip4:01.2.3.4",
    "ip4:::1",
    "ip4:::ffff:1.2.3.4",
    "ip6:1.2.3.4",
    "ip6:::1/129",
    "ip6:::1/",
    "ip6:::1/00",
    "ip6::CAFE::BABE",
    "ip6:Bad-Address",
    "ptr/0",
    "include:example.com/24",
    "exists:%{i}/24",
    "exists:example.com/24",
    "redirect:example.com",
    "redirect=",
    "redirect",
    "redirect=-all",
    "redirect=x.com redirect=x.com",
    "-redirect=x.com",
    "redirect=%{c}.com",
    "exp=",
    "exp=-all",
    "exp=x.com exp=x.com",
    "exp=x.com EXP=y.com",
    "exp=%{r}.example.com",
    "=all",
    "1up=foo",
    "moo.cow/far_out=man",
    "x=%abc",
    "x=%",
    "x=%{",
    "-x=y",
    "_x=y",
    "a:x.com\rptr",
    "a:x.com\nptr",
    "a\tmx",
    "a:x\x80.com",
    ("\x96"
     "all"),
    "a:\xef\xbb\xbfx.com",
    "x=\xc3\xa9",
    "a,mx",
};

START_TEST(wrong_records)
{
    char text[300];
    struct spf_record record;
    struct fct_err err = {0};

    (void)snprintf(text, sizeof text, "v=spf1 %s", bad[_i]);
    ck_assert_msg(!spf_record_parse(str(text), &record, &err), "%s", text);
    ck_assert_int_eq(err.class, FCT_SYNTAX);
    ck_assert(err.text[0]);
    for (const char *c = err.text; *c; c++)
        ck_assert_msg((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f, "%s", err.text);
}
END_TEST

START_TEST(a_nul_ends_nothing)
{
    static const char *const texts[] = {"v=spf1 a:foo.example.com\0", "v=spf1 -all\0x",
                                        "v=spf1 x=\0", "v=spf1 ip4:1.2.3.4\0"};
    static const size_t sizes[] = {25, 13, 10, 19};
    struct spf_record record;
    struct fct_err err = {0};

    for (size_t i = 0; i < FCT_COUNT(texts); i++)
        ck_assert(!spf_record_parse((struct fct_str){texts[i], sizes[i]}, &record, &err));
}
END_TEST

START_TEST(directives_in_their_order)
{
    static const char text[] =
        "v=spf1 x=y ~A:a.example/24//64  redirect=r.example ip4:10.1.2.3/8 exp=e.example ?mx -all";
    struct spf_record record;
    struct spf_directive d;
    struct fct_err err = {0};
    struct fct_str rest;

    ck_assert(spf_record_parse(str(text), &record, &err));
    ck_assert(record.redirect.n == 9 && memcmp(record.redirect.p, "r.example", 9) == 0);
    ck_assert(record.exp.n == 9 && memcmp(record.exp.p, "e.example", 9) == 0);
    rest = record.terms;
    ck_assert(spf_record_next(&rest, &d));
    ck_assert(d.mechanism == SPF_A && d.qualifier == SPF_SOFTFAIL && d.bits4 == 24 &&
              d.bits6 == 64);
    ck_assert(d.domain.n == 9 && memcmp(d.domain.p, "a.example", 9) == 0);
    ck_assert(spf_record_next(&rest, &d));
    ck_assert(d.mechanism == SPF_IP4 && d.qualifier == SPF_PASS && d.net.bits == 8 &&
              d.net.address.byte[0] == 10);
    ck_assert(spf_record_next(&rest, &d));
    ck_assert(d.mechanism == SPF_MX && d.qualifier == SPF_NEUTRAL && d.domain.n == 0 &&
              d.bits4 == 32 && d.bits6 == 128);
    ck_assert(spf_record_next(&rest, &d));
    ck_assert(d.mechanism == SPF_ALL && d.qualifier == SPF_FAIL);
    ck_assert(!spf_record_next(&rest, &d));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spf_record");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, records_are_told_from_other_texts);
    tcase_add_loop_test(tc, right_records, 0, FCT_COUNT(good));
    tcase_add_loop_test(tc, wrong_records, 0, FCT_COUNT(bad));
    tcase_add_test(tc, a_nul_ends_nothing);
    tcase_add_test(tc, directives_in_their_order);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
