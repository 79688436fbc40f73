/* test_lua_tool.c - what facteurctl asks of the engine, and what start() refuses: tests that fail,
 * options that nobody declares; lists that change; rules in shadow. */
#include "lua/engine/lua_tool.h"
#include "mock_host.h"

#include <check.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static struct mock m;
static const struct fct_lua_tool *tool;

static void open_all(void)
{
    mock_open(&m);
    tool = dlsym(m.library, "fct_lua_tool");
    ck_assert_ptr_nonnull(tool);
}

static struct lua_tool_job job_of(const char *const *file)
{
    return (struct lua_tool_job){
        .size = sizeof(struct lua_tool_job), .host = &mock_functions, .file = file, .files = 1};
}

/* The mock frees the files it wrote; the others are ours. */
static void drop(const char *path)
{
    free((void *)(uintptr_t)path);
}

/* ---- tests when a set is loaded ---- */

/* clang-format off */
static const struct {
    const char *rules, *test, *error; /* NULL: it loads */
} sets[] = {
    {"rule { 'A', function() return true end }", "return { { 'found', finds = { 'A' } } }", NULL},
    {"rule { 'A', function() return true end }", "return {\n  { 'not found' } }",
     "a_test.lua:2: test \"not found\": it finds A, which is not wanted"},
    {"rule { 'A', function() end }", "return { { 'x', finds = { 'A' } } }", "A is wanted, but not found"},
    {"rule { 'A', function() error('no') end }", "return { { 'x' } }", "rule_failed A: "},
    {"rule { 'A', function() return true end }", "return { { 'x', find = { 'A' } } }", "a case has no field 'find'"},
    {"rule { 'A', function() return true end }", "return { { 'x', message = 'none.eml' } }", "none.eml: No such file"},
    {"rule { 'A', function() return true end }", "return { { 'x', at = 'recpt' } }", "there is no hook 'recpt'"},
    {"rule { 'A', function() return true end }", "return { { 'x', role = 'mta' } }", "there is no role 'mta'"},
    {"rule { 'A', function() return true end }", "return { { 'x', config = { zone = 'y' } } }", "has an option \"zone\""},
    {"rule { 'A', function() return true end }", "return 5", "must return a table"},
    {"rule { 'A', function() return true end }", "return {", "a_test.lua:1: "},
    {"hook { 'rcpt', function() return reject('5.7.1', 'No') end }", "return { { 'x', verdict = 'reject', reply = '5.7.1 Yes' } }",
     "reply: \"5.7.1 Yes\" is wanted, got \"5.7.1 No\""},
    {"hook { 'deliver', function(m) m.mailbox = 'B' end }", "return { { 'x', mailbox = 'A' } }", "mailbox: \"A\" is wanted, got \"B\""},
    {"hook { 'edit', function(m) m:add_header('X-A', '1') end }", "return { { 'x' } }", "adds: \"X-A: 1\" is not wanted"},
    {"hook { 'edit', function() end }", "return { { 'x', adds = { 'X-A: 1' } } }", "\"X-A: 1\" is wanted, but there is nothing"},
    /* No case depends on the one before. */
    {"local n = 0 rule { 'A', function() n = n + 1 return n == 1 end }", "return { { 'one', finds = { 'A' } }, { 'two', finds = { 'A' } } }", NULL},
    {"patterns { target = 'raw', A = { 1, [[/word/]] } } composite { 'B', score = 1, when = 'A & OTHER' }",
     "return { { 'one', text = 'word', has = { 'OTHER' }, finds = { 'A', 'B' } }, { 'two', text = 'word', finds = { 'A' } }, { 'three' },"
     " { 'four', has = { 'A', 'OTHER' }, finds = { 'B' } }, { 'five', has = { 'OTHER' }, rcpts = { 'a@b.example', 'c@d.example' } } }", NULL},
    {"local word = config.string('word', 'usual', 'a word') patterns { target = 'raw', A = { 1, '/' .. word .. '/' } }",
     "return { { 'one', text = 'usual', finds = { 'A' } }, { 'two', text = 'usual', config = { word = 'other' } },"
     " { 'three', text = 'usual other', config = { word = 'other' }, finds = { 'A=other' } }, { 'four', text = 'other usual', finds = { 'A=usual' } } }", NULL},
    {"patterns { target = 'raw', A = { 1, [[/word/]] } }", "return { { 'one', text = 'word', finds = { 'A' } },\n { 'two', finds = { 'A' } } }",
     "a_test.lua:2: test \"two\": A is wanted, but not found"},
    {"patterns { target = 'raw', A = { 1, [[/^(a+)+[bc]/]] } }",
     "local long = string.rep('a', 60) return { { 'one', text = long, log = { 'too costly' } }, { 'two', text = long, log = { 'too costly' } } }", NULL},
};
/* clang-format on */

START_TEST(tests_before_a_set_is_taken)
{
    for (size_t i = 0; i < FCT_COUNT(sets); i++) {
        const char *test;
        bool ok;

        mock_open(&m);
        mock_rules(&m, "a.lua", sets[i].rules);
        test = mock_write(&m, "a_test.lua", sets[i].test);
        ok = mock_start(&m);
        if (sets[i].error)
            ck_assert_msg(!ok && strstr(m.err.text, sets[i].error), "%zu: got %s, want %s", i,
                          ok ? "no error" : m.err.text, sets[i].error);
        else
            ck_assert_msg(ok, "%s", m.err.text);
        drop(test);
        mock_close(&m);
    }
}
END_TEST

/* ---- options ---- */

START_TEST(options)
{
    static const struct {
        const char *key, *value, *error;
    } cases[] = {
        {"zone", "b.example", NULL},
        {"zoen", "b.example",
         "x.conf:3: no rule file of this block has an option \"zoen\" (did you mean \"zone\"?)"},
        {"fiel", "x", "(did you mean \"file\"?)"},
        {"most", "many", "x.conf:3: most: cannot read \"many\" (a number)"},
        {"other", "x", "has an option \"other\""},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        char option[256];
        bool ok;

        mock_open(&m);
        mock_rules(&m, "o.lua",
                   "local zone = config.string('zone', 'a.example', 'a zone')\n"
                   "local most = config.number('most', 5, 'a number')\n"
                   "rule { 'ZONE', function() return zone .. most end }");
        snprintf(option, sizeof option, "%s\n%s\nx.conf:3\n%s", m.files[0], cases[i].key,
                 cases[i].value);
        mock_option(&m, option);
        ok = mock_start(&m);
        if (cases[i].error) {
            ck_assert_msg(!ok && strstr(m.err.text, cases[i].error), "%s: %s", cases[i].key,
                          m.err.text);
        } else {
            ck_assert_msg(ok, "%s", m.err.text);
            mock_message(&m, "A: b\r\n\r\n");
            mock_run(&m, FCT_HOOK_scan, NULL);
            ck_assert_str_eq(m.hits, "ZONE=b.example5");
        }
        mock_close(&m);
    }
}
END_TEST

/* ---- lists ---- */

/* The row that looks whether files changed. */
static void tick(void)
{
    mock_clear(&m);
    mock_run(&m, FCT_HOOK_tick, NULL);
}

static const char *found(void)
{
    mock_clear(&m);
    mock_message(&m, "A: b\r\n\r\n");
    mock_run(&m, FCT_HOOK_scan, NULL);
    return m.hits;
}

START_TEST(lists_are_read_again)
{
    const char *path;

    mock_open(&m);
    mock_rules(&m, "l.lua",
               "rule { 'L', function() return select(2, lists.x:has('10.1.1.1')) end }");
    path = mock_write(&m, "lists/x.nets", "# none\n192.0.2.0/24\n");
    ck_assert_msg(mock_start(&m), "%s", m.err.text);
    ck_assert_str_eq(found(), "");
    drop(mock_write(&m, "lists/x.nets", "10.0.0.0/8 # ours\n192.0.2.1-192.0.2.7\n"));
    tick();
    ck_assert_msg(strstr(m.log, "list_read") && strstr(m.log, "2 entries"), "%s", m.log);
    ck_assert_str_eq(found(), "L=10.0.0.0/8");
    drop(mock_write(&m, "lists/x.nets", "172.16.0.0/12\nnonsense\n"));
    tick();
    ck_assert_msg(strstr(m.log, "lists/x.nets:2: 'nonsense' is not a net"), "%s", m.log);
    ck_assert_str_eq(found(), "L=10.0.0.0/8");
    tick(); /* said once */
    ck_assert_str_eq(m.log, "");
    ck_assert_int_eq(unlink(path), 0);
    tick();
    ck_assert_msg(strstr(m.log, "list_kept"), "%s", m.log);
    ck_assert_str_eq(found(), "L=10.0.0.0/8");
    drop(path);
    mock_close(&m);
}
END_TEST

START_TEST(broken_lists_refuse_the_set)
{
    static const struct {
        const char *name, *text, *error;
    } cases[] = {
        {"lists/x.domains", "good.example\nbad@example\n",
         "lists/x.domains:2: 'bad@example' is not a domain"},
        {"lists/x.nets", "10.0.0.0/33\n", "lists/x.nets:1: '10.0.0.0/33' is not a net"},
        {"lists/x.regexes", "/(/\n", "lists/x.regexes:1: missing closing parenthesis"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        mock_open(&m);
        mock_rules(&m, "l.lua", "rule { 'L', function() end }");
        drop(mock_write(&m, cases[i].name, cases[i].text));
        ck_assert(!mock_start(&m));
        ck_assert_msg(strstr(m.err.text, cases[i].error), "%s", m.err.text);
        mock_close(&m);
    }
}
END_TEST

/* ---- judge ---- */

START_TEST(judges_one_message_after_the_other)
{
    static const struct fct_str rcpt = FCT_STR_INIT("a@example.net");
    struct lua_tool_verdict v = {0};
    struct lua_tool_mail mail = {.size = sizeof mail,
                                 .client_ip = FCT_STR("192.0.2.9"),
                                 .recipient = &rcpt,
                                 .recipients = 1};
    struct fct_err err = {0};
    const char *path, *answers;
    struct lua_tool_job job;
    struct lua_judge *j;

    open_all();
    path = mock_write(
        &m, "j.lua",
        "rule { 'SPAM', score = 2, function(m) return m.subject == 'spam' and 'yes' end }\n"
        "rule { 'LISTED', score = 1, on = 'connect', function(c) return dns.a(c.ip) and c.ip end "
        "}\n"
        "hook { 'deliver', function(m, u) if u.account == 'a@example.net' then return discard() "
        "end end }\n"
        "rule { 'FAILS', function() error('no') end }");
    answers =
        mock_write(&m, "answers.lua", "return { dns = { ['a 192.0.2.9'] = { '127.0.0.1' } } }");
    job = job_of(&path);
    job.answers = answers;
    j = tool->judge_open(&job, &err);
    ck_assert_msg(j, "%s", err.text);
    mail.message = FCT_STR("Subject: spam\r\n\r\n");
    ck_assert_msg(tool->judge(j, &mail, &v, &err), "%s", err.text);
    ck_assert_uint_eq(v.symbols, 2);
    ck_assert_str_eq(v.symbol[0].name, "SPAM");
    ck_assert_str_eq(v.symbol[0].detail, "yes");
    ck_assert_str_eq(v.symbol[1].detail, "192.0.2.9");
    ck_assert(v.score > 2.99 && v.score < 3.01 && v.ns > 0);
    ck_assert_int_eq(v.verdict, FCT_DISCARD);
    ck_assert_uint_eq(v.logs, 1);
    ck_assert_ptr_nonnull(strstr(v.log[0], "rule_failed FAILS"));
    mail.message = FCT_STR("Subject: ham\r\n\r\n");
    ck_assert(tool->judge(j, &mail, &v, &err));
    ck_assert_uint_eq(v.symbols, 1);
    tool->judge_close(&j);
    drop(path);
    drop(answers);
    mock_close(&m);
}
END_TEST

/* ---- try ---- */

START_TEST(tries_expressions)
{
    static const struct {
        const char *expression, *want;
        bool ok;
    } cases[] = {
        {"m.from.domain", "\"b.example\"", true},
        {"m.subject, #m:parts(), m.missing == nil", "message has no field 'missing'", false},
        {"m.subject, #m:parts()", "\"hi \\\"you\\\"\", 1", true},
        {"c.ip:reversed()", "\"9.2.0.192\"", true},
        {"{ 1, 'a', x = { true } }", "{ 1, \"a\", x = { true } }", true},
        {"local x = 5 return x + 1", "6", true},
        {"local x = 5", "nil", true},
        {"1 +", "expression:1: unexpected symbol near <eof>", false},
        {"while true do end", "processor budget exceeded", false},
    };
    struct lua_tool_job job = job_of(NULL);
    struct lua_tool_mail mail = {.size = sizeof mail,
                                 .client_ip = FCT_STR("192.0.2.9"),
                                 .message =
                                     FCT_STR("From: a@b.example\r\nSubject: hi \"you\"\r\n\r\n")};

    open_all();
    job.files = 0;
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_err err = {0};
        char *out = NULL;
        bool ok = tool->try_expression(&job, &mail, cases[i].expression, &out, &err);

        ck_assert_msg(ok == cases[i].ok, "%s: %s", cases[i].expression, ok ? out : err.text);
        if (ok)
            ck_assert_str_eq(out, cases[i].want);
        else
            ck_assert_msg(strstr(err.text, cases[i].want), "%s: %s", cases[i].expression, err.text);
        free(out);
    }
    mock_close(&m);
}
END_TEST

/* ---- lint ---- */

static char findings[4096];

static void note_finding(void *arg, const struct lua_tool_finding *finding)
{
    const char *slash = strrchr(finding->text, '/');
    size_t used = strlen(findings);

    (void)arg;
    snprintf(findings + used, sizeof findings - used, "%s\n", slash ? slash + 1 : finding->text);
}

/* clang-format off */
static const struct {
    const char *text, *want;
} lints[] = {
    {"local x = 5\nrule { 'A', about = 'a', function(m) return m.subject == y end }", "l.lua:2: unknown global 'y'\nl.lua:1: local 'x' is not used\n"},
    {"rule { 'A', about = 'a', function(m, ev) local t = { from = 1, m.from } return t.x, t:y() end }", ""},
    {"local function f(n) if n > 0 then return f(n - 1) end end\nrule { 'A', about = 'a', function() for i = 1, 3 do f(i) end end }", ""},
    {"local a <const> = 1\nlocal b, _c = 2\nrule { 'A', about = 'a', function() while b do b = nil end repeat local z = 1 until z end }", ""},
    {"-- y\n--[[ y ]] --[==[ y\n]==]\nrule { 'A', about = [[y]], function() return \"y\" .. 'y' .. 0x1y end }", "malformed number"},
    {"rule { 'A', function() goto done ::done:: end }", "l.lua:1: rule A has no about\n"},
    {"patterns { SLOW = { 1, [[/(?:\\w+\\s*)+[!%]$/]] }, GOOD = { 1, [[/viagra/i]] } }", "pattern SLOW is "},
    {"rule { 'A', about = 'a', function() if true then local u = 1 else local v = 2 end end }", "l.lua:1: local 'u' is not used\nl.lua:1: local 'v' is not used\n"},
    {"local t = { a = function(x, ...) return x, ... end, b = 1, c = function() end, d = 2 } rule { 'A', about = 'a', function() return t end }", ""},
    {"rule {", "expected"},
};
/* clang-format on */

START_TEST(finds_mistakes)
{
    for (size_t i = 0; i < FCT_COUNT(lints); i++) {
        const char *path, *test;
        struct lua_tool_job job;

        open_all();
        findings[0] = '\0';
        path = mock_write(&m, "l.lua", lints[i].text);
        test = mock_write(&m, "l_test.lua", "return {}");
        job = job_of(&path);
        tool->lint(&job, note_finding, NULL);
        if (*lints[i].want && lints[i].want[strlen(lints[i].want) - 1] != '\n')
            ck_assert_msg(strstr(findings, lints[i].want), "%s: %s", lints[i].text, findings);
        else
            ck_assert_msg(strcmp(findings, lints[i].want) == 0, "%s: %s", lints[i].text, findings);
        drop(path);
        drop(test);
        mock_close(&m);
    }
}
END_TEST

/* ---- new ---- */

static void count_case(void *arg, const struct lua_tool_case *result)
{
    (void)arg;
    ck_assert_msg(result->passed, "%s: %s", result->name, result->why);
}

START_TEST(creates_rules_that_pass)
{
    struct fct_err err = {0};
    size_t cases, failed;
    struct lua_tool_job job;
    char *path = NULL;

    open_all();
    ck_assert_msg(tool->create(m.folder, "my_rule", &err), "%s", err.text);
    ck_assert_int_gt(asprintf(&path, "%s/my_rule.lua", m.folder), 0);
    job = job_of((const char *const *)&path);
    ck_assert_msg(tool->test(&job, count_case, NULL, &cases, &failed, &err), "%s", err.text);
    ck_assert_uint_eq(cases, 3);
    ck_assert_uint_eq(failed, 0);
    ck_assert_uint_eq(tool->lint(&job, note_finding, NULL), 0);
    ck_assert(!tool->create(m.folder, "my_rule", &err));
    ck_assert_msg(strstr(err.text, "exists"), "%s", err.text);
    ck_assert(!tool->create(m.folder, "../my", &err));
    ck_assert(!tool->create(m.folder, "", &err));
    free(path);
    mock_close(&m);
}
END_TEST

/* ---- shadow ---- */

START_TEST(rules_in_shadow)
{
    const char *path;

    mock_open(&m);
    mock_rules(&m, "live.lua", "rule { 'LIVE', function() end }\npatterns { P = { 1, 'x' } }");
    path = mock_write(&m, "shadow.lua",
                      "rule { 'TRIED', function() end }\npatterns { Q = { 1, 'x' } }\n"
                      "rule { 'LIVE', function() end }\npatterns { P = { 2, 'y' } }\n"
                      "composite { 'C', when = 'TRIED' }");
    mock_shadow(&m, path);
    ck_assert_msg(mock_start(&m), "%s", m.err.text);
    ck_assert_uint_eq(m.rows, 5);
    for (size_t i = 0; i < m.rows; i++)
        ck_assert_msg((m.row[i].mode == FCT_SHADOW) == (i == 1 || i == 2 || i == 4), "row %zu", i);
    ck_assert_uint_eq(m.symbols, 5); /* LIVE, TRIED, P, Q and RULE_MUTED */
    ck_assert_str_eq(m.composites, "");
    mock_close(&m);
    drop(path);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lua_tool");
    TCase *t = tcase_create("tool");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_add_test(t, tests_before_a_set_is_taken);
    tcase_add_test(t, options);
    tcase_add_test(t, lists_are_read_again);
    tcase_add_test(t, broken_lists_refuse_the_set);
    tcase_add_test(t, judges_one_message_after_the_other);
    tcase_add_test(t, tries_expressions);
    tcase_add_test(t, finds_mistakes);
    tcase_add_test(t, creates_rules_that_pass);
    tcase_add_test(t, rules_in_shadow);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
