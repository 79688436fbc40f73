/* test_lua_hooks.c - every hook with its fields, the results a hook may give, edits, and objects
 * that die with their callback. */
#include "mock_host.h"

#include <check.h>
#include <stdlib.h>

static const char mail[] =
    "From: a@b.example\r\nSubject: hello\r\nX-Old: 1\r\nX-Old: 2\r\n\r\nbody\r\n";

static struct mock m;

static void load(const char *rules)
{
    mock_open(&m);
    mock_rules(&m, "hooks.lua", rules);
    ck_assert_msg(mock_start(&m), "%s", m.err.text);
    mock_message(&m, mail);
    mock_clear(&m);
}

/* ---- fields of every hook, from hooks.def itself ---- */

struct wanted {
    char lua[32768], log[16384];
    size_t nlua, nlog;
};

static struct wanted wanted;

/* Asked for by timer(), which hands over the event alone. */
static bool is_tick(const char *hook)
{
    return strcmp(hook, "tick") == 0;
}

static void want_hook(const char *hook)
{
    wanted.nlua += (size_t)snprintf(wanted.lua + wanted.nlua, sizeof wanted.lua - wanted.nlua,
                                    is_tick(hook) ? "timer(60, function() end)\n"
                                                  : "hook { '%s', function(x, ev) end }\n",
                                    hook);
}

static const char *const texts[] = {
#define HOOK(name, text, kind, verdicts, doc) text,
#include <facteur/hooks.def>
};

static void want_field(enum fct_hook point, const char *name, const char *type)
{
    const char *hook = texts[point], *unit = strcmp(type, "LIST") == 0 ? "[1]" : "";
    bool settings = strcmp(name, "settings") == 0; /* name=value become a table by name */
    char field[80];

    const char *value = strcmp(type, "U64") == 0    ? "7"
                        : strcmp(type, "BOOL") == 0 ? "true"
                                                    : "text";

    snprintf(field, sizeof field, settings ? "next(ev.%s)" : "ev.%s%s", name, unit);
    if (is_tick(hook))
        wanted.nlua += (size_t)snprintf(
            wanted.lua + wanted.nlua, sizeof wanted.lua - wanted.nlua,
            "timer { every = '60s', function(ev) print('tick', '%s', %s) end }\n", name, field);
    else
        wanted.nlua +=
            (size_t)snprintf(wanted.lua + wanted.nlua, sizeof wanted.lua - wanted.nlua,
                             "hook { '%s', function(x, ev) print('%s', '%s', %s%s) end }\n", hook,
                             hook, name, field, settings ? "  and 'text'" : "");
    wanted.nlog += (size_t)snprintf(wanted.log + wanted.nlog, sizeof wanted.log - wanted.nlog,
                                    "info lua:hooks: %s\t%s\t%s\n", hook, name, value);
}

static void set_STR(struct fct_str *at)
{
    *at = FCT_STR("text");
}
static void set_U64(uint64_t *at)
{
    *at = 7;
}
static void set_BOOL(bool *at)
{
    *at = true;
}
static void set_LIST(struct fct_list *at)
{
    static const struct fct_str one = FCT_STR_INIT("text");

    *at = (struct fct_list){&one, 1};
}

START_TEST(every_field)
{
    wanted = (struct wanted){.nlua = 0};
    /* clang-format off */
#define HOOK(name, text, kind, verdicts, doc) want_hook(text);
#define FIELD(hook, name, type, doc)    want_field(FCT_HOOK_##hook, #name, #type);
#include <facteur/hooks.def>
    load(wanted.lua);
#define HOOK(name, text, kind, verdicts, doc) { struct fct_ev_##name ev; enum fct_hook hook = FCT_HOOK_##name;
#define FIELD(hook, name, type, doc)        set_##type(&ev.name);
#define END(name) ck_assert_int_eq(mock_run(&m, hook, &ev), FCT_NEXT); }
#include <facteur/hooks.def>
    /* clang-format on */
    ck_assert_str_eq(m.log, wanted.log);
    mock_close(&m);
}
END_TEST

/* ---- results ---- */

/* clang-format off */
static const struct {
    const char *hook, *result;
    enum fct_verdict verdict;
    const char *reply; /* or, when it fails, part of the log */
} results[] = {
    {"rcpt", "reject()", FCT_REJECT, ""},
    {"rcpt", "reject('No')", FCT_REJECT, "0 - No"},
    {"rcpt", "reject('5.7.1', 'No')", FCT_REJECT, "0 5.7.1 No"},
    {"rcpt", "reject(554, '5.7.1', 'No')", FCT_REJECT, "554 5.7.1 No"},
    {"rcpt", "reject(554)", FCT_REJECT, "554 - "},
    {"rcpt", "tempfail('4.7.1', 'Later')", FCT_TEMPFAIL, "0 4.7.1 Later"},
    {"rcpt", "tempfail(452, 'Later')", FCT_TEMPFAIL, "452 - Later"},
    {"rcpt", "discard()", FCT_DISCARD, ""},
    {"rcpt", "accept()", FCT_ACCEPT, ""},
    {"rcpt", "nil", FCT_NEXT, ""},
    {"chunk", "skip()", FCT_SKIP, ""},
    {"rcpt", "skip()", FCT_NEXT, "hook rcpt cannot answer skip"},
    {"connect", "disconnect('Go away')", FCT_DISCONNECT, "0 - Go away"},
    {"verdict", "quarantine()", FCT_QUARANTINE, ""},
    {"rcpt", "quarantine()", FCT_NEXT, "hook rcpt cannot answer quarantine"},
    {"edit", "reject('No')", FCT_NEXT, "hook edit cannot answer reject"},
    {"accepted", "reject('No')", FCT_NEXT, "hook accepted cannot answer reject"},
    {"rcpt", "true", FCT_NEXT, "hook rcpt returned a boolean"},
    {"rcpt", "'reject'", FCT_NEXT, "hook rcpt returned a string"},
    {"rcpt", "reject", FCT_NEXT, "hook rcpt returned a function"},
    {"rcpt", "reject(450, 'No')", FCT_NEXT, "a code 5xx is needed"},
    {"rcpt", "tempfail(550, 'No')", FCT_NEXT, "a code 4xx is needed"},
    {"rcpt", "reject('No', 'really')", FCT_NEXT, "more than code, enhanced code and text"},
    {"rcpt", "reject('No\\r\\n250 Yes')", FCT_NEXT, "control characters in the text"},
    {"rcpt", "reject(('x'):rep(401))", FCT_NEXT, "the text is too long"},
    {"rcpt", "reject('\\255')", FCT_NEXT, "the host refuses this reply"},
    {"rcpt", "setmetatable(reject(), nil)", FCT_NEXT, "table expected"},
    {"rcpt", "(function() reject().code = 200 end)()", FCT_NEXT, "a result cannot be changed"},
};
/* clang-format on */

static enum fct_hook hook_named(const char *name)
{
    static const char *const names[] = {
#define HOOK(name, text, kind, verdicts, doc) #name,
#include <facteur/hooks.def>
    };

    for (size_t i = 0; i < FCT_COUNT(names); i++)
        if (strcmp(names[i], name) == 0)
            return (enum fct_hook)i;
    return FCT_HOOK_COUNT;
}

START_TEST(every_result)
{
    char rules[512];

    for (size_t i = 0; i < FCT_COUNT(results); i++) {
        bool fails = results[i].verdict == FCT_NEXT && *results[i].reply;
        snprintf(rules, sizeof rules, "hook { '%s', function() return %s end }\n", results[i].hook,
                 results[i].result);
        load(rules);
        ck_assert_msg(mock_run(&m, hook_named(results[i].hook), NULL) == results[i].verdict,
                      "%s %s: %s", results[i].hook, results[i].result, m.log);
        if (fails)
            ck_assert_msg(strstr(m.log, results[i].reply), "%s: log is %s", results[i].result,
                          m.log);
        else
            ck_assert_msg(strcmp(m.reply, results[i].reply) == 0 && !*m.log, "%s: reply is %s",
                          results[i].result, m.reply);
        mock_close(&m);
    }
}
END_TEST

/* ---- changes ---- */

/* clang-format off */
static const struct {
    const char *hook, *body, *edits, *error;
} changes[] = {
    {"helo", "ev.hide = 'CHUNKING'", "set hide=CHUNKING\n", NULL},
    {"helo", "ev.hide = {'A', 'B'}", "set hide=A\nset hide=B\n", NULL},
    {"helo", "ev.hide = {}", "", NULL},
    {"helo", "ev.hide = {{}}", "", "hide must be a string"},
    {"helo", "ev.hide = 'x'", "", "'x' cannot be the hide of helo"},
    {"helo", "ev.name = 'a'", "", "helo.name cannot be changed"},
    {"helo", "ev.none = 'a'", "", "helo.none cannot be changed"},
    {"connect", "ev.delay_ms = 500", "set delay_ms=500\n", NULL},
    {"connect", "ev.delay_ms = -1", "", "delay_ms must be a whole number"},
    {"connect", "ev.delay_ms = 'soon'", "", "delay_ms must be a whole number"},
    {"connect", "ev.delay_ms = 1.5", "", "delay_ms must be a whole number"},
    {"connect", "ev.banner = nil", "", "banner must be a string"},
    {"mail", "ev.reverse_path = ''", "set reverse_path=\n", NULL},
    {"verdict", "ev.action = 'junk' x:force('reject', 3, 'why')", "set action=junk\nforce 6 3 why\n", NULL},
    {"edit", "x:force('reject')", "", "hook edit cannot force an action"},
    {"verdict", "x:force('eat')", "", "invalid option 'eat'"},
    {"edit", "x.sender = 'a@b' x:add_recipient('c@d')", "set reverse_path=a@b\nset add_recipient=c@d\n", NULL},
    {"verdict", "x.sender = 'a@b'", "", "sender and recipients are changed at edit"},
    {"edit", "x:insert_header('X-A', '1', 'before', 'Subject')", "add before Subject X-A: 1\n", NULL},
    {"edit", "x:insert_header('X-A', '1', 'before', 'X-None')", "", "there is no field X-None"},
    {"edit", "x:parts()[1]:patch(2, 3, 'xy')", "patch 0 1+3: xy\n", NULL},
    {"edit", "x:parts()[1]:patch(0, 3, 'xy')", "", "the first byte has the number 1"},
    {"edit", "x:parts()[1]:replace_text('', 'xy')", "", "it is empty"},
    {"edit", "x:replace_body('a\\nb\\r\\n')", "body a\r\nb\r\n\n", NULL},
};
/* clang-format on */

START_TEST(every_change)
{
    char rules[512];

    for (size_t i = 0; i < FCT_COUNT(changes); i++) {
        snprintf(rules, sizeof rules, "hook { '%s', function(x, ev) %s end }\n", changes[i].hook,
                 changes[i].body);
        load(rules);
        mock_run(&m, hook_named(changes[i].hook), NULL);
        ck_assert_msg(strcmp(m.edits, changes[i].edits) == 0, "%s: %s %s", changes[i].body, m.edits,
                      m.log);
        if (changes[i].error)
            ck_assert_msg(strstr(m.log, changes[i].error), "%s: %s", changes[i].body, m.log);
        else
            ck_assert_msg(!*m.log, "%s: %s", changes[i].body, m.log);
        mock_close(&m);
    }
}
END_TEST

START_TEST(error_policy)
{
    load("hook { 'rcpt', function() error('x') end }\n"
         "hook { 'mail', on_error = 'tempfail', function() error('x') end }\n");
    ck_assert_int_eq(mock_run(&m, FCT_HOOK_rcpt, NULL), FCT_NEXT);
    ck_assert_int_eq(mock_run(&m, FCT_HOOK_mail, NULL), FCT_TEMPFAIL);
    mock_close(&m);
}
END_TEST

/* ---- edits and delivery ---- */

START_TEST(edits)
{
    load("hook { 'edit', function(m)\n"
         "  m:add_header('X-A', 'top')\n"
         "  m:add_header('X-B', 'grün', 'end')\n"
         "  m:set_header('subject', '[dev] ' .. m.subject)\n"
         "  m:set_header('X-New', 'new')\n"
         "  print(m:remove_header('x-old'), m:remove_header('x-none'))\n"
         "end }\n");
    mock_run(&m, FCT_HOOK_edit, NULL);
    ck_assert_str_eq(m.edits, "add top X-A: top\n"
                              "add end X-B: grün\n"
                              "set Subject: [dev] hello\n"
                              "add top X-New: new\n"
                              "remove X-Old: 1\n"
                              "remove X-Old: 2\n");
    ck_assert_str_eq(m.log, "info lua:hooks: 2\t0\n");
    mock_close(&m);
}
END_TEST

START_TEST(illegal_edits)
{
    static const char *const bad[] = {"m:add_header('X A', 'b')",
                                      "m:add_header('', 'b')",
                                      "m:add_header('X-A', 'b\\0c')",
                                      "m:add_header('X-A', 'b', 'middle')",
                                      "m:add_header('X-A')",
                                      "m:add_header('X\\r\\nY', 'b')",
                                      "m.mailbox = 'A'",
                                      "m:keyword('$A')",
                                      "m:hit('x')"};
    char rules[256];

    for (size_t i = 0; i < FCT_COUNT(bad); i++) {
        snprintf(rules, sizeof rules, "hook { 'edit', function(m) %s end }\n", bad[i]);
        load(rules);
        mock_run(&m, FCT_HOOK_edit, NULL);
        ck_assert_msg(strstr(m.log, "rule_failed edit") && !*m.edits, "%s: %s%s", bad[i], m.log,
                      m.edits);
        mock_close(&m);
    }
}
END_TEST

START_TEST(deliver)
{
    struct fct_ev_deliver ev = {
        .recipient = FCT_STR("a+list@b"), .account = FCT_STR("a@b"), .detail = FCT_STR("list")};

    load("hook { 'deliver', function(m, ev)\n"
         "  if ev.detail == 'list' and ev.account == 'a@b' then m.mailbox = 'Lists/' .. ev.detail "
         "end\n"
         "  m:keyword('$Newsletter')\n"
         "  m:keyword('\\\\Flagged')\n"
         "end }\n");
    mock_run(&m, FCT_HOOK_deliver, &ev);
    ck_assert_str_eq(m.edits, "mailbox Lists/list\nkeyword $Newsletter\nkeyword \\Flagged\n");
    mock_close(&m);
    load("hook { 'deliver', function(m) m.mailbox = '' end }\n");
    mock_run(&m, FCT_HOOK_deliver, &ev);
    ck_assert_ptr_nonnull(strstr(m.log, "'' cannot be the mailbox"));
    mock_close(&m);
}
END_TEST

/* ---- life and death ---- */

/* Texts of fields are kept from one rule to the next, not from one message to the next: here each
 * stands where the one before stood. */
START_TEST(texts_are_of_this_message)
{
    static const char mail_one[] =
        "Subject: one\r\nX-Long: a value longer than what Lua keeps once "
        "anyway, which is forty bytes\r\n\r\n";

    load("hook { 'headers', function(m) print(m.subject, m:header('X-Long'), m:header('X-Long')) "
         "end }\n");
    mock_message(&m, mail_one);
    for (char c = 'a'; c <= 'z'; c++) {
        char *bytes = (char *)(uintptr_t)m.message.p;
        char *subject = strchr(bytes, ' ') + 1, *value = strstr(bytes, "X-Long: ") + 8;
        char want[256];

        *subject = *value = c;
        mock_run(&m, FCT_HOOK_headers, NULL);
        snprintf(want, sizeof want, "lua:hooks: %cne\t%.*s\t%.*s\n", c, (int)strcspn(value, "\r"),
                 value, (int)strcspn(value, "\r"), value);
        ck_assert_msg(strstr(m.log, want), "%s, want %s", m.log, want);
        mock_clear(&m);
    }
    mock_close(&m);
}
END_TEST

/* What a script keeps of a callback is dead afterwards: an error, whatever is done with it. */
START_TEST(kept_objects_are_dead)
{
    static const char *const uses[] = {"kept.m.subject",
                                       "kept.m:header('X')",
                                       "kept.ev.size",
                                       "kept.part.text",
                                       "kept.conn.ip",
                                       "kept.envelope.from",
                                       "kept.m:add_header('A', 'b')",
                                       "kept.m.conn"};
    char rules[1024];

    for (size_t i = 0; i < FCT_COUNT(uses); i++) {
        snprintf(
            rules, sizeof rules,
            "local kept\n"
            "hook { 'headers', function(m, ev)\n"
            "  kept = {m = m, ev = ev, part = m:parts()[1], conn = m.conn, envelope = m.envelope}\n"
            "  return kept.m.size < 0 and kept.ev.size or nil\n"
            "end }\n"
            "hook { 'edit', function() local x = %s end }\n",
            uses[i]);
        load(rules);
        mock_run(&m, FCT_HOOK_headers, NULL);
        ck_assert_str_eq(m.log, "");
        mock_run(&m, FCT_HOOK_edit, NULL);
        ck_assert_msg(strstr(m.log, "used after its callback returned"), "%s: %s", uses[i], m.log);
        mock_close(&m);
    }
}
END_TEST

/* While one callback waits, another runs in the same state; each has its own objects, and none may
 * use the other's. */
static void run_other(struct mock *mock, struct fct_call *call, uint32_t ms)
{
    (void)call;
    if (ms == 1)
        mock_run(mock, FCT_HOOK_verdict, NULL);
}

START_TEST(callbacks_interleave)
{
    load("local theirs\n"
         "hook { 'headers', function(m)\n"
         "  theirs = m\n"
         "  local co = coroutine.wrap(function() sleep_ms(1) return m.subject end)\n"
         "  print(pcall(co))\n"
         "  print(m.subject, theirs == m)\n"
         "end }\n"
         "hook { 'verdict', function(m)\n"
         "  print('inner', m.subject, pcall(function() return theirs.subject end))\n"
         "  sleep_ms(2)\n"
         "  error('inner fails')\n"
         "end }\n");
    m.sleeps = run_other;
    mock_run(&m, FCT_HOOK_headers, NULL);
    ck_assert_ptr_nonnull(strstr(m.log, "inner\thello\tfalse\t"));
    ck_assert_ptr_nonnull(strstr(m.log, "message used after its callback returned"));
    ck_assert_ptr_nonnull(strstr(m.log, "inner fails"));
    ck_assert_ptr_nonnull(strstr(m.log, "info lua:hooks: true\thello\n"));
    ck_assert_ptr_nonnull(strstr(m.log, "info lua:hooks: hello\ttrue\n"));
    mock_close(&m);
}
END_TEST

/* A wait does not cost budget, and a loop behind it does. */
static void burn(struct mock *mock, struct fct_call *call, uint32_t ms)
{
    volatile uint64_t left = (uint64_t)ms * 1000000;

    (void)mock;
    (void)call;
    while (left)
        left--;
}

START_TEST(waiting_is_free)
{
    load("hook { 'headers', function() for i = 1, 20 do sleep_ms(20) end print('rested') while "
         "true do end end }\n");
    m.sleeps = burn;
    mock_run(&m, FCT_HOOK_headers, NULL);
    ck_assert_ptr_nonnull(strstr(m.log, "rested"));
    ck_assert_ptr_nonnull(strstr(m.log, "processor budget exceeded"));
    mock_close(&m);
}
END_TEST

START_TEST(time_is_over)
{
    load("hook { 'edit', function(m) if not sleep_ms(5) then print(time_left_ms()) "
         "m:add_header('X-A', 'b') end end }\n");
    m.over = true;
    for (int i = 0; i < 30; i++) {
        mock_clear(&m);
        mock_run(&m, FCT_HOOK_edit, NULL);
        ck_assert_ptr_nonnull(strstr(m.log, "info lua:hooks: 0\n"));
        ck_assert_ptr_nonnull(strstr(m.log, "the callback's time is over"));
    }
    ck_assert_ptr_null(strstr(m.log, "rule_muted")); /* no fault of the rule */
    mock_close(&m);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lua_hooks");
    TCase *t = tcase_create("hooks");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_add_test(t, every_field);
    tcase_add_test(t, every_result);
    tcase_add_test(t, every_change);
    tcase_add_test(t, error_policy);
    tcase_add_test(t, edits);
    tcase_add_test(t, illegal_edits);
    tcase_add_test(t, deliver);
    tcase_add_test(t, texts_are_of_this_message);
    tcase_add_test(t, kept_objects_are_dead);
    tcase_add_test(t, callbacks_interleave);
    tcase_add_test(t, waiting_is_free);
    tcase_add_test(t, time_is_over);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
