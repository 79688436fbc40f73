/* test_lua_sandbox.c - known ways out of a Lua sandbox, and ways to make one hang or swell: none
 * works, the state goes on. */
#include "mock_host.h"

#include <check.h>
#include <stdlib.h>

static const char mail[] = "From: a@b.example\r\nSubject: hello\r\n\r\nbody\r\n";

/* Each is nil or raises; the rule says which by returning "nil" or failing with the text. */
/* clang-format off */
static const struct {
    const char *body, *want;
} escapes[] = {
    {"return tostring(load) .. tostring(loadstring) .. tostring(dofile) .. tostring(loadfile)", "EVAL=nilnilnilnil"},
    {"return tostring(io) .. tostring(os) .. tostring(package) .. tostring(debug) .. tostring(collectgarbage)", "EVAL=nilnilnilnilnil"},
    {"return tostring(string.dump) .. tostring(('').dump) .. tostring(string.pack) .. tostring(math.randomseed)", "EVAL=nilnilnilnil"},
    {"return tostring(coroutine.close) .. tostring(_G) .. tostring(warn) .. tostring(newproxy)", "EVAL=nilnilnilnil"},
    {"return getmetatable('')", "EVAL=locked"},
    {"return tostring(rawequal(getmetatable(''), string))", "EVAL=false"},
    {"getmetatable('').__index = {}", "attempt to index"},
    {"('x').rep = print", "attempt to index"},
    {"string.find = print", "'find' is read-only"},
    {"rawset(string, 'find', print)", "this table is read-only"},
    {"rawset(_ENV, 'x', 1)", "this table is read-only"},
    {"table.insert(string, print)", "this table is read-only"},
    {"table.move({1}, 1, 1, 1, math)", "this table is read-only"},
    {"table.sort(string)", "this table is read-only"},
    {"setmetatable(string, {})", "this table is read-only"},
    {"return getmetatable(string)", "EVAL=locked"},
    {"return getmetatable(m)", "EVAL=locked"},
    {"return getmetatable(m.from)", "EVAL=locked"},
    {"x = 1", "'x' is read-only here: write \"local x\""},
    {"_ENV.x = 1", "'x' is read-only here"},
    {"setmetatable({}, {__gc = function() end})", "__gc is not allowed"},
    {"local mt = {__gc = 1} setmetatable({}, mt) mt.__gc = function() end", "__gc is not allowed"},
    {"local mt = {} local t = setmetatable({}, mt) mt.__gc = function() end setmetatable(t, mt)", "__gc is not allowed"},
    {"local mt = setmetatable({}, {__index = {__gc = 1}}) setmetatable({}, mt) return 'no finalizer'", "EVAL=no finalizer"},
    {"return tostring({}) .. tostring(print) .. tostring(coroutine.create(print)) .. tostring(m)", "EVAL=tablefunctionthreaduserdata"},
    {"return tostring(json.null)", "EVAL=userdata"},
    {"return json.null.x", "json.null has no fields"},
    {"json.null.x = 1", "json.null has no fields"},
    {"return getmetatable(json.null)", "EVAL=locked"},
    {"m.header(m.conn, 'Subject')", "message expected, got conn"},
    {"m.header(m.html, 'Subject')", "message expected, got html"},
    {"m.header(json.null, 'Subject')", "message expected, got userdata"},
    {"m.conn.x = 1", "conn.x cannot be set"},
    {"return m.envelope.x", "envelope has no field 'x'"},
    {"return type(m) .. tostring(m == m.conn)", "EVAL=userdatafalse"},
    {"return tostring(coroutine.running())", "EVAL=nil"},
    {"local s = ('x'):rep(3, ',') return s .. ('%d'):format(5) .. ('ab'):upper() .. #('ab')", "EVAL=x,x,x5AB2"},
    {"return ({pcall(error, 'a')})[2] .. tostring(select('#', pcall(function() return 1, 2, 3 end)))", "EVAL=a4"},
    {"return ({xpcall(error, function(e) return e .. '!' end, 'a')})[2]", "EVAL=a!"},
    {"return ({xpcall(function(...) return select('#', ...) end, print, 1, 2, 3)})[2]", "EVAL=3"},
    {"local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b + 1 end) return co(1) .. co(5)", "EVAL=26"},
    {"local co = coroutine.wrap(function() return pcall(coroutine.yield, 7) end) return co() .. tostring(co('x'))", "EVAL=7true"},
    {"local co = coroutine.create(function() error('in') end) local ok, e = coroutine.resume(co) return tostring(ok) .. e:match('in$') .. coroutine.status(co)", "EVAL=falseindead"},
    {"local co co = coroutine.create(function() return coroutine.resume(co) end) return select(3, coroutine.resume(co))", "EVAL=cannot resume non-suspended coroutine"},
    {"local co = coroutine.create(print) coroutine.resume(co) return coroutine.status(co) .. select(2, coroutine.resume(co))", "EVAL=deadcannot resume dead coroutine"},
    {"return coroutine.yield(1)", "outside a coroutine"},
    {"local t = {3, 1, 2} table.sort(t) return table.concat(t) .. table.concat(t, '-', 2, 3)", "EVAL=1232-3"},
    {"local t = {} for i = 1, 300 do t[i] = (i * 7919) % 1000 end table.sort(t, function(a, b) return a > b end) for i = 2, 300 do if t[i - 1] < t[i] then return 'wrong' end end return t[1]", "EVAL=996"},
    {"table.sort({3, 1, 2, 5, 4}, function() return true end) return 'ended'", "EVAL=ended"},
    {"table.sort({1, 2, 3}, function() error('in sort') end)", "in sort"},
    {"table.sort({1, 'a'})", "attempt to compare"},
    {"local t = {1, 2, 3} table.insert(t, 2, 9) return table.concat(t) .. table.remove(t, 1) .. table.concat(t) .. table.remove(t) .. #table.pack(table.unpack(t))", "EVAL=1923192332"},
    {"table.insert({}, 5, 1)", "position out of bounds"},
    {"table.remove({1}, 7)", "position out of bounds"},
    {"table.concat({{}})", "invalid value (a table) at index 1"},
    {"return table.concat(table.move({1, 2, 3}, 2, 3, 1)) .. table.concat(table.move({1, 2, 3}, 1, 3, 2))", "EVAL=2331123"},
    {"('a'):gsub('a', function() error('in gsub') end)", "in gsub"},
    {"return (('abc'):gsub('%w', {a = '1', b = true}))", "invalid replacement value (a boolean)"},
    {"error({})", "error object is a table value"},
    {"error()", "error object is a nil value"},
};

static const struct {
    const char *body, *want;
} loops[] = {
    {"while true do end", "processor budget exceeded"},
    {"while true do pcall(function() while true do end end) end", "processor budget exceeded"},
    {"while true do pcall(error) end", "processor budget exceeded"},
    {"while true do xpcall(function() while true do end end, function() while true do end end) end", "processor budget exceeded"},
    {"xpcall(function() error('x') end, function() while true do end end)", "processor budget exceeded"},
    {"repeat local co = coroutine.wrap(function() while true do end end) pcall(co) until false", "processor budget exceeded"},
    {"local co = coroutine.create(function() while true do coroutine.yield() end end) while true do coroutine.resume(co) end", "processor budget exceeded"},
    {"local function f() local x <close> = setmetatable({}, {__close = function() while true do end end}) while true do end end f()", "processor budget exceeded"},
    {"coroutine.wrap(function() local x <close> = setmetatable({}, {__close = function() while true do end end}) while true do end end)()", "processor budget exceeded"},
    {"coroutine.wrap(function() local x <close> = setmetatable({}, {__close = function() while true do end end}) error('x') end)()", "processor budget exceeded"},
    {"table.sort({1, 2, 3}, function() while true do end end)", "processor budget exceeded"},
    {"local t = {} for i = 1, 200000 do t[i] = i end while true do table.sort(t) end", "processor budget exceeded"},
    {"table.move({}, 1, 1 << 50, 2)", "processor budget exceeded"},
    {"('a'):gsub('a', function() while true do end end)", "processor budget exceeded"},
    {"for i = 1, 1e9 do ('x'):rep(1000000):reverse() end", "processor budget exceeded"},
    {"local function f() local x <close> = setmetatable({}, {__close = f}) end f()", "overflow|processor budget exceeded"},
    {"local mt = {} mt.__call = mt local t = setmetatable(mt, mt) t()", "processor budget exceeded"},
    {"local mt = {} mt.__call = mt local t = setmetatable(mt, mt) while true do pcall(t) end", "processor budget exceeded"},
};

/* Not meant to end by time: run with a budget that a slow machine keeps too. */
static const struct {
    const char *body, *want;
} swells[] = {
    {"return ('a'):rep(30000):find('.-.-.-b')", "pattern too costly"},
    {"return ('a'):rep(300):find(('a-'):rep(4) .. 'b')", "pattern too costly"},
    {"return ('a'):rep(200000):find('a*a*a*a*b')", "pattern too costly"},
    {"return ('a'):rep(30):match(('(.-)'):rep(12) .. 'b')", "pattern too costly"},
    {"for x in ('a'):rep(30000):gmatch('.-.-.-b') do end", "pattern too costly"},
    {"return ('a'):rep(30000):gsub('.-.-.-b', '')", "pattern too costly"},
    {"return (''):rep(1 << 60)", "EVAL="},
    {"return #(''):rep(1 << 60, '')", "EVAL=0"},
    {"return ('x'):rep(1 << 60)", "not enough memory"},
    {"return ('x'):rep(64 << 20)", "not enough memory"},
    {"local s = 'x' while true do s = s .. s end", "not enough memory"},
    {"local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(10000) .. i end", "not enough memory"},
    {"local t = {} for i = 1, 1e9 do t[i] = coroutine.create(print) end", "not enough memory"},
    {"local t = {} while true do t = {t} end", "not enough memory"},
    {"local t = {} for i = 1, 2000 do t[i] = ('x'):rep(10000) end return #table.concat(t)", "not enough memory"},
    {"local function f() return f() + 1 end return f()", "stack overflow|not enough memory"},
    {"local function f() pcall(f) end f() return 'ended'", "EVAL=ended"},
    {"local function f(a) return (('a'):gsub('a', f)) end return f()", "overflow"},
    {"local t = setmetatable({}, {}) getmetatable(t).__index = function(_, k) return t[k + 1] end return t[1]", "overflow"},
    {"local mt = {} mt.__concat = function(a, b) return a .. b end local t = setmetatable({}, mt) return t .. t", "overflow"},
    {"local mt = {} mt.__lt = function(a, b) return a < b end local t = setmetatable({}, mt) return t < t", "overflow"},
    {"local mt = {} mt.__tostring = function(t) return ('%s'):format(t) end return tostring(setmetatable({}, mt))", "overflow"},
    {"local function f() table.sort({1, 2}, f) end f()", "overflow"},
    {"local function f() coroutine.wrap(f)() end f()", "overflow"},
    {"return table.unpack({}, 1, 1e8)", "too many results to unpack"},
    {"return ('x'):rep(1e7):byte(1, -1)", "string slice too long|stack overflow|not enough memory"},
    {"return ('%99999d'):format(1)", "invalid conversion|invalid format"},
};
/* clang-format on */

/* `want` may list several texts, one of which is to be found: which limit is met first depends on
 * the machine. */
static bool is_wanted(const char *got, const char *want)
{
    struct fct_str rest = {want, strlen(want)};

    if (strncmp(want, "EVAL=", 5) == 0)
        return strcmp(got, want) == 0;
    while (rest.p) {
        const char *bar = memchr(rest.p, '|', rest.n);
        size_t n = bar ? (size_t)(bar - rest.p) : rest.n;
        if (memmem(got, strlen(got), rest.p, n))
            return strncmp(got, "failed: ", 8) == 0;
        rest = bar ? (struct fct_str){bar + 1, rest.n - n - 1} : (struct fct_str){NULL, 0};
    }
    return false;
}

START_TEST(no_escape)
{
    struct mock m;

    mock_open(&m);
    for (size_t i = 0; i < FCT_COUNT(escapes); i++) {
        const char *got = mock_eval(&m, mail, escapes[i].body);
        ck_assert_msg(is_wanted(got, escapes[i].want), "%s: got %s, want %s", escapes[i].body, got,
                      escapes[i].want);
    }
    mock_close(&m);
}
END_TEST

START_TEST(no_loop)
{
    struct mock m;

    mock_open(&m);
    for (size_t i = 0; i < FCT_COUNT(loops); i++) {
        const char *got = mock_eval(&m, mail, loops[i].body);
        ck_assert_msg(is_wanted(got, loops[i].want), "%s: got %s, want %s", loops[i].body, got,
                      loops[i].want);
    }
    mock_close(&m);
}
END_TEST

START_TEST(no_swelling)
{
    struct mock m;

    mock_open(&m);
    mock_set(&m, "budget", "60s");
    for (size_t i = 0; i < FCT_COUNT(swells); i++) {
        const char *got = mock_eval(&m, mail, swells[i].body);
        ck_assert_msg(is_wanted(got, swells[i].want), "%s: got %s, want %s", swells[i].body, got,
                      swells[i].want);
    }
    mock_close(&m);
}
END_TEST

/* One state: rules that fail in every way leave it in order for the next. */
START_TEST(neighbours_go_on)
{
    struct mock m;

    mock_open(&m);
    mock_set(&m, "mute_after", "0");
    mock_rules(&m, "bad.lua",
               "rule { 'LOOP', function() while true do end end }\n"
               "rule { 'SWELL', function() local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(9999) "
               ".. i end end }\n"
               "rule { 'DEEP', function() local function f() return f() + 1 end return f() end }\n"
               "local kept\n"
               "rule { 'KEEP', function() kept = kept or coroutine.wrap(function() while true do "
               "coroutine.yield() end end) kept() end }\n");
    mock_rules(&m, "good.lua",
               "rule { 'GOOD', function(m) return #m.subject:gsub('l', 'L') end }\n");
    ck_assert_msg(mock_start(&m), "%s", m.err.text);
    mock_message(&m, mail);
    for (int i = 0; i < 5; i++) {
        mock_clear(&m);
        mock_run(&m, FCT_HOOK_scan, NULL);
        ck_assert_str_eq(m.hits, "GOOD=5");
        ck_assert_ptr_nonnull(strstr(m.log, "rule_failed LOOP"));
        ck_assert_ptr_nonnull(strstr(m.log, "rule_failed SWELL"));
        ck_assert_ptr_nonnull(strstr(m.log, "rule_failed DEEP"));
        ck_assert_ptr_null(strstr(m.log, "rule_failed KEEP"));
    }
    mock_close(&m);
}
END_TEST

/* All rules together stay under state_memory, whatever they keep; then callbacks fail, and nothing
 * else does. */
START_TEST(kept_memory)
{
    struct mock m;
    bool failed = false;

    mock_open(&m);
    mock_set(&m, "state_memory", "8M");
    mock_set(&m, "mute_after", "0");
    mock_rules(&m, "hoard.lua",
               "local kept = {}\nrule { 'HOARD', function() kept[#kept + 1] = ('x'):rep(1 << 20) "
               ".. #kept end }\n");
    ck_assert_msg(mock_start(&m), "%s", m.err.text);
    mock_message(&m, mail);
    for (int i = 0; i < 20; i++) {
        mock_clear(&m);
        mock_run(&m, FCT_HOOK_scan, NULL);
        failed = failed || strstr(m.log, "not enough memory");
    }
    ck_assert(failed);
    mock_close(&m);
}
END_TEST

/* Everything lua_api.def promises of Lua's own library is there. */
static const struct {
    const char *library, *names;
} stock[] = {
#define STOCK(library, names) {#library, names},
#include "lua/engine/lua_api.def"
};

START_TEST(promised_library)
{
    struct mock m;
    char body[256];

    mock_open(&m);
    for (size_t i = 0; i < FCT_COUNT(stock); i++)
        for (const char *at = stock[i].names; *at; at += strspn(at, " ")) {
            size_t n = strcspn(at, " ");
            bool base = strcmp(stock[i].library, "base") == 0;
            snprintf(body, sizeof body, "return %s%s%.*s ~= nil", base ? "" : stock[i].library,
                     base ? "" : ".", (int)n, at);
            ck_assert_msg(strcmp(mock_eval(&m, mail, body), "EVAL=") == 0, "%s", body);
            at += n;
        }
    mock_close(&m);
}
END_TEST

/* The traceback names file and line, on one line. */
START_TEST(traceback)
{
    struct mock m;
    const char *got;

    mock_open(&m);
    got = mock_eval(
        &m, mail,
        "local function deep() error('here') end\nlocal function upper() deep() end\nupper()");
    ck_assert_ptr_nonnull(strstr(got, "eval.lua:2: here (called from "));
    ck_assert_ptr_nonnull(strstr(got, "eval.lua:3, "));
    ck_assert_ptr_nonnull(strstr(got, "eval.lua:4)"));
    mock_close(&m);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lua_sandbox");
    TCase *t = tcase_create("sandbox");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_add_test(t, no_escape);
    tcase_add_test(t, no_loop);
    tcase_add_test(t, no_swelling);
    tcase_add_test(t, neighbours_go_on);
    tcase_add_test(t, kept_memory);
    tcase_add_test(t, traceback);
    tcase_add_test(t, promised_library);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
