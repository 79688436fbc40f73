/* test_ctl_args.c - the command line of facteurctl: what is understood, what is refused with which
 * words. */
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"

#include <check.h>
#include <stdlib.h>

enum { MOST = 12 };

static bool parse(struct ctl *c, const char *line, bool *help, struct fct_err *err)
{
    static char copy[512], *argv[MOST];
    int argc = 0;

    *c = (struct ctl){0};
    *err = (struct fct_err){0};
    str_copy_c(copy, sizeof copy, str_from(line));
    for (char *p = copy; *p && argc < MOST;) {
        argv[argc++] = p;
        p += strcspn(p, " ");
        if (*p)
            *p++ = '\0';
    }
    return ctl_args_parse(c, argc, argv, help, err);
}

START_TEST(lines_that_are_right)
{
    static const struct {
        const char *line, *noun, *verb, *first;
        unsigned words;
        bool json;
    } cases[] = {
        {"account add a@b", "account", "add", "a@b", 1, false},
        {"account list --json", "account", "list", NULL, 0, true},
        {"--json account list", "account", "list", NULL, 0, true},
        {"account --json list", "account", "list", NULL, 0, true},
        {"alias set i@x a@x b@x", "alias", "set", "i@x", 3, false},
        {"status", "status", "", NULL, 0, false},
        {"status --sandbox", "status", "", NULL, 0, false},
        {"replay --conf x --since 7d", "replay", "", NULL, 0, false},
        {"lua test r.lua mail", "lua", "test", "r.lua", 2, false},
        {"lua try m.subject x.eml", "lua", "try", "m.subject", 2, false},
        {"trace k3f9.1", "trace", "", "k3f9.1", 1, false},
        {"scan -", "scan", "", "-", 1, false},
        {"check --driver spf", "check", "", NULL, 0, false},
        {"check dns x", "check", "dns", "x", 1, false},
        {"check spf x 192.0.2.1 --json", "check", "spf", "x", 2, true},
        {"scan -- --odd-name", "scan", "", "--odd-name", 1, false},
        {"scan x.eml --rcpt a@b --rcpt=c@d --diff", "scan", "", "x.eml", 1, false},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_err err;
        struct ctl c;
        bool help;

        ck_assert_msg(parse(&c, cases[i].line, &help, &err), "%s: %s", cases[i].line, err.text);
        ck_assert(!help);
        ck_assert_str_eq(c.verb->noun, cases[i].noun);
        ck_assert_str_eq(c.verb->verb, cases[i].verb);
        ck_assert_uint_eq(c.words, cases[i].words);
        ck_assert(c.json == cases[i].json);
        if (cases[i].first)
            ck_assert_str_eq(c.word[0], cases[i].first);
    }
}
END_TEST

START_TEST(lines_that_are_wrong)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"acount list", "did you mean `account`?"},
        {"account lits", "did you mean `account list`?"},
        {"account frobnicate", "see facteurctl account --help"},
        {"frobnicate", "see facteurctl --help"},
        {"account", "account what?"},
        {"--json", "what to do?"},
        {"check frobnicate", "see facteurctl check --help"},
        {"check dsn x", "did you mean `check dns`?"},
        {"status extra", "usage: facteurctl status"},
        {"account list extra", "usage: facteurctl account list"},
        {"account add", "usage: facteurctl account add ADDRESS"},
        {"account add a@b secret", "never given on the command line"},
        {"account passwd a@b secret", "never given on the command line"},
        {"alias set a@b", "usage: facteurctl alias set ALIAS TARGET"},
        {"status --sandbx", "did you mean --sandbox?"},
        {"status --diff", "unknown option --diff"},
        {"status --sandbox=yes", "takes no value"},
        {"scan x.eml --rcpt", "--rcpt needs a value: ADDRESS"},
        {"scan x.eml --rcpt=", "--rcpt needs a value: ADDRESS"},
        {"lua tset x", "did you mean `lua test`?"},
        {"lua try x", "usage: facteurctl lua try EXPRESSION FILE"},
        {"replay --snice 7d", "did you mean --since?"},
        {"--dir", "--dir needs a value: DIR"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_err err;
        struct ctl c;
        bool help;

        ck_assert_msg(!parse(&c, cases[i].line, &help, &err), "%s", cases[i].line);
        ck_assert_msg(strstr(err.text, cases[i].says), "%s: \"%s\"", cases[i].line, err.text);
    }
}
END_TEST

START_TEST(options_are_found_by_name)
{
    struct fct_err err;
    struct ctl c;
    bool help;

    ck_assert(parse(&c, "scan x --ip 1.2.3.4 --ip 5.6.7.8 --diff --dir D --conf a --conf=b", &help,
                    &err));
    ck_assert_str_eq(ctl_option(&c, "--ip"), "5.6.7.8");
    ck_assert_str_eq(ctl_option(&c, "--diff"), "");
    ck_assert_ptr_null(ctl_option(&c, "--helo"));
    ck_assert_uint_eq(c.ngiven, 3);
    ck_assert_str_eq(c.dir, "D");
    ck_assert_uint_eq(c.confs, 2);
    ck_assert_str_eq(c.conf[1], "b");
}
END_TEST

/* Behind the verb its own option counts, in front of it the common one. */
START_TEST(a_verb_may_have_a_common_name)
{
    struct fct_err err;
    struct ctl c;
    bool help;

    ck_assert(parse(&c, "--conf server replay --conf other --since 7d", &help, &err));
    ck_assert_str_eq(ctl_option(&c, "--conf"), "other");
    ck_assert_uint_eq(c.confs, 1);
    ck_assert_str_eq(c.conf[0], "server");
}
END_TEST

START_TEST(help_is_asked_for_in_every_place)
{
    static const char *const lines[] = {
        "", "--help", "-h", "account --help", "account add --help", "scan --help"};

    for (size_t i = 0; i < FCT_COUNT(lines); i++) {
        struct fct_err err;
        struct ctl c;
        bool help;

        ck_assert_msg(parse(&c, lines[i], &help, &err), "%s: %s", lines[i], err.text);
        ck_assert_msg(help, "%s", lines[i]);
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, lines_that_are_right);
    tcase_add_test(tc, lines_that_are_wrong);
    tcase_add_test(tc, options_are_found_by_name);
    tcase_add_test(tc, a_verb_may_have_a_common_name);
    tcase_add_test(tc, help_is_asked_for_in_every_place);
}

int main(void)
{
    Suite *suite = suite_create("ctl_args");
    TCase *tc = tcase_create("ctl_args");
    SRunner *runner;
    int failed;

    add(tc);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
