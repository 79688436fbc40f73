/* test_lua_rule.c - rule{} and hook{} as rows of the plan; files that are refused, with file and
 * line; rules that are muted. */
#include "mock_host.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

static struct mock m;

/* ---- what is refused, with the whole set ---- */

/* clang-format off */
static const struct {
    const char *rules, *error;
} bad[] = {
    {"local x =\n\nrule {", "bad.lua:3: "},
    {"x = 1", "bad.lua:1: 'x' is read-only here: write \"local x\""},
    {"local a = nothing.here", "bad.lua:1: attempt to index a nil value (global 'nothing')"},
    {"error('on purpose')", "bad.lua:1: on purpose"},
    {"while true do end", "bad.lua:1: processor budget exceeded"},
    {"\033Lua", "attempt to load a binary chunk"},
    {"rule {}", "bad.lua:1: the rule's name is missing"},
    {"rule()", "table expected"},
    {"rule { 'R' }", "bad.lua:1: the function is missing"},
    {"rule { 'R', 'f' }", "bad.lua:1: the function is missing"},
    {"rule { 'R', function() end, 3 }", "bad.lua:1: one name and one function are expected"},
    {"rule { 'r', function() end }", "bad.lua:1: 'r' is not a symbol"},
    {"rule { 'R-1', function() end }", "bad.lua:1: 'R-1' is not a symbol"},
    {"rule { 'R', scroe = 1, function() end }", "bad.lua:1: unknown field 'scroe'; known are: score group about on"},
    {"rule { 'R', score = 'much', function() end }", "score must be a number"},
    {"rule { 'R', about = 5, function() end }", "about must be a string"},
    {"rule { 'R', on = 'end', function() end }", "there is no hook 'end'"},
    {"rule { 'R', on = 'verdict', function() end }", "a rule finds its symbol at connect"},
    {"rule { 'R', max_hits = 0, function() end }", "max_hits must be a whole number"},
    {"timer('60s')", "function expected, got no value"},
    {"timer('1 moment', function() end)", "is not a time"},
    {"timer('10ms', function() end)", "every must be from 100ms"},
    {"timer { function() end }", "timer needs every"},
    {"timer { every = 5, score = 1, function() end }", "unknown field 'score'"},
    {"hook { 'tick', function() end }", "use timer{} for tick"},
    {"patterns { A = 1 }", "A must be { score, [[/regex/flags]] }"},
    {"patterns { A = { 1 } }", "A must be { score, [[/regex/flags]] }"},
    {"patterns { A = { 1, '/(/' } }", "pattern A: missing closing parenthesis, at character 2"},
    {"patterns { A = { 1, '/a/q' } }", "unknown flag 'q'"},
    {"patterns { A = { 1, '/a' } }", "the slash at its end is missing"},
    {"patterns { target = 'body', A = { 1, 'a' } }", "there is no target 'body'"},
    {"patterns { A = { 1, 'a' } } rule { 'A', function() end }", "A was declared before, at "},
    {"composite { 'C' }", "composite needs when"},
    {"composite { 'C', when = 'A', wen = 'B' }", "unknown field 'wen'"},
    {"composite { 'C', when = 'A' } composite { 'C', when = 'A' }", "C was declared before, at "},
    {"config.string('zone', 5, 'x')", "the default of 'zone' is not a text"},
    {"config.string('zone', 'x')", "string expected, got no value"},
    {"config.rate('r', 'often', 'x')", "the default of 'r' is not a rate"},
    {"config.number('file', 1, 'x')", "'file' cannot be an option"},
    {"re.compile('(')", "regular expression (: missing closing parenthesis"},
    {"dns.a('x')", "works only inside a callback"},
    {"spawn(function() end)", "works only inside a callback"},
    {"return lists.none", "there is no list 'none'"},
    {"rule { 'R', on_error = 'pass', function() end }", "unknown field 'on_error'"},
    {"rule { 'R', roles = {'mta'}, function() end }", "there is no role 'mta'"},
    {"rule { 'R', roles = {5}, function() end }", "roles must be a string or a list of strings"},
    {"rule { 'R', function() end }\n\nrule { 'R', function() end }", "bad.lua:3: R was declared before, at "},
    {"rule { 'RULE_MUTED', function() end }", "bad.lua:1: symbol RULE_MUTED is declared twice"},
    {"hook {}", "bad.lua:1: there is no hook ''"},
    {"hook { 'rcpts', function() end }", "bad.lua:1: there is no hook 'rcpts'"},
    {"hook { 'rcpt' }", "bad.lua:1: the function is missing"},
    {"hook { 'rcpt', score = 1, function() end }", "unknown field 'score'"},
    {"hook { 'rcpt', on_error = 'reject', function() end }", "on_error must be pass or tempfail"},
    {"hook { 'edit', on_error = 'tempfail', function() end }", "hook edit cannot answer tempfail"},
    {"print('x')", "works only inside a callback"},
    {"sleep_ms(1)", "works only inside a callback"},
    {"log.info('x')", "works only inside a callback"},
    {"require('none')", "module 'none' is neither beside this file nor in lua.lib"},
    {"require('../bad')", "'../bad' is not the name of a module"},
    {"require('/etc/passwd')", "'/etc/passwd' is not the name of a module"},
    {"require('..bad')", "'..bad' is not the name of a module"},
    {"require('bad\\0')", "'bad' is not the name of a module"},
};
/* clang-format on */

START_TEST(refused)
{
    for (size_t i = 0; i < FCT_COUNT(bad); i++) {
        mock_open(&m);
        mock_set(&m, "load_budget", "100ms");
        mock_rules(&m, "good.lua", "rule { 'GOOD', function() return true end }");
        mock_rules(&m, "bad.lua", bad[i].rules);
        ck_assert_msg(!mock_start(&m), "loaded: %s", bad[i].rules);
        ck_assert_msg(strstr(m.err.text, bad[i].error), "%s: got %s, want %s", bad[i].rules,
                      m.err.text, bad[i].error);
        ck_assert_ptr_null(m.state);
        mock_close(&m);
    }
}
END_TEST

START_TEST(missing_files)
{
    char pattern[128];

    mock_open(&m);
    mock_rules(&m, "/nonexistent/rules.lua", NULL);
    ck_assert(!mock_start(&m));
    ck_assert_str_eq(m.err.text, "/nonexistent/rules.lua: no such file");
    mock_close(&m);
    mock_open(&m); /* a pattern may match nothing */
    snprintf(pattern, sizeof pattern, "%s/*.lua", m.folder);
    mock_rules(&m, pattern, NULL);
    ck_assert_msg(mock_start(&m), "%s", m.err.text);
    ck_assert_uint_eq(m.rows, 0);
    m.files[0] = NULL;
    mock_close(&m);
}
END_TEST

/* ---- what becomes of a table ---- */

START_TEST(rows)
{
    mock_open(&m);
    mock_rules(&m, "rows.lua",
               "rule { 'ONE', score = 2.5, group = 'g', about = 'text', roles = {'mx', 'lmtp'}, "
               "after = {'spf', 'dkim?'}, provides = 'one',\n"
               "  function() end }\n"
               "rule { 'TWO', on = 'headers', after = 'one', function() end }\n"
               "hook { 'rcpt', roles = 'submission', function() end }\n");
    ck_assert_msg(mock_start(&m), "%s", m.err.text);
    ck_assert_uint_eq(m.rows, 3);
    ck_assert_uint_eq(m.symbols, 3); /* and RULE_MUTED */
    ck_assert_str_eq(m.symbol[1].name, "ONE");
    ck_assert_str_eq(m.symbol[1].group, "g");
    ck_assert_str_eq(m.symbol[1].doc, "text");
    ck_assert(m.symbol[1].score > 2.49 && m.symbol[1].score < 2.51);
    ck_assert_int_eq(m.row[0].hook, FCT_HOOK_scan);
    ck_assert_uint_eq(m.row[0].roles, FCT_ROLE_MX | FCT_ROLE_LMTP);
    ck_assert_str_eq(m.row[0].after, "spf dkim?");
    ck_assert_str_eq(m.row[0].provides, "one");
    ck_assert_str_eq(m.row[0].label, "lua:rows");
    ck_assert_int_eq(m.row[1].hook, FCT_HOOK_headers);
    ck_assert_str_eq(m.row[1].after, "one");
    ck_assert_int_eq(m.row[2].hook, FCT_HOOK_rcpt);
    ck_assert_uint_eq(m.row[2].roles, FCT_ROLE_SUBMISSION);
    ck_assert_ptr_null(m.row[2].after);
    mock_close(&m);
}
END_TEST

START_TEST(hits)
{
    static const struct {
        const char *result, *want;
    } cases[] = {
        {"nil", ""},       {"false", ""},       {"true", "EVAL="}, {"'text'", "EVAL=text"},
        {"17", "EVAL=17"}, {"1.5", "EVAL=1.5"}, {"{}", "EVAL="},
    };
    char body[64];

    mock_open(&m);
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        snprintf(body, sizeof body, "return %s", cases[i].result);
        ck_assert_str_eq(mock_eval(&m, "A: b\r\n\r\n", body), cases[i].want);
    }
    mock_close(&m);
}
END_TEST

/* A file named twice, by a path and by a pattern, is loaded once; files have no globals in common.
 */
START_TEST(files)
{
    const char *test;
    char pattern[128];

    mock_open(&m);
    mock_set(&m, "tests", "no");
    mock_rules(&m, "a.lua", "rule { 'FILE_A', function() return true end }");
    mock_rules(&m, "b.lua",
               "local seen = pcall(function() return FROM_A end)\nrule { 'FILE_B', function() "
               "return tostring(FROM_A) end }");
    test = mock_write(&m, "a_test.lua", "error('not to be loaded')");
    snprintf(pattern, sizeof pattern, "%s/*.lua", m.folder);
    mock_rules(&m, pattern, NULL);
    ck_assert_msg(mock_start(&m), "%s", m.err.text);
    ck_assert_uint_eq(m.rows, 2);
    mock_message(&m, "A: b\r\n\r\n");
    mock_run(&m, FCT_HOOK_scan, NULL);
    ck_assert_str_eq(m.hits, "FILE_A= FILE_B=nil");
    m.files[2] = NULL;
    free((void *)(uintptr_t)test);
    mock_close(&m);
}
END_TEST

START_TEST(modules)
{
    const char *path, *shared;
    char lib[128];

    mock_open(&m);
    path = mock_write(&m, "words.lua",
                      "local words = {'a', 'b'}\nreturn { count = function() return #words end, "
                      "list = words }\n");
    shared = mock_write(&m, "lib/shared.lua", "return 'from lib'\n");
    snprintf(lib, sizeof lib, "%s/lib", m.folder);
    mock_set(&m, "lib", lib);
    mock_rules(&m, "uses.lua",
               "local words, again = require('words'), require 'words'\n"
               "local shared = require('shared')\n"
               "rule { 'USES', function() return words.count() .. tostring(words == again) .. "
               "shared end }\n");
    ck_assert_msg(mock_start(&m), "%s", m.err.text);
    mock_message(&m, "A: b\r\n\r\n");
    mock_run(&m, FCT_HOOK_scan, NULL);
    ck_assert_str_eq(m.hits, "USES=2truefrom lib");
    free((void *)(uintptr_t)path);
    free((void *)(uintptr_t)shared);
    mock_close(&m);
}
END_TEST

START_TEST(bad_modules)
{
    static const struct {
        const char *module, *error;
    } cases[] = {
        {"return require('mod')", "module 'mod' requires itself"},
        {"local x = (", "mod.lua:1: "},
        {"\033Lua", "attempt to load a binary chunk"},
        {"y = 1", "'y' is read-only here"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        const char *path;
        mock_open(&m);
        path = mock_write(&m, "mod.lua", cases[i].module);
        mock_rules(&m, "uses.lua", "require('mod')");
        ck_assert(!mock_start(&m));
        ck_assert_msg(strstr(m.err.text, cases[i].error), "got %s, want %s", m.err.text,
                      cases[i].error);
        free((void *)(uintptr_t)path);
        mock_close(&m);
    }
}
END_TEST

/* ---- muting ---- */

START_TEST(muted)
{
    mock_open(&m);
    mock_rules(&m, "mute.lua",
               "rule { 'BAD', function() error('always') end }\n"
               "rule { 'GOOD', function() return true end }\n");
    ck_assert_msg(mock_start(&m), "%s", m.err.text);
    mock_message(&m, "A: b\r\n\r\n");
    for (int i = 1; i <= 20; i++) {
        mock_clear(&m);
        mock_run(&m, FCT_HOOK_scan, NULL);
        ck_assert_str_eq(m.hits, "GOOD=");
        ck_assert_ptr_nonnull(strstr(m.log, "warning lua:mute: rule_failed BAD: "));
        ck_assert_int_eq(strstr(m.log, "error lua:mute: rule_muted BAD") != NULL, i == 20);
    }
    mock_clear(&m);
    mock_run(&m, FCT_HOOK_scan, NULL);
    ck_assert_str_eq(m.hits, "RULE_MUTED=BAD GOOD=");
    ck_assert_str_eq(m.log, "");
    mock_close(&m);
}
END_TEST

/* Failures further apart than the window never mute. */
START_TEST(not_muted)
{
    mock_open(&m);
    mock_set(&m, "mute_after", "2");
    mock_set(&m, "mute_window", "1ms");
    mock_rules(&m, "mute.lua", "rule { 'BAD', function() error('now and then') end }\n");
    ck_assert_msg(mock_start(&m), "%s", m.err.text);
    mock_message(&m, "A: b\r\n\r\n");
    for (int i = 0; i < 6; i++) {
        mock_run(&m, FCT_HOOK_scan, NULL);
        usleep(5000);
    }
    ck_assert_ptr_null(strstr(m.log, "rule_muted"));
    mock_close(&m);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lua_rule");
    TCase *t = tcase_create("rule");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_add_test(t, refused);
    tcase_add_test(t, missing_files);
    tcase_add_test(t, rows);
    tcase_add_test(t, hits);
    tcase_add_test(t, files);
    tcase_add_test(t, modules);
    tcase_add_test(t, bad_modules);
    tcase_add_test(t, muted);
    tcase_add_test(t, not_muted);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
