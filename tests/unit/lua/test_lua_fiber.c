/* test_lua_fiber.c - many callbacks at once, each in a fiber of its own: waits inside coroutines,
 * pcall, sort and gsub; errors and budget stops of some leave the others alone. */
#include "mock_host.h"

#include "core/fiber/fiber.h"
#include <check.h>
#include <event2/event.h>
#include <stdlib.h>

#define FIBERS 60

static const char rules[] =
    "local running, most = 0, 0\n"
    "local function nap() sleep_ms(1) end\n"
    "local ways = {\n"
    "  function() nap() return 'plain' end,\n"
    "  function() return select(2, pcall(function() nap() return 'pcall' end)) end,\n"
    "  function() return coroutine.wrap(function() nap() coroutine.yield() nap() end)() or "
    "'coroutine' end,\n"
    "  function() local t = {3, 1, 2} table.sort(t, function(a, b) nap() return a < b end) return "
    "table.concat(t) end,\n"
    "  function() return (('abc'):gsub('%w', function(c) nap() return c:upper() end)) end,\n"
    "  function() return setmetatable({}, {__index = function(_, k) nap() return k end}).index "
    "end,\n"
    "  function() nap() error('fails after its nap') end,\n"
    "  function() nap() while true do end end,\n"
    "  function() nap() local s = 'x' while true do s = s .. s end end,\n"
    "}\n"
    "hook { 'connect', function(c, ev)\n"
    "  running = running + 1\n"
    "  if running > most then most = running end\n"
    "  local ok, result = pcall(ways[c.port % #ways + 1])\n"
    "  running = running - 1\n"
    "  log.info('%d %s %s', c.port, ok, tostring(result):match('[^:]*$'))\n"
    "end }\n"
    "hook { 'disconnect', function() log.info('most %d', most) end }\n";

static struct mock shared;
static struct event_base *base;

/* Each fiber has its own connection: a mock of its own with the shared plugin's rows. */
struct client {
    struct mock mock;
    unsigned number;
};

static void naps(struct mock *m, struct fct_call *call, uint32_t ms)
{
    (void)m;
    (void)call;
    (void)fiber_sleep(ms);
}

static void run_client(void *arg)
{
    struct client *c = arg;

    c->mock.conn.client_port = c->number;
    ck_assert_int_eq(mock_run_row(&c->mock, &shared.row[0], NULL), FCT_NEXT);
}

static void run_all(void *arg)
{
    struct client *clients = arg;
    struct fiber_group group = {0};

    for (unsigned i = 0; i < FIBERS; i++)
        fiber_group_run(&group, run_client, &clients[i]);
    fiber_group_wait(&group);
    event_base_loopbreak(base);
}

START_TEST(many_at_once)
{
    static const char *const want[] = {"true plain",
                                       "true pcall",
                                       "true coroutine",
                                       "true 123",
                                       "true ABC",
                                       "true index",
                                       "false  fails after its nap",
                                       NULL /* stopped: nothing is logged but the failure */,
                                       "false not enough memory"};
    struct client *clients = calloc(FIBERS, sizeof *clients);
    struct fct_err err = {0};
    char line[128];

    base = event_base_new();
    mock_open(&shared);
    mock_set(&shared, "mute_after", "0");
    mock_rules(&shared, "fibers.lua", rules);
    ck_assert_msg(mock_start(&shared), "%s", shared.err.text);
    ck_assert_msg(fiber_setup(base, 256 << 10, 16, &err), "%s", err.text);
    for (unsigned i = 0; i < FIBERS; i++) {
        clients[i].number = i;
        clients[i].mock.sleeps = naps;
    }
    fiber_start(run_all, clients);
    event_base_dispatch(base);
    for (unsigned i = 0; i < FIBERS; i++) {
        const char *expected = want[i % FCT_COUNT(want)];
        snprintf(line, sizeof line, "info lua:fibers: %u %s\n", i, expected ? expected : "");
        if (expected)
            ck_assert_msg(strcmp(clients[i].mock.log, line) == 0, "%u: %s", i, clients[i].mock.log);
        else
            ck_assert_msg(strstr(clients[i].mock.log, "processor budget exceeded"), "%u: %s", i,
                          clients[i].mock.log);
    }
    mock_run(&shared, FCT_HOOK_disconnect, NULL);
    ck_assert_int_gt(atoll(strstr(shared.log, "most ") + 5),
                     FIBERS / 2); /* they really were there together */
    mock_close(&shared);
    fiber_teardown();
    event_base_free(base);
    free(clients);
}
END_TEST

/* The deepest nesting that a script can make fits the stack a filter's fiber has. */
static const char *const nestings[] = {
    "local mt = {} mt.__concat = function(a, b) return a .. b end local t = setmetatable({}, mt) "
    "return t .. t",
    "local function f(a) return (('a'):gsub('a', f)) end return f()",
    "local function f() pcall(f) end f()",
    "local function f() coroutine.wrap(f)() end f()",
    "local mt = {} mt.__tostring = function(t) return ('%s'):format(t) end return "
    "tostring(setmetatable({}, mt))",
    "local mt = {} mt.__index = function(t, k) return (('a'):gsub('a', function() return t[k .. "
    "'x'] end)) end return setmetatable({}, mt).x",
    "local r = re.compile('a') local function f() return (r:gsub('a', f)) end return f()",
    "local function f() wait_all(f, f) end f()",
    "local function f() spawn(f) pcall(f) end f()",
    "local t = {} for i = 1, 60 do t = {t} end return json.encode(t)",
    "return #json.decode(('['):rep(60) .. (']'):rep(60))",
    "local mt = {} mt.__concat = function(a, b) return pcall(function() return a .. b end) and a "
    ".. b end local t = setmetatable({}, mt) return t .. t",
};

static void run_nestings(void *arg)
{
    struct mock *m = arg;

    mock_message(m, "Subject: x\r\n\r\n");
    for (size_t i = 0; i < m->rows; i++)
        mock_run_row(m, &m->row[i], NULL);
}

START_TEST(deep_nesting)
{
    struct fct_err err = {0};
    char text[4096] = "";
    size_t n = 0;

    base = event_base_new();
    for (size_t i = 0; i < FCT_COUNT(nestings); i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "rule { 'R%zu', function() %s end }\n", i,
                              nestings[i]);
    mock_open(&shared);
    mock_rules(&shared, "deep.lua", text);
    ck_assert_msg(mock_start(&shared), "%s", shared.err.text);
    ck_assert_msg(fiber_setup(base, 192 << 10, 1, &err), "%s", err.text);
    fiber_start(run_nestings, &shared); /* never waits: it has ended when this returns */
    ck_assert_ptr_nonnull(strstr(shared.log, "rule_failed R0"));
    mock_close(&shared);
    fiber_teardown();
    event_base_free(base);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lua_fiber");
    TCase *t = tcase_create("fiber");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_add_test(t, many_at_once);
    tcase_add_test(t, deep_nesting);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
