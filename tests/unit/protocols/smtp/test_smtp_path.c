/* test_smtp_path.c - paths of MAIL and RCPT: what is read, what is refused and as what. */
#include "core/base/str.h"
#include "protocols/smtp/smtp_path.h"

#include <check.h>
#include <stdlib.h>

#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10
#define D49 "ddddddddddddddddddddddddddddddddddddddddddddddddd"

static const struct path_case {
    const char *in;
    bool utf8;
    enum fct_class want; /* FCT_OK: read */
    const char *address; /* as smtp_path_address says */
    const char *rest;    /* behind ">" */
} cases[] = {
    /* read */
    {"<a@example.org>", false, FCT_OK, "a@example.org", ""},
    {"<a@example.org> SIZE=1", false, FCT_OK, "a@example.org", " SIZE=1"},
    {"<>", false, FCT_OK, "", ""},
    {"<> BODY=7BIT", false, FCT_OK, "", " BODY=7BIT"},
    {"<a.b.c@x>", false, FCT_OK, "a.b.c@x", ""},
    {"<a+detail@x.org>", false, FCT_OK, "a+detail@x.org", ""},
    {"<!#$%&'*+-/=?^_`{|}~@x.org>", false, FCT_OK, "!#$%&'*+-/=?^_`{|}~@x.org", ""},
    {"<../../../../var/run/x@x.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<elsewhere.example!victim@x.org>", false, FCT_OK, "elsewhere.example!victim@x.org", ""},
    {"<a%b@x.org>", false, FCT_OK, "a%b@x.org", ""},
    {"<\"user\"@x.org>", false, FCT_OK, "user@x.org", ""},
    {"<\"a.b\"@x.org>", false, FCT_OK, "a.b@x.org", ""},
    {"<\"\\u\\s\\e\\r\"@x.org>", false, FCT_OK, "user@x.org", ""},
    {"<\"a b\"@x.org>", false, FCT_OK, "\"a b\"@x.org", ""},
    {"<\"a\\\"b\\\\\"@x.org>", false, FCT_OK, "\"a\\\"b\\\\\"@x.org", ""},
    {"<\"a@b\"@x.org>", false, FCT_OK, "\"a@b\"@x.org", ""},
    {"<\"<>\"@x.org>", false, FCT_OK, "\"<>\"@x.org", ""},
    {"<\".a\"@x.org>", false, FCT_OK, "\".a\"@x.org", ""},
    {"<@a.example,@b.example:u@x.org>", false, FCT_OK, "u@x.org", ""},
    {"<@a.example:u@x.org>", false, FCT_OK, "u@x.org", ""},
    {"<a@[127.0.0.1]>", false, FCT_OK, "a@[127.0.0.1]", ""},
    {"<a@[IPv6:::1]>", false, FCT_OK, "a@[IPv6:::1]", ""},
    {"<a@[ipv6:2001:db8::7]>", false, FCT_OK, "a@[ipv6:2001:db8::7]", ""},
    {"<a@under_score.example>", false, FCT_OK, "a@under_score.example", ""},
    {"<a@xn--bcher-kva.example>", false, FCT_OK, "a@xn--bcher-kva.example", ""},
    {"<postmaster>", false, FCT_OK, "postmaster", ""},
    {"<PostMaster>", false, FCT_OK, "PostMaster", ""},
    {"<" A60 "aaaa@x.org>", false, FCT_OK, A60 "aaaa@x.org", ""},
    {"<p\xc3\xa9p\xc3\xa9@example.org>", true, FCT_OK, "p\xc3\xa9p\xc3\xa9@example.org", ""},
    {"<a@b\xc3\xbc"
     "cher.example>",
     true, FCT_OK,
     "a@b\xc3\xbc"
     "cher.example",
     ""},
    {"<\xf0\x9f\x93\xac@x.org>", true, FCT_OK, "\xf0\x9f\x93\xac@x.org", ""},
    /* malformed */
    {"", false, FCT_SYNTAX, NULL, NULL},
    {"a@x.org", false, FCT_SYNTAX, NULL, NULL},
    {"<a@x.org", false, FCT_SYNTAX, NULL, NULL},
    {"<a>", false, FCT_SYNTAX, NULL, NULL},
    {"<a@>", false, FCT_SYNTAX, NULL, NULL},
    {"<@>", false, FCT_SYNTAX, NULL, NULL},
    {"<@x.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<a@@x.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<a@x.org>>", false, FCT_OK, "a@x.org", ">"},
    {"<<a@x.org>>", false, FCT_SYNTAX, NULL, NULL},
    {"<.a@x.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<a.@x.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<a..b@x.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<a b@x.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<a @x.org>", false, FCT_SYNTAX, NULL, NULL},
    {"< a@x.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<a@x.org >", false, FCT_SYNTAX, NULL, NULL},
    {"<a@x.org;b@x.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<a@x.org,b@x.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<\"\"@x.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<\"a@x.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<\"a\"b@x.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<\"a\\", false, FCT_SYNTAX, NULL, NULL},
    {"<a@.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<a@x.org.>", false, FCT_SYNTAX, NULL, NULL},
    {"<a@x..org>", false, FCT_SYNTAX, NULL, NULL},
    {"<a@-x.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<a@x-.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<a@x.org|sh>", false, FCT_SYNTAX, NULL, NULL},
    {"<a@[127.0.0.256]>", false, FCT_SYNTAX, NULL, NULL},
    {"<a@[127.0.0.1>", false, FCT_SYNTAX, NULL, NULL},
    {"<a@[]>", false, FCT_SYNTAX, NULL, NULL},
    {"<a@[x.org]>", false, FCT_SYNTAX, NULL, NULL},
    {"<a@[IPv6:127.0.0.1]>", false, FCT_SYNTAX, NULL, NULL},
    {"<a@[tag:content]>", false, FCT_SYNTAX, NULL, NULL},
    {"<a@[127.0.0.1].org>", false, FCT_SYNTAX, NULL, NULL},
    {"<@a.example u@x.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<@a.example,:u@x.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<@a.example:>", false, FCT_SYNTAX, NULL, NULL},
    {"<webmaster>", false, FCT_SYNTAX, NULL, NULL},
    {"<postmaster@>", false, FCT_SYNTAX, NULL, NULL},
    /* too long */
    {"<" A60 "aaaaa@x.org>", false, FCT_SYNTAX, NULL, NULL},
    {"<a@" D49 D49 ">", false, FCT_SYNTAX, NULL, NULL},
    {"<a@" D49 "." D49 "." D49 "." D49 "." D49 ">", false, FCT_OK,
     "a@" D49 "." D49 "." D49 "." D49 "." D49, ""},
    {"<aaaaaa@" D49 "." D49 "." D49 "." D49 "." D49 ">", false, FCT_SYNTAX, NULL, NULL},
    {"<a@" D49 "." D49 "." D49 "." D49 "." D49 "." D49 ">", false, FCT_SYNTAX, NULL, NULL},
    /* UTF-8 that may not be there */
    {"<p\xc3\xa9p\xc3\xa9@example.org>", false, FCT_DENIED, NULL, NULL},
    {"<a@b\xc3\xbc"
     "cher.example>",
     false, FCT_DENIED, NULL, NULL},
    {"<a\xff@x.org>", true, FCT_DENIED, NULL, NULL},
    {"<a\xc3@x.org>", true, FCT_DENIED, NULL, NULL},
    {"<a\xc0\xae@x.org>", true, FCT_DENIED, NULL, NULL},
    {"<a\xe2\x80\xae@x.org>", true, FCT_DENIED, NULL, NULL},
    {"<a\xe2\x81\xa6@x.org>", true, FCT_DENIED, NULL, NULL},
    {"<a\xc2\x85@x.org>", true, FCT_DENIED, NULL, NULL},
    {"<a\xef\xbb\xbf@x.org>", true, FCT_DENIED, NULL, NULL},
    {"<a\xe2\x80\xa8@x.org>", true, FCT_DENIED, NULL, NULL},
};

START_TEST(paths)
{
    struct arena *arena = arena_new(NULL);

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        const struct path_case *c = &cases[i];
        struct fct_str in = str_from(c->in);
        struct smtp_path path;
        struct fct_err err = {0};
        bool ok = smtp_path_parse(&in, c->utf8, &path, &err);

        ck_assert_msg(ok == (c->want == FCT_OK), "%s: %s", c->in, ok ? "was read" : err.text);
        if (!ok) {
            ck_assert_msg(err.class == c->want, "%s: class %d, %s", c->in, (int)err.class,
                          err.text);
            continue;
        }
        struct fct_str address = smtp_path_address(arena, &path);

        ck_assert_msg(str_equal(address, str_from(c->address)), "%s: got %.*s", c->in,
                      FCT_FMT(address));
        ck_assert_msg(str_equal(in, str_from(c->rest)), "%s: rest %.*s", c->in, FCT_FMT(in));
    }
    arena_free(&arena);
}
END_TEST

/* parse("<" + address + ">") gives the same address again. */
START_TEST(an_address_is_read_back)
{
    struct arena *arena = arena_new(NULL);

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_str in = str_from(cases[i].in), address, again;
        struct smtp_path path;

        if (cases[i].want != FCT_OK || !smtp_path_parse(&in, true, &path, NULL))
            continue;
        address = smtp_path_address(arena, &path);
        in = arena_printf(arena, "<%.*s>", FCT_FMT(address));
        ck_assert_msg(smtp_path_parse(&in, true, &path, NULL), "%s", cases[i].in);
        again = smtp_path_address(arena, &path);
        ck_assert_msg(str_equal(address, again), "%s", cases[i].in);
    }
    arena_free(&arena);
}
END_TEST

START_TEST(a_nul_is_refused_everywhere)
{
    static const char good[] = "<\"a\"b.c@x.org>";

    for (size_t i = 0; i < sizeof good - 1; i++) {
        char bad[sizeof good];
        struct fct_str in = {bad, sizeof good - 1};
        struct smtp_path path;

        memcpy(bad, good, sizeof good);
        bad[i] = '\0';
        ck_assert_msg(!smtp_path_parse(&in, true, &path, NULL), "NUL at %zu", i);
    }
}
END_TEST

START_TEST(names_of_clients)
{
    static const struct {
        const char *name;
        bool ok;
    } names[] = {
        {"client.example.org", true},
        {"localhost", true},
        {"[127.0.0.1]", true},
        {"[IPv6:::1]", true},
        {"WIN_PC", true},
        {"1.2.3.4", true},
        {"", false},
        {"a b", false},
        {"-x", false},
        {"x.", false},
        {"[1.2.3]", false},
        {"[127.0.0.1] x", false},
        {"$(reboot)", false},
        {"a|b", false},
        {"caf\xe9.example", false},
        {"caf\xc3\xa9.example", false},
        {"a@b", false},
        {"<a>", false},
        {"a;b", false},
        {"a\tb", false},
    };

    for (size_t i = 0; i < FCT_COUNT(names); i++)
        ck_assert_msg(smtp_domain_is_valid(str_from(names[i].name), false) == names[i].ok, "%s",
                      names[i].name);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smtp_path");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_test(tc, paths);
    tcase_add_test(tc, an_address_is_read_back);
    tcase_add_test(tc, a_nul_is_refused_everywhere);
    tcase_add_test(tc, names_of_clients);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
